"""Look for modules of the core that need each other in a circle, and print one by name.

Modules are those of `core/src/lib.rs`. One needs another if its code, tests and comments left out, names a path of it:
`crate::x::...`, or an item that `lib.rs` re-exports from it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent.parent / "core" / "src"

MODULE = re.compile(r"^(?:pub(?:\([^)]*\))? )?mod (\w+);", re.M)
EXPORT = re.compile(r"^pub(?:\([^)]*\))? use (\w+)::(\w+|\{[^}]*\});", re.M)
# A path from the root of the crate, and a group of them.
ROOT_PATH = re.compile(r"\bcrate::(\w+|\{)")
NOT_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|r(#*)".*?"\1|"(?:\\.|[^"\\])*"', re.S)


def code(text: str) -> str:
    """The text without comments, strings and the tests at its end."""
    text = NOT_CODE.sub("", text)
    for attribute in re.finditer(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*mod \w+ \{", text):
        return text[: attribute.start()] + text[end_of_block(text, attribute.end()) :]
    return text


def end_of_block(text: str, start: int) -> int:
    """The place after the brace that closes the block whose inside begins at `start`."""
    depth = 1
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at + 1
    return len(text)


def names_of(text: str, at: int) -> set[str]:
    """The first names of the paths in the group whose inside begins at `at`."""
    inside = text[at : end_of_block(text, at) - 1]
    depth, names, word = 0, set(), ""
    for char in inside + ",":
        depth += {"{": 1, "}": -1}.get(char, 0)
        if char == "," and depth == 0:
            names.add(re.match(r"\w*", word.strip())[0])
            word = ""
        else:
            word += char
    return names - {"", "self"}


def needs() -> dict[str, set[str]]:
    """For each module, the modules that it names."""
    root = NOT_CODE.sub("", (SOURCE / "lib.rs").read_text(encoding="utf-8"))
    modules = set(MODULE.findall(root))
    owner = {name: name for name in modules}
    for module, items in EXPORT.findall(root):
        for item in re.findall(r"\w+", items):
            owner.setdefault(item, module)
    graph: dict[str, set[str]] = {module: set() for module in modules}
    for path in sorted(SOURCE.rglob("*.rs")):
        module = path.relative_to(SOURCE).parts[0].removesuffix(".rs")
        # A file of tests belongs to no module's code.
        if module not in modules or path.name == "tests.rs":
            continue
        text = code(path.read_text(encoding="utf-8"))
        for found in ROOT_PATH.finditer(text):
            names = names_of(text, found.end()) if found[1] == "{" else {found[1]}
            graph[module] |= {owner[name] for name in names if name in owner} - {module}
    return graph


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The shortest circle, or nothing."""
    best: list[str] = []
    for start in sorted(graph):
        paths = [[start]]
        seen = set()
        while paths:
            path = paths.pop(0)
            for following in sorted(graph[path[-1]]):
                if following == start and (not best or len(path) < len(best)):
                    best = path
                if following not in seen:
                    seen.add(following)
                    paths.append([*path, following])
    return best


def main() -> int:
    """Print a circle and fail, or print nothing."""
    graph = needs()
    if "--all" in sys.argv:
        for module in sorted(graph):
            print(f"{module}: {' '.join(sorted(graph[module]))}")
    found = circle(graph)
    if found:
        print(f"modules of the core need each other in a circle: {' -> '.join([*found, found[0]])}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
