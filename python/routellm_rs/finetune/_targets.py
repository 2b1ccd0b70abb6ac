"""From examples to targets: which are held out, how labels are smoothed, and what scores they come to."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from routellm_rs.errors import InvalidArgumentError

from ._labels import SCORES, Example

if TYPE_CHECKING:
    from ._spec import FinetuneSpec

# Rows of its source that each group counts beside its own.
PRIOR_ROWS = 10


def held_out(prompt: str, share: float, seed: int) -> bool:
    """Tell whether a prompt is held out: as ``routellm data split`` decides with this share and seed."""
    digest = hashlib.sha256(seed.to_bytes(8, "little") + prompt.encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) < share * 2.0**53


def smoothed(examples: list[Example], part: float) -> list[Example]:
    """Move what each example says that far towards the mean of its group, itself drawn to that of its source.

    One right or wrong answer says little about a question.
    """
    if part == 0 or not examples:
        return examples

    def mean(of: list[Example], i: int) -> float:
        return sum(example.shares[i] for example in of) / len(of)

    by_source: dict[int, list[Example]] = {}
    by_group: dict[tuple[int, str], list[Example]] = {}
    for example in examples:
        by_source.setdefault(example.source, []).append(example)
        by_group.setdefault((example.source, example.group), []).append(example)
    drawn = {
        key: tuple(
            (len(of) * mean(of, i) + PRIOR_ROWS * mean(by_source[key[0]], i)) / (len(of) + PRIOR_ROWS)
            for i in range(3)
        )
        for key, of in by_group.items()
    }
    out = []
    for example in examples:
        to = drawn[example.source, example.group]
        s, t, w = ((1 - part) * own + part * other for own, other in zip(example.shares, to, strict=True))
        out.append(replace(example, shares=(s, t, w), gap=(1 - part) * example.gap + part * (to[0] - to[2])))
    return out


def levelled(examples: list[Example], onto: int | None) -> list[Example]:
    """Move the gaps of every source to the mean of one of them.

    Chats and exams differ in their share of ties: without this, gaps teach which of the two a prompt is.
    """
    if onto is None:
        return examples
    means = {}
    for source in {example.source for example in examples}:
        gaps = [example.gap for example in examples if example.source == source]
        means[source] = sum(gaps) / len(gaps)
    if onto not in means:
        raise InvalidArgumentError(f"level_to is {onto}, and source {onto} gave no example: name another one")
    return [replace(e, gap=e.gap - means[e.source] + means[onto]) for e in examples]


def score_shares(example: Example, tie_score: int) -> tuple[float, ...]:
    """Return the shares of the scores 1 to 5 that a causal LM learns for a prompt.

    A judge's scores of the weak answer are taken as they are. Elsewhere the strong model's win is score 1
    (the weak one struggles), a tie is ``tie_score``, and the weak model's win is score 5.
    """
    if example.scores is not None:
        return example.scores
    shares = [0.0] * SCORES
    shares[0] += example.shares[0]
    shares[tie_score - 1] += example.shares[1]
    shares[SCORES - 1] += example.shares[2]
    return tuple(shares)


def table(spec: FinetuneSpec, examples: list[Example]) -> list[dict[str, Any]]:
    """Return examples as gold rows for an evaluation, in which the qualities of the pair differ by the gap.

    A win is worth 1 to the winner and a tie one half to each, as for votes; figures of the gap are those of
    any other qualities with this difference.
    """
    return [
        {"prompt": example.prompt, spec.strong: (1.0 + example.gap) / 2, spec.weak: (1.0 - example.gap) / 2}
        for example in examples
    ]
