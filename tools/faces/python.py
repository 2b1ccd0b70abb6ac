"""The options of opening in Python: a `TypedDict`, and their part of a docstring."""

from __future__ import annotations

import textwrap

from output import Output
from table import Option, Table
from text import resolved


def _type(option: Option) -> str:
    if option.py is not None:
        return option.py
    match option.type:
        case "text":
            return "str"
        case "path":
            return "StrPath"
        case "name":
            assert option.names is not None
            return option.names.rust
        case "count" | "index" | "bytes":
            return "int"
        case "number":
            return "float"
        case "flag":
            return "bool"
        case "clusters":
            return 'int | Literal["all"]'
        case "labels":
            return "Mapping[str, str]"
        case "candidates":
            return "Iterable[Candidate]"
        case _:
            return "Iterable[str | int]"


def _doc(option: Option) -> str:
    links = {"option": "``{0}``", "call": "``{0}``", "error": ":class:`{0}Error`"}
    doc = option.doc.replace("`", "``")
    return resolved(doc, lambda what, name: links[what].format(name))


def _class(head: str, doc: str, options: tuple[Option, ...]) -> list[str]:
    fields = [f"    {option.name}: {_type(option)} | None" for option in options]
    return [head, f'    """{doc}"""', "", *fields]


def options(table: Table, output: Output) -> None:
    """Write the types of `_types.py` and the docstring of `Router.open`."""
    lines: list[str] = []
    for names in table.names:
        values = ", ".join(f'"{value.name}"' for value in names.values)
        doc = names.doc.replace("`", "``").split(". ")[0].rstrip(".")
        lines += [f"{names.rust}: TypeAlias = Literal[{values}]", f'"""{doc}."""', ""]
    output.part("python/routellm_rs/_types.py", "names", lines[:-1])
    session = table.group("session")
    others = tuple(option for option in table.open if option.group != "session")
    doc = "None is as good as absent."
    lines = _class("class SessionOptions(TypedDict, total=False):", f"How ONNX models run. {doc}", session)
    lines += ["", ""]
    lines += _class("class OpenOptions(SessionOptions, total=False):", f"How a router is opened. {doc}", others)
    # The formatter wants its distance between a class and what follows.
    output.part("python/routellm_rs/_types.py", "open", [*lines, "", ""])
    lines = []
    for option in table.open:
        text = f"{option.name}: {_doc(option)}".replace("\n\n", "\n")
        for i, paragraph in enumerate(text.split("\n")):
            lines += textwrap.wrap(
                paragraph,
                106,
                initial_indent=" " * (16 if i else 12),
                subsequent_indent=" " * (18 if paragraph.startswith("- ") else 16),
                break_long_words=False,
                break_on_hyphens=False,
            )
    start = "            path: the folder.\n"
    end = "\n        Raises:\n            NotFoundError: if there is no such folder"
    lines.append("            **options: those above. One that has no effect on the router is an error, and None is as")
    lines.append("                good as absent.")
    output.between("python/routellm_rs/_opening.py", start, end, lines)
