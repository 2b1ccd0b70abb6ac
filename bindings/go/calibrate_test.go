package routellm

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func TestCalibration(t *testing.T) {
	router, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	var prompts []string
	for i := range 250 {
		prompts = append(prompts, fmt.Sprintf("Question %d: what is %d? %s", i, i*i, strings.Repeat("Explain. ", i%7)))
	}
	share := 0.2
	spec := CalibrateSpec{Prompts: prompts, StrongShare: &share, FurtherRequests: 1000}
	calibrated, err := router.Calibrate(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	defer calibrated.Close()
	report, err := calibrated.CalibrationReport()
	if err != nil || report == nil {
		t.Fatal(report, err)
	}
	bounds := report.PredictionInterval
	if report.FurtherRequests != 1000 || bounds.Low > report.StrongShare || bounds.High < report.StrongShare {
		t.Errorf("%+v", report)
	}
	decision, err := calibrated.Route(context.Background(), "Hello!")
	if err != nil || decision.Threshold != *report.Threshold {
		t.Errorf("%v %v, expected %v", decision.Threshold, err, *report.Threshold)
	}
	if none, err := router.CalibrationReport(); none != nil || err != nil {
		t.Error(none, err)
	}
	file := filepath.Join(t.TempDir(), "calibration.json")
	if err := calibrated.SaveCalibration(file); err != nil {
		t.Fatal(err)
	}
	var heard []string
	opened, err := Default(WithCalibration(file), WithNoticeHandler(func(text string) { heard = append(heard, text) }))
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if again, err := opened.Route(context.Background(), "Hello!"); err != nil || again.Threshold != decision.Threshold {
		t.Error(again.Threshold, err)
	}
	if _, err := opened.Route(context.Background(), "Hello!", WithThreshold(0.999)); err != nil {
		t.Fatal(err)
	}
	if stats, err := opened.Stats(); err != nil || len(stats.Notices) != 1 || !strings.Contains(stats.Notices[0], "above") {
		t.Error(stats.Notices, err)
	}
	if len(heard) != 1 || !strings.HasPrefix(heard[0], "threshold 0.999 is above every win rate") {
		t.Error(heard)
	}
	spec.StrongShare = nil
	if _, err := router.Calibrate(context.Background(), spec); err == nil || !strings.Contains(err.Error(), "one target") {
		t.Error(err)
	}
}
