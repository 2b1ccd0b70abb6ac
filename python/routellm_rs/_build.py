"""Whether the native half fits this interpreter."""

from __future__ import annotations

try:
    from . import _native as _native
except ImportError as error:
    import sysconfig

    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise
    message = (
        "this routellm_rs was built for the usual CPython, whose stable interface a free-threaded CPython "
        "cannot load: build it there, by pip install --no-binary routellm-rs routellm-rs (which needs Rust), "
        "or use the usual CPython"
    )
    raise ImportError(message, name=error.name, path=error.path) from error
