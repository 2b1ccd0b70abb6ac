package routellm

import (
	"context"

	"routellm.dev/go/routellm/internal/capi"
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
		var out float64
		var cerr *capi.Error
		status := capi.WinRate(handle, prompt, &out, &cerr)
		if status == capi.OK {
			return out, nil
		}
		if status != capi.NotQuick {
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
	var cerr *capi.Error
	if status := capi.WinRates(handle, joined, lengths, token.pointer(), out, &cerr); status != capi.OK {
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
	var out float64
	var cerr *capi.Error
	if status := capi.WinRateFromEmbedding(handle, embedding, &out, &cerr); status != capi.OK {
		return 0, r.failure(nil, status, cerr)
	}
	return out, nil
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
	var cerr *capi.Error
	if status := capi.WinRatesFromEmbeddings(handle, embeddings, dimension, out, &cerr); status != capi.OK {
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
	out := make([]string, capi.RouterModelCount(handle))
	for i := range out {
		out[i] = capi.RouterModel(handle, i)
	}
	return out
}

// CandidateScores is one score for each of [Router.Models], higher is better.
func (r *Router) CandidateScores(prompt string) ([]float64, error) {
	return r.CandidateScoresOf(context.Background(), Text(prompt))
}

// CandidateScoresFromEmbedding is as [Router.CandidateScores], for an embedding that you computed.
func (r *Router) CandidateScoresFromEmbedding(embedding []float32) ([]float64, error) {
	return r.CandidateScoresOf(context.Background(), Embedding(embedding))
}

// Embed is the embedding of a prompt by the router's own encoder or hashed features.
func (r *Router) Embed(prompt string) ([]float32, error) {
	return r.EmbedOf(context.Background(), Text(prompt))
}
