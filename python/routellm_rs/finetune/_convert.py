"""A published router in Hugging Face form as a verified artifact."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from routellm_rs.errors import InvalidArgumentError

from . import _checkpoint, _extra, _rows, _run, _templates
from ._prompts import PROMPTS
from ._router_models import Bert, Causal
from ._verify import verify

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from routellm_rs import Router

    from ._training import Progress

HEADS = {1: "regression", 2: "binary", 3: "three_labels"}
# As the published router is called: it looks for a score in that many tokens.
NEW_TOKENS = 6


@dataclass(frozen=True, slots=True)
class Converted:
    """What a conversion made."""

    router: Router
    """The router, opened from the artifact."""
    report: dict[str, Any]
    """What stands in ``finetune.json`` beside it."""


@dataclass(frozen=True, slots=True)
class _Pair:
    strong: str
    weak: str
    threads: int | None


def convert(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    strong: str,
    weak: str,
    kind: str | None = None,
    head: str | Mapping[str, Any] | None = None,
    template: str | Mapping[str, Any] | None = None,
    system: str | None = None,
    user: str | None = None,
    max_new_tokens: int = NEW_TOKENS,
    max_tokens: int | None = None,
    quantize: str | None = None,
    prompts: str | os.PathLike[str] | Iterable[str] | None = None,
    verify_on: int = 200,
    calibration: Mapping[str, Any] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Converted:
    """Do what :func:`routellm_rs.finetune.convert` says."""
    if strong == weak:
        raise InvalidArgumentError(f"strong and weak are both {strong!r}: a router decides between two")
    _extra.check()
    _extra.quiet()
    folder = _checkpoint.folder_of(Path(source))
    kind = kind_of(folder, kind)
    texts = list(PROMPTS) if prompts is None else _prompts_of(prompts)
    asked = list(dict.fromkeys(texts))[:verify_on]
    pair = _Pair(strong, weak, threads)
    with tempfile.TemporaryDirectory() as scratch:
        onnx = Path(scratch) / "onnx"
        reference = _reference(folder, kind, head, template, system, user, max_tokens)
        exported = _run.export(kind, folder, onnx, quantize, progress)
        if isinstance(reference, Causal):
            reference.template.write(onnx)
        checked = verify(
            reference,
            onnx,
            asked,
            pair={"strong": strong, "weak": weak},
            quantized=quantize is not None,
            threads=threads,
            progress=progress,
        )
        options = reference.options()
        if kind == "causal":
            options["max_new_tokens"] = max_new_tokens
            # Those to be generated count among the tokens of the model.
            options["max_tokens"] = max_tokens
        given = calibration or {}
        sample = {}
        if given or prompts is not None:
            sample = _run.calibration_of(given, texts, "prompts of the conversion")
        router = _run.write(onnx, str(out), _known(options), pair, sample, progress)
    report = {
        "source": folder.name,
        "kind": kind,
        "export": exported,
        "verification": checked,
        "calibration": router.info()["calibration"],
    }
    text = json.dumps(report, indent=2, ensure_ascii=False, default=str)
    (Path(out) / _run.REPORT).write_text(text + "\n", encoding="utf-8")
    return Converted(router, report)


def kind_of(folder: Path, asked: str | None) -> str:
    """Return what a checkpoint is: ``bert`` or ``causal``.

    Raises:
        InvalidArgumentError: if ``config.json`` does not tell and nobody said.
    """
    if asked is not None:
        if asked not in ("bert", "causal"):
            raise InvalidArgumentError(f"kind is {asked!r}, expected bert or causal")
        return asked
    names = json.loads((folder / "config.json").read_text(encoding="utf-8-sig")).get("architectures") or []
    for ending, kind in (("ForSequenceClassification", "bert"), ("ForCausalLM", "causal")):
        if any(str(name).endswith(ending) for name in names):
            return kind
    raise InvalidArgumentError(
        f"{folder}: config.json names the architectures {names}, neither a sequence classifier nor a "
        "causal language model: say kind if it is one of them"
    )


def _reference(
    folder: Path,
    kind: str,
    head: str | Mapping[str, Any] | None,
    template: str | Mapping[str, Any] | None,
    system: str | None,
    user: str | None,
    max_tokens: int | None,
) -> Bert | Causal:
    if kind == "causal":
        if head is not None:
            raise InvalidArgumentError("head has no effect on a causal language model")
        tokenizer = _checkpoint.tokenizer_of(folder)
        chosen = _templates.choose(template, system, user, tokenizer, folder)
        return Causal(folder, chosen, max_tokens)
    for name, value in (("template", template), ("system", system), ("user", user)):
        if value is not None:
            raise InvalidArgumentError(f"{name} has no effect on bert: a classifier reads the prompt itself")
    model = Bert(folder, head, max_tokens)
    labels = model.model.config.num_labels
    if model.head is None:
        model.head = HEADS.get(labels)
    known = model.head if isinstance(model.head, str) else (model.head or {}).get("kind")
    if known not in HEADS.values():
        raise InvalidArgumentError(
            f"{folder}: the classifier has {labels} outputs: say by head what they mean, "
            f"one of {', '.join(HEADS.values())}"
        )
    return model


def _prompts_of(given: str | os.PathLike[str] | Iterable[str]) -> list[str]:
    if isinstance(given, str) or hasattr(given, "__fspath__"):
        rows = _rows.rows_of_file(str(given))
        return [_rows.prompt_of(row, where) for where, row in rows]
    return list(given)


def _known(options: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value is not None}
