"""From a chat to its prompt."""

from __future__ import annotations

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._types import Chat, Read


def prompt_from_messages(messages: Chat, *, read: Read = "last_user") -> str:
    """Return the prompt of a chat: by default the text of its newest user message that has text.

    ``messages`` is the list of messages, a whole request body around it (``messages``, ``input``,
    ``contents`` or ``prompt``), or a single message; what holds fields may be a dict, another mapping or an
    object with attributes. A message has a ``role`` (or LangChain's ``type``) and ``content``, ``parts`` or
    ``blocks``: a text, or a list of texts and parts. A part counts if it has a string ``text`` and its
    ``type`` is absent or ends in ``text``; the others are passed over, and texts of one message are joined by
    newlines. So chats of OpenAI (both APIs), Anthropic, Gemini, the AI SDK, LangChain and LlamaIndex are read
    as they are, and nothing but what counts is looked at or can be refused.

    Args:
        messages: the chat.
        read: ``last_user``; ``all_user`` for every user message that has text; ``conversation`` for every
            message that has text, whatever its role; oldest first, joined by newlines.

    Raises:
        InvalidArgumentError: if no message that counts has text (blanks are none), that text is not Unicode
            (a lone surrogate, half of an emoji), or this is no chat.
    """
    return _native.prompt_from_messages(messages, read)
