"""The suite of Go: vet, format, and the tests under the race detector. Ends with `go: N passed, N failed, ...`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "bindings" / "go"


def main() -> int:
    """Runs everything; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--go", default="go")
    go = parser.parse_args().go
    passed = failed = skipped = 0
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
    output: dict[str, list[str]] = {}
    counted = 0
    for line in tests.stdout.splitlines():
        event = json.loads(line)
        name = event.get("Test", "")
        if event["Action"] == "output":
            output.setdefault(name, []).append(event["Output"])
        elif event["Action"] == "pass" and name:
            counted += 1
        elif event["Action"] == "fail" and name:
            failed += 1
            print(f"failed: {name}\n{''.join(output.get(name, []))}")
        elif event["Action"] == "skip" and name:
            reason = [text.strip() for text in output.get(name, []) if ".go:" in text]
            skipped += 1
            print(f"skipped: {name}: {' '.join(reason)}")
    passed += counted
    if tests.returncode != 0 and failed == 0 or counted == 0:
        failed += 1
        print(f"failed: go test\n{''.join(output.get('', []))}{tests.stderr}")
    print(f"go: {passed} passed, {failed} failed, {skipped} skipped")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
