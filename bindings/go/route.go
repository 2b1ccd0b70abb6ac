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
#cgo noescape routellm_share
#cgo nocallback routellm_share
#include "glue.h"
*/
import "C"

import (
	"context"
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
	// <faces:decision>
	// WinRate is P(strong model's answer is preferred or needed), in [0, 1]; NaN in a fallback and outside the
	// policies of the pair, [WithThreshold] and [WithStrongShare].
	WinRate float64
	// Threshold is the threshold that the win rate was compared with: in [0, 1], or the next number above 1; NaN
	// outside the policies of the pair.
	Threshold float64
	// Truncated says that the prompt was longer than the router reads, and was cut.
	Truncated bool
	// Similarity is the largest cosine similarity to any vote that was read, in [-1, 1]: a clustered store reads the
	// votes of some clusters, the router's own similarity reads all. It is NaN in a fallback and for routers without
	// votes.
	Similarity float64
	// OutOfDistribution says that the prompt is farther from every vote than the router was told to trust. Then
	// [WithOutOfDistribution] may have decided instead of the win rate.
	OutOfDistribution bool
	// NoScore says that a causal LM gave no score token, so that the win rate is 1, as in the reference.
	NoScore bool
	// Propensity is the probability that the side had of being chosen, in (0, 1]. It is 1 unless a policy leaves
	// something to chance.
	Propensity float64
	// ID is the decision's id, which sorts by time and is unlike that of any other decision: 36 characters, a UUID of
	// version 7. It is empty unless a hook, an adapter or [WithIDs] asks for it.
	ID string
	// Candidate is the number of the chosen candidate, from 0, in the order of the router's models.
	Candidate int
	// Quality is the quality that the chosen candidate is expected to have on this prompt, in [0, 1]; NaN in a
	// fallback, and for [WithThreshold] and [WithStrongShare], which compute none.
	Quality float64
	// ExpectedCost is what the request is expected to cost in USD: the chosen candidate's price for the input tokens
	// and the output tokens; NaN without a price, and for an embedding without input tokens.
	ExpectedCost float64
	// </faces:decision>
	// Fallback is why the prompt could not be scored, if [WithOnError] decided instead; else nil.
	Fallback *Error
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
	if r.sessions == 0 && !r.heard {
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
		return C.go_route_async(r.handle, 0, text(prompt), C.size_t(len(prompt)), wanted, token, user, cerr)
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
	if r.heard {
		return r.routeEmbeddingHeard(ctx, embedding, wanted)
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
	joined, lengths := join(prompts)
	return r.routeBatch(ctx, 0, joined, lengths, options)
}

// routeBatch decides for texts or chats that were joined; messages is 1 for chats.
func (r *Router) routeBatch(ctx context.Context, messages C.int32_t, joined []byte, lengths []C.size_t,
	options []RouteOption) ([]Decision, error) {
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
	if r.sessions == 0 && !r.heard && len(lengths) <= quickBatch {
		plain := make([]C.routellm_decision, len(lengths))
		var cerr *C.routellm_error
		status := C.go_route_batch(handle, messages, chars(joined), unsafe.SliceData(lengths), C.size_t(len(lengths)),
			C.size_t(len(joined)+bytesPerPrompt*len(lengths)), &wanted, unsafe.SliceData(plain), &cerr)
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
		return C.go_route_batch_async(handle, messages, chars(joined), unsafe.SliceData(lengths), C.size_t(len(lengths)),
			wanted, token, user, cerr)
	})
}

// Threshold is the one that a call with these options compares win rates with: in [0, 1], or for a strong share of 0 the
// next number above 1. [WithThreshold] takes either, and then decides alike, but that a threshold of 0, other than the share
// of 1, leaves prompts that no vote resembles to [WithOutOfDistribution].
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

// Share tells the threshold that a strong share in [0, 1] comes to, and the share of the calibration sample that it sends
// to the strong model: the nearest that some threshold reaches, because equal win rates go to one side together. 0 and 1
// are always reached, and need no calibration.
func (r *Router) Share(strongShare float64) (threshold, share float64, err error) {
	handle, err := r.use()
	if err != nil {
		return 0, 0, err
	}
	defer r.release()
	var foundThreshold, foundShare C.double
	var cerr *C.routellm_error
	status := C.routellm_share(handle, C.double(strongShare), &foundThreshold, &foundShare, &cerr)
	if status != C.ROUTELLM_OK {
		return 0, 0, r.failure(nil, status, cerr)
	}
	return float64(foundThreshold), float64(foundShare), nil
}

// decision copies a C decision, and frees the error that may come with it.
func (r *Router) decision(plain *C.routellm_decision) Decision {
	out := Decision{
		Side:  Side(plain.side),
		Model: r.weak,
		// <faces:value>
		WinRate:           float64(plain.win_rate),
		Threshold:         float64(plain.threshold),
		Truncated:         plain.truncated != 0,
		Similarity:        float64(plain.similarity),
		OutOfDistribution: plain.out_of_distribution != 0,
		NoScore:           plain.no_score != 0,
		Propensity:        float64(plain.propensity),
		ID:                C.GoString(&plain.id[0]),
		Candidate:         int(plain.candidate),
		Quality:           float64(plain.quality),
		ExpectedCost:      float64(plain.expected_cost),
		// </faces:value>
	}
	if out.Side == Strong {
		out.Model = r.strong
	}
	if plain.fallback != 0 {
		out.Fallback = &Error{Kind: Kind(plain.fallback_status)}
		if plain.fallback_error != nil {
			out.Fallback.Message = C.GoString(C.routellm_error_message(plain.fallback_error))
			C.routellm_error_free(plain.fallback_error)
		}
		r.warn(plain.fallback_status, plain.fallback_warning)
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
func join[T string | []byte](texts []T) ([]byte, []C.size_t) {
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
