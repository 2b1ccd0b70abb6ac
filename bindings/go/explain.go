package routellm

/*
#cgo noescape routellm_similarity
#cgo nocallback routellm_similarity
#cgo noescape routellm_similarity_from_embedding
#cgo nocallback routellm_similarity_from_embedding
#include "glue.h"
*/
import "C"

import (
	"context"
)

// An Explanation says why a prompt got its score.
type Explanation struct {
	// WinRate is P(strong model's answer is preferred or needed), in [0, 1], WinRateError its standard error, NaN if
	// the votes do not determine it.
	WinRate      float64 `json:"win_rate"`
	WinRateError float64 `json:"win_rate_error"`
	// Similarity is the largest cosine similarity to any vote.
	Similarity float64 `json:"similarity"`
	// OutOfDistribution is that of [Decision].
	OutOfDistribution bool `json:"out_of_distribution"`
	// Ratings of the candidates on this prompt, in the order of [Router.Models].
	Ratings []ModelRating `json:"ratings"`
	// Votes that weighed most, heaviest first.
	Votes []ExplainedVote `json:"votes"`
	// Reach is how far a clustered store was read; nil for the others, which always read every vote.
	Reach *Reach `json:"reach"`
	// Fallback says why there is no explanation, if [WithOnError] covers that; then the numbers are NaN.
	Fallback *ExplanationFallback `json:"fallback,omitempty"`
}

// ExplanationFallback is the error that took the place of an explanation.
type ExplanationFallback struct {
	// Kind is its name, such as "ResourceExhausted".
	Kind   string `json:"kind"`
	Reason string `json:"reason"`
}

// ModelRating is the rating of a candidate on one prompt.
type ModelRating struct {
	Model string `json:"model"`
	// Tier of the model; 0 is the best.
	Tier int `json:"tier"`
	// Rating of the tier on the Elo scale, and its standard error; nil if no vote compares it.
	Rating        *float64 `json:"rating"`
	StandardError *float64 `json:"standard_error"`
}

// ExplainedVote is a vote that weighed in a score.
type ExplainedVote struct {
	// Row of the vote in the data that the router was built from.
	Row int `json:"row"`
	// ID and Text of the vote, or nil if the artifact has none.
	ID   *string `json:"id"`
	Text *string `json:"text"`
	// Similarity is the cosine similarity to the prompt.
	Similarity float64 `json:"similarity"`
	// Weight on the paper's scale: 100 for the most similar vote at exponent 1.
	Weight float64 `json:"weight"`
	// ModelA and ModelB are the models; Winner is "model_a", "model_b" or "tie".
	ModelA string `json:"model_a"`
	ModelB string `json:"model_b"`
	Winner string `json:"winner"`
}

// Reach is how far a clustered store was read.
type Reach struct {
	// OpenedClusters had their votes read one by one; OpenedVotes is the number of these.
	OpenedClusters int `json:"opened_clusters"`
	OpenedVotes    int `json:"opened_votes"`
	// Error is the estimated error, in win rate, that reading every vote would remove; nil if it was not estimated.
	Error *float64 `json:"error"`
}

// Similarity is the largest cosine similarity of a prompt to any vote, in [-1, 1]: how far the prompt is from the data
// that the router was made of. Routers with votes only.
func (r *Router) Similarity(prompt string) (float64, error) {
	handle, err := r.use()
	if err != nil {
		return 0, err
	}
	defer r.release()
	if err := r.hold(context.Background()); err != nil {
		return 0, err
	}
	defer r.holding.leave()
	var out C.double
	var cerr *C.routellm_error
	status := C.routellm_similarity(handle, text(prompt), C.size_t(len(prompt)), &out, &cerr)
	if status != C.ROUTELLM_OK {
		return 0, r.failure(nil, status, cerr)
	}
	return float64(out), nil
}

// SimilarityFromEmbedding is as [Router.Similarity], for an embedding that you computed.
func (r *Router) SimilarityFromEmbedding(embedding []float32) (float64, error) {
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
	status := C.routellm_similarity_from_embedding(handle, floats(embedding), C.size_t(len(embedding)), &out, &cerr)
	if status != C.ROUTELLM_OK {
		return 0, r.failure(nil, status, cerr)
	}
	return float64(out), nil
}

// Explain says why a prompt got its score, with the k votes that weighed most. Routers with votes only.
func (r *Router) Explain(prompt string, k int) (*Explanation, error) {
	enter := func() (func(), error) { return r.holding.leave, r.hold(context.Background()) }
	return r.explain(k, enter, func(handle *C.routellm_router, out **C.routellm_string,
		cerr **C.routellm_error) C.routellm_status {
		return C.routellm_explain(handle, text(prompt), C.size_t(len(prompt)), C.size_t(k), out, cerr)
	})
}

// ExplainEmbedding is as [Router.Explain], for an embedding that you computed.
func (r *Router) ExplainEmbedding(embedding []float32, k int) (*Explanation, error) {
	enter := func() (func(), error) { return r.compute(1) }
	return r.explain(k, enter, func(handle *C.routellm_router, out **C.routellm_string,
		cerr **C.routellm_error) C.routellm_status {
		return C.routellm_explain_embedding(handle, floats(embedding), C.size_t(len(embedding)), C.size_t(k), out, cerr)
	})
}

func (r *Router) explain(k int, enter func() (func(), error), call func(*C.routellm_router, **C.routellm_string,
	**C.routellm_error) C.routellm_status) (*Explanation, error) {
	if k < 0 {
		return nil, invalid("k is %d, expected a number of votes", k)
	}
	handle, err := r.use()
	if err != nil {
		return nil, err
	}
	defer r.release()
	leave, err := enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	var out *C.routellm_string
	var cerr *C.routellm_error
	if status := call(handle, &out, &cerr); status != C.ROUTELLM_OK {
		return nil, r.failure(nil, status, cerr)
	}
	return explanationOf(out)
}
