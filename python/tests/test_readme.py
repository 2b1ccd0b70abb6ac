"""The examples of the READMEs that can run do what they say."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

import routellm_rs

ROOT = Path(__file__).resolve().parents[2]


def test_the_first_example_runs_as_typed() -> None:
    readme = ROOT / "README.md"
    # The fence ends the last output, where doctest would read on.
    text = readme.read_text(encoding="utf-8").split("```python", 1)[1].split("```", 1)[0]
    test = doctest.DocTestParser().get_doctest(text, {}, "README.md", str(readme), 0)
    result = doctest.DocTestRunner().run(test)
    assert result.attempted >= 4
    assert result.failed == 0


def test_exported_models_open_as_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "python" / "README.md").read_text(encoding="utf-8")
    section = text.split("## Classifiers and language models", 1)[1].split("\n## ", 1)[0]
    examples = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert len(examples) == 2
    for name, model in (("classifier-onnx", "bert-tiny"), ("llm-onnx", "stories260k-ts")):
        (tmp_path / name).symlink_to(ROOT / "tests" / "models" / model)
    monkeypatch.chdir(tmp_path)
    for example in examples:
        try:
            exec(compile(example, "README.md", "exec"), {})
        except routellm_rs.RuntimeUnavailableError as error:
            pytest.skip(f"no ONNX Runtime: {error}")
    first, second = capsys.readouterr().out.splitlines()
    assert first.split()[0] in ("gpt-4", "mixtral")
    assert second.count("False") == 2
    assert (tmp_path / "my-router" / "router.json").is_file()
