package routellm

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type exportsFile struct {
	Cases []exportCase
}

type exportCase struct {
	Name, Router         string
	Open                 exportOpen
	Threshold, Tolerance float64
	Prompts              []string
	Expected             []struct {
		WinRate   float64 `json:"win_rate"`
		Side      string
		Truncated bool
		NoScore   bool `json:"no_score"`
	}
	Error, Message string
}

type exportOpen struct {
	Kind, Strong, Weak, Mode, Provider, Preset, Head, Template *string

	LongPrompts    *string `json:"long_prompts"`
	DeviceID       *uint32 `json:"device_id"`
	MemoryLimit    *uint64 `json:"memory_limit"`
	Sessions       *int
	IntraThreads   *int  `json:"intra_threads"`
	ScoreTokens    []any `json:"score_tokens"`
	ScoreThreshold *int  `json:"score_threshold"`
	MaxNewTokens   *int  `json:"max_new_tokens"`
	MaxTokens      *int  `json:"max_tokens"`
}

func (o *exportOpen) options() []OpenOption {
	var out []OpenOption
	text := func(value *string, option func(string) OpenOption) {
		if value != nil {
			out = append(out, option(*value))
		}
	}
	count := func(value *int, option func(int) OpenOption) {
		if value != nil {
			out = append(out, option(*value))
		}
	}
	text(o.Kind, WithKind)
	text(o.Strong, WithStrong)
	text(o.Weak, WithWeak)
	text(o.Mode, func(mode string) OpenOption {
		return WithMode(map[string]Mode{"exact": Exact, "reference": Reference}[mode])
	})
	text(o.Provider, func(provider string) OpenOption { return WithProvider(Provider(provider)) })
	text(o.Preset, func(preset string) OpenOption { return WithPreset(Preset(preset)) })
	text(o.Head, WithHead)
	text(o.LongPrompts, WithLongPrompts)
	text(o.Template, WithTemplate)
	count(o.Sessions, WithSessions)
	count(o.IntraThreads, WithIntraThreads)
	count(o.ScoreThreshold, WithScoreThreshold)
	count(o.MaxNewTokens, WithMaxNewTokens)
	count(o.MaxTokens, WithMaxTokens)
	if o.DeviceID != nil {
		out = append(out, WithDeviceID(*o.DeviceID))
	}
	if o.MemoryLimit != nil {
		out = append(out, WithMemoryLimit(*o.MemoryLimit))
	}
	for _, token := range o.ScoreTokens {
		switch token := token.(type) {
		case string:
			out = append(out, WithScoreTokens(token))
		case float64:
			out = append(out, WithScoreTokenIDs(uint32(token)))
		}
	}
	return out
}

// withoutRuntime is whether opening failed because there is no ONNX Runtime, where none has to be.
func withoutRuntime(err error) bool {
	return errors.Is(err, &Error{Kind: RuntimeUnavailable}) && os.Getenv("ROUTELLM_ORT_PATH") == ""
}

// match compares a decision with the expected one of a prompt. The side does not count on the line.
func (c *exportCase) match(i int, found Decision, tolerance float64) error {
	expected := c.Expected[i]
	onTheLine := math.Abs(expected.WinRate-c.Threshold) <= tolerance
	if math.Abs(found.WinRate-expected.WinRate) > tolerance || found.Truncated != expected.Truncated ||
		found.NoScore != expected.NoScore || found.Side.String() != expected.Side && !onTheLine {
		return fmt.Errorf("%q: expected %+v, got %+v", c.Prompts[i], expected, found)
	}
	return nil
}

// decide runs every prompt alone and all at once, and gives the bits of the win rates.
func (c *exportCase) decide(t *testing.T, router *Router, cuda bool) []string {
	tolerance := c.Tolerance
	if cuda {
		tolerance = max(tolerance, 1e-4)
	}
	batch, err := router.RouteBatch(background, c.Prompts, WithThreshold(c.Threshold))
	if err != nil {
		t.Fatal(err)
	}
	var bits []string
	for i, prompt := range c.Prompts {
		one, err := router.Route(background, prompt, WithThreshold(c.Threshold))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.match(i, one, tolerance); err != nil {
			t.Error(err)
		}
		if err := c.match(i, batch[i], tolerance); err != nil || !cuda && !same(one, batch[i]) {
			t.Errorf("in a batch: %+v, alone: %+v: %v", batch[i], one, err)
		}
		bits = append(bits, fmt.Sprintf("%016x", math.Float64bits(one.WinRate)))
	}
	return bits
}

func readExports(t *testing.T) *exportsFile {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(), "tests", "conformance", "exports.json"))
	if err != nil {
		t.Fatal(err)
	}
	file := new(exportsFile)
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	if err := decoder.Decode(file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 40 {
		t.Fatal(len(file.Cases))
	}
	return file
}

func TestConformanceOfExports(t *testing.T) {
	rates := map[string][]string{}
	for _, one := range readExports(t).Cases {
		t.Run(one.Name, func(t *testing.T) {
			router, err := Open(filepath.Join(root(), one.Router), one.Open.options()...)
			if withoutRuntime(err) {
				t.Skip("exported models:", err)
			}
			if one.Error != "" {
				var e *Error
				if !errors.As(err, &e) || e.Kind.String() != one.Error || !strings.Contains(e.Message, one.Message) {
					t.Errorf("expected %s with %q, got %v", one.Error, one.Message, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer router.Close()
			rates[one.Name] = one.decide(t, router, false)
		})
	}
	if path := os.Getenv("ROUTELLM_CONFORMANCE_OUT"); path != "" && len(rates) > 0 {
		text, err := json.Marshal(rates)
		if err != nil {
			t.Fatal(err)
		}
		write(t, strings.TrimSuffix(path, filepath.Ext(path))+".exports.json", append(text, '\n'))
	}
}

func TestConformanceOfExportsOnCUDA(t *testing.T) {
	if os.Getenv("ROUTELLM_TEST_CUDA") != "1" {
		t.Skip("exported models on CUDA: ROUTELLM_TEST_CUDA is not 1")
	}
	for _, one := range readExports(t).Cases {
		if one.Error != "" {
			continue
		}
		t.Run(one.Name, func(t *testing.T) {
			router, err := Open(filepath.Join(root(), one.Router), append(one.Open.options(), WithProvider(CUDA))...)
			if err != nil {
				t.Fatal(err)
			}
			defer router.Close()
			info, err := router.Info()
			if err != nil || info.Runtime.Provider != CUDA {
				t.Fatal(info, err)
			}
			one.decide(t, router, true)
		})
	}
}
