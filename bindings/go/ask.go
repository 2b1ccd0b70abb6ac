package routellm

/*
#include "glue.h"
*/
import "C"

import (
	"context"
	"encoding/json"
	"math"
	"unsafe"
)

// An Input is what is asked about: a [Text], [Messages] or an [Embedding].
type Input struct {
	kind C.int32_t
	data unsafe.Pointer
	len  int
}

// Text is a prompt.
func Text(prompt string) Input {
	return Input{C.ROUTELLM_INPUT_TEXT, unsafe.Pointer(unsafe.StringData(prompt)), len(prompt)}
}

// Messages is a chat in JSON, as [PromptFromMessages] takes it.
func Messages(json []byte) Input {
	return Input{C.ROUTELLM_INPUT_MESSAGES, unsafe.Pointer(unsafe.SliceData(json)), len(json)}
}

// Embedding is an embedding that you computed, [Router.EmbeddingDimension] numbers.
func Embedding(numbers []float32) Input {
	return Input{C.ROUTELLM_INPUT_EMBEDDING, unsafe.Pointer(unsafe.SliceData(numbers)), len(numbers)}
}

// WinRateOf is as [Router.WinRate], for an input of any kind and with options. This and the other calls for inputs decide
// nothing: [WithThreshold] and [WithStrongShare] are errors, and where [WithOnError] covers an error, numbers that could
// not be computed are NaN. The end of the context stops them, also a model that runs.
func (r *Router) WinRateOf(ctx context.Context, input Input, options ...RouteOption) (float64, error) {
	out := make([]float64, 1)
	err := r.ask(ctx, input, options, func(a *C.go_asked, cerr **C.routellm_error) C.routellm_status {
		return C.go_win_rate_of(a, input.data, doubles(out), cerr)
	})
	return out[0], err
}

// CandidateScoresOf is as [Router.CandidateScores], for an input of any kind: see [Router.WinRateOf].
func (r *Router) CandidateScoresOf(ctx context.Context, input Input, options ...RouteOption) ([]float64, error) {
	out := make([]float64, len(r.Models()))
	err := r.ask(ctx, input, options, func(a *C.go_asked, cerr **C.routellm_error) C.routellm_status {
		return C.go_candidate_scores_of(a, input.data, doubles(out), C.size_t(len(out)), cerr)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// SimilarityOf is as [Router.Similarity], for an input of any kind: see [Router.WinRateOf].
func (r *Router) SimilarityOf(ctx context.Context, input Input, options ...RouteOption) (float64, error) {
	out := make([]float64, 1)
	err := r.ask(ctx, input, options, func(a *C.go_asked, cerr **C.routellm_error) C.routellm_status {
		return C.go_similarity_of(a, input.data, doubles(out), cerr)
	})
	return out[0], err
}

// EmbedOf is as [Router.Embed], for a text or a chat: see [Router.WinRateOf].
func (r *Router) EmbedOf(ctx context.Context, input Input, options ...RouteOption) ([]float32, error) {
	out := make([]float32, r.embedDimension)
	err := r.ask(ctx, input, options, func(a *C.go_asked, cerr **C.routellm_error) C.routellm_status {
		return C.go_embed_of(a, input.data, floats(out), C.size_t(len(out)), cerr)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ExplainOf is as [Router.Explain], for an input of any kind: see [Router.WinRateOf]. Where [WithOnError] covers an error,
// the explanation has a Fallback.
func (r *Router) ExplainOf(ctx context.Context, input Input, k int, options ...RouteOption) (*Explanation, error) {
	if k < 0 {
		return nil, invalid("k is %d, expected a number of votes", k)
	}
	var out *C.routellm_string
	err := r.ask(ctx, input, options, func(a *C.go_asked, cerr **C.routellm_error) C.routellm_status {
		return C.go_explain_of(a, input.data, C.size_t(k), &out, cerr)
	})
	if err != nil {
		return nil, err
	}
	return explanationOf(out)
}

// ask makes a call in C when there is room for this goroutine.
func (r *Router) ask(ctx context.Context, input Input, options []RouteOption,
	call func(*C.go_asked, **C.routellm_error) C.routellm_status) error {
	wanted, err := cRouteOptions(options)
	if err != nil {
		return err
	}
	handle, err := r.use()
	if err != nil {
		return err
	}
	defer r.release()
	if err := begin(ctx); err != nil {
		return err
	}
	g := r.holding
	if input.kind == C.ROUTELLM_INPUT_EMBEDDING {
		// It needs no session.
		g = r.computing
	}
	leave, err := r.enterInTime(ctx, g, &wanted)
	if err != nil {
		return err
	}
	defer leave()
	token, finish := watch(ctx)
	defer finish()
	// What points to memory of Go goes beside it, or Go would refuse it.
	asked := C.go_asked{router: handle, wanted: wanted, token: token.pointer(), kind: input.kind, len: C.size_t(input.len)}
	var cerr *C.routellm_error
	if status := call(&asked, &cerr); status != C.ROUTELLM_OK {
		return r.failure(ctx, status, cerr)
	}
	return nil
}

// explanationOf reads an explanation in JSON, and frees it. A null leaves the field as it is.
func explanationOf(text *C.routellm_string) (*Explanation, error) {
	explanation := &Explanation{WinRate: math.NaN(), WinRateError: math.NaN(), Similarity: math.NaN()}
	if err := json.Unmarshal([]byte(takeString(text)), explanation); err != nil {
		return nil, &Error{Kind: Internal, Message: "explanation: " + err.Error(), cause: err}
	}
	return explanation, nil
}
