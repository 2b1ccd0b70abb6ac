"""Finding routers that are packages of their own."""

from __future__ import annotations

from .errors import InvalidArgumentError, NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

DEFAULT = "default"

# Name -> module that holds it, distribution to install.
_PACKAGES = {"mf-minilm": ("routellm_rs_mf_minilm", "routellm-rs[mf-minilm]")}


def is_package(name: str) -> bool:
    """Return whether a router of this name has a package of its own, installed or not."""
    return name in _PACKAGES


def artifact_path(name: str) -> Path:
    """Return the folder of the bundled artifact of this name.

    Raises:
        NotFoundError: if there is no such router, or its package is not installed.
        InvalidArgumentError: if the name is no text.
    """
    from importlib.util import find_spec
    from pathlib import Path

    if not isinstance(name, str):
        raise InvalidArgumentError(f"name is of type {type(name).__name__}, expected str")
    if name not in _PACKAGES:
        known = ", ".join(repr(known) for known in (DEFAULT, *_PACKAGES))
        raise NotFoundError(f"no bundled router is called {name!r}; there are {known}")
    module, distribution = _PACKAGES[name]
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        spec = None
    for folder in (spec and spec.submodule_search_locations) or ():
        artifact = Path(folder) / "artifact"
        if artifact.is_dir():
            return artifact
    raise NotFoundError(f"the router {name!r} is not installed: pip install '{distribution}'")
