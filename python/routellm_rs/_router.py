"""The router."""

from __future__ import annotations

from ._asynchronous import completed
from ._messages import text_of, texts_of
from ._opening import Opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from ._native import Decision
    from ._types import Embeddings, Explanation, OnError, Prompt


class Router(Opened):
    """Decides which model should answer a prompt.

    A router is immutable and may be used from any number of threads. Open one by :meth:`default`,
    :meth:`bundled` or :meth:`open`; to reload, open another and swap.
    """

    __slots__ = ()

    # Deciding

    def route(
        self,
        prompt: Prompt,
        *,
        threshold: float | None = None,
        strong_share: float | None = None,
        on_error: OnError = "raise",
        timeout_ms: float | None = None,
    ) -> Decision:
        """Decide for one prompt, a text or the messages of a chat.

        Args:
            prompt: what is scored.
            threshold: strong if and only if ``win_rate >= threshold``, in [0, 1]; or the next float above 1,
                which sends nothing to strong.
            strong_share: the threshold at which this share of the calibration sample goes to strong, in
                [0, 1], or the nearest that some threshold reaches (see :meth:`share`). 0 sends nothing to
                strong and 1 everything, whatever the prompt and ``out_of_distribution``; only ``on_error``
                may decide otherwise. With neither the artifact's own threshold holds; with both it is an
                error.
            on_error: ``strong`` or ``weak`` decides for a prompt that cannot be scored; ``fallback`` is set.
                Wrong options, and messages without a text, raise all the same.
            timeout_ms: longest time of the whole call, in milliseconds. A prompt that is not scored by then
                is an error, or a fallback if ``on_error`` says so.

        Raises:
            InvalidArgumentError: for a wrong option, or a text that is not Unicode (a lone surrogate).
            ResourceExhaustedError: if ``timeout_ms`` has passed.
        """
        text = prompt if type(prompt) is str else text_of(prompt)
        return self._inner.route(text, threshold, strong_share, on_error, timeout_ms)

    def route_batch(
        self,
        prompts: Iterable[Prompt],
        *,
        threshold: float | None = None,
        strong_share: float | None = None,
        on_error: OnError = "raise",
        timeout_ms: float | None = None,
    ) -> list[Decision]:
        """Decide for many prompts, with the same bits as one by one. Options as :meth:`route`."""
        texts = texts_of(prompts)
        return self._inner.route_batch(texts, threshold, strong_share, on_error, timeout_ms)

    def route_embedding(
        self,
        embedding: Embeddings,
        *,
        threshold: float | None = None,
        strong_share: float | None = None,
        on_error: OnError = "raise",
        timeout_ms: float | None = None,
    ) -> Decision:
        """Decide for an embedding of your own, a C-contiguous buffer of ``embedding_dimension`` float32.

        It is read in place; do not write to it during the call. Options as :meth:`route`.

        Raises:
            InvalidArgumentError: if it has another type or length, holds NaN or infinity, or this router
                reads hashed features.
        """
        return self._inner.route_embedding(embedding, threshold, strong_share, on_error, timeout_ms)

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
        inner = self._inner
        return dict(zip(inner.models, inner.candidate_scores(text_of(prompt)), strict=True))

    def candidate_scores_from_embedding(self, embedding: Embeddings) -> dict[str, float]:
        """Return :meth:`candidate_scores` for an embedding of your own."""
        inner = self._inner
        return dict(zip(inner.models, inner.candidate_scores_from_embedding(embedding), strict=True))

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
        timeout_ms: float | None = None,
    ) -> Decision:
        """Do as :meth:`route`, off the event loop; cancelling the task stops the call.

        ``timeout_ms`` counts from the call, waiting for a session included. What takes less than about 50
        microseconds, such as a short prompt for the default router, is decided in place.
        """
        text, inner = text_of(prompt), self._inner
        if inner.is_quick(text):
            return inner.route(text, threshold, strong_share, on_error, timeout_ms)
        return await completed(
            lambda done: inner.route_async(text, done, threshold, strong_share, on_error, timeout_ms)
        )

    async def aroute_batch(
        self,
        prompts: Iterable[Prompt],
        *,
        threshold: float | None = None,
        strong_share: float | None = None,
        on_error: OnError = "raise",
        timeout_ms: float | None = None,
    ) -> list[Decision]:
        """Do as :meth:`route_batch`, off the event loop; cancelling the task stops the call."""
        texts, inner = texts_of(prompts), self._inner
        return await completed(
            lambda done: inner.route_batch_async(texts, done, threshold, strong_share, on_error, timeout_ms)
        )

    async def awin_rate(self, prompt: Prompt) -> float:
        """Do as :meth:`win_rate`, off the event loop; cancelling the task stops the call."""
        text, inner = text_of(prompt), self._inner
        if inner.is_quick(text):
            return inner.win_rate(text)
        (rate,) = await completed(lambda done: inner.win_rates_async([text], done))
        return rate

    async def awin_rates(self, prompts: Iterable[Prompt]) -> list[float]:
        """Do as :meth:`win_rates`, off the event loop; cancelling the task stops the call."""
        texts, inner = texts_of(prompts), self._inner
        return await completed(lambda done: inner.win_rates_async(texts, done))


class ReloadableRouter(Router):
    """A router that can be exchanged while calls run.

    >>> from routellm_rs import ReloadableRouter, Router
    >>> router = ReloadableRouter(Router.default())
    >>> old = router.replace(Router.default())

    Every call is made on one router from beginning to end: those that run or wait while :meth:`replace` is
    called finish on the old one, and none fails.
    """

    __slots__ = ()

    def __init__(self, router: Router) -> None:
        self._inner = router._inner

    def replace(self, router: Router) -> Router:
        """Let ``router`` take over, and return a router for what was in use before.

        The old one goes, with its memory, when nothing holds it and the last call on it has ended. Do not
        close it: that ends the calls that wait on it.
        """
        old = Router._of(self._inner)
        self._inner = router._inner
        return old
