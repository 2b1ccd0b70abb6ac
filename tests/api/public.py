"""The public interface of the core, as rustdoc sees it, against the committed list.

    cargo doc -p routellm-core --no-deps; python3 tests/api/public.py [--write]

The list is `core/public-api.txt`: every public item by its path, with fields, variants and signatures. A change of it
is a change of what programs depend on.
"""

from __future__ import annotations

import argparse
import difflib
import html
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "target" / "doc" / "routellm_core"
LIST = ROOT / "core" / "public-api.txt"

ITEM = re.compile(r'<a href="([^"#:]+\.html)"')
# The declaration at the head of a page.
HEAD = re.compile(r'<pre class="rust item-decl"><code>(.*?)</code></pre>', re.DOTALL)
MEMBER = re.compile(
    r'id="(?P<kind>method|tymethod|associatedconstant)\.(?P<name>\w+)(?:-\d+)?".*?'
    r'<h4 class="code-header">(?P<code>.*?)</h4>',
    re.DOTALL,
)
# What a type has by traits of others says little, and is long.
TRAITS = re.compile(r'<h2 id="(?:trait-implementations|synthetic-implementations|foreign-impls|implementors)"')


def text_of(code: str) -> str:
    """Return code without its markup, on one line."""
    code = re.sub(r"<summary[^>]*>.*?</summary>", "", code, flags=re.DOTALL)
    code = re.sub(r'<span class="where[^"]*">', " where ", code)
    plain = html.unescape(re.sub(r"<[^>]+>", "", code)).replace("\u200b", "").replace("\u00a0", " ")
    return re.sub(r"\s+", " ", plain).strip()


def entries() -> list[str]:
    """Return a line for each public item and each of its members."""
    found = set()
    index = (DOCS / "all.html").read_text(encoding="utf-8")
    for href in ITEM.findall(index):
        page = DOCS / href
        if href.startswith("..") or not page.is_file():
            continue
        text = page.read_text(encoding="utf-8")
        path = "::".join(["routellm_core", *href.split("/")[:-1]])
        kind, name = href.split("/")[-1].split(".")[:2]
        head = HEAD.search(text)
        found.add(f"{kind} {path}::{name}: {text_of(head[1])}" if head else f"{kind} {path}::{name}")
        own = text[: cut.start()] if (cut := TRAITS.search(text)) else text
        for member in MEMBER.finditer(own):
            found.add(f"{kind} {path}::{name}::{member['name']}: {text_of(member['code'])}")
    return sorted(found)


def main() -> int:
    """Compare, or write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help="write the list instead of comparing with it")
    write = parser.parse_args().write
    now = entries()
    if write:
        LIST.write_text("\n".join(now) + "\n", encoding="utf-8")
        return 0
    known = LIST.read_text(encoding="utf-8").splitlines()
    changes = [line for line in difflib.unified_diff(known, now, lineterm="", n=0) if line[0] in "+-"][2:]
    for line in changes:
        print(line)
    if changes:
        print(f"the public interface has changed: run {Path(__file__).name} --write, and look at the difference")
    return 1 if changes else 0


if __name__ == "__main__":
    sys.exit(main())
