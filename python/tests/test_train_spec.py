"""Trainings by a specification."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from routellm_rs import (
    CancelledError,
    Evaluation,
    InvalidArgumentError,
    NotFoundError,
    ResourceExhaustedError,
    Router,
    evaluate,
    train,
)

ROWS = [
    {
        "prompt": f"integral of x number {i}" if i % 3 == 0 else f"greet person {i}",
        "big": True,
        "small": i % 3 != 0,
        "ignored": float("nan"),
    }
    for i in range(60)
]


def spec_to(out: Path, **more: Any) -> dict[str, Any]:
    """Return a specification that trains in a moment."""
    return {
        "trainer": {"kind": "linear", "bits": 10, "folds": 3, "lambdas": [0.1, 1]},
        "sources": [{"kind": "gold", "rows": ROWS}],
        "strong": "big",
        "weak": "small",
        "seed": 7,
        "calibration": {"date": "2026-01-31"},
        "out": out,
        **more,
    }


def files(folder: Path) -> dict[str, bytes]:
    """Return the files of an artifact."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_mapping_a_file_a_table_and_the_function_train_the_same(tmp_path: Path) -> None:
    """Paths, dates and tables are taken as they are."""
    steps: list[tuple[str, int, int]] = []
    report = train.run(spec_to(tmp_path / "a"), progress=lambda *step: steps.append(step))
    assert report["kind"] == "linear"
    assert report["models"] == {"names": ["big", "small"], "strong": "big", "weak": "small"}
    assert report["sources"][0]["label_kind"] == "D_gold"
    assert report["trained"]["error"] < report["trained"]["baseline_error"]
    assert any(stage == "cross-validation" for stage, _, _ in steps)
    table = spec_to(tmp_path / "b", sources=[{"kind": "gold", "rows": pd.DataFrame(ROWS)}])
    table["calibration"] = {"date": pd.Timestamp("2026-01-31")}
    train.run(table)
    train.linear(
        tmp_path / "c",
        gold=ROWS,
        bits=10,
        folds=3,
        lambdas=[0.1, 1],
        strong="big",
        weak="small",
        seed=7,
        calibration_date="2026-01-31",
    )
    assert files(tmp_path / "a") == files(tmp_path / "b") == files(tmp_path / "c")
    lines = tmp_path / "gold.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    path = tmp_path / "spec.json"
    path.write_text(
        json.dumps(spec_to(tmp_path / "d", sources=[{"kind": "gold", "path": str(lines)}]), default=str),
        encoding="utf-8-sig",
    )
    train.run(path)
    assert Router.open(tmp_path / "d").win_rate("greet 3") == Router.open(tmp_path / "a").win_rate("greet 3")


def test_held_out_rows_are_evaluated(tmp_path: Path) -> None:
    """A split's rows make a report, as :func:`routellm_rs.evaluate` makes of them."""
    spec = spec_to(tmp_path / "a", split=0.3, evaluation={"draws": 20, "robustness": 0})
    report = train.run(spec)
    evaluation = report["evaluation"]
    assert evaluation is not None
    assert report["not_evaluated"] == []
    held_out = report["held_out"]
    assert held_out is not None
    assert evaluation["tables"][0]["rows"] == held_out["gold"]
    again = evaluate(tmp_path / "a", data=pd.DataFrame(ROWS), held_out=0.3, draws=20, robustness=0)
    assert again.tables[0]["results"][0]["pair"] == evaluation["tables"][0]["results"][0]["pair"]
    assert "source 1, held out" in repr(Evaluation(evaluation))
    with pytest.raises(InvalidArgumentError, match="no effect without split"):
        train.run(spec_to(tmp_path / "b", evaluation={}))


def test_an_encoder_by_the_name_of_a_router(tmp_path: Path) -> None:
    """Its session has options of its own."""
    votes = [
        {
            "prompt": row["prompt"],
            "model_a": "big",
            "model_b": "small",
            "winner": "model_b" if row["small"] else "model_a",
        }
        for row in ROWS[:12]
    ]
    report = train.run(
        {
            "trainer": {"kind": "mf", "dim": 4, "epochs": 2},
            "sources": [{"kind": "votes", "rows": votes}, {"kind": "judge", "rows": votes}],
            "strong": "big",
            "weak": "small",
            "encoder": {
                "path": str(Path(__file__).parents[2] / "artifacts" / "mf-minilm"),
                "session": {"sessions": 1},
            },
            "out": tmp_path / "mf",
        }
    )
    assert [source["label_kind"] for source in report["sources"]] == ["D_arena", "D_judge"]
    assert 0 <= Router.open(tmp_path / "mf").win_rate("hello") <= 1


def test_what_is_wrong_is_refused_and_what_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    """Errors are of the package, and say what is wrong."""
    out = tmp_path / "x"
    wrong: list[tuple[Any, str]] = [
        (3, "spec is of type int, expected a mapping or a path"),
        ({}, "missing field `trainer`"),
        (spec_to(out, seeds=1), "unknown field `seeds`"),
        (spec_to(out, seed=float("nan")), "spec: not representable as JSON"),
        (spec_to(out, sources=[]), "sources is empty"),
        (spec_to(out, sources=[{"kind": "gold", "rows": "gold.jsonl"}]), "write path instead of rows"),
        (
            spec_to(out, sources=[{"kind": "gold", "rows": [{"prompt": "p", "a": 1, "b": 0}, {"a": 1}]}]),
            "line 2",
        ),
        (spec_to(out, encoder="x"), "encoder has no effect"),
    ]
    for spec, message in wrong:
        with pytest.raises(InvalidArgumentError) as refused:
            train.run(spec)
        assert message in str(refused.value)
    with pytest.raises(NotFoundError):
        train.run(tmp_path / "nothing.json")
    with pytest.raises(CancelledError):
        train.run(spec_to(out), progress=lambda *_: False)
    with pytest.raises(ZeroDivisionError):
        train.run(spec_to(out), progress=lambda *_: 1 / 0)
    with pytest.raises(ResourceExhaustedError):
        train.run(spec_to(out, timeout_ms=1e-6))
    assert not (out / "router.json").exists()
