"""Artifacts of an older version."""

from __future__ import annotations

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._types import StrPath


def upgrade_artifact(path: StrPath) -> bool:
    """Rewrite ``router.json`` of an artifact in the form of this release; its other files stay as they are.

    Older artifacts open without this. Older releases cannot open what it writes.

    Returns:
        Whether there was anything to do.

    Raises:
        NotFoundError: if there is no artifact in the folder.
        InvalidModelError: if it is malformed, incomplete or altered.
        IoError: if the file cannot be replaced; then it is the old one.
    """
    return _native.upgrade_artifact(path)
