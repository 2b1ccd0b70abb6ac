package routellm_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"routellm.dev/go/routellm"
)

func Example() {
	router, err := routellm.Default()
	if err != nil {
		panic(err)
	}
	defer router.Close()
	decision, err := router.Route(context.Background(), "Prove that the square root of two is irrational.",
		routellm.WithThreshold(0))
	if err != nil {
		panic(err)
	}
	fmt.Println(decision.Side, decision.Model == router.Strong())
	// Output: strong true
}

// Two exported models: a classifier of three labels (strong wins, tie, weak wins), and a causal LM that is asked for a
// score from 1 to 5. They need ONNX Runtime.
func ExampleOpen_exportedModels() {
	prompt := "Prove that the square root of two is irrational."
	route := func(folder string, options ...routellm.OpenOption) {
		options = append(options, routellm.WithStrong("gpt-4"), routellm.WithWeak("mixtral-8x7b"))
		router, err := routellm.Open(folder, options...)
		if err != nil {
			panic(err)
		}
		defer router.Close()
		decision, err := router.Route(context.Background(), prompt, routellm.WithThreshold(0.5),
			routellm.WithTimeout(30*time.Second))
		if err != nil {
			panic(err)
		}
		fmt.Println(decision.Model)
	}
	route("../../tests/models/bert-tiny", routellm.WithKind("bert"), routellm.WithProvider(routellm.Auto))
	route("../../tests/models/stories260k-ts", routellm.WithKind("causal_llm"),
		routellm.WithTemplate("Rate the question from 1 to 5.\n{question}\nScore:"),
		routellm.WithScoreTokens("1", "2", "3", "4", "5"), routellm.WithMaxNewTokens(0))
}

// An example with an expected output would run, and fail, where there is no ONNX Runtime.
func TestExampleOfExportedModels(t *testing.T) {
	router, err := routellm.Open("../../tests/models/bert-tiny", routellm.WithStrong("a"), routellm.WithWeak("b"))
	if errors.Is(err, &routellm.Error{Kind: routellm.RuntimeUnavailable}) {
		t.Skip("exported models:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	router.Close()
	ExampleOpen_exportedModels()
}

// Another router takes over while calls run: none fails.
func ExampleReloadable() {
	router, err := routellm.Default()
	if err != nil {
		panic(err)
	}
	reloadable := routellm.NewReloadable(router)
	defer reloadable.Close()
	route := func() {
		decision, err := reloadable.Route(context.Background(), "What is 2+2?", routellm.WithThreshold(1))
		fmt.Println(decision.Side, err)
	}
	route()
	renewed, err := routellm.Default()
	if err != nil {
		panic(err)
	}
	if err := reloadable.Replace(renewed); err != nil {
		panic(err)
	}
	route()
	// Output:
	// weak <nil>
	// weak <nil>
}
