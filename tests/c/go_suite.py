"""The suite of Go: vet, format, and the tests under the race detector. Ends with `go: N passed, N failed, ...`.

With ROUTELLM_REQUIRE_ALL=1 a skip is a failure, unless its reason names ROUTELLM_TEST_CUDA.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "bindings" / "go"


def count(events: str) -> tuple[int, int, int, str]:
    """Passed, failed and skipped tests of what `go test -json` printed, and what it printed of no test."""
    passed = failed = skipped = 0
    required = os.environ.get("ROUTELLM_REQUIRE_ALL") == "1"
    output: dict[str, list[str]] = {}
    for line in events.splitlines():
        event = json.loads(line)
        name = event.get("Test", "")
        if event["Action"] == "output":
            output.setdefault(name, []).append(event["Output"])
        elif event["Action"] == "pass" and name:
            passed += 1
        elif event["Action"] == "fail" and name:
            failed += 1
            print(f"failed: {name}\n{''.join(output.get(name, []))}")
        elif event["Action"] == "skip" and name:
            reason = " ".join(text.strip() for text in output.get(name, []) if ".go:" in text)
            if required and "ROUTELLM_TEST_CUDA" not in reason:
                failed += 1
                print(f"failed: {name}: skipped, and ROUTELLM_REQUIRE_ALL is set: {reason}")
            else:
                skipped += 1
                print(f"skipped: {name}: {reason}")
    return passed, failed, skipped, "".join(output.get("", []))


def main() -> int:
    """Runs everything; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--go", default="go")
    go = parser.parse_args().go
    passed = failed = 0
    for command in ([go, "vet", "./..."], [f"{go}fmt", "-l", "."]):
        done = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, check=False)
        ok = done.returncode == 0 and not done.stdout
        passed += ok
        failed += not ok
        if not ok:
            print("failed:", *command, done.stdout, done.stderr)
    tests = subprocess.run(
        [go, "test", "-race", "-count=1", "-json", "./..."], cwd=PACKAGE, capture_output=True, text=True, check=False
    )
    counted, bad, skipped, rest = count(tests.stdout)
    passed += counted
    failed += bad
    if tests.returncode != 0 and bad == 0 or counted == 0:
        failed += 1
        print(f"failed: go test\n{rest}{tests.stderr}")
    print(f"go: {passed} passed, {failed} failed, {skipped} skipped")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
