//go:build routellm_noconfig

package routellm

// #cgo LDFLAGS: -lroutellm
import "C"
