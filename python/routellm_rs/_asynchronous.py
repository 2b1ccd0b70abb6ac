"""Awaitable calls: their futures are resolved from the threads that decide."""

from __future__ import annotations

import atexit

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")


# The thread that hands results over must not ask for the interpreter's lock while that ends.
atexit.register(_native.end_completions)


async def completed(
    begin: Callable[[Callable[[T | None, Exception | None], object]], _native.CancelToken],
) -> T:
    """Await what ``begin`` starts and hands to the function that it is given, from any thread.

    No thread of the event loop waits. Cancelling the task cancels the call.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def done(value: T | None, error: Exception | None) -> None:
        loop.call_soon_threadsafe(_settle, future, value, error)

    token = begin(done)
    try:
        value: T = await future
    except asyncio.CancelledError:
        token.cancel()
        raise
    return value


def _settle(future: asyncio.Future[Any], value: object, error: Exception | None) -> None:
    # A task that was cancelled has given its future up.
    if future.done():
        return
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)
