"""The router."""

from __future__ import annotations

from . import _bundled, _native, _runtime
from ._asynchronous import off_loop
from ._messages import text_of, texts_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal, NoReturn, Self

    import numpy as np
    from numpy.typing import NDArray

    from ._native import CancelToken, Decision
    from ._types import (
        Embeddings,
        Explanation,
        Mode,
        OnError,
        OutOfDistribution,
        Prompt,
        RouterInfo,
        StrPath,
    )


class Router:
    """Decides which model should answer a prompt.

    A router is immutable and may be used from any number of threads. Open one by :meth:`default`,
    :meth:`bundled` or :meth:`open`; to reload, open another and swap.
    """

    __slots__ = ("_inner",)
    _inner: _native.Router

    def __init__(self) -> None:
        raise TypeError("open a router by Router.default(), Router.bundled(name) or Router.open(path)")

    @classmethod
    def _of(cls, native: _native.Router) -> Self:
        router = object.__new__(cls)
        router._inner = native
        return router

    # Opening

    @classmethod
    def default(cls, *, strong: str | None = None, weak: str | None = None, mode: Mode = "exact") -> Self:
        """Open the router inside this package: hashed features and a linear model; needs nothing else.

        Raises:
            InvalidArgumentError: for a model that it does not know.
        """
        return cls._of(_native.Router.open(None, strong, weak, mode))

    @classmethod
    def open(
        cls,
        path: StrPath,
        *,
        strong: str | None = None,
        weak: str | None = None,
        mode: Mode = "exact",
        onnxruntime: StrPath | None = None,
        sessions: int | None = None,
        intra_threads: int | None = None,
        out_of_distribution: OutOfDistribution = "ignore",
        min_similarity: float | None = None,
        open_clusters: int | Literal["all"] | None = None,
        error_target: float | None = None,
    ) -> Self:
        """Open an artifact, or a checkpoint in the published RouteLLM layout.

        Args:
            path: the folder.
            strong: the strong model, one of the artifact's; its own by default.
            weak: the weak model, likewise.
            mode: ``exact``, or ``reference`` to do as lm-sys/RouteLLM does.
            onnxruntime: path of ``libonnxruntime``; otherwise ``ROUTELLM_ORT_PATH``, ``ORT_DYLIB_PATH``, one
                that is loaded already, the package ``onnxruntime`` and the system are looked at.
            sessions: ONNX sessions, which run side by side; 1 by default.
            intra_threads: threads inside one session, the smaller of the number of cores and 4 by default;
                and of the scan of a router's votes, 1 by default.
            out_of_distribution: what is decided for a prompt that no vote resembles: ``strong``, ``weak``,
                or ``ignore``, so that its win rate decides as for any prompt. This and what follows is for
                routers with votes (similarity-weighted ranking) only.
            min_similarity: such is a prompt whose largest cosine similarity to any vote is below this, in
                [-1, 1]. Without it, only a prompt is whose every similarity is 0 or less.
            open_clusters: how many of the nearest clusters have their votes read one by one; ``all`` gives
                the exact answer (clustered stores only).
            error_target: clusters are read until the estimated error of every win rate is at most this, in
                (0, 1] (clustered stores only; instead of ``open_clusters``).

        Raises:
            NotFoundError: if there is no such folder or file.
            InvalidModelError: if the artifact is malformed or was altered.
            InvalidArgumentError: for a model that it does not know, or an option that has no effect on it.
            RuntimeUnavailableError: if it needs ONNX Runtime and there is none.
        """
        _runtime.announce()
        native = _native.Router.open(
            path,
            strong,
            weak,
            mode,
            onnxruntime,
            sessions,
            intra_threads,
            out_of_distribution,
            min_similarity,
            open_clusters,
            error_target,
        )
        return cls._of(native)

    @classmethod
    def bundled(
        cls,
        name: str,
        *,
        strong: str | None = None,
        weak: str | None = None,
        mode: Mode = "exact",
        onnxruntime: StrPath | None = None,
        sessions: int | None = None,
        intra_threads: int | None = None,
        out_of_distribution: OutOfDistribution = "ignore",
        min_similarity: float | None = None,
        open_clusters: int | Literal["all"] | None = None,
        error_target: float | None = None,
    ) -> Self:
        """Open a router that is installed: ``default`` or ``mf-minilm``. Options as :meth:`open`.

        Raises:
            NotFoundError: if there is none of that name, naming the package to install.
        """
        path = None if name == _bundled.DEFAULT else _bundled.artifact_path(name)
        _runtime.announce()
        native = _native.Router.open(
            path,
            strong,
            weak,
            mode,
            onnxruntime,
            sessions,
            intra_threads,
            out_of_distribution,
            min_similarity,
            open_clusters,
            error_target,
        )
        return cls._of(native)

    # Deciding

    def route(
        self,
        prompt: Prompt,
        *,
        threshold: float | None = None,
        strong_share: float | None = None,
        on_error: OnError = "raise",
    ) -> Decision:
        """Decide for one prompt, a text or the messages of a chat.

        Args:
            prompt: what is scored.
            threshold: strong if and only if ``win_rate >= threshold``, in [0, 1].
            strong_share: the threshold at which this share of the calibration sample goes to strong, in
                [0, 1]. With neither the artifact's own threshold holds; with both it is an error.
            on_error: ``strong`` or ``weak`` decides for a prompt that cannot be scored; ``fallback`` is set.
                Wrong options, and messages without a text, raise all the same.

        Raises:
            InvalidArgumentError: for a wrong option, or a text that is not Unicode (a lone surrogate).
        """
        text = prompt if type(prompt) is str else text_of(prompt)
        return self._inner.route(text, threshold, strong_share, on_error)

    def route_batch(
        self,
        prompts: Iterable[Prompt],
        *,
        threshold: float | None = None,
        strong_share: float | None = None,
        on_error: OnError = "raise",
    ) -> list[Decision]:
        """Decide for many prompts, with the same bits as one by one. Options as :meth:`route`."""
        return self._inner.route_batch(texts_of(prompts), threshold, strong_share, on_error)

    def route_embedding(
        self,
        embedding: Embeddings,
        *,
        threshold: float | None = None,
        strong_share: float | None = None,
        on_error: OnError = "raise",
    ) -> Decision:
        """Decide for an embedding of your own, a C-contiguous buffer of ``embedding_dimension`` float32.

        It is read in place; do not write to it during the call. Options as :meth:`route`.

        Raises:
            InvalidArgumentError: if it has another type or length, holds NaN or infinity, or this router
                reads hashed features.
        """
        return self._inner.route_embedding(embedding, threshold, strong_share, on_error)

    # Scores

    def win_rate(self, prompt: Prompt) -> float:
        """Return P(strong model's answer is preferred or needed) for one prompt, in [0, 1]."""
        return self._inner.win_rate(text_of(prompt))

    def win_rates(self, prompts: Iterable[Prompt]) -> list[float]:
        """Return the win rates of many prompts, with the same bits as one by one."""
        return self._inner.win_rates(texts_of(prompts))

    def win_rate_from_embedding(self, embedding: Embeddings) -> float:
        """Return the win rate for an embedding of your own, as :meth:`route_embedding` takes it."""
        return self._inner.win_rate_from_embedding(embedding)

    def win_rates_from_embeddings(self, embeddings: Embeddings) -> NDArray[np.float64]:
        """Return the win rates of the rows of ``embeddings``, n x d, or a flat buffer of n * d numbers.

        Raises:
            ImportError: without numpy (the extra ``numpy``).
            InvalidArgumentError: as :meth:`route_embedding`, naming the row.
        """
        return self._inner.win_rates_from_embeddings(embeddings)

    def candidate_scores(self, prompt: Prompt) -> dict[str, float]:
        """Return one score for each of :attr:`models`; higher is better.

        Raises:
            UnsupportedError: if the router knows its pair only.
        """
        return dict(zip(self.models, self._inner.candidate_scores(text_of(prompt)), strict=True))

    def candidate_scores_from_embedding(self, embedding: Embeddings) -> dict[str, float]:
        """Return :meth:`candidate_scores` for an embedding of your own."""
        scores = self._inner.candidate_scores_from_embedding(embedding)
        return dict(zip(self.models, scores, strict=True))

    def similarity(self, prompt: Prompt) -> float:
        """Return the largest cosine similarity of a prompt to any vote, in [-1, 1].

        It says how far the prompt is from the data behind the router.

        Raises:
            UnsupportedError: if the router has no votes.
        """
        return self._inner.similarity(text_of(prompt))

    def similarity_from_embedding(self, embedding: Embeddings) -> float:
        """Return :meth:`similarity` for an embedding of your own."""
        return self._inner.similarity_from_embedding(embedding)

    def explain(self, prompt: Prompt, k: int = 10) -> Explanation:
        """Return why a prompt gets its score: ratings of the models, and the ``k`` votes that weighed most.

        Raises:
            UnsupportedError: if the router has no votes.
        """
        import json

        explanation: Explanation = json.loads(self._inner.explain(text_of(prompt), k))
        return explanation

    def explain_embedding(self, embedding: Embeddings, k: int = 10) -> Explanation:
        """Return :meth:`explain` for an embedding of your own."""
        import json

        explanation: Explanation = json.loads(self._inner.explain_embedding(embedding, k))
        return explanation

    def embed(self, prompt: Prompt) -> NDArray[np.float32]:
        """Return the embedding of a prompt by this router's encoder, ``embedding_dimension`` numbers.

        Raises:
            ImportError: without numpy (the extra ``numpy``).
            UnsupportedError: if its features are sparse or come from the caller.
        """
        return self._inner.embed(text_of(prompt))

    # Awaitable twins

    async def aroute(
        self,
        prompt: Prompt,
        *,
        threshold: float | None = None,
        strong_share: float | None = None,
        on_error: OnError = "raise",
    ) -> Decision:
        """Do as :meth:`route`, off the event loop; cancelling the task stops the call."""
        text = text_of(prompt)

        def call(cancel: CancelToken) -> Decision:
            return self._inner.route(text, threshold, strong_share, on_error, cancel)

        return await off_loop(call)

    async def aroute_batch(
        self,
        prompts: Iterable[Prompt],
        *,
        threshold: float | None = None,
        strong_share: float | None = None,
        on_error: OnError = "raise",
    ) -> list[Decision]:
        """Do as :meth:`route_batch`, off the event loop; cancelling the task stops the call."""
        texts = texts_of(prompts)

        def call(cancel: CancelToken) -> list[Decision]:
            return self._inner.route_batch(texts, threshold, strong_share, on_error, cancel)

        return await off_loop(call)

    async def awin_rate(self, prompt: Prompt) -> float:
        """Do as :meth:`win_rate`, off the event loop; cancelling the task stops the call."""
        text = text_of(prompt)
        return await off_loop(lambda cancel: self._inner.win_rate(text, cancel))

    async def awin_rates(self, prompts: Iterable[Prompt]) -> list[float]:
        """Do as :meth:`win_rates`, off the event loop; cancelling the task stops the call."""
        texts = texts_of(prompts)
        return await off_loop(lambda cancel: self._inner.win_rates(texts, cancel))

    # What is known

    def threshold(self, *, strong_share: float | None = None) -> float:
        """Return the threshold at which this share goes to strong, or the artifact's own.

        Raises:
            InvalidArgumentError: for a share outside [0, 1], or a router without calibration.
        """
        return self._inner.threshold(None, strong_share)

    def info(self) -> RouterInfo:
        """Return what is known: kind, models, featurizer, calibration, votes, runtime, provenance."""
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
