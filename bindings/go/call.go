package routellm

import (
	"context"

	"routellm.dev/go/routellm/internal/capi"
)

// An ending is what a call came to that was made in C and awaited in Go.
type ending struct {
	decisions []Decision
	err       error
}

// A submission begins a call in C. What it passes there is copied.
type submission func(wanted *capi.RouteOptions, cancel *capi.CancelToken, done capi.Done, cerr **capi.Error) capi.Status

// await begins a call and waits for what it comes to, or for the end of ctx.
func (r *Router) await(ctx context.Context, wanted capi.RouteOptions, begin submission) ([]Decision, error) {
	leave, err := r.enterInTime(ctx, r.beginning, &wanted)
	if err != nil {
		return nil, err
	}
	token := takeToken(ctx)
	// Of one: what the call comes to finds its place there, also when nobody waits for it any more.
	ended := make(chan ending, 1)
	var cerr *capi.Error
	status := begin(&wanted, token.pointer(), r.ending(ended), &cerr)
	leave()
	if status != capi.OK {
		token.giveBack()
		return nil, r.failure(ctx, status, cerr)
	}
	select {
	case out := <-ended:
		token.giveBack()
		return out.decisions, out.err
	case <-ctx.Done():
		go r.abandon(token)
		return nil, cancelled(ctx)
	}
}

// abandon ends a call that nobody waits for.
func (r *Router) abandon(token *cancelToken) {
	r.beginning <- struct{}{}
	defer r.beginning.leave()
	token.cancel()
}

// ending takes what a call comes to. It runs on a thread of the library, or inside the call that begins, cancels or closes,
// and never waits.
func (r *Router) ending(ended chan<- ending) capi.Done {
	return func(status capi.Status, decisions []capi.Decision, cerr *capi.Error) {
		if status != capi.OK {
			// The error is the library's.
			ended <- ending{err: r.met(&Error{Kind: Kind(status), Message: capi.ErrorMessage(cerr)})}
			return
		}
		out := make([]Decision, len(decisions))
		for i := range decisions {
			out[i] = r.decision(&decisions[i])
		}
		ended <- ending{decisions: out}
	}
}
