"""Options of every call: what stops one stops each, in its waiting and its awaitable form."""

from __future__ import annotations

import asyncio
import inspect
import math
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from routellm_rs import InvalidArgumentError, ResourceExhaustedError, Router

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROMPT = "What is the capital of France?"
CHAT = [{"role": "user", "content": PROMPT}]
QUESTIONS = ("win_rate", "candidate_scores", "similarity", "explain", "embed")


@pytest.fixture(scope="module")
def router() -> Router:
    return Router.open(ROOT / "tests" / "conformance" / "sw-hashed")


def number(answer: Any) -> float:
    """One number of an answer: all are NaN or none is."""
    if isinstance(answer, float):
        return answer
    if isinstance(answer, dict) and "votes" in answer:
        assert ("fallback" in answer) == math.isnan(answer["win_rate"])
        return answer["win_rate"]
    values = list(answer.values() if isinstance(answer, dict) else answer)
    assert len({math.isnan(value) for value in values}) == 1
    return float(values[0])


def asked(router: Router, name: str) -> list[Callable[..., float]]:
    """A question in its waiting form and in its awaitable one."""

    def awaited(prompt: Any, **options: Any) -> float:
        return number(asyncio.run(getattr(router, f"a{name}")(prompt, **options)))

    return [lambda prompt, **options: number(getattr(router, name)(prompt, **options)), awaited]


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_can_be_stopped_and_fall_back(router: Router, name: str) -> None:
    for ask in asked(router, name):
        assert ask(PROMPT) == ask(CHAT) == ask(CHAT, read="conversation", timeout_ms=60_000, on_error="weak")
        with pytest.raises(ResourceExhaustedError, match="timeout"):
            ask(PROMPT, timeout_ms=1e-6)
        assert math.isnan(ask(PROMPT, timeout_ms=1e-6, on_error="strong"))
        with pytest.raises(InvalidArgumentError, match="no message that counts has text"):
            ask([{"role": "user", "content": ""}])
        assert math.isnan(ask([{"role": "user", "content": ""}], on_error="weak"))
        with pytest.raises(InvalidArgumentError, match="timeout_ms is 0"):
            ask(PROMPT, timeout_ms=0)
        with pytest.raises(InvalidArgumentError, match="on_error"):
            ask(PROMPT, on_error="ignore")
        with pytest.raises(TypeError):
            ask(PROMPT, threshold=0.5)
    # Scores are no decisions.
    assert router.stats()["decisions"] == router.fallbacks == 0


def test_batches_of_scores_fall_back_row_by_row(router: Router) -> None:
    rates = router.win_rates([PROMPT, [{"role": "user", "content": ""}], CHAT], on_error="strong")
    assert rates[0] == rates[2] == router.win_rate(PROMPT)
    assert math.isnan(rates[1])
    assert asyncio.run(router.awin_rates([PROMPT, CHAT])) == [rates[0], rates[0]]
    with pytest.raises(ResourceExhaustedError):
        router.win_rates([PROMPT, CHAT], timeout_ms=1e-6)
    assert all(map(math.isnan, router.win_rates([PROMPT, CHAT], timeout_ms=1e-6, on_error="weak")))


def test_an_explanation_says_why_there_is_none(router: Router) -> None:
    why = router.explain(PROMPT, 3, timeout_ms=1e-6, on_error="strong")
    assert why["fallback"]["kind"] == "ResourceExhausted"
    assert "timeout" in why["fallback"]["reason"]
    assert (why["votes"], why["ratings"]) == ([], [])
    assert math.isnan(why["similarity"])
    assert "fallback" not in router.explain(PROMPT, 3)


def test_embeddings_take_the_same_options() -> None:
    np = pytest.importorskip("numpy")
    router = Router.open(ROOT / "tests" / "conformance" / "sw-caller")
    row = np.array([1, 0.5, 0.25, 0, 0, 0, 0, 0.125], dtype=np.float32)
    for name in ("win_rate", "candidate_scores", "similarity"):
        ask = getattr(router, f"{name}_from_embedding")
        assert not math.isnan(number(ask(row, timeout_ms=60_000)))
        with pytest.raises(ResourceExhaustedError):
            ask(row, timeout_ms=1e-6)
        assert math.isnan(number(ask(row, timeout_ms=1e-6, on_error="weak")))
    assert "fallback" in router.explain_embedding(row, 1, timeout_ms=1e-6, on_error="weak")
    rows = np.stack([row, np.full(8, np.nan, dtype=np.float32), row])
    with pytest.raises(InvalidArgumentError, match="row 1"):
        router.win_rates_from_embeddings(rows)
    rates = router.win_rates_from_embeddings(rows, on_error="weak")
    assert rates[0] == rates[2]
    assert math.isnan(rates[1])


def test_cancelling_the_task_stops_the_call(onnx_router: Router) -> None:
    prompt = "many words that an encoder reads " * 40

    async def stopped(call: Callable[[], Any]) -> bool:
        waiting = [asyncio.create_task(onnx_router.awin_rate(prompt)) for _ in range(8)]
        task = asyncio.create_task(call())
        await asyncio.sleep(0)
        task.cancel()
        done = await asyncio.gather(task, return_exceptions=True)
        await asyncio.gather(*waiting)
        return isinstance(done[0], asyncio.CancelledError)

    for name in ("win_rate", "candidate_scores", "embed"):
        assert asyncio.run(stopped(lambda name=name: getattr(onnx_router, f"a{name}")(prompt)))


def test_methods_take_the_options_of_the_table() -> None:
    rows = tomllib.loads((ROOT / "core" / "options.toml").read_text(encoding="utf-8"))["call"]
    every = [row["name"] for row in rows]
    plain = [row["name"] for row in rows if not row.get("decides")]

    def keywords(name: str) -> list[str]:
        parameters = inspect.signature(getattr(Router, name)).parameters.values()
        return [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]

    for name in ("route", "route_batch", "aroute", "aroute_batch"):
        assert keywords(name) == every
    assert keywords("route_embedding") == [name for name in every if name != "read"]
    for name in (*QUESTIONS, "win_rates", *(f"a{name}" for name in QUESTIONS), "awin_rates"):
        assert keywords(name) == plain
    for name in ("win_rate_from_embedding", "win_rates_from_embeddings", "explain_embedding"):
        assert keywords(name) == [name for name in plain if name != "read"]
