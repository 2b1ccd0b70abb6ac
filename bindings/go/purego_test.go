//go:build routellm_purego

package routellm

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Runs as a program of its own, where no library can be loaded, and prints what its calls say.
func TestHelperWithoutTheLibrary(t *testing.T) {
	if os.Getenv("ROUTELLM_TEST_WITHOUT_LIBRARY") == "" {
		return
	}
	_, errDefault := Default()
	_, errOpen := Open("x")
	_, errRead := PromptFromMessages([]byte(`["x"]`))
	_, errDoctor := Doctor("")
	_, errUpgrade := UpgradeArtifact("x")
	_, errTrain := Train(background, TrainSpec{Out: "x"}, nil)
	for i, err := range []error{errDefault, errOpen, errRead, errDoctor, errUpgrade, errTrain} {
		if kindOf(err) != NotFound || err.Error() != errDefault.Error() {
			t.Errorf("%d: %v", i, err)
		}
	}
	if Version() != "" {
		t.Error(Version())
	}
	t.Log(errDefault)
}

func TestWithoutTheLibraryCallsSayWhatToDo(t *testing.T) {
	folder := t.TempDir()
	wrong := filepath.Join(folder, "libroutellm.so.0")
	if err := os.WriteFile(wrong, []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	libc := "libc.so.6"
	for named, expected := range map[string]string{
		// The system's loader finds none either.
		"":                            "put its folder into LD_LIBRARY_PATH, or name the file in ROUTELLM_LIBRARY",
		filepath.Join(folder, "none"): "the library that ROUTELLM_LIBRARY names cannot be loaded",
		wrong:                         "cannot be loaded",
		libc:                          "is of another version than this package",
	} {
		program := exec.Command(os.Args[0], "-test.run=^TestHelperWithoutTheLibrary$", "-test.v")
		program.Env = append(os.Environ(), "ROUTELLM_TEST_WITHOUT_LIBRARY=1", "ROUTELLM_LIBRARY="+named, "LD_LIBRARY_PATH=")
		out, err := program.CombinedOutput()
		if err != nil || !strings.Contains(string(out), expected) {
			t.Errorf("%q: %v\n%s", named, err, out)
		}
	}
}
