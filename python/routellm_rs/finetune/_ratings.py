"""Which of two models of a vote is the stronger one: Bradley-Terry ratings of the votes themselves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ROUNDS = 200
# One tie with an average opponent keeps the rating of a model that never lost finite.
PRIOR = 1.0


def ratings(battles: Iterable[tuple[str, str, float]]) -> dict[str, float]:
    """Rate models by battles ``(a, b, share that a won)``, in Elo points around 0.

    A difference of 400 are odds of ten to one. The maximum of the
    likelihood of the model of Bradley and Terry, by Hunter's minorisation (2004), models
    in alphabetical order, so that the same battles give the same ratings.
    """
    wins: dict[str, float] = {}
    meetings: dict[str, dict[str, float]] = {}
    for a, b, share in battles:
        if a == b:
            continue
        for one, other, won in ((a, b, share), (b, a, 1.0 - share)):
            wins[one] = wins.get(one, 0.0) + won
            row = meetings.setdefault(one, {})
            row[other] = row.get(other, 0.0) + 1.0
    names = sorted(wins)
    strength = dict.fromkeys(names, 1.0)
    for _ in range(ROUNDS):
        new = {}
        for name in names:
            against = sum(
                count / (strength[name] + strength[other]) for other, count in sorted(meetings[name].items())
            )
            new[name] = (wins[name] + PRIOR / 2) / (against + PRIOR / (strength[name] + 1.0))
        strength = new
    return {name: 400.0 * math.log10(strength[name]) for name in names}
