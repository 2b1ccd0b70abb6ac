package routellm

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

const (
	callerModels    = 64
	callerDim       = 4
	callerDimension = 8
)

// root is the folder of the repository.
func root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// callerMF writes matrix factorization in the published layout, for embeddings of 8 numbers.
func callerMF(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	write(t, filepath.Join(folder, "config.json"),
		[]byte(`{"dim": 4, "num_models": 64, "text_dim": 8, "num_classes": 1, "use_proj": true}`))
	type entry struct {
		DType   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets []int  `json:"data_offsets"`
	}
	header := map[string]entry{}
	var body bytes.Buffer
	tensor := func(name string, rows, columns int) {
		start := body.Len()
		for i := range rows * columns {
			value := float32((i*7919+len(name))%1000)/500 - 1
			if err := binary.Write(&body, binary.LittleEndian, value); err != nil {
				t.Fatal(err)
			}
		}
		header[name] = entry{"F32", []int{rows, columns}, []int{start, body.Len()}}
	}
	tensor("P.weight", callerModels, callerDim)
	tensor("text_proj.0.weight", callerDim, callerDimension)
	tensor("classifier.0.weight", 1, callerDim)
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	file = append(append(file, text...), body.Bytes()...)
	write(t, filepath.Join(folder, "model.safetensors"), file)
	return folder
}

// copyDefault copies the default artifact, to be damaged.
func copyDefault(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(root(), "core", "default-router"))); err != nil {
		t.Fatal(err)
	}
	return folder
}
