// Package routellm decides per prompt, before any LLM is called, whether a strong (expensive) or a weak (cheap)
// model should answer.
//
//	router, err := routellm.Default()
//	if err != nil {
//		return err
//	}
//	defer router.Close()
//	decision, err := router.Route(ctx, "Prove that the square root of two is irrational.")
//	if err != nil {
//		return err
//	}
//	fmt.Println(decision.Model, decision.WinRate)
//
// A prompt is the text that is scored. Its win rate, in [0, 1], is the probability that the strong model's answer
// is preferred or needed; the decision is [Strong] if and only if the win rate is at least the threshold.
// [WithStrongShare] names a threshold by the share of a calibration sample that it sends to the strong model; 0 sends
// nothing and 1 everything, and [Router.Share] tells the share that is reached.
//
// A router that knows more than a pair of models chooses among any number of them, by what they are expected to be worth
// and to cost: [WithCandidateFacts] gives prices when opening, and [WithCostWeight], [WithMinQuality] or [WithBudget] take
// the place of the threshold. [WithCandidates] and [WithRequires] leave some out of a call, and [Router.QualitiesOf] tells
// the numbers behind it.
//
// A router with votes (similarity-weighted ranking) rates the models anew for each prompt, from votes that people gave
// on other prompts. It can say how near the nearest of them is ([Router.Similarity]), name those that weighed most
// ([Router.Explain]), and leave prompts that none resembles to a chosen side ([WithOutOfDistribution]).
//
// Votes of up to 256 MB are read into memory by [Open], larger stores are mapped ([WithMmap]). A mapped file, and the
// weights beside an ONNX model, which ONNX Runtime maps, must be replaced by a rename, never overwritten in place: that
// can end the process.
//
// A folder that holds a sequence classifier or a causal LM, exported to ONNX with its config.json and tokenizer.json, is a
// router too. It names no models and has no calibration, and it needs ONNX Runtime:
//
//	router, err := routellm.Open("prompt-classifier",
//		routellm.WithStrong("gpt-4"), routellm.WithWeak("mixtral-8x7b"), routellm.WithProvider(routellm.Auto))
//	...
//	decision, err := router.Route(ctx, prompt, routellm.WithThreshold(0.5), routellm.WithTimeout(time.Second))
//
// [WithHead] and [WithLongPrompts] are for classifiers; [WithTemplate], [WithScoreTokens] and what stands beside them for
// causal LMs.
//
// A chat in JSON, as any client of an LLM sends it, is routed by [Router.RouteMessages], whole request bodies included;
// [PromptFromMessages] tells what of it is scored, and [WithRead] which messages count. With [WithOnError] a chat without
// text becomes a decision, too, and [WithFallbackHandler] hears of it.
//
// [WithDecisionHook] hears of every decision, with an id that sorts by time, the model, the win rate and where the time
// went, but never the prompt.
//
// # Many goroutines, contexts, closing, reloading
//
// A [Router] is safe for concurrent use, by any number of goroutines: those that wait for an ONNX session wait in Go and
// hold no thread, first come, first served. [WithSessions] or [WithPreset] say how many calls run at once,
// [WithMaxWaiting] how many may wait, and [Router.Stats] how many do.
//
// When the context of a call ends, the call returns at once with its error, and the work is stopped: the caller wants no
// decision, so that [WithOnError] does not count. [WithTimeout] is for one who does: it counts from the call, waiting
// included, and what is not decided by then is an error of kind [ResourceExhausted] or a fallback. Calls without a
// context, such as [Open] or [Router.Embed], wait as long as they have to; each has a form with one ([OpenContext],
// [Router.EmbedOf]).
//
// [Router.Close] lets the calls that run finish and fails all others with [ErrClosed]. To reload, hold the router in a
// [Reloadable]: [Reloadable.Replace] puts another one into use, and no call fails.
//
// Go programs fork only to exec another one, and so there is nothing to do about forks.
//
// # Errors
//
// Errors are [*Error] values, whose [Kind] says what went wrong. Under [errors.Is], a call that ended because its context
// did also matches [context.Canceled] or [context.DeadlineExceeded], of which the message tells the deadline, and one that
// met a closed router [ErrClosed].
// Where the operating system refused, they match [fs.ErrPermission], [fs.ErrNotExist] and [syscall.Errno] as well.
// Text must be UTF-8: other strings are refused, never repaired.
//
// # Linking
//
// The package uses the C library of the same name, which cgo finds by pkg-config. With the build tag
// routellm_noconfig it takes what CGO_CFLAGS and CGO_LDFLAGS say instead.
//
// Without cgo (CGO_ENABLED=0, or no C compiler) a build needs the build tag routellm_purego, and says so:
//
//	CGO_ENABLED=0 go build -tags routellm_purego
//
// Types, functions and results are the same. The library is loaded by the first call: from the path in ROUTELLM_LIBRARY,
// or else libroutellm.so.0 beside the program or where the system's loader looks. If it cannot be loaded, every call says
// so, with the kind [NotFound]. A crossing to C takes longer then: BENCHMARKS.md has the figures.
package routellm
