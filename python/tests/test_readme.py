"""The first example of the README does what it says."""

from __future__ import annotations

import doctest
from pathlib import Path


def test_the_first_example_runs_as_typed() -> None:
    readme = Path(__file__).resolve().parents[2] / "README.md"
    # The fence ends the last output, where doctest would read on.
    text = readme.read_text(encoding="utf-8").split("```python", 1)[1].split("```", 1)[0]
    test = doctest.DocTestParser().get_doctest(text, {}, "README.md", str(readme), 0)
    result = doctest.DocTestRunner().run(test)
    assert result.attempted >= 4
    assert result.failed == 0
