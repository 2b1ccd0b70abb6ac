package routellm

import (
	"context"
	"encoding/json"
	"math"
	"unsafe"

	"routellm.dev/go/routellm/internal/capi"
)

// An Input is what is asked about: a [Text], [Messages] or an [Embedding].
type Input struct {
	c capi.Input
}

// Text is a prompt.
func Text(prompt string) Input {
	return Input{capi.Input{Kind: capi.InputText, Data: unsafe.Pointer(unsafe.StringData(prompt)), Len: uintptr(len(prompt))}}
}

// Messages is a chat in JSON, as [PromptFromMessages] takes it.
func Messages(json []byte) Input {
	return Input{capi.Input{Kind: capi.InputMessages, Data: unsafe.Pointer(unsafe.SliceData(json)), Len: uintptr(len(json))}}
}

// Embedding is an embedding that you computed, [Router.EmbeddingDimension] numbers.
func Embedding(numbers []float32) Input {
	data := unsafe.Pointer(unsafe.SliceData(numbers))
	return Input{capi.Input{Kind: capi.InputEmbedding, Data: data, Len: uintptr(len(numbers))}}
}

// question asks C something. What it asks about, and where the answer goes, it knows.
type question func(handle *capi.Router, wanted *capi.RouteOptions, cancel *capi.CancelToken, cerr **capi.Error) capi.Status

// WinRateOf is as [Router.WinRate], for an input of any kind and with options. This and the other calls for inputs decide
// nothing: [WithThreshold] and [WithStrongShare] are errors, and where [WithOnError] covers an error, numbers that could
// not be computed are NaN. The end of the context stops them, also a model that runs.
func (r *Router) WinRateOf(ctx context.Context, input Input, options ...RouteOption) (float64, error) {
	rates, err := r.WinRatesOf(ctx, []Input{input}, options...)
	if err != nil {
		return 0, err
	}
	return rates[0], nil
}

// WinRatesOf are the win rates of many inputs of any kinds, as [Router.WinRateOf] gives them one by one. The error is that
// of the first input that fails, and names its index.
func (r *Router) WinRatesOf(ctx context.Context, inputs []Input, options ...RouteOption) ([]float64, error) {
	out := make([]float64, len(inputs))
	plain := plainInputs(inputs)
	err := r.ask(ctx, inputs, options, func(handle *capi.Router, wanted *capi.RouteOptions, cancel *capi.CancelToken,
		cerr **capi.Error) capi.Status {
		return capi.WinRatesOf(handle, plain, wanted, cancel, out, cerr)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// CandidateScoresOf is as [Router.CandidateScores], for an input of any kind: see [Router.WinRateOf].
func (r *Router) CandidateScoresOf(ctx context.Context, input Input, options ...RouteOption) ([]float64, error) {
	out := make([]float64, len(r.Models()))
	err := r.ask(ctx, []Input{input}, options, func(handle *capi.Router, wanted *capi.RouteOptions, cancel *capi.CancelToken,
		cerr **capi.Error) capi.Status {
		return capi.CandidateScoresOf(handle, input.c, wanted, cancel, out, cerr)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// QualitiesOf are the qualities that the candidates are expected to have on an input, in [0, 1], in the order of
// [Router.Models]: see [Router.WinRateOf]. What a quality is tells [CandidateInfo]. Routers that know more than their pair.
func (r *Router) QualitiesOf(ctx context.Context, input Input, options ...RouteOption) ([]float64, error) {
	rows, err := r.QualitiesOfMany(ctx, []Input{input}, options...)
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}

// QualitiesOfMany are the qualities for many inputs, a row for each, as [Router.QualitiesOf] gives them one by one.
func (r *Router) QualitiesOfMany(ctx context.Context, inputs []Input, options ...RouteOption) ([][]float64, error) {
	models := len(r.models)
	out := make([]float64, len(inputs)*models)
	plain := plainInputs(inputs)
	err := r.ask(ctx, inputs, options, func(handle *capi.Router, wanted *capi.RouteOptions, cancel *capi.CancelToken,
		cerr **capi.Error) capi.Status {
		return capi.QualitiesOf(handle, plain, wanted, cancel, out, models, cerr)
	})
	if err != nil {
		return nil, err
	}
	rows := make([][]float64, len(inputs))
	for i := range rows {
		rows[i] = out[i*models : (i+1)*models : (i+1)*models]
	}
	return rows, nil
}

// SimilarityOf is as [Router.Similarity], for an input of any kind: see [Router.WinRateOf].
func (r *Router) SimilarityOf(ctx context.Context, input Input, options ...RouteOption) (float64, error) {
	var out float64
	err := r.ask(ctx, []Input{input}, options, func(handle *capi.Router, wanted *capi.RouteOptions, cancel *capi.CancelToken,
		cerr **capi.Error) capi.Status {
		return capi.SimilarityOf(handle, input.c, wanted, cancel, &out, cerr)
	})
	return out, err
}

// EmbedOf is as [Router.Embed], for a text or a chat: see [Router.WinRateOf].
func (r *Router) EmbedOf(ctx context.Context, input Input, options ...RouteOption) ([]float32, error) {
	out := make([]float32, r.embedDimension)
	err := r.ask(ctx, []Input{input}, options, func(handle *capi.Router, wanted *capi.RouteOptions, cancel *capi.CancelToken,
		cerr **capi.Error) capi.Status {
		return capi.EmbedOf(handle, input.c, wanted, cancel, out, cerr)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ExplainOf is as [Router.Explain], for an input of any kind: see [Router.WinRateOf]. Where [WithOnError] covers an error,
// the explanation has a Fallback.
func (r *Router) ExplainOf(ctx context.Context, input Input, k int, options ...RouteOption) (*Explanation, error) {
	if k < 0 {
		return nil, invalid("k is %d, expected a number of votes", k)
	}
	var out *capi.String
	err := r.ask(ctx, []Input{input}, options, func(handle *capi.Router, wanted *capi.RouteOptions, cancel *capi.CancelToken,
		cerr **capi.Error) capi.Status {
		return capi.ExplainOf(handle, input.c, k, wanted, cancel, &out, cerr)
	})
	if err != nil {
		return nil, err
	}
	return explanationOf(out)
}

// plainInputs are the inputs as C takes them.
func plainInputs(inputs []Input) []capi.Input {
	plain := make([]capi.Input, len(inputs))
	for i, input := range inputs {
		plain[i] = input.c
	}
	return plain
}

// ask asks C when there is room for this goroutine.
func (r *Router) ask(ctx context.Context, inputs []Input, options []RouteOption, ask question) error {
	wanted, err := cRouteOptions(options)
	if err != nil {
		return err
	}
	handle, err := r.use()
	if err != nil {
		return err
	}
	defer r.release()
	if err := begin(ctx); err != nil {
		return err
	}
	// Embeddings need no session.
	g := r.computing
	for _, input := range inputs {
		if input.c.Kind != capi.InputEmbedding {
			g = r.holding
		}
	}
	leave, err := r.enterInTime(ctx, g, &wanted)
	if err != nil {
		return err
	}
	defer leave()
	token, finish := watch(ctx)
	defer finish()
	var cerr *capi.Error
	if status := ask(handle, &wanted, token.pointer(), &cerr); status != capi.OK {
		return r.failure(ctx, status, cerr)
	}
	return nil
}

// explanationOf reads an explanation in JSON, and frees it. A null leaves the field as it is.
func explanationOf(text *capi.String) (*Explanation, error) {
	explanation := &Explanation{WinRate: math.NaN(), WinRateError: math.NaN(), Similarity: math.NaN()}
	if err := json.Unmarshal([]byte(capi.TakeString(text)), explanation); err != nil {
		return nil, &Error{Kind: Internal, Message: "explanation: " + err.Error(), cause: err}
	}
	return explanation, nil
}
