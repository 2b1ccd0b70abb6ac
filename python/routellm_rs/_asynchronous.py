"""Awaitable calls: off the event loop, and stopped when their task is cancelled."""

from __future__ import annotations

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")


async def off_loop(call: Callable[[_native.CancelToken], T]) -> T:
    """Run ``call`` in the loop's default executor; cancelling the task cancels the token it was given."""
    import asyncio

    token = _native.CancelToken()
    try:
        return await asyncio.get_running_loop().run_in_executor(None, call, token)
    except asyncio.CancelledError:
        # The thread cannot be stopped from outside: the token makes the native call return.
        token.cancel()
        raise
