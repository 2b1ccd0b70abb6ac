"""The router on a sentence encoder, through ONNX Runtime."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from routellm_rs import CancelledError, InvalidArgumentError, Router, _native

PROMPTS = ["Prove Fermat's last theorem.", "hi", "", "What is 2 + 2?", "a long story " * 300, "🙂 שלום"]


def test_an_embedding_gives_the_win_rate_of_its_prompt(onnx_router: Router) -> None:
    for prompt in PROMPTS:
        embedding = onnx_router.embed(prompt)
        assert embedding.dtype == np.float32
        assert embedding.shape == (onnx_router.embedding_dimension,)
        assert onnx_router.win_rate_from_embedding(embedding) == onnx_router.win_rate(prompt)
    rows = np.stack([onnx_router.embed(prompt) for prompt in PROMPTS])
    assert onnx_router.win_rates_from_embeddings(rows).tolist() == onnx_router.win_rates(PROMPTS)


def test_batches_threads_and_sessions_give_the_same_bits(onnx_router: Router, mf_artifact: Path) -> None:
    expected = [onnx_router.win_rate(prompt) for prompt in PROMPTS]
    assert onnx_router.win_rates(PROMPTS) == expected
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(onnx_router.win_rate, PROMPTS * 3)) == expected * 3
    two = Router.open(mf_artifact, sessions=2, intra_threads=1)
    one = Router.open(mf_artifact, sessions=1, intra_threads=1)
    assert two.win_rates(PROMPTS * 3) == one.win_rates(PROMPTS) * 3


def test_what_runs_is_told(onnx_router: Router, mf_artifact: Path) -> None:
    info = Router.open(mf_artifact, sessions=2, intra_threads=1).info()
    assert info["kind"] == "mf"
    assert info["featurizer"]["kind"] == "onnx"
    assert info["path"] == str(mf_artifact)
    runtime = info["runtime"]
    assert runtime is not None
    assert (runtime["sessions"], runtime["intra_threads"], runtime["provider"]) == (2, 1, "cpu")
    assert "onnxruntime" in runtime["library"]


def test_another_pair_has_other_win_rates(onnx_router: Router, mf_artifact: Path) -> None:
    weak = next(name for name in onnx_router.models if name not in (onnx_router.strong, onnx_router.weak))
    other = Router.open(mf_artifact, weak=weak)
    assert other.weak == weak
    assert other.win_rate(PROMPTS[0]) != onnx_router.win_rate(PROMPTS[0])
    # The calibration belongs to the artifact's own pair.
    with pytest.raises(InvalidArgumentError, match="no calibration"):
        other.route(PROMPTS[0])
    assert other.route(PROMPTS[0], threshold=0.5).model in (other.strong, other.weak)
    scores = other.candidate_scores(PROMPTS[0])
    assert list(scores) == other.models
    assert scores == onnx_router.candidate_scores(PROMPTS[0])


def test_wrong_session_options_are_refused(mf_artifact: Path) -> None:
    for name in ("sessions", "intra_threads"):
        for value in (0, -1, 10_000):
            with pytest.raises(InvalidArgumentError, match=f"{name} is .*, expected .* from 1 to 256"):
                Router.open(mf_artifact, **{name: value})  # type: ignore[arg-type]


def test_a_second_runtime_is_refused(onnx_router: Router, mf_artifact: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="already uses"):
        Router.open(mf_artifact, onnxruntime="/nowhere/libonnxruntime.so")


def test_cancelling_stops_the_encoder(mf_artifact: Path) -> None:
    native = _native.Router.open(mf_artifact)
    for begin, what in ((native.route_async, PROMPTS[0]), (native.win_rates_async, PROMPTS * 20)):
        results: queue.Queue[tuple[object, Exception | None]] = queue.Queue()
        token = begin(what, lambda *result, results=results: results.put(result))  # type: ignore[operator]
        token.cancel()
        value, error = results.get(timeout=60)
        # A single run may have been over by then.
        assert isinstance(error, CancelledError) or (error is None and what is PROMPTS[0]), value
    # The session is whole afterwards.
    assert native.win_rates([PROMPTS[0]]) == native.win_rates([PROMPTS[0]])


def test_tasks_are_served_while_the_encoder_runs(onnx_router: Router) -> None:
    async def run() -> list[float]:
        return await asyncio.gather(*(onnx_router.awin_rate(prompt) for prompt in PROMPTS))

    assert asyncio.run(run()) == [onnx_router.win_rate(prompt) for prompt in PROMPTS]


def test_it_lives_beside_the_package_onnxruntime(
    onnx_router: Router, mf_artifact: Path, run_python: Callable[..., str]
) -> None:
    pytest.importorskip("onnxruntime", reason="the Python package onnxruntime is not installed")
    code = """
import sys
import onnxruntime
from routellm_rs import Router
router = Router.open(sys.argv[1])
rate = router.win_rate("hello")
model = next(str(file) for file in __import__("pathlib").Path(sys.argv[1]).glob("*.onnx"))
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
assert router.win_rate("hello") == rate
print(len(session.get_inputs()))
"""
    assert int(run_python(code, mf_artifact)) >= 2
