"""That the library, the command, the wheel and the addon share their builds.

Cargo builds a crate anew for each set of features, and everything above it: `tools/unify` holds the features that
all of them get. A crate that two of them have with different features is told here, with what to write there. What
only two of them have, beside the core's own dependencies, may differ.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ["routellm", "routellm-cli", "routellm-python", "routellm-node"]


def tree(package: str, edges: str) -> dict[str, frozenset[str]]:
    """Return the features of each crate that a package links, or that its macros do."""
    command = ["cargo", "tree", "--locked", "-p", package, "-e", edges, "--prefix", "none", "-f", "{p}|{f}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True)
    found: dict[str, frozenset[str]] = {}
    for line in done.stdout.splitlines():
        name, _, features = line.removesuffix(" (*)").partition("|")
        found[name.strip()] = found.get(name.strip(), frozenset()) | frozenset(features.split(","))
    return found


def main() -> int:
    """Print what differs; return 1 if something does."""
    wrong = 0
    # Macros share only what they are parsed with.
    for edges, looked_at in [("normal,no-proc-macro", None), ("normal", "syn ")]:
        trees = {package: tree(package, edges) for package in PACKAGES}
        core = tree("routellm-core", edges)
        for crate in sorted(core):
            if crate.startswith("routellm") or (looked_at and not crate.startswith(looked_at)):
                continue
            have = {package: features[crate] for package, features in trees.items() if crate in features}
            if len(set(have.values())) > 1:
                wrong += 1
                missing = frozenset.union(*have.values()) - frozenset.intersection(*have.values())
                print(f"{crate}: add the features {', '.join(sorted(missing))} to tools/unify/Cargo.toml")
                for package, features in have.items():
                    print(f"    {package}: {', '.join(sorted(features))}")
    if not wrong:
        print("one build of what the library, the command, the wheel and the addon share")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
