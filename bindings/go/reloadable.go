package routellm

import (
	"context"
	"sync"
	"sync/atomic"
)

// A Reloadable holds the router that is in use, so that another one can take its place while calls run. It is safe for
// concurrent use.
//
//	reloadable := routellm.NewReloadable(router)
//	...
//	decision, err := reloadable.Route(ctx, prompt)
//
// and whenever there is something new:
//
//	router, err := routellm.Open(folder) // In full, before anything changes.
//	if err != nil {
//		return err // The one before stays in use.
//	}
//	return reloadable.Replace(router)
type Reloadable struct {
	current atomic.Pointer[Router]
	// Held while current changes.
	mu sync.Mutex
}

// NewReloadable holds router, which belongs to it from now on: use, replace and close it here.
func NewReloadable(router *Router) *Reloadable {
	reloadable := new(Reloadable)
	reloadable.current.Store(router)
	return reloadable
}

// Route is as [Router.Route], on the router in use.
func (l *Reloadable) Route(ctx context.Context, prompt string, options ...RouteOption) (Decision, error) {
	router, err := l.take()
	if err != nil {
		return Decision{}, err
	}
	defer router.release()
	return router.Route(ctx, prompt, options...)
}

// RouteBatch is as [Router.RouteBatch]: one router decides for the whole batch.
func (l *Reloadable) RouteBatch(ctx context.Context, prompts []string, options ...RouteOption) ([]Decision, error) {
	router, err := l.take()
	if err != nil {
		return nil, err
	}
	defer router.release()
	return router.RouteBatch(ctx, prompts, options...)
}

// Use calls f with the router in use, which serves f until it returns, also after a replacement. It is the way to
// everything that a router can do, and to several calls on the same one. It returns what f returns.
func (l *Reloadable) Use(f func(*Router) error) error {
	router, err := l.take()
	if err != nil {
		return err
	}
	defer router.release()
	return f(router)
}

// Replace puts router into use; it belongs to l from now on. Calls that run or wait on the one before finish on it, and
// the last of them frees it: no call fails. It does not wait for them.
//
// The error is [ErrClosed] if l or router is closed; then nothing has changed.
func (l *Reloadable) Replace(router *Router) error {
	if router == nil {
		return invalid("router is nil")
	}
	if _, err := router.use(); err != nil {
		return err
	}
	defer router.release()
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.current.Load()
	if before == nil {
		return closed()
	}
	if before != router {
		l.current.Store(router)
		before.disown()
	}
	return nil
}

// Close is as [Router.Close] of the router in use, and the end of l.
func (l *Reloadable) Close() error {
	l.mu.Lock()
	router := l.current.Swap(nil)
	l.mu.Unlock()
	if router == nil {
		return nil
	}
	return router.Close()
}

// take is the router in use, to be released.
func (l *Reloadable) take() (*Router, error) {
	for {
		router := l.current.Load()
		if router == nil {
			return nil, closed()
		}
		_, err := router.use()
		if err == nil {
			return router, nil
		}
		// It went away since: then there is another one.
		if l.current.Load() == router {
			return nil, err
		}
	}
}
