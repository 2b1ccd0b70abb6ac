"""Options as the native half takes them."""

from __future__ import annotations

from . import _native
from .errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# Those of the one table, which the core checks.
_OPEN = frozenset(_native.open_option_names())


def opening(function: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that are given.

    Raises:
        TypeError: for a name that is no option's, as for any other keyword.
    """
    for name in options:
        if name not in _OPEN:
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}")
    return {name: _kept(value) for name, value in options.items() if value is not None}


def _kept(value: Any) -> Any:
    """Return a copy of a list or dict, which may change later, and the elements of what can be read once."""
    if isinstance(value, dict):
        return {name: _kept(part) for name, part in value.items()}
    return list(value) if isinstance(value, list) or hasattr(value, "__next__") else value


def json_text(name: str, value: Mapping[str, Any]) -> str:
    """Return ``value`` as JSON; ``name`` is what an error calls it."""
    import json

    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"{name}: not representable as JSON: {error}") from error
