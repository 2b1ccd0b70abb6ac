"""Rows, prompts and encoders as the native trainers take them."""

from __future__ import annotations

import os

from . import _bundled
from ._options import json_text
from .errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any, TypeAlias

    from ._types import EncoderSpec, OnTrainingError, Read, StrPath, Ties

    Rows: TypeAlias = StrPath | Iterable[Mapping[str, Any]]
    Prompts: TypeAlias = StrPath | Iterable[str] | Iterable[Mapping[str, Any]]
    Progress: TypeAlias = Callable[[str, int, int], bool | None]


def column(name: str, values: Iterable[str]) -> list[str]:
    if isinstance(values, (str, bytes, bytearray)) or not hasattr(values, "__iter__"):
        raise InvalidArgumentError(
            f"{name} is of type {type(values).__name__}, expected one text for each vote"
        )
    return list(values)


def listed(name: str, values: Iterable[Any]) -> list[Any]:
    """Return an argument that is a list of anything as one; a text is none."""
    if isinstance(values, (str, bytes, bytearray)) or not hasattr(values, "__iter__"):
        raise InvalidArgumentError(f"{name} is of type {type(values).__name__}, expected a list")
    return list(values)


def mapped(name: str, values: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return an argument that is a mapping as a dict, an empty one for None."""
    if values is not None and not hasattr(values, "keys"):
        raise InvalidArgumentError(f"{name} is of type {type(values).__name__}, expected a mapping")
    return dict(values or {})


def common_of(
    *,
    name: str,
    strong: str | None,
    weak: str | None,
    models: Iterable[str] | None = None,
    rename: Mapping[str, str] | None,
    calibration: Prompts | None = None,
    calibration_name: str | None = None,
    calibration_date: str | datetime.date | None,
    provenance: Mapping[str, Any] | None,
    read: Read | None,
    cache: StrPath | None = None,
    on_error: OnTrainingError | None = None,
    ties: Ties | None = None,
    timeout_ms: float | None,
) -> dict[str, Any]:
    return {
        "name": name,
        "strong": strong,
        "weak": weak,
        "models": None if models is None else listed("models", models),
        "rename": mapped("rename", rename),
        **calibration_of(calibration, calibration_name),
        "calibration_date": date_text(calibration_date),
        "provenance": json_text("provenance", mapped("provenance", provenance)),
        "read": read,
        "cache": cache,
        "on_error": on_error,
        "ties": ties,
        "timeout_ms": timeout_ms,
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


def calibration_of(prompts: Prompts | None, name: str | None) -> dict[str, Any]:
    """Return a path as it is, a table's rows as JSON lines, and texts as a list."""
    if prompts is None and name is not None:
        raise InvalidArgumentError("calibration_name has no effect without calibration")
    given: Any = prompts
    if given is not None and not isinstance(given, (str, os.PathLike)):
        if not is_table(given):
            given = listed("calibration", texts_of(given))
        if is_table(given) or (given and hasattr(given[0], "keys")):
            given = rows_of("calibration", given)
    return {"calibration": given, "calibration_name": name}


def is_column(values: Any) -> bool:
    """Tell whether this is one column: a Series, an array."""
    return not is_table(values) and (hasattr(values, "tolist") or hasattr(values, "to_list"))


def is_table(values: Any) -> bool:
    """Tell whether this is a table or a mapping of columns, whichever library it is of."""
    kind = type(values)
    if hasattr(kind, "columns") or hasattr(kind, "column_names"):
        return True
    # A column has one, too, and gives its values one by one.
    if hasattr(kind, "__arrow_c_stream__") and not hasattr(kind, "__iter__"):
        return True
    return hasattr(kind, "keys") and not hasattr(kind, "tolist")


def texts_of(values: Any) -> Any:
    """Return the values of a column as a list, and anything else as it is."""
    if isinstance(values, (list, tuple)):
        return values
    for name in ("to_pylist", "tolist", "to_list"):
        if hasattr(values, name):
            return getattr(values, name)()
    return values


def rows_of(name: str, rows: Rows) -> StrPath | bytes:
    """Return a path as it is, and rows in memory as JSON lines."""
    if isinstance(rows, (str, os.PathLike)):
        return rows
    if isinstance(rows, (bytes, bytearray)) or not (is_table(rows) or hasattr(rows, "__iter__")):
        raise InvalidArgumentError(f"{name} is of type {type(rows).__name__}, expected a path or rows")
    if is_column(rows):
        raise InvalidArgumentError(f"{name} is a column ({type(rows).__name__}), expected a whole table")
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
    elif not hasattr(table, "__iter__"):
        yield from _of_stream(name, table)
    else:
        yield from table


def _of_stream(name: str, table: Any) -> Iterator[Any]:
    """Give the rows of what has nothing but an Arrow stream, by whichever library of those is there."""
    from importlib import import_module

    for library in ("pyarrow", "polars"):
        try:
            module: Any = import_module(library)
        except ImportError:
            continue
        if library == "pyarrow":
            yield from module.RecordBatchReader.from_stream(table).read_all().to_pylist()
        else:
            yield from module.DataFrame(table).iter_rows(named=True)
        return
    raise InvalidArgumentError(
        f"{name}: {type(table).__name__} is an Arrow stream; install pyarrow or polars to read it"
    )


def spec_of(spec: StrPath | Mapping[str, Any]) -> StrPath | bytes:
    """Return a path as it is, and a specification in memory, whose rows may be tables, as JSON."""
    import json

    if isinstance(spec, (str, os.PathLike)):
        return spec
    if not hasattr(spec, "keys"):
        raise InvalidArgumentError(f"spec is of type {type(spec).__name__}, expected a mapping or a path")
    whole: dict[str, Any] = {**spec}
    if isinstance(whole.get("sources"), (list, tuple)):
        whole["sources"] = [_source(i, source) for i, source in enumerate(whole["sources"])]
    encoder = whole.get("encoder")
    if isinstance(encoder, str) and _bundled.is_package(encoder) and not os.path.exists(encoder):
        whole["encoder"] = _bundled.artifact_path(encoder)
    try:
        return json.dumps(whole, allow_nan=False, default=_of_spec).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"spec: not representable as JSON: {error}") from error


def _source(number: int, source: Any) -> Any:
    """Return a source with its rows as objects of JSON. Numbers that JSON has not are as good as absent."""
    import json

    if not hasattr(source, "keys") or source.get("rows") is None:
        return source
    lines = rows_of(f"sources[{number}].rows", source["rows"])
    if not isinstance(lines, bytes):
        raise InvalidArgumentError(f"sources[{number}].rows is a path: write path instead of rows")
    return {
        **source,
        "rows": [json.loads(line, parse_constant=lambda _: None) for line in lines.splitlines()],
    }


def _of_spec(value: Any) -> Any:
    """Return paths and dates as texts, and columns as lists."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "strftime"):
        return value.strftime("%Y-%m-%d")
    if is_column(value):
        return texts_of(value)
    raise TypeError(f"an object of type {type(value).__name__}")


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
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
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
    spec: dict[str, Any] = {**encoder}
    if "directory" not in spec:
        raise InvalidArgumentError(
            "encoder: directory is missing: the folder with the model and the tokenizer"
        )
    directory: StrPath = spec.pop("directory")
    return directory, json_text("encoder", spec)
