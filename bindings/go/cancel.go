package routellm

import (
	"context"
	"runtime"
	"sync"

	"routellm.dev/go/routellm/internal/capi"
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

// within does work that takes long and does not look at a context, until ctx ends. What comes after that is thrown away by
// discard, unless it is nil.
func within[T any](ctx context.Context, work func() (T, error), discard func(T) error) (T, error) {
	var none T
	if err := begin(ctx); err != nil {
		return none, err
	}
	if ctx.Done() == nil {
		return work()
	}
	type result struct {
		made T
		err  error
	}
	results := make(chan result)
	go func() {
		made, err := work()
		select {
		case results <- result{made, err}:
		case <-ctx.Done():
			if err == nil && discard != nil {
				discard(made)
			}
		}
	}()
	select {
	case r := <-results:
		return r.made, r.err
	case <-ctx.Done():
		return none, cancelled(ctx)
	}
}

// A cancelToken cancels one call after the other, as long as it was not used.
type cancelToken struct {
	c *capi.CancelToken
}

// tokens are for reuse: a call that is not cancelled makes none and frees none.
var tokens = sync.Pool{New: func() any {
	token := &cancelToken{capi.CancelTokenNew()}
	runtime.AddCleanup(token, capi.CancelTokenFree, token.c)
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
func (t *cancelToken) pointer() *capi.CancelToken {
	if t == nil {
		return nil
	}
	return t.c
}

// cancel ends the call. It may call back on this thread.
func (t *cancelToken) cancel() {
	capi.CancelTokenCancel(t.c)
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
