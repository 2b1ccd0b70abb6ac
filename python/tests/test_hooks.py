"""Hooks: every decision is heard once, and nothing else is."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from routellm_rs import Decision, DecisionEvent, InvalidArgumentError, ReloadableRouter, Router

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
SECRET = "xyzzy is a secret word that no event may hold"


class Heard(list[DecisionEvent]):
    """A hook that keeps its events."""

    def __call__(self, event: DecisionEvent) -> None:
        self.append(event)

    def hold(self, decisions: list[Decision]) -> None:
        """Check that these decisions, and no other ones, were heard in this order since the last time."""
        events = list(self)
        self.clear()
        assert len(events) == len(decisions)
        assert [event.id for event in events] == sorted({event.id for event in events})
        for i, (event, decision) in enumerate(zip(events, decisions, strict=True)):
            assert UUID7.fullmatch(event.id)
            assert (event.model, event.side) == (decision.model, decision.side)
            assert (event.win_rate, event.threshold) == (decision.win_rate, decision.threshold)
            assert event.fallback_kind == decision.fallback_kind
            assert (event.index, event.batch_size) == (i, len(events))
            assert event.propensity == 1.0
            assert min(event.queue_ns, event.score_ns) >= 0 < event.total_ns
            assert event.queue_ns + event.score_ns <= event.total_ns
            assert not decision.fallback or event.score_ns == 0
            assert "xyzzy" not in json.dumps(event.as_dict()) + repr(event)


@pytest.fixture
def fresh() -> Router:
    """A default router of its own."""
    return Router.default()


@pytest.fixture(params=["default", "onnx", "bert", "causal"])
def watched(
    request: pytest.FixtureRequest, root: Path
) -> Generator[tuple[Router, dict[str, Any]], None, None]:
    """Routers that decide on the caller's thread and on threads of the library, with options."""
    options: dict[str, Any] = {}
    if request.param == "default":
        router = Router.default()
    else:
        request.getfixturevalue("onnx_router")
        if request.param == "onnx":
            router = Router.open(request.getfixturevalue("mf_artifact"))
        elif request.param == "bert":
            router = Router.open(root / "tests/models/bert-tiny", strong="a", weak="b")
        else:
            router = Router.open(
                root / "tests/models/stories260k-ts",
                strong="a",
                weak="b",
                template="Rate the question from 1 to 5.\n{question}\nScore:",
                score_tokens=["1", "2", "3", "4", "5"],
                max_new_tokens=0,
            )
        if request.param != "onnx":
            options = {"threshold": 0.5}
    yield router, options
    router.close()


def test_every_call_is_heard(watched: tuple[Router, dict[str, Any]]) -> None:
    router, options = watched
    heard = Heard()
    router.on_decision(heard)
    few, many = [SECRET, "What is 17 * 23?"], [f"{SECRET} {i}" for i in range(80)]
    heard.hold([router.route(SECRET, **options)])
    heard.hold([router.route(SECRET * 500, **options)])
    heard.hold([router.route([{"role": "user", "content": SECRET}], **options)])
    heard.hold(router.route_batch(few, **options))
    heard.hold(router.route_batch(many, **options))

    async def awaited() -> None:
        heard.hold([await router.aroute(SECRET, **options)])
        heard.hold([await router.aroute(SECRET * 500, **options)])
        heard.hold(await router.aroute_batch(few, **options))
        heard.hold(await router.aroute_batch(many, **options))
        assert await router.awin_rate(SECRET) == router.win_rate(SECRET)
        assert await router.awin_rate(SECRET * 500) == router.win_rate(SECRET * 500)
        await router.awin_rates(few)

    asyncio.run(awaited())
    router.win_rates(many)
    heard.hold([])
    router.on_decision(None)
    router.route(SECRET, **options)
    heard.hold([])


def test_embeddings_are_heard(onnx_router: Router, mf_artifact: Path) -> None:
    router = Router.open(mf_artifact)
    heard = Heard()
    router.on_decision(heard)
    heard.hold([router.route_embedding(onnx_router.embed("hello"))])


def test_fallbacks_are_heard_and_errors_are_not(fresh: Router) -> None:
    heard = Heard()
    fresh.on_decision(heard)
    decision = fresh.route("\ud83c", on_error="weak")
    assert heard[0].fallback_kind == "InvalidArgument"
    assert heard[0].win_rate is None
    heard.hold([decision])
    heard.hold(fresh.route_batch(["hello", []], on_error="strong"))
    for call in (
        lambda: fresh.route("\ud83c"),
        lambda: fresh.route_batch(["hello", "\ud83c"]),
        lambda: fresh.route("hello", threshold=2),
    ):
        with pytest.raises(InvalidArgumentError):
            call()
    heard.hold([])


def test_what_a_hook_raises_ends_nothing(
    watched: tuple[Router, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    router, options = watched
    raised: list[BaseException | None] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: raised.append(unraisable.exc_value))

    def fail(event: DecisionEvent) -> None:
        raise ValueError(event.index)

    router.on_decision(fail)
    assert router.route("hello", **options).model
    assert len(router.route_batch(["a", "b"], **options)) == 2
    assert asyncio.run(router.aroute("hello" * 1000, **options)).model
    assert [str(error) for error in raised] == ["0", "0", "1", "0"]


def test_only_what_can_be_called_can_hear(fresh: Router) -> None:
    with pytest.raises(InvalidArgumentError, match="callback is of type int"):
        fresh.on_decision(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        DecisionEvent()
    heard = Heard()
    fresh.on_decision(heard)
    fresh.route("hello")
    with pytest.raises(AttributeError):
        heard[0].model = "x"  # type: ignore[misc]
    fields = dict.fromkeys(heard[0].as_dict(), "...")
    assert list(fields) == re.findall(r"(\w+)=", repr(heard[0]))


def test_a_hook_may_route_and_change_the_hook(fresh: Router) -> None:
    other, heard = Router.default(), Heard()

    def hear(event: DecisionEvent) -> None:
        heard(event)
        other.route("hello")
        other.route_batch(["hello"] * 100)
        fresh.on_decision(None)

    fresh.on_decision(hear)
    fresh.route("hello")
    fresh.route("hello")
    assert len(heard) == 1


def test_many_threads_are_heard_and_none_hangs(watched: tuple[Router, dict[str, Any]]) -> None:
    router, options = watched
    heard = Heard()
    router.on_decision(heard)

    def work() -> None:
        for i in range(5):
            router.route(f"{SECRET} {i}" * (1 + 200 * (i % 2)), **options)
            router.route_batch(["hello"] * (70 if i % 2 else 2), **options)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert not any(thread.is_alive() for thread in threads)
    assert len(heard) == 4 * (5 + 3 * 2 + 2 * 70)
    assert len({event.id for event in heard}) == len(heard)


def test_a_reload_hands_the_hook_on(fresh: Router) -> None:
    router, heard, own = ReloadableRouter(fresh), Heard(), Heard()
    router.on_decision(heard)
    router.replace(Router.default())
    heard.hold([router.route("hello")])
    watched = Router.default()
    watched.on_decision(own)
    router.replace(watched)
    own.hold([router.route("hello")])
    heard.hold([])


def test_forked_children_make_other_ids(run_python: Callable[..., str]) -> None:
    code = """
import os
from routellm_rs import *
router, ids = Router.default(), []
router.on_decision(lambda event: ids.append(event.id))
router.route("hello")
for _ in range(3):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        for _ in range(5):
            router.route("hello")
        os.write(writer, "\\n".join(ids[-5:]).encode())
        os._exit(0)
    os.close(writer)
    made = b"".join(iter(lambda: os.read(reader, 4096), b"")).decode().split()
    assert os.waitpid(pid, 0)[1] == 0 and len(made) == 5
    ids += made
for _ in range(5):
    router.route("hello")
print(len(ids), len(set(ids)), len({text[19:] for text in ids}), all(text > ids[0] for text in ids[1:]))
"""
    assert run_python(code).split() == ["21", "21", "21", "True"]


def test_the_interpreter_ends_while_decisions_are_heard(run_python: Callable[..., str]) -> None:
    code = """
import asyncio
from routellm_rs import *
router, heard = Router.default(), []
router.on_decision(heard.append)
async def begin():
    for _ in range(20):
        asyncio.ensure_future(router.aroute_batch(["many words here " * 2000] * 20))
    await asyncio.sleep(0.01)
asyncio.run(begin())
print("ended")
"""
    assert run_python(code).strip() == "ended"
