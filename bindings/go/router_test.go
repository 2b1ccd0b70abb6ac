package routellm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

var background = context.Background()

func openDefault(t testing.TB, options ...OpenOption) *Router {
	t.Helper()
	router, err := Default(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { router.Close() })
	return router
}

// same compares decisions, in which a number that is not there is NaN.
func same(a, b Decision) bool {
	for _, pair := range [][2]*float64{
		{&a.Similarity, &b.Similarity}, {&a.Quality, &b.Quality}, {&a.ExpectedCost, &b.ExpectedCost},
	} {
		if math.IsNaN(*pair[0]) && math.IsNaN(*pair[1]) {
			*pair[0], *pair[1] = 0, 0
		}
	}
	return a == b
}

func TestOneByOneAndInBatchesTheBitsAreTheSame(t *testing.T) {
	router := openDefault(t)
	prompts := []string{"What is 2+2?", "", "a\x00b", "Prove that there are infinitely many primes."}
	batch, err := router.RouteBatch(background, prompts)
	if err != nil {
		t.Fatal(err)
	}
	rates, err := router.WinRates(background, prompts)
	if err != nil {
		t.Fatal(err)
	}
	for i, prompt := range prompts {
		one, err := router.Route(background, prompt)
		if err != nil {
			t.Fatal(err)
		}
		rate, err := router.WinRate(background, prompt)
		if err != nil {
			t.Fatal(err)
		}
		if !same(one, batch[i]) || one.WinRate != rate || rate != rates[i] {
			t.Errorf("%q: %v, %v, %v, %v", prompt, one, batch[i], rate, rates[i])
		}
		side, model := Weak, router.Weak()
		if rate >= one.Threshold {
			side, model = Strong, router.Strong()
		}
		if one.Side != side || one.Model != model || one.Fallback != nil || one.Truncated ||
			!math.IsNaN(one.Similarity) || one.OutOfDistribution {
			t.Errorf("%q: %+v", prompt, one)
		}
	}
	if rates[2] == rates[0] || same(batch[1], batch[3]) {
		t.Error("different prompts have the same win rate")
	}
	if none, err := router.RouteBatch(background, nil); err != nil || len(none) != 0 {
		t.Error(none, err)
	}
	if none, err := router.WinRates(background, nil); err != nil || len(none) != 0 {
		t.Error(none, err)
	}
}

func TestThresholdsAndShares(t *testing.T) {
	router := openDefault(t)
	for threshold, side := range map[float64]Side{0: Strong, 1: Weak} {
		decision, err := router.Route(background, "x", WithThreshold(threshold))
		if err != nil || decision.Side != side || decision.Threshold != threshold {
			t.Errorf("threshold %v: %+v, %v", threshold, decision, err)
		}
	}
	few, err := router.Threshold(WithStrongShare(0.1))
	if err != nil {
		t.Fatal(err)
	}
	many, err := router.Threshold(WithStrongShare(0.9))
	if err != nil || many >= few {
		t.Error(few, many, err)
	}
	decision, err := router.Route(background, strings.Repeat("x", 3_000_000))
	if err != nil || !decision.Truncated {
		t.Errorf("%+v, %v", decision, err)
	}
}

func TestInfo(t *testing.T) {
	router := openDefault(t)
	info, err := router.Info()
	if err != nil {
		t.Fatal(err)
	}
	if info.Kind != "linear" || info.Featurizer.Kind != "hashed" || info.Strong != router.Strong() ||
		info.Weak != router.Weak() || info.Version != Version() || info.Runtime != nil || info.Mode != "exact" ||
		info.Votes != nil {
		t.Errorf("%+v", info)
	}
	threshold, err := router.Threshold()
	if err != nil || info.Calibration == nil || info.Calibration.DefaultThreshold != threshold {
		t.Error(threshold, err, info.Calibration)
	}
	if router.EmbeddingDimension() != 0 || len(router.Models()) < 2 {
		t.Error(router.EmbeddingDimension(), router.Models())
	}
}

func TestEmbeddings(t *testing.T) {
	folder := callerMF(t)
	router, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	const rows = 3
	values := make([]float32, rows*callerDimension)
	for i := range values {
		values[i] = float32(i%5)/4 - 0.5
	}
	out := make([]float64, rows)
	if err := router.WinRatesFromEmbeddings(values, callerDimension, out); err != nil {
		t.Fatal(err)
	}
	for i, rate := range out {
		row := values[i*callerDimension : (i+1)*callerDimension]
		one, err := router.WinRateFromEmbedding(row)
		if err != nil || one != rate || rate <= 0 || rate >= 1 {
			t.Error(one, rate, err)
		}
		decision, err := router.RouteEmbedding(background, row, WithThreshold(rate))
		if err != nil || decision.WinRate != rate || decision.Side != Strong {
			t.Errorf("%+v, %v", decision, err)
		}
		scores, err := router.CandidateScoresFromEmbedding(row)
		if err != nil || len(scores) != len(router.Models()) {
			t.Error(scores, err)
		}
	}
	swapped, err := Open(folder, WithStrong(router.Weak()), WithWeak(router.Strong()), WithMode(Reference))
	if err != nil {
		t.Fatal(err)
	}
	defer swapped.Close()
	rate, err := swapped.WinRateFromEmbedding(values[:callerDimension])
	if err != nil || math.Abs(rate+out[0]-1) > 1e-12 {
		t.Error(rate, out[0], err)
	}
}

func TestPromptFromMessages(t *testing.T) {
	prompt, err := PromptFromMessages([]byte(`[{"role":"user","content":["a",{"type":"text","text":"b\u0000c"}]}]`))
	if err != nil || prompt != "a\nb\x00c" {
		t.Errorf("%q, %v", prompt, err)
	}
}

func TestManyGoroutinesUseOneRouter(t *testing.T) {
	router := openDefault(t)
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	prompts := make([]string, 100)
	for i := range prompts {
		prompts[i] = fmt.Sprintf("Explain the number %d in %d words.", i*i, i)
	}
	expected, err := router.RouteBatch(ctx, prompts, WithStrongShare(0.3))
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Add(1)
		go func() {
			defer group.Done()
			for i, prompt := range prompts {
				decision, err := router.Route(ctx, prompt, WithStrongShare(0.3))
				if err != nil || !same(decision, expected[i]) {
					t.Errorf("%q: %+v, %v", prompt, decision, err)
				}
				// Errors belong to the call, whatever thread it ran on.
				if _, err := router.Route(ctx, "\xff"); !errors.Is(err, &Error{Kind: InvalidArgument}) {
					t.Error(err)
				}
				if i%20 == 0 {
					if _, err := router.WinRates(ctx, prompts[:10]); err != nil {
						t.Error(err)
					}
				}
			}
		}()
	}
	group.Wait()
}

func TestCloseWaitsAndLaterCallsFail(t *testing.T) {
	router, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Add(1)
		go func() {
			defer group.Done()
			for {
				if _, err := router.Route(background, "some prompt"); err != nil {
					if !strings.Contains(err.Error(), "closed") {
						t.Error(err)
					}
					return
				}
			}
		}()
	}
	time.Sleep(5 * time.Millisecond)
	for range 2 {
		if err := router.Close(); err != nil {
			t.Error(err)
		}
	}
	group.Wait()
	if _, err := router.Info(); !errors.Is(err, &Error{Kind: InvalidArgument}) {
		t.Error(err)
	}
	if router.Fallbacks() != 0 || router.Models() != nil {
		t.Error("a closed router knows nothing")
	}
}

func TestForgottenRoutersAreCollected(t *testing.T) {
	for range 50 {
		router, err := Default()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := router.Route(background, "x"); err != nil {
			t.Fatal(err)
		}
	}
	// A wrong cleanup would free something twice here.
	for range 3 {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
}
