"""Awaitable calls: off the event loop, and stopped when their task is cancelled."""

from __future__ import annotations

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")


async def off_loop(
    call: Callable[[_native.CancelToken, float | None], T], timeout_ms: float | None = None
) -> T:
    """Run ``call`` in the loop's default executor; cancelling the task cancels the token it was given.

    It is also given what is left of ``timeout_ms`` once a thread is free.
    """
    import asyncio
    from time import monotonic

    token = _native.CancelToken()
    start = monotonic()

    def run() -> T:
        time_left = timeout_ms
        # What is no positive time is for the native half to refuse.
        if timeout_ms is not None and timeout_ms > 0:
            time_left = max(timeout_ms - 1000 * (monotonic() - start), 1e-6)
        return call(token, time_left)

    try:
        return await asyncio.get_running_loop().run_in_executor(None, run)
    except asyncio.CancelledError:
        # The thread cannot be stopped from outside: the token makes the native call return.
        token.cancel()
        raise
