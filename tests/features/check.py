"""Build every promised combination of the features of routellm-core, and look at what the least of them depends on.

The glue of Node has to build without what only its tests call, too.

Without any feature a program routes with the default router, and carries no runtime, tokenizer, template engine or
reader of tables: that is tested, the other combinations are only checked.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CARGO = os.environ.get("CARGO", "cargo")

COMBINATIONS = ["", "onnx", "ort", "train", "eval", "parquet", "testing", "train,eval", "onnx,train,eval,parquet,ort"]

# What each feature brings, and a build without it must not carry.
BROUGHT = {
    "onnx": ["ort", "tokenizers", "minijinja", "minijinja-contrib", "half"],
    "ort": ["ort", "tokenizers", "minijinja", "minijinja-contrib", "half"],
    "train": ["csv"],
    "eval": ["csv"],
    "parquet": ["parquet", "csv", "half"],
}


def cargo(*arguments: str, package: str = "routellm-core") -> subprocess.CompletedProcess[str]:
    """Run cargo on a package without its default features."""
    command = [CARGO, *arguments, "--quiet", "-p", package, "--no-default-features"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", errors="replace")


def builds(features: str, package: str = "routellm-core") -> str:
    """Say why a combination does not compile, or compiles with warnings; nothing if all is well."""
    done = cargo("check", "--lib", "--features", features, package=package)
    return done.stderr if done.returncode or "warning" in done.stderr else ""


def carries(features: str) -> str:
    """Say which crates a combination carries that none of its features brings."""
    command = [CARGO, "tree", "-p", "routellm-core", "--no-default-features", "--features", features]
    command += ["-e", "normal", "--prefix", "none", "--format", "{p}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", errors="replace")
    if done.returncode:
        return done.stderr
    names = {line.split()[0] for line in done.stdout.splitlines() if line.strip()}
    brought = {crate for feature in features.split(",") for crate in BROUGHT.get(feature, [])}
    left = names & ({crate for crates in BROUGHT.values() for crate in crates} - brought)
    return f"carries {', '.join(sorted(left))}" if left else ""


def routes(features: str) -> str:
    """Say what fails of the tests that every build passes."""
    done = cargo("test", "--lib", "--test", "features", "--features", features)
    return done.stdout + done.stderr if done.returncode else ""


def node(features: str) -> str:
    """Say why the glue of Node does not compile."""
    return builds(features, "routellm-node")


def main() -> int:
    """Check every combination."""
    checks = [(builds, features) for features in COMBINATIONS]
    checks += [(carries, features) for features in COMBINATIONS]
    checks += [(routes, ""), (node, "")]
    passed = failed = 0
    for check, features in checks:
        if fault := check(features):
            failed += 1
            print(f"{check.__name__} with {features or 'no feature'}:\n{fault}")
        else:
            passed += 1
    print(f"features: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
