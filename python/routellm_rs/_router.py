"""The router."""

from __future__ import annotations

from ._asynchronous import off_loop
from ._messages import text_of, texts_of
from ._opening import Opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from ._native import CancelToken, Decision
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
        return self._inner.route(text, threshold, strong_share, on_error, None, timeout_ms)

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
        return self._inner.route_batch(texts, threshold, strong_share, on_error, None, timeout_ms)

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
        timeout_ms: float | None = None,
    ) -> Decision:
        """Do as :meth:`route`, off the event loop; cancelling the task stops the call."""
        text = text_of(prompt)

        def call(cancel: CancelToken, time_left: float | None) -> Decision:
            return self._inner.route(text, threshold, strong_share, on_error, cancel, time_left)

        return await off_loop(call, timeout_ms)

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
        texts = texts_of(prompts)

        def call(cancel: CancelToken, time_left: float | None) -> list[Decision]:
            return self._inner.route_batch(texts, threshold, strong_share, on_error, cancel, time_left)

        return await off_loop(call, timeout_ms)

    async def awin_rate(self, prompt: Prompt) -> float:
        """Do as :meth:`win_rate`, off the event loop; cancelling the task stops the call."""
        text = text_of(prompt)
        return await off_loop(lambda cancel, _: self._inner.win_rate(text, cancel))

    async def awin_rates(self, prompts: Iterable[Prompt]) -> list[float]:
        """Do as :meth:`win_rates`, off the event loop; cancelling the task stops the call."""
        texts = texts_of(prompts)
        return await off_loop(lambda cancel, _: self._inner.win_rates(texts, cancel))
