package routellm

import (
	"context"
	"strings"
	"testing"
)

func TestNamesOfOnesOwn(t *testing.T) {
	plain, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	router, err := Default(WithNames(map[string]string{"strong": "gpt-5", plain.Weak(): "gpt-5-mini"}))
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	for share, name := range map[float64]string{0: "gpt-5-mini", 1: "gpt-5"} {
		decision, err := router.Route(context.Background(), "hello", WithStrongShare(share))
		if err != nil || decision.Model != name {
			t.Errorf("share %v: %v %v, expected %v", share, decision.Model, err, name)
		}
	}
	info, err := router.Info()
	if err != nil || info.Strong != "gpt-5" || info.Names[plain.Strong()] != "gpt-5" || router.Weak() != "gpt-5-mini" {
		t.Errorf("%+v %v", info, err)
	}
	for of, own := range map[string]string{"gpt-9": "x", "strong": "", "weak": "\xff"} {
		_, err := Default(WithNames(map[string]string{of: own}))
		if kindOf(err) != InvalidArgument || !strings.Contains(err.Error(), "names") {
			t.Errorf("%q: %q: %v", of, own, err)
		}
	}
}
