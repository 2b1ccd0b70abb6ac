package routellm

import (
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestDoctorSaysWhatWasFound(t *testing.T) {
	diagnosis, err := Doctor("")
	if err != nil {
		t.Fatal(err)
	}
	if diagnosis.Artifact.Form != "compiled_in" || diagnosis.Artifact.Problem != nil {
		t.Errorf("the artifact is %+v", diagnosis.Artifact)
	}
	if diagnosis.CPU.Cores < 1 || diagnosis.CPU.Architecture == "" || diagnosis.Versions.Routellm == "" {
		t.Errorf("the report is %+v", diagnosis)
	}
	if language := diagnosis.Versions.Language; language == nil || !strings.Contains(*language, runtime.Version()) {
		t.Errorf("the language is %v", language)
	}
}

func TestDoctorTellsOfArtifacts(t *testing.T) {
	folder := filepath.Join("..", "..", "tests", "conformance", "sw-caller")
	diagnosis, err := Doctor(folder)
	if err != nil {
		t.Fatal(err)
	}
	artifact := diagnosis.Artifact
	if artifact.Kind == nil || *artifact.Kind != "sw_ranking" || artifact.Checksums == nil || !*artifact.Checksums {
		t.Errorf("the artifact is %+v", artifact)
	}
	diagnosis, err = Doctor(filepath.Join(folder, "none"))
	if err != nil {
		t.Fatal(err)
	}
	if problem := diagnosis.Artifact.Problem; problem == nil || !strings.Contains(*problem, "no such folder") {
		t.Errorf("the problem is %v", problem)
	}
}
