"""The router."""

from __future__ import annotations

from ._asynchronous import completed
from ._opening import Opened
from .errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray

    from . import _native
    from ._native import Decision, DecisionEvent
    from ._types import BatchPrompt, Embeddings, Explanation, OnError, Prompt, Read


def _listed(texts: Iterable[str] | None) -> Iterable[str] | None:
    """Return texts that can be read twice, as a call may that is not made in place."""
    return texts if texts is None or isinstance(texts, (str, list, tuple)) else list(texts)


class Router(Opened):
    """Decides which model should answer a prompt.

    A router is immutable and may be used from any number of threads. Open one by :meth:`default`,
    :meth:`bundled` or :meth:`open`; to reload, open another and swap.

    A copy is the router itself. Pickled is how it was opened, by which path or name and with which options:
    who unpickles it opens it again, from the same folder, and without the callback of :meth:`on_decision`.
    """

    __slots__ = ()

    # Deciding

    def route(
        self,
        prompt: Prompt,
        *,
        threshold: float | None = None,
        strong_share: float | None = None,
        cost_weight: float | None = None,
        min_quality: float | None = None,
        budget: float | None = None,
        candidates: Iterable[str] | None = None,
        requires: Iterable[str] | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
        read: Read | None = None,
    ) -> Decision:
        """Decide for one prompt, a text or the messages of a chat.

        Args:
            prompt: what is scored: a text; or a chat as its list of messages, a request body around it or a
                single message, of which :func:`prompt_from_messages` says what counts.
            threshold: the threshold, in [0, 1]: strong if and only if the win rate is at least that. The
                next number above 1 is taken too, and sends nothing to strong, whatever the prompt and
                whatever ``out_of_distribution`` says. Without any policy the router's own default counts;
                two of them together are an error.
            strong_share: the strong share, in [0, 1]: the threshold at which this share of the
                calibration sample goes to strong, or the nearest that some threshold reaches. 0 sends
                nothing to strong and 1 everything, whatever the prompt and whatever
                ``out_of_distribution`` says; only ``on_error`` may decide otherwise. It excludes
                ``threshold``.
            cost_weight: the cost weight, 0 or more: the candidate with the most ``quality - cost_weight x
                cost`` is chosen, where ``cost`` is the expected cost in USD per 1,000 requests. So a
                weight of 0.1 gives up 0.1 of quality to save one dollar on 1,000 requests. Of equal ones
                the cheaper is chosen, then the one that the artifact names first. Every candidate that is
                left needs a price. It excludes the other policies.
            min_quality: the least quality, in [0, 1]: the cheapest candidate whose quality is at least
                that is chosen, of equally cheap ones the one that the artifact names first, and if none
                reaches it the best, of equally good ones the cheaper. Every candidate that is left needs
                a price. It excludes the other policies.
            budget: the budget in USD per 1,000 requests: it decides as the smallest ``cost_weight`` does
                with which the calibration sample costs no more than that on average, among the same
                candidates and with the same output tokens. The weight is looked for once and kept. A
                budget that even the cheapest candidates exceed is an error that says what they cost. It
                excludes the other policies.
            candidates: the candidates that may be chosen, by name; by default all of them. With
                ``threshold`` and ``strong_share``, a prompt whose side is left out goes to the other
                side; it is an error if neither is left.
            requires: the capabilities that the chosen candidate has to have, ``text``, ``vision``,
                ``tools``, ``json`` and ``audio`` for example, as the artifact or ``candidates`` says.
                Other candidates are left out as by ``candidates``. If nobody is left, the error says what
                each of them lacks.
            input_tokens: the number of tokens that the request has, each one of a batch. Without it they
                are estimated from the prompt that is scored, before it is cut: its bytes of UTF-8 divided
                by 4 and rounded up, at least 1. Candidates whose context is shorter than that are left
                out as by ``candidates``. An embedding has no bytes, so that its cost is known with this
                option only.
            output_tokens: the number of tokens that the answer is expected to have; by default
                ``mean_output_tokens``.
            on_error: what happens when a prompt cannot be scored, a chat has no text or a text is not
                Unicode. ``raise`` (the default) is an error. ``strong`` and ``weak`` decide for that
                side, and the name of a candidate for that one, with a fallback in the decision, which is
                counted; in calls that decide nothing, what could not be computed is NaN then. A side that
                is left out of the call gives way to the other one; a candidate that is left out is an
                error. Wrong options, and what is no prompt at all (a number, a list of texts), are errors
                all the same, and so is cancellation.
            timeout_ms: the longest time of the whole call in milliseconds, above 0, waiting for a session
                included. What is not scored by then is :class:`ResourceExhaustedError`, or what
                ``on_error`` says.
            read: what of a chat is read, instead of what the artifact says: ``last_user``, ``all_user``
                or ``conversation``. Of a text all of it is; an embedding has nothing to read, which is an
                error.

        Raises:
            InvalidArgumentError: for a wrong option, or a text that is not Unicode (a lone surrogate).
            ResourceExhaustedError: if ``timeout_ms`` has passed.
        """
        more = (cost_weight, min_quality, budget, candidates, requires, input_tokens, output_tokens)
        return self._inner.route(prompt, threshold, strong_share, on_error, timeout_ms, read, more)

    def route_batch(
        self,
        prompts: Iterable[BatchPrompt],
        *,
        threshold: float | None = None,
        strong_share: float | None = None,
        cost_weight: float | None = None,
        min_quality: float | None = None,
        budget: float | None = None,
        candidates: Iterable[str] | None = None,
        requires: Iterable[str] | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
        read: Read | None = None,
    ) -> list[Decision]:
        """Decide for many prompts, with the same bits as one by one. Options as :meth:`route`.

        Each is a text, the list of a chat's messages, or a request body. A message by itself is refused: then
        the batch is one chat, which :meth:`route` takes.
        """
        more = (cost_weight, min_quality, budget, candidates, requires, input_tokens, output_tokens)
        return self._inner.route_batch(prompts, threshold, strong_share, on_error, timeout_ms, read, more)

    def route_embedding(
        self,
        embedding: Embeddings,
        *,
        threshold: float | None = None,
        strong_share: float | None = None,
        cost_weight: float | None = None,
        min_quality: float | None = None,
        budget: float | None = None,
        candidates: Iterable[str] | None = None,
        requires: Iterable[str] | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
    ) -> Decision:
        """Decide for an embedding of your own, ``embedding_dimension`` numbers. Options as :meth:`route`.

        A C-contiguous buffer of float32 is read in place; do not write to it during the call. Buffers of
        float64 or float16, of the other byte order or another layout, and lists and tuples of numbers are
        copied to float32 in one pass, which takes about 2 nanoseconds a number, 20 from a list.

        Raises:
            InvalidArgumentError: if it holds what is no number (integers and booleans in an array, too), NaN
                or infinity, has another length, or this router reads hashed features.
        """
        more = (cost_weight, min_quality, budget, candidates, requires, input_tokens, output_tokens)
        return self._inner.route_embedding(embedding, threshold, strong_share, on_error, timeout_ms, more)

    def on_decision(self, callback: Callable[[DecisionEvent], object] | None) -> None:
        """Let ``callback`` hear of every decision: of each prompt once, those of a batch in their order.

        >>> from routellm_rs import Router
        >>> router, seen = Router.default(), []
        >>> router.on_decision(seen.append)
        >>> decision = router.route("Prove that there are infinitely many primes.")
        >>> seen[0].model == decision.model
        True

        It takes the place of the callback before; None takes that away, and then nothing is measured and no
        id is made. Fallbacks are decisions, too. Calls that raise decide nothing, and scores are no
        decisions. The events never hold a prompt.

        It runs before the call returns, in the thread that called; for the awaitable twins, where they do not
        decide in place, in one thread of this package that hands over all results. So it must be quick and
        must not wait for the router. It hears of the decisions that it makes itself, too. What it raises
        goes to :func:`sys.unraisablehook`, and the decision stands. The router keeps it until another one is
        set: a callback that refers to the router keeps both.

        Raises:
            InvalidArgumentError: if it is not callable.
        """
        self._inner.on_decision(callback)

    # Scores

    def win_rate(
        self,
        prompt: Prompt,
        *,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
        read: Read | None = None,
    ) -> float:
        """Return P(strong model's answer is preferred or needed) for one prompt, in [0, 1].

        Prompts of this and the other methods are as :meth:`route` takes them, and so are ``timeout_ms`` and
        ``read``. These calls decide nothing: with an ``on_error`` of ``strong`` or ``weak``, numbers that
        could not be computed are NaN instead of an error.
        """
        return self._inner.ask("win_rate", prompt, (on_error, timeout_ms, read))

    def win_rates(
        self,
        prompts: Iterable[BatchPrompt],
        *,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
        read: Read | None = None,
    ) -> list[float]:
        """Return the win rates of many prompts, with the same bits as one by one."""
        return self._inner.win_rates(prompts, (on_error, timeout_ms, read))

    def win_rate_from_embedding(
        self,
        embedding: Embeddings,
        *,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
    ) -> float:
        """Return the win rate for an embedding of your own, as :meth:`route_embedding` takes it."""
        return self._inner.ask("win_rate", embedding, (on_error, timeout_ms, None), embedding=True)

    def win_rates_from_embeddings(
        self,
        embeddings: Embeddings,
        *,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
    ) -> NDArray[np.float64]:
        """Return the win rates of the rows of ``embeddings``, n x d, or of n * d numbers one after the other.

        Rows may be a list of embeddings, too. What is copied is as for :meth:`route_embedding`.

        Raises:
            ImportError: without numpy (the extra ``numpy``).
            InvalidArgumentError: as :meth:`route_embedding`, naming the row.
        """
        return self._inner.win_rates_from_embeddings(embeddings, (on_error, timeout_ms, None))

    def candidate_scores(
        self,
        prompt: Prompt,
        *,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
        read: Read | None = None,
    ) -> dict[str, float]:
        """Return one score for each of :attr:`models`; higher is better.

        Raises:
            UnsupportedError: if the router knows its pair only.
        """
        inner = self._inner
        scores = inner.ask("candidate_scores", prompt, (on_error, timeout_ms, read))
        return dict(zip(inner.models, scores, strict=True))

    def candidate_scores_from_embedding(
        self,
        embedding: Embeddings,
        *,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
    ) -> dict[str, float]:
        """Return :meth:`candidate_scores` for an embedding of your own."""
        inner = self._inner
        scores = inner.ask("candidate_scores", embedding, (on_error, timeout_ms, None), embedding=True)
        return dict(zip(inner.models, scores, strict=True))

    def qualities(
        self,
        prompt: Prompt,
        *,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
        read: Read | None = None,
    ) -> dict[str, float]:
        """Return the quality of each of :attr:`models` on one prompt, in [0, 1].

        It is the score that a gold answer would give the candidate, as expected from rows that the training
        held out; or its expected win rate against the other candidates. ``info()["candidates"]`` says which,
        as ``quality``. NaN for a candidate that the votes compare with no other.

        Raises:
            UnsupportedError: if the router knows its pair only.
        """
        inner = self._inner
        found = inner.ask("qualities", prompt, (on_error, timeout_ms, read))
        return dict(zip(inner.models, found, strict=True))

    def qualities_batch(
        self,
        prompts: Iterable[BatchPrompt],
        *,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
        read: Read | None = None,
    ) -> list[dict[str, float]]:
        """Return :meth:`qualities` of many prompts, with the same bits as one by one."""
        inner = self._inner
        rows = inner.qualities_of(prompts, (on_error, timeout_ms, read))
        return [dict(zip(inner.models, row, strict=True)) for row in rows]

    def qualities_from_embedding(
        self,
        embedding: Embeddings,
        *,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
    ) -> dict[str, float]:
        """Return :meth:`qualities` for an embedding of your own."""
        inner = self._inner
        found = inner.ask("qualities", embedding, (on_error, timeout_ms, None), embedding=True)
        return dict(zip(inner.models, found, strict=True))

    def qualities_from_embeddings(
        self,
        embeddings: Embeddings,
        *,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
    ) -> list[dict[str, float]]:
        """Return :meth:`qualities` for the rows of ``embeddings``, in any form that win rates take them."""
        inner = self._inner
        rows = inner.qualities_of(embeddings, (on_error, timeout_ms, None), embeddings=True)
        return [dict(zip(inner.models, row, strict=True)) for row in rows]

    def similarity(
        self,
        prompt: Prompt,
        *,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
        read: Read | None = None,
    ) -> float:
        """Return the largest cosine similarity of a prompt to any vote, in [-1, 1].

        It says how far the prompt is from the data behind the router.

        Raises:
            UnsupportedError: if the router has no votes.
        """
        return self._inner.ask("similarity", prompt, (on_error, timeout_ms, read))

    def similarity_from_embedding(
        self,
        embedding: Embeddings,
        *,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
    ) -> float:
        """Return :meth:`similarity` for an embedding of your own."""
        return self._inner.ask("similarity", embedding, (on_error, timeout_ms, None), embedding=True)

    def explain(
        self,
        prompt: Prompt,
        k: int = 10,
        *,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
        read: Read | None = None,
    ) -> Explanation:
        """Return why a prompt gets its score: ratings of the models, and the ``k`` votes that weighed most.

        Where ``on_error`` covers an error, the explanation has a ``fallback`` with its ``kind`` and its
        ``reason``; the numbers are NaN then, and the lists empty.

        Raises:
            UnsupportedError: if the router has no votes.
        """
        return _explanation(self._inner.ask("explain", prompt, (on_error, timeout_ms, read), k))

    def explain_embedding(
        self,
        embedding: Embeddings,
        k: int = 10,
        *,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
    ) -> Explanation:
        """Return :meth:`explain` for an embedding of your own."""
        given = (on_error, timeout_ms, None)
        return _explanation(self._inner.ask("explain", embedding, given, k, embedding=True))

    def embed(
        self,
        prompt: Prompt,
        *,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
        read: Read | None = None,
    ) -> NDArray[np.float32]:
        """Return the embedding of a prompt by this router's encoder, ``embedding_dimension`` numbers.

        Raises:
            ImportError: without numpy (the extra ``numpy``).
            UnsupportedError: if its features are sparse or come from the caller.
        """
        return self._inner.ask("embed", prompt, (on_error, timeout_ms, read))

    # Awaitable twins

    async def aroute(
        self,
        prompt: Prompt,
        *,
        threshold: float | None = None,
        strong_share: float | None = None,
        cost_weight: float | None = None,
        min_quality: float | None = None,
        budget: float | None = None,
        candidates: Iterable[str] | None = None,
        requires: Iterable[str] | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
        read: Read | None = None,
    ) -> Decision:
        """Do as :meth:`route`, off the event loop; cancelling the task stops the call.

        ``timeout_ms`` counts from the call, waiting for a session included. What takes less than about 50
        microseconds, such as a short prompt for the default router, is decided in place.
        """
        inner = self._inner
        more = (
            *(cost_weight, min_quality, budget),
            *(_listed(candidates), _listed(requires)),
            *(input_tokens, output_tokens),
        )
        decision = inner.route_in_place(prompt, threshold, strong_share, on_error, timeout_ms, read, more)
        if decision is not None:
            return decision
        return await completed(
            lambda done: inner.route_async(
                prompt, done, threshold, strong_share, on_error, timeout_ms, read, more
            )
        )

    async def aroute_batch(
        self,
        prompts: Iterable[BatchPrompt],
        *,
        threshold: float | None = None,
        strong_share: float | None = None,
        cost_weight: float | None = None,
        min_quality: float | None = None,
        budget: float | None = None,
        candidates: Iterable[str] | None = None,
        requires: Iterable[str] | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
        read: Read | None = None,
    ) -> list[Decision]:
        """Do as :meth:`route_batch`, off the event loop; cancelling the task stops the call."""
        inner = self._inner
        more = (cost_weight, min_quality, budget, candidates, requires, input_tokens, output_tokens)
        return await completed(
            lambda done: inner.route_batch_async(
                prompts, done, threshold, strong_share, on_error, timeout_ms, read, more
            )
        )

    async def awin_rate(
        self,
        prompt: Prompt,
        *,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
        read: Read | None = None,
    ) -> float:
        """Do as :meth:`win_rate`, off the event loop; cancelling the task stops the call."""
        inner, given = self._inner, (on_error, timeout_ms, read)
        rate = inner.ask_in_place("win_rate", prompt, given)
        if rate is not None:
            return rate
        return await completed(lambda done: inner.ask_async("win_rate", prompt, done, given))

    async def awin_rates(
        self,
        prompts: Iterable[BatchPrompt],
        *,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
        read: Read | None = None,
    ) -> list[float]:
        """Do as :meth:`win_rates`, off the event loop; cancelling the task stops the call."""
        inner, given = self._inner, (on_error, timeout_ms, read)
        return await completed(lambda done: inner.win_rates_async(prompts, done, given))

    async def acandidate_scores(
        self,
        prompt: Prompt,
        *,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
        read: Read | None = None,
    ) -> dict[str, float]:
        """Do as :meth:`candidate_scores`, off the event loop; cancelling the task stops the call."""
        inner, given = self._inner, (on_error, timeout_ms, read)
        scores = inner.ask_in_place("candidate_scores", prompt, given)
        if scores is None:
            later: list[float] = await completed(
                lambda done: inner.ask_async("candidate_scores", prompt, done, given)
            )
            scores = later
        return dict(zip(inner.models, scores, strict=True))

    async def aqualities(
        self,
        prompt: Prompt,
        *,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
        read: Read | None = None,
    ) -> dict[str, float]:
        """Do as :meth:`qualities`, off the event loop; cancelling the task stops the call."""
        inner, given = self._inner, (on_error, timeout_ms, read)
        found = inner.ask_in_place("qualities", prompt, given)
        if found is None:
            later: list[float] = await completed(
                lambda done: inner.ask_async("qualities", prompt, done, given)
            )
            found = later
        return dict(zip(inner.models, found, strict=True))

    async def aqualities_batch(
        self,
        prompts: Iterable[BatchPrompt],
        *,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
        read: Read | None = None,
    ) -> list[dict[str, float]]:
        """Do as :meth:`qualities_batch`, off the event loop; cancelling the task stops the call."""
        inner, given = self._inner, (on_error, timeout_ms, read)
        rows: list[list[float]] = await completed(lambda done: inner.qualities_of_async(prompts, done, given))
        return [dict(zip(inner.models, row, strict=True)) for row in rows]

    async def asimilarity(
        self,
        prompt: Prompt,
        *,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
        read: Read | None = None,
    ) -> float:
        """Do as :meth:`similarity`, off the event loop; cancelling the task stops the call."""
        inner, given = self._inner, (on_error, timeout_ms, read)
        return await completed(lambda done: inner.ask_async("similarity", prompt, done, given))

    async def aexplain(
        self,
        prompt: Prompt,
        k: int = 10,
        *,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
        read: Read | None = None,
    ) -> Explanation:
        """Do as :meth:`explain`, off the event loop; cancelling the task stops the call."""
        inner, given = self._inner, (on_error, timeout_ms, read)
        return _explanation(await completed(lambda done: inner.ask_async("explain", prompt, done, given, k)))

    async def aembed(
        self,
        prompt: Prompt,
        *,
        on_error: OnError | str = "raise",
        timeout_ms: float | None = None,
        read: Read | None = None,
    ) -> NDArray[np.float32]:
        """Do as :meth:`embed`, off the event loop; cancelling the task stops the call."""
        inner, given = self._inner, (on_error, timeout_ms, read)
        return await completed(lambda done: inner.ask_async("embed", prompt, done, given))


def _explanation(json_text: str) -> Explanation:
    import json

    explanation: Explanation = json.loads(json_text)
    if "fallback" in explanation:
        # JSON has no NaN.
        explanation["win_rate"] = explanation["similarity"] = float("nan")
    return explanation


def _inner_of(router: Router) -> _native.Router:
    if not isinstance(router, Router):
        raise InvalidArgumentError(f"router is of type {type(router).__name__}, expected Router")
    return router._inner


class ReloadableRouter(Router):
    """A router that can be exchanged while calls run.

    >>> from routellm_rs import ReloadableRouter, Router
    >>> router = ReloadableRouter(Router.default())
    >>> old = router.replace(Router.default())

    Every call is made on one router from beginning to end: those that run or wait while :meth:`replace` is
    called finish on the old one, and none fails.

    A copy is on the same router, until one of them gets another; pickled is the router of that moment.
    """

    __slots__ = ()

    def __init__(self, router: Router) -> None:
        self._inner = _inner_of(router)

    def replace(self, router: Router) -> Router:
        """Let ``router`` take over, and return a router for what was in use before.

        The old one goes, with its memory, when nothing holds it and the last call on it has ended. Do not
        close it: that ends the calls that wait on it. Who hears of its decisions (:meth:`on_decision`) hears
        of those of ``router``, too, unless that has a callback of its own.
        """
        new = _inner_of(router)
        old = Router._of(self._inner)
        new.inherit_hook(self._inner)
        self._inner = new
        return old

    def __copy__(self) -> Self:
        return self._of(self._inner)

    def __deepcopy__(self, memo: object) -> Self:
        return self._of(self._inner)
