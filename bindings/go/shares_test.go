package routellm

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestShares(t *testing.T) {
	router := openDefault(t)
	nothing := math.Nextafter(1, 2)
	for share, expected := range map[float64]struct {
		threshold float64
		side      Side
	}{0: {nothing, Weak}, 1: {0, Strong}} {
		threshold, reached, err := router.Share(share)
		if err != nil || threshold != expected.threshold || reached != share {
			t.Error(threshold, reached, err)
		}
		for _, option := range []RouteOption{WithStrongShare(share), WithThreshold(threshold)} {
			for _, prompt := range []string{"", "hi", "Prove that there are infinitely many primes."} {
				decision, err := router.Route(background, prompt, option)
				if err != nil || decision.Side != expected.side || decision.Threshold != threshold {
					t.Errorf("%+v, %v", decision, err)
				}
			}
			if again, err := router.Threshold(option); err != nil || again != threshold {
				t.Error(again, err)
			}
		}
	}
	for _, wrong := range []float64{math.Nextafter(nothing, 2), -0.1, math.NaN()} {
		_, _, err := router.Share(wrong)
		refused(t, err, InvalidArgument, "strong_share")
		_, err = router.Route(background, "x", WithThreshold(wrong))
		refused(t, err, InvalidArgument, "threshold")
	}
	threshold, reached, err := router.Share(0.3)
	resolved, err2 := router.Threshold(WithStrongShare(0.3))
	if err != nil || err2 != nil || threshold != resolved || math.Abs(reached-0.3) > 1e-3 {
		t.Error(threshold, resolved, reached, err, err2)
	}
	info, err := router.Info()
	if err != nil || info.Constant != nil || info.Calibration.Points < 900 || info.Calibration.ShareError > 2e-3 {
		t.Errorf("%+v, %v", info, err)
	}
	if err := router.Close(); err != nil {
		t.Error(err)
	}
	_, _, err = router.Share(0.3)
	refused(t, err, InvalidArgument, "closed")
}

func TestTheEndsBeatFarPromptsAndErrorsBeatTheEnds(t *testing.T) {
	far := []float32{-1, 0, 0, 0, 0, 0, 0, 0}
	folder := filepath.Join(root(), "tests", "conformance", "sw-lopsided")
	for abstain, side := range map[OutOfDistribution]Side{AbstainToStrong: Strong, AbstainToWeak: Weak} {
		router, err := Open(folder, WithOutOfDistribution(abstain))
		if err != nil {
			t.Fatal(err)
		}
		half, err := router.RouteEmbedding(background, far, WithStrongShare(0.5))
		if err != nil || half.Side != side {
			t.Errorf("%+v, %v", half, err)
		}
		for share, expected := range map[float64]Side{0: Weak, 1: Strong} {
			decision, err := router.RouteEmbedding(background, far, WithStrongShare(share))
			if err != nil || decision.Side != expected || !decision.OutOfDistribution {
				t.Errorf("%+v, %v", decision, err)
			}
			// Above 1 a threshold sends nothing either; 0 is one as any other.
			again, err := router.RouteEmbedding(background, far, WithThreshold(decision.Threshold))
			if err != nil || (share == 0 && again.Side != Weak) || (share == 1 && again.Side != side) {
				t.Errorf("%+v, %v", again, err)
			}
			onError := FallBackToStrong
			if expected == Strong {
				onError = FallBackToWeak
			}
			fallback, err := router.RouteEmbedding(background, make([]float32, 8), WithStrongShare(share), WithOnError(onError))
			if err != nil || fallback.Side == expected || fallback.Fallback == nil {
				t.Errorf("%+v, %v", fallback, err)
			}
		}
		if err := router.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAPairInsideOneTierIsRefused(t *testing.T) {
	folder := filepath.Join(root(), "tests", "conformance", "sw-caller")
	_, err := Open(folder, WithStrong("small"), WithWeak("tiny"))
	refused(t, err, InvalidArgument, "tier 3 of 4")
	router, err := Open(folder, WithStrong("small"), WithWeak("tiny"), WithMode(Reference))
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	info, err := router.Info()
	if err != nil || info.Constant == nil || !strings.Contains(*info.Constant, "one half") {
		t.Errorf("%+v, %v", info, err)
	}
}

func TestUpgrade(t *testing.T) {
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(root(), "tests", "conformance", "sw-caller"))); err != nil {
		t.Fatal(err)
	}
	for _, expected := range []bool{true, false} {
		if upgraded, err := UpgradeArtifact(folder); err != nil || upgraded != expected {
			t.Error(upgraded, err)
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, "router.json"))
	if err != nil || !strings.Contains(string(text), `"format_version": 2`) {
		t.Error(err)
	}
	router, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	_, err = UpgradeArtifact(filepath.Join(folder, "nothing"))
	refused(t, err, NotFound, "nothing")
	_, err = UpgradeArtifact("a\x00b")
	refused(t, err, InvalidArgument, "NUL")
}
