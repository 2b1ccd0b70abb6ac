package routellm

/*
#include "glue.h"
*/
import "C"

// Provider says where ONNX models run.
type Provider string

// The providers.
const (
	// CPU is the processor, and the default.
	CPU Provider = "cpu"
	// CUDA is an NVIDIA GPU; opening fails with [RuntimeUnavailable] if it cannot be had.
	CUDA Provider = "cuda"
	// Auto is an NVIDIA GPU if it can be had, else the processor; [RuntimeInfo] tells which.
	Auto Provider = "auto"
)

// Preset stands for numbers of sessions and threads that belong together.
type Preset string

// The presets.
const (
	// Latency is one session with a thread for each core, four at most: the shortest time for one caller.
	Latency Preset = "latency"
	// Throughput is one single-threaded session for each core: most requests a second for many callers.
	Throughput Preset = "throughput"
)

type runtimeOptions struct {
	provider, preset *string
	deviceID         *uint32
	memoryLimit      *uint64
	tf32             *bool
}

// WithProvider sets where ONNX models run.
func WithProvider(provider Provider) OpenOption {
	return func(o *openOptions) { o.runtime.provider = (*string)(&provider) }
}

// WithDeviceID sets which GPU, from 0. Providers [CUDA] and [Auto] only.
func WithDeviceID(device uint32) OpenOption {
	return func(o *openOptions) { o.runtime.deviceID = &device }
}

// WithMemoryLimit sets the bytes of GPU memory that the sessions' arena may take, at least 1. Without it, the arena has
// no limit of its own. Providers [CUDA] and [Auto] only.
func WithMemoryLimit(bytes uint64) OpenOption {
	return func(o *openOptions) { o.runtime.memoryLimit = &bytes }
}

// WithTF32 sets whether a GPU may compute float32 in TF32: faster, with 10 bits of mantissa, so that win rates differ from
// those of the processor by about 1e-3. It does not by default. Providers [CUDA] and [Auto] only.
func WithTF32(on bool) OpenOption {
	return func(o *openOptions) { o.runtime.tf32 = &on }
}

// WithPreset sets the numbers of sessions and threads by name. It excludes [WithSessions] and [WithIntraThreads].
func WithPreset(preset Preset) OpenOption {
	return func(o *openOptions) { o.runtime.preset = (*string)(&preset) }
}

func (o *runtimeOptions) apply(out *C.routellm_open_options) error {
	var cerr *C.routellm_error
	if o.deviceID != nil {
		status := C.routellm_open_options_set_device_id(out, C.uint32_t(*o.deviceID), &cerr)
		if status != C.ROUTELLM_OK {
			return failure(nil, status, cerr)
		}
	}
	if o.memoryLimit != nil {
		status := C.routellm_open_options_set_memory_limit(out, C.uint64_t(*o.memoryLimit), &cerr)
		if status != C.ROUTELLM_OK {
			return failure(nil, status, cerr)
		}
	}
	if o.tf32 != nil {
		var on C.int32_t
		if *o.tf32 {
			on = 1
		}
		if status := C.routellm_open_options_set_tf32(out, on, &cerr); status != C.ROUTELLM_OK {
			return failure(nil, status, cerr)
		}
	}
	return setTexts(&cerr, []textOption{
		{"provider", o.provider, func(s *C.char) C.routellm_status {
			return C.routellm_open_options_set_provider(out, s, &cerr)
		}},
		{"preset", o.preset, func(s *C.char) C.routellm_status {
			return C.routellm_open_options_set_preset(out, s, &cerr)
		}},
	})
}
