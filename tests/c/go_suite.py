"""The suite of Go: format, vet and tests, by cgo under the race detector, and without cgo (the build tag
`routellm_purego`). A build without cgo and without the tag has to fail and say what to do. Ends with
`go: N passed, N failed, ...`.

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


def run(command: list[str], cgo: str) -> subprocess.CompletedProcess[str]:
    """What a command came to, with or without cgo."""
    environment = {**os.environ, "CGO_ENABLED": cgo}
    results = environment.get("ROUTELLM_CONFORMANCE_OUT")
    if results and cgo == "0":
        environment["ROUTELLM_CONFORMANCE_OUT"] = results.replace("go.json", "go-purego.json")
    return subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, check=False, env=environment)


def says_what_to_do(go: str) -> bool:
    """Whether a build without cgo and without the tag fails, by one message that names both ways out."""
    done = run([go, "build", "./..."], "0")
    said = [line for line in done.stderr.splitlines() if not line.startswith("#")]
    told = len(said) == 1 and "with_the_tag_routellm_purego_or_with_CGO_ENABLED_1" in said[0]
    if done.returncode == 0 or not told:
        print("failed: a build with CGO_ENABLED=0", done.stderr)
        return False
    return True


def main() -> int:
    """Runs everything; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--go", default="go")
    go = parser.parse_args().go
    tag = ["-tags", "routellm_purego"]
    passed = failed = skipped = 0
    for command, cgo in (
        ([f"{go}fmt", "-l", "."], "1"),
        ([go, "mod", "tidy", "-diff"], "1"),
        ([go, "vet", "./..."], "1"),
        ([go, "vet", *tag, "./..."], "0"),
    ):
        done = run(command, cgo)
        ok = done.returncode == 0 and not done.stdout
        passed += ok
        failed += not ok
        if not ok:
            print("failed:", *command, done.stdout, done.stderr)
    told = says_what_to_do(go)
    passed += told
    failed += not told
    for options, cgo in ((["-race"], "1"), (tag, "0")):
        tests = run([go, "test", *options, "-count=1", "-json", "./..."], cgo)
        counted, bad, left_out, rest = count(tests.stdout)
        passed += counted
        failed += bad
        skipped += left_out
        if tests.returncode != 0 and bad == 0 or counted == 0:
            failed += 1
            print(f"failed: go test {' '.join(options)}\n{rest}{tests.stderr}")
    print(f"go: {passed} passed, {failed} failed, {skipped} skipped")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
