"""Training routers of your own, from gold rows and votes to an artifact that :meth:`Router.open` opens.

>>> from routellm_rs import Router, train
>>> report = train.linear("my-router", gold="gold.jsonl")  # doctest: +SKIP
>>> Router.open("my-router").route("What is 2 + 2?")  # doctest: +SKIP

**Gold rows** say how well each model answered a prompt: ``{"prompt": ..., "model-x": true, "model-y": 0.5}``.
**Votes** say whose answer was preferred: ``{"prompt": ..., "model_a": ..., "model_b": ..., "winner": ...}``;
the winner is ``model_a``, ``model_b``, ``tie``, ``tie (bothbad)`` or None. **Logs** say how good the
answer of one model was: ``{"prompt": ..., "model": ..., "quality": ...}``. All come as a file (``.jsonl`` or
``.csv``) or as an iterable of such mappings.

The same data, options, seed and ``calibration_date`` give the same artifact.
"""

from __future__ import annotations

from . import _native, _options, _runtime
from ._baselines import calibration_part, decontaminate, encoder_part, knn, logistic, trained
from ._exports import from_export
from ._training_data import column, common_of, encoder_of, listed, rows_of, spec_of
from .errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Mapping
    from typing import Any, Unpack

    from ._training_data import Progress, Prompts, Rows
    from ._types import (
        Embeddings,
        EncoderSpec,
        LinearReport,
        MfReport,
        OnTrainingError,
        Read,
        SessionOptions,
        Store,
        StrPath,
        SwRankingReport,
        Ties,
        TrainReport,
        Winner,
    )

__all__ = ["decontaminate", "from_export", "knn", "linear", "logistic", "mf", "run", "sw_ranking"]


def linear(
    out: StrPath,
    *,
    gold: Rows | None = None,
    logs: Rows | None = None,
    strong: str | None = None,
    weak: str | None = None,
    models: Iterable[str] | None = None,
    calibration: Prompts | None = None,
    calibration_name: str | None = None,
    calibration_date: str | datetime.date | None = None,
    rename: Mapping[str, str] | None = None,
    name: str = "linear",
    seed: int = 42,
    folds: int = 10,
    lambdas: Iterable[float] = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0),
    lexical_scales: Iterable[float] = (0.05, 0.1, 0.2),
    bits: int = 16,
    projection: int | None = None,
    per_candidate: bool = False,
    clip: float = 20.0,
    ties: Ties | None = None,
    max_bytes: int = 16_384,
    read: Read | None = None,
    provenance: Mapping[str, Any] | None = None,
    timeout_ms: float | None = None,
    progress: Progress | None = None,
) -> LinearReport:
    """Train a linear router on hashed features: ridge regression of the quality gap.

    Args:
        out: the folder to write; an artifact that is there already is replaced at once, at the end, and
            whatever else is in the folder stays. A symbolic link is written through.
        gold: gold rows.
        logs: logs, in which one model answered each prompt: ``prompt``, ``model``, ``quality`` and, where the
            model was drawn, ``propensity``. They train ``per_candidate``, alone or with gold rows.
        strong: the strong model. Where the rows know just two models, the better one by default.
        weak: the weak model, likewise the other one.
        models: the columns of the gold rows that are models. Without it every column whose values are all
            booleans or numbers in [0, 1] is one; the report lists the others, with the reason.
        calibration: prompts as the router will meet them, from which strong shares are resolved: texts, or a
            ``.jsonl`` file with a ``prompt`` in each row, of which at least two have different win rates. The
            gold prompts by default.
        calibration_name: how the artifact calls that sample.
        calibration_date: its day, a date or a text such as ``2026-01-31``. By default today (UTC), or the day
            that ``SOURCE_DATE_EPOCH`` in the environment says.
        rename: other names for models of the gold rows.
        name: name of the artifact.
        seed: of the folds and the projection.
        folds: of the cross-validation on prompts.
        lambdas: strengths of the ridge to choose from.
        lexical_scales: scales of the lexical features to choose from.
        bits: binary logarithm of the number of hash buckets, 8 to 20.
        projection: dimensions of a dense projection of the features; sparse by default.
        per_candidate: weights for each model, so that any pair can be scored, instead of for the pair only.
        clip: a log weighs ``min(1 / propensity, clip)``, normalised by the sum of these weights.
        ties: with logs, what equal answers of the pair say: ``weak_not_worse`` (strong was not needed; the
            default), ``half`` or ``drop``.
        max_bytes: how much of a prompt is read.
        read: what of a chat the router reads, unless it is told otherwise: ``last_user`` (the newest user
            message that has text; the default), ``all_user`` or ``conversation``.
        provenance: put into the artifact's provenance, over what is noted anyway.
        timeout_ms: longest time of the training, in milliseconds.
        progress: called with (stage, done, total); returning False, or raising, stops the training. Ctrl-C
            stops it without this, too.

    Raises:
        InvalidArgumentError: for malformed rows (naming the line), unknown models or too little data.
        ResourceExhaustedError: if ``timeout_ms`` has passed.
        CancelledError: if ``progress`` returned False.
    """
    import json

    if logs is not None:
        trainer = {
            "kind": "linear",
            "bits": bits,
            "lambdas": listed("lambdas", lambdas),
            "lexical_scales": listed("lexical_scales", lexical_scales),
            "folds": folds,
            "projection": projection,
            "per_candidate": per_candidate,
            "clip": clip,
            "cap": {"max_bytes": max_bytes, "side": "head"},
        }
        made: LinearReport = trained(
            trainer,
            out,
            sources=(("gold", gold), ("log", logs)),
            encoder=None,
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
            timeout_ms=timeout_ms,
        )
        return made
    if gold is None:
        raise InvalidArgumentError("there is nothing to learn from: pass gold or logs")
    if clip != 20.0:
        raise InvalidArgumentError("clip has no effect without logs")
    options = {
        "bits": bits,
        "lambdas": listed("lambdas", lambdas),
        "lexical_scales": listed("lexical_scales", lexical_scales),
        "folds": folds,
        "projection": projection,
        "per_candidate": per_candidate,
        "max_bytes": max_bytes,
        "seed": seed,
    }
    common = common_of(
        name=name,
        strong=strong,
        weak=weak,
        models=models,
        rename=rename,
        calibration=calibration,
        calibration_name=calibration_name,
        calibration_date=calibration_date,
        provenance=provenance,
        read=read,
        ties=ties,
        timeout_ms=timeout_ms,
    )
    report: LinearReport = json.loads(
        _native.train_linear(out, rows_of("gold", gold), common, options, progress)
    )
    return report


def run(spec: StrPath | Mapping[str, Any], *, progress: Progress | None = None) -> TrainReport:
    """Train as a specification says: the same in every language, and for the command ``routellm train run``.

    >>> report = run(
    ...     {
    ...         "trainer": {"kind": "linear", "folds": 5},
    ...         "sources": [{"kind": "gold", "path": "gold.jsonl"}],
    ...         "strong": "big",
    ...         "weak": "small",
    ...         "seed": 7,
    ...         "out": "my-router",
    ...     }
    ... )  # doctest: +SKIP

    Args:
        spec: a mapping, or the path of a file of JSON. ``trainer`` has a ``kind``, ``linear``, ``knn``,
            ``logistic``, ``mf`` or ``sw_ranking``, and beside it hyperparameters. Each of ``sources`` has a
            ``kind``, ``votes``, ``gold``, ``judge`` (votes of a model that judges) or ``log`` (the outcome of
            one model a row), and a ``path`` or ``rows``: mappings, or a table of any library; where they are
            needed ``weight``, and ``columns``, what its columns are called by the name that they are read by.
            Sources of one kind are read as one. ``out`` is the folder to write. Where they are needed:
            ``strong``, ``weak``; ``candidates``, names or mappings as ``Router.open`` takes, to which the
            sources are then restricted; ``mean_output_tokens``; ``split``, a share of prompts that nothing
            is learned from, or a mapping with ``share`` and ``seed``; ``evaluation``, how these prompts are
            evaluated afterwards: a mapping of what :func:`routellm_rs.evaluate` takes but routers and data,
            which may be empty; ``models``, ``rename``, ``ties``
            (``drop``, ``half`` or ``weak_not_worse``), ``seed``, ``name``, ``read``, ``on_error``,
            ``timeout_ms``, ``provenance``; ``encoder``, a path,
            the name of an installed router, or a mapping with ``path``, ``parameters``, ``session`` and
            ``cache``, or with ``id`` and a ``path`` to embeddings of that model; ``calibration`` with
            ``path`` or ``prompts``, ``name`` and ``date``.
        progress: called with (stage, done, total); returning False, or raising, stops the training.

    Raises:
        InvalidArgumentError: for a wrong specification, malformed rows (naming file and line), unknown
            models or too little data.
        ResourceExhaustedError: if ``timeout_ms`` has passed.
        CancelledError: if ``progress`` returned False.
    """
    import json

    _runtime.announce()
    report: TrainReport = json.loads(_native.train_run(spec_of(spec), progress))
    return report


def mf(
    out: StrPath,
    *,
    encoder: StrPath | EncoderSpec | None = None,
    votes: Rows | None = None,
    gold: Rows | None = None,
    judge: Rows | None = None,
    embeddings: StrPath | Mapping[str, Iterable[float]] | None = None,
    embedding_model: str | None = None,
    strong: str | None = None,
    weak: str | None = None,
    models: Iterable[str] | None = None,
    calibration: Prompts | None = None,
    calibration_name: str | None = None,
    calibration_date: str | datetime.date | None = None,
    rename: Mapping[str, str] | None = None,
    name: str = "mf",
    seed: int = 42,
    dim: int = 128,
    epochs: int = 100,
    batch: int = 64,
    learning_rate: float = 3e-4,
    weight_decay: float = 1e-5,
    noise: float = 0.1,
    held_out: float = 0.05,
    patience: int | None = None,
    ties: Ties | None = None,
    shuffle: bool = True,
    read: Read | None = None,
    provenance: Mapping[str, Any] | None = None,
    cache: StrPath | None = None,
    on_error: OnTrainingError = "raise",
    timeout_ms: float | None = None,
    progress: Progress | None = None,
    **session: Unpack[SessionOptions],
) -> MfReport:
    """Train a matrix factorization router on dense vectors, by the reference's recipe (Adam).

    Options that :func:`linear` has too mean the same.

    Args:
        out: the folder to write.
        encoder: what turns prompts into vectors: the folder of an artifact, whose encoder is taken over; the
            name of an installed router (``mf-minilm``), likewise, unless a folder is called so; or a mapping
            with ``directory`` (where an ONNX model and a ``tokenizer.json`` lie) and its parameters.
        votes: votes; rows without a winner and models against themselves are dropped and counted. A row may
            say ``p_model_a``, how likely it is that the answer of ``model_a`` is better, instead of a winner.
        gold: gold rows; each two models of different quality make a comparison, whose target is one half
            and half the difference.
        judge: votes of a model that judges.
        embeddings: instead of an encoder, the vector of each prompt: a mapping, or a file with ``prompt`` and
            ``embedding`` in each row. The router then takes embeddings.
        embedding_model: the model that they are of.
        strong: the strong model; may be left out where there are only gold rows of two models.
        weak: the weak model, likewise.
        models: see :func:`linear`.
        calibration: see :func:`linear`.
        calibration_name: see :func:`linear`.
        calibration_date: see :func:`linear`.
        rename: other names for models of the gold rows.
        name: name of the artifact.
        seed: of start, order, noise and split.
        dim: dimension of the latent space.
        epochs: passes over the comparisons; the one with the least held-out loss is kept.
        batch: comparisons in one step.
        learning_rate: Adam's step.
        weight_decay: L2 penalty.
        noise: standard deviation of the noise on the embeddings.
        held_out: share of the prompts whose comparisons choose the epoch, in [0, 1); a hash of the prompt
            decides.
        patience: ends the training once the held-out loss has not fallen for so many epochs.
        ties: what a tie says: ``drop`` (nothing; the default), ``half`` (half a win for each) or
            ``weak_not_worse`` (a win of the weaker model).
        shuffle: whether each epoch goes over them in a new order.
        read: see :func:`linear`.
        provenance: see :func:`linear`.
        cache: a file of embeddings that were computed before: read if it exists, and written, so that a later
            training with more rows embeds the new prompts only.
        on_error: what becomes of a prompt that cannot be embedded: ``raise`` fails and names its row,
            ``leave_out`` goes on without it and counts it in the report.
        timeout_ms: longest time of the training, in milliseconds; a model that runs then is stopped.
        progress: see :func:`linear`.
        **session: how the encoder runs (``onnxruntime``, ``provider``, ``sessions`` ...): see
            :meth:`Router.open`.

    Raises:
        InvalidArgumentError: for malformed rows (naming the line), unknown models or no comparisons.
        TokenizeError, InferenceError: for a prompt that cannot be embedded, unless it is left out.
        UnsupportedError: if the encoder gives no dense vectors.
        ResourceExhaustedError: if ``timeout_ms`` has passed.
        CancelledError: if ``progress`` returned False.
    """
    import json

    options: dict[str, Any] = {
        "dim": dim,
        "epochs": epochs,
        "batch": batch,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "noise": noise,
        "held_out": held_out,
        "patience": patience,
        "shuffle": shuffle,
    }
    if encoder is None or judge is not None:
        if encoder is None and embeddings is None:
            raise InvalidArgumentError("encoder is missing: pass it, or embeddings")
        made: MfReport = trained(
            {"kind": "mf", **options},
            out,
            sources=(("votes", votes), ("gold", gold), ("judge", judge)),
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
        return made
    if embeddings is not None or embedding_model is not None:
        raise InvalidArgumentError("both encoder and embeddings are given: pass one of them")
    options |= {"seed": seed, "session": _options.opening("mf", session)}
    directory, spec = encoder_of(encoder)
    common = common_of(
        name=name,
        strong=strong,
        weak=weak,
        models=models,
        rename=rename,
        calibration=calibration,
        calibration_name=calibration_name,
        calibration_date=calibration_date,
        provenance=provenance,
        read=read,
        cache=cache,
        on_error=on_error,
        ties=ties,
        timeout_ms=timeout_ms,
    )
    vote_rows = None if votes is None else rows_of("votes", votes)
    gold_rows = None if gold is None else rows_of("gold", gold)
    _runtime.announce()
    report: MfReport = json.loads(
        _native.train_mf(out, vote_rows, gold_rows, directory, spec, common, options, progress)
    )
    return report


def sw_ranking(
    out: StrPath,
    *,
    votes: Rows | None = None,
    gold: Rows | None = None,
    encoder: StrPath | EncoderSpec | None = None,
    model_a: Iterable[str] | None = None,
    model_b: Iterable[str] | None = None,
    winner: Iterable[Winner] | Iterable[str] | None = None,
    embeddings: Embeddings | None = None,
    ids: Iterable[str] | None = None,
    strong: str | None = None,
    weak: str | None = None,
    models: Iterable[str] | None = None,
    calibration_date: str | datetime.date | None = None,
    tiers: int = 10,
    store: Store = "int8",
    weight_exponent: float = 1.0,
    texts: bool = False,
    cache: StrPath | None = None,
    rename: Mapping[str, str] | None = None,
    name: str = "sw-ranking",
    seed: int = 0,
    embedding_model: str = "caller",
    read: Read | None = None,
    provenance: Mapping[str, Any] | None = None,
    on_error: OnTrainingError = "raise",
    timeout_ms: float | None = None,
    progress: Progress | None = None,
    **session: Unpack[SessionOptions],
) -> SwRankingReport:
    """Build a router by similarity-weighted ranking: all votes count, each by how similar its prompt is.

    Pass either rows whose prompts are embedded here (``votes``, ``gold`` or both, and ``encoder``), or
    columns with embeddings of your own (``embeddings``, ``model_a``, ``model_b``, ``winner``); from columns
    comes a router that takes embeddings of the same model only. Options that :func:`mf` has too mean the
    same.

    Args:
        out: the folder to write; an artifact that is there already is replaced at once, at the end, and
            whatever else is in the folder stays. A symbolic link is written through.
        votes: votes; rows without a winner are dropped and counted.
        gold: gold rows; each becomes a vote between every two of its models, a tie if both were right or both
            wrong.
        encoder: see :func:`mf`.
        model_a: name of the first model of each vote.
        model_b: name of the second model of each vote.
        winner: ``model_a``, ``model_b``, ``tie`` or ``tie (bothbad)`` for each vote.
        embeddings: one row for each vote, as :meth:`Router.win_rates_from_embeddings` takes rows.
        ids: a name for each vote, shown in explanations. Rows bring their own.
        strong: the strong model unless the opener names another; together with ``weak``. By default they are
            the best and the worst rated model. Whichever they are, every pair of models of two tiers is
            calibrated when it is opened, by ratings on up to 2,000 prompts of the votes.
        weak: the weak model, likewise.
        models: see :func:`linear`.
        calibration_date: see :func:`linear`.
        tiers: number of tiers; models of one tier share a rating.
        store: how embeddings are stored: ``f32``, ``f16``, ``int8``, ``int4``, ``int2``, or ``clustered``.
        weight_exponent: how steeply similarity weighs; 1 is the paper's.
        texts: whether the prompts go into the artifact, for explanations. They may be private.
        cache: a file of embeddings that were computed before: read if it exists, and written, so that a later
            build with more votes embeds the new prompts only.
        rename: other names for models of the gold rows.
        name: name of the artifact.
        seed: of the store's rotation and of the clusters.
        embedding_model: name of the model behind ``embeddings``, for whoever opens the artifact.
        read: see :func:`linear`.
        provenance: see :func:`linear`.
        on_error: see :func:`mf`; the votes of a prompt that is left out are, too.
        timeout_ms: see :func:`mf`.
        progress: see :func:`linear`.
        **session: how the encoder runs (``onnxruntime``, ``provider``, ``sessions`` ...): see
            :meth:`Router.open`.

    Raises:
        InvalidArgumentError: for malformed rows (naming the line or the row), columns of different lengths,
            an embedding that is zero or not finite, rows and columns together, or a pair inside one tier,
            which would get one half on every prompt.
        TokenizeError, InferenceError: for a prompt that cannot be embedded, unless it is left out.
        UnsupportedError: if the encoder gives no dense vectors.
        ResourceExhaustedError: if ``timeout_ms`` has passed.
        CancelledError: if ``progress`` returned False.
    """
    import json

    how = (
        "pass votes= and/or gold= with encoder=, whose prompts are embedded here, or columns: embeddings=, "
        "model_a=, model_b= and winner="
    )
    of_session = _options.opening("sw_ranking", session)
    of_rows = {
        "votes": votes,
        "gold": gold,
        "encoder": encoder,
        "texts": texts or None,
        "cache": cache,
        "rename": rename or None,
        "models": models,
        "read": read,
        "on_error": None if on_error == "raise" else on_error,
        **of_session,
    }
    of_columns = {
        "embeddings": embeddings,
        "model_a": model_a,
        "model_b": model_b,
        "winner": winner,
        "ids": ids,
        "embedding_model": None if embedding_model == "caller" else embedding_model,
    }
    rows_given = [key for key, value in of_rows.items() if value is not None]
    columns_given = [key for key, value in of_columns.items() if value is not None]
    if rows_given and columns_given:
        raise InvalidArgumentError(f"{rows_given[0]} does not go with {columns_given[0]}: {how}")
    options = {
        "tiers": tiers,
        "store": store,
        "weight_exponent": weight_exponent,
        "seed": seed,
        "texts": texts,
        "session": of_session,
    }
    common = common_of(
        name=name,
        strong=strong,
        weak=weak,
        models=models,
        rename=rename,
        calibration_date=calibration_date,
        provenance=provenance,
        read=read,
        cache=cache,
        on_error=on_error,
        timeout_ms=timeout_ms,
    )
    if columns_given:
        if embeddings is None or model_a is None or model_b is None or winner is None:
            needed = ("embeddings", "model_a", "model_b", "winner")
            missing = ", ".join(key for key in needed if key not in columns_given)
            raise InvalidArgumentError(f"{columns_given[0]} without {missing}: {how}")
        answer = _native.train_sw_ranking_columns(
            out,
            embeddings,
            column("model_a", model_a),
            column("model_b", model_b),
            column("winner", winner),
            None if ids is None else column("ids", ids),
            embedding_model,
            common,
            options,
            progress,
        )
    else:
        if votes is None and gold is None:
            raise InvalidArgumentError(f"there are no votes: {how}")
        if encoder is None:
            raise InvalidArgumentError(f"{rows_given[0]} without encoder: {how}")
        directory, spec = encoder_of(encoder)
        vote_rows = None if votes is None else rows_of("votes", votes)
        gold_rows = None if gold is None else rows_of("gold", gold)
        _runtime.announce()
        answer = _native.train_sw_ranking(
            out, vote_rows, gold_rows, directory, spec, common, options, progress
        )
    report: SwRankingReport = json.loads(answer)
    # Pairs, so that JSON keeps their order.
    report["ratings"] = dict(report["ratings"])
    return report
