package routellm

/*
#include "glue.h"
*/
import "C"

import (
	"context"
	"log"
	"runtime/cgo"
	"runtime/debug"
	"time"
)

// A DecisionEvent is what a hook hears of a decision: see [WithDecisionHook]. The prompt is not in it.
type DecisionEvent struct {
	// ID of the decision: a UUID of version 7 in lower case, which sorts by time. No two decisions have the same one, also
	// not in several processes.
	ID string
	// Model that was chosen, and its side.
	Model string
	Side  Side
	// WinRate is P(strong model's answer is preferred or needed), in [0, 1]; NaN in a fallback.
	WinRate float64
	// Threshold that the win rate was compared with.
	Threshold float64
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
func onDecision(handle *C.routellm_router, hook func(DecisionEvent)) error {
	if hook == nil {
		return nil
	}
	user := cgo.NewHandle(hook)
	var cerr *C.routellm_error
	if status := C.go_on_decision(handle, C.uintptr_t(user), &cerr); status != C.ROUTELLM_OK {
		user.Delete()
		return failure(nil, status, cerr)
	}
	return nil
}

// routellmGoHear runs on a thread of the library, or inside a call that decides.
//
//export routellmGoHear
func routellmGoHear(user C.uintptr_t, event *C.routellm_decision_event) {
	hook := cgo.Handle(user).Value().(func(DecisionEvent))
	// What lies below are frames of the library, which no panic may leave.
	defer func() {
		if err := recover(); err != nil {
			log.Printf("routellm: the hook panicked: %v\n%s", err, debug.Stack())
		}
	}()
	hook(DecisionEvent{
		ID:           C.GoString(event.id),
		Model:        C.GoString(event.model),
		Side:         Side(event.side),
		WinRate:      float64(event.win_rate),
		Threshold:    float64(event.threshold),
		Propensity:   float64(event.propensity),
		FallbackKind: Kind(event.fallback_status),
		Queue:        time.Duration(event.queue_ns),
		Score:        time.Duration(event.score_ns),
		Total:        time.Duration(event.total_ns),
		Index:        int(event.index),
		BatchSize:    int(event.batch_size),
	})
}

// routellmGoForget frees a hook that nobody needs any more.
//
//export routellmGoForget
func routellmGoForget(user C.uintptr_t) {
	cgo.Handle(user).Delete()
}

// routeEmbeddingHeard decides for an embedding where a hook is set: the other way does not let C call back.
func (r *Router) routeEmbeddingHeard(ctx context.Context, embedding []float32, wanted C.go_route_options) (Decision, error) {
	var out C.routellm_decision
	var cerr *C.routellm_error
	status := C.go_route_embedding_heard(r.handle, floats(embedding), C.size_t(len(embedding)), &wanted, &out, &cerr)
	if status != C.ROUTELLM_OK {
		return Decision{}, r.failure(ctx, status, cerr)
	}
	return r.decision(&out), nil
}
