package routellm

import (
	"bytes"
	"fmt"
	"log"
	"math"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

var uuid7 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// notes are what a hook has heard.
type notes struct {
	mu     sync.Mutex
	events []DecisionEvent
}

func (n *notes) hear(event DecisionEvent) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.events = append(n.events, event)
}

// hold checks that these decisions, and no other ones, were heard in this order since the last time.
func (n *notes) hold(t *testing.T, err error, decisions ...Decision) {
	t.Helper()
	n.mu.Lock()
	events := n.events
	n.events = nil
	n.mu.Unlock()
	if err != nil || len(events) != len(decisions) {
		t.Fatalf("%v, %d events of %d decisions", err, len(events), len(decisions))
	}
	for i, event := range events {
		decision := decisions[i]
		if !uuid7.MatchString(event.ID) || i > 0 && event.ID <= events[i-1].ID {
			t.Errorf("id %q", event.ID)
		}
		if event.Model != decision.Model || event.Side != decision.Side || event.Threshold != decision.Threshold ||
			math.Float64bits(event.WinRate) != math.Float64bits(decision.WinRate) &&
				!(math.IsNaN(event.WinRate) && math.IsNaN(decision.WinRate)) {
			t.Errorf("%+v of %+v", event, decision)
		}
		fallback := Kind(0)
		if decision.Fallback != nil {
			fallback = decision.Fallback.Kind
		}
		if event.FallbackKind != fallback || event.Index != i || event.BatchSize != len(events) || event.Propensity != 1 {
			t.Errorf("%+v", event)
		}
		if event.Queue < 0 || event.Score < 0 || event.Total <= 0 || event.Queue+event.Score > event.Total ||
			decision.Fallback != nil && event.Score != 0 {
			t.Errorf("%+v", event)
		}
		if strings.Contains(fmt.Sprintf("%+v", event), "xyzzy") {
			t.Error("the prompt is in an event")
		}
	}
}

func one(t *testing.T, n *notes) func(Decision, error) {
	return func(decision Decision, err error) {
		t.Helper()
		n.hold(t, err, decision)
	}
}

func many(t *testing.T, n *notes) func([]Decision, error) {
	return func(decisions []Decision, err error) {
		t.Helper()
		n.hold(t, err, decisions...)
	}
}

func everyCallIsHeard(t *testing.T, router *Router, n *notes, options ...RouteOption) {
	t.Helper()
	ctx := t.Context()
	secret := "xyzzy is a secret word"
	chat := []byte(`[{"role":"user","content":"xyzzy"}]`)
	batch := []string{secret, "What is 17 * 23?"}
	long := make([]string, 100)
	for i := range long {
		long[i] = fmt.Sprint(secret, i)
	}
	one(t, n)(router.Route(ctx, secret, options...))
	one(t, n)(router.Route(ctx, strings.Repeat(secret, 1000), options...))
	one(t, n)(router.RouteMessages(ctx, chat, options...))
	many(t, n)(router.RouteBatch(ctx, batch, options...))
	many(t, n)(router.RouteBatch(ctx, long, options...))
	many(t, n)(router.RouteBatchMessages(ctx, [][]byte{chat, chat}, options...))
	if _, err := router.WinRate(ctx, secret); err != nil {
		t.Error(err)
	}
	n.hold(t, nil)
}

func TestHookHearsEveryDecision(t *testing.T) {
	var n notes
	router, err := Default(WithDecisionHook(n.hear))
	if err != nil {
		t.Fatal(err)
	}
	everyCallIsHeard(t, router, &n)
	ctx := t.Context()
	one(t, &n)(router.Route(ctx, "\xff", WithOnError(FallBackToStrong)))
	many(t, &n)(router.RouteBatch(ctx, []string{"hello", "\xff"}, WithOnError(FallBackToWeak)))
	// What fails decides nothing.
	if _, err := router.RouteBatch(ctx, []string{"hello", "\xff"}); err == nil {
		t.Error("a text that is not Unicode was routed")
	}
	if _, err := router.Route(ctx, "hello", WithThreshold(2)); err == nil {
		t.Error("a threshold of 2 was taken")
	}
	n.hold(t, nil)
	if err := router.Close(); err != nil {
		t.Error(err)
	}
}

func TestHookHearsOfSessions(t *testing.T) {
	var n notes
	router, err := Open(filepath.Join(root(), "artifacts", "mf-minilm"), WithDecisionHook(n.hear))
	if withoutRuntime(err) {
		t.Skip("a hook of a router with sessions:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	everyCallIsHeard(t, router, &n)
	embedding, err := router.Embed("hello")
	if err != nil {
		t.Fatal(err)
	}
	one(t, &n)(router.RouteEmbedding(t.Context(), embedding))
}

func TestHookHearsOfEmbeddings(t *testing.T) {
	var n notes
	router, err := Open(callerMF(t), WithDecisionHook(n.hear))
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	embedding := make([]float32, router.EmbeddingDimension())
	one(t, &n)(router.RouteEmbedding(t.Context(), embedding, WithThreshold(0.5)))
}

func TestHookOfManyGoroutines(t *testing.T) {
	var n notes
	router, err := Default(WithDecisionHook(n.hear))
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	var all sync.WaitGroup
	for range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			for range 100 {
				if _, err := router.RouteBatch(t.Context(), []string{"a", "b"}); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	all.Wait()
	ids := map[string]bool{}
	for _, event := range n.events {
		ids[event.ID] = true
	}
	if len(n.events) != 1600 || len(ids) != 1600 {
		t.Errorf("%d events with %d ids", len(n.events), len(ids))
	}
}

func TestHookThatPanicsEndsNothing(t *testing.T) {
	var logged bytes.Buffer
	before := log.Writer()
	log.SetOutput(&logged)
	defer log.SetOutput(before)
	router, err := Default(WithDecisionHook(func(event DecisionEvent) { panic(event.Index) }))
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	decisions, err := router.RouteBatch(t.Context(), []string{"a", "b"})
	if err != nil || len(decisions) != 2 || strings.Count(logged.String(), "the hook panicked") != 2 {
		t.Error(decisions, err, logged.String())
	}
}
