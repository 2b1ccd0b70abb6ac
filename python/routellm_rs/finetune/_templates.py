"""How a question becomes what a language model reads: the same texts and tokens as the library's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from routellm_rs.errors import InvalidArgumentError, NotFoundError

from ._checkpoint import CLASSIFIER_FILE, SYSTEM_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEM = r"""[Instruction]
Predict the score that an expert would give to a small AI assistant's answer to the question below, from 1 to
5. \ Reply with the score alone, as "[[score]]".
- 4 to 5: the answer would be as good as that of the best assistant.
- 3: it would be adequate.
- 1 to 2: the assistant would struggle, because the question is hard or vague."""
USER = """[Question]
{question}

Prediction:
"""
# Stands for the question while the text around it is found out.
MARK = "\uf8ffquestion\uf8ff"
MARKERS = ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
NAMES = ("{question}", "{prompt}")


class Template:
    """A template with its tokenizer: from a question to token ids."""

    def __init__(self, spec: str | Mapping[str, Any], tokenizer: Any, texts: tuple[str, str] | None) -> None:
        """Take what ``Router.open`` takes as ``template``; ``texts`` are the two of the published form."""
        self.tokenizer = tokenizer
        self.spec = spec
        self.texts = texts
        kind = spec.get("kind") if hasattr(spec, "get") else spec if spec in ("routellm", "chat") else "plain"
        if kind == "routellm":
            if texts is None:
                raise InvalidArgumentError("the template routellm needs its two texts, system and user")
            system = self._message("system", texts[0]) if texts[0] else ""
            before, after = _around(texts[1], "the text of the question")
            header = "<|start_header_id|>user<|end_header_id|>\n\n"
            self.before, self.after = system + header, "<|eot_id|>"
            self.inner = (before.lstrip(), after.rstrip())
            # As the published router: the message is stripped after the question stands in it.
            self.strip = (not self.inner[0], not self.inner[1])
            self.special_tokens = True
        elif kind == "chat":
            given = spec if not isinstance(spec, str) else {}
            text = self._chat(given)
            if text.count(MARK) != 1:
                raise InvalidArgumentError("the chat template leaves the user's message out, or repeats it")
            self.before, self.after = text.split(MARK)
            self.inner, self.strip = ("", ""), (False, False)
            self.special_tokens = False
        else:
            text = spec if isinstance(spec, str) else str(spec.get("text", ""))
            self.before, self.after = _around(text, "the template")
            self.inner, self.strip = ("", ""), (False, False)
            self.special_tokens = True

    @staticmethod
    def _message(role: str, text: str) -> str:
        return f"<|start_header_id|>{role}<|end_header_id|>\n\n{text.strip()}<|eot_id|>"

    def _chat(self, given: Mapping[str, Any]) -> str:
        before, after = _around(given.get("user", "{question}"), "user of the template")
        messages = [{"role": "user", "content": before + MARK + after}]
        if given.get("system") is not None:
            messages.insert(0, {"role": "system", "content": given["system"]})
        options = {"chat_template": given["name"]} if given.get("name") else {}
        return str(
            self.tokenizer.apply_chat_template(
                messages,
                tokenize=False,
                add_generation_prompt=given.get("add_generation_prompt", True),
                **options,
            )
        )

    def ids(self, question: str, max_tokens: int) -> list[int]:
        """Return the ids of a question, cut from its left where they would be more than ``max_tokens``.

        Raises:
            InvalidArgumentError: if there are too many tokens even without the question.
        """
        question = question.lstrip() if self.strip[0] else question
        question = question.rstrip() if self.strip[1] else question
        before = self.before + self.inner[0]
        text = before + question + self.inner[1] + self.after
        coded = self.tokenizer(
            text,
            add_special_tokens=self.special_tokens,
            return_offsets_mapping=True,
            return_attention_mask=False,
        )
        ids: list[int] = coded["input_ids"]
        excess = len(ids) - max_tokens
        if excess <= 0:
            return ids
        start, end = len(before), len(before) + len(question)
        own = [i for i, (a, b) in enumerate(coded["offset_mapping"]) if start <= a < b <= end]
        if len(own) < excess:
            raise InvalidArgumentError(
                f"a prompt comes to {len(ids)} tokens with its instruction, and only {len(own)} of them are "
                f"its own, where {max_tokens} are read: set a larger max_tokens, or a shorter system and user"
            )
        return ids[: own[0]] + ids[own[0] + excess :]

    def write(self, folder: Path) -> None:
        """Write the two texts of the published form beside the model."""
        if self.texts is not None:
            for name, text in zip((SYSTEM_FILE, CLASSIFIER_FILE), self.texts, strict=True):
                (folder / name).write_text(text, encoding="utf-8")

    def spelled_out(self, prompt: str) -> bool:
        """Tell whether a prompt spells out a control token, which is read as text in chat templates."""
        return not self.special_tokens and any(
            token in prompt for token in self.tokenizer.get_added_vocab() if token.strip()
        )


def _around(text: Any, what: str) -> tuple[str, str]:
    """Return the texts before and after the question of a Python format string."""
    if not isinstance(text, str) or sum(text.count(name) for name in NAMES) != 1:
        raise InvalidArgumentError(f"{what} is {text!r}, expected a text with {{question}} in it, once")
    name = next(name for name in NAMES if name in text)
    before, after = (part.replace("{{", "{").replace("}}", "}") for part in text.split(name))
    return before, after


def choose(
    template: str | Mapping[str, Any] | None, system: str | None, user: str | None, tokenizer: Any, base: Path
) -> Template:
    """Return the template that was asked for, or the one that suits the tokenizer.

    The texts are those given, or those beside the model, or this package's own.
    """
    beside = [base / name for name in (SYSTEM_FILE, CLASSIFIER_FILE)]
    read = [path.read_text(encoding="utf-8") if path.is_file() else None for path in beside]
    texts = (
        system if system is not None else read[0] if read[0] is not None else SYSTEM,
        user if user is not None else read[1] if read[1] is not None else USER,
    )
    if template is None:
        vocabulary = tokenizer.get_vocab()
        if all(marker in vocabulary for marker in MARKERS):
            template = "routellm"
        elif tokenizer.chat_template:
            template = "chat"
        else:
            template = texts[0].replace("{", "{{").replace("}", "}}") + "\n\n" + texts[1]
    if template == "routellm":
        return Template("routellm", tokenizer, texts)
    if template == "chat":
        return Template({"kind": "chat", "system": texts[0], "user": texts[1]}, tokenizer, None)
    if isinstance(template, str) and template.lstrip().startswith("{") and "question" not in template[:12]:
        template = json.loads(template)
    return Template(template, tokenizer, None)


def text_of(path: str) -> str:
    """Return the text of a file that an option names.

    Raises:
        NotFoundError: if there is no such file.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(f"{path}: there is no such file") from error
