"""Documentation of the table in the form of each language."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable

Render = Callable[[str, str], str]

MARKUP = re.compile(r"\{(option|call|error):(\w+)\}|\{none\}")


def resolved(doc: str, render: Render) -> str:
    """Return `doc` with its references as `render(what, name)` writes them."""
    return MARKUP.sub(lambda found: render(found[1] or "none", found[2] or ""), doc)


def wrapped(doc: str, prefix: str, width: int = 120) -> list[str]:
    """Return paragraphs and lists as lines of a comment, each behind `prefix`."""
    lines: list[str] = []
    for line in doc.split("\n"):
        if not line.strip():
            lines.append(prefix.rstrip())
            continue
        indent = "  " if line.startswith("- ") else ""
        lines += textwrap.wrap(
            line,
            width,
            initial_indent=prefix,
            subsequent_indent=prefix + indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines


def capital(doc: str) -> str:
    """Return a text that begins as a sentence does."""
    return doc[0].upper() + doc[1:]


def snake_upper(name: str) -> str:
    """Return the name of an error as constants have it."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()


def quoted(doc: str) -> str:
    """Return words of code in quotes, and code that has some of its own as it is: for comments without markup."""
    return re.sub(r"`([^`]*)`", lambda found: found[1] if re.search(r'[" (]', found[1]) else f'"{found[1]}"', doc)
