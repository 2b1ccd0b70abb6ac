package routellm

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"testing"
	"time"
)

func openConformance(t *testing.T, name string) *Router {
	t.Helper()
	router, err := Open(filepath.Join("..", "..", "tests", "conformance", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { router.Close() })
	return router
}

// kindOf is the kind of an error of this package, or 0.
func kindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return 0
}

func TestEveryKindOfInputIsTheSamePrompt(t *testing.T) {
	router, ctx := openConformance(t, "sw-hashed"), context.Background()
	const prompt = "What is the capital of France?"
	chat := Messages([]byte(`[{"role": "user", "content": "What is the capital of France?"}]`))
	rate, err := router.WinRate(ctx, prompt)
	if err != nil {
		t.Fatal(err)
	}
	for _, input := range []Input{Text(prompt), chat} {
		if found, err := router.WinRateOf(ctx, input); err != nil || found != rate {
			t.Errorf("win rate %v %v, expected %v", found, err, rate)
		}
	}
	scores, err := router.CandidateScores(prompt)
	of, errOf := router.CandidateScoresOf(ctx, chat)
	if err != nil || errOf != nil || len(of) != len(scores) || of[0] != scores[0] {
		t.Errorf("scores %v %v, expected %v %v", of, errOf, scores, err)
	}
	near, err := router.Similarity(prompt)
	if found, errOf := router.SimilarityOf(ctx, chat); err != nil || errOf != nil || found != near {
		t.Errorf("similarity %v %v, expected %v %v", found, errOf, near, err)
	}
	embedding, err := router.Embed(prompt)
	if found, errOf := router.EmbedOf(ctx, chat); err != nil || errOf != nil || found[0] != embedding[0] {
		t.Errorf("embedding %v %v, expected %v %v", found, errOf, embedding, err)
	}
	why, err := router.Explain(prompt, 2)
	found, errOf := router.ExplainOf(ctx, chat, 2)
	if err != nil || errOf != nil || found.WinRate != why.WinRate || found.Votes[1].Row != why.Votes[1].Row ||
		found.Fallback != nil {
		t.Errorf("explanation %v %v, expected %v %v", found, errOf, why, err)
	}
	vectors := openConformance(t, "sw-caller")
	numbers := []float32{1, 0.5, 0.25, 0, 0, 0, 0, 0.125}
	rate, err = vectors.WinRateFromEmbedding(numbers)
	if found, errOf := vectors.WinRateOf(ctx, Embedding(numbers)); err != nil || errOf != nil || found != rate {
		t.Errorf("win rate %v %v, expected %v %v", found, errOf, rate, err)
	}
	if _, err := vectors.WinRateOf(ctx, Embedding(numbers), WithRead(AllUser)); kindOf(err) != InvalidArgument {
		t.Errorf("reading an embedding: %v", err)
	}
}

// Every call that decides nothing, as the number that stands for what it comes to.
func everyQuestion(router *Router) map[string]func(context.Context, Input, ...RouteOption) (float64, error) {
	return map[string]func(context.Context, Input, ...RouteOption) (float64, error){
		"win rate":   router.WinRateOf,
		"similarity": router.SimilarityOf,
		"scores": func(ctx context.Context, input Input, options ...RouteOption) (float64, error) {
			scores, err := router.CandidateScoresOf(ctx, input, options...)
			if err != nil {
				return 0, err
			}
			return scores[0], nil
		},
		"embedding": func(ctx context.Context, input Input, options ...RouteOption) (float64, error) {
			embedding, err := router.EmbedOf(ctx, input, options...)
			if err != nil {
				return 0, err
			}
			return float64(embedding[0]), nil
		},
		"explanation": func(ctx context.Context, input Input, options ...RouteOption) (float64, error) {
			why, err := router.ExplainOf(ctx, input, 1, options...)
			if err != nil {
				return 0, err
			}
			if (why.Fallback != nil) != math.IsNaN(why.WinRate) {
				return 0, errors.New("a fallback has no win rate")
			}
			return why.WinRate, nil
		},
	}
}

func TestEveryQuestionCanBeStoppedAndFallBack(t *testing.T) {
	router := openConformance(t, "sw-hashed")
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for name, ask := range everyQuestion(router) {
		input := Text("What is the capital of France?")
		if number, err := ask(context.Background(), input); err != nil || math.IsNaN(number) {
			t.Errorf("%s: %v %v", name, number, err)
		}
		if _, err := ask(ended, input, WithOnError(FallBackToWeak)); !errors.Is(err, context.Canceled) {
			t.Errorf("%s, cancelled: %v", name, err)
		}
		late := WithTimeout(time.Nanosecond)
		if _, err := ask(context.Background(), input, late); kindOf(err) != ResourceExhausted {
			t.Errorf("%s, late: %v", name, err)
		}
		number, err := ask(context.Background(), input, late, WithOnError(FallBackToStrong))
		if err != nil || !math.IsNaN(number) {
			t.Errorf("%s, falling back: %v %v", name, number, err)
		}
		if _, err := ask(context.Background(), input, WithThreshold(0.5)); kindOf(err) != InvalidArgument {
			t.Errorf("%s, deciding: %v", name, err)
		}
	}
	if router.Fallbacks() != 0 {
		t.Errorf("%d fallbacks: scores are no decisions", router.Fallbacks())
	}
}
