"""Exported models as all languages share them, from one file of data.

``ROUTELLM_CONFORMANCE_OUT`` names the file of the other conformance tests; these results go beside it.
``ROUTELLM_TEST_CUDA=1`` runs every case on a GPU too.
"""

from __future__ import annotations

import json
import os
import struct
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from routellm_rs import Decision, RouteLLMError, Router, RuntimeUnavailableError, _native

ROOT = Path(__file__).resolve().parents[2]
CASES: list[dict[str, Any]] = json.loads(
    (ROOT / "tests/conformance/exports.json").read_text(encoding="utf-8")
)["cases"]
ROUTED = [case for case in CASES if "error" not in case]
REFUSED = [case for case in CASES if "error" in case]
NAMES = {code: name for name, code, _ in _native.error_kinds()}
# A GPU adds up in another order.
CUDA_TOLERANCE = 1e-4


@cache
def decisions_of(name: str) -> list[Decision]:
    """The decisions of a case, one by one."""
    case = next(case for case in ROUTED if case["name"] == name)
    try:
        router = Router.open(ROOT / case["router"], **case["open"])
    except RuntimeUnavailableError as error:
        pytest.skip(f"no ONNX Runtime: {error}")
    decisions = [router.route(prompt, threshold=case["threshold"]) for prompt in case["prompts"]]
    assert router.route_batch(case["prompts"], threshold=case["threshold"]) == decisions
    assert router.win_rates(case["prompts"]) == [decision.win_rate for decision in decisions]
    return decisions


def compare(case: dict[str, Any], decisions: list[Decision], tolerance: float) -> None:
    for decision, expected in zip(decisions, case["expected"], strict=True):
        assert decision.win_rate == pytest.approx(expected["win_rate"], rel=0, abs=tolerance)
        assert decision.truncated is expected["truncated"]
        assert decision.no_score is expected["no_score"]
        if abs(expected["win_rate"] - case["threshold"]) > tolerance:
            assert decision.side == expected["side"]


def test_the_data_is_there() -> None:
    assert len(ROUTED) >= 25
    assert len(REFUSED) >= 15


@pytest.mark.parametrize("case", ROUTED, ids=lambda case: case["name"])
def test_case(case: dict[str, Any]) -> None:
    compare(case, decisions_of(case["name"]), case["tolerance"])


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["name"])
def test_opening_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(RouteLLMError) as caught:
        Router.open(ROOT / case["router"], **case["open"])
    assert NAMES[caught.value.code] == case["error"]
    assert case["message"] in str(caught.value)


@pytest.mark.skipif(os.environ.get("ROUTELLM_TEST_CUDA") != "1", reason="needs a GPU: ROUTELLM_TEST_CUDA=1")
@pytest.mark.parametrize("case", ROUTED, ids=lambda case: case["name"])
def test_case_on_a_gpu(case: dict[str, Any]) -> None:
    router = Router.open(ROOT / case["router"], **{**case["open"], "provider": "cuda"})
    runtime = router.info()["runtime"]
    assert runtime is not None
    assert runtime["provider"] == "cuda"
    decisions = [router.route(prompt, threshold=case["threshold"]) for prompt in case["prompts"]]
    compare(case, decisions, max(case["tolerance"], CUDA_TOLERANCE))


def test_the_results_can_be_written() -> None:
    results = {}
    for case in ROUTED:
        rates = [decision.win_rate for decision in decisions_of(case["name"])]
        results[case["name"]] = [struct.pack(">d", rate).hex() for rate in rates]
    out = os.environ.get("ROUTELLM_CONFORMANCE_OUT")
    if out:
        path = Path(out).with_suffix(".exports.json")
        path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
