package routellm

/*
#include "glue.h"
*/
import "C"

// UpgradeArtifact rewrites router.json of the artifact in a folder in the form of this release; its other files stay as
// they are. It reports whether there was anything to do. Older artifacts open without it; older releases cannot open what
// it writes.
func UpgradeArtifact(folder string) (bool, error) {
	var upgraded C.int32_t
	err := withCString("folder", folder, func(path *C.char) error {
		var cerr *C.routellm_error
		if status := C.routellm_upgrade_artifact(path, &upgraded, &cerr); status != C.ROUTELLM_OK {
			return failure(nil, status, cerr)
		}
		return nil
	})
	return upgraded != 0 && err == nil, err
}
