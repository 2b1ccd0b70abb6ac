//go:build cgo && !routellm_purego && routellm_noconfig

package capi

// #cgo LDFLAGS: -lroutellm
import "C"
