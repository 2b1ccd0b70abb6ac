package routellm

/*
#include "glue.h"
*/
import "C"

import (
	"math"
	"strings"
	"time"
)

// Mode is the mathematics that a router follows. Routers that know one mode take either.
type Mode int32

// The modes.
const (
	// Exact is the mathematically right one, and the default.
	Exact Mode = C.ROUTELLM_MODE_EXACT
	// Reference is that of lm-sys/RouteLLM, to the digit where that is possible.
	Reference Mode = C.ROUTELLM_MODE_REFERENCE
)

// OutOfDistribution says what is decided for a prompt that no vote resembles.
type OutOfDistribution int32

// What is decided for a prompt that no vote resembles.
const (
	// Ignore lets the win rate decide as for any prompt. The default.
	Ignore OutOfDistribution = C.ROUTELLM_OUT_OF_DISTRIBUTION_IGNORE
	// AbstainToStrong decides for the strong model.
	AbstainToStrong OutOfDistribution = C.ROUTELLM_OUT_OF_DISTRIBUTION_STRONG
	// AbstainToWeak decides for the weak model.
	AbstainToWeak OutOfDistribution = C.ROUTELLM_OUT_OF_DISTRIBUTION_WEAK
)

// Read is what of a chat is read.
type Read int32

// What of a chat is read.
const (
	// LastUser is the newest user message that has text. The default, unless the artifact says otherwise.
	LastUser Read = C.ROUTELLM_READ_LAST_USER
	// AllUser is every user message that has text, oldest first, joined by newlines.
	AllUser Read = C.ROUTELLM_READ_ALL_USER
	// Conversation is every message that has text, whatever its role, oldest first, joined by newlines.
	Conversation Read = C.ROUTELLM_READ_CONVERSATION
)

// AllClusters is for [WithOpenClusters]: every vote is read, for the exact answer.
const AllClusters = math.MaxInt

// An OpenOption changes how a router is opened. One that has no effect on the router is an error.
type OpenOption func(*openOptions)

type openOptions struct {
	strong, weak, onnxRuntime *string
	mode                      Mode
	read                      *Read
	onFallback                func(FallbackWarning)
	onDecision                func(DecisionEvent)
	sessions, intraThreads    *int
	maxWaiting                *int
	throughput                bool
	outOfDistribution         *OutOfDistribution
	minSimilarity             *float64
	openClusters              *int
	errorTarget               *float64
	mmap                      *string
	runtime                   runtimeOptions
	export                    exportOptions
}

// WithStrong names the strong model, one of the artifact's candidates.
func WithStrong(model string) OpenOption {
	return func(o *openOptions) { o.strong = &model }
}

// WithWeak names the weak model, one of the artifact's candidates.
// A router with votes refuses two models of one tier, which would get one half on every prompt, unless its mode is
// [Reference].
func WithWeak(model string) OpenOption {
	return func(o *openOptions) { o.weak = &model }
}

// WithMode sets the mode.
func WithMode(mode Mode) OpenOption {
	return func(o *openOptions) { o.mode = mode }
}

// WithDefaultRead sets what of a chat is read, unless a call says otherwise by [WithRead]; what the artifact says by
// default. Routers of prompts only.
func WithDefaultRead(read Read) OpenOption {
	return func(o *openOptions) { o.read = &read }
}

// WithFallbackHandler sets who hears of fallbacks: the first of a kind of error, and at most one a minute after it. The
// handler runs in a goroutine of its own, and several may run at once.
func WithFallbackHandler(handler func(FallbackWarning)) OpenOption {
	return func(o *openOptions) { o.onFallback = handler }
}

// WithONNXRuntime names the file of libonnxruntime. Without it the library is looked for.
func WithONNXRuntime(path string) OpenOption {
	return func(o *openOptions) { o.onnxRuntime = &path }
}

// WithSessions sets the number of ONNX sessions, which run side by side: 1 to 256, 1 by default.
func WithSessions(count int) OpenOption {
	return func(o *openOptions) { o.sessions = &count }
}

// WithIntraThreads sets the number of threads inside one ONNX session: 1 to 256, by default the smaller of the
// number of cores and 4. A router with votes reads them with as many, by default with one.
func WithIntraThreads(count int) OpenOption {
	return func(o *openOptions) { o.intraThreads = &count }
}

// WithThroughput opens one single-threaded ONNX session for each core: most requests a second for many callers.
func WithThroughput() OpenOption {
	return func(o *openOptions) { o.throughput = true }
}

// WithMaxWaiting lets at most so many calls wait for an ONNX session, a batch counting once; any number by default.
// Beyond it a call fails at once with [ResourceExhausted], or is a fallback if [WithOnError] says so. Routers with
// sessions only.
func WithMaxWaiting(calls int) OpenOption {
	return func(o *openOptions) { o.maxWaiting = &calls }
}

// WithOutOfDistribution sets what is decided for a prompt that no vote resembles. A strong share of 0
// or 1 and a threshold above 1 still send nothing, everything and nothing to the strong model. Routers with votes only.
func WithOutOfDistribution(decision OutOfDistribution) OpenOption {
	return func(o *openOptions) { o.outOfDistribution = &decision }
}

// WithMinSimilarity makes a prompt out of distribution whose largest cosine similarity to any vote is below
// similarity, in [-1, 1]. Without it, only a prompt is whose every similarity is 0 or less. Routers with votes only.
func WithMinSimilarity(similarity float64) OpenOption {
	return func(o *openOptions) { o.minSimilarity = &similarity }
}

// MapStore says whether a store of votes is read into memory when opening, or mapped.
type MapStore string

// Whether a store of votes is read or mapped. A mapped store is shared between processes, and its file must not change
// while the router lives: replace it by a rename, never overwrite or truncate it, which can end the process.
const (
	// MapAuto reads stores of up to 256 MB into memory and maps larger ones. The default.
	MapAuto MapStore = "auto"
	// MapAlways maps the store.
	MapAlways MapStore = "always"
	// MapNever reads the store into memory.
	MapNever MapStore = "never"
)

// WithMmap sets whether the store of votes is read into memory or mapped. Routers with votes only.
func WithMmap(which MapStore) OpenOption {
	return func(o *openOptions) { o.mmap = (*string)(&which) }
}

// WithOpenClusters reads the votes of this many of the nearest clusters one by one: at least 1, or [AllClusters].
// Together with [WithErrorTarget] it is refused. Clustered stores only.
func WithOpenClusters(count int) OpenOption {
	return func(o *openOptions) { o.openClusters = &count }
}

// WithErrorTarget reads clusters until the estimated error of a win rate is at most this, in (0, 1].
// Together with [WithOpenClusters] it is refused. Clustered stores only.
func WithErrorTarget(target float64) OpenOption {
	return func(o *openOptions) { o.errorTarget = &target }
}

// cOpenOptions are the options for C. The caller frees them.
func cOpenOptions(wanted *openOptions) (*C.routellm_open_options, error) {
	out := C.routellm_open_options_new()
	if err := wanted.apply(out); err != nil {
		C.routellm_open_options_free(out)
		return nil, err
	}
	return out, nil
}

func (o *openOptions) apply(out *C.routellm_open_options) error {
	var cerr *C.routellm_error
	if o.throughput {
		if status := C.routellm_open_options_set_throughput(out, &cerr); status != C.ROUTELLM_OK {
			return failure(nil, status, cerr)
		}
	}
	if status := C.routellm_open_options_set_mode(out, C.int32_t(o.mode), &cerr); status != C.ROUTELLM_OK {
		return failure(nil, status, cerr)
	}
	if o.read != nil {
		if status := C.routellm_open_options_set_read(out, C.int32_t(*o.read), &cerr); status != C.ROUTELLM_OK {
			return failure(nil, status, cerr)
		}
	}
	if err := setTexts(&cerr, []textOption{
		{"strong", o.strong, func(s *C.char) C.routellm_status {
			return C.routellm_open_options_set_strong(out, s, &cerr)
		}},
		{"weak", o.weak, func(s *C.char) C.routellm_status {
			return C.routellm_open_options_set_weak(out, s, &cerr)
		}},
		{"ONNX Runtime", o.onnxRuntime, func(s *C.char) C.routellm_status {
			return C.routellm_open_options_set_onnxruntime(out, s, &cerr)
		}},
	}); err != nil {
		return err
	}
	if err := setCounts(&cerr, []countOption{
		{"sessions", "1 to 256", o.sessions, func(n C.size_t) C.routellm_status {
			return C.routellm_open_options_set_sessions(out, n, &cerr)
		}},
		{"intra_threads", "1 to 256", o.intraThreads, func(n C.size_t) C.routellm_status {
			return C.routellm_open_options_set_intra_threads(out, n, &cerr)
		}},
		{"max_waiting", "0 or more", o.maxWaiting, func(n C.size_t) C.routellm_status {
			return C.routellm_open_options_set_max_waiting(out, n, &cerr)
		}},
	}); err != nil {
		return err
	}
	if err := o.runtime.apply(out); err != nil {
		return err
	}
	if err := o.export.apply(out); err != nil {
		return err
	}
	return o.applyVotes(out)
}

// applyVotes sets the options of routers with votes.
func (o *openOptions) applyVotes(out *C.routellm_open_options) error {
	var cerr *C.routellm_error
	if o.outOfDistribution != nil {
		status := C.routellm_open_options_set_out_of_distribution(out, C.int32_t(*o.outOfDistribution), &cerr)
		if status != C.ROUTELLM_OK {
			return failure(nil, status, cerr)
		}
	}
	if o.minSimilarity != nil {
		status := C.routellm_open_options_set_min_similarity(out, C.double(*o.minSimilarity), &cerr)
		if status != C.ROUTELLM_OK {
			return failure(nil, status, cerr)
		}
	}
	if err := setTexts(&cerr, []textOption{
		{"mmap", o.mmap, func(s *C.char) C.routellm_status {
			return C.routellm_open_options_set_mmap(out, s, &cerr)
		}},
	}); err != nil {
		return err
	}
	if o.openClusters != nil {
		count := C.size_t(C.SIZE_MAX)
		if *o.openClusters < 0 {
			return invalid("open_clusters is %d, expected at least 1, or AllClusters", *o.openClusters)
		}
		if *o.openClusters != AllClusters {
			count = C.size_t(*o.openClusters)
		}
		if status := C.routellm_open_options_set_open_clusters(out, count, &cerr); status != C.ROUTELLM_OK {
			return failure(nil, status, cerr)
		}
	}
	if o.errorTarget != nil {
		status := C.routellm_open_options_set_error_target(out, C.double(*o.errorTarget), &cerr)
		if status != C.ROUTELLM_OK {
			return failure(nil, status, cerr)
		}
	}
	return nil
}

// A textOption is set by its text, unless that is nil.
type textOption struct {
	name  string
	value *string
	set   func(*C.char) C.routellm_status
}

// setTexts sets those that were given; what goes wrong is in cerr.
func setTexts(cerr **C.routellm_error, options []textOption) error {
	for _, option := range options {
		if option.value == nil {
			continue
		}
		if err := withCString(option.name, *option.value, func(s *C.char) error {
			if status := option.set(s); status != C.ROUTELLM_OK {
				return failure(nil, status, *cerr)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// A countOption is set by its number, unless that is nil.
type countOption struct {
	name, expected string
	value          *int
	set            func(C.size_t) C.routellm_status
}

// setCounts sets those that were given. C has no negative counts; all else is checked there.
func setCounts(cerr **C.routellm_error, options []countOption) error {
	for _, option := range options {
		if option.value == nil {
			continue
		}
		if *option.value < 0 {
			return invalid("%s is %d, expected %s", option.name, *option.value, option.expected)
		}
		if status := option.set(C.size_t(*option.value)); status != C.ROUTELLM_OK {
			return failure(nil, status, *cerr)
		}
	}
	return nil
}

// withCString calls f with a C string of text, which must be one: C would cut it at a NUL.
func withCString(name, text string, f func(*C.char) error) error {
	if strings.IndexByte(text, 0) >= 0 {
		return invalid("%s holds a NUL: %q", name, text)
	}
	s := C.CString(text)
	defer C.free(ptr(s))
	return f(s)
}

// OnError says what a call does when a prompt cannot be scored.
type OnError int32

// What a call does when a prompt cannot be scored.
const (
	// Raise returns the error. The default.
	Raise OnError = C.ROUTELLM_ON_ERROR_RAISE
	// FallBackToStrong decides for the strong model.
	FallBackToStrong OnError = C.ROUTELLM_ON_ERROR_STRONG
	// FallBackToWeak decides for the weak model.
	FallBackToWeak OnError = C.ROUTELLM_ON_ERROR_WEAK
)

// A RouteOption changes one call. It is a value, so that a call with options allocates nothing for them.
type RouteOption struct {
	kind  optionKind
	value float64
}

type optionKind int8

const (
	optionThreshold optionKind = iota + 1
	optionStrongShare
	optionOnError
	optionTimeout
	optionRead
)

// WithThreshold decides for the strong model if and only if the win rate is at least threshold, in [0, 1]. The
// next number above 1 is taken too, and sends nothing to it, whatever the prompt.
func WithThreshold(threshold float64) RouteOption {
	return RouteOption{optionThreshold, threshold}
}

// WithStrongShare decides by the threshold at which this share of the artifact's calibration sample goes to the
// strong model, in [0, 1], or the nearest that some threshold reaches ([Router.Share] tells which). 0 sends nothing to the
// strong model and 1 everything, whatever the prompt and whatever [WithOutOfDistribution] says; only [WithOnError] may
// decide otherwise. It excludes [WithThreshold].
func WithStrongShare(share float64) RouteOption {
	return RouteOption{optionStrongShare, share}
}

// WithOnError sets what happens when a prompt cannot be scored, a chat has no text or a text is not Unicode. Wrong options are errors all the same, and so is
// the end of the context.
func WithOnError(onError OnError) RouteOption {
	return RouteOption{optionOnError, float64(onError)}
}

// WithTimeout sets the longest time of the whole call, above 0. A prompt that is not scored by then is an error of kind
// [ResourceExhausted], or a fallback if [WithOnError] says so; the end of the context is an error always.
func WithTimeout(timeout time.Duration) RouteOption {
	return RouteOption{optionTimeout, float64(timeout) / float64(time.Millisecond)}
}

// WithRead sets what of a chat is read, instead of what the artifact says. Not for embeddings.
func WithRead(read Read) RouteOption {
	return RouteOption{optionRead, float64(read)}
}

// cRouteOptions are the options as the C helpers take them. Everything is checked by the library.
func cRouteOptions(options []RouteOption) (C.go_route_options, error) {
	wanted := C.go_route_options{is_default: 1}
	for _, option := range options {
		wanted.is_default = 0
		switch option.kind {
		case optionThreshold:
			wanted.threshold, wanted.has_threshold = C.double(option.value), 1
		case optionStrongShare:
			wanted.strong_share, wanted.has_strong_share = C.double(option.value), 1
		case optionOnError:
			wanted.on_error = C.int32_t(option.value)
		case optionRead:
			wanted.read, wanted.has_read = C.int32_t(option.value), 1
		case optionTimeout:
			wanted.timeout_ms, wanted.has_timeout = C.double(option.value), 1
		default:
			return wanted, invalid("a RouteOption is empty: use the With functions")
		}
	}
	return wanted, nil
}
