package routellm

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

// generation opens a router whose models tell which one it is.
func generation(t *testing.T, which string) *Router {
	t.Helper()
	router, err := Open(model("bert-tiny"), WithKind("bert"), WithStrong("strong "+which), WithWeak("weak "+which),
		WithIntraThreads(1))
	if withoutRuntime(err) {
		t.Skip("reloading:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return router
}

func TestReloadingFailsAndTearsNoCall(t *testing.T) {
	reloadable := NewReloadable(generation(t, "0"))
	defer reloadable.Close()
	half := WithThreshold(0.5)
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	var stop atomic.Bool
	var calls atomic.Int64
	var group sync.WaitGroup
	models := func(decision Decision) string { return decision.Model[len(decision.Model)-1:] }
	for worker := range 24 {
		group.Add(1)
		go func() {
			defer group.Done()
			for !stop.Load() {
				calls.Add(1)
				switch worker % 3 {
				case 0:
					if _, err := reloadable.Route(ctx, "What is 2+2?", half); err != nil {
						t.Error(err)
						return
					}
				case 1:
					batch, err := reloadable.RouteBatch(ctx, []string{"x", "What is 2+2?", "y"}, half)
					if err != nil || models(batch[0]) != models(batch[1]) || models(batch[0]) != models(batch[2]) {
						t.Error(batch, err)
						return
					}
				case 2:
					if err := reloadable.Use(func(router *Router) error {
						decision, err := router.Route(ctx, "x", half)
						if err == nil && decision.Model != router.Strong() && decision.Model != router.Weak() {
							t.Error(decision.Model, router.Strong(), router.Weak())
						}
						if _, err := router.WinRate(ctx, "x"); err != nil {
							return err
						}
						return err
					}); err != nil {
						t.Error(err)
						return
					}
				}
			}
		}()
	}
	var before []*Router
	for round := range 12 {
		// Some calls run on each of them.
		start := calls.Load()
		eventually(t, "calls", func() bool { return calls.Load() > start+30 || t.Failed() })
		before = append(before, reloadable.current.Load())
		if err := reloadable.Replace(generation(t, string(rune('a'+round)))); err != nil {
			t.Fatal(err)
		}
	}
	stop.Store(true)
	group.Wait()
	for _, router := range before {
		eventually(t, "the one before is freed", func() bool { return router.users.Load() < 0 })
	}
}

func TestWhatUseHoldsStaysGood(t *testing.T) {
	first, second := openDefault(t), openDefault(t)
	reloadable := NewReloadable(first)
	if err := reloadable.Use(func(router *Router) error {
		if err := reloadable.Replace(second); err != nil {
			return err
		}
		_, err := router.Route(background, "x")
		return err
	}); err != nil {
		t.Error(err)
	}
	if _, err := first.Route(background, "x"); !errors.Is(err, ErrClosed) {
		t.Error("the one before is not freed:", err)
	}
	reason := errors.New("a reason")
	if err := reloadable.Use(func(router *Router) error {
		if router != second {
			t.Error("not the one in use")
		}
		return reason
	}); err != reason {
		t.Error(err)
	}
}

func TestRefusedReplacements(t *testing.T) {
	router := openDefault(t)
	reloadable := NewReloadable(router)
	refused(t, reloadable.Replace(nil), InvalidArgument, "nil")
	gone := openDefault(t)
	gone.Close()
	if err := reloadable.Replace(gone); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := reloadable.Replace(router); err != nil {
		t.Error(err)
	}
	if _, err := reloadable.Route(background, "x"); err != nil {
		t.Error("what is refused changes nothing:", err)
	}
	for range 2 {
		if err := reloadable.Close(); err != nil {
			t.Error(err)
		}
	}
	_, err := reloadable.Route(background, "x")
	if !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if _, err := reloadable.RouteBatch(background, []string{"x"}); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := reloadable.Replace(openDefault(t)); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}
