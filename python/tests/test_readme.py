"""The examples of the READMEs that can run do what they say."""

from __future__ import annotations

import doctest
import json
import random
import re
from pathlib import Path
from typing import Any

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


def test_the_router_on_votes_routes_as_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (example,) = (
        code for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "sw_ranking" in code
    )
    # Three models, so that the pair of the example is not the one that training takes by itself.
    models = ["gpt-4-1106-preview", "mixtral-8x7b-instruct-v0.1", "llama-13b"]
    source = random.Random(2)
    votes, gold = [], []
    for i in range(60):
        prompt = f"Integrate x^{i} from 0 to {i % 7}." if i % 2 else f"Say hello to my {i} friends, please."
        a, b = source.sample(range(3), 2)
        lead = 0.85 if i % 2 else 0.6
        first = source.random() < (lead if a < b else 1 - lead)
        winner = "model_a" if first else "model_b"
        votes.append({"prompt": prompt, "model_a": models[a], "model_b": models[b], "winner": winner})
        gold.append({"prompt": prompt, models[0]: True, models[1]: i % 2 == 0})
    for name, rows in (("votes.jsonl", votes), ("gold.jsonl", gold)):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    try:
        exec(compile(example, "README.md", "exec"), names)
    except (routellm_rs.RuntimeUnavailableError, routellm_rs.NotFoundError) as error:
        pytest.skip(f"no encoder: {error}")
    router = names["router"]
    assert router.route("Integrate x^2 from 0 to 1.", strong_share=0.3).model in models[:2]
    assert router.route("hi").threshold == router.info()["calibration"]["default_threshold"]
    assert router.share(0.3)[1] == pytest.approx(0.3, abs=0.02)
    assert len(router.explain("Integrate x^2 from 0 to 1.", k=3)["votes"]) == 3
