"""The exceptions of this package: one class for each kind of error, each with its stable number.

Every class is a :class:`RouteLLMError` and, where Python has one, the natural built-in too, so that both
``except RouteLLMError`` and ``except ValueError`` do what one expects.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

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

    def __str__(self) -> str:
        # Of an error of the operating system, OSError would show its number and repeat its file.
        return str(self.args[-1]) if self.args else ""


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
    """The operating system refused to read or write.

    ``errno`` and ``filename`` are set where it gave them, and the error is then also the built-in of its
    number: ``except PermissionError`` catches what could not be written for want of permission.
    """

    code = 11


class IoPermissionError(IoError, PermissionError):
    """An :class:`IoError` for want of permission."""


class IoFileExistsError(IoError, FileExistsError):
    """An :class:`IoError` about something that exists."""


class IoIsADirectoryError(IoError, IsADirectoryError):
    """An :class:`IoError` about a folder where a file is needed."""


class IoNotADirectoryError(IoError, NotADirectoryError):
    """An :class:`IoError` about something on the way that is no folder."""


class RemoteError(RouteLLMError, ConnectionError):
    """An endpoint that the caller configured failed."""

    code = 12


def _of_system(kind: type[Any], number: int, message: str, file: object) -> RouteLLMError:
    """Return the error of this kind for a number of the operating system, as the class of both."""
    if not issubclass(kind, OSError):
        error: RouteLLMError = kind(message)
        error.errno = number  # type: ignore[attr-defined]
        return error
    chosen: Any = kind
    if chosen is IoError:
        builtin = type(OSError(number, message))
        chosen = next((known for known in IoError.__subclasses__() if builtin in known.__bases__), IoError)
    # A file of None would become the last argument, and so the text.
    made: RouteLLMError = chosen(number, message) if file is None else chosen(number, message, str(file))
    return made
