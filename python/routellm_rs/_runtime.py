"""Finding ``libonnxruntime`` in Python's own package, without importing that."""

from __future__ import annotations

from . import _native

# As the wheels of Linux, macOS and Windows name it.
_PATTERNS = ("libonnxruntime.so.*", "libonnxruntime.*dylib", "onnxruntime.dll")


def announce() -> None:
    """Tell the core where the package keeps the library, in case a router needs an encoder."""
    path, description = _find()
    _native.set_package_library(path, description)


def _find() -> tuple[str | None, str]:
    from importlib.util import find_spec
    from pathlib import Path

    try:
        spec = find_spec("onnxruntime")
    except (ImportError, ValueError):
        # Somebody's finder forbids it, or something was put into sys.modules under this name by hand.
        spec = None
    folders = [Path(folder) / "capi" for folder in (spec and spec.submodule_search_locations) or ()]
    if not folders:
        return None, "Python package onnxruntime: not installed"
    for folder in folders:
        for pattern in _PATTERNS:
            found = sorted(folder.glob(pattern))
            if found:
                return str(found[-1]), f"{found[-1]} (Python package onnxruntime)"
    return None, f"Python package onnxruntime: no {_PATTERNS[0]} in {folders[0]}"
