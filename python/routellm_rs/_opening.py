"""How a router is opened, and what is known about it."""

from __future__ import annotations

from . import _bundled, _native, _options, _runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Literal, NoReturn, Self

    from ._types import (
        HeadName,
        HeadSpec,
        Kind,
        LongPromptsName,
        LongPromptsSpec,
        MapStore,
        Mode,
        OutOfDistribution,
        Preset,
        Provider,
        Read,
        RouterInfo,
        RouterStats,
        StrPath,
        TemplateSpec,
    )


class Opened:
    """What is open: the part of a router that decides nothing."""

    __slots__ = ("_inner",)
    _inner: _native.Router

    def __init__(self) -> None:
        raise TypeError("open a router by Router.default(), Router.bundled(name) or Router.open(path)")

    @classmethod
    def _of(cls, native: _native.Router) -> Self:
        router = object.__new__(cls)
        router._inner = native
        return router

    @classmethod
    def _open(cls, path: StrPath | None, options: dict[str, Any]) -> Self:
        _runtime.announce()
        return cls._of(_native.Router.open(path, options))

    # Opening

    @classmethod
    def default(
        cls,
        *,
        strong: str | None = None,
        weak: str | None = None,
        mode: Mode = "exact",
        read: Read | None = None,
    ) -> Self:
        """Open the router inside this package: hashed features and a linear model; needs nothing else.

        Raises:
            InvalidArgumentError: for a model that it does not know.
        """
        return cls._of(
            _native.Router.open(None, _options.opening(strong=strong, weak=weak, mode=mode, read=read))
        )

    @classmethod
    def open(
        cls,
        path: StrPath,
        *,
        strong: str | None = None,
        weak: str | None = None,
        mode: Mode = "exact",
        read: Read | None = None,
        onnxruntime: StrPath | None = None,
        provider: Provider | None = None,
        device_id: int | None = None,
        memory_limit: int | None = None,
        tf32: bool | None = None,
        preset: Preset | None = None,
        sessions: int | None = None,
        intra_threads: int | None = None,
        max_waiting: int | None = None,
        out_of_distribution: OutOfDistribution = "ignore",
        min_similarity: float | None = None,
        mmap: MapStore | None = None,
        open_clusters: int | Literal["all"] | None = None,
        error_target: float | None = None,
        kind: Kind | None = None,
        head: HeadName | HeadSpec | None = None,
        long_prompts: LongPromptsName | LongPromptsSpec | None = None,
        template: str | TemplateSpec | None = None,
        score_tokens: Iterable[str | int] | None = None,
        score_threshold: int | None = None,
        max_new_tokens: int | None = None,
        max_tokens: int | None = None,
    ) -> Self:
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
            strong: the strong model, one of the artifact's; its own by default. For an exported model, which
                knows no names, it is needed.
            weak: the weak model, likewise. A router with votes refuses two models of one tier, which would
                get one half on every prompt, unless ``mode`` is ``reference``.
            mode: ``exact``, or ``reference`` to do as lm-sys/RouteLLM does.
            read: what of a chat is read unless a call says otherwise: ``last_user``, ``all_user`` or
                ``conversation``; what the artifact says by default. Routers of prompts only.
            onnxruntime: path of ``libonnxruntime``; otherwise ``ROUTELLM_ORT_PATH``, ``ORT_DYLIB_PATH``, one
                that is loaded already, the package ``onnxruntime`` and the system are looked at.
            provider: where ONNX models run: ``cpu`` (default); ``cuda``, which is an error if it cannot be
                had; or ``auto``, which falls back to the processor, and :meth:`info` tells.
            device_id: which GPU, from 0 (``cuda`` and ``auto``).
            memory_limit: bytes of GPU memory that the model's arena may take (``cuda`` and ``auto``).
            tf32: whether a GPU may compute float32 in TF32: faster, with 10 bits of mantissa, so that win
                rates differ from those of the processor by about 1e-3. It does not by default (``cuda`` and
                ``auto``).
            preset: numbers of sessions and threads by name: ``latency`` for one caller, ``throughput`` for
                many.
            sessions: ONNX sessions, which run side by side; 1 by default.
            intra_threads: threads inside one session, the smaller of the number of cores and 4 by default;
                and of the scan of a router's votes, 1 by default.
            max_waiting: how many calls may wait for a session, a batch counting once; any number by default.
                Beyond it a call is a ``ResourceExhaustedError`` at once, or a fallback if ``on_error`` says
                so.
            out_of_distribution: what is decided for a prompt that no vote resembles: ``strong``, ``weak``,
                or ``ignore``, so that its win rate decides as for any prompt. A strong share of 0 or 1
                and a threshold above 1 still send nothing, everything and nothing to strong. This and the
                next four are for routers with votes (similarity-weighted ranking) only.
            min_similarity: such is a prompt whose largest cosine similarity to any vote is below this, in
                [-1, 1]. Without it, only a prompt is whose every similarity is 0 or less.
            mmap: whether the store of votes is read into memory (``never``) or mapped (``always``); ``auto``,
                the default, maps stores of more than 256 MB. A mapped store is shared between processes, and
                its file must be replaced, never overwritten or truncated: that can end the process.
            open_clusters: how many of the nearest clusters have their votes read one by one; ``all`` gives
                the exact answer (clustered stores only).
            error_target: clusters are read until the estimated error of every win rate is at most this, in
                (0, 1] (clustered stores only; instead of ``open_clusters``).
            kind: what a folder that is no artifact holds: ``bert`` (any sequence classifier), ``causal_llm``
                or ``mf``; its ``config.json`` tells by default. For an artifact, the kind that it has to be.
                What follows is for exported models only.
            head: what the outputs of a classifier mean: ``three_labels`` (strong wins, tie, weak wins; the
                default for three outputs), ``binary``, ``regression``, ``candidates``, or a mapping with
                parameters: ``{"kind": "binary", "strong_label": 0}``,
                ``{"kind": "regression", "link": "sigmoid", "scale": 1, "offset": 0}``.
            long_prompts: what a classifier does with a prompt that is longer than it reads: ``truncate``
                (default), ``windows``, or a mapping with parameters: ``{"kind": "windows", "overlap": 32,
                "pooling": "mean", "max_windows": 8}``.
            template: how a prompt becomes the text that a causal LM reads: a text with ``{question}`` or
                ``{prompt}`` in it (braces that are meant are doubled); ``chat`` for the model's own chat
                template; ``routellm`` for the published router's, the default where its files are; or a
                mapping with parameters: ``{"kind": "chat", "system": "...", "user": "{question}",
                "add_generation_prompt": True}``.
            score_tokens: the tokens of a causal LM that stand for the scores 1, 2, 3 ..., by text or by id;
                ``[[1]]`` to ``[[5]]`` by default.
            score_threshold: the win rate is 1 - P(score >= this); 4 by default.
            max_new_tokens: how many tokens a causal LM generates at most until one is a score, 6 by default;
                0 takes the scores' probabilities as the next token, whatever the most likely one is.
            max_tokens: tokens that the model reads; what its files say by default.

        Raises:
            NotFoundError: if there is no such folder or file.
            InvalidModelError: if the artifact or the model is malformed or was altered.
            InvalidArgumentError: for a model that it does not know, or an option that has no effect on it.
            RuntimeUnavailableError: if it needs ONNX Runtime, or a GPU, and there is none.
        """
        options = _options.opening(
            strong=strong,
            weak=weak,
            mode=mode,
            read=read,
            onnxruntime=onnxruntime,
            provider=provider,
            device_id=device_id,
            memory_limit=memory_limit,
            tf32=tf32,
            preset=preset,
            sessions=sessions,
            intra_threads=intra_threads,
            max_waiting=max_waiting,
            out_of_distribution=out_of_distribution,
            min_similarity=min_similarity,
            mmap=mmap,
            open_clusters=open_clusters,
            error_target=error_target,
            kind=kind,
            head=head,
            long_prompts=long_prompts,
            template=template,
            score_tokens=score_tokens,
            score_threshold=score_threshold,
            max_new_tokens=max_new_tokens,
            max_tokens=max_tokens,
        )
        return cls._open(path, options)

    @classmethod
    def bundled(
        cls,
        name: str,
        *,
        strong: str | None = None,
        weak: str | None = None,
        mode: Mode = "exact",
        read: Read | None = None,
        onnxruntime: StrPath | None = None,
        provider: Provider | None = None,
        device_id: int | None = None,
        memory_limit: int | None = None,
        tf32: bool | None = None,
        preset: Preset | None = None,
        sessions: int | None = None,
        intra_threads: int | None = None,
        max_waiting: int | None = None,
        out_of_distribution: OutOfDistribution = "ignore",
        min_similarity: float | None = None,
        mmap: MapStore | None = None,
        open_clusters: int | Literal["all"] | None = None,
        error_target: float | None = None,
    ) -> Self:
        """Open a router that is installed: ``default`` or ``mf-minilm``. Options as :meth:`open`.

        Raises:
            NotFoundError: if there is none of that name, naming the package to install.
        """
        path = None if name == _bundled.DEFAULT else _bundled.artifact_path(name)
        options = _options.opening(
            strong=strong,
            weak=weak,
            mode=mode,
            read=read,
            onnxruntime=onnxruntime,
            provider=provider,
            device_id=device_id,
            memory_limit=memory_limit,
            tf32=tf32,
            preset=preset,
            sessions=sessions,
            intra_threads=intra_threads,
            max_waiting=max_waiting,
            out_of_distribution=out_of_distribution,
            min_similarity=min_similarity,
            mmap=mmap,
            open_clusters=open_clusters,
            error_target=error_target,
        )
        return cls._open(path, options)

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

    def __reduce__(self) -> NoReturn:
        raise TypeError("a router cannot be pickled: open it where it is used, from the same path")
