package routellm

/*
#include "glue.h"
*/
import "C"

// exportOptions are for exported models without an artifact around them.
type exportOptions struct {
	kind, head, longPrompts, template       *string
	scoreTokens                             []scoreToken
	scoreThreshold, maxNewTokens, maxTokens *int
}

// A scoreToken is a text, or an id where there is none.
type scoreToken struct {
	text *string
	id   uint32
}

// WithKind says what a folder without router.json is: "bert", "causal_llm" or "mf". Without it, the model's config.json
// tells. For an artifact, it is the kind that the artifact has to be.
func WithKind(kind string) OpenOption {
	return func(o *openOptions) { o.export.kind = &kind }
}

// WithHead says what the outputs of an exported classifier mean: "three_labels" (strong wins, tie, weak wins; the default
// of a model with three outputs), "binary", "regression" or "candidates", or a JSON object with one of them as "kind" and
// parameters: {"kind": "binary", "strong_label": 0},
// {"kind": "regression", "link": "sigmoid", "scale": 1, "offset": 0}.
func WithHead(head string) OpenOption {
	return func(o *openOptions) { o.export.head = &head }
}

// WithLongPrompts says what an exported classifier does with prompts that are longer than it reads: "truncate" (the
// default) or "windows", or a JSON object with parameters:
// {"kind": "windows", "overlap": 32, "pooling": "mean", "max_windows": 8}.
func WithLongPrompts(longPrompts string) OpenOption {
	return func(o *openOptions) { o.export.longPrompts = &longPrompts }
}

// WithTemplate says how a question becomes the text that an exported causal LM reads: a text with {question} or {prompt}
// in it (braces that are meant are doubled), "chat" for the model's own chat template, or "routellm" for the published
// router's prompt; or a JSON object with parameters: {"kind": "chat", "system": "...", "user": "{question}"}.
func WithTemplate(template string) OpenOption {
	return func(o *openOptions) { o.export.template = &template }
}

// WithScoreTokens adds the tokens that stand for the next scores of an exported causal LM: the first one of all for score
// 1, the second one for score 2, and so on. Without any, they are [[1]] to [[5]].
func WithScoreTokens(tokens ...string) OpenOption {
	return func(o *openOptions) {
		for _, token := range tokens {
			o.export.scoreTokens = append(o.export.scoreTokens, scoreToken{text: &token})
		}
	}
}

// WithScoreTokenIDs is as [WithScoreTokens], with ids in place of texts. Both may be used together.
func WithScoreTokenIDs(ids ...uint32) OpenOption {
	return func(o *openOptions) {
		for _, id := range ids {
			o.export.scoreTokens = append(o.export.scoreTokens, scoreToken{id: id})
		}
	}
}

// WithScoreThreshold sets the score from which on the weak model is good enough, 4 by default: the win rate of an
// exported causal LM is 1 - P(score >= threshold).
func WithScoreThreshold(threshold int) OpenOption {
	return func(o *openOptions) { o.export.scoreThreshold = &threshold }
}

// WithMaxNewTokens sets how many tokens an exported causal LM generates at most until one is a score, 6 by default. 0
// takes the scores' probabilities as the next token, whatever the most likely one is.
func WithMaxNewTokens(count int) OpenOption {
	return func(o *openOptions) { o.export.maxNewTokens = &count }
}

// WithMaxTokens sets the number of tokens that an exported model reads; by default what its files say.
func WithMaxTokens(count int) OpenOption {
	return func(o *openOptions) { o.export.maxTokens = &count }
}

func (o *exportOptions) apply(out *C.routellm_open_options) error {
	var cerr *C.routellm_error
	texts := []textOption{
		{"kind", o.kind, func(s *C.char) C.routellm_status {
			return C.routellm_open_options_set_kind(out, s, &cerr)
		}},
		{"head", o.head, func(s *C.char) C.routellm_status {
			return C.routellm_open_options_set_head(out, s, &cerr)
		}},
		{"long_prompts", o.longPrompts, func(s *C.char) C.routellm_status {
			return C.routellm_open_options_set_long_prompts(out, s, &cerr)
		}},
		{"template", o.template, func(s *C.char) C.routellm_status {
			return C.routellm_open_options_set_template(out, s, &cerr)
		}},
	}
	if err := setTexts(&cerr, texts); err != nil {
		return err
	}
	for _, token := range o.scoreTokens {
		if token.text == nil {
			if status := C.routellm_open_options_add_score_token_id(out, C.uint32_t(token.id), &cerr); status != C.ROUTELLM_OK {
				return failure(nil, status, cerr)
			}
			continue
		}
		add := func(s *C.char) C.routellm_status { return C.routellm_open_options_add_score_token(out, s, &cerr) }
		if err := setTexts(&cerr, []textOption{{"score token", token.text, add}}); err != nil {
			return err
		}
	}
	return setCounts(&cerr, []countOption{
		{"score_threshold", "2 to the number of scores", o.scoreThreshold, func(n C.size_t) C.routellm_status {
			return C.routellm_open_options_set_score_threshold(out, n, &cerr)
		}},
		{"max_new_tokens", "0 to 64", o.maxNewTokens, func(n C.size_t) C.routellm_status {
			return C.routellm_open_options_set_max_new_tokens(out, n, &cerr)
		}},
		{"max_tokens", "a number of tokens", o.maxTokens, func(n C.size_t) C.routellm_status {
			return C.routellm_open_options_set_max_tokens(out, n, &cerr)
		}},
	})
}
