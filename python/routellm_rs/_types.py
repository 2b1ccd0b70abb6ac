"""Types that appear in signatures. Imported by type checkers only."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NotRequired, Protocol, TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer


class SupportsMessage(Protocol):
    """A message of a client's SDK."""

    @property
    def content(self) -> Any: ...


class SupportsMessages(Protocol):
    """A request of a client's SDK."""

    @property
    def messages(self) -> Any: ...


Messages: TypeAlias = Sequence[Any]
"""The messages of a chat, each a mapping or an object with ``role``, and ``content`` or ``parts``."""

Chat: TypeAlias = Messages | Mapping[str, Any] | SupportsMessage | SupportsMessages
"""A chat: its messages, a whole request body around them, or a single message."""

Prompt: TypeAlias = str | Chat
"""What is scored: a text, or a chat, by default the newest user message of it that has text."""

BatchPrompt: TypeAlias = str | Messages | Mapping[str, Any] | SupportsMessages
"""A prompt of a batch: a text, the messages of a chat, or a request body. A message by itself is refused."""

# <faces:names>
Mode: TypeAlias = Literal["exact", "reference"]
"""Which mathematics a router follows."""

Read: TypeAlias = Literal["last_user", "all_user", "conversation"]
"""What of a chat is its prompt."""

Provider: TypeAlias = Literal["cpu", "cuda", "auto"]
"""Where a model runs."""

Preset: TypeAlias = Literal["latency", "throughput"]
"""Numbers of sessions and threads that belong together."""

OutOfDistribution: TypeAlias = Literal["ignore", "strong", "weak"]
"""What is decided for a prompt that no vote resembles (similarity-weighted ranking only)."""

MapStore: TypeAlias = Literal["auto", "always", "never"]
"""Whether a store of votes is read into memory when opening, or mapped."""

OnError: TypeAlias = Literal["raise", "strong", "weak"]
"""What a call does when a prompt cannot be scored."""
# </faces:names>

Kind: TypeAlias = Literal["bert", "causal_llm", "linear", "mf", "sw_ranking"]
"""The kinds of routers; a folder that is no artifact holds one of ``bert``, ``causal_llm`` and ``mf``."""

HeadName: TypeAlias = Literal["three_labels", "binary", "regression", "candidates"]
"""What the outputs of a classifier mean."""

LongPromptsName: TypeAlias = Literal["truncate", "windows"]
"""What a classifier does with prompts that are longer than it reads."""

Store: TypeAlias = Literal["f32", "f16", "int8", "int4", "int2", "clustered"]
"""How the embeddings of votes are stored; ``clustered`` is ``int8`` with an index of clusters."""

Winner: TypeAlias = Literal["model_a", "model_b", "tie", "tie (bothbad)"]
"""Whose answer was preferred."""

Side: TypeAlias = Literal["strong", "weak"]
"""The two sides of a pair."""

# Before Python 3.12 numpy's stubs do not tell that its arrays are buffers.
Numbers: TypeAlias = Buffer | NDArray[np.floating[Any]] | Sequence[float]
"""Numbers of one embedding."""

Embeddings: TypeAlias = Numbers | Sequence[Numbers]
"""Numbers of embeddings, with one or two dimensions: a C-contiguous buffer of float32, which is read in
place; a buffer of other floats or another layout, or a list or tuple, which are copied."""

StrPath: TypeAlias = str | os.PathLike[str]
"""A path."""


class NamedHead(TypedDict):
    """A head without parameters."""

    kind: Literal["three_labels", "candidates"]


class BinaryHead(TypedDict):
    """Two labels, one of which says that the strong model is needed: 1 by default."""

    kind: Literal["binary"]
    strong_label: NotRequired[Literal[0, 1]]


class RegressionHead(TypedDict):
    """One number x; the win rate is link(scale * x + offset)."""

    kind: Literal["regression"]
    link: NotRequired[Literal["identity", "sigmoid"]]
    scale: NotRequired[float]
    offset: NotRequired[float]


HeadSpec: TypeAlias = NamedHead | BinaryHead | RegressionHead
"""What the outputs of a classifier mean, with parameters."""


class Truncate(TypedDict):
    """One end of a long prompt is kept, the one that the tokenizer says."""

    kind: Literal["truncate"]


class Windows(TypedDict):
    """A long prompt is read in windows, whose win rates become one."""

    kind: Literal["windows"]
    overlap: NotRequired[int]
    pooling: NotRequired[Literal["mean", "max"]]
    max_windows: NotRequired[int]


LongPromptsSpec: TypeAlias = Truncate | Windows
"""What a classifier does with prompts that are longer than it reads, with parameters."""


class RoutellmTemplate(TypedDict):
    """The published router's prompt, from the files beside the model."""

    kind: Literal["routellm"]


class PlainTemplate(TypedDict):
    """A text with ``{question}`` or ``{prompt}`` in it."""

    kind: Literal["plain"]
    text: str


class ChatTemplate(TypedDict):
    """The model's own chat template."""

    kind: Literal["chat"]
    system: NotRequired[str]
    user: NotRequired[str]
    add_generation_prompt: NotRequired[bool]


TemplateSpec: TypeAlias = RoutellmTemplate | PlainTemplate | ChatTemplate
"""How a prompt becomes the text that a causal LM reads, with parameters."""


# <faces:open>
class SessionOptions(TypedDict, total=False):
    """How ONNX models run. None is as good as absent."""

    onnxruntime: StrPath | None
    provider: Provider | None
    device_id: int | None
    memory_limit: int | None
    tf32: bool | None
    preset: Preset | None
    sessions: int | None
    intra_threads: int | None
    max_waiting: int | None


class OpenOptions(SessionOptions, total=False):
    """How a router is opened. None is as good as absent."""

    strong: str | None
    weak: str | None
    mode: Mode | None
    read: Read | None
    ids: bool | None
    kind: Kind | None
    out_of_distribution: OutOfDistribution | None
    min_similarity: float | None
    mmap: MapStore | None
    open_clusters: int | Literal["all"] | None
    error_target: float | None
    head: HeadName | HeadSpec | None
    long_prompts: LongPromptsName | LongPromptsSpec | None
    template: str | TemplateSpec | None
    score_tokens: Iterable[str | int] | None
    score_threshold: int | None
    max_new_tokens: int | None
    max_tokens: int | None


# </faces:open>
# <faces:call>
class CallOptions(TypedDict, total=False):
    """What one call asks for beside its prompt. None is as good as absent."""

    threshold: float | None
    strong_share: float | None
    on_error: OnError | None
    timeout_ms: float | None
    read: Read | None


# </faces:call>


class FeaturizerInfo(TypedDict):
    """What turns a prompt into numbers; ``none`` if the model reads the prompt itself."""

    kind: Literal["hashed", "onnx", "caller", "none"]
    id: str
    dimension: int
    max_bytes: int | None
    max_tokens: int | None


class CalibrationInfo(TypedDict):
    """The sample behind strong shares; without hash and date in an artifact of version 1."""

    sample: str
    count: int
    sha256: str | None
    date: str | None
    points: int
    share_error: float
    default_strong_share: float
    default_threshold: float


class RuntimeInfo(TypedDict):
    """The ONNX Runtime in use."""

    library: str
    version: str
    build: str
    provider: Literal["cpu", "cuda"]
    sessions: int
    intra_threads: int


class VotesInfo(TypedDict):
    """The votes of similarity-weighted ranking."""

    count: int
    store: Literal["f32", "f16", "int8", "int4", "int2"]
    clusters: int | None
    tiers: int
    weight_exponent: float


class ModelInfo(TypedDict):
    """The classifier or causal LM of a router that has one."""

    parameters: dict[str, Any]
    max_tokens: int
    dynamically_quantized: bool
    cached_tokens: int | None


class RouterInfo(TypedDict):
    """What is known about a router."""

    name: str
    kind: str
    models: list[str]
    strong: str
    weak: str
    mode: Mode
    read: Read
    featurizer: FeaturizerInfo
    calibration: CalibrationInfo | None
    constant: str | None
    runtime: RuntimeInfo | None
    votes: VotesInfo | None
    model: ModelInfo | None
    path: str | None
    provenance: dict[str, Any]
    version: str


class RouterStats(TypedDict):
    """How busy a router is, and what it has done since it was opened."""

    sessions: int
    """ONNX sessions, each of which runs one call at a time; 0 for a router without any."""
    busy: int
    """Of them, those in use."""
    waiting: int
    """Calls that wait for a session; a batch counts once."""
    decisions: int
    """Decisions that were made, fallbacks included."""
    fallbacks: dict[str, int]
    """Of them, fallbacks, by the kind of error, such as ``Inference``."""


class ModelRating(TypedDict):
    """Rating of a candidate on one prompt."""

    model: str
    tier: int
    rating: float | None
    standard_error: float | None


class ExplainedVote(TypedDict):
    """A vote that weighed in a score."""

    row: int
    id: str | None
    text: str | None
    similarity: float
    weight: float
    model_a: str
    model_b: str
    winner: Literal["model_a", "model_b", "tie"]


class Reach(TypedDict):
    """How far a clustered store was read."""

    opened_clusters: int
    opened_votes: int
    error: float | None


class ExplanationFallback(TypedDict):
    """Why there is no explanation, where ``on_error`` covers that."""

    kind: str
    reason: str


class Explanation(TypedDict):
    """Why a prompt got its score. Where it has a ``fallback``, its numbers are NaN and its lists empty."""

    win_rate: float
    win_rate_error: float | None
    similarity: float
    fallback: NotRequired[ExplanationFallback]
    out_of_distribution: bool
    ratings: list[ModelRating]
    votes: list[ExplainedVote]
    reach: Reach | None


class TextCap(TypedDict):
    """How much of a text is read, and from which side."""

    max_bytes: int
    side: Literal["head", "tail"]


OnTrainingError: TypeAlias = Literal["raise", "leave_out"]
"""What a training does with a prompt that cannot be embedded."""


class EncoderSpec(TypedDict):
    """A sentence encoder: a folder with an ONNX model and a tokenizer, and how to use them."""

    directory: StrPath
    id: str
    dimension: int
    pooling: Literal["mean", "cls"]
    normalize: bool
    max_tokens: int
    model: NotRequired[str]
    tokenizer: NotRequired[str]
    prefix: NotRequired[str]
    cap: NotRequired[TextCap]


class LinearReport(TypedDict):
    """What the training of a linear router chose and found."""

    strength: float
    lexical_scale: float
    error: float
    baseline_error: float
    link_a: float
    link_b: float
    out_of_fold: list[float]


class MfReport(TypedDict):
    """What the training of a matrix factorization router found."""

    best_epoch: int
    train_losses: list[float]
    held_out_losses: list[float]
    embedded: int
    left_out: int


class SwRankingReport(TypedDict):
    """What the building of a router by similarity-weighted ranking made."""

    votes: int
    embedded: int
    left_out: int
    tiers: int
    ratings: dict[str, float]
