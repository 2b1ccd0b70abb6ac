"""Fine-tuning the paper's two large routers (the extra ``train``: torch, transformers, onnx, peft).

>>> from routellm_rs import finetune
>>> done = finetune.bert(
...     base="MiniLM", out="my-router", strong="gpt-4", weak="mixtral", gold="gold.jsonl"
... )  # doctest: +SKIP
>>> done.router.route("What is 2 + 2?", strong_share=0.3)  # doctest: +SKIP

A run is data: a :class:`FinetuneSpec`, as keywords or as a file of JSON. It learns from votes, gold rows and
what a judge said, tries each epoch on prompts that it never learned from, exports the model, compares the
export with torch through the library, and writes a calibrated artifact with its report. A run that was killed
goes on where it was. On a command line: ``python -m routellm_rs.finetune bert | causal | convert``.

Importing this module imports neither torch nor transformers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._extra import MissingExtraError
from ._source import Lora, Source
from ._spec import FinetuneSpec

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from typing import Any

    from ._convert import Converted
    from ._run import Finetuned
    from ._training import Progress

__all__ = ["FinetuneSpec", "Lora", "MissingExtraError", "Source", "bert", "causal", "convert", "run"]

KINDS = ("votes", "gold", "judge", "scores")


def run(
    spec: FinetuneSpec | Mapping[str, Any] | str | os.PathLike[str],
    *,
    progress: Progress | None = None,
    restart: bool = False,
) -> Finetuned:
    """Fine-tune as a specification says: a :class:`FinetuneSpec`, a mapping, or the path of a file of JSON.

    Args:
        spec: the run.
        progress: called with (stage, done, total); returning False stops. The same run goes on from there.
        restart: forget what an earlier run kept in the folder ``work``.

    Returns:
        The ``router``, its ``report`` and the ``evaluation``.

    Raises:
        MissingExtraError: if a package of the extra ``train`` is not installed.
        NotFoundError: for a file or a base model that is not there.
        InvalidArgumentError: for a wrong specification or malformed rows (naming file and line), or if the
            folder ``work`` holds another run.
        InvalidModelError: if the export does not compute what torch computes.
        CancelledError: if ``progress`` returned False.
    """
    from ._run import run as run_spec

    return run_spec(specification(spec), progress=progress, restart=restart)


def specification(spec: FinetuneSpec | Mapping[str, Any] | str | os.PathLike[str]) -> FinetuneSpec:
    """Return a specification, whichever way it was given; errors as :meth:`FinetuneSpec.read`."""
    if isinstance(spec, FinetuneSpec):
        return spec
    if isinstance(spec, str) or hasattr(spec, "__fspath__"):
        return FinetuneSpec.read(spec)
    return FinetuneSpec.from_dict(spec)


def bert(*, progress: Progress | None = None, restart: bool = False, **options: Any) -> Finetuned:
    """Fine-tune a sequence classifier: three labels, or a score head on the quality gap (``target="gap"``).

    Args:
        progress: see :func:`run`.
        restart: see :func:`run`.
        **options: members of :class:`FinetuneSpec`. Instead of ``sources``, or beside it, ``votes``,
        ``gold``,
            ``judge`` and ``scores`` take a file or a table each.

    Raises:
        RouteLLMError, MissingExtraError: as :func:`run`.
    """
    return run(_keywords("bert", options), progress=progress, restart=restart)


def causal(*, progress: Progress | None = None, restart: bool = False, **options: Any) -> Finetuned:
    """Fine-tune a language model that says a score, ``[[1]]`` to ``[[5]]``; otherwise as :func:`bert`."""
    return run(_keywords("causal", options), progress=progress, restart=restart)


def _keywords(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    given = {key: value for key, value in options.items() if key not in KINDS}
    sources = list(given.get("sources", ()))
    for name in KINDS:
        rows = options.get(name)
        if rows is not None:
            is_path = isinstance(rows, str) or hasattr(rows, "__fspath__")
            sources.append({"kind": name, "path" if is_path else "rows": rows})
    return {**given, "kind": kind, "sources": sources}


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
    max_new_tokens: int = 6,
    max_tokens: int | None = None,
    quantize: str | None = None,
    prompts: str | os.PathLike[str] | Iterable[str] | None = None,
    verify_on: int = 200,
    calibration: Mapping[str, Any] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Converted:
    """Make an artifact of a published BERT or causal-LLM router, and compare both on real prompts.

    Args:
        source: the folder: ``config.json``, ``tokenizer.json``, safetensors and, for a language model, the
            two texts of its prompt, ``system_ft_v5.txt`` and ``classifier_ft_v5.txt``.
        out: the folder of the artifact.
        strong: the strong model.
        weak: the weak model.
        kind: ``bert`` or ``causal``; what ``config.json`` says by default.
        head: what a classifier's outputs mean, as ``Router.open`` takes it; by their number by default.
        template: how a question becomes a text, as ``Router.open`` takes it; that of the published router
            where the tokenizer has its markers.
        system: the instruction, where it is not in the folder.
        user: the text with ``{question}``, where it is not in the folder.
        max_new_tokens: in how many tokens the language model may say a score; 6, as the published router.
        max_tokens: tokens that are read; all that the model has positions for by default.
        quantize: ``int8``, or ``fp16`` for a classifier.
        prompts: real prompts to compare on: texts, or a file with a ``prompt`` in each row; a few of many
            kinds by default.
        verify_on: how many of them.
        calibration: ``path`` or ``prompts``, ``name``, ``date``, ``default_strong_share``; those prompts by
            default, where they were given.
        threads: on the CPU.
        progress: called with (stage, done, total).

    Raises:
        MissingExtraError: if a package of the extra ``train`` is not installed.
        NotFoundError: if a file is missing.
        InvalidArgumentError: for options that do not suit the model.
        InvalidModelError: if the export does not compute what torch computes.
    """
    from ._convert import convert as converted

    return converted(
        source,
        out,
        strong=strong,
        weak=weak,
        kind=kind,
        head=head,
        template=template,
        system=system,
        user=user,
        max_new_tokens=max_new_tokens,
        max_tokens=max_tokens,
        quantize=quantize,
        prompts=prompts,
        verify_on=verify_on,
        calibration=calibration,
        threads=threads,
        progress=progress,
    )
