package routellm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// model is the folder of a tiny exported model.
func model(name string) string {
	return filepath.Join(root(), "tests", "models", name)
}

// pair are options with the names of two models, and more.
func pair(more ...OpenOption) []OpenOption {
	return append([]OpenOption{WithStrong("gpt-4"), WithWeak("mixtral")}, more...)
}

// openModel opens a tiny model, or skips the test where there is no ONNX Runtime.
func openModel(t *testing.T, name string, more ...OpenOption) *Router {
	t.Helper()
	router, err := Open(model(name), pair(more...)...)
	if withoutRuntime(err) {
		t.Skip("exported models:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { router.Close() })
	return router
}

func openCausal(t *testing.T) *Router {
	t.Helper()
	return openModel(t, "llama-genai-ts", WithKind("causal_llm"), WithTemplate("Rate it from 1 to 5.\n{question}\nScore:"),
		WithScoreTokenIDs(805, 806, 807), WithScoreTokenIDs(808, 809), WithMaxNewTokens(2), WithIntraThreads(1))
}

func questions(count int) []string {
	prompts := make([]string, count)
	for i := range prompts {
		prompts[i] = fmt.Sprintf("Question %d: what is %d squared?", i, 3*i)
	}
	return prompts
}

func TestRefusedOptionsOfExports(t *testing.T) {
	for _, one := range []struct {
		part    string
		options []OpenOption
	}{
		{"expected \"cpu\", \"cuda\" or \"auto\"", pair(WithProvider("tpu"))},
		{"expected \"latency\" or \"throughput\"", pair(WithPreset("fast"))},
		{"three_labels", pair(WithHead("four_labels"))},
		{"strong_label is 2", pair(WithHead(`{"kind": "binary", "strong_label": 2}`))},
		{"windows", pair(WithLongPrompts("split"))},
		{"{question}", pair(WithTemplate("no place"))},
		{"NUL", pair(WithTemplate("{question}\x00"))},
		{"NUL", pair(WithScoreTokens("a\x00"))},
		{"max_tokens is -1", pair(WithMaxTokens(-1))},
		{"max_new_tokens is -1, expected a whole number from 0 to 64", pair(WithMaxNewTokens(-1))},
		{"score_threshold is -1", pair(WithScoreThreshold(-1))},
		{"strong and weak are needed", []OpenOption{WithKind("bert")}},
		{"strong and weak are both", []OpenOption{WithStrong("a"), WithWeak("a")}},
		{"preset", pair(WithPreset(Latency), WithSessions(2))},
		{"memory_limit", pair(WithMemoryLimit(1))},
		{"device_id", pair(WithDeviceID(0))},
		{"tf32 has no effect", pair(WithTF32(true))},
		{"tf32 has no effect", pair(WithTF32(false), WithProvider(CPU))},
		{"score_threshold", pair(WithScoreThreshold(2))},
	} {
		_, err := Open(model("bert-tiny"), one.options...)
		refused(t, err, InvalidArgument, one.part)
	}
	for part, option := range map[string]OpenOption{
		"head":     WithHead("binary"),
		"provider": WithProvider(Auto),
		"kind":     WithKind("bert"),
	} {
		_, err := Default(option)
		refused(t, err, InvalidArgument, part)
	}
}

func TestProviders(t *testing.T) {
	router := openModel(t, "bert-tiny", WithKind("bert"), WithProvider(Auto), WithDeviceID(0), WithTF32(true),
		WithPreset(Throughput))
	info, err := router.Info()
	if err != nil {
		t.Fatal(err)
	}
	if info.Kind != "bert" || info.Featurizer.Kind != "none" || info.Runtime == nil || info.Runtime.Version == "" ||
		info.Runtime.IntraThreads != 1 {
		t.Errorf("%+v", info)
	}
	head, _ := info.Model.Parameters["head"].(map[string]any)
	if head["kind"] != "three_labels" || info.Model.MaxTokens != 128 || info.Model.CachedTokens != nil ||
		info.Model.DynamicallyQuantized {
		t.Errorf("%+v", info.Model)
	}
	if router.EmbeddingDimension() != 0 {
		t.Error(router.EmbeddingDimension())
	}
	_, err = router.Route(background, "x")
	refused(t, err, InvalidArgument, "threshold")
	if os.Getenv("ROUTELLM_TEST_CUDA") == "1" {
		return
	}
	if info.Runtime.Provider != CPU {
		t.Error(info.Runtime.Provider)
	}
	_, err = Open(model("bert-tiny"), pair(WithProvider(CUDA))...)
	refused(t, err, RuntimeUnavailable, "onnxruntime-gpu")
}

func TestInfoOfCausalModels(t *testing.T) {
	info, err := openCausal(t).Info()
	if err != nil {
		t.Fatal(err)
	}
	tokens, _ := info.Model.Parameters["score_tokens"].([]any)
	if info.Kind != "causal_llm" || len(tokens) != 5 || tokens[0] != 805.0 || info.Model.CachedTokens == nil ||
		*info.Model.CachedTokens == 0 {
		t.Errorf("%+v", info.Model)
	}
	info, err = openDefault(t).Info()
	if err != nil || info.Model != nil || info.Runtime != nil {
		t.Errorf("%+v, %v", info, err)
	}
}

func TestTimeouts(t *testing.T) {
	hashed := openDefault(t)
	for _, timeout := range []time.Duration{0, -time.Second} {
		_, err := hashed.Route(background, "x", WithTimeout(timeout))
		refused(t, err, InvalidArgument, "timeout_ms is ")
	}
	if _, err := hashed.Route(background, "x", WithTimeout(10*time.Minute)); err != nil {
		t.Error(err)
	}
	caller, err := Open(callerMF(t))
	if err != nil {
		t.Fatal(err)
	}
	defer caller.Close()
	embedding := make([]float32, callerDimension)
	if _, err := caller.RouteEmbedding(background, embedding, WithThreshold(0.5), WithTimeout(time.Hour)); err != nil {
		t.Error(err)
	}
	_, err = caller.RouteEmbedding(background, embedding, WithThreshold(0.5), WithTimeout(time.Nanosecond))
	refused(t, err, ResourceExhausted, "timeout")

	router := openCausal(t)
	prompts := questions(16)
	half := WithThreshold(0.5)
	batch, err := router.RouteBatch(background, prompts, half, WithTimeout(10*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	for i, prompt := range prompts {
		one, err := router.Route(background, prompt, half)
		if err != nil || !same(one, batch[i]) {
			t.Errorf("%+v, %+v, %v", one, batch[i], err)
		}
	}
	// Over before the first prompt is read.
	_, err = router.RouteBatch(background, prompts, half, WithTimeout(time.Nanosecond))
	refused(t, err, ResourceExhausted, "timeout")
	_, err = router.Route(background, prompts[0], half, WithTimeout(time.Nanosecond))
	refused(t, err, ResourceExhausted, "timeout")
	batch, err = router.RouteBatch(background, prompts, half, WithTimeout(time.Nanosecond), WithOnError(FallBackToStrong))
	if err != nil {
		t.Fatal(err)
	}
	for _, decision := range batch {
		if decision.Side != Strong || !errors.Is(decision.Fallback, &Error{Kind: ResourceExhausted}) {
			t.Errorf("%+v", decision)
		}
	}
}

func TestCancellationReachesACausalModel(t *testing.T) {
	router := openCausal(t)
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	// Far more work than fits into that time.
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err := router.RouteBatch(ctx, questions(20000), WithThreshold(0.5), WithOnError(FallBackToWeak))
	refused(t, err, Cancelled, "cancelled")
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
