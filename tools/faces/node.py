"""The options of opening in TypeScript."""

from __future__ import annotations

import re

from output import Output
from table import Option, Table, camel
from text import capital, resolved, wrapped


def _type(option: Option) -> str:
    if option.ts is not None:
        return option.ts
    match option.type:
        case "text":
            return "string"
        case "path":
            return "string | URL"
        case "name":
            assert option.names is not None
            return " | ".join(f"'{value.name}'" for value in option.names.values)
        case "count" | "index" | "bytes" | "number":
            return "number"
        case "flag":
            return "boolean"
        case "clusters":
            return "number | 'all'"
        case "candidates":
            return "readonly Candidate[]"
        case "labels":
            return "Readonly<Record<string, string>>"
        case _:
            return "ReadonlyArray<string | number>"


def _doc(option: Option) -> str:
    doc = resolved(option.doc, lambda what, name: f"`{name if what == 'error' else camel(name)}`")
    # Parameters are written as JavaScript does.
    doc = re.sub(r'"(\w+)": ', lambda found: f"{camel(found[1])}: ", doc)
    return capital(doc.replace("in its decision", "in its decision").replace("`no_score`", "`noScore`"))


def declarations(table: Table, output: Output) -> None:
    """Write the members of `OpenOptions`."""
    lines: list[str] = []
    for option in table.open:
        lines += ["  /**", *wrapped(_doc(option), "   * "), "   */", f"  {camel(option.name)}?: {_type(option)};"]
    output.part("node/lib/open-options.d.ts", "open", lines)
