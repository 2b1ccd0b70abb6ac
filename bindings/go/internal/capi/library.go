//go:build routellm_purego

package capi

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/ebitengine/purego"
)

// The version of the C interface that the structs in capi.go are of (ROUTELLM_ABI_VERSION).
const abiVersion = 0

// Load finds the library and its functions. What it came to stays.
var Load = sync.OnceValue(func() error {
	library, err := open()
	if err != nil {
		return err
	}
	var missing []error
	for name, function := range functions {
		*function, err = purego.Dlsym(library, name)
		missing = append(missing, err)
	}
	if err := errors.Join(missing...); err != nil {
		return fmt.Errorf("the routellm library that was loaded is of another version than this package: %w", err)
	}
	if found := call(abi_version); found != abiVersion {
		return fmt.Errorf("the routellm library that was loaded has version %d of its interface, this package needs %d",
			found, abiVersion)
	}
	prepare()
	return nil
})

// open opens the library that ROUTELLM_LIBRARY names and no other, or the first of those in the usual places.
func open() (uintptr, error) {
	const mode = purego.RTLD_NOW | purego.RTLD_LOCAL
	if named := os.Getenv("ROUTELLM_LIBRARY"); named != "" {
		library, err := purego.Dlopen(named, mode)
		if err != nil {
			return 0, fmt.Errorf("the library that ROUTELLM_LIBRARY names cannot be loaded: %w", err)
		}
		return library, nil
	}
	name := "libroutellm.so.0"
	if runtime.GOOS == "darwin" {
		name = "libroutellm.0.dylib"
	}
	places := []string{name}
	if program, err := os.Executable(); err == nil {
		places = []string{filepath.Join(filepath.Dir(program), name), name}
	}
	var refused []error
	for _, place := range places {
		library, err := purego.Dlopen(place, mode)
		if err == nil {
			return library, nil
		}
		refused = append(refused, err)
	}
	return 0, fmt.Errorf("%s was found neither beside the program nor by the system's loader: install it, put its folder "+
		"into LD_LIBRARY_PATH, or name the file in ROUTELLM_LIBRARY (%w)", name, errors.Join(refused...))
}
