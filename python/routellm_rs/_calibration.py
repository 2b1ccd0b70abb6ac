"""Calibrating a router on requests of one's own."""

from __future__ import annotations

from ._training_data import date_text, rows_of
from .errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Mapping
    from typing import Any

    from ._training_data import Rows


def specification(
    *,
    prompts: Iterable[str] | Rows | None,
    chats: Iterable[Any] | None,
    embeddings: Iterable[Iterable[float]] | None,
    win_rates: Iterable[float] | None,
    labels: Rows | None,
    slice_by: Iterable[str],
    date: str | datetime.date | None,
    **more: Any,
) -> str:
    """Return the specification of a calibration, JSON."""
    import json
    import os

    spec: dict[str, Any] = {name: value for name, value in more.items() if value is not None}
    given = {
        "prompts": prompts,
        "chats": chats,
        "embeddings": embeddings,
        "win_rates": win_rates,
        "labels": labels,
    }
    names = [name for name, value in given.items() if value is not None]
    if len(names) != 1:
        raise InvalidArgumentError(
            f"a calibration has one sample, and {' and '.join(names) or 'none'} is given: "
            f"pass one of {', '.join(given)}"
        )
    if isinstance(prompts, str):
        # A text of its own would be one prompt, of which no sample is made: it is a path.
        spec["path"] = prompts
    elif prompts is not None and not isinstance(prompts, os.PathLike):
        texts = prompts if hasattr(prompts, "columns") or hasattr(prompts, "keys") else list(prompts)
        if isinstance(texts, list) and all(isinstance(text, str) for text in texts):
            spec["prompts"] = texts
        else:
            spec["rows"] = _rows("prompts", texts)
    elif prompts is not None:
        spec["path"] = os.fspath(prompts)
    if labels is not None:
        if isinstance(labels, (str, os.PathLike)):
            spec["path"] = os.fspath(labels)
        else:
            spec["rows"] = _rows("labels", labels)
    if chats is not None:
        spec["chats"] = list(chats)
    if embeddings is not None:
        spec["embeddings"] = [[float(value) for value in row] for row in embeddings]
    if win_rates is not None:
        spec["win_rates"] = [float(rate) for rate in win_rates]
    for name in ("strong_quality", "weak_quality"):
        if name in spec:
            spec[name] = [float(quality) for quality in spec[name]]
    for name in ("input_tokens", "groups"):
        if name in spec:
            spec[name] = [int(number) for number in spec[name]]
    spec["slice_by"] = list(slice_by)
    if date is not None:
        spec["date"] = date_text(date)
    try:
        return json.dumps(spec, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"the sample is not representable as JSON: {error}") from error


def _rows(name: str, table: Any) -> list[Mapping[str, Any]]:
    """Return the rows of a table, whichever library it is of."""
    import json

    lines = rows_of(name, table)
    if not isinstance(lines, bytes):
        raise InvalidArgumentError(f"{name} is of type {type(table).__name__}, expected rows")
    return [json.loads(line) for line in lines.splitlines() if line.strip()]
