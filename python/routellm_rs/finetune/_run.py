"""A whole run: read, train, export, verify, calibrate, evaluate."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from routellm_rs.errors import InvalidArgumentError, NotFoundError

from . import _checkpoint, _extra, _labels, _lora, _targets, _templates
from ._classifier_export import export_classifier
from ._decoder_export import export_causal
from ._router_models import Bert, Causal
from ._state import Work, fingerprint
from ._training import Trainer, device_of
from ._verify import verify

if TYPE_CHECKING:
    from routellm_rs import Evaluation, Router

    from ._labels import Example, Labelled
    from ._spec import FinetuneSpec
    from ._training import Progress

REPORT = "finetune.json"
# Prompts to calibrate on where nobody names any: shares are then known to within two hundredths or so.
SAMPLE = 1000


@dataclass(frozen=True, slots=True)
class Finetuned:
    """What a run made."""

    router: Router
    """The router, opened from the artifact."""
    report: dict[str, Any]
    """What stands in ``finetune.json`` beside it: the specification, the data, each epoch, how far the
    artifact is from torch, and the evaluation."""
    evaluation: Evaluation | None
    """On the held-out prompts, and on what the specification names; None where there is nothing of either."""


def run(spec: FinetuneSpec, *, progress: Progress | None = None, restart: bool = False) -> Finetuned:
    """Fine-tune as a specification says, and write the artifact with its report.

    Args:
        spec: the run.
        progress: called with (stage, done, total); the stages are ``train``, ``held-out``, ``export``,
            ``verify``, ``calibration`` and those of an evaluation. Returning False stops; the same run goes
            on from there.
        restart: forget what an earlier run kept in the folder ``work``.

    Raises:
        MissingExtraError: if a package of the extra ``train`` is not installed.
        NotFoundError: for a file or a base model that is not there.
        InvalidArgumentError: for malformed rows (naming file and line), or if ``work`` holds another run.
        InvalidModelError: if the export does not compute what torch computes.
        CancelledError: if ``progress`` returned False.
    """
    _extra.check()
    _extra.quiet()
    base = _checkpoint.folder_of(spec.base)
    sample = spec.calibration.get("path")
    if sample is not None and not Path(sample).is_file():
        raise NotFoundError(f"{sample}: there is no such file, and calibration names it")
    found = _labels.read(spec)
    kept, held_out = parts(spec, found)
    work = Work(spec.work_folder, fingerprint(spec, base, found.examples), restart)
    trained = work.trained()
    if trained is None:
        trained = _train(spec, kept, held_out, work, progress)
    reference = open_checkpoint(spec, work.checkpoint)
    exported = export(spec.kind, work.checkpoint, work.onnx, spec.quantize, progress)
    prompts = [example.prompt for example in held_out] or [example.prompt for example in kept]
    checked = verify(
        reference,
        work.onnx,
        list(dict.fromkeys(prompts))[: spec.verify],
        pair={"strong": spec.strong, "weak": spec.weak},
        quantized=spec.quantize is not None,
        threads=spec.threads,
        progress=progress,
    )
    calibration = calibration_of(
        spec.calibration, prompts, "held-out prompts" if held_out else "prompts learned from"
    )
    router = write(work.onnx, spec.out, reference.options(), spec, calibration, progress)
    evaluation = _evaluate(spec, held_out, progress)
    report = {
        "spec": spec.to_dict(),
        "data": {
            "rows": found.rows,
            "left_out": found.left_out,
            "prompts": len(kept),
            "held_out": len(held_out),
        },
        "training": trained,
        "export": exported,
        "verification": checked,
        "calibration": router.info()["calibration"],
        "evaluation": None if evaluation is None else evaluation.to_dict(),
    }
    text = json.dumps(report, indent=2, ensure_ascii=False, default=str)
    (Path(spec.out) / REPORT).write_text(text + "\n", encoding="utf-8")
    return Finetuned(router, report, evaluation)


def parts(spec: FinetuneSpec, found: Labelled) -> tuple[list[Example], list[Example]]:
    """Return the examples to learn from, smoothed and levelled, and those that are held out, as they are.

    Raises:
        InvalidArgumentError: if nothing is left to learn from.
    """
    out = {
        example.prompt
        for example in found.examples
        if spec.held_out and _targets.held_out(example.prompt, spec.held_out, spec.held_out_seed)
    }
    kept = [example for example in found.examples if example.prompt not in out]
    if len({example.prompt for example in kept}) < 2:
        raise InvalidArgumentError(
            f"{len(kept)} of {len(found.examples)} prompts are left to learn from: hold out fewer, add rows"
        )
    kept = _targets.levelled(_targets.smoothed(kept, spec.smooth), spec.level_to)
    return kept, [example for example in found.examples if example.prompt in out]


def _train(
    spec: FinetuneSpec, kept: list[Example], held_out: list[Example], work: Work, progress: Progress | None
) -> dict[str, Any]:
    router = Bert.to_train(spec) if spec.kind == "bert" else Causal.to_train(spec)
    trainer = Trainer(spec, router, kept, held_out, work)
    history = trainer.run(progress)
    model = _lora.merged(trainer.model.to("cpu")).eval()
    shutil.rmtree(work.checkpoint, ignore_errors=True)
    router.save(model, work.checkpoint)
    versions = {name: _extra.library(name).__version__ for name in ("torch", "transformers")}
    found = {
        "history": history,
        "kept_epoch": trainer.best[0] if spec.keep == "best" and trainer.best else history[-1]["epoch"],
        "steps": trainer.step,
        "trained_parameters": sum(value.numel() for value in trainer.trained.values()),
        "parameters": sum(value.numel() for value in model.parameters()),
        "device": str(device_of(spec)),
        **versions,
    }
    work.finish(found)
    return found


def open_checkpoint(spec: FinetuneSpec, folder: Path) -> Bert | Causal:
    """Return the fine-tuned model as transformers reads it from its folder."""
    if spec.kind == "bert":
        from ._router_models import gap_head

        return Bert(folder, "three_labels" if spec.target == "labels" else gap_head(), spec.tokens)
    tokenizer = _checkpoint.tokenizer_of(folder)
    template = _templates.choose(spec.template, spec.system, spec.user, tokenizer, folder)
    return Causal(folder, template, spec.tokens)


def export(
    kind: str, checkpoint: Path, out: Path, quantize: str | None, progress: Progress | None
) -> dict[str, Any]:
    """Write the ONNX folder; returns its bytes and the largest difference of a logit on random ids."""
    if progress is not None:
        progress("export", 0, 1)
    shutil.rmtree(out, ignore_errors=True)
    to = export_classifier if kind == "bert" else export_causal
    far = to(checkpoint, out, quantize=quantize)
    if progress is not None:
        progress("export", 1, 1)
    size = sum(file.stat().st_size for file in out.glob("model.onnx*"))
    return {"bytes": size, "quantize": quantize, "logit_difference": far}


def calibration_of(given: Any, prompts: list[str], name: str) -> dict[str, Any]:
    """Return the arguments of ``train.from_export`` about the sample."""
    own = given.get("path") is not None or given.get("prompts") is not None
    sample = given.get("path") or given.get("prompts") if own else list(dict.fromkeys(prompts))[:SAMPLE]
    out = {
        "calibration": sample,
        "calibration_name": given.get("name") or (None if own else name),
        "calibration_date": given.get("date"),
        "default_strong_share": given.get("default_strong_share"),
    }
    return {key: value for key, value in out.items() if value is not None}


def write(
    onnx: Path,
    out: str,
    options: dict[str, Any],
    pair: Any,
    calibration: dict[str, Any],
    progress: Progress | None,
) -> Router:
    """Write the calibrated artifact, and return the router that is opened from it."""
    from routellm_rs import train

    threads = {"intra_threads": pair.threads} if pair.threads is not None else {}
    return train.from_export(
        out, onnx, strong=pair.strong, weak=pair.weak, progress=progress, **options, **calibration, **threads
    )


def _evaluate(spec: FinetuneSpec, held_out: list[Example], progress: Progress | None) -> Evaluation | None:
    """Evaluate on the held-out prompts, a table for each kind of source, and on what is named beside."""
    import routellm_rs

    given: dict[str, Any] = {"robustness": 0, **spec.evaluation}
    tables: list[Any] = []
    for kind in ("votes", "judge", "gold", "scores"):
        of_kind = [one for one in held_out if spec.sources[one.source].kind == kind]
        # Of prompts on which nobody is better there is no curve.
        if any(example.gap for example in of_kind):
            tables.append({"rows": _targets.table(spec, of_kind), "kind": "gold", "name": f"held-out {kind}"})
    more = given.pop("data", None)
    tables += [
        {"path": one} if isinstance(one, str) else one
        for one in ([more] if isinstance(more, str) else more or [])
    ]
    if not tables and not given.get("benchmarks"):
        return None
    session = {"intra_threads": spec.threads} if spec.threads is not None else {}
    router = {"path": spec.out, "name": Path(spec.out).name, "options": session}
    data: dict[str, Any] = {"data": tables} if tables else {}
    return routellm_rs.evaluate(
        router, strong=spec.strong, weak=spec.weak, progress=progress, **data, **given
    )
