package routellm

import (
	"context"
	"log"
	"runtime/debug"
	"time"

	"routellm.dev/go/routellm/internal/capi"
)

// A DecisionEvent is what a hook hears of a decision: see [WithDecisionHook]. The prompt is not in it.
type DecisionEvent struct {
	// ID of the decision: a UUID of version 7 in lower case, which sorts by time. No two decisions have the same one, also
	// not in several processes.
	ID string
	// Model that was chosen, and its side.
	Model string
	Side  Side
	// Candidate is the number of the chosen candidate, from 0, in the order of [Router.Models].
	Candidate int
	// WinRate is P(strong model's answer is preferred or needed), in [0, 1]; NaN in a fallback and outside the policies
	// of the pair.
	WinRate float64
	// Threshold that the win rate was compared with; NaN outside the policies of the pair.
	Threshold float64
	// Quality that the chosen candidate is expected to have, in [0, 1]; NaN in a fallback and for the policies of the pair.
	Quality float64
	// ExpectedCost of the request in USD; NaN if that is not known.
	ExpectedCost float64
	// Propensity is the probability that the side had of being chosen, in (0, 1]: 1, as none is left to chance.
	Propensity float64
	// FallbackKind is the kind of the error behind a fallback; else 0.
	FallbackKind Kind
	// Queue is the time from the beginning of the call until the prompt's turn: the wait for a session, and for prompts of
	// the same batch that came before. All of the time, if the turn never came.
	Queue time.Duration
	// Score is the time for features and score together. Prompts that a model reads in one run have the time of that run
	// each.
	Score time.Duration
	// Total is the time from the beginning of the call until all of its decisions were made.
	Total time.Duration
	// Index is the prompt's place in its batch, from 0, and BatchSize how many prompts the call had; 0 and 1 for a prompt
	// alone.
	Index, BatchSize int
}

// WithDecisionHook sets who hears of every decision: of each prompt once, those of a batch in their order, fallbacks too.
// Calls that fail decide nothing, and scores are no decisions. Without a hook nothing is measured, and no id is made.
//
// The hook runs after the decision is made and before the call returns, in the goroutine of the call or in one that stands
// for a thread of the library and holds up other calls; several may run at once. So it must be quick, and must not call
// the router. A panic in it is logged, and the decision stands. Until the router is closed, the hook and what it refers to
// stay in memory: one that refers to its router keeps that open.
func WithDecisionHook(hook func(DecisionEvent)) OpenOption {
	return func(o *openOptions) { o.onDecision = hook }
}

// onDecision lets hook hear of the decisions of a new router, unless it is nil.
func onDecision(handle *capi.Router, hook func(DecisionEvent)) error {
	if hook == nil {
		return nil
	}
	var cerr *capi.Error
	if status := capi.RouterOnDecision(handle, hearing(hook), &cerr); status != capi.OK {
		return failure(nil, status, cerr)
	}
	return nil
}

func onNotice(handle *capi.Router, hear func(string)) error {
	if hear == nil {
		return nil
	}
	told := func(message *byte) {
		// What lies below are frames of the library, which no panic may leave.
		defer func() {
			if err := recover(); err != nil {
				log.Printf("routellm: the notice handler panicked: %v\n%s", err, debug.Stack())
			}
		}()
		hear(capi.GoString(message))
	}
	var cerr *capi.Error
	if status := capi.RouterOnNotice(handle, told, &cerr); status != capi.OK {
		return failure(nil, status, cerr)
	}
	return nil
}

// hearing tells hook of decisions. It runs on a thread of the library, or inside a call that decides.
func hearing(hook func(DecisionEvent)) capi.Hear {
	return func(event *capi.DecisionEvent) {
		// What lies below are frames of the library, which no panic may leave.
		defer func() {
			if err := recover(); err != nil {
				log.Printf("routellm: the hook panicked: %v\n%s", err, debug.Stack())
			}
		}()
		hook(DecisionEvent{
			ID:           capi.GoString(event.ID),
			Model:        capi.GoString(event.Model),
			Side:         Side(event.Side),
			Candidate:    int(event.Candidate),
			WinRate:      event.WinRate,
			Threshold:    event.Threshold,
			Quality:      event.Quality,
			ExpectedCost: event.ExpectedCost,
			Propensity:   event.Propensity,
			FallbackKind: Kind(event.FallbackStatus),
			Queue:        time.Duration(event.QueueNs),
			Score:        time.Duration(event.ScoreNs),
			Total:        time.Duration(event.TotalNs),
			Index:        int(event.Index),
			BatchSize:    int(event.BatchSize),
		})
	}
}

// routeEmbeddingHeard decides for an embedding where a hook is set: the other way does not let C call back.
func (r *Router) routeEmbeddingHeard(ctx context.Context, embedding []float32, wanted capi.RouteOptions) (Decision, error) {
	var out capi.Decision
	var cerr *capi.Error
	if status := capi.RouteEmbeddingHeard(r.handle, embedding, &wanted, &out, &cerr); status != capi.OK {
		return Decision{}, r.failure(ctx, status, cerr)
	}
	return r.decision(&out), nil
}
