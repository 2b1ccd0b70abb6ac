"""Types that appear in signatures. Imported by type checkers only."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NotRequired, Protocol, Required, TypeAlias, TypedDict

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

ControlTokens: TypeAlias = Literal["as_written", "text"]
"""What becomes of control tokens that a prompt spells out, ``[SEP]`` or ``<|im_end|>`` for example."""
# </faces:names>
# <faces:kinds>
Kind: TypeAlias = Literal["linear", "mf", "sw_ranking", "knn", "bert", "causal_llm"]
"""The kinds of routers; a folder that is no artifact holds one of ``bert``, ``causal_llm`` and ``mf``."""
# </faces:kinds>

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
    """Three labels, or one output for each candidate."""

    kind: Literal["three_labels", "candidates"]
    probabilities: NotRequired[bool]


class BinaryHead(TypedDict):
    """Two labels, one of which says that the strong model is needed: 1 by default."""

    kind: Literal["binary"]
    strong_label: NotRequired[Literal[0, 1]]
    probabilities: NotRequired[bool]


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
    name: NotRequired[str]


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
    names: Mapping[str, str] | None
    candidates: Iterable[Candidate] | None
    mean_output_tokens: float | None
    calibration: str | os.PathLike[str] | Mapping[str, Any] | None
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
    date: str | None
    control_tokens: ControlTokens | None
    file: str | None
    max_tokens: int | None


# </faces:open>
# <faces:call>
class CallOptions(TypedDict, total=False):
    """What one call asks for beside its prompt. None is as good as absent."""

    threshold: float | None
    strong_share: float | None
    cost_weight: float | None
    min_quality: float | None
    budget: float | None
    candidates: Iterable[str] | None
    requires: Iterable[str] | None
    input_tokens: int | None
    output_tokens: int | None
    on_error: OnError | str | None
    timeout_ms: float | None
    read: Read | None


# </faces:call>


class Price(TypedDict):
    """What tokens cost."""

    # <faces:record-price>
    input: float
    """USD per million tokens of the request."""
    output: float
    """USD per million tokens of the answer."""
    date: NotRequired[str]
    """The day of the price, ``2026-01-31``."""
    # </faces:record-price>


class Candidate(TypedDict, total=False):
    """What is known about a candidate, as the option ``candidates`` of opening takes it."""

    name: Required[str]
    """Its name, as the artifact has it."""
    price: Price | None
    """What its tokens cost."""
    context_length: int | None
    """The tokens that a request may have."""
    capabilities: Iterable[str] | None
    """The names of what it can do."""


class CandidateInfo(TypedDict):
    """A candidate, as a router knows it."""

    # <faces:record-candidate_info>
    name: str
    """Its name."""
    price: Price | None
    """What its tokens cost; None if that is not known."""
    context_length: int | None
    """The tokens that a request may have; None if that is not known."""
    capabilities: list[str] | None
    """The names of what it can do, ``text`` or ``vision`` for example; None if that is not known."""
    quality: Literal["win_rate", "isotonic", "platt"] | None
    """What its quality is: ``isotonic`` or ``platt``, the expected score, by a fit of that kind on rows
    with gold scores that were held out; or ``win_rate``, the expected win rate against the other
    candidates. None if the router knows its pair only.
    """
    # </faces:record-candidate_info>


class FeaturizerInfo(TypedDict):
    """What turns a prompt into numbers; ``none`` if the model reads the prompt itself."""

    # <faces:record-featurizer_info>
    kind: Literal["hashed", "onnx", "caller", "none"]
    """``hashed``, ``onnx``, ``caller``, or ``none`` if the scorer reads the prompt itself."""
    id: str
    """Its name."""
    dimension: int
    """The number of dimensions."""
    max_bytes: int | None
    """The bytes of a prompt that are looked at; None if it reads no prompts."""
    max_tokens: int | None
    """The tokens of a prompt that are looked at; None without a tokenizer."""
    # </faces:record-featurizer_info>


class CalibrationInfo(TypedDict):
    """The sample behind strong shares; without hash and date in an artifact of version 1."""

    # <faces:record-calibration_info>
    sample: str
    """Which prompts."""
    count: int
    """How many prompts."""
    sha256: str | None
    """The SHA-256 of the sample; None of an artifact of version 1."""
    date: str | None
    """The day of the sample, ``2026-01-31``; None of an artifact of version 1."""
    points: int
    """How many distinct win rates the table has."""
    share_error: float
    """How much worse a share may be met than by the whole sample; 0 unless win rates were merged."""
    default_strong_share: float
    """The strong share of the default threshold."""
    default_threshold: float
    """The threshold of a call that names none."""
    # </faces:record-calibration_info>


class RuntimeInfo(TypedDict):
    """The ONNX Runtime in use."""

    # <faces:record-runtime_info>
    library: str
    """The path of the library."""
    version: str
    """Its version."""
    build: str
    """What it says of its build."""
    provider: Literal["cpu", "cuda"]
    """Where the model runs, whatever was asked for: ``cpu`` or ``cuda``."""
    sessions: int
    """The number of sessions."""
    intra_threads: int
    """The number of threads inside each."""
    # </faces:record-runtime_info>


class VotesInfo(TypedDict):
    """The votes of similarity-weighted ranking."""

    # <faces:record-votes_info>
    count: int
    """How many votes there are."""
    store: Literal["f32", "f16", "int8", "int4", "int2"]
    """How their embeddings are stored: ``f32``, ``f16``, ``int8``, ``int4`` or ``int2``."""
    clusters: int | None
    """The number of clusters of a clustered store; None for others."""
    tiers: int
    """The number of tiers."""
    weight_exponent: float
    """How steeply similarity weighs; 1 is the paper's."""
    # </faces:record-votes_info>


class ModelInfo(TypedDict):
    """The classifier or causal LM of a router that has one."""

    # <faces:record-model_info>
    parameters: dict[str, Any]
    """Its parameters, as the options of opening call them: ``head`` and ``long_prompts``, or
    ``template``, ``score_tokens``, ``score_threshold`` and ``max_new_tokens``.
    """
    max_tokens: int
    """The tokens of a prompt that are read."""
    dynamically_quantized: bool
    """Whether activations are quantised at run time; then every prompt runs alone."""
    cached_tokens: int | None
    """The tokens of the instruction whose keys and values are kept (kind ``causal_llm``); None for a
    classifier.
    """
    # </faces:record-model_info>


class RouterInfo(TypedDict):
    """What is known about a router."""

    # <faces:record-router_info>
    name: str
    """The name of the artifact."""
    kind: Kind
    """The kind of scorer."""
    models: list[str]
    """The names of the candidates."""
    strong: str
    """The strong model."""
    weak: str
    """The weak model."""
    candidates: list[CandidateInfo]
    """The candidates with what is known about them, in the same order."""
    mean_output_tokens: float
    """The number of tokens that an answer has on average, for expected costs."""
    names: dict[str, str]
    """The candidates that have names of one's own: the router's name, and that one. Empty unless the
    option ``names`` gives some.
    """
    mode: Mode
    """Which mathematics it follows."""
    read: Read
    """What of a chat is read, unless a call says otherwise."""
    featurizer: FeaturizerInfo
    """What turns a prompt into numbers."""
    calibration: CalibrationInfo | None
    """The table behind strong shares; None if there is none for this pair."""
    constant: str | None
    """Why every prompt has the same win rate, if that is so for this pair: both models are in one tier
    of the votes, which only the mode ``reference`` lets pass, or are one.
    """
    runtime: RuntimeInfo | None
    """The ONNX Runtime in use; None if none is."""
    votes: VotesInfo | None
    """The votes of a router that has them (kind ``sw_ranking``)."""
    model: ModelInfo | None
    """The model of a router whose scorer reads prompts (kinds ``bert`` and ``causal_llm``)."""
    path: str | None
    """The folder of the artifact; None for the router that is compiled in."""
    provenance: dict[str, Any]
    """Data sources, seed, tool version, as the artifact states them: an object."""
    version: str
    """The version of this library."""
    # </faces:record-router_info>


class RouterStats(TypedDict):
    """How busy a router is, and what it has done since it was opened."""

    # <faces:record-router_stats>
    sessions: int
    """The number of ONNX sessions, each of which runs one call at a time; 0 for a router without any."""
    busy: int
    """How many of them are in use."""
    waiting: int
    """How many calls wait for a session; a batch counts once."""
    decisions: int
    """How many decisions were made, fallbacks included."""
    fallbacks: dict[str, int]
    """How many of them were fallbacks, by the kind of error; kinds that did not occur are left out."""
    notices: list[str]
    """What was noticed about calls, each once: thresholds above or below every win rate of the
    calibration sample.
    """
    # </faces:record-router_stats>


class Diagnosis(TypedDict):
    """What was found on this machine. No prompt is in it; paths and the values of some variables are."""

    # <faces:record-diagnosis>
    versions: DiagnosisVersions
    """What runs."""
    runtime: DiagnosisRuntime
    """The ONNX Runtime that a router would use."""
    gpu: DiagnosisGpu
    """Whether a model could run on a GPU."""
    cpu: DiagnosisCpu
    """What the rest runs on."""
    artifact: DiagnosisArtifact
    """The artifact that was asked about, or the one that is compiled in."""
    settings: DiagnosisSettings
    """What the environment sets."""
    # </faces:record-diagnosis>


class DiagnosisVersions(TypedDict):
    """What runs: this library, its parts, the system."""

    # <faces:record-diagnosis_versions>
    routellm: str
    """The version of this library."""
    c_abi: int
    """The number of the binary interface of C."""
    format: int
    """The version of artifacts that this library writes."""
    target: str
    """The target that it was compiled for, ``x86_64-unknown-linux-gnu``."""
    optimized: bool
    """Whether it was compiled for speed; a development build is many times slower."""
    ort: str | None
    """The version of the crate that calls ONNX Runtime; None if it was built without."""
    tokenizers: str | None
    """The version of the crate that reads ``tokenizer.json``; None if it was built without."""
    system: str
    """The operating system, its kernel and its C library."""
    language: str | None
    """The language that calls, with its version; None in Rust, C and C++."""
    # </faces:record-diagnosis_versions>


class DiagnosisRuntime(TypedDict):
    """The ONNX Runtime that a router would use, or where one was looked for."""

    # <faces:record-diagnosis_runtime>
    found: bool
    """Whether there is one that can be used."""
    in_use: bool
    """Whether this process uses it already."""
    library: str | None
    """The path of the library; None without one."""
    located: str | None
    """How it was found: the variable, the package or the system's own path; None without one."""
    version: str | None
    """Its version; None without one."""
    build: str | None
    """What it says of its build; None without one."""
    providers: list[str]
    """The names of the providers that it was built with, as it spells them."""
    needed: str
    """The oldest version that works."""
    looked_at: list[str]
    """The places that were looked at before it, with what the system said of each."""
    # </faces:record-diagnosis_runtime>


class DiagnosisGpu(TypedDict):
    """What is told of a GPU without setting it up."""

    # <faces:record-diagnosis_gpu>
    cuda: bool
    """Whether the runtime has the provider ``cuda``, and a driver is there."""
    driver: str | None
    """The version of the driver in the kernel; None if none tells."""
    cuda_version: str | None
    """The newest CUDA that the driver knows; None without a driver."""
    devices: list[str]
    """The names of the devices, as the driver in the kernel lists them."""
    problem: str | None
    """Why a model cannot run on one; None if nothing is known to be in the way."""
    # </faces:record-diagnosis_gpu>


class DiagnosisCpu(TypedDict):
    """The processor."""

    # <faces:record-diagnosis_cpu>
    architecture: str
    """Its architecture, ``x86_64`` or ``aarch64``."""
    model: str | None
    """Its name; None if the system does not tell."""
    cores: int
    """How many cores this process may use, after affinity and control groups."""
    features: list[str]
    """The names of its instruction sets that matter here."""
    kernel: Literal["avx512", "avx2", "baseline"]
    """Which copy of the arithmetic runs; all give the same bits."""
    # </faces:record-diagnosis_cpu>


class DiagnosisArtifact(TypedDict):
    """An artifact, or the folder of a model, and whether it is whole."""

    # <faces:record-diagnosis_artifact>
    path: str | None
    """The folder that was asked about; None for the router that is compiled in."""
    form: Literal["compiled_in", "artifact", "folder", "missing"]
    """What it is: ``compiled_in``, ``artifact``, ``folder`` (of a model, without ``router.json``) or
    ``missing``.
    """
    name: str | None
    """The name that it has; None if it has none, or it cannot be read."""
    kind: Kind | None
    """The kind of scorer; None if that cannot be told."""
    version: int | None
    """The version of its form; None without ``router.json``."""
    candidates: list[str]
    """The names of the candidates."""
    files: int
    """How many files it has."""
    bytes: int
    """How large they are together."""
    checksums: bool | None
    """Whether every file is as it was written; None where there are no checksums."""
    problem: str | None
    """What is wrong with it; None if nothing is."""
    # </faces:record-diagnosis_artifact>


class DiagnosisSettings(TypedDict):
    """What the environment sets, of what is read."""

    # <faces:record-diagnosis_settings>
    environment: dict[str, str]
    """The variables that are set, of those that this library, ONNX Runtime or their parts read, with
    their values.
    """
    unset: list[str]
    """The names of the others."""
    # </faces:record-diagnosis_settings>


class ModelRating(TypedDict):
    """Rating of a candidate on one prompt."""

    # <faces:record-model_rating>
    model: str
    """Its name."""
    tier: int
    """Its tier; 0 is the best."""
    rating: float | None
    """The rating of its tier on the Elo scale; None if no vote compares it."""
    standard_error: float | None
    """The standard error of the rating; None with the rating."""
    # </faces:record-model_rating>


class ExplainedVote(TypedDict):
    """A vote that weighed in a score."""

    # <faces:record-explained_vote>
    row: int
    """The row of the vote in the data that the router was built from."""
    id: str | None
    """Its id; None if the artifact has no ids."""
    text: str | None
    """Its prompt; None unless the artifact's owner stored the texts."""
    similarity: float
    """Its cosine similarity to the prompt."""
    weight: float
    """Its weight on the paper's scale: 100 for the most similar one at exponent 1."""
    model_a: str
    """The name of the first model."""
    model_b: str
    """The name of the second model."""
    winner: Literal["model_a", "model_b", "tie"]
    """``model_a``, ``model_b`` or ``tie``."""
    # </faces:record-explained_vote>


class Reach(TypedDict):
    """How far a clustered store was read."""

    # <faces:record-reach>
    opened_clusters: int
    """How many clusters had their votes read one by one."""
    opened_votes: int
    """How many votes were read one by one."""
    error: float | None
    """The estimated error, in win rate, that reading every vote would remove; None if it is not known."""
    # </faces:record-reach>


class ExplanationFallback(TypedDict):
    """Why there is no explanation, where ``on_error`` covers that."""

    # <faces:record-explanation_fallback>
    kind: str
    """The kind of the error."""
    reason: str
    """Its message."""
    # </faces:record-explanation_fallback>


class Explanation(TypedDict):
    """Why a prompt got its score. Where it has a ``fallback``, its numbers are NaN and its lists empty."""

    # <faces:record-explanation>
    win_rate: float
    """P(strong model's answer is preferred or needed), in [0, 1]."""
    win_rate_error: float | None
    """The standard error of the win rate, from the weighted votes; None if they do not determine it."""
    similarity: float
    """The largest cosine similarity to any vote, all of which are read for an explanation."""
    out_of_distribution: bool
    """Whether the prompt is farther from every vote than the router was told to trust."""
    ratings: list[ModelRating]
    """The rating of each candidate on this prompt, in the order of the artifact."""
    votes: list[ExplainedVote]
    """The votes that weighed most, heaviest first."""
    reach: Reach | None
    """How far a clustered store was read; None for the others, which always read every vote."""
    fallback: NotRequired[ExplanationFallback]
    """Why there is no explanation, if ``on_error`` covers that: then the numbers are NaN, and the lists
    are empty.
    """
    # </faces:record-explanation>


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
    pooling: Literal["mean", "cls", "last"]
    output: NotRequired[str]
    normalize: bool
    max_tokens: int
    model: NotRequired[str]
    tokenizer: NotRequired[str]
    prefix: NotRequired[str]
    cap: NotRequired[TextCap]
    control_tokens: NotRequired[ControlTokens]


class LinearReport(TypedDict):
    """What the training of a linear router chose and found."""

    strength: float
    lexical_scale: float
    error: float
    baseline_error: float
    link_a: float
    link_b: float
    out_of_fold: list[float]
    models: list[str]
    left_out_columns: dict[str, str]
    alike: list[list[str]]


Ties: TypeAlias = Literal["drop", "half", "weak_not_worse"]
"""What a tie says in a training."""


class Link(TypedDict):
    """``win_rate = sigmoid(a + b * gap)``."""

    a: float
    b: float


class KnnReport(TypedDict):
    """What the training of a router by nearest neighbours chose and found."""

    k: int
    temperature: float
    error: float
    baseline_error: float
    link: Link
    prompts: int
    embedded: int
    left_out: int
    models: list[str]
    left_out_columns: dict[str, str]
    alike: list[list[str]]


class LogisticReport(TypedDict):
    """What the training of a router by logistic regression chose and found."""

    penalty: float
    held_out_loss: float
    baseline_loss: float
    labels: int
    link: Link
    embedded: int
    left_out: int
    models: list[str]
    left_out_columns: dict[str, str]
    alike: list[list[str]]


class Contaminated(TypedDict):
    """A training prompt that an evaluation has too."""

    row: int
    against: int
    rule: Literal["exact", "words", "cosine"]
    found: str | float


class Decontamination(TypedDict):
    """What the comparison of training prompts with an evaluation found."""

    rows: int
    against: int
    contaminated: list[Contaminated]
    keep: list[bool]


class MfReport(TypedDict):
    """What the training of a matrix factorization router found."""

    comparisons: int
    held_out_comparisons: int
    best_epoch: int
    train_losses: list[float]
    held_out_losses: list[float]
    embedded: int
    left_out: int
    models: list[str]
    left_out_columns: dict[str, str]
    alike: list[list[str]]


class SwRankingReport(TypedDict):
    """What the building of a router by similarity-weighted ranking made."""

    votes: int
    embedded: int
    left_out: int
    tiers: int
    ratings: dict[str, float]
    models: list[str]
    left_out_columns: dict[str, str]
    alike: list[list[str]]


class TrainedModels(TypedDict):
    """The candidates of a trained router, and its pair."""

    names: list[str]
    strong: str
    weak: str


class TrainedSource(TypedDict):
    """What a training learned from."""

    name: str
    label_kind: str
    rows: int
    sha256: NotRequired[str]
    weight: NotRequired[float]


class TrainedRows(TypedDict):
    """Numbers of rows that a training did not learn from, by kind."""

    votes: int
    gold: int
    logs: int


class HeldOutRows(TrainedRows):
    """What the split of a training held out."""

    share: float
    seed: int


class Bounds(TypedDict):
    """A 95 % interval."""

    low: float
    high: float


class CalibrationSample(TypedDict):
    """A sample that was calibrated on."""

    name: str
    count: int
    groups: int
    """Groups of equal and nearly equal prompts, or of what was grouped by."""
    design_effect: float
    """By how much the groups widen the variance of the share."""
    distinct_win_rates: int
    sha256: str | None
    date: str | None


class LabelledQuality(TypedDict):
    """How good answers are where the sample is labelled."""

    mean: float
    interval: Bounds
    strong: float
    weak: float
    pgr: float | None
    p_success: float | None


CalibrationShift = TypedDict("CalibrationShift", {"from": str, "ks": float, "p_value": float, "psi": float})
"""How unlike the sample before, ``from``, it is: Kolmogorov-Smirnov, and the population stability index."""


class CalibrationSlice(TypedDict):
    """A part of the sample."""

    by: str
    value: str
    count: int
    strong_share: float
    interval: Bounds
    quality: float | None


class CalibrationWarning(TypedDict):
    """What to know before a calibration is relied on."""

    kind: Literal[
        "small_sample", "old_sample", "unlike_before", "few_win_rates", "share_missed", "duplicates"
    ]
    message: str


class CalibrationReport(TypedDict):
    """What a calibration found, on its own sample."""

    target: Literal["strong_share", "cost", "pgr", "quality", "p_success"]
    value: float
    strong: str
    weak: str
    policy: dict[str, float] | None
    threshold: float | None
    strong_share: float
    confidence_interval: Bounds
    """Of the share of all requests."""
    further_requests: int
    prediction_interval: Bounds
    """Of the share of so many further requests."""
    expected_cost: float | None
    """USD per 1,000 requests; None where prices or tokens are not known."""
    cost_of_strong: float | None
    cost_of_weak: float | None
    quality: LabelledQuality | None
    sample: CalibrationSample
    shift: CalibrationShift | None
    slices: list[CalibrationSlice]
    warnings: list[CalibrationWarning]
    seed: int


class TrainReport(TypedDict):
    """What a training by a specification made; ``trained`` is what the trainer found."""

    kind: Literal["linear", "knn", "logistic", "mf", "sw_ranking"]
    out: str
    name: str
    models: TrainedModels
    sources: list[TrainedSource]
    left_out_rows: TrainedRows
    held_out: HeldOutRows | None
    calibration_prompts: int
    trained: dict[str, Any]
    evaluation: dict[str, Any] | None
    """Of the held-out rows, where one was asked for: what `routellm_rs.Evaluation` shows."""
    not_evaluated: list[str]
    """Sources that could not be evaluated on, each with the reason."""


class FigureEstimate(TypedDict):
    """A figure with its bootstrap interval; an end that the data leave open is None."""

    value: float
    low: float | None
    high: float | None


class EvaluatedModel(TypedDict):
    """A model of a table; what is not known is None. Costs are in USD per 1,000 requests."""

    name: str
    rows: int
    quality: float | None
    cost_per_1000: float | None


class EvaluatedThreshold(TypedDict):
    """What a threshold does on the rows of a pair."""

    threshold: float
    strong_share: float
    quality: float
    cost_per_1000: float | None


class EvaluatedResult(TypedDict):
    """A router or a baseline on one table. What is a ``dict`` here is as the core writes it."""

    name: str
    role: Literal["router", "baseline"]
    about: str
    pair: dict[str, Any] | None
    models: dict[str, Any] | None
    why: str | None
    thresholds: list[EvaluatedThreshold]
    at_default: EvaluatedThreshold | None
    robustness: dict[str, Any] | None
    most_wrong: list[dict[str, Any]]
    single: EvaluatedModel | None


class EvaluatedTable(TypedDict):
    """Routers and baselines on one benchmark or file."""

    name: str
    path: str | None
    kind: Literal["gold", "votes", "log"]
    strong: str
    weak: str
    pair_choice: str
    rows: int
    prompts: int
    missing: int
    weighted: bool
    contaminated: int
    dropped: dict[str, int]
    left_out: dict[str, str]
    models: list[EvaluatedModel]
    alike: list[list[str]]
    complete_rows: int | None
    results: list[EvaluatedResult]
    comparisons: list[dict[str, Any]]
    slices: list[dict[str, Any]]
    baseline_overlap: int | None


class EvaluatedRouter(TypedDict):
    """A router that was evaluated; ``checksum`` is of everything that decides its scores."""

    name: str
    path: str
    kind: str
    strong: str
    weak: str
    checksum: str
    default_threshold: float | None
    default_strong_share: float | None


class EvaluationReport(TypedDict):
    """What an evaluation found: the same in every language."""

    form: int
    version: str
    seed: int
    draws: int
    confidence: float
    levels: list[float]
    definition: Literal["exact", "reference"]
    routers: list[EvaluatedRouter]
    tables: list[EvaluatedTable]


class Estimate(TypedDict):
    """What a job costs, before anything is sent. Amounts are texts, in USD."""

    requests: int
    cached: int
    input_tokens: int
    output_tokens: int
    usd: str
    most_usd: str


class Bill(TypedDict):
    """What a job has cost. Amounts are texts, in USD."""

    requests: int
    answered: int
    cached: int
    failed: int
    over_budget: int
    stopped: int
    sent: int
    retries: int
    interrupted: int
    ignored: int
    spent_usd: str
    uncertain_usd: str
    overrun_usd: str
    input_tokens: int
    output_tokens: int
