package routellm

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// votesRouter knows several candidates, to which it gives prices.
func votesRouter(t *testing.T) (*Router, []string) {
	t.Helper()
	folder := filepath.Join(root(), "tests", "conformance", "sw-hashed")
	plain, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	models := plain.Models()
	plain.Close()
	var facts []Candidate
	for i, model := range models {
		price := Price{Input: float64(len(models) - i), Output: 2 * float64(len(models)-i)}
		facts = append(facts, Candidate{Name: model, Price: &price, ContextLength: 1000, Capabilities: []string{"text"}})
	}
	facts[0].Capabilities = []string{"text", "vision"}
	router, err := Open(folder, WithCandidateFacts(facts...), WithMeanOutputTokens(100))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { router.Close() })
	return router, models
}

func TestPoliciesChooseAmongCandidates(t *testing.T) {
	router, models := votesRouter(t)
	prompt := "Prove that there are infinitely many primes."
	qualities, err := router.QualitiesOf(background, Text(prompt))
	if err != nil || len(qualities) != len(models) {
		t.Fatal(qualities, err)
	}
	cost := func(i int) float64 {
		price := float64(len(models) - i)
		return (price*math.Ceil(float64(len(prompt))/4) + 2*price*100) / 1e6
	}
	for _, weight := range []float64{0, 0.01, 0.1, 1, 100} {
		best := 0
		value := func(i int) float64 { return qualities[i] - weight*1000*cost(i) }
		for i := range models {
			// The later one is the cheaper one.
			if value(i) >= value(best) {
				best = i
			}
		}
		decision, err := router.Route(background, prompt, WithCostWeight(weight))
		if err != nil {
			t.Fatal(err)
		}
		if decision.Model != models[best] || decision.Candidate != best || decision.Side != 0 ||
			decision.Quality != qualities[best] || math.Abs(decision.ExpectedCost-cost(best)) > 1e-15 {
			t.Errorf("weight %v: %+v, expected %v", weight, decision, models[best])
		}
	}
	// Nobody is good enough, so that the best is taken; everybody is, and the cheapest is.
	best := slices.Index(qualities, slices.Max(qualities))
	for least, expected := range map[float64]int{1: best, 0: len(models) - 1} {
		decision, err := router.Route(background, prompt, WithMinQuality(least))
		if err != nil || decision.Candidate != expected {
			t.Errorf("%v: %+v %v", least, decision, err)
		}
	}
	decision, err := router.Route(background, prompt, WithCostWeight(100), WithRequires("vision"))
	if err != nil || decision.Candidate != 0 {
		t.Errorf("%+v %v", decision, err)
	}
	decision, err = router.Route(background, prompt, WithCostWeight(0), WithCandidates(models[1]),
		WithInputTokens(10), WithOutputTokens(0))
	if err != nil || decision.Candidate != 1 {
		t.Errorf("%+v %v", decision, err)
	}
	for _, refusal := range []struct {
		options []RouteOption
		told    string
	}{
		{[]RouteOption{WithThreshold(0.5), WithCostWeight(1)}, "cost_weight"},
		{[]RouteOption{WithMinQuality(0.5), WithRequires("smell")}, "smell"},
		{[]RouteOption{WithMinQuality(0.5), WithInputTokens(5000)}, "1000"},
		{[]RouteOption{WithCandidates("nobody"), WithMinQuality(0)}, "nobody"},
		{[]RouteOption{WithCandidates("\xff")}, "UTF-8"},
		{[]RouteOption{WithCostWeight(math.NaN())}, "cost_weight"},
		{[]RouteOption{WithCostWeight(-1)}, "cost_weight"},
		{[]RouteOption{WithBudget(1)}, "calibration sample"},
	} {
		_, err := router.Route(background, prompt, refusal.options...)
		refused(t, err, InvalidArgument, refusal.told)
	}
}

func TestQualitiesOfMany(t *testing.T) {
	router, models := votesRouter(t)
	inputs := []Input{Text("Prove it."), Text("hello"), Messages([]byte(`[{"role": "user", "content": "hello"}]`))}
	rows, err := router.QualitiesOfMany(background, inputs)
	if err != nil || len(rows) != 3 || len(rows[0]) != len(models) || !slices.Equal(rows[1], rows[2]) {
		t.Fatal(rows, err)
	}
	info, err := router.Info()
	if err != nil || info.Candidates[1].Quality == nil || *info.Candidates[1].Quality != "win_rate" ||
		info.Candidates[1].Price == nil || info.MeanOutputTokens != 100 {
		t.Errorf("%+v %v", info, err)
	}
}

func TestACandidateTakesFallbacks(t *testing.T) {
	router, models := votesRouter(t)
	decision, err := router.Route(background, "\xff", WithFallbackTo(models[1]))
	if err != nil || decision.Model != models[1] || decision.Candidate != 1 || decision.Fallback == nil ||
		!strings.Contains(decision.Fallback.Message, "UTF-8") {
		t.Errorf("%+v %v", decision, err)
	}
	_, err = router.Route(background, "x", WithFallbackTo("nobody"))
	refused(t, err, InvalidArgument, "nobody")
}
