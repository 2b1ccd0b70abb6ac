package routellm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The package knows no constant of C: with the variant without cgo it could not.
func TestConstantsAreThoseOfTheHeader(t *testing.T) {
	header, err := os.ReadFile(filepath.Join(root(), "include", "routellm.h"))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]int32{
		"MODE_EXACT": int32(Exact), "MODE_REFERENCE": int32(Reference),
		"READ_LAST_USER": int32(LastUser), "READ_ALL_USER": int32(AllUser), "READ_CONVERSATION": int32(Conversation),
		"OUT_OF_DISTRIBUTION_IGNORE": int32(Ignore), "OUT_OF_DISTRIBUTION_STRONG": int32(AbstainToStrong),
		"OUT_OF_DISTRIBUTION_WEAK": int32(AbstainToWeak),
		"ON_ERROR_RAISE":           int32(Raise), "ON_ERROR_STRONG": int32(FallBackToStrong),
		"ON_ERROR_WEAK": int32(FallBackToWeak),
		"SIDE_STRONG":   int32(Strong), "SIDE_WEAK": int32(Weak),
		"INPUT_TEXT": Text("").c.Kind, "INPUT_MESSAGES": Messages(nil).c.Kind, "INPUT_EMBEDDING": Embedding(nil).c.Kind,
		"INVALID_ARGUMENT": int32(InvalidArgument), "NOT_FOUND": int32(NotFound), "INVALID_MODEL": int32(InvalidModel),
		"UNSUPPORTED": int32(Unsupported), "RUNTIME_UNAVAILABLE": int32(RuntimeUnavailable),
		"INFERENCE": int32(Inference), "TOKENIZE": int32(Tokenize), "CANCELLED": int32(Cancelled),
		"RESOURCE_EXHAUSTED": int32(ResourceExhausted), "INTERNAL": int32(Internal), "IO": int32(IO),
		"REMOTE": int32(Remote),
	} {
		if line := fmt.Sprintf("\n#define ROUTELLM_%s %d\n", name, value); !strings.Contains(string(header), line) {
			t.Errorf("the header does not say %q", strings.TrimSpace(line))
		}
	}
	if Kind(99).String() != "Unknown" || Remote.String() != "Remote" || IO.String() != "Io" {
		t.Error(Kind(99), Remote, IO)
	}
}
