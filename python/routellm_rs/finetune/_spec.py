"""A run of fine-tuning as data: one specification, in Python or as a file of JSON."""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from routellm_rs.errors import InvalidArgumentError, NotFoundError
from routellm_rs.eval import evaluate

from ._fields import changed, check_mapping, check_one_of, default_of, is_number, members_of, names_of
from ._source import Lora, Source, check_source, source_of

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["bert", "causal"]
Target = Literal["labels", "gap", "scores"]
Quantize = Literal["int8", "fp16"]

# What the recipes of the paper say (section 4.2 and appendix), and rates for LoRA, which trains far fewer
# weights.
RATES = {("bert", False): 1e-5, ("causal", False): 1e-6, ("bert", True): 3e-4, ("causal", True): 2e-4}
BATCHES = {"bert": 16, "causal": 8}
MAX_TOKENS = {"bert": 512, "causal": 2048}
CALIBRATION = ("path", "prompts", "name", "date", "default_strong_share")


def evaluated() -> tuple[str, ...]:
    """Return the arguments of ``routellm_rs.evaluate`` that a run does not say itself."""
    own = ("routers", "strong", "weak", "progress")
    return tuple(name for name in inspect.signature(evaluate).parameters if name not in own)


@dataclass(frozen=True, kw_only=True)
class FinetuneSpec:
    """What a run of fine-tuning is. Everything that has a default may be left out."""

    kind: Kind
    """``bert``: a sequence classifier. ``causal``: a language model that predicts a score."""
    base: str
    """Folder of the model to start from: ``config.json``, ``tokenizer.json``, safetensors."""
    out: str
    """Folder of the artifact, which ``Router.open`` opens."""
    strong: str
    """The strong model."""
    weak: str
    """The weak model."""
    sources: tuple[Source, ...]
    """What is learned from."""
    rename: Mapping[str, str] = field(default_factory=dict)
    """Other names for models of the rows."""

    target: Target | None = None
    """``bert``: ``labels`` (the paper's three; the default) or ``gap``, a score head on the quality gap.
    ``causal``: ``scores``, the tokens ``[[1]]`` to ``[[5]]``."""
    tie_score: int = 4
    """``causal``: the score of a prompt on which both models are equal, 2 to 5. From score 4 on the weak
    model is good enough."""
    smooth: float = 0.0
    """How far labels are moved to the mean of their group, in [0, 1)."""
    level_to: int | None = None
    """``gap``: the number of the source onto whose mean gap those of the others are moved."""
    reformat: bool = False
    """Whether prompts are shown in other clothes now and then (quotes, option markers, a polite request)."""

    template: str | Mapping[str, Any] | None = None
    """``causal``: how a question becomes a text, as ``Router.open`` takes it (``routellm``, ``chat``, a text
    with ``{question}``, a mapping). By default what the tokenizer has: the published router's markers, or
    else its own chat template, or else a plain text."""
    system: str | None = None
    """``causal``: the instruction, a text; that of this package by default."""
    user: str | None = None
    """``causal``: the text around the question, with ``{question}`` in it."""
    max_tokens: int | None = None
    """Tokens that are read; 512 (``bert``) or 2048 (``causal``), never more than the model has positions."""

    epochs: int = 3
    """Passes over the examples."""
    max_steps: int | None = 2000
    """Steps of the optimizer at most, as in the paper; None for no limit."""
    batch: int | None = None
    """Prompts in one step; 16 (``bert``) or 8 (``causal``), as in the paper."""
    accumulate: int = 1
    """Pieces that a step's prompts are taken in, one after the other, where memory is short."""
    rate: float | None = None
    """Peak learning rate; 1e-5 (``bert``) or 1e-6 (``causal``) as in the paper, 3e-4 or 2e-4 with LoRA."""
    head_rate: float = 1.0
    """How much faster the new head learns."""
    weight_decay: float = 0.01
    """Of AdamW."""
    warmup: float = 0.1
    """Share of the steps in which the rate rises; then it falls to 0 in a line."""
    clip: float = 1.0
    """Largest norm of a step's gradient."""
    lora: Lora | None = None
    """Low-rank adapters instead of all weights."""
    seed: int = 42
    """Of the new weights, the order, dropout and clothes."""
    keep: Literal["best", "last"] = "best"
    """Which epoch is kept: the one with the least held-out loss, or the last one."""

    held_out: float = 0.1
    """Share of the prompts that nothing is learned from, in [0, 1); as ``routellm data split`` takes them."""
    held_out_seed: int = 0
    """Which ones."""

    device: str = "auto"
    """``cpu``, ``cuda``, or ``auto``: a GPU where torch finds one."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """What a GPU computes in while it trains; weights are always kept in fp32."""
    threads: int | None = None
    """Threads on the CPU; torch's own number by default. Other numbers can give other last bits."""
    checkpointing: bool = False
    """Whether activations are computed again instead of kept: slower, in less memory."""
    save_every: int = 200
    """Steps between two states from which a killed run goes on; each epoch ends with one, too."""
    work: str | None = None
    """Folder of these states and of the fine-tuned model, for transformers and as ONNX; ``OUT.work``."""

    quantize: Quantize | None = None
    """``int8`` or ``fp16``; a language model takes ``int8`` alone, as weights of 8 bits."""
    verify: int = 200
    """How many real prompts the artifact and torch are compared on."""
    calibration: Mapping[str, Any] = field(default_factory=dict)
    """``path`` or ``prompts`` as the router will meet them, ``name``, ``date``, ``default_strong_share``; by
    default up to 1,000 of the prompts that were held out, or of all where none were."""
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of :func:`routellm_rs.evaluate` for the held-out prompts: ``draws``, ``robustness``, and with
    ``benchmarks`` and ``folder``, or ``data``, more to evaluate on."""

    def __post_init__(self) -> None:
        """Check what can be checked without the data."""
        for name, known in (
            ("kind", get_args(Kind)),
            ("keep", ("best", "last")),
            ("precision", ("fp32", "bf16")),
        ):
            check_one_of(name, getattr(self, name), known)
        for name in ("base", "out", "strong", "weak"):
            value = os.fspath(getattr(self, name)) if getattr(self, name) is not None else ""
            if not isinstance(value, str) or not value:
                raise InvalidArgumentError(f"{name} is missing: it has to be a text that is not empty")
            object.__setattr__(self, name, value)
        for name in ("rename", "calibration", "evaluation"):
            check_mapping(name, getattr(self, name))
        if self.work is not None:
            object.__setattr__(self, "work", os.fspath(self.work))
        if self.strong == self.weak:
            raise InvalidArgumentError(
                f"strong and weak are both {self.strong!r}: a router decides between two"
            )
        if not self.sources:
            raise InvalidArgumentError("there is nothing to learn from: name at least one source")
        targets = ("labels", "gap") if self.kind == "bert" else ("scores",)
        check_one_of(f"target of {self.kind}", self.target or targets[0], targets)
        object.__setattr__(self, "target", self.target or targets[0])
        self._check_options(targets)
        self._check_numbers()
        for i, source in enumerate(self.sources):
            check_source(f"sources[{i}]", source)

    def _check_options(self, targets: tuple[str, ...]) -> None:
        quantized = (None, "int8", "fp16") if self.kind == "bert" else (None, "int8")
        check_one_of(f"quantize of {self.kind}", self.quantize, quantized)
        if self.kind == "bert":
            for name in ("template", "system", "user"):
                if getattr(self, name) is not None:
                    raise InvalidArgumentError(
                        f"{name} has no effect on bert: a classifier reads the prompt itself"
                    )
        if self.level_to is not None and (self.target != "gap" or not 0 <= self.level_to < len(self.sources)):
            raise InvalidArgumentError(
                f"level_to is {self.level_to}, expected the number of one of the "
                f"{len(self.sources)} sources, from 0, and the target gap"
            )
        if self.lora is not None and (
            self.lora.rank < 1 or not 0 <= self.lora.dropout < 1 or self.lora.alpha <= 0
        ):
            raise InvalidArgumentError(
                f"lora: rank {self.lora.rank}, alpha {self.lora.alpha}, dropout {self.lora.dropout}: "
                "expected at least 1, above 0 and in [0, 1)"
            )
        for key in self.calibration:
            check_one_of("a member of calibration", key, CALIBRATION)
        for key in self.evaluation:
            check_one_of("a member of evaluation", key, evaluated())
        if self.calibration.get("path") is not None and self.calibration.get("prompts") is not None:
            raise InvalidArgumentError("calibration has both path and prompts: pass one of them")

    def _check_numbers(self) -> None:
        limits: dict[str, tuple[float, float, str]] = {
            "tie_score": (2, 5, "in [2, 5]"),
            "epochs": (1, math.inf, "at least 1"),
            "accumulate": (1, math.inf, "at least 1"),
            "save_every": (1, math.inf, "at least 1"),
            "verify": (1, math.inf, "at least 1"),
            "weight_decay": (0, math.inf, "at least 0"),
            "warmup": (0, 1, "in [0, 1]"),
            "held_out_seed": (0, 2**64 - 1, "at least 0"),
            "seed": (0, 2**63 - 1, "at least 0"),
        }
        for name in ("max_steps", "batch", "threads"):
            limits |= {name: (1, math.inf, "at least 1")} if getattr(self, name) is not None else {}
        limits |= {"max_tokens": (8, math.inf, "at least 8")} if self.max_tokens is not None else {}
        for name, (least, most, expected) in limits.items():
            value = getattr(self, name)
            whole = name not in ("weight_decay", "warmup")
            if not is_number(value, whole=whole) or not least <= value <= most:
                raise InvalidArgumentError(
                    f"{name} is {value!r}, expected a {'whole ' if whole else ''}number {expected}"
                )
        for name in ("head_rate", "clip", *(("rate",) if self.rate is not None else ())):
            if not is_number(getattr(self, name)) or not 0 < getattr(self, name) < math.inf:
                raise InvalidArgumentError(f"{name} is {getattr(self, name)!r}, expected a number above 0")
        for name in ("smooth", "held_out"):
            if not is_number(getattr(self, name)) or not 0 <= getattr(self, name) < 1:
                raise InvalidArgumentError(f"{name} is {getattr(self, name)!r}, expected a number in [0, 1)")

    @property
    def rate_at_peak(self) -> float:
        """The learning rate at its peak."""
        return RATES[self.kind, self.lora is not None] if self.rate is None else self.rate

    @property
    def batch_size(self) -> int:
        """Prompts in one step."""
        return BATCHES[self.kind] if self.batch is None else self.batch

    @property
    def tokens(self) -> int:
        """Tokens that are read, where the model has positions for them."""
        return MAX_TOKENS[self.kind] if self.max_tokens is None else self.max_tokens

    @property
    def work_folder(self) -> str:
        """Folder of what a run keeps beside its artifact."""
        return self.work if self.work is not None else self.out.rstrip("/\\") + ".work"

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> FinetuneSpec:
        """Read a specification from a mapping, as JSON has it.

        Raises:
            InvalidArgumentError: for an unknown member, a value of a wrong type or out of range.
        """
        members = members_of("the specification", cls, given)
        if isinstance(members.get("sources"), (list, tuple)):
            members["sources"] = tuple(
                one if isinstance(one, Source) else source_of(f"sources[{i}]", one)
                for i, one in enumerate(members["sources"])
            )
        if members.get("lora") is not None and not isinstance(members["lora"], Lora):
            lora = members_of("lora", Lora, {} if members["lora"] is True else members["lora"])
            lora |= {"modules": names_of("lora.modules", lora["modules"])} if "modules" in lora else {}
            members["lora"] = Lora(**lora)
        for name in ("kind", "base", "out", "strong", "weak", "sources"):
            if members.get(name) is None:
                raise InvalidArgumentError(f"the specification has no {name}: add it")
        if not isinstance(members["sources"], tuple):
            raise InvalidArgumentError("sources is no list: write a list of objects with kind and path")
        return cls(**members)

    @classmethod
    def from_json(cls, text: str | bytes) -> FinetuneSpec:
        """Read a specification from JSON; errors as :meth:`from_dict`."""
        try:
            given = json.loads(text)
        except ValueError as error:
            raise InvalidArgumentError(f"the specification is not JSON: {error}") from error
        return cls.from_dict(given)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> FinetuneSpec:
        """Read a specification from a file of JSON; errors as :meth:`from_dict`, with the file's name."""
        try:
            with open(path, "rb") as file:
                text = file.read()
        except FileNotFoundError as error:
            raise NotFoundError(f"{os.fspath(path)}: there is no such file") from error
        try:
            return cls.from_json(text)
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"{os.fspath(path)}: {error}") from error

    def to_dict(self) -> dict[str, Any]:
        """Return the specification as JSON has it, without defaults and without rows in memory."""
        out: dict[str, Any] = {}
        for one in dataclasses.fields(self):
            value = getattr(self, one.name)
            if one.name == "sources":
                out["sources"] = [changed(source, leave_out=("rows",)) for source in value]
            elif one.name == "lora":
                out |= {"lora": changed(value)} if value is not None else {}
            elif value != default_of(one):
                out[one.name] = dict(value) if hasattr(value, "keys") else value
        return out
