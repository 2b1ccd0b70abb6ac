package routellm

import (
	"context"

	"routellm.dev/go/routellm/internal/capi"
)

// UpgradeArtifact rewrites router.json of the artifact in a folder in the form of this release; its other files stay as
// they are. It reports whether there was anything to do. Older artifacts open without it; older releases cannot open what
// it writes.
func UpgradeArtifact(folder string) (bool, error) {
	if err := uncut("folder", folder); err != nil {
		return false, err
	}
	if err := load(); err != nil {
		return false, err
	}
	var upgraded int32
	var cerr *capi.Error
	if status := capi.UpgradeArtifact(folder, &upgraded, &cerr); status != capi.OK {
		return false, failure(nil, status, cerr)
	}
	return upgraded != 0, nil
}

// UpgradeArtifactContext is as [UpgradeArtifact], until ctx ends. What was begun by then ends by itself: the artifact is the
// old one or the new one.
func UpgradeArtifactContext(ctx context.Context, folder string) (bool, error) {
	return within(ctx, func() (bool, error) { return UpgradeArtifact(folder) }, nil)
}
