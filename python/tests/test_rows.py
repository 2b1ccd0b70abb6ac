"""Votes, gold rows and prompts as other tools write them."""

from __future__ import annotations

import codecs
import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from routellm_rs import InvalidArgumentError, NotFoundError, Router, train

WINNERS = ("model_a", "model_a", "model_b", "tie")
VOTES = [
    {
        "prompt": f"question number {i} about cats",
        "model_a": "big",
        "model_b": "small",
        "winner": WINNERS[i % 4],
    }
    for i in range(60)
]
JSONL = "".join(json.dumps(vote) + "\n" for vote in VOTES)
FLAGS = "id,model_a,model_b,prompt,winner_model_a,winner_model_b,winner_tie\n" + "".join(
    f'{i},big,small,"[""{vote["prompt"]}""]",'
    f"{vote['winner'] == 'model_a':d},{vote['winner'] == 'model_b':d},{vote['winner'] == 'tie':d}\n"
    for i, vote in enumerate(VOTES)
)


class Table:
    """What polars and pyarrow have of a table."""

    def __init__(self, method: str) -> None:
        rows: Any = lambda **_: list(VOTES)  # noqa: E731
        setattr(self, method, rows)

    def __iter__(self) -> Any:
        raise AssertionError("not row by row")


@pytest.fixture
def build(onnx_router: Router, mf_artifact: Path, tmp_path: Path) -> Any:
    def votes(rows: Any) -> int:
        if isinstance(rows, tuple):
            name, data = rows
            rows = tmp_path / name
            rows.write_bytes(data if isinstance(data, bytes) else data.encode())
        report = train.sw_ranking(
            tmp_path / "out",
            votes=rows,
            encoder=mf_artifact,
            cache=tmp_path / "cache.safetensors",
            strong="big",
            weak="small",
            intra_threads=1,
        )
        return report["votes"]

    return votes


def line(**fields: object) -> str:
    return json.dumps({**VOTES[0], "prompt": "one more question about cats", **fields}) + "\n" + JSONL


def test_votes_are_read_in_every_form(build: Any) -> None:
    columns = {name: [vote[name] for vote in VOTES] for name in VOTES[0]}
    raw = [
        {
            **{name: vote[name] for name in ("model_a", "model_b", "winner")},
            "conversation_a": [{"role": "user", "content": vote["prompt"]}],
        }
        for vote in VOTES
    ]
    plain = "prompt,model_a,model_b,winner\n" + "".join(
        f"{vote['prompt']},big,small,{vote['winner']}\n" for vote in VOTES
    )
    for rows, count in [
        (("v.jsonl", JSONL), 60),
        (("bom.jsonl", codecs.BOM_UTF8 + JSONL.encode()), 60),
        (("crlf.jsonl", JSONL.replace("\n", "\r\n")), 60),
        (("flags.csv", FLAGS), 60),
        (("bom.csv", codecs.BOM_UTF8 + FLAGS.encode()), 60),
        (("plain.csv", plain), 60),
        (("nan.jsonl", line(turn=float("nan"), more=[float("inf")])), 61),
        (("bad.jsonl", line(winner="both_bad")), 61),
        ([dict(vote, timestamp=datetime.datetime(2025, 7, 1)) for vote in VOTES], 60),
        ([dict(vote, turn=np.int64(1), more=np.float32(0.5)) for vote in VOTES], 60),
        (raw, 60),
        (columns, 60),
        (Table("iter_rows"), 60),
        (Table("to_pylist"), 60),
    ]:
        assert build(rows) == count, rows[0] if isinstance(rows, tuple) else type(rows)


def test_what_contradicts_itself_is_refused_with_its_line(build: Any) -> None:
    for rows, message in [
        (("c.csv", FLAGS + '99,big,small,"[""x y z""]",1,1,0\n'), r"c.csv, line 62: .*contradict"),
        (("s.csv", FLAGS + '99,big,small,"[""cut \\ud83d""]",1,0,0\n'), r"s.csv, line 62: .*half an emoji"),
        (("s.jsonl", line(prompt="cut \ud83d")), r"s.jsonl, line 1: .*half an emoji"),
        (("w.jsonl", line(winner="nobody")), r'w.jsonl, line 1: winner is "nobody"'),
        ([*VOTES, "a text"], "votes, row 60: of type str, expected a mapping"),
        ({"prompt": ["a"], "winner": []}, "votes: its columns have different lengths"),
    ]:
        with pytest.raises(InvalidArgumentError, match=message):
            build(rows)


def test_parquet_is_read_by_the_wheel(build: Any) -> None:
    with pytest.raises(NotFoundError):
        build("no-such-file.parquet")
    with pytest.raises(InvalidArgumentError, match="not a readable parquet file"):
        build(("junk.parquet", b"PAR1 junk"))


def test_errors_of_rows_are_those_of_the_package(tmp_path: Path) -> None:
    gold = [{"prompt": f"p {i}", "x": i % 2, "y": 1} for i in range(40)]
    latin = tmp_path / "latin.jsonl"
    latin.write_bytes(b'{"prompt": "caf\xe9"}\n')
    with pytest.raises(InvalidArgumentError, match="not UTF-8"):
        train.linear(tmp_path / "out", gold=gold, calibration=latin)
    with pytest.raises(InvalidArgumentError, match="row 0: of type str"):
        train.linear(tmp_path / "out", gold=["prompt"])  # type: ignore[list-item]
