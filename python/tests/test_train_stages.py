"""Trainings that are killed or may not write: the old artifact or a whole new one, and a run that resumes."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from routellm_rs import IoError, Router, train

CHILD = """
import json, os, resource, signal, sys
from routellm_rs import IoError, train

spec, kill_at, limit = json.loads(sys.argv[1]), sys.argv[2], int(sys.argv[3])
seen = []

def progress(stage, done, total):
    place = f"{stage} {done}"
    if place not in seen:
        seen.append(place)
    if place == kill_at:
        os.kill(os.getpid(), int(sys.argv[4]))
    return True

if limit >= 0:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    train.run(spec, progress=progress)
except IoError as error:
    print("IoError", error)
    sys.exit(3)
print(json.dumps(seen))
"""


WORDS = [
    "river",
    "stone",
    "cloud",
    "lamp",
    "paper",
    "green",
    "seven",
    "under",
    "bridge",
    "violin",
    "salt",
    "winter",
]


def rows(seed: int) -> list[dict[str, Any]]:
    """Sixty gold rows of words that the seed picks; a third of them is hard."""
    pick = random.Random(seed)
    prompts = [
        " ".join(["integral" if i % 3 == 0 else "greet", *pick.choices(WORDS, k=6)]) for i in range(60)
    ]
    return [{"prompt": prompt, "big": True, "small": not prompt.startswith("integral")} for prompt in prompts]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("encoder") / "router"
    train.linear(out, gold=rows(0), strong="big", weak="small", projection=8)
    return str(out)


TRAINERS: dict[str, dict[str, Any]] = {
    "linear": {"kind": "linear", "bits": 10, "folds": 3},
    "mf": {"kind": "mf", "epochs": 3},
    "sw_ranking": {"kind": "sw_ranking"},
    "knn": {"kind": "knn"},
    "logistic": {"kind": "logistic"},
}


def spec_of(kind: str, folder: Path, encoder: str, seed: int) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "trainer": TRAINERS[kind],
        "sources": [{"kind": "gold", "rows": rows(seed)}],
        "strong": "big",
        "weak": "small",
        "out": str(folder / "router"),
    }
    if kind != "knn":
        spec["seed"] = 7
    if kind != "linear":
        spec["encoder"] = {"path": encoder, "cache": str(folder / f"cache-{seed}.safetensors")}
    return spec


def child(
    spec: dict[str, Any], kill_at: str = "", limit: int = -1, by: signal.Signals = signal.SIGKILL
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-c", CHILD, json.dumps(spec), kill_at, str(limit), str(int(by))]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def contents(folder: Path) -> dict[str, str]:
    """What the files are that the artifact lists, and it itself."""
    listed = json.loads((folder / "router.json").read_text())["files"]
    names = ["router.json", *(entry.get("path", entry["name"]) for entry in listed)]
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


@pytest.fixture(params=TRAINERS)
def place(request: pytest.FixtureRequest, tmp_path: Path, encoder: str) -> tuple[str, Path]:
    """A kind of trainer, and a folder that has an artifact of it already."""
    train.run(spec_of(request.param, tmp_path, encoder, 0))
    return request.param, tmp_path


@pytest.fixture(autouse=True)
def one_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """The day of a calibration is that of its training."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1769817600")


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_or_interrupted_training_leaves_an_artifact_and_resumes(
    place: tuple[str, Path], tmp_path: Path, encoder: str, by: signal.Signals
) -> None:
    kind, folder = place
    aside = tmp_path / "aside"
    aside.mkdir()
    undisturbed = child(spec_of(kind, aside, encoder, 1000))
    assert undisturbed.returncode == 0, undisturbed.stderr
    wanted = contents(aside / "router")
    old = contents(folder / "router")
    stages: list[str] = json.loads(undisturbed.stdout)
    assert len({stage.rsplit(" ", 1)[0] for stage in stages}) >= 2, stages
    spec = spec_of(kind, folder, encoder, 1000)
    for stage in stages:
        killed = child(spec, kill_at=stage, by=by)
        assert killed.returncode == -by, (stage, killed.stdout, killed.stderr)
        if by == signal.SIGINT:
            assert killed.stderr.rstrip().endswith("KeyboardInterrupt"), (stage, killed.stderr)
        assert contents(folder / "router") in (old, wanted), stage
        Router.open(folder / "router").win_rates(["integral", "greet"])
    resumed = child(spec)
    assert resumed.returncode == 0, resumed.stderr
    assert contents(folder / "router") == wanted
    left = {path.name for path in (folder / "router").iterdir()} - set(wanted)
    assert not left, left
    beside = {path.name for path in folder.iterdir()} - {"router", "aside"}
    assert all(name.startswith("cache-") for name in beside), beside


def test_a_full_disk_leaves_the_old_artifact(place: tuple[str, Path], encoder: str) -> None:
    kind, folder = place
    old = contents(folder / "router")
    spec = spec_of(kind, folder, encoder, 1000)
    refused = 0
    for limit in (0, 200, 2_000, 8_000):
        done = child(spec, limit=limit)
        assert done.returncode in (0, 3), (limit, done.stdout, done.stderr)
        if done.returncode == 3:
            refused += 1
            assert contents(folder / "router") == old, limit
            assert "File too large" in done.stdout, done.stdout
            Router.open(folder / "router")
    assert refused >= 2
    assert child(spec).returncode == 0
    assert contents(folder / "router") != old


@pytest.mark.parametrize("kind", TRAINERS)
def test_a_folder_that_cannot_be_written_is_told_before_the_work(
    kind: str, tmp_path: Path, encoder: str
) -> None:
    spec = spec_of(kind, tmp_path, encoder, 0)
    # Nobody may write there, not even root.
    spec["out"] = "/sys/router"
    steps: list[Any] = []
    with pytest.raises(IoError, match="/sys/router"):
        train.run(spec, progress=lambda *step: steps.append(step) is None)
    assert steps == []
