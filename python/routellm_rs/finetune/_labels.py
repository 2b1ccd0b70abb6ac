"""From votes, gold rows and the verdicts and scores of a judge to what a router learns from.

Whatever the source, an example says how often the strong model won, both were equal, and the weak one won:
the three labels of the paper's BERT router (section 4.2). From these come the quality gap, and the scores 1
to 5 of the causal LM router.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from routellm_rs.errors import InvalidArgumentError

from . import _rows
from ._ratings import ratings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ._source import Source
    from ._spec import FinetuneSpec

    Shares = tuple[float, float, float]

SCORES = 5
WINNERS = {
    "model_a": (1.0, 0.0, 0.0),
    "model_b": (0.0, 0.0, 1.0),
    "tie": (0.0, 1.0, 0.0),
    "tie (bothbad)": (0.0, 1.0, 0.0),
    "both_bad": (0.0, 1.0, 0.0),
}


@dataclass(frozen=True, slots=True)
class Example:
    """What is known about a prompt, from one source."""

    prompt: str
    shares: Shares
    """How often the strong model won, both were equal, the weak one won; they sum to 1."""
    gap: float
    """Quality of the strong answer minus that of the weak one, in [-1, 1]."""
    scores: tuple[float, ...] | None
    """How often a judge gave the weak answer each score, 1 to 5; None where nobody scored it."""
    weight: float
    source: int
    group: str


@dataclass(slots=True)
class Labelled:
    """The examples of all sources, and what was left out of them and why."""

    examples: list[Example] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)

    def leave_out(self, why: str) -> None:
        """Count a row that says nothing about the pair."""
        self.left_out[why] = self.left_out.get(why, 0) + 1


def read(spec: FinetuneSpec) -> Labelled:
    """Read all sources of a specification, one example for each prompt of a source.

    Raises:
        NotFoundError: for a file that is not there.
        InvalidArgumentError: for malformed rows (naming file and line), or if nothing tells of the pair.
    """
    found = Labelled()
    for number, source in enumerate(spec.sources):
        name = f"sources[{number}]"
        rows = list(_rows.read(source, name))
        found.rows[name if source.path is None else source.path] = len(rows)
        of_kind = {"votes": _votes, "judge": _votes, "gold": _gold, "scores": _scores}[source.kind]
        merged: dict[str, list[Example]] = {}
        for example in of_kind(spec, number, source, rows, found):
            merged.setdefault(example.prompt, []).append(example)
        found.examples += [_merged(same) for same in merged.values()]
    if not found.examples:
        left_out = "; ".join(f"{count} rows: {why}" for why, count in found.left_out.items())
        raise InvalidArgumentError(
            f"no row tells {spec.strong!r} from {spec.weak!r} ({left_out or 'the sources are empty'}). Name "
            "the models as the rows do (rename), or say which stand for them (strong and "
            "weak of a source)"
        )
    return found


def _merged(same: list[Example]) -> Example:
    """One example of all rows of a prompt: means by weight, weights summed."""
    if len(same) == 1:
        return same[0]
    total = sum(one.weight for one in same)

    def mean(values: Iterable[float]) -> float:
        return sum(one.weight * value for one, value in zip(same, values, strict=True)) / total

    shares = (
        mean(e.shares[0] for e in same),
        mean(e.shares[1] for e in same),
        mean(e.shares[2] for e in same),
    )
    scored = [one.scores for one in same]
    scores = None
    if all(one is not None for one in scored):
        scores = tuple(mean(one[i] for one in scored if one is not None) for i in range(SCORES))
    return replace(same[0], shares=shares, gap=mean(e.gap for e in same), scores=scores, weight=total)


def _votes(
    spec: FinetuneSpec, number: int, source: Source, rows: list[tuple[str, _rows.Row]], found: Labelled
) -> list[Example]:
    """Votes of people or of a judge. The models that stand for the pair are named, or the votes rate them."""
    read = []
    for where, row in rows:
        a, b = (_name(spec, row, key, where) for key in ("model_a", "model_b"))
        shares = _outcome(row, where)
        if shares is None:
            found.leave_out("no winner is known")
        elif a == b:
            found.leave_out("a model against itself")
        else:
            read.append((where, row, a, b, shares))
    side = _sides(spec, source)
    rated = {} if side else ratings((a, b, s[0] + s[1] / 2) for _, _, a, b, s in read)
    examples = []
    for where, row, a, b, shares in read:
        if side:
            sides = (side.get(a), side.get(b))
            if None in sides or sides[0] == sides[1]:
                found.leave_out("a vote between other models")
                continue
            swapped = sides[0] == "weak"
        else:
            between = rated[a] - rated[b]
            if abs(between) <= source.least_difference:
                found.leave_out("models of (nearly) one strength")
                continue
            swapped = between < 0
        if swapped:
            shares = (shares[2], shares[1], shares[0])
        gap = shares[0] - shares[2]
        prompt = _rows.prompt_of(row, where)
        group = _group(source, row)
        examples.append(Example(prompt, shares, gap, None, source.weight, number, group))
    return examples


def _gold(
    spec: FinetuneSpec, number: int, source: Source, rows: list[tuple[str, _rows.Row]], found: Labelled
) -> list[Example]:
    """Gold rows: the gap is the difference of the scores, and a part of a gap is a part of a win."""
    examples = []
    for where, row in rows:
        names = {spec.rename.get(key, key): key for key in row}
        qualities = []
        for wanted, stand_ins in ((spec.strong, source.strong), (spec.weak, source.weak)):
            key = next((names[name] for name in stand_ins or (wanted,) if name in names), None)
            if key is None:
                raise InvalidArgumentError(
                    f"{where}: no column {wanted!r}; there are {', '.join(row)}. Correct strong, weak or "
                    "rename"
                )
            qualities.append(_quality(row[key], f"{where}: {key}"))
        gap = qualities[0] - qualities[1]
        shares = (max(gap, 0.0), 1.0 - abs(gap), max(-gap, 0.0))
        prompt = _rows.prompt_of(row, where)
        examples.append(Example(prompt, shares, gap, None, source.weight, number, _group(source, row)))
    return examples


def _scores(
    spec: FinetuneSpec, number: int, source: Source, rows: list[tuple[str, _rows.Row]], found: Labelled
) -> list[Example]:
    """Scores of a judge, as ``routellm judge --mode score`` writes them, or one answer a row."""
    examples: list[Example] = []
    strong, weak = source.strong or (spec.strong,), source.weak or (spec.weak,)
    for where, row in rows:
        if "scores" in row:
            a, b = (_name(spec, row, key, where) for key in ("model_a", "model_b"))
            if not ((a in strong and b in weak) or (a in weak and b in strong)):
                found.leave_out("scores of other models")
                continue
            given = _pairs(row["scores"], where)
            pairs = given if a in strong else [(two, one) for one, two in given]
        else:
            model = _name(spec, row, "model", where)
            if model not in weak:
                found.leave_out("scores of other models than the weak one")
                continue
            pairs = [(None, row.get("score"))]
        top = source.scale
        of_weak = [_score(score, top, where) for _, score in pairs if score is not None]
        both = [(_score(s, top, where), _score(w, top, where)) for s, w in pairs if None not in (s, w)]
        if not of_weak:
            found.leave_out("no score of the weak answer")
            continue
        bins = [0.0] * SCORES
        for score in of_weak:
            bins[_bin(score, top)] += 1.0 / len(of_weak)
        if both:
            shares = _three(
                sum(1.0 for s, w in both if wins(s, w)) / len(both)
                for wins in (operator.gt, operator.eq, operator.lt)
            )
            gap = sum(s - w for s, w in both) / len(both) / (top - 1)
        else:
            # Without the strong answer a good weak one is as good as both, and a bad one has lost.
            lost = sum(bins[: spec.tie_score - 1])
            shares, gap = (lost, 1.0 - lost, 0.0), lost
        prompt = _rows.prompt_of(row, where)
        group = _group(source, row)
        examples.append(Example(prompt, shares, gap, tuple(bins), source.weight, number, group))
    return examples


def _three(values: Iterable[float]) -> Shares:
    a, tie, b = values
    return a, tie, b


def _bin(score: float, top: int) -> int:
    """Return which of five bins a score of 1 to ``top`` is in, from 0 on: 1 and 2 of ten are in the first."""
    return min(SCORES - 1, int((score - 1e-9) * SCORES / top))


def _pairs(value: Any, where: str) -> list[tuple[Any, Any]]:
    pairs = value if isinstance(value, list) and value and isinstance(value[0], list) else [value]
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise InvalidArgumentError(
            f"{where}: scores is {value!r}, expected pairs such as [[9, 3], [8, null]]"
        )
    return [(pair[0], pair[1]) for pair in pairs]


def _score(value: Any, top: int, where: str) -> float:
    try:
        score = float(value)
    except (TypeError, ValueError):
        score = float("nan")
    if isinstance(value, bool) or not 1 <= score <= top:
        raise InvalidArgumentError(f"{where}: a score is {value!r}, expected a number in [1, {top}] (scale)")
    return score


def _quality(value: Any, where: str) -> float:
    words = {"true": 1.0, "false": 0.0}
    try:
        quality = words[value.strip().lower()] if str(value).strip().lower() in words else float(value)
    except (AttributeError, TypeError, ValueError):
        quality = float(value) if isinstance(value, bool) else float("nan")
    if not 0 <= quality <= 1:
        raise InvalidArgumentError(f"{where} is {value!r}, expected true, false or a number in [0, 1]")
    return quality


def _outcome(row: Mapping[str, Any], where: str) -> Shares | None:
    """Shares of (a wins, tie, b wins): by verdicts, by how sure a judge is, by the winner or by flags."""
    verdicts = row.get("verdicts")
    if isinstance(verdicts, list) and any(verdict is not None for verdict in verdicts):
        known = [_winner(verdict, where) for verdict in verdicts if verdict is not None]
        return _three(sum(one[i] for one in known) / len(known) for i in range(3))
    if row.get("p_model_a") not in (None, ""):
        sure = _quality(row["p_model_a"], f"{where}: p_model_a")
        return sure, 0.0, 1.0 - sure
    if "winner" in row:
        return None if row["winner"] in (None, "") else _winner(row["winner"], where)
    flags = [_flag(row.get(name), where, name) for name in ("winner_model_a", "winner_model_b", "winner_tie")]
    if flags == [None, None, None]:
        if not any(name in row for name in ("winner_model_a", "verdicts")):
            raise InvalidArgumentError(f"{where}: no winner and no winner_model_a; it has {', '.join(row)}")
        return None
    if sum(map(bool, flags)) > 1 or (flags[2] is not None and not any(flags)):
        raise InvalidArgumentError(f"{where}: the flags of the winner contradict each other: {flags}")
    return WINNERS["model_a" if flags[0] else "model_b" if flags[1] else "tie"]


def _winner(name: Any, where: str) -> Shares:
    if not isinstance(name, str) or name not in WINNERS:
        raise InvalidArgumentError(
            f"{where}: the winner is {name!r}, expected one of {', '.join(WINNERS)} or null"
        )
    return WINNERS[name]


def _flag(value: Any, where: str, name: str) -> bool | None:
    if value is None or value == "":
        return None
    text = str(value).strip().lower()
    if text not in ("0", "1", "0.0", "1.0", "true", "false"):
        raise InvalidArgumentError(f"{where}: {name} is {value!r}, expected 0 or 1")
    return text in ("1", "1.0", "true")


def _name(spec: FinetuneSpec, row: Mapping[str, Any], key: str, where: str) -> str:
    name = row.get(key)
    if not isinstance(name, str) or not name:
        raise InvalidArgumentError(f"{where}: {key} is {name!r}, expected the name of a model")
    return spec.rename.get(name, name)


def _sides(spec: FinetuneSpec, source: Source) -> dict[str, str]:
    """Return which models stand for which side; none where the votes rate them."""
    if source.pairing == "stronger" and not (source.strong or source.weak):
        return {}
    side = dict.fromkeys(source.weak or (spec.weak,), "weak")
    return side | dict.fromkeys(source.strong or (spec.strong,), "strong")


def _group(source: Source, row: Mapping[str, Any]) -> str:
    """Return what a row is smoothed with: its value in the column that the source names, or all of them."""
    return str(row.get(source.group, "")) if source.group is not None else ""
