"""What answers requests: clients of openai and litellm, or any callable; and what comes back from them."""

from __future__ import annotations

from .errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeAlias

    # Status, what Retry-After asks for in ms, the body or why there is none, and whether it was sent.
    Reply: TypeAlias = tuple[int | None, int | None, str, bool]

# Names, so that no client has to be imported.
_NOT_SENT = frozenset({"ConnectError", "ConnectTimeout", "ConnectionRefusedError", "PoolTimeout"})
_LOST = frozenset(
    {"APIConnectionError", "APITimeoutError", "Timeout", "TimeoutError", "TransportError", "ConnectionError"}
)

__all__ = ["Endpoint", "endpoint_of", "failure", "reply_of"]


class Endpoint:
    """Where a model answers."""

    __slots__ = ("address", "asynchronous", "call")

    def __init__(self, address: str, call: Callable[[dict[str, Any]], Any], asynchronous: bool) -> None:
        self.address = address
        self.call = call
        self.asynchronous = asynchronous

    def ask(self, body: dict[str, Any]) -> Any:
        """Return what comes back for a request, from a thread that may wait for it."""
        answer = self.call(body)
        if hasattr(answer, "__await__"):
            import asyncio

            async def wait() -> Any:
                return await answer

            return asyncio.run(wait())
        return answer

    async def wait(self, body: dict[str, Any]) -> Any:
        """Return what comes back for a request, without keeping the event loop from other things."""
        if self.asynchronous:
            return await self.call(body)
        import asyncio

        answer = await asyncio.to_thread(self.call, body)
        return await answer if hasattr(answer, "__await__") else answer


def endpoint_of(client: Any) -> Endpoint:
    """Return what a client is asked by; whatever it is, it tries nothing again by itself."""
    import inspect

    completions = getattr(getattr(client, "chat", None), "completions", None)
    if completions is not None:
        asynchronous = inspect.iscoroutinefunction(inspect.unwrap(completions.create))
        quiet = client.with_options(max_retries=0) if hasattr(client, "with_options") else client
        completions = quiet.chat.completions
        # The body as it came: the one that the client makes of it may lack what it does not know.
        raw = getattr(completions, "with_raw_response", None)
        address = str(getattr(client, "base_url", type(client).__module__)).rstrip("/")
        create = completions.create if raw is None else raw.create
        return Endpoint(f"{address}/chat/completions", lambda body: create(**body), asynchronous)
    if callable(getattr(client, "completion", None)) and callable(getattr(client, "acompletion", None)):
        name = getattr(client, "__name__", type(client).__name__)
        return Endpoint(name, lambda body: client.completion(**body, num_retries=0, max_retries=0), False)
    if not callable(client):
        raise InvalidArgumentError(
            f"client is of type {type(client).__name__}, "
            "expected one of openai, the module litellm, or a callable"
        )
    called = client if inspect.isroutine(client) else type(client).__call__
    return Endpoint("callable", client, inspect.iscoroutinefunction(called))


def reply_of(answer: Any) -> Reply:
    """Return what an answer is: a text, a mapping, or an object of a client."""
    response = getattr(answer, "http_response", None)
    if response is not None:
        return response.status_code, None, response.text, True
    if isinstance(answer, str):
        answer = {"choices": [{"message": {"content": answer}}]}
    elif hasattr(answer, "model_dump_json"):
        return 200, None, answer.model_dump_json(), True
    elif not hasattr(answer, "keys"):
        raise InvalidArgumentError(
            f"the answer is of type {type(answer).__name__}, expected a text, a mapping or a completion"
        )
    import json

    return 200, None, json.dumps(dict(answer)), True


def failure(error: BaseException) -> Reply | None:
    """Return what an error of a client means; None for one that is none of a request."""
    why = f"{type(error).__name__}: {error}"
    # What lies behind it counts: litellm makes a status of its own of a connection that broke off.
    names = {kind.__name__ for cause in _causes(error) for kind in type(cause).__mro__}
    if names & _NOT_SENT:
        return None, None, why, False
    if names & _LOST:
        return None, None, why, True
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        response: Any = getattr(error, "response", None)
        try:
            body = response.text
        except Exception:  # A response of a stream, or none.
            body = str(error)
        return status, _retry_after(getattr(response, "headers", None)), body or str(error), True
    return (None, None, why, True) if isinstance(error, OSError) else None


def _causes(error: BaseException | None) -> list[BaseException]:
    causes: list[BaseException] = []
    while error is not None and error not in causes:
        causes.append(error)
        error = error.__cause__ or error.__context__
    return causes


def _retry_after(headers: Mapping[str, str] | None) -> int | None:
    text = None if headers is None else headers.get("retry-after")
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        from datetime import UTC, datetime
        from email.utils import parsedate_to_datetime

        try:
            seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError):
            return None
    return int(max(0.0, min(seconds, 1e9)) * 1000)
