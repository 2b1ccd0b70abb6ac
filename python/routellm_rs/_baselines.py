"""The trainers of plain baselines: nearest neighbours and logistic regression; and decontamination."""

from __future__ import annotations

from . import _runtime
from ._options import json_text
from ._training_data import date_text, listed, mapped, rows_of, spec_of, texts_of
from .errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Mapping
    from typing import Any, Unpack

    from ._training_data import Progress, Prompts, Rows
    from ._types import (
        Decontamination,
        EncoderSpec,
        KnnReport,
        LogisticReport,
        OnTrainingError,
        Read,
        SessionOptions,
        StrPath,
        Ties,
    )


def knn(
    out: StrPath,
    *,
    votes: Rows | None = None,
    gold: Rows | None = None,
    judge: Rows | None = None,
    logs: Rows | None = None,
    encoder: StrPath | EncoderSpec | None = None,
    embeddings: StrPath | Mapping[str, Iterable[float]] | None = None,
    embedding_model: str | None = None,
    strong: str | None = None,
    weak: str | None = None,
    models: Iterable[str] | None = None,
    ties: Ties | None = None,
    neighbours: Iterable[int] = (5, 10, 20, 40, 80, 160),
    temperatures: Iterable[float] = (0.02, 0.05, 0.1, 0.2, 0.5),
    clip: float = 20.0,
    bits: int = 16,
    texts: bool = False,
    calibration: Prompts | None = None,
    calibration_name: str | None = None,
    calibration_date: str | datetime.date | None = None,
    rename: Mapping[str, str] | None = None,
    name: str = "knn",
    read: Read | None = None,
    provenance: Mapping[str, Any] | None = None,
    cache: StrPath | None = None,
    on_error: OnTrainingError = "raise",
    timeout_ms: float | None = None,
    progress: Progress | None = None,
    **session: Unpack[SessionOptions],
) -> KnnReport:
    """Build a router by nearest neighbours: each candidate is as good as on the most similar known prompts.

    Options that :func:`linear` or :func:`mf` has too mean the same. Every model of the data is a candidate,
    and a decision between any two of them can be explained by the prompts that it comes from.

    Args:
        out: the folder to write.
        votes: votes of people.
        gold: gold rows.
        judge: votes of a model that judges.
        logs: logs, in which one model answered each prompt: ``prompt``, ``model``, ``quality`` and, where the
            model was drawn, ``propensity``.
        encoder: see :func:`mf`. Without it, and without ``embeddings``, the features are hashed words.
        embeddings: instead of an encoder, the vector of each prompt: a mapping, or a file with ``prompt`` and
            ``embedding`` in each row. The router then takes embeddings.
        embedding_model: the model that they are of.
        strong: the strong model; where the data know just two models, the better one by default.
        weak: the weak model, likewise.
        models: see :func:`linear`.
        ties: what a tie says: ``half`` (half a win for each; the default), ``drop`` or ``weak_not_worse``.
        neighbours: numbers of neighbours to choose from, by leaving each prompt out in turn.
        temperatures: temperatures to choose from, likewise: by how much of similarity the weight of a
            neighbour falls to 1 / e.
        clip: a log weighs ``min(1 / propensity, clip)``, normalised by the sum of these weights.
        bits: binary logarithm of the number of hash buckets, where words are hashed.
        texts: whether the prompts' texts go into the artifact, for explanations. They may be private.
        calibration: see :func:`linear`.
        calibration_name: see :func:`linear`.
        calibration_date: see :func:`linear`.
        rename: other names for models of the gold rows.
        name: name of the artifact.
        read: see :func:`linear`.
        provenance: see :func:`linear`.
        cache: see :func:`mf`.
        on_error: see :func:`mf`.
        timeout_ms: longest time of the training, in milliseconds.
        progress: see :func:`linear`.
        **session: how the encoder runs: see :meth:`Router.open`.

    Raises:
        InvalidArgumentError: for malformed rows (naming the line), unknown models or too little data.
        ResourceExhaustedError: if ``timeout_ms`` has passed.
        CancelledError: if ``progress`` returned False.
    """
    trainer = {
        "kind": "knn",
        "neighbours": listed("neighbours", neighbours),
        "temperatures": listed("temperatures", temperatures),
        "clip": clip,
        "bits": bits,
        "texts": texts,
    }
    report: KnnReport = trained(
        trainer,
        out,
        sources=(("votes", votes), ("gold", gold), ("judge", judge), ("log", logs)),
        encoder=encoder_part(encoder, embeddings, embedding_model, cache, session),
        calibration=calibration_part(calibration, calibration_name, calibration_date),
        progress=progress,
        strong=strong,
        weak=weak,
        models=models,
        ties=ties,
        rename=rename,
        name=name,
        read=read,
        provenance=provenance,
        on_error=on_error,
        timeout_ms=timeout_ms,
    )
    return report


def logistic(
    out: StrPath,
    *,
    votes: Rows | None = None,
    gold: Rows | None = None,
    judge: Rows | None = None,
    logs: Rows | None = None,
    encoder: StrPath | EncoderSpec | None = None,
    embeddings: StrPath | Mapping[str, Iterable[float]] | None = None,
    embedding_model: str | None = None,
    strong: str | None = None,
    weak: str | None = None,
    models: Iterable[str] | None = None,
    ties: Ties | None = None,
    penalties: Iterable[float] = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0),
    held_out: float = 0.2,
    per_candidate: bool = False,
    clip: float = 20.0,
    seed: int = 42,
    calibration: Prompts | None = None,
    calibration_name: str | None = None,
    calibration_date: str | datetime.date | None = None,
    rename: Mapping[str, str] | None = None,
    name: str = "logistic",
    read: Read | None = None,
    provenance: Mapping[str, Any] | None = None,
    cache: StrPath | None = None,
    on_error: OnTrainingError = "raise",
    timeout_ms: float | None = None,
    progress: Progress | None = None,
    **session: Unpack[SessionOptions],
) -> LogisticReport:
    """Train a router of kind ``linear`` by logistic regression on dense vectors.

    Options that :func:`knn`, :func:`linear` or :func:`mf` has too mean the same.

    Args:
        out: the folder to write.
        votes: see :func:`knn`.
        gold: gold rows.
        judge: see :func:`knn`.
        logs: see :func:`knn`; only ``per_candidate``.
        encoder: see :func:`mf`.
        embeddings: see :func:`knn`.
        embedding_model: see :func:`knn`.
        strong: see :func:`knn`.
        weak: see :func:`knn`.
        models: see :func:`linear`.
        ties: what a tie says: of a pair ``weak_not_worse`` (the strong model was not needed) by default, per
            candidate ``half``; or ``drop``.
        penalties: strengths of the L2 penalty to choose from, by the loss on held-out prompts.
        held_out: the share of the prompts that is held out for that; a hash of the prompt decides.
        per_candidate: learn the quality of each model's answers, so that any pair can be scored, instead of
            whether the strong model of the pair is the better one.
        clip: see :func:`knn`.
        seed: of the split.
        calibration: see :func:`linear`.
        calibration_name: see :func:`linear`.
        calibration_date: see :func:`linear`.
        rename: other names for models of the gold rows.
        name: name of the artifact.
        read: see :func:`linear`.
        provenance: see :func:`linear`.
        cache: see :func:`mf`.
        on_error: see :func:`mf`.
        timeout_ms: longest time of the training, in milliseconds.
        progress: see :func:`linear`.
        **session: how the encoder runs: see :meth:`Router.open`.

    Raises:
        InvalidArgumentError: for malformed rows (naming the line), unknown models or too little data.
        ResourceExhaustedError: if ``timeout_ms`` has passed.
        CancelledError: if ``progress`` returned False.
    """
    trainer = {
        "kind": "logistic",
        "penalties": listed("penalties", penalties),
        "held_out": held_out,
        "per_candidate": per_candidate,
        "clip": clip,
    }
    report: LogisticReport = trained(
        trainer,
        out,
        sources=(("votes", votes), ("gold", gold), ("judge", judge), ("log", logs)),
        encoder=encoder_part(encoder, embeddings, embedding_model, cache, session),
        calibration=calibration_part(calibration, calibration_name, calibration_date),
        progress=progress,
        strong=strong,
        weak=weak,
        models=models,
        ties=ties,
        seed=seed,
        rename=rename,
        name=name,
        read=read,
        provenance=provenance,
        on_error=on_error,
        timeout_ms=timeout_ms,
    )
    return report


def decontaminate(
    prompts: Iterable[str],
    against: Iterable[str],
    *,
    encoder: StrPath | None = None,
    words: int | None = 8,
    cosine: float = 0.95,
    progress: Progress | None = None,
) -> Decontamination:
    """Find the training prompts that an evaluation has too, or that are too much like one of its prompts.

    >>> from routellm_rs import train
    >>> found = train.decontaminate(["What is 2 + 2?", "Name a river."], ["what is  2 + 2?"])
    >>> found["keep"]
    [False, True]

    Args:
        prompts: the prompts to train on.
        against: the prompts of the evaluation.
        encoder: the folder of an artifact, or the name of an installed router, whose encoder compares vectors
            too; texts alone are compared without it.
        words: how many words in a row both may not have; None compares no words.
        cosine: the smallest cosine similarity of vectors that are too alike.
        progress: called with (stage, done, total); returning False, or raising, stops it.

    Returns:
        ``keep`` says for each prompt whether it may stay; ``contaminated`` has, for each that may not,
        ``row``, ``against`` (the number of the evaluation's prompt), ``rule`` (``exact``, ``words`` or
        ``cosine``) and ``found``: the words that both have, or the similarity.

    Raises:
        InvalidArgumentError: for options out of range.
        CancelledError: if ``progress`` returned False.
    """
    import json

    from . import _native

    if encoder is not None:
        _runtime.announce()
    spec = {
        "prompts": listed("prompts", texts_of(prompts)),
        "against": listed("against", texts_of(against)),
        "words": words,
        "cosine": cosine,
    }
    folder = None if encoder is None else encoder_path(encoder)
    found: Decontamination = json.loads(
        _native.train_decontaminate(json_text("prompts", spec), folder, progress)
    )
    return found


def trained(
    trainer: dict[str, Any],
    out: StrPath,
    *,
    sources: Iterable[tuple[str, Rows | None]],
    encoder: dict[str, Any] | None,
    calibration: dict[str, Any],
    progress: Progress | None,
    **rest: Any,
) -> Any:
    """Train by a specification that is made of keywords, and return what the trainer found."""
    import json

    from . import _native

    rest["models"] = None if rest.get("models") is None else listed("models", rest["models"])
    rest["rename"] = mapped("rename", rest.get("rename")) or None
    rest["provenance"] = mapped("provenance", rest.get("provenance")) or None
    spec = {
        "trainer": trainer,
        "out": out,
        "sources": [source_part(kind, rows) for kind, rows in sources if rows is not None],
        "encoder": encoder,
        "calibration": calibration or None,
        **rest,
    }
    _runtime.announce()
    given = {key: value for key, value in spec.items() if value is not None}
    return json.loads(_native.train_run(spec_of(given), progress))["trained"]


def source_part(kind: str, rows: Rows) -> dict[str, Any]:
    """Return a source of a specification: a path, or rows of whatever holds them."""
    given = rows_of(kind, rows)
    if not isinstance(given, bytes):
        return {"kind": kind, "path": given}
    import json

    return {
        "kind": kind,
        "rows": [json.loads(line, parse_constant=lambda _: None) for line in given.splitlines()],
    }


def encoder_part(
    encoder: StrPath | EncoderSpec | None,
    embeddings: StrPath | Mapping[str, Iterable[float]] | None,
    embedding_model: str | None,
    cache: StrPath | None,
    session: Mapping[str, Any],
) -> dict[str, Any] | None:
    """Return the encoder of a specification, or embeddings that stand for one."""
    import os

    if embeddings is None:
        if embedding_model is not None:
            raise InvalidArgumentError("embedding_model has no effect without embeddings")
        if encoder is None:
            if cache is not None or session:
                given = ["cache"] if cache is not None else list(session)
                raise InvalidArgumentError(f"{given[0]} has no effect without an encoder")
            return None
        part = encoder_options(encoder)
        if session:
            part["session"] = dict(session)
    else:
        if encoder is not None:
            raise InvalidArgumentError("both encoder and embeddings are given: pass one of them")
        if session:
            raise InvalidArgumentError(f"{next(iter(session))} has no effect: the embeddings are given")
        part = {"id": "caller" if embedding_model is None else embedding_model}
        if isinstance(embeddings, (str, os.PathLike)):
            part["path"] = embeddings
        else:
            vectors = mapped("embeddings", embeddings)
            part["rows"] = [
                {"prompt": prompt, "embedding": [float(x) for x in vector]}
                for prompt, vector in vectors.items()
            ]
    if cache is not None:
        part["cache"] = cache
    return part


def encoder_path(encoder: StrPath) -> StrPath:
    """Return the folder of an artifact, which may be given by the name of an installed router."""
    import os

    from . import _bundled

    if isinstance(encoder, str) and _bundled.is_package(encoder) and not os.path.exists(encoder):
        return _bundled.artifact_path(encoder)
    return encoder


def encoder_options(encoder: StrPath | EncoderSpec) -> dict[str, Any]:
    import os

    if isinstance(encoder, (str, os.PathLike)):
        return {"path": encoder_path(encoder)}
    parameters = mapped("encoder", encoder)
    if "directory" not in parameters:
        raise InvalidArgumentError(
            "encoder: directory is missing: the folder with the model and the tokenizer"
        )
    return {"path": parameters.pop("directory"), "parameters": parameters}


def calibration_part(
    prompts: Prompts | None, name: str | None, date: str | datetime.date | None
) -> dict[str, Any]:
    """Return the calibration of a specification."""
    import os

    if prompts is None and name is not None:
        raise InvalidArgumentError("calibration_name has no effect without calibration")
    part: dict[str, Any] = {"name": name, "date": date_text(date)}
    if isinstance(prompts, (str, os.PathLike)):
        part["path"] = prompts
    elif prompts is not None:
        texts = listed("calibration", texts_of(prompts))
        part["prompts"] = [text if isinstance(text, str) else text["prompt"] for text in texts]
    return {key: value for key, value in part.items() if value is not None}
