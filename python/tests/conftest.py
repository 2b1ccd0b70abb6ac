"""Routers and helpers that the tests share."""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, TypeVar

import pytest

import routellm_rs
from routellm_rs import Router

ROOT = Path(__file__).resolve().parents[2]
MF_ARTIFACT = ROOT / "artifacts" / "mf-minilm"

# The day of calibrations, so that artifacts that are compared do not depend on it.
os.environ["SOURCE_DATE_EPOCH"] = "1767225600"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Print the line that sums up, after pytest's own."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    count = {name: len(reporter.stats.get(name, ())) for name in ("passed", "failed", "error", "skipped")}
    failed = count["failed"] + count["error"]
    print(f"python: {count['passed']} passed, {failed} failed, {count['skipped']} skipped")


Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def require(report: Report) -> Report:
    """A report in which a skip has failed, with ROUTELLM_REQUIRE_ALL=1 and unless it is for want of a GPU."""
    if os.environ.get("ROUTELLM_REQUIRE_ALL") == "1" and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if "ROUTELLM_TEST_CUDA" not in reason:
            report.outcome = "failed"
            report.longrepr = f"ROUTELLM_REQUIRE_ALL is set: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return require((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return require((yield))


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def router() -> Router:
    """The default router."""
    return Router.default()


@pytest.fixture(scope="session")
def mf_artifact() -> Path:
    """The folder of the MF artifact."""
    if not (MF_ARTIFACT / "router.json").is_file():
        pytest.skip(f"no MF artifact in {MF_ARTIFACT}")
    return MF_ARTIFACT


@pytest.fixture(scope="session")
def onnx_router(mf_artifact: Path) -> Router:
    """The MF router with its encoder."""
    try:
        return Router.open(mf_artifact)
    except routellm_rs.RuntimeUnavailableError as error:
        pytest.skip(f"no ONNX Runtime: {error}")


Checkpoint = Callable[[int], Path]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """Makes checkpoints in the published layout, which take embeddings of so many numbers."""

    def make(text_dim: int, dim: int = 4, models: int = 64) -> Path:
        folder = tmp_path_factory.mktemp("checkpoint")
        config = {
            "dim": dim,
            "num_models": models,
            "text_dim": text_dim,
            "num_classes": 1,
            "use_proj": True,
        }
        (folder / "config.json").write_text(json.dumps(config))
        source = random.Random(7)
        shapes = {
            "P.weight": (models, dim),
            "text_proj.0.weight": (dim, text_dim),
            "classifier.0.weight": (1, dim),
        }
        header: dict[str, Any] = {}
        data = b""
        for name, (rows, columns) in shapes.items():
            values = [source.gauss(0, 1) for _ in range(rows * columns)]
            start = len(data)
            data += struct.pack(f"<{len(values)}f", *values)
            offsets = [start, len(data)]
            header[name] = {"dtype": "F32", "shape": [rows, columns], "data_offsets": offsets}
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
        return folder

    return make


@pytest.fixture(scope="session")
def caller_router(checkpoint: Checkpoint) -> Router:
    """A router that takes embeddings of 8 numbers and has no encoder."""
    return Router.open(checkpoint(8))


@pytest.fixture(scope="session")
def gold_rows() -> list[dict[str, Any]]:
    """Gold rows of two models: both know the easy questions, only one the hard ones."""
    source = random.Random(11)
    easy = ["colour of the sky", "name a fruit", "count to ten", "say hello", "spell the word cat"]
    hard = ["prove the theorem", "derive the integral", "compute the eigenvalues", "bound the error term"]
    rows = []
    for i in range(400):
        is_hard = i % 2 == 0
        topic = source.choice(hard if is_hard else easy)
        prompt = f"Please {topic} number {source.randrange(1000)} for me."
        rows.append(
            {
                "prompt": prompt,
                "subject": "hard" if is_hard else "easy",
                "big": source.random() < 0.95,
                "small": source.random() < (0.2 if is_hard else 0.9),
            }
        )
    return rows


@pytest.fixture(scope="session")
def linear_artifact(tmp_path_factory: pytest.TempPathFactory, gold_rows: list[dict[str, Any]]) -> Path:
    """A small linear artifact."""
    out = tmp_path_factory.mktemp("linear") / "router"
    routellm_rs.train.linear(out, gold=gold_rows, bits=10, lambdas=[1.0, 4.0], lexical_scales=[0.1], folds=5)
    return out


RunPython = Callable[..., str]


@pytest.fixture
def run_python() -> RunPython:
    """Runs code in a fresh interpreter and returns what it printed."""

    def run(code: str, *arguments: object, options: tuple[str, ...] = (), **environment: str) -> str:
        env = {
            name: value for name, value in os.environ.items() if not name.endswith(("ORT_PATH", "DYLIB_PATH"))
        }
        command = [sys.executable, *options, "-c", code, *map(str, arguments)]
        done = subprocess.run(
            command, env={**env, **environment}, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


@pytest.fixture
def lone_surrogates() -> list[str]:
    """Strings that are no Unicode text."""
    return ["\ud800", "a\udfff", "\ud83d and more", b"\xff".decode("utf-8", "surrogateescape")]
