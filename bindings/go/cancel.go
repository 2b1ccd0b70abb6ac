package routellm

/*
#include "glue.h"
*/
import "C"

import "context"

func nothing() {}

// cancelToken gives a token that is cancelled when ctx ends, and a function that takes it back. The token is nil for
// a context that cannot end, and for calls that are over before anybody could interrupt them; a context that has
// ended is an error at once.
func cancelToken(ctx context.Context, interruptible bool) (*C.routellm_cancel_token, func(), error) {
	if ctx == nil {
		return nil, nil, invalid("ctx is nil: use context.Background()")
	}
	if ctx.Err() != nil {
		return nil, nil, cancelled(ctx)
	}
	if !interruptible || ctx.Done() == nil {
		return nil, nothing, nil
	}
	token := C.routellm_cancel_token_new()
	finished := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		C.routellm_cancel_token_cancel(token)
		close(finished)
	})
	return token, func() {
		if !stop() {
			// It runs, or ran: the token must outlive it.
			<-finished
		}
		C.routellm_cancel_token_free(token)
	}, nil
}
