package routellm

/*
#include "glue.h"
*/
import "C"

import (
	"context"
	"runtime/cgo"
	"unsafe"
)

// A call is made in C and awaited in Go.
type call struct {
	router *Router
	// Of one: what the call comes to finds its place there, also when nobody waits for it any more.
	done chan ending
}

type ending struct {
	decisions []Decision
	err       error
}

// A submission begins a call in C. What it passes there is copied.
type submission func(user C.uintptr_t, wanted *C.go_route_options, token *C.routellm_cancel_token,
	cerr **C.routellm_error) C.routellm_status

// await begins a call and waits for what it comes to, or for the end of ctx.
func (r *Router) await(ctx context.Context, wanted C.go_route_options, begin submission) ([]Decision, error) {
	leave, err := r.enterInTime(ctx, r.beginning, &wanted)
	if err != nil {
		return nil, err
	}
	token := takeToken(ctx)
	it := &call{router: r, done: make(chan ending, 1)}
	user := cgo.NewHandle(it)
	var cerr *C.routellm_error
	status := begin(C.uintptr_t(user), &wanted, token.pointer(), &cerr)
	leave()
	if status != C.ROUTELLM_OK {
		user.Delete()
		token.giveBack()
		return nil, r.failure(ctx, status, cerr)
	}
	select {
	case out := <-it.done:
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

// routellmGoDone runs on a thread of the library, or inside the call that begins, cancels or closes. It never waits.
//
//export routellmGoDone
func routellmGoDone(user C.uintptr_t, status C.routellm_status, decisions *C.routellm_decision, count C.size_t,
	cerr *C.routellm_error) {
	handle := cgo.Handle(user)
	it := handle.Value().(*call)
	handle.Delete()
	if status != C.ROUTELLM_OK {
		// The error is the library's.
		err := &Error{Kind: Kind(status), Message: C.GoString(C.routellm_error_message(cerr))}
		it.done <- ending{err: it.router.met(err)}
		return
	}
	out := make([]Decision, int(count))
	for i, plain := range unsafe.Slice(decisions, len(out)) {
		out[i] = it.router.decision(&plain)
	}
	it.done <- ending{decisions: out}
}
