package routellm

/*
#include "glue.h"
*/
import "C"

import (
	"context"
	"runtime"
	"sync"
)

func nothing() {}

// begin refuses a context that is nil or has ended.
func begin(ctx context.Context) error {
	if ctx == nil {
		return invalid("ctx is nil: use context.Background()")
	}
	if ctx.Err() != nil {
		return cancelled(ctx)
	}
	return nil
}

// A cancelToken cancels one call after the other, as long as it was not used.
type cancelToken struct {
	c *C.routellm_cancel_token
}

// tokens are for reuse: a call that is not cancelled makes none and frees none.
var tokens = sync.Pool{New: func() any {
	token := &cancelToken{C.routellm_cancel_token_new()}
	runtime.AddCleanup(token, func(c *C.routellm_cancel_token) { C.routellm_cancel_token_free(c) }, token.c)
	return token
}}

// takeToken gives a token, or nil for a context that cannot end.
func takeToken(ctx context.Context) *cancelToken {
	if ctx.Done() == nil {
		return nil
	}
	return tokens.Get().(*cancelToken)
}

// giveBack takes the token of a call that has ended and was not cancelled. Nil is permitted.
func (t *cancelToken) giveBack() {
	if t != nil {
		tokens.Put(t)
	}
}

// pointer is what C takes; NULL for nil.
func (t *cancelToken) pointer() *C.routellm_cancel_token {
	if t == nil {
		return nil
	}
	return t.c
}

// cancel ends the call. It may call back on this thread.
func (t *cancelToken) cancel() {
	C.routellm_cancel_token_cancel(t.c)
	runtime.KeepAlive(t)
}

// watch gives a token that is cancelled when ctx ends, for a call that runs in C, and a function that takes it back.
func watch(ctx context.Context) (*cancelToken, func()) {
	token := takeToken(ctx)
	if token == nil {
		return nil, nothing
	}
	finished := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		token.cancel()
		close(finished)
	})
	return token, func() {
		if stop() {
			token.giveBack()
			return
		}
		// It runs, or ran: it must not meet the next call.
		<-finished
	}
}
