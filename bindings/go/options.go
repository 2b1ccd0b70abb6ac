package routellm

import (
	"encoding/json"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"routellm.dev/go/routellm/internal/capi"
)

// AllClusters is for [WithOpenClusters]: every vote is read, for the exact answer.
const AllClusters = math.MaxInt

// An OpenOption changes how a router is opened. One that has no effect on the router is an error.
type OpenOption func(*openOptions)

type openOptions struct {
	// The options of the table by their names, as encoding/json writes them.
	values     map[string]any
	onFallback func(FallbackWarning)
	onDecision func(DecisionEvent)
	onNotice   func(string)
}

// set keeps the value of an option; a later one takes its place.
func (o *openOptions) set(name string, value any) {
	if o.values == nil {
		o.values = map[string]any{}
	}
	o.values[name] = value
}

// WithThroughput opens one single-threaded ONNX session for each core, most requests a second for many callers: the preset
// [Throughput].
func WithThroughput() OpenOption {
	return WithPreset(Throughput)
}

// WithScoreTokens adds the tokens that stand for the next scores of an exported causal LM: the first one of all for score
// 1, the second one for score 2, and so on. Without any, they are [[1]] to [[5]].
func WithScoreTokens(tokens ...string) OpenOption {
	return func(o *openOptions) {
		for _, token := range tokens {
			o.addScoreToken(token)
		}
	}
}

// WithScoreTokenIDs is as [WithScoreTokens], with ids in place of texts. Both may be used together.
func WithScoreTokenIDs(ids ...uint32) OpenOption {
	return func(o *openOptions) {
		for _, id := range ids {
			o.addScoreToken(id)
		}
	}
}

func (o *openOptions) addScoreToken(token any) {
	known, _ := o.values["score_tokens"].([]any)
	o.set("score_tokens", append(known, token))
}

// A Candidate is what is known about one of the router's candidates, for [WithCandidateFacts].
type Candidate struct {
	// Name that the router has for it.
	Name string `json:"name"`
	// Price of its tokens; nil leaves what the artifact says, as do the zero values of the others.
	Price *Price `json:"price,omitempty"`
	// ContextLength are the tokens that a request may have.
	ContextLength uint64 `json:"context_length,omitempty"`
	// Capabilities are what it can do, "text" or "vision" for example.
	Capabilities []string `json:"capabilities,omitempty"`
}

// WithCandidateFacts sets what is known about candidates, instead of what the artifact says: prices, context lengths and
// capabilities. Candidates that are not named stay as they are.
func WithCandidateFacts(candidates ...Candidate) OpenOption {
	return func(o *openOptions) { o.set("candidates", candidates) }
}

// WithFallbackHandler sets who hears of fallbacks: the first of a kind of error, and at most one a minute after it. The
// handler runs in a goroutine of its own, and several may run at once.
func WithFallbackHandler(handler func(FallbackWarning)) OpenOption {
	return func(o *openOptions) { o.onFallback = handler }
}

// WithNoticeHandler sets who hears what the router notices about calls, each thing once: that a threshold is above, or below,
// every win rate of the calibration sample. The handler runs in the call, before anything is decided. Routers that are
// calibrated from this one have it, too.
func WithNoticeHandler(handler func(string)) OpenOption {
	return func(o *openOptions) { o.onNotice = handler }
}

// wordOf is the name of a value, or the number if it has none: the library says then what it expected.
func wordOf(value int, names ...string) any {
	if value >= 0 && value < len(names) {
		return names[value]
	}
	return value
}

// clusters is a number of clusters as the library takes it.
func clusters(count int) any {
	if count == AllClusters {
		return "all"
	}
	return count
}

// spec is a name or a text; an object in JSON is one.
func spec(text string) any {
	if trimmed := strings.TrimSpace(text); strings.HasPrefix(trimmed, "{") && json.Valid([]byte(trimmed)) {
		return json.RawMessage(trimmed)
	}
	return text
}

// cOpenOptions are the options for C. The caller frees them.
func cOpenOptions(wanted *openOptions) (*capi.OpenOptions, error) {
	for name, value := range wanted.values {
		switch value := value.(type) {
		case string:
			// JSON would put another character into its place.
			if !utf8.ValidString(value) {
				return nil, invalid("%s is not UTF-8: %q", name, value)
			}
			if strings.IndexByte(value, 0) >= 0 {
				return nil, invalid("%s holds a NUL: %q", name, value)
			}
		case float64:
			if math.IsNaN(value) || math.IsInf(value, 0) {
				return nil, invalid("%s is %v, expected a finite number", name, value)
			}
		case map[string]string:
			for of, own := range value {
				if !utf8.ValidString(of) || !utf8.ValidString(own) {
					return nil, invalid("%s: %q: %q is not UTF-8", name, of, own)
				}
			}
		case []any:
			for _, token := range value {
				text, ok := token.(string)
				if ok && !utf8.ValidString(text) {
					return nil, invalid("%s: a token is not UTF-8: %q", name, text)
				}
				if ok && strings.IndexByte(text, 0) >= 0 {
					return nil, invalid("%s: a token holds a NUL: %q", name, text)
				}
			}
		}
	}
	object, err := json.Marshal(wanted.values)
	if err != nil {
		return nil, invalid("options: %v", err)
	}
	out := capi.OpenOptionsNew()
	if wanted.values == nil {
		return out, nil
	}
	var cerr *capi.Error
	if status := capi.OpenOptionsSetJSON(out, object, &cerr); status != capi.OK {
		capi.OpenOptionsFree(out)
		return nil, failure(nil, status, cerr)
	}
	return out, nil
}

// uncut refuses a text with a NUL, at which C would cut it.
func uncut(name, text string) error {
	if strings.IndexByte(text, 0) >= 0 {
		return invalid("%s holds a NUL: %q", name, text)
	}
	return nil
}

// A RouteOption changes one call. It is a value, so that a call with a threshold, a share or a timeout allocates nothing
// for it.
type RouteOption struct {
	kind  optionKind
	value float64
	words []string
}

type optionKind int8

// <faces:call>
const (
	optionThreshold optionKind = iota + 1
	optionStrongShare
	optionCostWeight
	optionMinQuality
	optionBudget
	optionCandidates
	optionRequires
	optionInputTokens
	optionOutputTokens
	optionOnError
	optionTimeoutMs
	optionRead
)

// WithThreshold sets the threshold, in [0, 1]: strong if and only if the win rate is at least that. The next number
// above 1 is taken too, and sends nothing to strong, whatever the prompt and whatever [WithOutOfDistribution] says.
// Without any policy the router's own default counts; two of them together are an error.
func WithThreshold(threshold float64) RouteOption {
	return RouteOption{kind: optionThreshold, value: threshold}
}

// WithStrongShare sets the strong share, in [0, 1]: the threshold at which this share of the calibration sample goes to
// strong, or the nearest that some threshold reaches. 0 sends nothing to strong and 1 everything, whatever the prompt
// and whatever [WithOutOfDistribution] says; only [WithOnError] may decide otherwise. It excludes [WithThreshold].
func WithStrongShare(share float64) RouteOption {
	return RouteOption{kind: optionStrongShare, value: share}
}

// WithCostWeight sets the cost weight, 0 or more: the candidate with the most quality - cost_weight x cost is chosen,
// where cost is the expected cost in USD per 1,000 requests. So a weight of 0.1 gives up 0.1 of quality to save one
// dollar on 1,000 requests. Of equal ones the cheaper is chosen, then the one that the artifact names first. Every
// candidate that is left needs a price. It excludes the other policies.
func WithCostWeight(weight float64) RouteOption {
	return RouteOption{kind: optionCostWeight, value: weight}
}

// WithMinQuality sets the least quality, in [0, 1]: the cheapest candidate whose quality is at least that is chosen, of
// equally cheap ones the one that the artifact names first, and if none reaches it the best, of equally good ones the
// cheaper. Every candidate that is left needs a price. It excludes the other policies.
func WithMinQuality(quality float64) RouteOption {
	return RouteOption{kind: optionMinQuality, value: quality}
}

// WithBudget sets the budget in USD per 1,000 requests: it decides as the smallest [WithCostWeight] does with which the
// calibration sample costs no more than that on average, among the same candidates and with the same output tokens. The
// weight is looked for once and kept. A budget that even the cheapest candidates exceed is an error that says what they
// cost. It excludes the other policies.
func WithBudget(usd float64) RouteOption {
	return RouteOption{kind: optionBudget, value: usd}
}

// WithCandidates sets the candidates that may be chosen, by name; by default all of them. With [WithThreshold] and
// [WithStrongShare], a prompt whose side is left out goes to the other side; it is an error if neither is left.
func WithCandidates(names ...string) RouteOption {
	return RouteOption{kind: optionCandidates, words: names}
}

// WithRequires sets the capabilities that the chosen candidate has to have, text, vision, tools, json and audio for
// example, as the artifact or [WithCandidates] says. Other candidates are left out as by [WithCandidates]. If nobody is
// left, the error says what each of them lacks.
func WithRequires(capabilities ...string) RouteOption {
	return RouteOption{kind: optionRequires, words: capabilities}
}

// WithInputTokens sets the number of tokens that the request has, each one of a batch. Without it they are estimated
// from the prompt that is scored, before it is cut: its bytes of UTF-8 divided by 4 and rounded up, at least 1.
// Candidates whose context is shorter than that are left out as by [WithCandidates]. An embedding has no bytes, so that
// its cost is known with this option only.
func WithInputTokens(tokens int) RouteOption {
	return RouteOption{kind: optionInputTokens, value: float64(tokens)}
}

// WithOutputTokens sets the number of tokens that the answer is expected to have; by default [WithMeanOutputTokens].
func WithOutputTokens(tokens int) RouteOption {
	return RouteOption{kind: optionOutputTokens, value: float64(tokens)}
}

// WithOnError sets what happens when a prompt cannot be scored, a chat has no text or a text is not Unicode. [Raise]
// (the default) is an error. [FallBackToStrong] and [FallBackToWeak] decide for that side, and the name of a candidate
// for that one, with a fallback in the decision, which is counted; in calls that decide nothing, what could not be
// computed is NaN then. A side that is left out of the call gives way to the other one; a candidate that is left out is
// an error. Wrong options, and what is no prompt at all (a number, a list of texts), are errors all the same, and so is
// cancellation.
func WithOnError(onError OnError) RouteOption {
	return RouteOption{kind: optionOnError, value: float64(onError)}
}

// WithTimeout sets the longest time of the whole call, above 0, waiting for a session included. What is not scored by
// then is of kind [ResourceExhausted], or what [WithOnError] says.
func WithTimeout(timeout time.Duration) RouteOption {
	return RouteOption{kind: optionTimeoutMs, value: float64(timeout) / float64(time.Millisecond)}
}

// WithRead sets what of a chat is read, instead of what the artifact says: [LastUser], [AllUser] or [Conversation]. Of
// a text all of it is; an embedding has nothing to read, which is an error.
func WithRead(read Read) RouteOption {
	return RouteOption{kind: optionRead, value: float64(read)}
}

// </faces:call>

// WithFallbackTo is as [WithOnError] with a candidate, by the router's name, in the place of a side.
func WithFallbackTo(candidate string) RouteOption {
	return RouteOption{kind: optionFallbackTo, words: []string{candidate}}
}

const optionFallbackTo optionKind = -1

// seldom are options that are passed by name.
var seldom = map[optionKind]string{
	optionCostWeight:   "cost_weight",
	optionMinQuality:   "min_quality",
	optionBudget:       "budget",
	optionCandidates:   "candidates",
	optionRequires:     "requires",
	optionInputTokens:  "input_tokens",
	optionOutputTokens: "output_tokens",
	optionFallbackTo:   "on_error",
}

// cRouteOptions are the options as C takes them. Everything is checked by the library.
func cRouteOptions(options []RouteOption) (capi.RouteOptions, error) {
	wanted := capi.RouteOptions{IsDefault: 1}
	var named map[string]any
	for _, option := range options {
		wanted.IsDefault = 0
		switch option.kind {
		case optionThreshold:
			wanted.Threshold, wanted.HasThreshold = option.value, 1
		case optionStrongShare:
			wanted.StrongShare, wanted.HasStrongShare = option.value, 1
		case optionOnError:
			wanted.OnError = int32(option.value)
		case optionRead:
			wanted.Read, wanted.HasRead = int32(option.value), 1
		case optionTimeoutMs:
			wanted.TimeoutMs, wanted.HasTimeout = option.value, 1
		default:
			name, known := seldom[option.kind]
			if !known {
				return wanted, invalid("a RouteOption is empty: use the With functions")
			}
			value, err := option.named(name)
			if err != nil {
				return wanted, err
			}
			if named == nil {
				named = map[string]any{}
			}
			named[name] = value
			if option.kind == optionFallbackTo {
				wanted.OnError = capi.OnErrorByName
			}
		}
	}
	if named != nil {
		text, err := json.Marshal(named)
		if err != nil {
			return wanted, invalid("options: %v", err)
		}
		wanted.JSON = text
	}
	return wanted, nil
}

// named is the value of an option that is passed by name.
func (o RouteOption) named(name string) (any, error) {
	for _, word := range o.words {
		// JSON would put another character into its place.
		if !utf8.ValidString(word) {
			return nil, invalid("%s is not UTF-8: %q", name, word)
		}
	}
	switch {
	case o.kind == optionFallbackTo:
		return o.words[0], nil
	case o.kind == optionCandidates || o.kind == optionRequires:
		return append([]string{}, o.words...), nil
	case math.IsNaN(o.value) || math.IsInf(o.value, 0):
		return nil, invalid("%s is %v, expected a finite number", name, o.value)
	case o.kind == optionInputTokens || o.kind == optionOutputTokens:
		return int64(o.value), nil
	}
	return o.value, nil
}
