package routellm

import (
	"context"
	"encoding/json"

	"routellm.dev/go/routellm/internal/capi"
)

// TrainSpec is a training as data. It is the same in every language; [Train] carries it out. Paths are relative to the
// working directory.
type TrainSpec struct {
	// Trainer has a "kind", "linear", "knn", "logistic", "mf" or "sw_ranking", and beside it hyperparameters, each of which
	// has a default.
	Trainer map[string]any `json:"trainer"`
	// Sources are what it learns from. Those of one kind are read one after the other, as if they were one.
	Sources []TrainSource `json:"sources"`
	// Out is the folder to write. An artifact that is there already is replaced at once, at the end.
	Out string `json:"out"`
	// Name of the artifact; the kind by default.
	Name string `json:"name,omitempty"`
	// Strong and Weak are the pair. Where gold rows know just two models, the better one is the strong one by default.
	Strong string `json:"strong,omitempty"`
	Weak   string `json:"weak,omitempty"`
	// Rename gives other names to models of the gold rows.
	Rename map[string]string `json:"rename,omitempty"`
	// Candidates are the models that requests may be sent to, with what is known of each, which the artifact keeps. What
	// sources say of other models is left out and counted. Of more than two, "linear" and "logistic" learn each.
	Candidates []Candidate `json:"candidates,omitempty"`
	// MeanOutputTokens are the tokens that an answer has on average, which the artifact keeps; nil if nobody knows.
	MeanOutputTokens *float64 `json:"mean_output_tokens,omitempty"`
	// Split is a share of the prompts that nothing is learned from; nil for none.
	Split *TrainSplit `json:"split,omitempty"`
	// Evaluation says how the rows that Split holds out are evaluated afterwards: members of an evaluation but its routers and
	// data, as {"draws": 200}, or none of them. Nil for no evaluation.
	Evaluation map[string]any `json:"evaluation,omitempty"`
	// Seed of everything that is left to chance but the split; the trainer's own if it is nil.
	Seed *uint64 `json:"seed,omitempty"`
	// Encoder turns prompts into vectors: "logistic", "mf" and "sw_ranking" need one, and "knn" takes one.
	Encoder *TrainEncoder `json:"encoder,omitempty"`
	// Calibration is prompts as the router will meet them; those it learned from by default.
	Calibration *TrainCalibration `json:"calibration,omitempty"`
	// Read is what of a chat the router reads, unless it is told otherwise: "last_user", "all_user" or "conversation".
	Read string `json:"read,omitempty"`
	// Models are the columns of gold rows that are models; nil for all whose values are scores.
	Models []string `json:"models,omitempty"`
	// Ties is what a tie says: "drop" (nothing), "half" (half a win for each) or "weak_not_worse" (a win of the weaker
	// model); the trainer's own rule if it is empty.
	Ties string `json:"ties,omitempty"`
	// TimeoutMs is the longest time of the training, in milliseconds; 0 for any.
	TimeoutMs float64 `json:"timeout_ms,omitempty"`
	// OnError is what becomes of a prompt that cannot be embedded: "raise", the default, or "leave_out".
	OnError string `json:"on_error,omitempty"`
	// Provenance goes into that of the artifact, over what is noted anyway.
	Provenance map[string]any `json:"provenance,omitempty"`
}

// TrainSplit is which prompts a training holds out: about this Share, in (0, 1), and Seed says which. Every row of a prompt is
// on one side.
type TrainSplit struct {
	Share float64 `json:"share"`
	Seed  uint64  `json:"seed,omitempty"`
}

// TrainedRows are numbers of rows that a training did not learn from, by kind.
type TrainedRows struct {
	Votes int `json:"votes"`
	Gold  int `json:"gold"`
	Logs  int `json:"logs"`
}

// HeldOutRows are what the split of a training held out.
type HeldOutRows struct {
	TrainedRows
	TrainSplit
}

// TrainSource is rows to learn from: a file, or the rows themselves.
type TrainSource struct {
	// Kind is "votes", "gold", "judge" (votes of a model that judges) or "log" (what one model's answer was worth).
	Kind string `json:"kind"`
	// Path of the file: .jsonl or .csv.
	Path string `json:"path,omitempty"`
	// Columns are what its columns are called, by the name that they are read by: {"prompt": "question"}.
	Columns map[string]string `json:"columns,omitempty"`
	// Weight is how much each row counts; 0 is 1.
	Weight float64 `json:"weight,omitempty"`
	// Rows are values that JSON has as objects.
	Rows []any `json:"rows,omitempty"`
}

// TrainEncoder is what turns prompts into vectors.
type TrainEncoder struct {
	// Path of the folder of an artifact, whose encoder is taken over, or, with Parameters, of an ONNX model and its
	// tokenizer. With ID, a file of embeddings that some other model computed, with a prompt and an embedding in each row.
	Path string `json:"path,omitempty"`
	// Rows are such rows, instead of a file.
	Rows []any `json:"rows,omitempty"`
	// ID is the model of embeddings that are given. The router takes embeddings of that model only.
	ID         string         `json:"id,omitempty"`
	Parameters map[string]any `json:"parameters,omitempty"`
	// Session is options of opening that say how it runs: {"sessions": 2}.
	Session map[string]any `json:"session,omitempty"`
	// Cache is a file of embeddings that were computed before: read if it exists, and written.
	Cache string `json:"cache,omitempty"`
}

// TrainCalibration is prompts to calibrate on: a file, or texts.
type TrainCalibration struct {
	Path    string   `json:"path,omitempty"`
	Prompts []string `json:"prompts,omitempty"`
	// Name is how the artifact calls them.
	Name string `json:"name,omitempty"`
	// Date is their day, "2026-01-31"; today (UTC) by default.
	Date string `json:"date,omitempty"`
}

// TrainProgress is how far a training or an evaluation has come.
type TrainProgress struct {
	// Stage is what is being done: "features", "cross-validation", "embedding", "epoch", "calibration" and others.
	Stage string
	// Done of Total steps of this stage are done.
	Done, Total int
	// Loss of the step; NaN where there is none.
	Loss float64
	// Rate is steps of this stage a second, since its first report; NaN there.
	Rate float64
}

// TrainReport is what a training made.
type TrainReport struct {
	// Kind of router: "linear" (which "logistic" trains, too), "knn", "mf" or "sw_ranking".
	Kind string `json:"kind"`
	// Out is the folder of the artifact, and Name what it is called.
	Out  string `json:"out"`
	Name string `json:"name"`
	// Models are its candidates, and the pair.
	Models struct {
		Names  []string `json:"names"`
		Strong string   `json:"strong"`
		Weak   string   `json:"weak"`
	} `json:"models"`
	// Sources are what it learned from.
	Sources []struct {
		Name      string `json:"name"`
		LabelKind string `json:"label_kind"`
		Rows      int    `json:"rows"`
		SHA256    string `json:"sha256"`
	} `json:"sources"`
	// LeftOutRows are of models that are no candidates.
	LeftOutRows TrainedRows `json:"left_out_rows"`
	// HeldOut is what the split held out; nil without one.
	HeldOut *HeldOutRows `json:"held_out"`
	// CalibrationPrompts is how many prompts it is calibrated on.
	CalibrationPrompts int `json:"calibration_prompts"`
	// Trained is what the trainer found.
	Trained json.RawMessage `json:"trained"`
	// Evaluation is of the held-out rows; nil if none was asked for.
	Evaluation *EvalReport `json:"evaluation"`
	// NotEvaluated are sources that could not be evaluated on, each with the reason.
	NotEvaluated []string `json:"not_evaluated"`
}

// Train trains a router as a specification says and writes its artifact, which [Open] opens. It returns when the training
// is done. The same specification, data and seed give the same files.
//
// onProgress, unless it is nil, hears how far the training has come and stops it by returning false: the error is of the
// kind [Cancelled], as if ctx had ended. A panic in it stops the training, and goes on in the caller.
func Train(ctx context.Context, spec TrainSpec, onProgress func(TrainProgress) bool) (*TrainReport, error) {
	if err := begin(ctx); err != nil {
		return nil, err
	}
	if spec.Sources == nil {
		spec.Sources = []TrainSource{}
	}
	report, err := watched(ctx, capi.Train, spec, onProgress)
	if err != nil {
		return nil, err
	}
	made := &TrainReport{}
	if err := json.Unmarshal(report, made); err != nil {
		return nil, &Error{Kind: Internal, Message: "report of a training: " + err.Error(), cause: err}
	}
	return made, nil
}

// watched does work on a specification, and returns its report, JSON.
func watched(ctx context.Context,
	work func([]byte, capi.Listen, *capi.CancelToken, **capi.String, **capi.Error) capi.Status, spec any,
	onProgress func(TrainProgress) bool) ([]byte, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, invalid("the specification is not representable as JSON: %v", err)
	}
	if err := load(); err != nil {
		return nil, err
	}
	var listener progressListener
	var listen capi.Listen
	if onProgress != nil {
		listener.hear = onProgress
		listen = listener.listen
	}
	token, leave := watch(ctx)
	defer leave()
	var report *capi.String
	var cerr *capi.Error
	if status := work(text, listen, token.pointer(), &report, &cerr); status != capi.OK {
		err := failure(ctx, status, cerr)
		if listener.panicked != nil {
			panic(listener.panicked)
		}
		return nil, err
	}
	return []byte(capi.TakeString(report)), nil
}

type progressListener struct {
	hear     func(TrainProgress) bool
	panicked any
}

// listen runs inside Train or Evaluate, on its thread.
func (l *progressListener) listen(progress *capi.Progress) (goOn bool) {
	// What lies below are frames of the library, which no panic may leave.
	defer func() {
		if err := recover(); err != nil {
			l.panicked = err
			goOn = false
		}
	}()
	return l.hear(TrainProgress{
		Stage: capi.GoString(progress.Stage),
		Done:  int(progress.Done),
		Total: int(progress.Total),
		Loss:  progress.Loss,
		Rate:  progress.Rate,
	})
}
