"""Rows, prompts and encoders as the native trainers take them."""

from __future__ import annotations

import os

from . import _bundled
from ._options import json_text
from .errors import InvalidArgumentError, IoError, NotFoundError, _of_system

TYPE_CHECKING = False
if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any, TypeAlias

    from ._types import EncoderSpec, Read, StrPath

    Rows: TypeAlias = StrPath | Iterable[Mapping[str, Any]]
    Prompts: TypeAlias = StrPath | Iterable[str]


def column(name: str, values: Iterable[str]) -> list[str]:
    if isinstance(values, (str, bytes, bytearray)) or not hasattr(values, "__iter__"):
        raise InvalidArgumentError(
            f"{name} is of type {type(values).__name__}, expected one text for each vote"
        )
    return list(values)


def common_of(
    name: str,
    strong: str | None,
    weak: str | None,
    rename: Mapping[str, str] | None,
    calibration: Prompts | None,
    calibration_name: str | None,
    calibration_date: str | datetime.date | None,
    provenance: Mapping[str, Any] | None,
    read: Read | None,
) -> dict[str, Any]:
    if calibration is None and calibration_name is not None:
        raise InvalidArgumentError("calibration_name has no effect without calibration")
    return {
        "name": name,
        "strong": strong,
        "weak": weak,
        "rename": dict(rename or {}),
        "calibration": None if calibration is None else calibration_sample(calibration, calibration_name),
        "calibration_date": date_text(calibration_date),
        "provenance": json_text("provenance", dict(provenance or {})),
        "read": read,
    }


def date_text(date: str | datetime.date | None) -> str | None:
    """Return a date as the manifest has it; the form of a text is checked by the core."""
    if date is None or isinstance(date, str):
        return date
    if not hasattr(date, "strftime"):
        raise InvalidArgumentError(
            f"calibration_date is of type {type(date).__name__}, expected a date or a text such as 2026-01-31"
        )
    return date.strftime("%Y-%m-%d")


def calibration_sample(prompts: Prompts, name: str | None) -> tuple[str, list[str]]:
    if isinstance(prompts, (str, os.PathLike)):
        texts = _prompts_of(prompts)
        return name or f"{len(texts)} prompts of {os.path.basename(os.fspath(prompts))}", texts
    texts = list(prompts)
    return name or f"{len(texts)} prompts given in memory", texts


def _prompts_of(path: StrPath) -> list[str]:
    import json

    texts = []
    try:
        # A byte-order mark is no part of the first line.
        with open(path, encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    try:
                        texts.append(json.loads(line)["prompt"])
                    except (ValueError, KeyError, TypeError) as error:
                        raise InvalidArgumentError(
                            f"{path}, line {number}: expected a JSON object with prompt: {error!r}"
                        ) from error
    except UnicodeDecodeError as error:
        raise InvalidArgumentError(f"{path}: not UTF-8 text ({error.reason})") from error
    except OSError as error:
        kind = NotFoundError if isinstance(error, FileNotFoundError) else IoError
        raise _of_system(kind, error.errno or 0, str(error), error.filename) from error
    return texts


def rows_of(name: str, rows: Rows) -> StrPath | bytes:
    """Return a path as it is, and rows in memory as JSON lines."""
    if isinstance(rows, (str, os.PathLike)):
        return rows
    if isinstance(rows, (bytes, bytearray)) or not hasattr(rows, "__iter__"):
        raise InvalidArgumentError(f"{name} is of type {type(rows).__name__}, expected a path or rows")
    return "".join(_line(f"{name}, row {i}", row) for i, row in enumerate(_rows(name, rows))).encode()


def _rows(name: str, table: Any) -> Iterator[Any]:
    """Give the rows of a table, whichever library it is of."""
    if hasattr(table, "iter_rows"):  # polars
        yield from table.iter_rows(named=True)
    elif hasattr(table, "to_pylist"):  # pyarrow
        yield from table.to_pylist()
    elif hasattr(table, "keys"):
        # A mapping of columns, as pandas' tables are.
        columns = {str(key): list(table[key]) for key in table.keys()}  # noqa: SIM118
        lengths = {key: len(column) for key, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise InvalidArgumentError(f"{name}: its columns have different lengths: {lengths}")
        for row in zip(*columns.values(), strict=True):
            yield dict(zip(columns, row, strict=True))
    else:
        yield from table


def _line(where: str, row: Any) -> str:
    """Return a row as a line of JSON. What JSON has no form for is written as text."""
    import json

    if not hasattr(row, "keys"):
        raise InvalidArgumentError(f"{where}: of type {type(row).__name__}, expected a mapping")
    try:
        return json.dumps({str(key): row[key] for key in row.keys()}, default=_plain) + "\n"  # noqa: SIM118
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"{where}: not representable as JSON: {error}") from error


def _plain(value: Any) -> Any:
    """Return numbers and arrays of numpy as Python's own, and anything else as text."""
    for convert in ("item", "tolist"):
        try:
            return getattr(value, convert)()
        except (AttributeError, TypeError, ValueError):
            continue
    return str(value)


def encoder_of(encoder: StrPath | EncoderSpec) -> tuple[StrPath, str | None]:
    """Return the folder, and the parameters if it is no artifact's."""
    if isinstance(encoder, str) and _bundled.is_package(encoder) and not os.path.exists(encoder):
        return _bundled.artifact_path(encoder), None
    if isinstance(encoder, (str, os.PathLike)):
        return encoder, None
    if not hasattr(encoder, "keys"):
        raise InvalidArgumentError(
            f"encoder is of type {type(encoder).__name__}, expected a path, a name or a mapping"
        )
    spec: dict[str, Any] = {
        "model": "model.onnx",
        "tokenizer": "tokenizer.json",
        "cap": {"max_bytes": 16_384, "side": "head"},
        **encoder,
    }
    if "directory" not in spec:
        raise InvalidArgumentError(
            "encoder: directory is missing: the folder with the model and the tokenizer"
        )
    directory: StrPath = spec.pop("directory")
    return directory, json_text("encoder", spec)
