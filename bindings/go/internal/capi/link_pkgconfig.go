//go:build cgo && !routellm_purego && !routellm_noconfig

package capi

// #cgo pkg-config: routellm
import "C"
