package routellm

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type messagesCase struct {
	ID      string
	JSON    string
	JSONHex string `json:"json_hex"`
	Read    string
	Prompt  *string
	Error   string
	Covered bool
	InBatch *bool `json:"in_batch"`
}

func (c *messagesCase) read(t *testing.T) Read {
	for i, name := range []string{"last_user", "all_user", "conversation"} {
		if name == c.Read {
			return Read(i)
		}
	}
	t.Fatalf("%s: read is %q", c.ID, c.Read)
	return 0
}

func messagesCases(t *testing.T) []messagesCase {
	text, err := os.ReadFile(filepath.Join(root(), "tests", "conformance", "messages.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []messagesCase }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 100 {
		t.Fatalf("%d cases", len(file.Cases))
	}
	return file.Cases
}

func TestMessagesConformance(t *testing.T) {
	router, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	for _, c := range messagesCases(t) {
		chat := []byte(c.JSON)
		if c.JSONHex != "" {
			if chat, err = hex.DecodeString(c.JSONHex); err != nil {
				t.Fatal(err)
			}
		}
		for _, inBatch := range []bool{false, true} {
			if c.InBatch != nil && *c.InBatch != inBatch {
				continue
			}
			route := func(onError OnError) (Decision, error) {
				options := []RouteOption{WithThreshold(0.5), WithRead(c.read(t)), WithOnError(onError)}
				if !inBatch {
					return router.RouteMessages(t.Context(), chat, options...)
				}
				decisions, err := router.RouteBatchMessages(t.Context(), [][]byte{[]byte(`"fine"`), chat}, options...)
				if err != nil {
					return Decision{}, err
				}
				return decisions[1], nil
			}
			decision, err := route(Raise)
			if c.Prompt != nil {
				expected, wrong := router.WinRate(t.Context(), *c.Prompt)
				if err != nil || wrong != nil || decision.WinRate != expected {
					t.Errorf("%s, in a batch %v: %v, %v, %v", c.ID, inBatch, decision, err, wrong)
				}
				if prompt, err := ReadMessages(chat, c.read(t)); err != nil || prompt != *c.Prompt {
					t.Errorf("%s: %q, %v", c.ID, prompt, err)
				}
				continue
			}
			var e *Error
			if !errors.As(err, &e) || e.Kind.String() != c.Error {
				t.Errorf("%s, in a batch %v: %v, %v", c.ID, inBatch, decision, err)
			}
			decision, err = route(FallBackToStrong)
			if covered := err == nil && decision.Fallback != nil; covered != c.Covered {
				t.Errorf("%s, in a batch %v: covered %v: %v", c.ID, inBatch, covered, err)
			}
		}
	}
}

func TestFallbackHandler(t *testing.T) {
	heard := make(chan FallbackWarning, 10)
	router, err := Default(WithFallbackHandler(func(warning FallbackWarning) { heard <- warning }))
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	secret := []byte(`[{"role":"user","content":"secret \ud83c"}]`)
	for range 5 {
		decision, err := router.RouteMessages(t.Context(), secret, WithOnError(FallBackToWeak))
		if err != nil || decision.Fallback == nil || decision.Fallback.Kind != InvalidArgument {
			t.Fatal(decision, err)
		}
	}
	select {
	case warning := <-heard:
		if warning.Kind != InvalidArgument || warning.Count != 1 || strings.Contains(warning.Message, "secret") ||
			!strings.Contains(warning.Message, "InvalidArgument") {
			t.Errorf("%+v", warning)
		}
	case <-time.After(time.Minute):
		t.Fatal("nobody heard of the fallback")
	}
	if router.Fallbacks() != 5 || len(heard) != 0 {
		t.Errorf("%d fallbacks, %d more warnings", router.Fallbacks(), len(heard))
	}
}

func TestDefaultRead(t *testing.T) {
	router, err := Default(WithDefaultRead(AllUser))
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	info, err := router.Info()
	if err != nil || info.Read != "all_user" {
		t.Fatal(info, err)
	}
	chat := []byte(`{"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}]}`)
	for prompt, options := range map[string][]RouteOption{"a\nb": nil, "b": {WithRead(LastUser)}} {
		decision, err := router.RouteMessages(t.Context(), chat, options...)
		if err != nil {
			t.Fatal(err)
		}
		if expected, err := router.WinRate(t.Context(), prompt); err != nil || decision.WinRate != expected {
			t.Errorf("%q: %v, %v, %v", prompt, decision, expected, err)
		}
	}
	for _, wrong := range []Read{-1, 3} {
		if _, err := router.RouteMessages(t.Context(), chat, WithRead(wrong)); !errors.Is(err, &Error{Kind: InvalidArgument}) {
			t.Errorf("%d: %v", wrong, err)
		}
		if _, err := Default(WithDefaultRead(wrong)); !errors.Is(err, &Error{Kind: InvalidArgument}) {
			t.Errorf("%d: %v", wrong, err)
		}
	}
	if _, err := router.RouteEmbedding(t.Context(), []float32{0}, WithRead(AllUser)); err == nil ||
		!strings.Contains(err.Error(), "read has no effect") {
		t.Error(err)
	}
}
