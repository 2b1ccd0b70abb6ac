"""Similarity-weighted ranking as all languages share it, from one file of data: every bit is exact."""

from __future__ import annotations

import array
import json
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from routellm_rs import RouteLLMError, Router, _native

ROOT = Path(__file__).resolve().parents[2]
DATA: dict[str, Any] = json.loads((ROOT / "tests/conformance/sw_ranking.json").read_text(encoding="utf-8"))
NAMES = {code: name for name, code, _ in _native.error_kinds()}


def bits(value: float) -> str:
    """The IEEE-754 double as hexadecimal digits."""
    return struct.pack(">d", value).hex()


@cache
def router_of(name: str) -> Router:
    described = DATA["routers"][name]
    return Router.open(ROOT / described["artifact"], **described["options"])


def test_the_data_is_there() -> None:
    assert DATA["format"] == 1
    assert len(DATA["cases"]) >= 50
    assert len(DATA["open_errors"]) >= 5
    assert {case["router"] for case in DATA["cases"]} == set(DATA["routers"])


@pytest.mark.parametrize("case", DATA["cases"], ids=lambda case: case["id"])
def test_case(case: dict[str, Any]) -> None:
    router = router_of(case["router"])
    expected, threshold, k = case["expect"], case["threshold"], case["k"]
    if "text" in case:
        text = case["text"]
        calls: list[Callable[[], Any]] = [
            lambda: router.route(text, threshold=threshold),
            lambda: router.explain(text, k),
            lambda: router.win_rate(text),
            lambda: router.similarity(text),
        ]
    else:
        values = array.array("f", case["values"])
        calls = [
            lambda: router.route_embedding(values, threshold=threshold),
            lambda: router.explain_embedding(values, k),
            lambda: router.win_rate_from_embedding(values),
            lambda: router.similarity_from_embedding(values),
        ]
    if "error" in expected:
        for call in calls:
            with pytest.raises(RouteLLMError) as caught:
                call()
            assert NAMES[caught.value.code] == expected["error"]
        return
    decision, explanation, win_rate, similarity = (call() for call in calls)
    assert bits(decision.win_rate) == bits(win_rate) == expected["win_rate_bits"]
    assert bits(decision.similarity) == expected["similarity_bits"]
    # A clustered store reads a part of the votes for a decision, and all of them for these two.
    assert similarity == expected["explanation"]["similarity"]
    assert decision.side == expected["side"]
    assert decision.model == getattr(router, decision.side)
    assert decision.out_of_distribution is expected["out_of_distribution"]
    assert explanation == expected["explanation"]


@pytest.mark.parametrize("case", DATA["open_errors"], ids=lambda case: json.dumps(case["options"]))
def test_opening_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(RouteLLMError) as caught:
        Router.open(ROOT / case["artifact"], **case["options"])
    assert NAMES[caught.value.code] == case["error"]
