"""The exceptions of this package: one class for each kind of error, each with its stable number.

Every class is a :class:`RouteLLMError` and, where Python has one, the natural built-in too, so that both
``except RouteLLMError`` and ``except ValueError`` do what one expects.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

__all__ = [
    "CancelledError",
    "InferenceError",
    "InternalError",
    "InvalidArgumentError",
    "InvalidModelError",
    "IoError",
    "NotFoundError",
    "RemoteError",
    "ResourceExhaustedError",
    "RouteLLMError",
    "RuntimeUnavailableError",
    "TokenizeError",
    "UnsupportedError",
]


class RouteLLMError(Exception):
    """Base of all errors of this package."""

    code: ClassVar[int] = 0
    """The kind's number, the same in every language; never reused."""


class InvalidArgumentError(RouteLLMError, ValueError):
    """An argument, option, prompt or embedding is not acceptable."""

    code = 1


class NotFoundError(RouteLLMError, FileNotFoundError):
    """A file, artifact or bundled router does not exist."""

    code = 2


class InvalidModelError(RouteLLMError, ValueError):
    """An artifact, checkpoint or tokenizer is malformed, incomplete or altered."""

    code = 3


class UnsupportedError(RouteLLMError, NotImplementedError):
    """The request is understood but this router cannot do it."""

    code = 4


class RuntimeUnavailableError(RouteLLMError, RuntimeError):
    """ONNX Runtime is needed and could not be loaded; the message lists where it was looked for."""

    code = 5


class InferenceError(RouteLLMError, RuntimeError):
    """ONNX Runtime failed while computing."""

    code = 6


class TokenizeError(RouteLLMError, ValueError):
    """The tokenizer failed on a text."""

    code = 7


class CancelledError(RouteLLMError):
    """The caller cancelled the call.

    A cancelled task raises ``asyncio.CancelledError``, as everywhere. This is no subclass of that one, which
    is no ``Exception`` and would unwind tasks that nobody cancelled.
    """

    code = 8


class ResourceExhaustedError(RouteLLMError, RuntimeError):
    """A limit of memory, size or time was hit."""

    code = 9


class InternalError(RouteLLMError, RuntimeError):
    """A defect of this library."""

    code = 10


class IoError(RouteLLMError, OSError):
    """The operating system refused to read or write; ``errno`` is set where it gave one."""

    code = 11


class RemoteError(RouteLLMError, ConnectionError):
    """An endpoint that the caller configured failed."""

    code = 12
