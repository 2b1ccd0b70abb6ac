#!/usr/bin/env python3
"""Writes the typed faces of every language from the one table, `core/options.toml`.

python3 tools/faces/generate.py          write what has changed
python3 tools/faces/generate.py --check  name the files that are not current, and fail if there are any
"""

from __future__ import annotations

import argparse
import sys

import call
import cpp
import decision
import errors
import go
import markdown
import records
import rust
import table
from output import Output

import node
import python


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, and fail if something is not current")
    check = parser.parse_args().check
    output = Output()
    rows = table.read()
    rust.core(rows, output)
    rust.c_setters(rows, output)
    cpp.header(rows, output)
    go.options(rows, output)
    python.options(rows, output)
    node.declarations(rows, output)
    markdown.tables(rows, output)
    call.all_faces(rows, output)
    decision.all_faces(rows, output)
    errors.all_faces(rows, output)
    records.all_faces(rows, output)
    stale = output.stale()
    if not check:
        output.write()
    for path in stale:
        print(f"{path}: {'not current, run tools/faces/generate.py' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
