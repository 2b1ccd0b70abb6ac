package routellm

/*
#cgo noescape go_route
#cgo nocallback go_route
#cgo noescape go_route_embedding
#cgo nocallback go_route_embedding
#cgo noescape go_route_batch
#cgo nocallback go_route_batch
#cgo noescape go_threshold
#cgo nocallback go_threshold
#include "glue.h"
*/
import "C"

import (
	"context"
	"math"
	"unsafe"
)

// Side is one of the two models of a pair.
type Side int32

// The sides. No side is 0.
const (
	// Strong is the expensive model.
	Strong Side = C.ROUTELLM_SIDE_STRONG
	// Weak is the cheap model.
	Weak Side = C.ROUTELLM_SIDE_WEAK
)

// String is "strong" or "weak".
func (s Side) String() string {
	switch s {
	case Strong:
		return "strong"
	case Weak:
		return "weak"
	}
	return "no side"
}

// A Decision says which model should answer, and why.
type Decision struct {
	// Side that was chosen, and the name of its model.
	Side  Side
	Model string
	// WinRate is P(strong model's answer is preferred or needed), in [0, 1]; NaN in a fallback.
	WinRate float64
	// Threshold that the win rate was compared with.
	Threshold float64
	// Truncated says that the prompt was longer than the router reads, and was cut.
	Truncated bool
	// Fallback is why the prompt could not be scored, if [WithOnError] decided instead; else nil.
	Fallback *Error
	// Similarity is the largest cosine similarity to any vote that was read, in [-1, 1]: a clustered store reads the
	// votes of some clusters, [Router.Similarity] reads all. NaN in a fallback and for routers without votes, so that
	// such decisions are never == each other.
	Similarity float64
	// OutOfDistribution says that the prompt is farther from every vote than the router was told to trust. Then
	// [WithOutOfDistribution] may have decided instead of the win rate.
	OutOfDistribution bool
	// NoScore says that a causal LM gave no score token, so that the win rate is 1.
	NoScore bool
}

// Route decides for one prompt. When ctx ends, it returns at once. Any number of goroutines may call it: those that wait
// for an ONNX session hold no thread.
func (r *Router) Route(ctx context.Context, prompt string, options ...RouteOption) (Decision, error) {
	wanted, err := cRouteOptions(options)
	if err != nil {
		return Decision{}, err
	}
	handle, err := r.use()
	if err != nil {
		return Decision{}, err
	}
	defer r.release()
	if err := begin(ctx); err != nil {
		return Decision{}, err
	}
	if r.sessions == 0 {
		var out C.routellm_decision
		var cerr *C.routellm_error
		status := C.go_route(handle, text(prompt), C.size_t(len(prompt)), &wanted, &out, &cerr)
		if status == C.ROUTELLM_OK {
			return r.decision(&out), nil
		}
		if status != C.GO_NOT_QUICK {
			return Decision{}, r.failure(ctx, status, cerr)
		}
	}
	return r.routeLong(ctx, prompt, wanted)
}

// routeLong waits for a decision in Go.
func (r *Router) routeLong(ctx context.Context, prompt string, wanted C.go_route_options) (Decision, error) {
	decisions, err := r.await(ctx, wanted, func(user C.uintptr_t, wanted *C.go_route_options,
		token *C.routellm_cancel_token, cerr **C.routellm_error) C.routellm_status {
		return C.go_route_async(r.handle, text(prompt), C.size_t(len(prompt)), wanted, token, user, cerr)
	})
	if err != nil {
		return Decision{}, err
	}
	return decisions[0], nil
}

// RouteEmbedding decides for an embedding that you computed, [Router.EmbeddingDimension] numbers, which are not
// copied.
func (r *Router) RouteEmbedding(ctx context.Context, embedding []float32, options ...RouteOption) (Decision, error) {
	wanted, err := cRouteOptions(options)
	if err != nil {
		return Decision{}, err
	}
	handle, err := r.use()
	if err != nil {
		return Decision{}, err
	}
	defer r.release()
	// Milliseconds at most: nothing to interrupt once it runs.
	if err := begin(ctx); err != nil {
		return Decision{}, err
	}
	if !r.instant {
		leave, err := r.enterInTime(ctx, r.computing, &wanted)
		if err != nil {
			return Decision{}, err
		}
		defer leave()
	}
	var out C.routellm_decision
	var cerr *C.routellm_error
	status := C.go_route_embedding(handle, floats(embedding), C.size_t(len(embedding)), &wanted, &out, &cerr)
	if status != C.ROUTELLM_OK {
		return Decision{}, r.failure(ctx, status, cerr)
	}
	return r.decision(&out), nil
}

// A batch of as many prompts may be decided without leaving the caller's thread, each counting as so many bytes more.
const (
	quickBatch     = 64
	bytesPerPrompt = 64
)

// RouteBatch decides for many prompts, with the same bits as one by one. The error is that of the first prompt that
// fails, and names its index. For the rest as [Router.Route].
func (r *Router) RouteBatch(ctx context.Context, prompts []string, options ...RouteOption) ([]Decision, error) {
	wanted, err := cRouteOptions(options)
	if err != nil {
		return nil, err
	}
	handle, err := r.use()
	if err != nil {
		return nil, err
	}
	defer r.release()
	if err := begin(ctx); err != nil {
		return nil, err
	}
	joined, lengths := join(prompts)
	if r.sessions == 0 && len(prompts) <= quickBatch {
		plain := make([]C.routellm_decision, len(prompts))
		var cerr *C.routellm_error
		status := C.go_route_batch(handle, chars(joined), unsafe.SliceData(lengths), C.size_t(len(prompts)),
			C.size_t(len(joined)+bytesPerPrompt*len(prompts)), &wanted, unsafe.SliceData(plain), &cerr)
		if status == C.ROUTELLM_OK {
			out := make([]Decision, len(plain))
			for i := range plain {
				out[i] = r.decision(&plain[i])
			}
			return out, nil
		}
		if status != C.GO_NOT_QUICK {
			return nil, r.failure(ctx, status, cerr)
		}
	}
	return r.await(ctx, wanted, func(user C.uintptr_t, wanted *C.go_route_options, token *C.routellm_cancel_token,
		cerr **C.routellm_error) C.routellm_status {
		return C.go_route_batch_async(handle, chars(joined), unsafe.SliceData(lengths), C.size_t(len(prompts)), wanted,
			token, user, cerr)
	})
}

// Threshold is the one that a call with these options compares win rates with.
func (r *Router) Threshold(options ...RouteOption) (float64, error) {
	wanted, err := cRouteOptions(options)
	if err != nil {
		return 0, err
	}
	handle, err := r.use()
	if err != nil {
		return 0, err
	}
	defer r.release()
	var threshold C.double
	var cerr *C.routellm_error
	if status := C.go_threshold(handle, &wanted, &threshold, &cerr); status != C.ROUTELLM_OK {
		return 0, r.failure(nil, status, cerr)
	}
	return float64(threshold), nil
}

// decision copies a C decision, and frees the error that may come with it.
func (r *Router) decision(plain *C.routellm_decision) Decision {
	out := Decision{
		Side:      Side(plain.side),
		Model:     r.weak,
		WinRate:   float64(plain.win_rate),
		Threshold: float64(plain.threshold),
		Truncated: plain.truncated != 0,

		Similarity:        float64(plain.similarity),
		OutOfDistribution: plain.out_of_distribution != 0,
		NoScore:           plain.no_score != 0,
	}
	if out.Side == Strong {
		out.Model = r.strong
	}
	if plain.fallback != 0 {
		out.WinRate = math.NaN()
		out.Fallback = &Error{Kind: Kind(plain.fallback_status)}
		if plain.fallback_error != nil {
			out.Fallback.Message = C.GoString(C.routellm_error_message(plain.fallback_error))
			C.routellm_error_free(plain.fallback_error)
		}
	}
	return out
}

// text is the memory of a string. It holds no pointers, so that C may read it during a call.
func text(s string) *C.char {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(s)))
}

// chars is the memory of bytes.
func chars(bytes []byte) *C.char {
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(bytes)))
}

// floats is the memory of a slice, without a copy.
func floats(values []float32) *C.float {
	return (*C.float)(unsafe.Pointer(unsafe.SliceData(values)))
}

// join puts texts into one, with their lengths.
func join(texts []string) ([]byte, []C.size_t) {
	total := 0
	for _, text := range texts {
		total += len(text)
	}
	joined := make([]byte, 0, total)
	lengths := make([]C.size_t, len(texts))
	for i, text := range texts {
		joined = append(joined, text...)
		lengths[i] = C.size_t(len(text))
	}
	return joined, lengths
}
