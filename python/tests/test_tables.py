"""Tables of other libraries: the same rows give the same artifact, whichever way they come."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from routellm_rs import InvalidArgumentError, Router, train

HARD = [i % 3 == 0 for i in range(60)]
GOLD: dict[str, list[Any]] = {
    "prompt": [f"integral of x number {i}" if hard else f"greet person {i}" for i, hard in enumerate(HARD)],
    "big": [1.0] * 60,
    "small": [0.0 if hard else 1.0 for hard in HARD],
    "n": list(range(60)),
}
ROWS = [dict(zip(GOLD, row, strict=True)) for row in zip(*GOLD.values(), strict=True)]


class Stream:
    """What has nothing but the Arrow stream, as relations of some databases."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


FORMS = {
    "rows": ROWS,
    "columns": GOLD,
    "pandas": pd.DataFrame(GOLD),
    "pandas with other types": pd.DataFrame(GOLD).convert_dtypes(),
    "pandas categories": pd.DataFrame(GOLD).astype({"prompt": "category"}),
    "polars": pl.DataFrame(GOLD),
    "pyarrow": pa.table(GOLD),
    "pyarrow large strings": pa.table({**GOLD, "prompt": pa.array(GOLD["prompt"], pa.large_string())}),
    "pyarrow string views": pa.table({**GOLD, "prompt": pa.array(GOLD["prompt"], pa.string_view())}),
    "pyarrow dictionaries": pa.table({**GOLD, "prompt": pa.array(GOLD["prompt"]).dictionary_encode()}),
    "datasets": datasets.Dataset.from_dict(GOLD),
    "Arrow stream": Stream(pa.table(GOLD)),
}


def files(folder: Path) -> dict[str, bytes]:
    """Return the files of an artifact."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def trained(out: Path, **more: Any) -> dict[str, bytes]:
    """Train on gold rows, and return the files."""
    train.linear(
        out,
        bits=10,
        folds=3,
        lambdas=[0.1, 1],
        strong="big",
        weak="small",
        calibration_date="2026-01-31",
        **more,
    )
    return files(out)


@pytest.mark.parametrize("form", FORMS)
def test_gold_rows_of_every_form_give_the_same_artifact(tmp_path: Path, form: str) -> None:
    """Also the manifest with its checksums is the same."""
    assert trained(tmp_path / "a", gold=FORMS[form]) == trained(tmp_path / "b", gold=ROWS)


@pytest.mark.parametrize("form", FORMS)
def test_calibration_prompts_of_every_form(tmp_path: Path, form: str) -> None:
    """Prompts come as rows as well as texts."""
    a = trained(tmp_path / "a", gold=ROWS, calibration=FORMS[form], calibration_name="x")
    b = trained(tmp_path / "b", gold=ROWS, calibration=GOLD["prompt"], calibration_name="x")
    assert a == b


def test_votes_of_every_library_give_the_same_artifact(tmp_path: Path) -> None:
    """Conversations are lists of structs."""
    trained(tmp_path / "dense", gold=ROWS, projection=8)
    turns = [[{"role": "user", "content": prompt}] for prompt in GOLD["prompt"]]
    votes = {
        "model_a": ["big"] * 60,
        "model_b": ["small"] * 60,
        "winner": ["model_a" if hard or i % 5 == 0 else "model_b" for i, hard in enumerate(HARD)],
        "conversation_a": turns,
    }
    rows = [dict(zip(votes, row, strict=True)) for row in zip(*votes.values(), strict=True)]
    forms = [
        rows,
        votes,
        pd.DataFrame(votes),
        pl.DataFrame(votes),
        pa.table(votes),
        datasets.Dataset.from_dict(votes),
    ]
    seen = []
    for i, form in enumerate(forms):
        out = tmp_path / str(i)
        train.sw_ranking(
            out,
            votes=form,
            encoder=tmp_path / "dense",
            strong="small",
            weak="big",
            tiers=2,
            calibration_date="2026-01-31",
        )
        seen.append(files(out))
    assert all(form == seen[0] for form in seen)


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_parquet_of_every_compression(tmp_path: Path, compression: str) -> None:
    """Files are read by the package itself."""
    path = tmp_path / "gold.parquet"
    pq.write_table(pa.table(GOLD), path, compression=compression)
    lines = tmp_path / "gold.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    weights = [
        {
            name: data
            for name, data in trained(tmp_path / kind.suffix[1:], gold=kind).items()
            if name != "router.json"
        }
        for kind in (path, lines)
    ]
    assert weights[0] == weights[1]


def test_models_are_found_or_named(tmp_path: Path) -> None:
    """Columns that hold other numbers are no models, and the report says so."""
    report = train.linear(tmp_path / "a", gold=GOLD, folds=3)
    assert report["models"] == ["big", "small"]
    assert list(report["left_out_columns"]) == ["n"]
    twins = {**GOLD, "mistralai/Mixtral-8x7B": GOLD["small"], "mixtral-8x7b": GOLD["big"]}
    report = train.linear(tmp_path / "b", gold=twins, models=["small", "mixtral-8x7b"], folds=3)
    assert report["models"] == ["mixtral-8x7b", "small"]
    report = train.linear(tmp_path / "c", gold=twins, strong="big", weak="small", folds=3)
    assert report["alike"] == [["mistralai/Mixtral-8x7B", "mixtral-8x7b"]]
    with pytest.raises(InvalidArgumentError, match="did you mean"):
        train.linear(tmp_path / "d", gold=GOLD, strong="Big", weak="small", folds=3)
    with pytest.raises(InvalidArgumentError):
        train.linear(tmp_path / "d", gold=GOLD, models=["big", "n"], folds=3)


def test_a_column_is_a_batch_and_a_table_is_none() -> None:
    """The error says what to write."""
    router = Router.default()
    expected = list(router.win_rates(GOLD["prompt"]))
    for table in (
        pd.DataFrame(GOLD),
        pl.DataFrame(GOLD),
        pa.table(GOLD),
        datasets.Dataset.from_dict(GOLD),
        GOLD,
    ):
        assert list(router.win_rates(table["prompt"])) == expected
        assert len(router.route_batch(table["prompt"])) == 60
        for ask in (router.route_batch, router.win_rates):
            with pytest.raises(InvalidArgumentError, match=r"\["):
                ask(table)
