"""The native half: argument conversion around the core. Not a public interface."""

from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Final, Literal, TypeAlias, TypedDict, final, overload

import numpy as np
from numpy.typing import NDArray

from ._types import BatchPrompt, Chat, Embeddings, Prompt, Side, StrPath

__all__ = [
    "CancelToken",
    "Decision",
    "DecisionEvent",
    "Job",
    "Router",
    "__version__",
    "doctor",
    "end_completions",
    "error_kinds",
    "evaluate",
    "open_option_names",
    "panic_in_core",
    "prompt_from_messages",
    "set_package_library",
    "train_decontaminate",
    "train_from_export",
    "train_linear",
    "train_mf",
    "train_run",
    "train_sw_ranking",
    "train_sw_ranking_columns",
    "upgrade_artifact",
]

__version__: str

# on_error, timeout_ms and read.
_Given: TypeAlias = tuple[str | None, float | None, str | None]

class _DecisionDict(TypedDict):
    model: str
    side: Side | None
    # <faces:dict>
    win_rate: float | None
    threshold: float | None
    truncated: bool
    similarity: float | None
    out_of_distribution: bool
    no_score: bool
    propensity: float
    id: str | None
    candidate: int | None
    quality: float | None
    expected_cost: float | None
    # </faces:dict>
    fallback: bool
    fallback_kind: str | None
    fallback_reason: str | None

@final
class Decision:
    """Which model should answer, and why. Immutable; compares by value, can be hashed, copied and pickled.

    It is a mapping of its fields, too: ``decision["model"]``, ``dict(decision)``. pydantic takes it as a
    field of a model, and FastAPI as a response.
    """

    __match_args__: Final = ("model", "side", "win_rate", "threshold")

    def __new__(
        cls,
        model: str,
        side: Side | None,
        win_rate: float | None,
        threshold: float | None,
        truncated: bool = False,
        fallback_kind: str | None = None,
        fallback_reason: str | None = None,
        similarity: float | None = None,
        out_of_distribution: bool = False,
        no_score: bool = False,
        # <faces:parameters>
        propensity: float = 1.0,
        id: str | None = None,  # noqa: A002
        candidate: int | None = None,
        quality: float | None = None,
        expected_cost: float | None = None,
        # </faces:parameters>
        *,
        fallback: bool | None = None,
    ) -> Decision: ...
    @property
    def model(self) -> str:
        """Name of the chosen model."""
    @property
    def side(self) -> Side | None:
        """The chosen side.

        None outside the policies of the pair, ``threshold`` and ``strong_share``, and for a candidate that is
        on neither.
        """
    # <faces:properties>
    @property
    def win_rate(self) -> float | None:
        """P(strong model's answer is preferred or needed), in [0, 1].

        None in a fallback and outside the policies of the pair, ``threshold`` and ``strong_share``.
        """
    @property
    def threshold(self) -> float | None:
        """The threshold that the win rate was compared with: in [0, 1], or the next number above 1.

        None outside the policies of the pair.
        """
    @property
    def truncated(self) -> bool:
        """Whether the prompt was longer than the router reads, and was cut."""
    @property
    def similarity(self) -> float | None:
        """The largest cosine similarity to any vote that was read, in [-1, 1].

        A clustered store reads the votes of some clusters, the router's own similarity reads all. It is
        None in a fallback and for routers without votes.
        """
    @property
    def out_of_distribution(self) -> bool:
        """Whether the prompt is farther from every vote than the router was told to trust.

        Then ``out_of_distribution`` may have decided instead of the win rate.
        """
    @property
    def no_score(self) -> bool:
        """Whether a causal LM gave no score token, so that the win rate is 1, as in the reference."""
    @property
    def propensity(self) -> float:
        """The probability that the side had of being chosen, in (0, 1].

        It is 1 unless a policy leaves something to chance.
        """
    @property
    def id(self) -> str | None:
        """The decision's id, which sorts by time and is unlike that of any other decision.

        36 characters, a UUID of version 7. It is None unless a hook, an adapter or ``ids`` asks for it.
        """
    @property
    def candidate(self) -> int | None:
        """The number of the chosen candidate, from 0, in the order of the router's models."""
    @property
    def quality(self) -> float | None:
        """The quality that the chosen candidate is expected to have on this prompt, in [0, 1].

        None in a fallback, and for ``threshold`` and ``strong_share``, which compute none.
        """
    @property
    def expected_cost(self) -> float | None:
        """What the request is expected to cost in USD.

        The chosen candidate's price for the input tokens and the output tokens; None without a price, and
        for an embedding without input tokens.
        """
    # </faces:properties>
    @property
    def fallback(self) -> bool:
        """Whether ``on_error`` decided, because the prompt could not be scored."""
    @property
    def fallback_kind(self) -> str | None:
        """The kind of the error behind a fallback, such as ``InvalidArgument``, or None."""
    @property
    def fallback_reason(self) -> str | None:
        """The message of the error behind a fallback, or None."""
    def as_dict(self) -> _DecisionDict:
        """Return the decision as plain data, ready for ``json.dumps``."""
    def keys(self) -> KeysView[str]:
        """Return the names of the fields."""
    def values(self) -> ValuesView[Any]:
        """Return the values of the fields."""
    def items(self) -> ItemsView[str, Any]:
        """Return the names of the fields, each with its value."""
    def get(self, name: object, default: Any = None, /) -> Any:
        """Return the value of a field, or ``default`` if there is none of that name."""
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[str]: ...
    def __contains__(self, name: object, /) -> bool: ...
    def __getitem__(self, name: str, /) -> Any: ...
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[type[Decision], tuple[Any, ...]]: ...

class _DecisionEventDict(TypedDict):
    id: str
    model: str
    side: Side | None
    win_rate: float | None
    threshold: float | None
    candidate: int
    quality: float | None
    expected_cost: float | None
    propensity: float
    fallback_kind: str | None
    queue_ns: int
    score_ns: int
    total_ns: int
    index: int
    batch_size: int

@final
class DecisionEvent:
    """What :meth:`Router.on_decision` tells of a decision. Immutable; the prompt is not in it."""

    @property
    def id(self) -> str:
        """The decision's id: a UUID of version 7 in lower case, which sorts by time.

        No two decisions have the same one, also not in a process and its forked children.
        """
    @property
    def model(self) -> str:
        """Name of the chosen model."""
    @property
    def side(self) -> Side | None:
        """The chosen side.

        None outside the policies of the pair, ``threshold`` and ``strong_share``, and for a candidate that is
        on neither.
        """
    @property
    def win_rate(self) -> float | None:
        """P(strong model's answer is preferred or needed), in [0, 1].

        None in a fallback and outside the policies of the pair.
        """
    @property
    def threshold(self) -> float | None:
        """The threshold that the win rate was compared with; None outside the policies of the pair."""
    @property
    def candidate(self) -> int:
        """The number of the chosen candidate, from 0, in the order of the router's models."""
    @property
    def quality(self) -> float | None:
        """The quality that the chosen candidate is expected to have, in [0, 1].

        None in a fallback and for the policies of the pair.
        """
    @property
    def expected_cost(self) -> float | None:
        """What the request is expected to cost in USD; None if that is not known."""
    @property
    def propensity(self) -> float:
        """The probability that the side had of being chosen, in (0, 1]: 1, as none is left to chance."""
    @property
    def fallback_kind(self) -> str | None:
        """The kind of the error behind a fallback, such as ``InvalidArgument``, or None."""
    @property
    def queue_ns(self) -> int:
        """Nanoseconds from the beginning of the call until the prompt's turn.

        That is the wait for a session, and for prompts of the same batch that came before; all of the time if
        the turn never came.
        """
    @property
    def score_ns(self) -> int:
        """Nanoseconds for features and score together.

        Prompts that a model reads in one run have the time of that run each.
        """
    @property
    def total_ns(self) -> int:
        """Nanoseconds from the beginning of the call until all of its decisions were made."""
    @property
    def index(self) -> int:
        """The prompt's place in its batch, from 0; 0 for a prompt alone."""
    @property
    def batch_size(self) -> int:
        """How many prompts the call had; 1 for a prompt alone."""
    def as_dict(self) -> _DecisionEventDict:
        """Return the event as plain data, ready for ``json.dumps``."""

@final
class CancelToken:
    def __new__(cls) -> CancelToken: ...
    def cancel(self) -> None: ...
    @property
    def cancelled(self) -> bool: ...

@final
class Router:
    @staticmethod
    def open(
        path: StrPath | None,
        options: dict[str, Any] | None = None,
        bundled: str | None = None,
    ) -> Router: ...
    def calibrate(
        self,
        spec: str,
        timeout_ms: float | None = None,
        progress: Callable[[str, int, int], bool | None] | None = None,
    ) -> Router: ...
    @property
    def calibration_report(self) -> str | None: ...
    def save_calibration(self, path: StrPath) -> None: ...
    @property
    def source(self) -> tuple[str, tuple[str, ...], dict[str, Any]]: ...
    def route(
        self,
        prompt: Prompt,
        threshold: float | None = None,
        strong_share: float | None = None,
        on_error: str | None = None,
        timeout_ms: float | None = None,
        read: str | None = None,
        more: tuple[object, ...] | None = None,
    ) -> Decision: ...
    def route_batch(
        self,
        prompts: Iterable[BatchPrompt],
        threshold: float | None = None,
        strong_share: float | None = None,
        on_error: str | None = None,
        timeout_ms: float | None = None,
        read: str | None = None,
        more: tuple[object, ...] | None = None,
    ) -> list[Decision]: ...
    def route_in_place(
        self,
        prompt: Prompt,
        threshold: float | None = None,
        strong_share: float | None = None,
        on_error: str | None = None,
        timeout_ms: float | None = None,
        read: str | None = None,
        more: tuple[object, ...] | None = None,
    ) -> Decision | None: ...
    def route_async(
        self,
        prompt: Prompt,
        done: Callable[[Any, Exception | None], object],
        threshold: float | None = None,
        strong_share: float | None = None,
        on_error: str | None = None,
        timeout_ms: float | None = None,
        read: str | None = None,
        more: tuple[object, ...] | None = None,
    ) -> CancelToken: ...
    def route_batch_async(
        self,
        prompts: Iterable[BatchPrompt],
        done: Callable[[Any, Exception | None], object],
        threshold: float | None = None,
        strong_share: float | None = None,
        on_error: str | None = None,
        timeout_ms: float | None = None,
        read: str | None = None,
        more: tuple[object, ...] | None = None,
    ) -> CancelToken: ...
    def route_embedding(
        self,
        embedding: Embeddings,
        threshold: float | None = None,
        strong_share: float | None = None,
        on_error: str | None = None,
        timeout_ms: float | None = None,
        more: tuple[object, ...] | None = None,
    ) -> Decision: ...
    @overload
    def ask(
        self,
        what: Literal["win_rate"],
        asked: Prompt | Embeddings,
        given: _Given,
        k: int = 0,
        *,
        embedding: bool = False,
    ) -> float: ...
    @overload
    def ask(
        self,
        what: Literal["candidate_scores", "qualities"],
        asked: Prompt | Embeddings,
        given: _Given,
        k: int = 0,
        *,
        embedding: bool = False,
    ) -> list[float]: ...
    @overload
    def ask(
        self,
        what: Literal["similarity"],
        asked: Prompt | Embeddings,
        given: _Given,
        k: int = 0,
        *,
        embedding: bool = False,
    ) -> float: ...
    @overload
    def ask(
        self,
        what: Literal["explain"],
        asked: Prompt | Embeddings,
        given: _Given,
        k: int = 0,
        *,
        embedding: bool = False,
    ) -> str: ...
    @overload
    def ask(
        self,
        what: Literal["embed"],
        asked: Prompt | Embeddings,
        given: _Given,
        k: int = 0,
        *,
        embedding: bool = False,
    ) -> NDArray[np.float32]: ...
    @overload
    def ask_in_place(
        self,
        what: Literal["win_rate"],
        asked: Prompt | Embeddings,
        given: _Given,
        k: int = 0,
        *,
        embedding: bool = False,
    ) -> float | None: ...
    @overload
    def ask_in_place(
        self,
        what: Literal["candidate_scores", "qualities"],
        asked: Prompt | Embeddings,
        given: _Given,
        k: int = 0,
        *,
        embedding: bool = False,
    ) -> list[float] | None: ...
    @overload
    def ask_in_place(
        self,
        what: Literal["similarity"],
        asked: Prompt | Embeddings,
        given: _Given,
        k: int = 0,
        *,
        embedding: bool = False,
    ) -> float | None: ...
    @overload
    def ask_in_place(
        self,
        what: Literal["explain"],
        asked: Prompt | Embeddings,
        given: _Given,
        k: int = 0,
        *,
        embedding: bool = False,
    ) -> str | None: ...
    @overload
    def ask_in_place(
        self,
        what: Literal["embed"],
        asked: Prompt | Embeddings,
        given: _Given,
        k: int = 0,
        *,
        embedding: bool = False,
    ) -> NDArray[np.float32] | None: ...
    def ask_async(
        self,
        what: str,
        asked: Prompt | Embeddings,
        done: Callable[[Any, Exception | None], object],
        given: _Given,
        k: int = ...,
        *,
        embedding: bool = False,
    ) -> CancelToken: ...
    def win_rates(self, prompts: Iterable[BatchPrompt], given: _Given | None = None) -> list[float]: ...
    def win_rates_async(
        self,
        prompts: Iterable[BatchPrompt],
        done: Callable[[Any, Exception | None], object],
        given: _Given | None = None,
    ) -> CancelToken: ...
    def qualities_of(
        self,
        asked: Iterable[BatchPrompt] | Embeddings,
        given: _Given,
        *,
        embeddings: bool = False,
    ) -> list[list[float]]: ...
    def qualities_of_async(
        self,
        prompts: Iterable[BatchPrompt],
        done: Callable[[Any, Exception | None], object],
        given: _Given,
    ) -> CancelToken: ...
    def win_rates_from_embeddings(self, embeddings: Embeddings, given: _Given) -> NDArray[np.float64]: ...
    def threshold(self, threshold: float | None = None, strong_share: float | None = None) -> float: ...
    def on_decision(self, callback: Callable[[DecisionEvent], object] | None) -> None: ...
    def inherit_hook(self, other: Router) -> None: ...
    def close(self) -> None: ...
    @property
    def closed(self) -> bool: ...
    def stats(self) -> str: ...
    def share(self, strong_share: float) -> tuple[float, float]: ...
    def info(self) -> str: ...
    @property
    def strong(self) -> str: ...
    @property
    def weak(self) -> str: ...
    @property
    def models(self) -> list[str]: ...
    @property
    def embedding_dimension(self) -> int | None: ...
    @property
    def fallbacks(self) -> int: ...

def prompt_from_messages(messages: Chat, read: str | None = None) -> str: ...
def upgrade_artifact(path: StrPath) -> bool: ...
def doctor(artifact: StrPath | None = None) -> str: ...
def set_package_library(path: str | None, description: str) -> None: ...
def error_kinds() -> list[tuple[str, int, str]]: ...
def open_option_names() -> list[str]: ...
def panic_in_core() -> None: ...

@final
class Job:
    """A job that makes labels, and its journal on the disk."""

    def __new__(cls, spec: str) -> Job: ...
    def next(self, now_ms: int) -> tuple[tuple[int, str, str] | None, int | None, bool]: ...
    def receive(
        self, attempt: int, now_ms: int, reply: tuple[int | None, int | None, str, bool]
    ) -> str | None: ...
    def stop(self) -> None: ...
    def estimate(self) -> str: ...
    def progress(self) -> tuple[str, int, int]: ...
    def to_grade(self) -> str: ...
    def result(self, grades: str | None = None) -> str: ...

def end_completions() -> None: ...
def evaluate(
    spec: StrPath | bytes,
    progress: Callable[[str, int, int], bool | None] | None = None,
) -> str: ...
def train_decontaminate(
    given: str,
    encoder: StrPath | None = None,
    progress: Callable[[str, int, int], bool | None] | None = None,
) -> str: ...
def train_linear(
    out: StrPath,
    gold: StrPath | bytes,
    common: Mapping[str, Any],
    options: Mapping[str, Any],
    progress: Callable[[str, int, int], bool | None] | None = None,
) -> str: ...
def train_mf(
    out: StrPath,
    votes: StrPath | bytes | None,
    gold: StrPath | bytes | None,
    encoder: StrPath,
    spec: str | None,
    common: Mapping[str, Any],
    options: Mapping[str, Any],
    progress: Callable[[str, int, int], bool | None] | None = None,
) -> str: ...
def train_run(
    spec: StrPath | bytes,
    progress: Callable[[str, int, int], bool | None] | None = None,
) -> str: ...
def train_sw_ranking(
    out: StrPath,
    votes: StrPath | bytes | None,
    gold: StrPath | bytes | None,
    encoder: StrPath,
    spec: str | None,
    common: Mapping[str, Any],
    options: Mapping[str, Any],
    progress: Callable[[str, int, int], bool | None] | None = None,
) -> str: ...
def train_sw_ranking_columns(
    out: StrPath,
    embeddings: Embeddings,
    model_a: list[str],
    model_b: list[str],
    winner: list[str],
    ids: list[str] | None,
    embedding_model: str,
    common: Mapping[str, Any],
    options: Mapping[str, Any],
    progress: Callable[[str, int, int], bool | None] | None = None,
) -> str: ...
def train_from_export(
    out: StrPath,
    directory: StrPath,
    given: dict[str, Any],
    calibration: Mapping[str, Any],
    progress: Callable[[str, int, int], bool | None] | None = None,
) -> Router: ...
