"""Busy hosts: queues before sessions, deadlines, closing and reloading."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from routellm_rs import (
    CancelledError,
    InvalidArgumentError,
    ReloadableRouter,
    ResourceExhaustedError,
    Router,
)

# Some ten milliseconds of an encoder's time.
LONG = "Explain why the longest increasing subsequence can be found in n log n steps. " * 12


@pytest.fixture(scope="module")
def one_session(onnx_router: Router, mf_artifact: Path) -> Iterator[Router]:
    with Router.open(mf_artifact, sessions=1, intra_threads=1) as router:
        yield router


def test_many_tasks_wait_without_threads(one_session: Router) -> None:
    async def run() -> None:
        expected = one_session.route("hello")
        before = threading.active_count()
        tasks = [asyncio.ensure_future(one_session.aroute("hello")) for _ in range(200)]
        await asyncio.sleep(0)
        # No executor of the loop.
        assert threading.active_count() == before
        assert await asyncio.gather(*tasks) == [expected] * 200
        assert threading.active_count() == before

    asyncio.run(run())


def test_a_timeout_counts_from_the_call(one_session: Router) -> None:
    async def run() -> None:
        running = [asyncio.ensure_future(one_session.aroute(LONG)) for _ in range(40)]
        await asyncio.sleep(0)
        with pytest.raises(ResourceExhaustedError, match="timeout of 1 ms"):
            await one_session.aroute("hello", timeout_ms=1)
        decision = await one_session.aroute("hello", timeout_ms=1, on_error="weak")
        assert decision.fallback_kind == "ResourceExhausted"
        # Those that were asked before are not done: nobody waited for them.
        assert not all(task.done() for task in running)
        await asyncio.gather(*running)

    asyncio.run(run())


def test_first_come_first_served(one_session: Router) -> None:
    async def run() -> None:
        order: list[int] = []

        async def one(i: int) -> None:
            await one_session.aroute(LONG)
            order.append(i)

        await asyncio.gather(*(one(i) for i in range(12)))
        assert order == list(range(12))

    asyncio.run(run())


def test_every_plain_call_in_a_storm_is_answered(one_session: Router) -> None:
    expected = one_session.route(LONG)
    dice = random.Random(7)

    async def cancelled() -> None:
        task = asyncio.ensure_future(one_session.aroute(LONG))
        await asyncio.sleep(dice.random() * 0.02)
        task.cancel()
        await asyncio.wait([task])

    async def timed() -> None:
        with contextlib.suppress(ResourceExhaustedError):
            assert await one_session.aroute(LONG, timeout_ms=0.1 + 20 * dice.random()) == expected

    async def run() -> None:
        for _ in range(8):
            plain = [asyncio.ensure_future(one_session.aroute(LONG)) for _ in range(3)]
            others = [asyncio.ensure_future(kind()) for kind in (cancelled, timed) * 6]
            assert await asyncio.wait_for(asyncio.gather(*plain), 120) == [expected] * 3
            await asyncio.wait_for(asyncio.gather(*others), 120)

    asyncio.run(run())
    # A run that was stopped gives its session back a moment later; the next call waits for it.
    assert one_session.route(LONG) == expected
    assert one_session.stats()["waiting"] == 0


def test_threads_wait_their_turn(one_session: Router) -> None:
    expected = one_session.route(LONG)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(one_session.route, [LONG] * 64)) == [expected] * 64
        batches = list(pool.map(one_session.route_batch, [[LONG, "hello"]] * 8))
    assert all(batch[0] == expected for batch in batches)


def test_no_more_wait_than_may_wait(onnx_router: Router, mf_artifact: Path, root: Path) -> None:
    router = Router.open(mf_artifact, sessions=1, intra_threads=1, max_waiting=2)

    async def run() -> None:
        running = [asyncio.ensure_future(router.aroute(LONG)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(ResourceExhaustedError, match="max_waiting"):
            await router.aroute(LONG)
        decision = await router.aroute(LONG, on_error="strong")
        assert (decision.side, decision.fallback_kind) == ("strong", "ResourceExhausted")
        with pytest.raises(ResourceExhaustedError):
            router.route(LONG)
        await asyncio.gather(*running)
        # A batch counts once.
        batches = [asyncio.ensure_future(router.aroute_batch([LONG] * 5)) for _ in range(3)]
        assert [len(batch) for batch in await asyncio.gather(*batches)] == [5] * 3

    asyncio.run(run())
    stats = router.stats()
    assert stats["sessions"] == 1
    assert stats["fallbacks"] == {"ResourceExhausted": 1}
    assert router.fallbacks == 1
    assert stats["decisions"] == 3 + 1 + 15
    with pytest.raises(InvalidArgumentError, match="max_waiting"):
        Router.open(root / "core" / "default-router", max_waiting=1)


def test_closing(onnx_router: Router, mf_artifact: Path) -> None:
    router = Router.open(mf_artifact, sessions=1, intra_threads=1)
    expected = router.route(LONG)

    async def run() -> None:
        running = [asyncio.ensure_future(router.aroute(LONG)) for _ in range(4)]
        await asyncio.sleep(0)
        while router.stats()["busy"] == 0:
            await asyncio.sleep(0)
        router.close()
        results = await asyncio.gather(*running, return_exceptions=True)
        # What runs goes on; what waits ends.
        assert results[0] == expected
        assert all(isinstance(result, CancelledError) for result in results[1:])
        with pytest.raises(InvalidArgumentError, match="closed"):
            await router.aroute(LONG)

    asyncio.run(run())
    router.close()
    assert router.closed
    for call in (router.route, router.win_rate, router.embed):
        with pytest.raises(InvalidArgumentError, match="closed"):
            call("hello")
    for batch in (router.route_batch, router.win_rates):
        with pytest.raises(InvalidArgumentError, match="closed"):
            batch(["hello"])
    # A closed router is a mistake of the program, not a prompt that cannot be scored.
    with pytest.raises(InvalidArgumentError, match="closed"):
        router.route("hello", on_error="weak")
    with Router.default() as default:
        default.route("hello")
    with pytest.raises(InvalidArgumentError, match="closed"):
        default.route("hello")


def test_a_reload_fails_no_call(onnx_router: Router, mf_artifact: Path) -> None:
    def opened() -> Router:
        return Router.open(mf_artifact, sessions=1, intra_threads=1)

    router = ReloadableRouter(opened())
    expected = router.route("hello")

    async def run() -> None:
        tasks = []
        for _ in range(4):
            tasks += [asyncio.ensure_future(router.aroute("hello")) for _ in range(20)]
            await asyncio.sleep(0)
            router.replace(opened())
        assert await asyncio.gather(*tasks) == [expected] * 80

    asyncio.run(run())
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(router.route, "hello") for _ in range(100)]
        old = router.replace(Router.default())
        assert {call.result().model for call in calls} <= {*router.models, *old.models}
    assert router.info()["kind"] == "linear"
    assert isinstance(router, Router)
