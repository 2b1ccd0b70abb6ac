"""What starting costs: importing the package, opening the routers, and the memory they take."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

ROUNDS = 11
MF_ARTIFACT = Path(__file__).resolve().parents[2] / "artifacts" / "mf-minilm"

IMPORT = """
import time
start = time.perf_counter()
import routellm_rs
print((time.perf_counter() - start) * 1000, 0)
"""

OPEN = """
import sys, time
from routellm_rs import Router
def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024
before = resident()
start = time.perf_counter()
router = Router.open(sys.argv[1]) if len(sys.argv) > 1 else Router.default()
milliseconds = (time.perf_counter() - start) * 1000
router.route("hello")
print(milliseconds, resident() - before)
"""


def measure(code: str, *arguments: object) -> tuple[float, float]:
    """Return the median milliseconds and mebibytes over fresh interpreters."""
    command = [sys.executable, "-P", "-c", code, *map(str, arguments)]
    rows = [tuple(map(float, subprocess.check_output(command, text=True).split())) for _ in range(ROUNDS)]
    return statistics.median(row[0] for row in rows), statistics.median(row[1] for row in rows)


def show(name: str, value: float, unit: str, limit: float) -> None:
    verdict = "ok" if value <= limit else "ABOVE THE LIMIT"
    print(f"{name:<32} {value:>8.1f} {unit:<3}  limit {limit:g} {unit}   {verdict}")


def main() -> None:
    show("import routellm_rs", measure(IMPORT)[0], "ms", 50)
    milliseconds, mebibytes = measure(OPEN)
    show("open the default router", milliseconds, "ms", 20)
    show("memory of the default router", mebibytes, "MiB", 15)
    if (MF_ARTIFACT / "router.json").is_file():
        milliseconds, mebibytes = measure(OPEN, MF_ARTIFACT)
        show("open mf-minilm", milliseconds, "ms", 300)
        show("memory of mf-minilm", mebibytes, "MiB", 170)


if __name__ == "__main__":
    main()
