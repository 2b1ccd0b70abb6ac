"""Rows to learn from: files and tables as mappings, each with the place that errors name."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from routellm_rs._training_data import rows_of
from routellm_rs.errors import InvalidArgumentError, NotFoundError

from ._extra import library

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ._source import Source

Row = dict[str, Any]


def read(source: Source, name: str) -> Iterator[tuple[str, Row]]:
    """Give the rows of a source under the names that they are read by, each with its place.

    Raises:
        NotFoundError: for a file that is not there.
        InvalidArgumentError: for a file of another ending, or a row that is none.
    """
    given = rows_of_file(source.path) if source.path is not None else rows_in_memory(name, source.rows)
    theirs = {their: ours for ours, their in source.columns.items()}
    for where, row in given:
        missing = sorted(set(theirs) - set(row))
        if missing:
            raise InvalidArgumentError(
                f"{where}: no column {missing[0]!r}; there are {', '.join(sorted(row))}. "
                f"Correct columns of {name}"
            )
        yield where, {theirs.get(key, key): value for key, value in row.items()}


def rows_of_file(path: str) -> Iterator[tuple[str, Row]]:
    """Give the rows of a ``.jsonl``, ``.ndjson``, ``.csv`` or ``.parquet`` file."""
    ending = os.path.splitext(path)[1].lower()
    if not os.path.isfile(path):
        raise NotFoundError(f"{path}: there is no such file")
    if ending in (".jsonl", ".ndjson"):
        with open(path, "rb") as lines:
            yield from rows_of_lines(path, lines.read().removeprefix(b"\xef\xbb\xbf"))
    elif ending == ".csv":
        import csv

        with open(path, encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text)
            for row in reader:
                yield f"{path}, line {reader.line_num}", {key: value for key, value in row.items() if key}
    elif ending == ".parquet":
        for i, row in enumerate(library("pyarrow.parquet").read_table(path).to_pylist()):
            yield f"{path}, row {i + 1}", row
    else:
        raise InvalidArgumentError(f"{path}: rows are read from .jsonl, .ndjson, .csv and .parquet")


def rows_in_memory(name: str, rows: Any) -> Iterator[tuple[str, Row]]:
    """Give the rows of a table of any library, or of mappings."""
    lines = rows_of(f"{name}.rows", rows)
    if not isinstance(lines, bytes):
        raise InvalidArgumentError(f"{name}.rows is a path: write path instead of rows")
    yield from rows_of_lines(name, lines)


def rows_of_lines(name: str, lines: bytes) -> Iterator[tuple[str, Row]]:
    """Give the objects of JSON lines."""
    # Lines end at line feeds only: a text may hold other separators.
    for number, line in enumerate(lines.split(b"\n"), 1):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InvalidArgumentError(f"{where}: not JSON: {error}") from error
        if not isinstance(row, dict):
            raise InvalidArgumentError(f"{where}: {type(row).__name__}, expected an object with a prompt")
        yield where, row


def prompt_of(row: Mapping[str, Any], where: str) -> str:
    """Return the prompt of a row: a text, the first of a list of turns, or the first user message of a chat.

    Raises:
        InvalidArgumentError: if there is none, or it is not Unicode.
    """
    value = row.get("prompt")
    if value is None:
        name = next((n for n in ("conversation_a", "conversation_b", "conversation") if row.get(n)), None)
        if name is None:
            raise InvalidArgumentError(f"{where}: no prompt and no conversation_a; it has {', '.join(row)}")
        value = row[name]
    if isinstance(value, str):
        flags = "winner_model_a" in row and "winner" not in row
        turns = _parsed(value)
        # The published tables, which have flags for the winner, hold nothing but lists.
        if isinstance(turns, list) and turns and (flags or all(isinstance(turn, str) for turn in turns)):
            value = turns
    text = _first(value)
    if text is None:
        raise InvalidArgumentError(f"{where}: the prompt is neither a text nor a list of turns or messages")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgumentError(
            f"{where}: the prompt holds half of an emoji (a lone surrogate)"
        ) from error
    return text


def _parsed(text: str) -> Any:
    try:
        return json.loads(text) if text.lstrip().startswith("[") else None
    except ValueError:
        return None


def _first(value: Any) -> str | None:
    """Return the first user text of a text, of turns, or of messages."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or not value:
        return None
    if isinstance(value[0], str):
        return value[0]
    for message in value:
        if isinstance(message, dict) and message.get("role") in ("user", "human"):
            content = message.get("content")
            if isinstance(content, list):
                parts = [part.get("text") for part in content if isinstance(part, dict)]
                return "\n".join(part for part in parts if isinstance(part, str))
            return content if isinstance(content, str) else None
    return None
