"""What a run learns from, and adapters: the parts of a specification."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from routellm_rs.errors import InvalidArgumentError

from ._fields import check_mapping, check_one_of, is_number, members_of, names_of

if TYPE_CHECKING:
    from collections.abc import Mapping

SourceKind = Literal["votes", "gold", "judge", "scores"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Rows to learn from: a file or a table, and what stands in it."""

    kind: SourceKind
    """``votes`` of people, ``gold`` rows, ``judge`` (votes of a model that judges), or its ``scores``."""
    path: str | None = None
    """The file: ``.jsonl``, ``.csv`` or ``.parquet``."""
    rows: Any = None
    """Instead of a file: mappings, or a table of any library."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """What columns are called, by the name that they are read by: ``{"prompt": "question"}``."""
    weight: float = 1.0
    """How much each row counts, above 0."""
    strong: tuple[str, ...] = ()
    """Models whose answers stand for the strong one's; itself if the source names stand-ins for neither."""
    weak: tuple[str, ...] = ()
    """Models whose answers stand for the weak one's, likewise."""
    pairing: Literal["stronger", "pair"] = "stronger"
    """Votes: ``stronger`` learns from votes between any two models, the one that the votes rate higher
    standing for the strong one; ``pair`` from those between the pair itself (or its stand-ins) alone."""
    least_difference: float = 0.0
    """Votes by ``stronger``: only those whose models' ratings differ by more than this, in Elo points."""
    scale: int = 10
    """Scores: the best score that there is; the worst is 1."""
    group: str | None = None
    """A column by which rows belong together (a subject): ``smooth`` moves labels to the mean of a group."""


@dataclass(frozen=True, kw_only=True)
class Lora:
    """Low-rank adapters instead of all weights. They are merged into the weights before the export."""

    rank: int = 16
    """Rank of the adapters."""
    alpha: float = 32.0
    """Their scale is alpha / rank."""
    dropout: float = 0.05
    """Dropout before them."""
    modules: tuple[str, ...] = ()
    """Names of the linear layers that get one; all of them by default."""


def source_of(where: str, given: Any) -> Source:
    members = members_of(where, Source, given)
    if "kind" not in members:
        raise InvalidArgumentError(f"{where} has no kind: votes, gold, judge or scores")
    for name in ("strong", "weak"):
        if name in members:
            members[name] = names_of(f"{where}.{name}", members[name])
    return Source(**members)


def check_source(where: str, source: Source) -> None:
    check_mapping(f"{where}.columns", source.columns)
    check_one_of(f"{where}.kind", source.kind, get_args(SourceKind))
    check_one_of(f"{where}.pairing", source.pairing, ("stronger", "pair"))
    if source.path is not None:
        object.__setattr__(source, "path", os.fspath(source.path))
    if (source.path is None) == (source.rows is None):
        raise InvalidArgumentError(
            f"{where} has {'no' if source.path is None else 'both'} path and rows: pass one"
        )
    if not is_number(source.weight) or not 0 < source.weight < math.inf:
        raise InvalidArgumentError(f"{where}.weight is {source.weight!r}, expected a number above 0")
    if not is_number(source.scale, whole=True) or source.scale < 2:
        raise InvalidArgumentError(
            f"{where}.scale is {source.scale!r}, expected a whole number of at least 2"
        )
    if not is_number(source.least_difference) or not source.least_difference >= 0:
        raise InvalidArgumentError(
            f"{where}.least_difference is {source.least_difference!r}, expected at least 0"
        )
