"""Options as the native half takes them."""

from __future__ import annotations

from .errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# Names, texts, or mappings with parameters, which the core reads as JSON.
_STRUCTURED = ("head", "long_prompts", "template")


def opening(**options: object) -> dict[str, Any]:
    """Return the options that are given, those with parameters as JSON."""
    given = {name: value for name, value in options.items() if value is not None}
    for name in _STRUCTURED:
        value: Any = given.get(name)
        if hasattr(value, "keys"):
            given[name] = json_text(name, dict(value))
    return given


def json_text(name: str, value: Mapping[str, Any]) -> str:
    """Return ``value`` as JSON; ``name`` is what an error calls it."""
    import json

    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"{name}: not representable as JSON: {error}") from error
