"""Evaluations: keywords, specifications, rows of any library, and what is shown of a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import routellm_rs
from routellm_rs import (
    CancelledError,
    Evaluation,
    InvalidArgumentError,
    NotFoundError,
    ResourceExhaustedError,
    evaluate,
)
from routellm_rs.eval import run

ROWS = [
    {
        "prompt": f"Prove that {i} is <prime>" if i % 3 == 0 else f"Greet person number {i}",
        "big": True,
        "small": i % 3 != 0,
        "task": "proof" if i % 3 == 0 else "chat",
        "ignored": float("nan"),
    }
    for i in range(60)
]
FAST: dict[str, Any] = {"draws": 40, "robustness": 0}


def apgr(report: Evaluation, name: str) -> float:
    result = next(result for result in report.tables[0]["results"] if result["name"] == name)
    assert result["pair"] is not None
    value: float = result["pair"]["router"]["apgr"]["value"]
    return value


def test_rows_in_memory_and_in_files_say_the_same(tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    baselines = [{"kind": "gold", "rows": ROWS}]
    report = evaluate(
        "default", data=ROWS, baselines=baselines, **FAST, progress=lambda *step: steps.append(step)
    )
    table = report.tables[0]
    assert (table["strong"], table["weak"], table["rows"]) == ("big", "small", 60)
    names = ["default", "random", "length", "oracle", "best single model", "linear", "knn"]
    assert [result["name"] for result in table["results"]] == names
    assert table["baseline_overlap"] == 60
    assert apgr(report, "oracle") == pytest.approx(1 - (1 / 3) / 2)
    assert {"scoring default", "slices"} <= {stage for stage, _, _ in steps}
    assert "task" in {part["column"] for part in table["slices"]}
    path = tmp_path / "gold.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    for data in (
        path,
        str(path),
        [path],
        pd.DataFrame(ROWS),
        {"prompt": [row["prompt"] for row in ROWS], "big": [1] * 60, "small": [row["small"] for row in ROWS]},
    ):
        again = evaluate(["default"], data=data, **FAST)
        assert apgr(again, "default") == apgr(report, "default")
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"routers": ["default"], "data": [str(path)], **FAST}))
    assert apgr(run(spec), "default") == apgr(report, "default")
    named = evaluate({"path": "default", "name": "mine"}, data=[{"path": path, "name": "rows"}], **FAST)
    assert (named.tables[0]["name"], named.to_dict()["routers"][0]["name"]) == ("rows", "mine")


def test_a_report_is_shown(tmp_path: Path) -> None:
    report = evaluate("default", data=[{"rows": ROWS, "name": "<mine>"}], cache=tmp_path / "scores", **FAST)
    assert repr(report).startswith("<mine>: 60 rows, big against small\n  default")
    html = report._repr_html_()
    assert html.startswith("<table><caption>&lt;mine&gt;: 60 rows")
    assert "<td>oracle</td>" in html
    assert json.loads(report.to_json()) == report.to_dict()
    assert "Prove that" not in report.to_json()
    told = evaluate("default", data=ROWS, with_prompts=True, cache=tmp_path / "scores", **FAST)
    assert told.tables[0]["results"][0]["most_wrong"][0]["prompt"]
    assert routellm_rs.eval.evaluate is evaluate


def test_what_is_wrong_is_refused(tmp_path: Path) -> None:
    bad: list[tuple[dict[str, Any], str]] = [
        ({"data": None}, "nothing to evaluate on"),
        ({"data": 3}, "expected a path or rows"),
        ({"data": [{"prompt": "p", "big": 1}]}, "a pair needs two"),
        ({"routers": []}, "routers is empty"),
        ({"routers": [3]}, "a router is of type int"),
        ({"strong": "big"}, "pass both strong and weak"),
        ({"strong": "huge", "weak": "small"}, 'no model "huge"'),
        ({"slices": ["tasks"]}, 'no slice "tasks"'),
        ({"benchmarks": "mmlu"}, "benchmarks is of type str"),
        ({"confidence": 2}, "confidence is 2"),
        ({"costs": {"big": float("nan")}}, "not representable as JSON"),
    ]
    for change, message in bad:
        given: dict[str, Any] = {"routers": "default", "data": ROWS, **FAST, **change}
        with pytest.raises(InvalidArgumentError, match=message):
            evaluate(given.pop("routers"), **given)
    with pytest.raises(InvalidArgumentError, match="unknown field `draw`"):
        run({"routers": ["default"], "data": [{"rows": ROWS}], "draw": 1})
    with pytest.raises(NotFoundError):
        evaluate("default", data=tmp_path / "nothing.csv")
    with pytest.raises(CancelledError):
        evaluate("default", data=ROWS, progress=lambda *_: False, **FAST)
    with pytest.raises(ResourceExhaustedError):
        evaluate("default", data=ROWS, timeout_ms=1e-6, **FAST)
