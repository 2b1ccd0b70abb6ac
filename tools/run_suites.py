"""Run the suites of tests/suites.txt and print one line with the totals: `N passed, N failed, N skipped`.

Each suite is a make target. Its counts come from what it prints: the sum of cargo's `test result:` lines, or
else its last line of the form `name: N passed, N failed, N skipped`. A suite that prints neither, or no test at all,
has failed. What a suite does not run it counts as skipped and names on a line; with ROUTELLM_REQUIRE_ALL=1 in the
environment that is a failure of the suite.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CARGO = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", re.M)
PLAIN = re.compile(r"^(?:[\w-]+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$", re.M)


def run(target: str) -> tuple[int, int, int]:
    """Run one target, pass its output through, and return passed, failed and skipped."""
    print(f"\n===== {target}", flush=True)
    start = time.monotonic()
    lines = []
    with subprocess.Popen(
        ["make", "--no-print-directory", "-s", target],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            # Totals of a suite would be read as those of the whole run.
            print(line if not PLAIN.match(line) else f"  {line}", end="", flush=True)
        code = process.wait()
    output = "".join(lines)
    rows = CARGO.findall(output) or PLAIN.findall(output)[-1:]
    passed, failed, skipped = (sum(int(row[i] or 0) for row in rows) for i in range(3))
    if code != 0 and failed == 0:
        failed = 1
    if passed == 0 and failed == 0:
        print(f"{target} ran no test")
        failed = 1
    seconds = time.monotonic() - start
    print(f"===== {target}: {passed} ok, {failed} bad, {skipped} skipped, {seconds:.0f} s", flush=True)
    return passed, failed, skipped


def main() -> int:
    """Run the named suites, or all of them."""
    text = (ROOT / "tests" / "suites.txt").read_text(encoding="utf-8")
    suites = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    wanted = sys.argv[1:] or suites
    unknown = [name for name in wanted if name not in suites]
    if unknown:
        print(f"unknown suites: {', '.join(unknown)}; there are: {', '.join(suites)}")
        return 2
    results = {suite: run(suite) for suite in wanted}
    print("\n| suite | passed | failed | skipped |\n|---|---|---|---|")
    for suite, (passed, failed, skipped) in results.items():
        print(f"| {suite} | {passed} | {failed} | {skipped} |")
    passed, failed, skipped = (sum(result[i] for result in results.values()) for i in range(3))
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
