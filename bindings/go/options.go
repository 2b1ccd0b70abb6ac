package routellm

/*
#include "glue.h"
*/
import "C"

import (
	"encoding/json"
	"math"
	"strings"
	"time"
	"unicode/utf8"
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

// WithFallbackHandler sets who hears of fallbacks: the first of a kind of error, and at most one a minute after it. The
// handler runs in a goroutine of its own, and several may run at once.
func WithFallbackHandler(handler func(FallbackWarning)) OpenOption {
	return func(o *openOptions) { o.onFallback = handler }
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
func cOpenOptions(wanted *openOptions) (*C.routellm_open_options, error) {
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
	out := C.routellm_open_options_new()
	if wanted.values == nil {
		return out, nil
	}
	var cerr *C.routellm_error
	status := C.routellm_open_options_set_json(out, text(string(object)), C.size_t(len(object)), &cerr)
	if status != C.ROUTELLM_OK {
		C.routellm_open_options_free(out)
		return nil, failure(nil, status, cerr)
	}
	return out, nil
}

// withCString calls f with a C string of text, which must be one: C would cut it at a NUL.
func withCString(name, text string, f func(*C.char) error) error {
	if strings.IndexByte(text, 0) >= 0 {
		return invalid("%s holds a NUL: %q", name, text)
	}
	s := C.CString(text)
	defer C.free(ptr(s))
	return f(s)
}

// A RouteOption changes one call. It is a value, so that a call with options allocates nothing for them.
type RouteOption struct {
	kind  optionKind
	value float64
}

type optionKind int8

// <faces:call>
const (
	optionThreshold optionKind = iota + 1
	optionStrongShare
	optionOnError
	optionTimeoutMs
	optionRead
)

// WithThreshold sets the threshold, in [0, 1]: strong if and only if the win rate is at least that. The next number
// above 1 is taken too, and sends nothing to strong, whatever the prompt and whatever [WithOutOfDistribution] says.
// Without any policy the router's own default counts; two of them together are an error.
func WithThreshold(threshold float64) RouteOption {
	return RouteOption{optionThreshold, threshold}
}

// WithStrongShare sets the strong share, in [0, 1]: the threshold at which this share of the calibration sample goes to
// strong, or the nearest that some threshold reaches. 0 sends nothing to strong and 1 everything, whatever the prompt
// and whatever [WithOutOfDistribution] says; only [WithOnError] may decide otherwise. It excludes [WithThreshold].
func WithStrongShare(share float64) RouteOption {
	return RouteOption{optionStrongShare, share}
}

// WithOnError sets what happens when a prompt cannot be scored, a chat has no text or a text is not Unicode. [Raise]
// (the default) is an error. [FallBackToStrong] and [FallBackToWeak] decide for that side, and the name of a candidate
// for that one, with a fallback in the decision, which is counted; in calls that decide nothing, what could not be
// computed is NaN then. A side that is left out of the call gives way to the other one; a candidate that is left out is
// an error. Wrong options, and what is no prompt at all (a number, a list of texts), are errors all the same, and so is
// cancellation.
func WithOnError(onError OnError) RouteOption {
	return RouteOption{optionOnError, float64(onError)}
}

// WithTimeout sets the longest time of the whole call, above 0, waiting for a session included. What is not scored by
// then is of kind [ResourceExhausted], or what [WithOnError] says.
func WithTimeout(timeout time.Duration) RouteOption {
	return RouteOption{optionTimeoutMs, float64(timeout) / float64(time.Millisecond)}
}

// WithRead sets what of a chat is read, instead of what the artifact says: [LastUser], [AllUser] or [Conversation]. Of
// a text all of it is; an embedding has nothing to read, which is an error.
func WithRead(read Read) RouteOption {
	return RouteOption{optionRead, float64(read)}
}

// </faces:call>

// cRouteOptions are the options as the C helpers take them. Everything is checked by the library.
func cRouteOptions(options []RouteOption) (C.go_route_options, error) {
	wanted := C.go_route_options{is_default: 1}
	for _, option := range options {
		wanted.is_default = 0
		switch option.kind {
		case optionThreshold:
			wanted.threshold, wanted.has_threshold = C.double(option.value), 1
		case optionStrongShare:
			wanted.strong_share, wanted.has_strong_share = C.double(option.value), 1
		case optionOnError:
			wanted.on_error = C.int32_t(option.value)
		case optionRead:
			wanted.read, wanted.has_read = C.int32_t(option.value), 1
		case optionTimeoutMs:
			wanted.timeout_ms, wanted.has_timeout = C.double(option.value), 1
		default:
			return wanted, invalid("a RouteOption is empty: use the With functions")
		}
	}
	return wanted, nil
}
