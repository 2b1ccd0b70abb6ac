package routellm

import (
	"context"
	"encoding/json"

	"routellm.dev/go/routellm/internal/capi"
)

// CalibrateSpec is a calibration as data: one sample and one target. It is the same in every language;
// [Router.Calibrate] carries it out.
type CalibrateSpec struct {
	// Prompts, Chats (lists of messages, or requests around them), Embeddings and WinRates (of this router) are samples in
	// memory; Rows and Path, a file of rows, have "prompt", "messages", "body" (a request of OpenAI's API), "embedding" or
	// "win_rate" in each row. One of them is the sample.
	Prompts    []string    `json:"prompts,omitempty"`
	Chats      []any       `json:"chats,omitempty"`
	Embeddings [][]float32 `json:"embeddings,omitempty"`
	WinRates   []float64   `json:"win_rates,omitempty"`
	Rows       []any       `json:"rows,omitempty"`
	Path       string      `json:"path,omitempty"`
	// Columns are what columns are called, by the name that they are read by: {"prompt": "question"}.
	Columns map[string]string `json:"columns,omitempty"`
	// One of these is the target: the share of requests that goes to the strong model; USD per 1,000 requests, at most; or,
	// with labels, the part of the gap in quality that is recovered, the mean quality, or the calibrated chance that the chosen
	// model succeeds, at least.
	StrongShare *float64 `json:"strong_share,omitempty"`
	Cost        *float64 `json:"cost,omitempty"`
	PGR         *float64 `json:"pgr,omitempty"`
	Quality     *float64 `json:"quality,omitempty"`
	PSuccess    *float64 `json:"p_success,omitempty"`
	// Policy is "threshold", the default, or "cost_weight", which compares all candidates and has a cost as its target.
	Policy string `json:"policy,omitempty"`
	// StrongQuality and WeakQuality are labels of a sample that is no rows; those of rows are columns of the models' names.
	StrongQuality []float64 `json:"strong_quality,omitempty"`
	WeakQuality   []float64 `json:"weak_quality,omitempty"`
	// InputTokens are the tokens of each request of a sample that is no rows.
	InputTokens []uint64 `json:"input_tokens,omitempty"`
	// Groups says which members of a sample that is no rows belong together; GroupBy is a column of rows that does.
	Groups  []uint64 `json:"groups,omitempty"`
	GroupBy string   `json:"group_by,omitempty"`
	// SliceBy are columns of rows to slice by.
	SliceBy []string `json:"slice_by,omitempty"`
	// FurtherRequests is for how many requests the prediction interval is; 0 for as many as the sample has.
	FurtherRequests uint64 `json:"further_requests,omitempty"`
	// Name and Date ("2026-01-31") of the sample.
	Name string `json:"name,omitempty"`
	Date string `json:"date,omitempty"`
	// Seed and Draws of the bootstrap intervals; 0 for the defaults.
	Seed  uint64 `json:"seed,omitempty"`
	Draws int    `json:"draws,omitempty"`
}

// Bounds are a 95 % interval.
type Bounds struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// CalibrationReport is what a calibration found, on its own sample.
type CalibrationReport struct {
	// Target is what it aimed at, "strong_share" for example, and Value the number.
	Target string  `json:"target"`
	Value  float64 `json:"value"`
	Strong string  `json:"strong"`
	Weak   string  `json:"weak"`
	// Threshold of calls that name none; nil where a policy compares candidates.
	Threshold   *float64 `json:"threshold"`
	StrongShare float64  `json:"strong_share"`
	// ConfidenceInterval is of the share of all requests, PredictionInterval of that of so many further ones.
	ConfidenceInterval Bounds `json:"confidence_interval"`
	FurtherRequests    uint64 `json:"further_requests"`
	PredictionInterval Bounds `json:"prediction_interval"`
	// ExpectedCost is in USD per 1,000 requests; nil where prices or tokens are not known.
	ExpectedCost *float64 `json:"expected_cost"`
	// Quality of the answers; nil without labels.
	Quality *struct {
		Mean     float64  `json:"mean"`
		Interval Bounds   `json:"interval"`
		Strong   float64  `json:"strong"`
		Weak     float64  `json:"weak"`
		PGR      *float64 `json:"pgr"`
		PSuccess *float64 `json:"p_success"`
	} `json:"quality"`
	Sample struct {
		Name         string  `json:"name"`
		Count        int     `json:"count"`
		Groups       int     `json:"groups"`
		DesignEffect float64 `json:"design_effect"`
		SHA256       *string `json:"sha256"`
		Date         *string `json:"date"`
	} `json:"sample"`
	Slices []struct {
		By          string   `json:"by"`
		Value       string   `json:"value"`
		Count       int      `json:"count"`
		StrongShare float64  `json:"strong_share"`
		Interval    Bounds   `json:"interval"`
		Quality     *float64 `json:"quality"`
	} `json:"slices"`
	Warnings []struct {
		Kind    string `json:"kind"`
		Message string `json:"message"`
	} `json:"warnings"`
}

// Calibrate is a router that is calibrated on requests of your own, as spec says; r stays as it is, and both share the
// models. [Router.CalibrationReport] of the new one says what was found, and [Router.SaveCalibration] keeps it. It hears of
// fallbacks as r does; a decision hook goes along, too.
func (r *Router) Calibrate(ctx context.Context, spec CalibrateSpec) (*Router, error) {
	if err := begin(ctx); err != nil {
		return nil, err
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, invalid("the specification is not representable as JSON: %v", err)
	}
	handle, err := r.use()
	if err != nil {
		return nil, err
	}
	defer r.release()
	token, leave := watch(ctx)
	defer leave()
	var made *capi.Router
	var cerr *capi.Error
	if status := capi.RouterCalibrate(handle, text, nil, token.pointer(), &made, &cerr); status != capi.OK {
		return nil, r.failure(ctx, status, cerr)
	}
	return routerOf(made, r.onFallback, r.heard, r.maxWaiting)
}

// CalibrationReport is what the calibration of this router found; nil unless it was calibrated or opened with
// [WithCalibration].
func (r *Router) CalibrationReport() (*CalibrationReport, error) {
	handle, err := r.use()
	if err != nil {
		return nil, err
	}
	defer r.release()
	var text *capi.String
	var cerr *capi.Error
	if status := capi.RouterCalibrationReport(handle, &text, &cerr); status != capi.OK {
		return nil, r.failure(nil, status, cerr)
	}
	if text == nil {
		return nil, nil
	}
	report := &CalibrationReport{}
	if err := json.Unmarshal([]byte(capi.TakeString(text)), report); err != nil {
		return nil, &Error{Kind: Internal, Message: "report of a calibration: " + err.Error(), cause: err}
	}
	return report, nil
}

// SaveCalibration keeps the calibration of a router that was calibrated: in a file that ends in .json, which
// [WithCalibration] takes, or with the artifact in a folder, its own or a new one.
func (r *Router) SaveCalibration(path string) error {
	if err := uncut("path", path); err != nil {
		return err
	}
	handle, err := r.use()
	if err != nil {
		return err
	}
	defer r.release()
	var cerr *capi.Error
	if status := capi.RouterSaveCalibration(handle, path, &cerr); status != capi.OK {
		return r.failure(nil, status, cerr)
	}
	return nil
}
