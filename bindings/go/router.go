package routellm

/*
#include "glue.h"
*/
import "C"

import (
	"encoding/json"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// Version is the version of the library that is loaded, as in "0.1.0".
func Version() string {
	return C.GoString(C.routellm_version())
}

// A Router decides which model should answer a prompt. It is immutable and safe for concurrent use. A [Reloadable]
// exchanges it while calls run.
//
// Calls that take long wait in Go, not in C, so that any number of goroutines may use a router: it takes a thread or two
// for each ONNX session, however many wait.
type Router struct {
	handle *C.routellm_router
	// How many use the handle, its owner included; below 0 once it is freed.
	users    atomic.Int64
	disowned atomic.Bool
	// Set before the library refuses calls; closing wakes those that wait in Go.
	closed  atomic.Bool
	closing chan struct{}

	// One goroutine at a time begins or cancels a call in C; as many as there are sessions wait there for one, or compute
	// without.
	beginning, holding, computing gate
	// Goroutines that wait to be holding, and how many calls may wait in all; nil for any number.
	waiting    atomic.Int64
	maxWaiting *int

	cleanup runtime.Cleanup
	// Names are copied once: a decision allocates nothing.
	strong, weak string
	dimension    int
	// Of what Embed gives.
	embedDimension int
	// Who hears of fallbacks, or nil.
	onFallback func(FallbackWarning)
	// Whether somebody hears of decisions: then they are made where C may call back.
	heard bool
	// ONNX sessions.
	sessions int
	// Whether a given embedding is scored in no time: without votes.
	instant bool
}

// Open opens an artifact (a folder with router.json), a checkpoint in the published RouteLLM layout, or the folder of a
// classifier or causal LM that was exported to ONNX, for which [WithStrong] and [WithWeak] name the models.
func Open(folder string, options ...OpenOption) (*Router, error) {
	var router *Router
	err := withCString("folder", folder, func(path *C.char) error {
		var err error
		router, err = open(options, func(o *C.routellm_open_options, out **C.routellm_router,
			cerr **C.routellm_error) C.routellm_status {
			return C.routellm_router_open(path, o, out, cerr)
		})
		return err
	})
	return router, err
}

// Default opens the router that is compiled into the library: it needs no file and no ONNX Runtime.
func Default(options ...OpenOption) (*Router, error) {
	return open(options, func(o *C.routellm_open_options, out **C.routellm_router,
		cerr **C.routellm_error) C.routellm_status {
		return C.routellm_router_open_default(o, out, cerr)
	})
}

func open(options []OpenOption, call func(*C.routellm_open_options, **C.routellm_router,
	**C.routellm_error) C.routellm_status) (*Router, error) {
	var wanted openOptions
	for _, option := range options {
		// A nil option is none, so that Default(nil) is Default().
		if option != nil {
			option(&wanted)
		}
	}
	copts, err := cOpenOptions(&wanted)
	if err != nil {
		return nil, err
	}
	defer C.routellm_open_options_free(copts)
	var handle *C.routellm_router
	var cerr *C.routellm_error
	if status := call(copts, &handle, &cerr); status != C.ROUTELLM_OK {
		return nil, failure(nil, status, cerr)
	}
	if err := onDecision(handle, wanted.onDecision); err != nil {
		C.routellm_router_free(handle)
		return nil, err
	}
	router := &Router{
		handle:    handle,
		closing:   make(chan struct{}),
		beginning: make(gate, 1),
		strong:    C.GoString(C.routellm_router_strong(handle)),
		weak:      C.GoString(C.routellm_router_weak(handle)),
		dimension: int(C.routellm_router_embedding_dimension(handle)),

		embedDimension: int(C.routellm_router_embed_dimension(handle)),
		onFallback:     wanted.onFallback,
		heard:          wanted.onDecision != nil,
		maxWaiting:     maxWaiting(&wanted),
	}
	router.users.Store(1)
	router.cleanup = runtime.AddCleanup(router, func(handle *C.routellm_router) { C.routellm_router_free(handle) }, handle)
	info, err := router.Info()
	if err != nil {
		router.Close()
		return nil, err
	}
	inside := runtime.GOMAXPROCS(0)
	if info.Runtime != nil {
		router.sessions = info.Runtime.Sessions
		inside = router.sessions
	}
	router.holding, router.computing = make(gate, inside), make(gate, inside)
	router.instant = info.Votes == nil
	return router, nil
}

// Close ends the router. Calls that come later, and those that wait for a session, fail with [ErrClosed]; those that run
// finish, and the last of them frees the router. Close does not wait for them. A router that is not closed is freed by
// the garbage collector.
func (r *Router) Close() error {
	if handle, err := r.use(); err == nil {
		if !r.closed.Swap(true) {
			close(r.closing)
			// It calls back, here, for each call that waits.
			C.routellm_router_close(handle)
		}
		r.release()
	}
	r.disown()
	return nil
}

// use keeps the handle alive until release.
func (r *Router) use() (*C.routellm_router, error) {
	if r.closed.Load() {
		return nil, closed()
	}
	if r.users.Add(1) <= 0 {
		r.users.Add(-1)
		return nil, closed()
	}
	return r.handle, nil
}

// freed is so far below 0 that no number of users lifts a router above it.
const freed = -1 << 62

// release ends what use began. The last user frees the handle.
func (r *Router) release() {
	if r.users.Add(-1) == 0 && r.users.CompareAndSwap(0, freed) {
		r.cleanup.Stop()
		C.routellm_router_free(r.handle)
	}
}

// disown leaves the handle to its users.
func (r *Router) disown() {
	if !r.disowned.Swap(true) {
		r.release()
	}
}

// Strong is the name of the strong model.
func (r *Router) Strong() string { return r.strong }

// Weak is the name of the weak model.
func (r *Router) Weak() string { return r.weak }

// EmbeddingDimension is the length of the embeddings that the router takes; 0 if it takes none, because it reads hashed
// features or a model reads the prompt itself.
func (r *Router) EmbeddingDimension() int { return r.dimension }

// Fallbacks is the number of decisions that were fallbacks. 0 for a closed router.
func (r *Router) Fallbacks() uint64 {
	handle, err := r.use()
	if err != nil {
		return 0
	}
	defer r.release()
	return uint64(C.routellm_router_fallbacks(handle))
}

// Info is what is known about a router.
type Info struct {
	// Name of the artifact.
	Name string `json:"name"`
	// Kind of scorer: "linear", "mf", "sw_ranking", "bert" or "causal_llm".
	Kind string `json:"kind"`
	// Models are the candidates; Strong and Weak are two of them.
	Models []string `json:"models"`
	Strong string   `json:"strong"`
	Weak   string   `json:"weak"`
	// Mode is "exact" or "reference".
	Mode string `json:"mode"`
	// Read is what of a chat is read, unless a call says otherwise: "last_user", "all_user" or "conversation".
	Read string `json:"read"`
	// Featurizer is what turns a prompt into numbers.
	Featurizer FeaturizerInfo `json:"featurizer"`
	// Calibration for this pair, or nil.
	Calibration *CalibrationInfo `json:"calibration"`
	// Constant says why every prompt has the same win rate, or is nil: both models are in one tier of the votes, which
	// only the mode "reference" lets pass, or are one.
	Constant *string `json:"constant"`
	// Runtime is the ONNX Runtime in use, or nil.
	Runtime *RuntimeInfo `json:"runtime"`
	// Votes of a router that has them, or nil.
	Votes *VotesInfo `json:"votes"`
	// Model that reads the prompt itself ("bert", "causal_llm"), or nil.
	Model *ModelInfo `json:"model"`
	// Path of the artifact, or nil for the one that is compiled in.
	Path *string `json:"path"`
	// Provenance says what the artifact was made from.
	Provenance map[string]any `json:"provenance"`
	// Version of the library.
	Version string `json:"version"`
}

// FeaturizerInfo is a featurizer in short.
type FeaturizerInfo struct {
	// Kind is "hashed", "onnx", "caller", or "none" if the model reads the prompt itself.
	Kind      string `json:"kind"`
	ID        string `json:"id"`
	Dimension int    `json:"dimension"`
	// MaxBytes and MaxTokens of a prompt are looked at; nil if that does not apply.
	MaxBytes  *int `json:"max_bytes"`
	MaxTokens *int `json:"max_tokens"`
}

// CalibrationInfo is a calibration in short.
type CalibrationInfo struct {
	// Sample names the prompts, Count is their number.
	Sample string `json:"sample"`
	Count  int    `json:"count"`
	// SHA256 of the sample and its Date ("2026-01-31"); nil if the artifact is of version 1.
	SHA256 *string `json:"sha256"`
	Date   *string `json:"date"`
	// Points is the number of distinct win rates, ShareError how much worse a share may be met than by the whole
	// sample: 0 unless win rates were merged.
	Points     int     `json:"points"`
	ShareError float64 `json:"share_error"`
	// DefaultThreshold is that of a call which names none, DefaultStrongShare the share that it stands for.
	DefaultStrongShare float64 `json:"default_strong_share"`
	DefaultThreshold   float64 `json:"default_threshold"`
}

// RuntimeInfo is an ONNX Runtime in use.
type RuntimeInfo struct {
	// Library is its path.
	Library string `json:"library"`
	Version string `json:"version"`
	// Build is what it says of its build.
	Build string `json:"build"`
	// Provider that runs the model, [CPU] or [CUDA].
	Provider     Provider `json:"provider"`
	Sessions     int      `json:"sessions"`
	IntraThreads int      `json:"intra_threads"`
}

// VotesInfo is the votes of similarity-weighted ranking in short.
type VotesInfo struct {
	// Count is their number.
	Count int `json:"count"`
	// Store of their embeddings: "f32", "f16", "int8", "int4" or "int2".
	Store string `json:"store"`
	// Clusters of a clustered store, or nil.
	Clusters *int `json:"clusters"`
	// Tiers is the number of tiers.
	Tiers int `json:"tiers"`
	// WeightExponent is 1 for the paper's weights.
	WeightExponent float64 `json:"weight_exponent"`
}

// ModelInfo is a model that reads the prompt itself, in short.
type ModelInfo struct {
	// Parameters as they stand in an artifact: head and long_prompts; or template, score_tokens, score_threshold and
	// max_new_tokens.
	Parameters map[string]any `json:"parameters"`
	// MaxTokens of a prompt are read.
	MaxTokens int `json:"max_tokens"`
	// DynamicallyQuantized says that activations are quantised at run time; then every prompt runs alone.
	DynamicallyQuantized bool `json:"dynamically_quantized"`
	// CachedTokens of the instruction have their keys and values kept; nil for a classifier.
	CachedTokens *int `json:"cached_tokens"`
}

// Info tells what is known about the router.
func (r *Router) Info() (*Info, error) {
	handle, err := r.use()
	if err != nil {
		return nil, err
	}
	defer r.release()
	var text *C.routellm_string
	var cerr *C.routellm_error
	if status := C.routellm_router_info_json(handle, &text, &cerr); status != C.ROUTELLM_OK {
		return nil, r.failure(nil, status, cerr)
	}
	info := new(Info)
	if err := json.Unmarshal([]byte(takeString(text)), info); err != nil {
		return nil, &Error{Kind: Internal, Message: "info: " + err.Error(), cause: err}
	}
	return info, nil
}

// takeString copies a C string object and frees it.
func takeString(text *C.routellm_string) string {
	defer C.routellm_string_free(text)
	return C.GoStringN(C.routellm_string_data(text), C.int(C.routellm_string_len(text)))
}

func ptr(s *C.char) unsafe.Pointer { return unsafe.Pointer(s) }

// maxWaiting is how many calls may wait; nil without a limit.
func maxWaiting(wanted *openOptions) *int {
	if calls, ok := wanted.values["max_waiting"].(int); ok {
		return &calls
	}
	return nil
}
