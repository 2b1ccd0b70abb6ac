"""Threads, the interpreter lock, signals and tasks."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from routellm_rs import CancelledError, InvalidArgumentError, Router, _native

PROMPTS = [f"Question {i}: what is {i} times {i + 1}?" for i in range(200)]
# Takes seconds: ends in a test only if somebody stops it.
LONG = ["many different words " * 800] * 30_000


def test_threads_get_the_same_bits(router: Router) -> None:
    expected = router.route_batch(PROMPTS)
    with ThreadPoolExecutor(8) as pool:
        batches = [pool.submit(router.route_batch, PROMPTS) for _ in range(8)]
        singles = list(pool.map(router.route, PROMPTS))
    assert singles == expected
    assert all(batch.result() == expected for batch in batches)


def test_the_interpreter_lock_is_released(router: Router) -> None:
    done = threading.Event()
    # So few that the call runs in the calling thread.
    prompts = LONG[:63]

    def work() -> None:
        for _ in range(4):
            router.win_rates(prompts)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    turns = 0
    while not done.is_set():
        turns += 1
    thread.join()
    assert turns > 1000


def test_awaitables_do_as_their_twins(router: Router) -> None:
    async def run() -> None:
        messages = [{"role": "user", "content": PROMPTS[0]}]
        assert await router.aroute(PROMPTS[0]) == router.route(PROMPTS[0])
        assert await router.aroute(messages, strong_share=0.1) == router.route(PROMPTS[0], strong_share=0.1)
        assert await router.aroute_batch(PROMPTS, threshold=0.4) == router.route_batch(PROMPTS, threshold=0.4)
        assert await router.awin_rate(PROMPTS[1]) == router.win_rate(PROMPTS[1])
        assert await router.awin_rates(PROMPTS) == router.win_rates(PROMPTS)
        assert await asyncio.gather(*map(router.aroute, PROMPTS)) == router.route_batch(PROMPTS)
        assert (await router.aroute("\ud800", on_error="weak")).fallback
        with pytest.raises(InvalidArgumentError):
            await router.aroute("\ud800")
        with pytest.raises(InvalidArgumentError):
            await router.aroute(PROMPTS[0], threshold=2)

    asyncio.run(run())


@pytest.mark.parametrize("name", ["route_batch_async", "win_rates_async"])
def test_cancelling_stops_the_native_call(name: str) -> None:
    ended = threading.Event()
    outcome: list[Any] = []

    def done(*result: object) -> None:
        outcome.extend(result)
        ended.set()

    token = getattr(_native.Router.open(None), name)(LONG, done)
    token.cancel()
    assert token.cancelled
    # It gave up instead of finishing, and says so once.
    assert ended.wait(60)
    value, error = outcome
    assert value is None
    assert isinstance(error, CancelledError)
    assert error.code == 8


@pytest.mark.parametrize("name", ["aroute_batch", "awin_rates"])
def test_cancelling_a_task_ends_it(router: Router, name: str) -> None:
    async def run() -> None:
        task = asyncio.ensure_future(getattr(router, name)(LONG))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


def test_the_event_loop_goes_on_meanwhile(router: Router) -> None:
    async def run() -> int:
        task = asyncio.ensure_future(router.awin_rates(LONG[:300]))
        turns = 0
        while not task.done():
            turns += 1
            await asyncio.sleep(0)
        await task
        return turns

    assert asyncio.run(run()) > 100


def test_ctrl_c_interrupts_a_long_batch() -> None:
    code = f"""
import sys
import traceback
from routellm_rs import Router
router = Router.default()
prompts = [{LONG[0]!r}] * 100_000
try:
    print("ready", flush=True)
    router.route_batch(prompts)
except KeyboardInterrupt:
    print(traceback.extract_tb(sys.exc_info()[2])[-1].line)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    # By then the native call has begun; it would go on for much longer.
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert "self._inner.route_batch" in output
    assert process.returncode == 0
