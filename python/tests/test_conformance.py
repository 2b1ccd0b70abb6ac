"""The behaviour that all languages share, from one file of data.

``ROUTELLM_CONFORMANCE_OUT`` names a file for the encoder's results, so that a run can compare languages.
"""

from __future__ import annotations

import array
import json
import math
import os
import struct
from pathlib import Path
from typing import Any

import pytest

from routellm_rs import RouteLLMError, Router, _native

DATA = Path(__file__).resolve().parents[2] / "tests" / "conformance" / "routing.json"
CASES: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8")) if DATA.is_file() else {}
PROMPTS: list[dict[str, Any]] = CASES.get("prompts", [])
EMBEDDINGS: list[dict[str, Any]] = CASES.get("embeddings", [])
NAMES = {code: name for name, code, _ in _native.error_kinds()}


def bits(value: float) -> str:
    """The IEEE-754 double as hexadecimal digits."""
    return struct.pack(">d", value).hex()


def prompt_of(case: dict[str, Any]) -> Any:
    if "text" in case:
        return case["text"]
    if "repeat" in case:
        text, count = case["repeat"]
        return text * count
    if "utf8_hex" in case:
        # How Python itself brings bytes that are not UTF-8 into a string.
        return bytes.fromhex(case["utf8_hex"]).decode("utf-8", "surrogateescape")
    if "utf16_hex" in case:
        return bytes.fromhex(case["utf16_hex"]).decode("utf-16-be", "surrogatepass")
    return case["messages"]


def embedding_of(case: dict[str, Any]) -> array.array[float]:
    if "fill" in case:
        value, count = case["fill"]
        values = [value] * count
    else:
        values = list(case["values"])
    if "nan_at" in case:
        values[case["nan_at"]] = math.nan
    if "inf_at" in case:
        values[case["inf_at"]] = math.inf
    return array.array("f", values)


@pytest.fixture(scope="module", params=["default", "mf-minilm"])
def named_router(request: pytest.FixtureRequest) -> tuple[str, Router]:
    name: str = request.param
    fixture = "router" if name == "default" else "onnx_router"
    return name, request.getfixturevalue(fixture)


def expected_of(case: dict[str, Any], name: str) -> dict[str, Any]:
    expected = case["expect"].get(name)
    if expected is None:
        pytest.skip(f"{case['id']} says nothing about {name}")
    return dict(expected)


def test_the_data_is_there() -> None:
    if not CASES:
        pytest.skip(f"no conformance data in {DATA}")
    assert CASES["format"] == 1
    assert len(PROMPTS) >= 60
    assert len(EMBEDDINGS) >= 20


@pytest.mark.parametrize("case", PROMPTS, ids=lambda case: case["id"])
def test_prompt(named_router: tuple[str, Router], case: dict[str, Any]) -> None:
    name, router = named_router
    expected = expected_of(case, name)
    prompt = prompt_of(case)
    if "error" in expected:
        for call in (lambda: router.route(prompt), lambda: router.win_rate(prompt)):
            with pytest.raises(RouteLLMError) as caught:
                call()
            assert NAMES[caught.value.code] == expected["error"]
        return
    decision = router.route(prompt)
    assert decision.win_rate is not None
    if name == "default":
        assert bits(decision.win_rate) == expected["win_rate_bits"]
    else:
        # Another CPU may round otherwise inside the encoder.
        assert decision.win_rate == pytest.approx(expected["win_rate"], abs=1e-4)
    assert decision.truncated == expected["truncated"]
    if name == "default" or abs(expected["win_rate"] - decision.threshold) > 1e-4:
        assert decision.side == expected["side"]
    assert router.win_rate(prompt) == decision.win_rate
    assert router.route_batch(["something else", prompt])[1] == decision
    assert router.win_rates([prompt, "something else"])[0] == decision.win_rate


@pytest.mark.parametrize("case", EMBEDDINGS, ids=lambda case: case["id"])
def test_embedding(named_router: tuple[str, Router], case: dict[str, Any]) -> None:
    name, router = named_router
    expected = expected_of(case, name)
    embedding = embedding_of(case)
    if "error" in expected:
        for call in (router.route_embedding, router.win_rate_from_embedding):
            with pytest.raises(RouteLLMError) as caught:
                call(embedding)
            assert NAMES[caught.value.code] == expected["error"]
        return
    decision = router.route_embedding(embedding)
    assert decision.win_rate is not None
    assert bits(decision.win_rate) == expected["win_rate_bits"]
    assert decision.side == expected["side"]
    assert router.win_rates_from_embeddings(embedding).tolist() == [decision.win_rate]


def test_the_encoders_results_can_be_written(onnx_router: Router) -> None:
    results = {}
    for case in PROMPTS:
        if "win_rate_bits" in case["expect"].get("mf-minilm", {}):
            results[case["id"]] = bits(onnx_router.win_rate(prompt_of(case)))
    assert results
    out = os.environ.get("ROUTELLM_CONFORMANCE_OUT")
    if out:
        Path(out).write_text(json.dumps(results, sort_keys=True, indent=1) + "\n", encoding="utf-8")
