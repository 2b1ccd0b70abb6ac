package routellm

import (
	"context"
	"unsafe"

	"routellm.dev/go/routellm/internal/capi"
)

// Side is one of the two models of a pair.
type Side int32

// The sides. No side is 0: policies that compare candidates decide between no sides.
const (
	// Strong is the expensive model.
	Strong Side = 1
	// Weak is the cheap model.
	Weak Side = 2
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
		var out capi.Decision
		var cerr *capi.Error
		status := capi.Route(handle, prompt, &wanted, &out, &cerr)
		if status == capi.OK {
			return r.decision(&out), nil
		}
		if status != capi.NotQuick {
			return Decision{}, r.failure(ctx, status, cerr)
		}
	}
	return r.routeLong(ctx, prompt, wanted)
}

// routeLong waits for a decision in Go.
func (r *Router) routeLong(ctx context.Context, prompt string, wanted capi.RouteOptions) (Decision, error) {
	return r.awaitOne(ctx, false, bytesOf(prompt), wanted)
}

// awaitOne waits in Go for the decision for a text or a chat.
func (r *Router) awaitOne(ctx context.Context, messages bool, prompt []byte, wanted capi.RouteOptions) (Decision, error) {
	decisions, err := r.await(ctx, wanted, func(wanted *capi.RouteOptions, cancel *capi.CancelToken, done capi.Done,
		cerr **capi.Error) capi.Status {
		return capi.RouteAsync(r.handle, messages, prompt, wanted, cancel, done, cerr)
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
	var out capi.Decision
	var cerr *capi.Error
	if status := capi.RouteEmbedding(handle, embedding, &wanted, &out, &cerr); status != capi.OK {
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
	return r.routeBatch(ctx, false, joined, lengths, options)
}

// routeBatch decides for texts or chats that were joined.
func (r *Router) routeBatch(ctx context.Context, messages bool, joined []byte, lengths []uintptr,
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
		plain := make([]capi.Decision, len(lengths))
		var cerr *capi.Error
		status := capi.RouteBatch(handle, messages, joined, lengths, len(joined)+bytesPerPrompt*len(lengths), &wanted,
			plain, &cerr)
		if status == capi.OK {
			out := make([]Decision, len(plain))
			for i := range plain {
				out[i] = r.decision(&plain[i])
			}
			return out, nil
		}
		if status != capi.NotQuick {
			return nil, r.failure(ctx, status, cerr)
		}
	}
	return r.await(ctx, wanted, func(wanted *capi.RouteOptions, cancel *capi.CancelToken, done capi.Done,
		cerr **capi.Error) capi.Status {
		return capi.RouteBatchAsync(handle, messages, joined, lengths, wanted, cancel, done, cerr)
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
	var threshold float64
	var cerr *capi.Error
	if status := capi.Threshold(handle, &wanted, &threshold, &cerr); status != capi.OK {
		return 0, r.failure(nil, status, cerr)
	}
	return threshold, nil
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
	var foundThreshold, foundShare float64
	var cerr *capi.Error
	if status := capi.Share(handle, strongShare, &foundThreshold, &foundShare, &cerr); status != capi.OK {
		return 0, 0, r.failure(nil, status, cerr)
	}
	return foundThreshold, foundShare, nil
}

// decision copies a C decision, and frees the error that may come with it.
func (r *Router) decision(plain *capi.Decision) Decision {
	out := Decision{
		Side:  Side(plain.Side),
		Model: r.nameOf(plain),
		// <faces:value>
		WinRate:           plain.WinRate,
		Threshold:         plain.Threshold,
		Truncated:         plain.Truncated != 0,
		Similarity:        plain.Similarity,
		OutOfDistribution: plain.OutOfDistribution != 0,
		NoScore:           plain.NoScore != 0,
		Propensity:        plain.Propensity,
		ID:                capi.GoString(&plain.ID[0]),
		Candidate:         int(plain.Candidate),
		Quality:           plain.Quality,
		ExpectedCost:      plain.ExpectedCost,
		// </faces:value>
	}
	if plain.Fallback != 0 {
		out.Fallback = &Error{Kind: Kind(plain.FallbackStatus)}
		if plain.FallbackError != nil {
			out.Fallback.Message = capi.ErrorMessage(plain.FallbackError)
			capi.ErrorFree(plain.FallbackError)
		}
		r.warn(plain.FallbackStatus, plain.FallbackWarning)
	}
	return out
}

// nameOf is the name of the model that was chosen; no copy, so that a decision allocates nothing.
func (r *Router) nameOf(plain *capi.Decision) string {
	switch Side(plain.Side) {
	case Strong:
		return r.strong
	case Weak:
		return r.weak
	}
	return r.models[plain.Candidate]
}

// bytesOf is the memory of a string, which must not be changed.
func bytesOf(text string) []byte { return unsafe.Slice(unsafe.StringData(text), len(text)) }

// join puts texts into one, with their lengths.
func join[T string | []byte](texts []T) ([]byte, []uintptr) {
	total := 0
	for _, text := range texts {
		total += len(text)
	}
	joined := make([]byte, 0, total)
	lengths := make([]uintptr, len(texts))
	for i, text := range texts {
		joined = append(joined, text...)
		lengths[i] = uintptr(len(text))
	}
	return joined, lengths
}
