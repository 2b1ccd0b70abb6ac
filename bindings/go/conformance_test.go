package routellm

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

type conformanceFile struct {
	Format     int
	Prompts    []promptCase
	Embeddings []embeddingCase
}

type promptCase struct {
	ID       string
	Text     *string
	Repeat   []any
	UTF8Hex  *string `json:"utf8_hex"`
	UTF16Hex *string `json:"utf16_hex"`
	Messages json.RawMessage
	Expect   map[string]outcome
}

type embeddingCase struct {
	ID     string
	Values []float32
	Fill   []float64
	NaNAt  *int `json:"nan_at"`
	InfAt  *int `json:"inf_at"`
	Expect map[string]outcome
}

type outcome struct {
	WinRateBits string `json:"win_rate_bits"`
	Side        string
	Truncated   *bool
	Error       string
}

// prompt is the text of a case; false if it is none of Go.
func (c *promptCase) prompt(t *testing.T) (string, bool, error) {
	switch {
	case c.Text != nil:
		return *c.Text, true, nil
	case c.Repeat != nil:
		return strings.Repeat(c.Repeat[0].(string), int(c.Repeat[1].(float64))), true, nil
	case c.UTF8Hex != nil:
		bytes, err := hex.DecodeString(*c.UTF8Hex)
		if err != nil {
			t.Fatal(c.ID, err)
		}
		return string(bytes), true, nil
	case c.Messages != nil:
		prompt, err := PromptFromMessages(c.Messages)
		return prompt, true, err
	case c.UTF16Hex != nil:
		return "", false, nil
	}
	t.Fatalf("%s: no kind of prompt that is known", c.ID)
	return "", false, nil
}

func (c *embeddingCase) values() []float32 {
	values := c.Values
	if c.Fill != nil {
		values = make([]float32, int(c.Fill[1]))
		for i := range values {
			values[i] = float32(c.Fill[0])
		}
	}
	if c.NaNAt != nil {
		values[*c.NaNAt] = float32(math.NaN())
	}
	if c.InfAt != nil {
		values[*c.InfAt] = float32(math.Inf(1))
	}
	return values
}

// matches compares with what the file says. Of the encoder four decimals count: another CPU rounds otherwise.
func (o *outcome) matches(t *testing.T, decision Decision, err error, exact bool) error {
	if o.Error != "" {
		var e *Error
		if !errors.As(err, &e) || e.Kind.String() != o.Error {
			return fmt.Errorf("expected %s, got %+v, %w", o.Error, decision, err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	bits, parseErr := strconv.ParseUint(o.WinRateBits, 16, 64)
	if parseErr != nil {
		t.Fatal(parseErr)
	}
	expected := math.Float64frombits(bits)
	close := expected == decision.WinRate || !exact && math.Abs(expected-decision.WinRate) <= 1e-4
	onTheLine := !exact && math.Abs(expected-decision.Threshold) <= 1e-4
	if !close || o.Side != decision.Side.String() && !onTheLine ||
		o.Truncated != nil && *o.Truncated != decision.Truncated {
		return fmt.Errorf("expected %+v (%v), got %+v", *o, expected, decision)
	}
	return nil
}

func TestConformance(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(), "tests", "conformance", "routing.json"))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("conformance: tests/conformance/routing.json is absent")
	}
	if err != nil {
		t.Fatal(err)
	}
	var file conformanceFile
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if file.Format != 1 || len(file.Prompts) < 60 || len(file.Embeddings) < 20 {
		t.Fatal(file.Format, len(file.Prompts), len(file.Embeddings))
	}
	t.Run("default", func(t *testing.T) { conform(t, &file, "default", openDefault(t)) })
	t.Run("mf-minilm", func(t *testing.T) {
		router, err := Open(filepath.Join(root(), "artifacts", "mf-minilm"))
		if errors.Is(err, &Error{Kind: RuntimeUnavailable}) || errors.Is(err, &Error{Kind: NotFound}) {
			t.Skip("conformance of mf-minilm:", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer router.Close()
		rates := conform(t, &file, "mf-minilm", router)
		if path := os.Getenv("ROUTELLM_CONFORMANCE_OUT"); path != "" {
			text, err := json.Marshal(rates)
			if err != nil {
				t.Fatal(err)
			}
			write(t, path, append(text, '\n'))
		}
	})
}

// conform runs every case, and gives the bits of the prompts' win rates.
func conform(t *testing.T, file *conformanceFile, name string, router *Router) map[string]string {
	rates := map[string]string{}
	for _, one := range file.Prompts {
		prompt, ok, err := one.prompt(t)
		if !ok {
			// UTF-16 is for languages whose strings are.
			continue
		}
		t.Run("prompt/"+one.ID, func(t *testing.T) {
			var decision Decision
			if err == nil {
				decision, err = router.Route(background, prompt)
			}
			expect := one.Expect[name]
			if problem := expect.matches(t, decision, err, name == "default"); problem != nil {
				t.Fatal(problem)
			}
			if err == nil {
				rates[one.ID] = fmt.Sprintf("%016x", math.Float64bits(decision.WinRate))
			}
		})
	}
	for _, one := range file.Embeddings {
		t.Run("embedding/"+one.ID, func(t *testing.T) {
			decision, err := router.RouteEmbedding(background, one.values())
			expect := one.Expect[name]
			if problem := expect.matches(t, decision, err, true); problem != nil {
				t.Fatal(problem)
			}
		})
	}
	return rates
}
