package routellm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Hard prompts are those with "integral" in them: the strong model solves all, the weak one the easy ones.
func goldRows() []any {
	rows := make([]any, 90)
	for i := range rows {
		prompt := fmt.Sprintf("greet person %d", i)
		if i%3 == 0 {
			prompt = fmt.Sprintf("integral of x number %d", i)
		}
		rows[i] = map[string]any{"prompt": prompt, "big": true, "small": i%3 != 0}
	}
	return rows
}

func specTo(out string) TrainSpec {
	seed := uint64(7)
	return TrainSpec{
		Trainer:     map[string]any{"kind": "linear", "bits": 10, "folds": 3, "lambdas": []float64{0.1, 1}},
		Sources:     []TrainSource{{Kind: "gold", Rows: goldRows()}},
		Strong:      "big",
		Weak:        "small",
		Seed:        &seed,
		Calibration: &TrainCalibration{Date: "2026-01-31"},
		Out:         out,
	}
}

func TestHeldOutRowsAreEvaluated(t *testing.T) {
	spec := specTo(filepath.Join(t.TempDir(), "trained"))
	spec.Split = &TrainSplit{Share: 0.3}
	spec.Evaluation = map[string]any{"draws": 20, "robustness": 0}
	report, err := Train(context.Background(), spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	if report.Evaluation == nil || len(report.NotEvaluated) > 0 {
		t.Fatalf("evaluation is %+v, not on %v", report.Evaluation, report.NotEvaluated)
	}
	table := report.Evaluation.Tables[0]
	if len(report.Evaluation.JSON) == 0 || table.Rows != report.HeldOut.Gold || table.Results[0].Pair.Router.APGR == nil {
		t.Errorf("table is %+v, held out are %+v", table, report.HeldOut)
	}
	again, err := Evaluate(context.Background(), EvalSpec{
		Routers: []EvalRouter{{Path: spec.Out}},
		Data:    []EvalData{{Rows: goldRows(), HeldOut: spec.Split}},
	}, nil)
	if err != nil || again.Tables[0].Rows != table.Rows {
		t.Errorf("again %+v, %v", again, err)
	}
	spec.Split = nil
	if _, err := Train(context.Background(), spec, nil); err == nil || !strings.Contains(err.Error(), "split") {
		t.Errorf("without a split: %v", err)
	}
}

func TestASpecificationTrainsARouterThatOpens(t *testing.T) {
	out := filepath.Join(t.TempDir(), "trained")
	steps := 0
	report, err := Train(context.Background(), specTo(out), func(step TrainProgress) bool {
		steps++
		if step.Stage == "" || step.Done > step.Total || step.Loss < 0 {
			t.Errorf("progress is %+v", step)
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if steps < 3 || report.Kind != "linear" || report.Models.Strong != "big" || report.CalibrationPrompts != 90 ||
		report.Sources[0].Rows != 90 || report.Sources[0].LabelKind != "D_gold" || len(report.Trained) == 0 {
		t.Errorf("after %d steps the report is %+v", steps, report)
	}
	router, err := Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	hard, err := router.WinRate(context.Background(), "integral of x number 7")
	if err != nil {
		t.Fatal(err)
	}
	easy, err := router.WinRate(context.Background(), "greet person 7")
	if err != nil || hard <= easy {
		t.Errorf("win rates are %v and %v (%v)", hard, easy, err)
	}
	if _, err := Train(context.Background(), specTo(out), nil); err != nil {
		t.Error(err)
	}
}

func TestATrainingIsStopped(t *testing.T) {
	out := filepath.Join(t.TempDir(), "trained")
	stopped := func(err error, where string) {
		t.Helper()
		var failed *Error
		if !errors.As(err, &failed) || failed.Kind != Cancelled {
			t.Errorf("%s: %v", where, err)
		}
	}
	_, err := Train(context.Background(), specTo(out), func(TrainProgress) bool { return false })
	stopped(err, "by its listener")
	ctx, cancel := context.WithCancel(context.Background())
	_, err = Train(ctx, specTo(out), func(TrainProgress) bool {
		cancel()
		<-ctx.Done()
		return true
	})
	// The token is cancelled by another goroutine, which may come too late for so short a training.
	if err != nil {
		stopped(err, "by its context")
	}
	_, err = Train(ctx, specTo(out), nil)
	stopped(err, "before it began")
	func() {
		defer func() {
			if got := recover(); got != "mine" {
				t.Errorf("the panic was %v", got)
			}
		}()
		_, _ = Train(context.Background(), specTo(out), func(TrainProgress) bool { panic("mine") })
		t.Error("the panic did not go on")
	}()
}

func TestWrongSpecificationsAreRefused(t *testing.T) {
	out := filepath.Join(t.TempDir(), "trained")
	for part, change := range map[string]func(*TrainSpec){
		"expected one of `linear`":  func(s *TrainSpec) { s.Trainer = map[string]any{"kind": "forest"} },
		"unknown field `fold`":      func(s *TrainSpec) { s.Trainer["fold"] = 3 },
		"sources is empty":          func(s *TrainSpec) { s.Sources = nil },
		"not representable as JSON": func(s *TrainSpec) { s.Provenance = map[string]any{"x": make(chan int)} },
		"neither path nor rows":     func(s *TrainSpec) { s.Sources[0].Rows = nil },
		"nothing.csv":               func(s *TrainSpec) { s.Sources[0] = TrainSource{Kind: "gold", Path: "nothing.csv"} },
		"encoder has no effect":     func(s *TrainSpec) { s.Encoder = &TrainEncoder{Path: "x"} },
	} {
		spec := specTo(out)
		change(&spec)
		if _, err := Train(context.Background(), spec, nil); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v", part, err)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("something was written")
	}
}
