package routellm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// eventually waits for a state that is reached whatever the machine does meanwhile.
func eventually(t *testing.T, state string, reached func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !reached(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never:", state)
		}
	}
}

func stats(t *testing.T, router *Router) Stats {
	t.Helper()
	stats, err := router.Stats()
	if err != nil {
		t.Fatal(err)
	}
	return stats
}

// keepBusy gives the one session of a router work for minutes, and returns what ends it and tells whether it has ended.
func keepBusy(t *testing.T, router *Router) (end func(), ended <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithCancel(background)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err := router.RouteBatch(ctx, questions(200_000), WithThreshold(0.5)); !errors.Is(err, context.Canceled) &&
			!errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	}()
	end = func() {
		cancel()
		<-done
	}
	t.Cleanup(end)
	eventually(t, "busy", func() bool { return stats(t, router).Busy == 1 })
	return end, done
}

func running(t *testing.T, ended <-chan struct{}) {
	t.Helper()
	select {
	case <-ended:
		t.Error("the call has waited for the others")
	default:
	}
}

// threads is how many the operating system counts in this process.
func threads(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(status), "\n") {
		if count, ok := strings.CutPrefix(line, "Threads:"); ok {
			number, err := strconv.Atoi(strings.TrimSpace(count))
			if err != nil {
				t.Fatal(err)
			}
			return number
		}
	}
	t.Fatal("no Threads in /proc/self/status")
	return 0
}

// TestThreadsDoNotGrowWithCallers runs itself in processes of its own: threads of Go never end.
func TestThreadsDoNotGrowWithCallers(t *testing.T) {
	const callers = 2000
	artifact := filepath.Join(root(), "artifacts", "mf-minilm")
	kind := os.Getenv("ROUTELLM_TEST_CHILD")
	if kind == "" {
		if _, err := os.Stat(filepath.Join(artifact, "router.json")); err != nil {
			t.Skip("threads of an encoder: artifacts/mf-minilm is absent")
		}
		router, err := Open(artifact)
		if withoutRuntime(err) {
			t.Skip("threads of an encoder:", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		router.Close()
		for _, kind := range []string{"Route", "RouteBatch", "WinRate", "Embed", "Timeout"} {
			child := exec.Command(os.Args[0], "-test.run", "^TestThreadsDoNotGrowWithCallers$", "-test.v")
			child.Env = append(child.Environ(), "ROUTELLM_TEST_CHILD="+kind)
			if output, err := child.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", kind, err, output)
			}
		}
		return
	}
	const sessions, intraThreads = 2, 2
	router, err := Open(artifact, WithSessions(sessions), WithIntraThreads(intraThreads))
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	ctx, cancel := context.WithTimeout(background, time.Hour)
	defer cancel()
	call := map[string]func(string) error{
		"Route":      func(prompt string) error { _, err := router.Route(ctx, prompt); return err },
		"RouteBatch": func(prompt string) error { _, err := router.RouteBatch(ctx, []string{prompt}); return err },
		"Timeout":    func(prompt string) error { _, err := router.Route(ctx, prompt, WithTimeout(time.Hour)); return err },
		"WinRate":    func(prompt string) error { _, err := router.WinRate(ctx, prompt); return err },
		"Embed":      func(prompt string) error { _, err := router.Embed(prompt); return err },
	}[kind]
	count := callers
	if kind != "Route" {
		count /= 8
	}
	var group sync.WaitGroup
	for i := range count {
		group.Add(1)
		go func() {
			defer group.Done()
			if err := call(fmt.Sprintf("sort %d", i)); err != nil {
				t.Error(err)
			}
		}()
	}
	group.Wait()
	most := 2*sessions + runtime.GOMAXPROCS(0) + 4 + sessions*(intraThreads-1)
	if count := threads(t); count >= most {
		t.Errorf("%d threads, expected fewer than %d", count, most)
	}
}

func TestStormOfCancellations(t *testing.T) {
	for _, sessions := range []int{1, 2} {
		router := openModel(t, "bert-tiny", WithKind("bert"), WithSessions(sessions), WithIntraThreads(1))
		half := WithThreshold(0.5)
		expected, err := router.Route(background, "What is 2+2?", half)
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for i := range 1200 {
			group.Add(1)
			go func() {
				defer group.Done()
				ctx, cancel := context.WithCancel(background)
				defer cancel()
				var decision Decision
				var err error
				switch i % 4 {
				case 0:
					if decision, err = router.Route(ctx, "What is 2+2?", half); err != nil {
						t.Error("a plain call failed:", err)
					}
				case 1:
					time.AfterFunc(time.Duration(i)*10*time.Microsecond, cancel)
					decision, err = router.Route(ctx, "What is 2+2?", half, WithOnError(FallBackToWeak))
					if err != nil {
						refused(t, err, Cancelled, "cancelled")
						if !errors.Is(err, context.Canceled) {
							t.Error(err)
						}
					}
				case 2:
					decision, err = router.Route(ctx, "What is 2+2?", half, WithTimeout(time.Duration(i+1)*10*time.Microsecond))
					if err != nil {
						refused(t, err, ResourceExhausted, "timeout")
					}
				case 3:
					time.AfterFunc(time.Duration(i)*10*time.Microsecond, cancel)
					rate, rateErr := router.WinRate(ctx, "What is 2+2?")
					if rateErr == nil && rate != expected.WinRate || rateErr != nil && !errors.Is(rateErr, context.Canceled) {
						t.Error(rate, rateErr)
					}
					return
				}
				if err == nil && !same(decision, expected) {
					t.Errorf("%+v, expected %+v", decision, expected)
				}
			}()
		}
		group.Wait()
		eventually(t, "idle", func() bool { now := stats(t, router); return now.Busy == 0 && now.Waiting == 0 })
		if decision, err := router.Route(background, "What is 2+2?", half); err != nil || !same(decision, expected) {
			t.Errorf("%+v, %v", decision, err)
		}
	}
}

func TestWhoWaitsCanLeaveAtOnce(t *testing.T) {
	router := openCausal(t)
	half := WithThreshold(0.5)
	_, ended := keepBusy(t, router)
	ctx, cancel := context.WithCancel(background)
	left := make(chan error)
	go func() {
		_, err := router.Route(ctx, "x", half, WithOnError(FallBackToStrong))
		left <- err
	}()
	eventually(t, "waiting", func() bool { return stats(t, router).Waiting == 1 })
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	eventually(t, "taken back", func() bool { return stats(t, router).Waiting == 0 })
	late, stop := context.WithTimeout(background, 5*time.Millisecond)
	defer stop()
	if _, err := router.WinRate(late, "x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	_, err := router.Route(background, "x", half, WithTimeout(5*time.Millisecond))
	refused(t, err, ResourceExhausted, "timeout of 5 ms")
	decision, err := router.Route(background, "x", half, WithTimeout(5*time.Millisecond), WithOnError(FallBackToStrong))
	if err != nil || decision.Side != Strong || !errors.Is(decision.Fallback, &Error{Kind: ResourceExhausted}) {
		t.Errorf("%+v, %v", decision, err)
	}
	running(t, ended)
}

// What a call waits for in Go counts as the rest: its context and timeout, and the end of the router.
func TestWaitingInGo(t *testing.T) {
	router := openModel(t, "bert-tiny", WithKind("bert"))
	half := WithThreshold(0.5)
	router.beginning <- struct{}{}
	_, err := router.Route(background, "x", half, WithTimeout(5*time.Millisecond))
	refused(t, err, ResourceExhausted, "timeout")
	_, err = router.Route(background, "x", half, WithTimeout(-time.Second))
	refused(t, err, InvalidArgument, "timeout_ms is -1000")
	ctx, cancel := context.WithTimeout(background, 5*time.Millisecond)
	defer cancel()
	_, err = router.Route(ctx, "x", half, WithOnError(FallBackToStrong))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	closing := make(chan error)
	go func() {
		_, err := router.Route(background, "x", half)
		closing <- err
	}()
	go func() {
		_, err := router.RouteBatch(background, []string{"x"}, half, WithTimeout(time.Hour))
		closing <- err
	}()
	router.Close()
	for range 2 {
		if err := <-closing; !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	}
}

func TestMaxWaiting(t *testing.T) {
	router, err := Open(model("llama-genai-ts"), pair(WithKind("causal_llm"), WithTemplate("Rate it.\n{question}\nScore:"),
		WithScoreTokenIDs(805, 806, 807), WithScoreThreshold(2), WithMaxNewTokens(2), WithMaxWaiting(0))...)
	if withoutRuntime(err) {
		t.Skip("max_waiting:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	half := WithThreshold(0.5)
	if _, err := router.Route(background, "x", half); err != nil {
		t.Error("an idle session takes a call:", err)
	}
	end, ended := keepBusy(t, router)
	_, err = router.Route(background, "x", half)
	refused(t, err, ResourceExhausted, "max_waiting")
	_, err = router.RouteBatch(background, []string{"x", "y"}, half)
	refused(t, err, ResourceExhausted, "max_waiting")
	_, err = router.WinRate(background, "x")
	refused(t, err, ResourceExhausted, "max_waiting")
	// As if that one had found its place in C.
	router.holding <- struct{}{}
	_, err = router.WinRate(background, "x")
	refused(t, err, ResourceExhausted, "max_waiting")
	router.holding.leave()
	decision, err := router.Route(background, "x", half, WithOnError(FallBackToWeak))
	if err != nil || decision.Side != Weak {
		t.Fatalf("%+v, %v", decision, err)
	}
	refused(t, decision.Fallback, ResourceExhausted, "max_waiting")
	running(t, ended)
	if got := stats(t, router).Fallbacks; len(got) != 1 || got[ResourceExhausted] != 1 {
		t.Error(got)
	}
	end()
	eventually(t, "room again", func() bool { _, err := router.Route(background, "x", half); return err == nil })
}

func TestStats(t *testing.T) {
	hashed := openDefault(t)
	if got := stats(t, hashed); got.Sessions != 0 || got.Decisions != 0 || got.Fallbacks == nil || len(got.Fallbacks) != 0 {
		t.Errorf("%+v", got)
	}
	if _, err := hashed.RouteBatch(background, []string{"x", "\xff", "y"}, WithOnError(FallBackToStrong)); err != nil {
		t.Fatal(err)
	}
	got := stats(t, hashed)
	if got.Decisions != 3 || len(got.Fallbacks) != 1 || got.Fallbacks[InvalidArgument] != 1 {
		t.Errorf("%+v", got)
	}
	router := openModel(t, "bert-tiny", WithKind("bert"), WithSessions(2), WithIntraThreads(1))
	if _, err := router.Route(background, "x", WithThreshold(0.5)); err != nil {
		t.Fatal(err)
	}
	if _, err := router.WinRate(background, "x"); err != nil {
		t.Fatal(err)
	}
	if got := stats(t, router); got.Sessions != 2 || got.Decisions != 1 || got.Waiting != 0 || len(got.Fallbacks) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestCloseEndsCallsThatWait(t *testing.T) {
	router := openCausal(t)
	const callers = 600
	half := WithThreshold(0.5)
	results := make(chan error, callers)
	for i := range callers {
		go func() {
			var err error
			switch i % 3 {
			case 0:
				_, err = router.Route(background, questions(callers)[i], half)
			case 1:
				_, err = router.RouteBatch(background, questions(3), half, WithTimeout(time.Hour))
			case 2:
				_, err = router.WinRate(background, "x")
			}
			results <- err
		}()
	}
	eventually(t, "some wait", func() bool {
		now := stats(t, router)
		return now.Busy == 1 && now.Waiting > callers/4 && now.Decisions > 0
	})
	if err := router.Close(); err != nil {
		t.Error(err)
	}
	finished, ended := 0, 0
	for range callers {
		switch err := <-results; {
		case err == nil:
			finished++
		case errors.Is(err, ErrClosed):
			ended++
		default:
			t.Error(err)
		}
	}
	if finished == 0 || ended == 0 {
		t.Errorf("%d have finished, %d were ended", finished, ended)
	}
	_, err := router.Route(background, "x", half)
	refused(t, err, InvalidArgument, "closed")
	for _, call := range map[string]func() error{
		"Route":   func() error { _, err := router.Route(background, "x", half); return err },
		"WinRate": func() error { _, err := router.WinRate(background, "x"); return err },
		"Embed":   func() error { _, err := router.Embed("x"); return err },
		"Info":    func() error { _, err := router.Info(); return err },
		"Stats":   func() error { _, err := router.Stats(); return err },
	} {
		if err := call(); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	}
}

func TestCloseFreesAfterTheLastCall(t *testing.T) {
	router := openCausal(t)
	end, _ := keepBusy(t, router)
	for range 2 {
		if err := router.Close(); err != nil {
			t.Error(err)
		}
	}
	end()
	eventually(t, "freed", func() bool { return router.users.Load() < 0 })
}
