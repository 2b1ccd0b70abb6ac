"""The types: strict, and true of the binary."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

USAGE = """
from __future__ import annotations

import array

import numpy as np
from numpy.typing import NDArray
from routellm_rs import Decision, DecisionEvent, InvalidArgumentError, Router, prompt_from_messages, train

router: Router = Router.default(strong="a", weak="b")
decision: Decision = router.route("x", threshold=0.5, on_error="weak")
rate: float | None = decision.win_rate
decisions: list[Decision] = router.route_batch(["x", [{"role": "user", "content": "y"}]], strong_share=0.5)
rates: list[float] = router.win_rates(f"{i}" for i in range(3))
array_of: NDArray[np.float64] = router.win_rates_from_embeddings(np.zeros((2, 3), dtype=np.float32))
one: float = router.win_rate_from_embedding(array.array("f", [1.0]))
listed: float = router.win_rate_from_embedding([1.0, 0])
wide: NDArray[np.float64] = router.win_rates_from_embeddings([np.zeros(3), np.zeros(3)])
rows: NDArray[np.float64] = router.win_rates_from_embeddings([[1.0], [0.5]])
fields: dict[str, object] = dict(decision)
two: Decision = router.route_embedding(memoryview(b"").cast("f"))
kind: str = router.info()["featurizer"]["kind"]
events: list[DecisionEvent] = []
router.on_decision(events.append)
router.on_decision(None)
event_id: str = events[0].as_dict()["id"]
prompt: str = prompt_from_messages([{"role": "user", "content": "y"}])
code: int = InvalidArgumentError.code
votes_router: Router = Router.open(
    "router", out_of_distribution="weak", min_similarity=0.3, mmap="never", open_clusters="all"
)
counted: Router = Router.bundled("mf-minilm", open_clusters=8, error_target=None)
classifier: Router = Router.open(
    "export",
    kind="bert",
    strong="a",
    weak="b",
    provider="auto",
    device_id=0,
    memory_limit=1 << 30,
    tf32=True,
    preset="throughput",
    head={"kind": "regression", "link": "sigmoid", "scale": 2},
    long_prompts={"kind": "windows", "pooling": "max"},
)
judge: Router = Router.open(
    "export",
    strong="a",
    weak="b",
    template={"kind": "chat", "system": "Be brief."},
    score_tokens=["1", 17],
    score_threshold=2,
    max_new_tokens=0,
    max_tokens=512,
)
artifact: Router = train.from_export("out", "export", strong="a", weak="b", head="binary", calibration=["x"])
timely: Decision = router.route("x", timeout_ms=2.5)
unscored: bool = timely.no_score
model = router.info()["model"]
cached: int | None = model["cached_tokens"] if model else None
near: float | None = decision.similarity
far: bool = decision.out_of_distribution
weight: float = router.explain("x", 3)["votes"][0]["weight"]
rating: float | None = router.explain_embedding(array.array("f", [1.0]))["ratings"][0]["rating"]
similarity: float = router.similarity("x") + router.similarity_from_embedding(array.array("f", [1.0]))
votes = router.info()["votes"]
count: int = votes["count"] if votes else 0


async def twins() -> tuple[Decision, list[Decision], float, list[float]]:
    return (
        await router.aroute("x"),
        await router.aroute_batch(["x"], timeout_ms=1000),
        await router.awin_rate("x"),
        await router.awin_rates(["x"]),
    )


def progress(stage: str, done: int, total: int) -> bool:
    return done < total


strength: float = train.linear("out", gold=[{"prompt": "x"}], progress=progress)["strength"]
best: int = train.mf("out", encoder="encoder", votes="votes.jsonl", strong="a", weak="b")["best_epoch"]
embedded: int = train.sw_ranking("out", votes="votes.jsonl", encoder="encoder", cache="cache")["embedded"]
names: list[str] = ["a", "b"]
ratings: dict[str, float] = train.sw_ranking(
    "out",
    embeddings=np.zeros((2, 3), dtype=np.float32),
    model_a=names,
    model_b=names,
    winner=["model_a", "tie"],
    store="clustered",
    progress=progress,
)["ratings"]
"""

WRONG = """
from routellm_rs import Router

Router()._inner.nothing
Router.default(color="red")
Router.default().route(3)
Router.default().route("x", on_error=1)
Router.default().route("x").model = "y"
Router.open()
Router.open("x", out_of_distribution="abstain")
Router.open("x", open_clusters="some")
Router.open("x", provider="tpu")
Router.open("x", head="four_labels")
Router.open("x", head={"kind": "binary", "link": "sigmoid"})
Router.default().route("x", timeout_ms="1")
"""


def python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, timeout=600, check=False
    )


def test_the_package_passes_mypy_strict(tmp_path: Path) -> None:
    done = python("-m", "mypy", "--strict", "-p", "routellm_rs", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_stub_is_true_of_the_binary(tmp_path: Path) -> None:
    done = python("-m", "mypy.stubtest", "routellm_rs._native", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_right_use_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "usage.py").write_text(USAGE)
    done = python("-m", "mypy", "--strict", "usage.py", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_wrong_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(WRONG)
    done = python("-m", "mypy", "--strict", "wrong.py", cwd=tmp_path)
    lines = [line for line in done.stdout.splitlines() if ": error:" in line]
    for number in range(4, 16):
        assert any(line.startswith(f"wrong.py:{number}: error:") for line in lines), (number, done.stdout)


@pytest.mark.parametrize("name", ["py.typed", "_native.pyi"])
def test_the_types_are_installed(name: str) -> None:
    import routellm_rs

    assert (Path(routellm_rs.__file__).parent / name).is_file()
