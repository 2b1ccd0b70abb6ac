package routellm

import (
	"context"
	"encoding/json"
	"runtime"
	"sync/atomic"

	"routellm.dev/go/routellm/internal/capi"
)

// Version is the version of the library that is loaded, as in "0.1.0"; empty if none can be, which only happens without
// cgo.
func Version() string {
	return capi.Version()
}

// A Router decides which model should answer a prompt. It is immutable and safe for concurrent use. A [Reloadable]
// exchanges it while calls run.
//
// Calls that take long wait in Go, not in C, so that any number of goroutines may use a router: it takes a thread or two
// for each ONNX session, however many wait.
type Router struct {
	handle *capi.Router
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
	models       []string
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
	if err := uncut("folder", folder); err != nil {
		return nil, err
	}
	return open(options, func(o *capi.OpenOptions, out **capi.Router, cerr **capi.Error) capi.Status {
		return capi.RouterOpen(folder, o, out, cerr)
	})
}

// OpenContext is as [Open], until ctx ends. What is being loaded by then is freed as soon as it can be.
func OpenContext(ctx context.Context, folder string, options ...OpenOption) (*Router, error) {
	return within(ctx, func() (*Router, error) { return Open(folder, options...) }, (*Router).Close)
}

// Default opens the router that is compiled into the library: it needs no file and no ONNX Runtime.
func Default(options ...OpenOption) (*Router, error) {
	return open(options, capi.RouterOpenDefault)
}

// DefaultContext is as [Default], until ctx ends.
func DefaultContext(ctx context.Context, options ...OpenOption) (*Router, error) {
	return within(ctx, func() (*Router, error) { return Default(options...) }, (*Router).Close)
}

func open(options []OpenOption, call func(*capi.OpenOptions, **capi.Router, **capi.Error) capi.Status) (*Router, error) {
	if err := load(); err != nil {
		return nil, err
	}
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
	defer capi.OpenOptionsFree(copts)
	var handle *capi.Router
	var cerr *capi.Error
	if status := call(copts, &handle, &cerr); status != capi.OK {
		return nil, failure(nil, status, cerr)
	}
	if err := onDecision(handle, wanted.onDecision); err != nil {
		capi.RouterFree(handle)
		return nil, err
	}
	if err := onNotice(handle, wanted.onNotice); err != nil {
		capi.RouterFree(handle)
		return nil, err
	}
	heard := wanted.onDecision != nil || wanted.onNotice != nil
	return routerOf(handle, wanted.onFallback, heard, maxWaiting(&wanted))
}

// routerOf is the router of a handle, which it owns from now on.
func routerOf(handle *capi.Router, onFallback func(FallbackWarning), heard bool, waiting *int) (*Router, error) {
	router := &Router{
		handle:    handle,
		closing:   make(chan struct{}),
		beginning: make(gate, 1),
		strong:    capi.RouterStrong(handle),
		weak:      capi.RouterWeak(handle),
		dimension: capi.RouterEmbeddingDimension(handle),

		embedDimension: capi.RouterEmbedDimension(handle),
		onFallback:     onFallback,
		heard:          heard,
		maxWaiting:     waiting,
	}
	for i := range capi.RouterModelCount(handle) {
		router.models = append(router.models, capi.RouterModel(handle, i))
	}
	router.users.Store(1)
	router.cleanup = runtime.AddCleanup(router, capi.RouterFree, handle)
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
			capi.RouterClose(handle)
		}
		r.release()
	}
	r.disown()
	return nil
}

// use keeps the handle alive until release.
func (r *Router) use() (*capi.Router, error) {
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
		capi.RouterFree(r.handle)
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
	return capi.RouterFallbacks(handle)
}

// Info is what is known about a router.
type Info struct {
	// <faces:record-router_info>
	// Name is the name of the artifact.
	Name string `json:"name"`
	// Kind is the kind of scorer.
	Kind string `json:"kind"`
	// Models are the names of the candidates.
	Models []string `json:"models"`
	// Strong is the strong model.
	Strong string `json:"strong"`
	// Weak is the weak model.
	Weak string `json:"weak"`
	// Candidates is the candidates with what is known about them, in the same order.
	Candidates []CandidateInfo `json:"candidates"`
	// MeanOutputTokens is the number of tokens that an answer has on average, for expected costs.
	MeanOutputTokens float64 `json:"mean_output_tokens"`
	// Names is the candidates that have names of one's own: the router's name, and that one. Empty unless the option
	// "names" gives some.
	Names map[string]string `json:"names"`
	// Mode is which mathematics it follows.
	Mode string `json:"mode"`
	// Read is what of a chat is read, unless a call says otherwise.
	Read string `json:"read"`
	// Featurizer is what turns a prompt into numbers.
	Featurizer FeaturizerInfo `json:"featurizer"`
	// Calibration is the table behind strong shares; nil if there is none for this pair.
	Calibration *CalibrationInfo `json:"calibration"`
	// Constant is why every prompt has the same win rate, if that is so for this pair: both models are in one tier of
	// the votes, which only the mode "reference" lets pass, or are one.
	Constant *string `json:"constant"`
	// Runtime is the ONNX Runtime in use; nil if none is.
	Runtime *RuntimeInfo `json:"runtime"`
	// Votes are the votes of a router that has them (kind "sw_ranking").
	Votes *VotesInfo `json:"votes"`
	// Model is the model of a router whose scorer reads prompts (kinds "bert" and "causal_llm").
	Model *ModelInfo `json:"model"`
	// Path is the folder of the artifact; nil for the router that is compiled in.
	Path *string `json:"path"`
	// Provenance are data sources, seed, tool version, as the artifact states them: an object.
	Provenance map[string]any `json:"provenance"`
	// Version is the version of this library.
	Version string `json:"version"`
	// </faces:record-router_info>
}

// CandidateInfo is a candidate, as a router knows it.
type CandidateInfo struct {
	// <faces:record-candidate_info>
	// Name is its name.
	Name string `json:"name"`
	// Price is what its tokens cost; nil if that is not known.
	Price *Price `json:"price"`
	// ContextLength are the tokens that a request may have; nil if that is not known.
	ContextLength *uint64 `json:"context_length"`
	// Capabilities are the names of what it can do, "text" or "vision" for example; nil if that is not known.
	Capabilities *[]string `json:"capabilities"`
	// Quality is what its quality is: "isotonic" or "platt", the expected score, by a fit of that kind on rows with
	// gold scores that were held out; or "win_rate", the expected win rate against the other candidates. nil if the
	// router knows its pair only.
	Quality *string `json:"quality"`
	// </faces:record-candidate_info>
}

// Price is what tokens cost.
type Price struct {
	// <faces:record-price>
	// Input is USD per million tokens of the request.
	Input float64 `json:"input"`
	// Output is USD per million tokens of the answer.
	Output float64 `json:"output"`
	// Date is the day of the price, "2026-01-31".
	Date *string `json:"date,omitempty"`
	// </faces:record-price>
}

// FeaturizerInfo is a featurizer in short.
type FeaturizerInfo struct {
	// <faces:record-featurizer_info>
	// Kind is "hashed", "onnx", "caller", or "none" if the scorer reads the prompt itself.
	Kind string `json:"kind"`
	// ID is its name.
	ID string `json:"id"`
	// Dimension is the number of dimensions.
	Dimension int `json:"dimension"`
	// MaxBytes are the bytes of a prompt that are looked at; nil if it reads no prompts.
	MaxBytes *int `json:"max_bytes"`
	// MaxTokens are the tokens of a prompt that are looked at; nil without a tokenizer.
	MaxTokens *int `json:"max_tokens"`
	// </faces:record-featurizer_info>
}

// CalibrationInfo is a calibration in short.
type CalibrationInfo struct {
	// <faces:record-calibration_info>
	// Sample is which prompts.
	Sample string `json:"sample"`
	// Count is how many prompts.
	Count int `json:"count"`
	// SHA256 is the SHA-256 of the sample; nil of an artifact of version 1.
	SHA256 *string `json:"sha256"`
	// Date is the day of the sample, "2026-01-31"; nil of an artifact of version 1.
	Date *string `json:"date"`
	// Points is how many distinct win rates the table has.
	Points int `json:"points"`
	// ShareError is how much worse a share may be met than by the whole sample; 0 unless win rates were merged.
	ShareError float64 `json:"share_error"`
	// DefaultStrongShare is the strong share of the default threshold.
	DefaultStrongShare float64 `json:"default_strong_share"`
	// DefaultThreshold is the threshold of a call that names none.
	DefaultThreshold float64 `json:"default_threshold"`
	// </faces:record-calibration_info>
}

// RuntimeInfo is an ONNX Runtime in use.
type RuntimeInfo struct {
	// <faces:record-runtime_info>
	// Library is the path of the library.
	Library string `json:"library"`
	// Version is its version.
	Version string `json:"version"`
	// Build is what it says of its build.
	Build string `json:"build"`
	// Provider is where the model runs, whatever was asked for: "cpu" or "cuda".
	Provider Provider `json:"provider"`
	// Sessions is the number of sessions.
	Sessions int `json:"sessions"`
	// IntraThreads is the number of threads inside each.
	IntraThreads int `json:"intra_threads"`
	// </faces:record-runtime_info>
}

// VotesInfo is the votes of similarity-weighted ranking in short.
type VotesInfo struct {
	// <faces:record-votes_info>
	// Count is how many votes there are.
	Count int `json:"count"`
	// Store is how their embeddings are stored: "f32", "f16", "int8", "int4" or "int2".
	Store string `json:"store"`
	// Clusters is the number of clusters of a clustered store; nil for others.
	Clusters *int `json:"clusters"`
	// Tiers is the number of tiers.
	Tiers int `json:"tiers"`
	// WeightExponent is how steeply similarity weighs; 1 is the paper's.
	WeightExponent float64 `json:"weight_exponent"`
	// </faces:record-votes_info>
}

// ModelInfo is a model that reads the prompt itself, in short.
type ModelInfo struct {
	// <faces:record-model_info>
	// Parameters are its parameters, as the options of opening call them: "head" and "long_prompts", or "template",
	// "score_tokens", "score_threshold" and "max_new_tokens".
	Parameters map[string]any `json:"parameters"`
	// MaxTokens are the tokens of a prompt that are read.
	MaxTokens int `json:"max_tokens"`
	// DynamicallyQuantized says that activations are quantised at run time; then every prompt runs alone.
	DynamicallyQuantized bool `json:"dynamically_quantized"`
	// CachedTokens are the tokens of the instruction whose keys and values are kept (kind "causal_llm"); nil for a
	// classifier.
	CachedTokens *int `json:"cached_tokens"`
	// </faces:record-model_info>
}

// Info tells what is known about the router.
func (r *Router) Info() (*Info, error) {
	handle, err := r.use()
	if err != nil {
		return nil, err
	}
	defer r.release()
	var text *capi.String
	var cerr *capi.Error
	if status := capi.RouterInfo(handle, &text, &cerr); status != capi.OK {
		return nil, r.failure(nil, status, cerr)
	}
	info := new(Info)
	if err := json.Unmarshal([]byte(capi.TakeString(text)), info); err != nil {
		return nil, &Error{Kind: Internal, Message: "info: " + err.Error(), cause: err}
	}
	return info, nil
}

// maxWaiting is how many calls may wait; nil without a limit.
func maxWaiting(wanted *openOptions) *int {
	if calls, ok := wanted.values["max_waiting"].(int); ok {
		return &calls
	}
	return nil
}
