//go:build !routellm_noconfig

package routellm

// #cgo pkg-config: routellm
import "C"
