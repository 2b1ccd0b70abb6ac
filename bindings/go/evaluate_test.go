package routellm

import (
	"bytes"
	"context"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"
)

func evaluation() EvalSpec {
	draws, none := 40, 0
	return EvalSpec{
		Routers:    []EvalRouter{{Path: "default"}},
		Data:       []EvalData{{Rows: goldRows(), Name: "mine"}},
		Draws:      &draws,
		Robustness: &none,
	}
}

func TestAnEvaluationTellsOfRoutersAndBaselines(t *testing.T) {
	steps := 0
	report, err := Evaluate(context.Background(), evaluation(), func(step TrainProgress) bool {
		steps++
		if step.Stage == "" || step.Done > step.Total {
			t.Errorf("progress is %+v", step)
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	table := report.Tables[0]
	if steps < 3 || table.Name != "mine" || table.Strong != "big" || table.Weak != "small" || table.Rows != 90 {
		t.Errorf("after %d steps the table is %+v", steps, table)
	}
	found := map[string]EvalResult{}
	for _, result := range table.Results {
		found[result.Name] = result
	}
	for _, name := range []string{"default", "random", "length", "oracle", "best single model"} {
		if _, ok := found[name]; !ok {
			t.Errorf("no %s", name)
		}
	}
	if oracle := found["oracle"].Pair; oracle == nil || oracle.Router.APGR == nil || math.Abs(oracle.Router.APGR.Value-5.0/6) > 1e-9 {
		t.Errorf("the oracle is %+v", found["oracle"])
	}
	if best := found["best single model"]; best.Pair != nil || best.Why == "" {
		t.Errorf("the best single model is %+v", best)
	}
	if !bytes.Contains(report.JSON, []byte(`"thresholds"`)) {
		t.Error("the JSON is not whole")
	}
}

func TestAnEvaluationIsStoppedAndRefused(t *testing.T) {
	var failed *Error
	_, err := Evaluate(context.Background(), evaluation(), func(TrainProgress) bool { return false })
	if !errors.As(err, &failed) || failed.Kind != Cancelled {
		t.Errorf("by its listener: %v", err)
	}
	for part, change := range map[string]func(*EvalSpec){
		"routers is empty":    func(s *EvalSpec) { s.Routers = nil },
		"nothing to evaluate": func(s *EvalSpec) { s.Data = nil },
		`no model "huge"`:     func(s *EvalSpec) { s.Strong, s.Weak = "huge", "small" },
		"nothing.csv":         func(s *EvalSpec) { s.Data = []EvalData{{Path: filepath.Join(t.TempDir(), "nothing.csv")}} },
		"confidence is 2":     func(s *EvalSpec) { s.Confidence = 2 },
	} {
		spec := evaluation()
		change(&spec)
		if _, err := Evaluate(context.Background(), spec, nil); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v", part, err)
		}
	}
}
