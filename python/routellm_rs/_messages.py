"""What a prompt may be: a text, or the messages of a chat."""

from __future__ import annotations

from . import _native
from .errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._types import Messages, Prompt


def prompt_from_messages(messages: Messages) -> str:
    """Return the prompt of a chat: the text of its last user message.

    ``messages`` is a list of mappings with ``role`` and ``content``. Content is a string, or a list whose
    parts of type ``text`` (or plain strings) are kept, in order, one a line; other parts are left out.

    Raises:
        InvalidArgumentError: if there is no user message with text, or the messages are not JSON.
    """
    import json

    try:
        text = json.dumps(messages, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"messages: not representable as JSON: {error}") from error
    return _native.prompt_from_messages(text)


def text_of(prompt: Prompt) -> str:
    """Return the text to score: the prompt itself, or the prompt of its messages."""
    if isinstance(prompt, str):
        return prompt
    if isinstance(prompt, (list, tuple)):
        return prompt_from_messages(prompt)
    raise InvalidArgumentError(
        f"the prompt is of type {type(prompt).__name__}, expected str or a list of messages"
    )


def texts_of(prompts: Iterable[Prompt]) -> list[str]:
    """Return the texts to score; an error names the prompt's place."""
    # A string iterates over its characters, each of which would be a prompt: never what was meant.
    if isinstance(prompts, (str, bytes, bytearray)) or not hasattr(prompts, "__iter__"):
        raise InvalidArgumentError(
            f"prompts is of type {type(prompts).__name__}, expected an iterable of prompts"
        )
    texts = []
    for i, prompt in enumerate(prompts):
        try:
            texts.append(prompt if type(prompt) is str else text_of(prompt))
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"prompt {i}: {error}") from error
    return texts
