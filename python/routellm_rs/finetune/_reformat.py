"""Prompts in other clothes, since benchmarks are recognised by their format as much as by what they ask."""

from __future__ import annotations

import json
import random
import re


def reformat(prompt: str, seed: int, epoch: int, row: int) -> str:
    """Return the prompt, half of the time written differently; the same for the same numbers."""
    way = random.Random(f"{seed} {epoch} {row}").randrange(8)
    if way == 0:
        return json.dumps([prompt], ensure_ascii=False)
    if way == 1:
        return f'"{prompt}"'
    if way == 2:
        return f"Please answer the following question.\n\n{prompt}\n\nThank you!"
    if way == 3:
        return re.sub(r"(?m)^([A-J])\.", r"(\1)", prompt)
    return prompt
