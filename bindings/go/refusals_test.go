package routellm

import (
	"context"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// refused checks the kind of an error, and that its text has part in it.
func refused(t *testing.T, err error, kind Kind, part string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Kind != kind || !strings.Contains(e.Message, part) {
		t.Errorf("expected %v with %q, got %v", kind, part, err)
	}
}

func TestRefusedArtifacts(t *testing.T) {
	_, err := Open(filepath.Join(t.TempDir(), "nowhere"))
	refused(t, err, NotFound, "nowhere")
	_, err = Open(t.TempDir())
	refused(t, err, NotFound, "router.json")
	_, err = Open("")
	refused(t, err, InvalidArgument, "empty")
	_, err = Open("a\x00b")
	refused(t, err, InvalidArgument, "NUL")

	malformed := t.TempDir()
	write(t, filepath.Join(malformed, "router.json"), []byte("{"))
	_, err = Open(malformed)
	refused(t, err, InvalidModel, "router.json")

	altered := copyDefault(t)
	path := filepath.Join(altered, "weights.safetensors")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	write(t, path, data)
	_, err = Open(altered)
	refused(t, err, InvalidModel, "weights.safetensors")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, err = Open(altered)
	refused(t, err, InvalidModel, "weights.safetensors")
}

func TestRefusedOpenOptions(t *testing.T) {
	for part, option := range map[string]OpenOption{
		"no-such-model":        WithStrong("no-such-model"),
		"no-other-model":       WithWeak("no-other-model"),
		"NUL":                  WithStrong("a\x00b"),
		"UTF-8":                WithWeak("\xff"),
		"mode is 7":            WithMode(7),
		"no effect":            WithThroughput(),
		"sessions is -1":       WithSessions(-1),
		"sessions is 0":        WithSessions(0),
		"intra_threads is -2":  WithIntraThreads(-2),
		"max_waiting is -1":    WithMaxWaiting(-1),
		"max_waiting":          WithMaxWaiting(3),
		"intra_threads is 999": WithIntraThreads(999),
		"has no effect":        WithONNXRuntime("/nowhere/libonnxruntime.so"),

		"out_of_distribution is 5": WithOutOfDistribution(5),
		"open_clusters is -1":      WithOpenClusters(-1),
		`mmap is "sometimes"`:      WithMmap("sometimes"),
	} {
		_, err := Default(option)
		refused(t, err, InvalidArgument, part)
	}
}

func TestVotesAreMissed(t *testing.T) {
	for _, option := range []OpenOption{
		WithOutOfDistribution(AbstainToWeak), WithMinSimilarity(0.5), WithOpenClusters(AllClusters), WithErrorTarget(0.1),
		WithMmap(MapAuto), WithMmap(MapNever),
	} {
		_, err := Default(option)
		refused(t, err, InvalidArgument, "has no votes")
	}
	router := openDefault(t)
	embedding := make([]float32, callerDimension)
	_, err := router.Similarity("x")
	refused(t, err, Unsupported, "votes")
	_, err = router.SimilarityFromEmbedding(embedding)
	refused(t, err, Unsupported, "votes")
	_, err = router.Explain("x", 3)
	refused(t, err, Unsupported, "votes")
	_, err = router.ExplainEmbedding(embedding, 3)
	refused(t, err, Unsupported, "votes")
	_, err = router.Explain("x", -1)
	refused(t, err, InvalidArgument, "k is -1")
}

func TestRefusedRouteOptions(t *testing.T) {
	router := openDefault(t)
	for _, value := range []float64{-0.001, 1.001, math.Inf(1), math.Inf(-1), math.NaN()} {
		for _, option := range []RouteOption{WithThreshold(value), WithStrongShare(value)} {
			_, err := router.Route(background, "x", option)
			refused(t, err, InvalidArgument, "[0, 1]")
			_, err = router.RouteBatch(background, nil, option)
			refused(t, err, InvalidArgument, "[0, 1]")
			_, err = router.Threshold(option)
			refused(t, err, InvalidArgument, "[0, 1]")
		}
	}
	_, err := router.Route(background, "x", WithThreshold(0.5), WithStrongShare(0.5), WithOnError(FallBackToWeak))
	refused(t, err, InvalidArgument, "both")
	_, err = router.Route(background, "x", WithOnError(5))
	refused(t, err, InvalidArgument, "on_error is 5")
	_, err = router.Route(background, "x", RouteOption{})
	refused(t, err, InvalidArgument, "empty")
	_, err = router.Route(nil, "x") //nolint:staticcheck // A nil context is what is tested.
	refused(t, err, InvalidArgument, "ctx is nil")
}

func TestRefusedTexts(t *testing.T) {
	router := openDefault(t)
	for _, text := range []string{"\xff", "abc\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\xaf"} {
		_, err := router.Route(background, text)
		refused(t, err, InvalidArgument, "UTF-8")
		_, err = router.WinRate(background, text)
		refused(t, err, InvalidArgument, "UTF-8")
		_, err = router.WinRates(background, []string{"fine", text})
		refused(t, err, InvalidArgument, "prompt 1")
		_, err = router.RouteBatch(background, []string{"fine", text})
		refused(t, err, InvalidArgument, "prompt 1")
		_, err = PromptFromMessages([]byte(text))
		refused(t, err, InvalidArgument, "messages")
	}
	for _, messages := range []string{"", "[]", "{", `[{"role":"user","content":"\ud800"}]`} {
		_, err := PromptFromMessages([]byte(messages))
		refused(t, err, InvalidArgument, "messages")
	}
}

func TestRefusedEmbeddings(t *testing.T) {
	hashed := openDefault(t)
	values := make([]float32, 2*callerDimension)
	_, err := hashed.WinRateFromEmbedding(values)
	refused(t, err, InvalidArgument, "hashed")
	_, err = hashed.RouteEmbedding(background, values)
	refused(t, err, InvalidArgument, "hashed")
	_, err = hashed.Embed("x")
	refused(t, err, Unsupported, "sparse")
	_, err = hashed.CandidateScores("x")
	refused(t, err, Unsupported, "pair")

	router, err := Open(callerMF(t))
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	for _, length := range []int{0, callerDimension - 1, callerDimension + 1} {
		_, err = router.WinRateFromEmbedding(values[:length])
		refused(t, err, InvalidArgument, "8")
	}
	out := make([]float64, 2)
	refused(t, router.WinRatesFromEmbeddings(values, 7, out), InvalidArgument, "rows of 7")
	refused(t, router.WinRatesFromEmbeddings(values[:14], 7, out), InvalidArgument, "row 0")
	refused(t, router.WinRatesFromEmbeddings(nil, 0, out), InvalidArgument, "2")
	_, err = router.Route(background, "x")
	refused(t, err, InvalidArgument, "calibration")
	_, err = router.Route(background, "x", WithThreshold(0.5))
	refused(t, err, Unsupported, "embedding")
	for _, value := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		values[callerDimension+3] = float32(value)
		_, err = router.WinRateFromEmbedding(values[callerDimension:])
		refused(t, err, InvalidArgument, "element 3")
		refused(t, router.WinRatesFromEmbeddings(values, callerDimension, out), InvalidArgument, "row 1")
	}
}

func TestFallbacksCarryTheirReasonAndAreCounted(t *testing.T) {
	router := openDefault(t)
	decision, err := router.Route(background, "\xff", WithOnError(FallBackToStrong))
	if err != nil || decision.Side != Strong || decision.Model != router.Strong() || !math.IsNaN(decision.WinRate) {
		t.Fatalf("%+v, %v", decision, err)
	}
	refused(t, decision.Fallback, InvalidArgument, "UTF-8")
	batch, err := router.RouteBatch(background, []string{"fine", "\xff"}, WithOnError(FallBackToWeak))
	if err != nil || batch[0].Fallback != nil || batch[1].Side != Weak {
		t.Fatalf("%+v, %v", batch, err)
	}
	refused(t, batch[1].Fallback, InvalidArgument, "UTF-8")
	if router.Fallbacks() != 2 {
		t.Error(router.Fallbacks())
	}
}

func TestContextsThatEnd(t *testing.T) {
	router := openDefault(t)
	ctx, cancel := context.WithCancelCause(background)
	reason := errors.New("the user left")
	cancel(reason)
	_, err := router.Route(ctx, "x", WithOnError(FallBackToStrong))
	refused(t, err, Cancelled, "cancelled")
	if !errors.Is(err, context.Canceled) || !errors.Is(err, reason) {
		t.Error(err)
	}
	late, stop := context.WithDeadline(background, time.Now().Add(-time.Second))
	defer stop()
	_, err = router.WinRates(late, []string{"x"})
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	deadline, _ := late.Deadline()
	refused(t, err, Cancelled, "the deadline of its context has passed ("+deadline.Format("2006-01-02T15:04:05.000"))
}

func TestNilOptionsAreNone(t *testing.T) {
	for _, options := range [][]OpenOption{{nil}, nil, {nil, WithDefaultRead(AllUser), nil}} {
		router, err := Default(options...)
		if err != nil {
			t.Fatal(err)
		}
		router.Close()
	}
	_, err := Open(filepath.Join(t.TempDir(), "nothing"), nil)
	refused(t, err, NotFound, "no such folder")
}

func TestCancellationReachesARunningBatch(t *testing.T) {
	router := openDefault(t)
	// Minutes of work, if nobody stopped it.
	prompts := make([]string, 3_000_000)
	for i := range prompts {
		prompts[i] = "Explain how a compiler turns a loop over an array into machine code, step by step."
	}
	ctx, cancel := context.WithTimeout(background, 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := router.RouteBatch(ctx, prompts)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	refused(t, err, Cancelled, "cancelled")
}

func TestCancellationReachesTheEncoder(t *testing.T) {
	router, err := Open(filepath.Join(root(), "artifacts", "mf-minilm"))
	if errors.Is(err, &Error{Kind: RuntimeUnavailable}) || errors.Is(err, &Error{Kind: NotFound}) {
		t.Skip("cancellation of an encoder:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	// A context that could end and does not changes nothing.
	free, err := router.Route(background, "What is 2+2?")
	if err != nil {
		t.Fatal(err)
	}
	watched, err := router.Route(ctx, "What is 2+2?")
	if err != nil || !same(watched, free) {
		t.Error(watched, free, err)
	}
	rate, err := router.WinRate(ctx, "What is 2+2?")
	if err != nil || rate != free.WinRate {
		t.Error(rate, free, err)
	}
	embedding, err := router.Embed("What is 2+2?")
	if err != nil || len(embedding) != router.EmbeddingDimension() {
		t.Fatal(len(embedding), err)
	}
	if rate, err := router.WinRateFromEmbedding(embedding); err != nil || rate != free.WinRate {
		t.Error(rate, free, err)
	}
	prompts := make([]string, 20_000)
	for i := range prompts {
		prompts[i] = strings.Repeat("Explain how a compiler turns a loop into machine code. ", 20)
	}
	time.AfterFunc(100*time.Millisecond, cancel)
	_, err = router.RouteBatch(ctx, prompts, WithOnError(FallBackToStrong))
	refused(t, err, Cancelled, "cancelled")
	if !errors.Is(err, context.Canceled) || router.Fallbacks() != 0 {
		t.Error(err, router.Fallbacks())
	}
}

// TestWithoutRuntime runs itself in processes with other environments: which library is used is settled once a
// process.
func TestWithoutRuntime(t *testing.T) {
	artifact := filepath.Join(root(), "artifacts", "mf-minilm")
	if _, err := os.Stat(filepath.Join(artifact, "router.json")); err != nil {
		t.Skip("without ONNX Runtime: artifacts/mf-minilm is absent")
	}
	if os.Getenv("ROUTELLM_TEST_CHILD") == "" {
		for _, variable := range []string{"ROUTELLM_ORT_PATH", "ORT_DYLIB_PATH"} {
			child := exec.Command(os.Args[0], "-test.run", "^TestWithoutRuntime$", "-test.v")
			child.Env = append(child.Environ(), "ROUTELLM_TEST_CHILD=1", "ROUTELLM_ORT_PATH=", "ORT_DYLIB_PATH=",
				variable+"=/nowhere/libonnxruntime.so")
			if output, err := child.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", variable, err, output)
			}
		}
		return
	}
	_, err := Open(artifact)
	refused(t, err, RuntimeUnavailable, "/nowhere/libonnxruntime.so")
	_, err = Open(artifact, WithONNXRuntime("/elsewhere/libonnxruntime.so"))
	refused(t, err, RuntimeUnavailable, "/elsewhere/libonnxruntime.so")
	if _, err := openDefault(t).Route(background, "x"); err != nil {
		t.Error(err)
	}
	router, err := Open(callerMF(t))
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	if _, err := router.WinRateFromEmbedding(make([]float32, callerDimension)); err != nil {
		t.Error(err)
	}
}

func TestErrorsReadWell(t *testing.T) {
	err := error(&Error{Kind: NotFound, Message: "a: no such folder"})
	if err.Error() != "routellm: NotFound: a: no such folder" {
		t.Error(err)
	}
	if !errors.Is(err, &Error{Kind: NotFound}) || errors.Is(err, &Error{Kind: IO}) ||
		errors.Is(err, &Error{Kind: NotFound, Message: "another"}) {
		t.Error("errors of one kind should be alike")
	}
	if Kind(99).String() != "Unknown" || Side(0).String() != "no side" || Strong.String() != "strong" {
		t.Error(Kind(99), Side(0), Strong)
	}
}
