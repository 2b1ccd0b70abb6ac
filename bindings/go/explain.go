package routellm

import "context"

// An Explanation says why a prompt got its score.
type Explanation struct {
	// <faces:record-explanation>
	// WinRate is P(strong model's answer is preferred or needed), in [0, 1].
	WinRate float64 `json:"win_rate"`
	// WinRateError is the standard error of the win rate, from the weighted votes; NaN if they do not determine it.
	WinRateError float64 `json:"win_rate_error"`
	// Similarity is the largest cosine similarity to any vote, all of which are read for an explanation.
	Similarity float64 `json:"similarity"`
	// OutOfDistribution says that the prompt is farther from every vote than the router was told to trust.
	OutOfDistribution bool `json:"out_of_distribution"`
	// Ratings is the rating of each candidate on this prompt, in the order of the artifact.
	Ratings []ModelRating `json:"ratings"`
	// Votes are the votes that weighed most, heaviest first.
	Votes []ExplainedVote `json:"votes"`
	// Reach is how far a clustered store was read; nil for the others, which always read every vote.
	Reach *Reach `json:"reach"`
	// Fallback is why there is no explanation, if "on_error" covers that: then the numbers are NaN, and the lists are
	// empty.
	Fallback *ExplanationFallback `json:"fallback,omitempty"`
	// </faces:record-explanation>
}

// ExplanationFallback is the error that took the place of an explanation.
type ExplanationFallback struct {
	// <faces:record-explanation_fallback>
	// Kind is the kind of the error.
	Kind string `json:"kind"`
	// Reason is its message.
	Reason string `json:"reason"`
	// </faces:record-explanation_fallback>
}

// ModelRating is the rating of a candidate on one prompt.
type ModelRating struct {
	// <faces:record-model_rating>
	// Model is its name.
	Model string `json:"model"`
	// Tier is its tier; 0 is the best.
	Tier int `json:"tier"`
	// Rating is the rating of its tier on the Elo scale; nil if no vote compares it.
	Rating *float64 `json:"rating"`
	// StandardError is the standard error of the rating; nil with the rating.
	StandardError *float64 `json:"standard_error"`
	// </faces:record-model_rating>
}

// ExplainedVote is a vote that weighed in a score.
type ExplainedVote struct {
	// <faces:record-explained_vote>
	// Row is the row of the vote in the data that the router was built from.
	Row int `json:"row"`
	// ID is its id; nil if the artifact has no ids.
	ID *string `json:"id"`
	// Text is its prompt; nil unless the artifact's owner stored the texts.
	Text *string `json:"text"`
	// Similarity is its cosine similarity to the prompt.
	Similarity float64 `json:"similarity"`
	// Weight is its weight on the paper's scale: 100 for the most similar one at exponent 1.
	Weight float64 `json:"weight"`
	// ModelA is the name of the first model.
	ModelA string `json:"model_a"`
	// ModelB is the name of the second model.
	ModelB string `json:"model_b"`
	// Winner is "model_a", "model_b" or "tie".
	Winner string `json:"winner"`
	// </faces:record-explained_vote>
}

// Reach is how far a clustered store was read.
type Reach struct {
	// <faces:record-reach>
	// OpenedClusters is how many clusters had their votes read one by one.
	OpenedClusters int `json:"opened_clusters"`
	// OpenedVotes is how many votes were read one by one.
	OpenedVotes int `json:"opened_votes"`
	// Error is the estimated error, in win rate, that reading every vote would remove; nil if it is not known.
	Error *float64 `json:"error"`
	// </faces:record-reach>
}

// Similarity is the largest cosine similarity of a prompt to any vote, in [-1, 1]: how far the prompt is from the data
// that the router was made of. Routers with votes only.
func (r *Router) Similarity(prompt string) (float64, error) {
	return r.SimilarityOf(context.Background(), Text(prompt))
}

// SimilarityFromEmbedding is as [Router.Similarity], for an embedding that you computed.
func (r *Router) SimilarityFromEmbedding(embedding []float32) (float64, error) {
	return r.SimilarityOf(context.Background(), Embedding(embedding))
}

// Explain says why a prompt got its score, with the k votes that weighed most. Routers with votes only.
func (r *Router) Explain(prompt string, k int) (*Explanation, error) {
	return r.ExplainOf(context.Background(), Text(prompt), k)
}

// ExplainEmbedding is as [Router.Explain], for an embedding that you computed.
func (r *Router) ExplainEmbedding(embedding []float32, k int) (*Explanation, error) {
	return r.ExplainOf(context.Background(), Embedding(embedding), k)
}
