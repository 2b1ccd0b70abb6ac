package routellm

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// copyVotes copies an artifact with votes, and gives it and the file of its store.
func copyVotes(t *testing.T, name string) (string, string) {
	t.Helper()
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(root(), "tests", "conformance", name))); err != nil {
		t.Fatal(err)
	}
	return folder, filepath.Join(folder, "votes.safetensors")
}

func ones() []float32 {
	return []float32{1, 1, 1, 1, 1, 1, 1, 1}
}

func TestStoreInMemoryDoesNotDependOnItsFile(t *testing.T) {
	for _, name := range []string{"sw-caller", "sw-clustered"} {
		for _, options := range [][]OpenOption{nil, {WithMmap(MapAuto)}, {WithMmap(MapNever)}} {
			folder, store := copyVotes(t, name)
			router, err := Open(folder, options...)
			if err != nil {
				t.Fatal(err)
			}
			before, err := router.WinRateFromEmbedding(ones())
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(store, 0); err != nil {
				t.Fatal(err)
			}
			if after, err := router.WinRateFromEmbedding(ones()); err != nil || after != before {
				t.Errorf("%s: %v, %v, expected %v", name, after, err, before)
			}
		}
	}
}

func TestMappedStoreMayBeReplaced(t *testing.T) {
	folder, store := copyVotes(t, "sw-caller")
	router, err := Open(folder, WithMmap(MapAlways))
	if err != nil {
		t.Fatal(err)
	}
	before, err := router.WinRateFromEmbedding(ones())
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(folder, "other")
	write(t, other, []byte("x"))
	if err := os.Rename(other, store); err != nil {
		t.Fatal(err)
	}
	if after, err := router.WinRateFromEmbedding(ones()); err != nil || after != before {
		t.Errorf("%v, %v, expected %v", after, err, before)
	}
}

func TestErrorsOfTheOperatingSystemKeepTheirNumber(t *testing.T) {
	folder, _ := copyVotes(t, "sw-caller")
	manifest := filepath.Join(folder, "router.json")
	if err := os.Remove(manifest); err != nil {
		t.Fatal(err)
	}
	_, err := Open(folder)
	refused(t, err, NotFound, "router.json")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is no fs.ErrNotExist", err)
	}
	if err := os.Mkdir(manifest, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err = Open(folder)
	refused(t, err, IO, "router.json")
	var number syscall.Errno
	if !errors.As(err, &number) || number != syscall.EISDIR {
		t.Errorf("%v is no EISDIR", err)
	}
}
