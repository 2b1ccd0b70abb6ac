"""How a router is opened, and what is known about it."""

from __future__ import annotations

from . import _bundled, _native, _options, _runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Mapping
    from typing import Any, Literal, Self, Unpack

    from ._training_data import Progress, Rows
    from ._types import CalibrationReport, OpenOptions, RouterInfo, RouterStats, StrPath


def _again(kind: type[Opened], opener: str, arguments: tuple[str, ...], options: dict[str, Any]) -> Opened:
    """Open a router that was pickled."""
    opened: Opened = getattr(kind, opener)(*arguments, **options)
    return opened


class Opened:
    """What is open: the part of a router that decides nothing."""

    # A dict and weak references cost a call nothing, and tests put mocks into objects.
    __slots__ = ("__dict__", "__weakref__", "_inner")
    _inner: _native.Router

    def __init__(self) -> None:
        raise TypeError("open a router by Router.default(), Router.bundled(name) or Router.open(path)")

    @classmethod
    def _of(cls, native: _native.Router) -> Self:
        router = object.__new__(cls)
        router._inner = native
        return router

    @classmethod
    def _open(cls, path: StrPath | None, options: dict[str, Any], bundled: str | None = None) -> Self:
        _runtime.announce()
        return cls._of(_native.Router.open(path, options, bundled))

    # Opening

    @classmethod
    def default(cls, **options: Unpack[OpenOptions]) -> Self:
        """Open the router inside this package: hashed features and a linear model; needs nothing else.

        Of the options of :meth:`open` it takes those that have an effect: ``strong``, ``weak``, ``mode``,
        ``read``.

        Raises:
            InvalidArgumentError: for a model that it does not know, or an option that has no effect on it.
        """
        return cls._of(_native.Router.open(None, _options.opening("Router.default", options)))

    @classmethod
    def open(cls, path: StrPath, **options: Unpack[OpenOptions]) -> Self:
        """Open an artifact, a checkpoint in the published RouteLLM layout, or an exported model.

        The folder may be written by a training meanwhile: you get the old router or the new one. Files of
        models and mapped stores must be replaced, never overwritten in place, while a router has them open.

        An exported model is a folder with the ONNX export of a sequence classifier or of a causal LM, its
        ``config.json`` and ``tokenizer.json``:

        >>> from routellm_rs import Router
        >>> judge = Router.open(
        ...     "smollm-onnx", strong="gpt-4", weak="mixtral", template="chat", score_tokens=["1", "2", "3"]
        ... )  # doctest: +SKIP

        Args:
            path: the folder.
            strong: the strong model, one of the router's candidates. An exported model knows no names,
                and needs it.
            weak: the weak model, likewise. A router with votes refuses two models of one tier, which
                would get one half on every prompt, unless ``mode`` is ``reference``.
            mode: the mathematics: ``exact`` (the default), or ``reference`` to do as lm-sys/RouteLLM
                does. Routers that know one mode take either.
            read: what of a chat is read, unless a call says otherwise: ``last_user``, ``all_user`` or
                ``conversation``; by default what the artifact says. Routers of prompts only.
            ids: whether every decision has an id: 128 bits, sortable by time, unlike that of any other
                decision. Without it a decision has one only if a hook or an adapter asks for it.
            names: names of one's own: of ``strong``, ``weak`` or any of the router's candidates, to the
                name that decisions, scores, explanations, hooks and the router's information give it.
                Candidates go on being chosen by the router's names.
            candidates: what is known about candidates, instead of what the artifact says: a list (JSON
                where the language has texts only) of objects with the ``name`` of a candidate and, if
                known, ``price`` (``{"input": 2.5, "output": 10, "date": "2026-01-31"}``, in USD per
                million tokens), ``context_length`` in tokens and ``capabilities`` (``["text",
                "vision"]``). Members that are absent leave what the artifact says, and so do candidates
                that are not named.
            mean_output_tokens: the number of tokens that an answer has on average, for expected costs; by
                default what the artifact says, or 256.
            calibration: a calibration instead of the artifact's: the path of the file that calibrating
                this router wrote, or what stands in it. One of another router or pair is refused.
            kind: what a folder without ``router.json`` is: ``bert`` (any sequence classifier),
                ``causal_llm`` or ``mf``; by default what the model's ``config.json`` tells. For an
                artifact, the kind that it has to be.
            onnxruntime: the path of ``libonnxruntime``. Without it, ``ROUTELLM_ORT_PATH``,
                ``ORT_DYLIB_PATH``, a library that the process has loaded, the language's own package of
                ONNX Runtime and the system are looked at. Only routers with a model to run need it.
            provider: where ONNX models run: ``cpu`` (the default); ``cuda``, an NVIDIA GPU, which is
                :class:`RuntimeUnavailableError` if it cannot be had; or ``auto``, a GPU if it can be had
                and else the processor, and the router's information tells which. A GPU needs the
                ``libonnxruntime`` that was built for it.
            device_id: which GPU, from 0; 0 by default. Providers ``cuda`` and ``auto`` only.
            memory_limit: the bytes of GPU memory that the sessions' arena may take; no limit of its own
                by default. Providers ``cuda`` and ``auto`` only.
            tf32: whether a GPU may compute float32 in TF32: faster, with 10 bits of mantissa, so that win
                rates differ from those of the processor by about 1e-3. It does not by default. Providers
                ``cuda`` and ``auto`` only.
            preset: the numbers of sessions and threads by name: ``latency``, one session with a thread
                for each core, four at most, or ``throughput``, one single-threaded session for each core.
                It excludes ``sessions`` and ``intra_threads``.
            sessions: the number of ONNX sessions, which run side by side: 1 to 256, 1 by default.
            intra_threads: the number of threads inside one ONNX session: 1 to 256, by default the smaller
                of the number of cores and 4. A router with votes reads them with as many, by default with
                one.
            max_waiting: how many calls may wait for a session, a batch counting once; any number by
                default. Beyond it a call is :class:`ResourceExhaustedError` at once, or a fallback if
                ``on_error`` says so. Routers with sessions only.
            out_of_distribution: what is decided for a prompt that no vote resembles: ``ignore`` (the
                default) leaves it to the win rate, as for any prompt; or ``strong``, or ``weak``. A
                strong share of 0 or 1 and a threshold above 1 still send nothing, everything and nothing
                to the strong model. Routers with votes only.
            min_similarity: the least similarity, in [-1, 1]: a prompt whose largest cosine similarity to
                any vote is below it is out of distribution. Without it, only a prompt is whose every
                similarity is 0 or less. Routers with votes only.
            mmap: whether the store of votes is read into memory when opening (``never``) or mapped
                (``always``); ``auto``, the default, reads stores of up to 256 MB and maps larger ones. A
                mapped store is shared between processes, and its file must not change while the router
                lives: replace it by a rename, never overwrite or truncate it, which can end the process
                with ``SIGBUS``. Routers with votes only.
            open_clusters: how many of the nearest clusters have their votes read one by one, at least 1;
                ``all`` gives the exact answer. It excludes ``error_target``. Clustered stores of routers
                with votes only.
            error_target: the largest estimated error of a win rate, in (0, 1]: clusters are read until it
                is reached. It excludes ``open_clusters``, of which ``all`` is exact. Clustered stores of
                routers with votes only.
            head: what the outputs of an exported classifier mean, by name or, with parameters, as an
                object (JSON where the language has texts only):
                - ``three_labels``: strong wins, tie, weak wins, as in the paper. The default for a model
                  with three outputs; there is none for others.
                - ``binary``: two labels. ``{"kind": "binary", "strong_label": 0}`` says which label is
                  that of the strong model, 1 by default. A single output is the logit of label 1.
                - ``regression``: one score ``x``. ``{"kind": "regression", "link": "sigmoid", "scale": 1,
                  "offset": 0}`` is the win rate ``link(scale * x + offset)``; the default link is
                  ``identity``, which holds it within [0, 1].
                - ``candidates``: one logit for each model. Then the strong and the weak model are two of
                  the labels in ``config.json``.
                A model that ends in the softmax is seen to give probabilities, which are taken as they
                are. Where its graph does not tell, ``{"kind": "three_labels", "probabilities": true}``
                does, and likewise for ``binary`` and ``candidates``. A head that does not fit the model's
                outputs is an error when opening.
            long_prompts: what an exported classifier does with prompts that are longer than it reads, by
                name or, with parameters, as an object: ``truncate`` (the default) cuts them, ``windows``
                reads them piece by piece: ``{"kind": "windows", "overlap": 32, "pooling": "mean",
                "max_windows": 8}`` are its defaults, and ``pooling`` may be ``max``. A prompt that was
                cut has ``truncated`` in its decision.
            template: how a question becomes the text that an exported causal LM reads:
                - a text with ``{question}`` (or ``{prompt}``) in it; braces that are meant are doubled;
                - ``chat``, the model's own chat template, or with parameters ``{"kind": "chat", "system":
                  "...", "user": "{question}", "add_generation_prompt": true}``, and ``"name"`` where the
                  model has several, in ``tokenizer_config.json`` or as files in
                  ``additional_chat_templates``;
                - ``routellm``, the published router's prompt, whose two files are beside its model. Then
                  it is the default; there is none for other models.
            score_tokens: the tokens of an exported causal LM that stand for the scores 1, 2, 3 ..., each
                by its text, which has to be one token of the vocabulary, or by its id; ``[[1]]`` to
                ``[[5]]`` by default.
            score_threshold: the score from which on the weak model is good enough, 2 to the number of
                scores, 4 by default: the win rate of an exported causal LM is 1 - P(score >= this).
            max_new_tokens: how many tokens an exported causal LM generates at most until one is a score,
                0 to 64, 6 by default. 0 takes the scores' probabilities as the next token, whatever the
                most likely one is. If none is a score, the win rate is 1, and the decision has
                ``no_score``.
            date: the day that a chat template gets where it asks for today's date (``strftime_now``), of
                the form ``2026-01-31``. The clock is never read, so that a router decides alike on every
                day, and such a template is refused without it. The template ``chat`` of exported models
                without an artifact only: an artifact keeps what it was written with.
            control_tokens: what becomes of control tokens that a prompt spells out, ``[SEP]`` or
                ``<|im_end|>`` for example: ``as_written`` makes them control tokens, as the reference
                does, and ``text`` reads them as text, those of the template excepted. They are the added
                tokens that ``tokenizer.json`` marks as special and, with a template or a prefix, those in
                brackets that it spells out, ``<think>`` for example; what a model reads as common text,
                as many do ``[INST]``, is text either way. By default ``as_written``, but ``text`` where
                ``template`` is ``chat``. Exported models without an artifact only: an artifact keeps what
                it was written with.
            file: which model in the folder is read, by its path in it, ``onnx/model_fp16.onnx`` for
                example; by default the first of the usual names, in the folder itself and then in its
                ``onnx``. Exported models without an artifact only: an artifact has one model.
            max_tokens: the number of tokens that an exported model reads of a prompt, special ones and an
                instruction included; by default what its files say.
            **options: those above. One that has no effect on the router is an error, and None is as
                good as absent.

        Raises:
            NotFoundError: if there is no such folder or file.
            InvalidModelError: if the artifact or the model is malformed or was altered.
            InvalidArgumentError: for a model that it does not know, or an option that has no effect on it.
            RuntimeUnavailableError: if it needs ONNX Runtime, or a GPU, and there is none.
        """
        return cls._open(path, _options.opening("Router.open", options))

    @classmethod
    def bundled(cls, name: str, **options: Unpack[OpenOptions]) -> Self:
        """Open a router that is installed: ``default`` or ``mf-minilm``. Options as :meth:`open`.

        Raises:
            NotFoundError: if there is none of that name, naming the package to install.
        """
        path = None if name == _bundled.DEFAULT else _bundled.artifact_path(name)
        return cls._open(path, _options.opening("Router.bundled", options), name)

    # Closing

    def close(self) -> None:
        """Refuse calls from now on, and give back the memory of the sessions when no call runs on them.

        Later calls raise :class:`InvalidArgumentError`. Calls that wait for a session raise
        :class:`CancelledError`; those that run go on. Closing twice does nothing. A ``with`` block closes its
        router at the end.
        """
        self._inner.close()

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._inner.closed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # What is known

    def threshold(self, *, strong_share: float | None = None) -> float:
        """Return the threshold at which this share goes to strong, or the artifact's own.

        For a share of 0 that is the next float above 1, for 1 it is 0. As ``threshold=`` of a call it decides
        like the share, but that 0 leaves prompts that no vote resembles to ``out_of_distribution``, where the
        share of 1 does not.

        Raises:
            InvalidArgumentError: for a share outside [0, 1], or a router without calibration.
        """
        return self._inner.threshold(None, strong_share)

    def stats(self) -> RouterStats:
        """Return how busy the router is now, and what it has done since it was opened, in this process."""
        import json

        stats: RouterStats = json.loads(self._inner.stats())
        return stats

    def share(self, strong_share: float) -> tuple[float, float]:
        """Return the threshold of a strong share, and the share of the calibration sample that it reaches.

        That is the nearest share that some threshold reaches, because equal win rates go to one side
        together; 0 and 1 are always reached, and need no calibration. In the mode ``reference`` the threshold
        is numpy's interpolated quantile of the sample, for 0 and 1 too.

        Raises:
            InvalidArgumentError: for a share outside [0, 1], or one between on a router without calibration.
        """
        return self._inner.share(strong_share)

    def calibrate(
        self,
        *,
        prompts: Iterable[str] | Rows | None = None,
        chats: Iterable[Any] | None = None,
        embeddings: Iterable[Iterable[float]] | None = None,
        win_rates: Iterable[float] | None = None,
        labels: Rows | None = None,
        strong_share: float | None = None,
        cost: float | None = None,
        pgr: float | None = None,
        quality: float | None = None,
        p_success: float | None = None,
        policy: Literal["threshold", "cost_weight"] | None = None,
        strong_quality: Iterable[float] | None = None,
        weak_quality: Iterable[float] | None = None,
        input_tokens: Iterable[int] | None = None,
        groups: Iterable[int] | None = None,
        group_by: str | None = None,
        slice_by: Iterable[str] = (),
        columns: Mapping[str, str] | None = None,
        further_requests: int | None = None,
        name: str | None = None,
        date: str | datetime.date | None = None,
        seed: int = 1,
        draws: int = 1000,
        timeout_ms: float | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Return a router that is calibrated on requests of your own; this one stays as it is.

        Both share the models: nothing is loaded again. :attr:`calibration_report` of the new one says what
        was found,
        :meth:`save_calibration` keeps it, and pickling takes it along.

        Args:
            prompts: a sample of prompts: texts, rows (a data frame, or mappings) with ``prompt``,
                ``messages`` or
                ``body`` (a request of OpenAI's API), or the path of a file of such rows.
            chats: a sample of chats, instead: lists of messages, or requests around them.
            embeddings: a sample of embeddings, instead.
            win_rates: win rates that this router gave, instead.
            labels: prompts with the qualities of both models' answers, in columns of the models' names,
                instead.
            strong_share: target: the share of the requests that goes to the strong model.
            cost: target: USD per 1,000 requests, at most, by the candidates' prices.
            pgr: target: the part of the gap between the models' qualities that is recovered, at least; with
                labels.
            quality: target: the mean quality, at least; with labels.
            p_success: target: the calibrated chance that the chosen model succeeds, at least; with labels.
            policy: ``threshold``, or ``cost_weight`` to compare all candidates, with ``cost``.
            strong_quality: labels of a sample that is no rows: the quality of the strong model's answers.
            weak_quality: likewise of the weak model's.
            input_tokens: tokens of each request of a sample that is no rows, for costs.
            groups: which members of a sample that is no rows belong together, by any number.
            group_by: a column of rows whose equal values belong together, a user for example.
            slice_by: columns of rows to slice by, beside length and code.
            columns: what columns are called, by the name that they are read by.
            further_requests: for how many requests the prediction interval is; as many as the sample has by
                default.
            name: how the sample is called.
            date: its day; today (UTC) by default.
            seed: of the bootstrap intervals.
            draws: of the bootstrap.
            timeout_ms: longest time of it all, in milliseconds.
            progress: called with (stage, done, total); returning False, or raising, stops the calibration.

        Raises:
            InvalidArgumentError: for a sample or a target that is wrong or cannot be met.
        """
        from ._calibration import specification

        spec = specification(
            prompts=prompts,
            chats=chats,
            embeddings=embeddings,
            win_rates=win_rates,
            labels=labels,
            slice_by=slice_by,
            date=date,
            strong_share=strong_share,
            cost=cost,
            pgr=pgr,
            quality=quality,
            p_success=p_success,
            policy=policy,
            strong_quality=None if strong_quality is None else list(strong_quality),
            weak_quality=None if weak_quality is None else list(weak_quality),
            input_tokens=None if input_tokens is None else list(input_tokens),
            groups=None if groups is None else list(groups),
            group_by=group_by,
            columns=None if columns is None else dict(columns),
            further_requests=further_requests,
            name=name,
            seed=seed,
            draws=draws,
        )
        return type(self)._of(self._inner.calibrate(spec, timeout_ms, progress))

    @property
    def calibration_report(self) -> CalibrationReport | None:
        """What the calibration found; None unless the router was calibrated, or opened with one."""
        import json

        text = self._inner.calibration_report
        report: CalibrationReport | None = None if text is None else json.loads(text)
        return report

    def save_calibration(self, path: StrPath) -> None:
        """Keep the calibration of a router that was calibrated.

        A ``path`` that ends in ``.json`` is a file, which the option ``calibration`` of :meth:`open` takes.
        Any other
        is a folder: that of the artifact, whose ``router.json`` is replaced at once, or a new one for a copy
        of it.
        """
        self._inner.save_calibration(path)

    def info(self) -> RouterInfo:
        """Return what is known: kind, models, featurizer, calibration, votes, model, runtime ..."""
        import json

        info: RouterInfo = json.loads(self._inner.info())
        return info

    @property
    def strong(self) -> str:
        """Name of the strong model."""
        return self._inner.strong

    @property
    def weak(self) -> str:
        """Name of the weak model."""
        return self._inner.weak

    @property
    def models(self) -> list[str]:
        """Names of the candidates."""
        return self._inner.models

    @property
    def embedding_dimension(self) -> int | None:
        """Length of the embeddings that this router takes; None if it reads hashed features."""
        return self._inner.embedding_dimension

    @property
    def fallbacks(self) -> int:
        """How many decisions of this router were fallbacks."""
        return self._inner.fallbacks

    def __repr__(self) -> str:
        info = self.info()
        return f"<Router {info['name']!r} ({info['kind']}): strong={self.strong!r}, weak={self.weak!r}>"

    # It is immutable.

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), *self._inner.source)
