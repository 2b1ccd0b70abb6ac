package routellm

import (
	"context"
	"time"

	"routellm.dev/go/routellm/internal/capi"
)

// A gate lets a few goroutines into C at once. The others wait in Go, where waiting costs no thread: one that is in C
// for longer than an instant has a thread for itself.
type gate chan struct{}

// leave lets the next one in.
func (g gate) leave() { <-g }

// enter lets this goroutine into C as soon as there is room.
func (r *Router) enter(ctx context.Context, g gate) error {
	select {
	case g <- struct{}{}:
		return nil
	default:
	}
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return cancelled(ctx)
	case <-r.closing:
		return r.met(&Error{Kind: Cancelled, Message: "the router was closed before this call's turn"})
	}
}

// enterInTime is as enter, and takes the time that was waited off the timeout of the call, which counts from here.
// Whoever is out of time, or has a wrong one, goes in without room for it, to be refused there: left says whether there is
// something to leave.
func (r *Router) enterInTime(ctx context.Context, g gate, wanted *capi.RouteOptions) (left func(), err error) {
	select {
	case g <- struct{}{}:
		return g.leave, nil
	default:
	}
	const forever = 1e12 // milliseconds; more is no duration of Go.
	switch {
	case wanted.HasTimeout == 0 || wanted.TimeoutMs >= forever:
		return r.roomFor(ctx, g, wanted)
	case !(wanted.TimeoutMs > 0):
		return nothing, nil
	}
	start := time.Now()
	allowed := time.Duration(wanted.TimeoutMs * float64(time.Millisecond))
	limited, stop := context.WithTimeout(ctx, allowed)
	defer stop()
	left, err = r.roomFor(limited, g, wanted)
	waited := time.Since(start)
	if err != nil {
		if ctx.Err() != nil || limited.Err() == nil {
			return nil, err
		}
		wanted.TimeoutMs = 1e-6
		return nothing, nil
	}
	// Less is not worth another number in the message.
	if waited >= time.Millisecond {
		wanted.TimeoutMs = max(wanted.TimeoutMs-waited.Seconds()*1000, 1e-6)
	}
	return left, nil
}

// roomFor waits for room. A call that finds too many others waiting, and has an [OnError], goes in without, to be refused
// there.
func (r *Router) roomFor(ctx context.Context, g gate, wanted *capi.RouteOptions) (left func(), err error) {
	if g != r.holding {
		return g.leave, r.enter(ctx, g)
	}
	err = r.hold(ctx)
	if e, ok := err.(*Error); ok && e.Kind == ResourceExhausted && wanted.OnError != int32(Raise) {
		wanted.TimeoutMs, wanted.HasTimeout = 1e-6, 1
		return nothing, nil
	}
	return g.leave, err
}

// hold lets this goroutine wait for a session in C, as many of them as there are sessions. Those that wait here count
// as waiting for a session.
func (r *Router) hold(ctx context.Context) error {
	select {
	case r.holding <- struct{}{}:
		return nil
	default:
	}
	if r.maxWaiting != nil {
		stats, err := r.Stats()
		if err != nil {
			return err
		}
		if stats.Waiting >= *r.maxWaiting {
			return &Error{Kind: ResourceExhausted, Message: "every session is in use and as many calls wait as " +
				"max_waiting allows: try again later, or open the router with more sessions"}
		}
	}
	r.waiting.Add(1)
	defer r.waiting.Add(-1)
	return r.enter(ctx, r.holding)
}

// compute lets this goroutine score embeddings in C; what takes no time needs no room.
func (r *Router) compute(rows int) (left func(), err error) {
	if r.instant && rows <= quickBatch {
		return nothing, nil
	}
	return r.computing.leave, r.enter(context.Background(), r.computing)
}
