"""The tables of options in the READMEs."""

from __future__ import annotations

import re
from collections.abc import Callable

from output import Output
from table import Option, Table, camel
from text import capital, resolved


def _row(option: Option, spelled: Callable[[str], str]) -> str:
    doc = capital(resolved(option.doc, lambda what, name: f"`{name if what == 'error' else spelled(name)}`"))
    first = re.split(r"(?<=[.:])\s", doc.split("\n")[0].replace(": ", ":\u00a0"))[0].replace(":\u00a0", ": ")
    first = first.rstrip(":.") + "."
    expected = re.sub(r'"(\w+)"', r"`\1`", option.expected)
    return f"| `{spelled(option.name)}` | {expected} | {option.default} | {first} |"


def _table(table: Table, spelled: Callable[[str], str]) -> list[str]:
    lines = ["| option | takes | default | what it sets |", "|---|---|---|---|"]
    return lines + [_row(option, spelled) for option in table.open]


def tables(table: Table, output: Output) -> None:
    """Write the tables."""
    output.part("python/README.md", "open", _table(table, lambda name: name))
    output.part("node/README.md", "open", _table(table, camel))
    output.part("core/README.md", "open", _table(table, lambda name: name))
