package routellm

/*
#cgo noescape go_win_rates
#cgo nocallback go_win_rates
#cgo noescape go_win_rate
#cgo nocallback go_win_rate
#cgo noescape routellm_win_rate_from_embedding
#cgo nocallback routellm_win_rate_from_embedding
#cgo noescape routellm_win_rates_from_embeddings
#cgo nocallback routellm_win_rates_from_embeddings
#include "glue.h"
*/
import "C"

import (
	"context"
	"unsafe"
)

// WinRate is P(strong model's answer is preferred or needed) for a prompt, in [0, 1].
func (r *Router) WinRate(ctx context.Context, prompt string) (float64, error) {
	handle, err := r.use()
	if err != nil {
		return 0, err
	}
	defer r.release()
	if err := begin(ctx); err != nil {
		return 0, err
	}
	if r.sessions == 0 {
		var out C.double
		var cerr *C.routellm_error
		status := C.go_win_rate(handle, text(prompt), C.size_t(len(prompt)), &out, &cerr)
		if status == C.ROUTELLM_OK {
			return float64(out), nil
		}
		if status != C.GO_NOT_QUICK {
			return 0, r.failure(ctx, status, cerr)
		}
	}
	rates, err := r.WinRates(ctx, []string{prompt})
	if err != nil {
		return 0, err
	}
	return rates[0], nil
}

// WinRates are the win rates of many prompts, with the same bits as one by one. The error is that of the first prompt
// that fails, and names its index.
func (r *Router) WinRates(ctx context.Context, prompts []string) ([]float64, error) {
	handle, err := r.use()
	if err != nil {
		return nil, err
	}
	defer r.release()
	if err := begin(ctx); err != nil {
		return nil, err
	}
	if err := r.hold(ctx); err != nil {
		return nil, err
	}
	defer r.holding.leave()
	token, finish := watch(ctx)
	defer finish()
	joined, lengths := join(prompts)
	out := make([]float64, len(prompts))
	var cerr *C.routellm_error
	status := C.go_win_rates(handle, chars(joined), unsafe.SliceData(lengths), C.size_t(len(prompts)), token.pointer(),
		doubles(out), &cerr)
	if status != C.ROUTELLM_OK {
		return nil, r.failure(ctx, status, cerr)
	}
	return out, nil
}

// WinRateFromEmbedding is the win rate for an embedding that you computed, [Router.EmbeddingDimension] numbers, which
// are not copied.
func (r *Router) WinRateFromEmbedding(embedding []float32) (float64, error) {
	handle, err := r.use()
	if err != nil {
		return 0, err
	}
	defer r.release()
	leave, err := r.compute(1)
	if err != nil {
		return 0, err
	}
	defer leave()
	var out C.double
	var cerr *C.routellm_error
	status := C.routellm_win_rate_from_embedding(handle, floats(embedding), C.size_t(len(embedding)), &out, &cerr)
	if status != C.ROUTELLM_OK {
		return 0, r.failure(nil, status, cerr)
	}
	return float64(out), nil
}

// WinRatesFromEmbeddings are the win rates of len(out) embeddings of dimension numbers, row after row, into out.
// Nothing is copied.
func (r *Router) WinRatesFromEmbeddings(embeddings []float32, dimension int, out []float64) error {
	if dimension < 0 || len(embeddings) != len(out)*dimension {
		return invalid("%d numbers are not %d rows of %d", len(embeddings), len(out), dimension)
	}
	handle, err := r.use()
	if err != nil {
		return err
	}
	defer r.release()
	leave, err := r.compute(len(out))
	if err != nil {
		return err
	}
	defer leave()
	var cerr *C.routellm_error
	status := C.routellm_win_rates_from_embeddings(handle, floats(embeddings), C.size_t(len(out)),
		C.size_t(dimension), doubles(out), &cerr)
	if status != C.ROUTELLM_OK {
		return r.failure(nil, status, cerr)
	}
	return nil
}

// Models are the names of the candidates, or nothing for a closed router.
func (r *Router) Models() []string {
	handle, err := r.use()
	if err != nil {
		return nil
	}
	defer r.release()
	out := make([]string, int(C.routellm_router_model_count(handle)))
	for i := range out {
		out[i] = C.GoString(C.routellm_router_model(handle, C.size_t(i)))
	}
	return out
}

// CandidateScores is one score for each of [Router.Models], higher is better.
func (r *Router) CandidateScores(prompt string) ([]float64, error) {
	handle, err := r.use()
	if err != nil {
		return nil, err
	}
	defer r.release()
	if err := r.hold(context.Background()); err != nil {
		return nil, err
	}
	defer r.holding.leave()
	out := make([]float64, int(C.routellm_router_model_count(handle)))
	var cerr *C.routellm_error
	status := C.routellm_candidate_scores(handle, text(prompt), C.size_t(len(prompt)), doubles(out),
		C.size_t(len(out)), &cerr)
	if status != C.ROUTELLM_OK {
		return nil, r.failure(nil, status, cerr)
	}
	return out, nil
}

// CandidateScoresFromEmbedding is as [Router.CandidateScores], for an embedding that you computed.
func (r *Router) CandidateScoresFromEmbedding(embedding []float32) ([]float64, error) {
	handle, err := r.use()
	if err != nil {
		return nil, err
	}
	defer r.release()
	leave, err := r.compute(1)
	if err != nil {
		return nil, err
	}
	defer leave()
	out := make([]float64, int(C.routellm_router_model_count(handle)))
	var cerr *C.routellm_error
	status := C.routellm_candidate_scores_from_embedding(handle, floats(embedding), C.size_t(len(embedding)),
		doubles(out), C.size_t(len(out)), &cerr)
	if status != C.ROUTELLM_OK {
		return nil, r.failure(nil, status, cerr)
	}
	return out, nil
}

// Embed is the embedding of a prompt by the router's own encoder or hashed features.
func (r *Router) Embed(prompt string) ([]float32, error) {
	handle, err := r.use()
	if err != nil {
		return nil, err
	}
	defer r.release()
	if err := r.hold(context.Background()); err != nil {
		return nil, err
	}
	defer r.holding.leave()
	out := make([]float32, r.embedDimension)
	var cerr *C.routellm_error
	status := C.routellm_embed(handle, text(prompt), C.size_t(len(prompt)), floats(out), C.size_t(len(out)), &cerr)
	if status != C.ROUTELLM_OK {
		return nil, r.failure(nil, status, cerr)
	}
	return out, nil
}

func doubles(values []float64) *C.double {
	return (*C.double)(unsafe.Pointer(unsafe.SliceData(values)))
}
