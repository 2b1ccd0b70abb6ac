package routellm

import (
	"context"
	"encoding/json"

	"routellm.dev/go/routellm/internal/capi"
)

// EvalSpec is an evaluation as data. It is the same in every language; [Evaluate] carries it out. Paths are relative to the
// working directory. Either Benchmarks with Folder or Data is needed.
type EvalSpec struct {
	// Routers are evaluated.
	Routers []EvalRouter `json:"routers"`
	// Benchmarks of the paper, which Folder has: "mmlu", "gsm8k", "mt-bench".
	Benchmarks []string `json:"benchmarks,omitempty"`
	// Folder is laid out as RouteLLM's routellm/evals.
	Folder string `json:"folder,omitempty"`
	// Data is rows of your own.
	Data []EvalData `json:"data,omitempty"`
	// Strong and Weak are the pair, in tables of more than two models.
	Strong string `json:"strong,omitempty"`
	Weak   string `json:"weak,omitempty"`
	// Costs in USD per 1,000 requests by model, where rows say none.
	Costs map[string]float64 `json:"costs,omitempty"`
	// Draws of the bootstrap; 1,000 if it is nil.
	Draws *int `json:"draws,omitempty"`
	// Seed of everything that is left to chance; 1 if it is nil.
	Seed *uint64 `json:"seed,omitempty"`
	// Confidence is the level of the intervals; .95 if it is 0.
	Confidence float64 `json:"confidence,omitempty"`
	// Levels of CPT; .2, .5 and .8 if it is nil.
	Levels []float64 `json:"levels,omitempty"`
	// Definition of the figures: "exact", the default, or "reference" (RouteLLM's own).
	Definition string `json:"definition,omitempty"`
	// Slices are "length", "code", "script", or columns of the rows; nil for all that say something.
	Slices []string `json:"slices,omitempty"`
	// Robustness is how many rows are scored again in other clothes and under attack; 500 if it is nil.
	Robustness *int `json:"robustness,omitempty"`
	// Baselines are rows to train the baselines "linear" and "knn" on.
	Baselines []TrainSource `json:"baselines,omitempty"`
	// Wrong is how many of the most wrong prompts are told of each router; 20 if it is nil.
	Wrong *int `json:"wrong,omitempty"`
	// WithPrompts tells their texts, which may be private.
	WithPrompts bool `json:"with_prompts,omitempty"`
	// Cache is a folder that keeps scores, so that nothing is scored twice.
	Cache string `json:"cache,omitempty"`
	// OnError is what becomes of a row that a router cannot score: "raise", the default, or "leave_out".
	OnError string `json:"on_error,omitempty"`
	// TimeoutMs is the longest time of the evaluation, in milliseconds; 0 for any.
	TimeoutMs float64 `json:"timeout_ms,omitempty"`
}

// EvalRouter is a router that is evaluated.
type EvalRouter struct {
	// Path is "default", for the router that is compiled in, or a folder of an artifact or of a model.
	Path string `json:"path"`
	// Name is how the report calls it; the last part of the path by default.
	Name string `json:"name,omitempty"`
	// Options of opening: {"sessions": 2}.
	Options map[string]any `json:"options,omitempty"`
}

// EvalData is rows that are evaluated on: a file, or the rows themselves.
type EvalData struct {
	// Path of the file: .jsonl or .csv.
	Path string `json:"path,omitempty"`
	// Rows are values that JSON has as objects: a prompt and the score of each model in [0, 1], votes, or logs of one model.
	Rows []any `json:"rows,omitempty"`
	// Kind is "gold", "votes" or "log"; what the columns say by default.
	Kind string `json:"kind,omitempty"`
	// Models are the columns that are models; nil for all whose values are scores.
	Models []string `json:"models,omitempty"`
	// Columns are what columns are called, by the name that they are read by: {"prompt": "question"}.
	Columns map[string]string `json:"columns,omitempty"`
	// Name is how the report calls it.
	Name string `json:"name,omitempty"`
	// Contaminated is a file of prompts that resemble training data: they are left out and counted.
	Contaminated string `json:"contaminated,omitempty"`
	// Rename gives models other names, by the name that they have there.
	Rename map[string]string `json:"rename,omitempty"`
	// HeldOut keeps the rows that a training with this split holds out; nil for all.
	HeldOut *TrainSplit `json:"held_out,omitempty"`
}

// EvalEstimate is a figure with its bootstrap interval; an end that the data leave open is nil.
type EvalEstimate struct {
	Value float64  `json:"value"`
	Low   *float64 `json:"low"`
	High  *float64 `json:"high"`
}

// EvalReport is what an evaluation found.
type EvalReport struct {
	// Form of the report.
	Form int `json:"form"`
	// Tables are the benchmarks, and then the data.
	Tables []EvalTable `json:"tables"`
	// JSON is the whole report, as the command writes it.
	JSON json.RawMessage `json:"-"`
}

// UnmarshalJSON reads a report and keeps the whole of it.
func (report *EvalReport) UnmarshalJSON(text []byte) error {
	type members EvalReport
	if err := json.Unmarshal(text, (*members)(report)); err != nil {
		return err
	}
	report.JSON = append(json.RawMessage(nil), text...)
	return nil
}

// EvalTable is routers and baselines on one benchmark or file.
type EvalTable struct {
	Name   string `json:"name"`
	Strong string `json:"strong"`
	Weak   string `json:"weak"`
	// Rows that know both models of the pair, and Missing those that do not.
	Rows    int `json:"rows"`
	Missing int `json:"missing"`
	// Contaminated rows were left out.
	Contaminated int `json:"contaminated"`
	// Results of the routers, and then of the baselines.
	Results []EvalResult `json:"results"`
}

// EvalResult is a router or a baseline on one table.
type EvalResult struct {
	Name string `json:"name"`
	// Role is "router" or "baseline".
	Role string `json:"role"`
	// Pair has the figures of the pair; nil where Why says why.
	Pair *struct {
		// Router has the figures of its curve.
		Router struct {
			// APGR is nil where it is undefined.
			APGR *EvalEstimate `json:"apgr"`
		} `json:"router"`
	} `json:"pair"`
	Why string `json:"why"`
}

// Evaluate evaluates routers as a specification says: quality against cost with intervals, baselines, slices, other clothes
// and attacks. It returns when the evaluation is done. The same specification and data give the same report.
//
// onProgress and ctx are as for [Train].
func Evaluate(ctx context.Context, spec EvalSpec, onProgress func(TrainProgress) bool) (*EvalReport, error) {
	if err := begin(ctx); err != nil {
		return nil, err
	}
	if spec.Routers == nil {
		spec.Routers = []EvalRouter{}
	}
	text, err := watched(ctx, capi.Evaluate, spec, onProgress)
	if err != nil {
		return nil, err
	}
	report := &EvalReport{}
	if err := json.Unmarshal(text, report); err != nil {
		return nil, &Error{Kind: Internal, Message: "report of an evaluation: " + err.Error(), cause: err}
	}
	return report, nil
}
