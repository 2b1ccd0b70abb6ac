//go:build !cgo && !routellm_purego

package capi

// Cgo is off (CGO_ENABLED=0, or no C compiler). Build with -tags routellm_purego, which needs none, or with
// CGO_ENABLED=1.
const _ = cgo_is_off__build_with_the_tag_routellm_purego_or_with_CGO_ENABLED_1
