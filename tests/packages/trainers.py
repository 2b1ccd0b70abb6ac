"""Each trainer runs by one command from real files, and its artifact has the same bits in every language.

The files are in ../shared/data or ROUTELLM_SHARED. `command.py` runs it.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).resolve().parent / "programs"
TREE = ROOT / "build" / "c" / "tree"
COMMAND = TREE / "bin" / "routellm"
DATA = Path(os.environ.get("ROUTELLM_SHARED", ROOT.parent / "shared")) / "data"
GOLD, VOTES = DATA / "gold" / "mmlu_gold.jsonl", DATA / "arena" / "votes.jsonl"
PROMPT = "Prove that there are infinitely many primes."
PAIR = ("--strong", "gpt-4-1106-preview", "--weak", "mixtral-8x7b-instruct-v0.1")

#: What a shell would say; the first one makes the encoder of the others.
TRAININGS = {
    "linear": ("linear", "--gold", GOLD, "--set", "projection=32"),
    "knn": ("knn", "--gold", GOLD, "--encoder", "linear"),
    "knn-hashed": ("knn", "--gold", GOLD),
    "logistic": ("logistic", "--gold", GOLD, "--encoder", "linear"),
    "mf": ("mf", "--votes", VOTES, *PAIR, "--encoder", "linear", "--set", "epochs=2"),
    "sw": ("sw", "--votes", VOTES, *PAIR, "--encoder", "linear"),
}


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """What a command prints; it must not fail."""
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, check=False, cwd=cwd, env={**os.environ, **environment}
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr or done.stdout}")
    return done.stdout


def train(folder: Path) -> list[Path]:
    """Trains every kind; the artifacts."""
    for name, arguments in TRAININGS.items():
        run(COMMAND, "train", *arguments, "--out", name, cwd=folder)
    spec = {
        "trainer": {"kind": "linear", "bits": 12},
        "sources": [{"kind": "gold", "path": str(GOLD)}],
        "out": "spec",
    }
    (folder / "spec.json").write_text(json.dumps(spec))
    run(COMMAND, "train", "run", "spec.json", cwd=folder)
    return [folder / name for name in (*TRAININGS, "spec")]


def rates(folder: Path, artifacts: list[Path]) -> dict[str, list[str]]:
    """The bits of the win rates, by language."""
    library = str(TREE / "lib")
    found: dict[str, list[str]] = {"rust": []}
    for artifact in artifacts:
        decision = json.loads(run(COMMAND, "route", "--json", "--threshold", "0.5", "--router", artifact, PROMPT))
        found["rust"].append(struct.pack(">d", decision["win_rate"]).hex())
    flags = [f"-I{TREE / 'include'}", f"-L{library}", "-lroutellm", f"-Wl,-rpath,{library}"]
    run("cc", "-std=c99", PROGRAMS / "rates.c", *flags, "-o", folder / "c")
    run("c++", "-std=c++17", PROGRAMS / "rates.cpp", *flags, "-o", folder / "cpp")
    go = folder / "go-program"
    go.mkdir()
    (go / "main.go").write_bytes((PROGRAMS / "rates.go").read_bytes())
    (go / "go.sum").write_bytes((ROOT / "bindings" / "go" / "go.sum").read_bytes())
    (go / "go.mod").write_text(
        "module rates\n\ngo 1.25.0\n\nrequire routellm.dev/go/routellm v0.0.0\n\n"
        "require github.com/ebitengine/purego v0.11.3 // indirect\n\n"
        f"replace routellm.dev/go/routellm => {ROOT / 'bindings' / 'go'}\n"
    )
    run("go", "build", "-o", folder / "go", ".", cwd=go, PKG_CONFIG_PATH=f"{library}/pkgconfig")
    commands: dict[str, list[str | Path]] = {
        "c": [folder / "c"],
        "cpp": [folder / "cpp"],
        "go": [folder / "go"],
        "node": ["node", PROGRAMS / "rates.js"],
        "python": [ROOT / ".venv" / "bin" / "python", "-P", PROGRAMS / "rates.py"],
    }
    for language, command in commands.items():
        found[language] = run(*command, PROMPT, *artifacts, LD_LIBRARY_PATH=library).split()
    return found


def check() -> tuple[int, int, int]:
    """Trains and compares; how many passed, failed and were skipped."""
    if not GOLD.is_file():
        print(f"skipped: trainers on real files: no {GOLD}")
        required = os.environ.get("ROUTELLM_REQUIRE_ALL") == "1"
        return 0, int(required), int(not required)
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        artifacts = train(folder)
        found = rates(folder, artifacts)
        for language, of_language in found.items():
            for artifact, bits, expected in zip(artifacts, of_language, found["rust"], strict=True):
                if bits != expected:
                    failed += 1
                    print(f"failed: {artifact.name} in {language}: {bits}, expected {expected}")
    return len(found) * len(artifacts) - failed, failed, 0
