"""From a column of prompts to columns of results, for every engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar

if TYPE_CHECKING:
    from routellm_rs._router import Router

T = TypeVar("T")


class RouteOptions(TypedDict, total=False):
    """The options of :meth:`routellm_rs.Router.route_batch`, whose prompts here are texts."""

    threshold: float | None
    strong_share: float | None
    on_error: Literal["raise", "strong", "weak"]
    timeout_ms: float | None


def routed(
    router: Router, prompts: Sequence[str | None], options: RouteOptions
) -> tuple[list[str | None], list[float | None]]:
    """Return the chosen models and the win rates of prompts; of a null both are null."""

    def decide(texts: list[str]) -> list[tuple[str, float | None]]:
        return [(decision.model, decision.win_rate) for decision in router.route_batch(texts, **options)]

    rows = _of_present(prompts, decide)
    return [row and row[0] for row in rows], [row and row[1] for row in rows]


def embedded(router: Router, prompts: Sequence[str | None]) -> list[Any]:
    """Return the embeddings of prompts, arrays of float32; of a null it is null."""
    runtime = router.info()["runtime"]
    sessions = runtime["sessions"] if runtime else 1

    def embed(texts: list[str]) -> list[Any]:
        if sessions == 1:
            return [router.embed(text) for text in texts]
        # One call for each session; the lock is free while they run.
        with ThreadPoolExecutor(sessions) as pool:
            return list(pool.map(router.embed, texts))

    return _of_present(prompts, embed)


def dimension(router: Router) -> int:
    """Return how many numbers an embedding has."""
    return int(router.info()["featurizer"]["dimension"])


def _of_present(prompts: Sequence[str | None], work: Callable[[list[str]], list[T]]) -> list[T | None]:
    """Return what work makes of the prompts that are not null, in their places."""
    results = iter(work([prompt for prompt in prompts if prompt is not None]))
    return [None if prompt is None else next(results) for prompt in prompts]


def added(names: Sequence[str], known: Sequence[str], column: str) -> None:
    """Refuse to take the place of a column, and a column of prompts that is not there."""
    from routellm_rs.errors import InvalidArgumentError

    if column not in known:
        raise InvalidArgumentError(f'there is no column "{column}": name the one with the prompts by column=')
    for name in names:
        if name in known:
            raise InvalidArgumentError(f'there is a column "{name}" already: rename or drop it first')
