"""The tables of options in the READMEs."""

from __future__ import annotations

import re
from collections.abc import Callable

from output import Output
from table import Option, Table, camel
from text import capital, resolved


def _row(option: Option, spelled: Callable[[str], str]) -> str:
    def render(what: str, name: str) -> str:
        return "NaN" if what == "none" else f"`{name if what == 'error' else spelled(name)}`"

    doc = capital(resolved(option.doc, render))
    first = re.split(r"(?<=[.:])\s", doc.split("\n")[0].replace(": ", ":\u00a0"))[0].replace(":\u00a0", ": ")
    first = first.rstrip(":.") + "."
    expected = re.sub(r'"(\w+)"', r"`\1`", option.expected)
    return f"| `{spelled(option.name)}` | {expected} | {option.default} | {first} |"


def _table(options: tuple[Option, ...], spelled: Callable[[str], str]) -> list[str]:
    lines = ["| option | takes | default | what it sets |", "|---|---|---|---|"]
    return lines + [_row(option, spelled) for option in options]


def tables(table: Table, output: Output) -> None:
    """Write the tables."""
    faces = (("python", lambda name: name), ("node", camel), ("core", lambda name: name))
    for face, spelled in faces:
        output.part(f"{face}/README.md", "open", _table(table.open, spelled))
        output.part(f"{face}/README.md", "call", _table(table.call, spelled))
