"""Data sets of PyArrow and Polars; those of Ray and Spark have a suite of their own (make test-ecosystem)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from routellm_rs import InvalidArgumentError, Router, UnsupportedError, train
from routellm_rs.batch import arrow
from routellm_rs.batch import polars as frames

PROMPTS = ["Prove it.", None, "hello", "", "What is 17 * 23?" * 9]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Router:
    """A router whose features are eight numbers."""
    out = tmp_path_factory.mktemp("encoder") / "router"
    prompts = [f"integral of x number {i}" if i % 3 == 0 else f"greet person {i}" for i in range(60)]
    gold = {"prompt": prompts, "big": [1.0] * 60, "small": [float(i % 3 != 0) for i in range(60)]}
    train.linear(out, gold=gold, strong="big", weak="small", projection=8)
    return Router.open(out)


def expected(router: Router, **options: Any) -> tuple[list[str | None], list[float | None]]:
    texts = [prompt for prompt in PROMPTS if prompt is not None]
    decisions = iter(router.route_batch(texts, **options))
    rows = [None if prompt is None else next(decisions) for prompt in PROMPTS]
    return [row and row.model for row in rows], [row and row.win_rate for row in rows]


def test_arrow_tables_batches_and_streams_are_routed() -> None:
    router = Router.default()
    models, rates = expected(router, strong_share=0.4)
    table = pa.table({"id": range(5), "prompt": PROMPTS})
    chunked = pa.concat_tables([table.slice(0, 2), table.slice(2)])
    for data in (
        table,
        chunked,
        table.to_batches()[0],
        pa.RecordBatchReader.from_batches(table.schema, table.to_batches(2)),
    ):
        routed = arrow.route(data, router, strong_share=0.4)
        assert isinstance(routed, type(data))
        done = routed.read_all() if isinstance(routed, pa.RecordBatchReader) else routed
        assert done.schema.names == ["id", "prompt", "model", "win_rate"]
        assert done.column("model").to_pylist() == models
        assert done.column("win_rate").to_pylist() == rates
        assert done.column("id").to_pylist() == list(range(5))


def test_a_stream_is_read_as_it_is_asked_for() -> None:
    schema = pa.schema([("prompt", pa.string())])
    read = 0

    def batches() -> Any:
        nonlocal read
        while True:
            read += 1
            yield pa.record_batch({"prompt": ["hello"]}, schema=schema)

    routed = arrow.route(pa.RecordBatchReader.from_batches(schema, batches()), Router.default())
    assert routed.read_next_batch().num_rows == 1
    assert read == 1


def test_polars_frames_are_routed() -> None:
    router = Router.default()
    models, rates = expected(router, threshold=0.4)
    frame = pl.DataFrame({"text": PROMPTS, "n": range(5)})
    eager = frames.route(frame, router, column="text", threshold=0.4)
    lazy = frames.route(frame.lazy(), router, column="text", threshold=0.4)
    assert lazy.collect_schema().names() == ["text", "n", "model", "win_rate"]
    for done in (eager, lazy.collect(), lazy.filter(pl.col("n") < 9).collect(engine="streaming")):
        assert done["model"].to_list() == models
        assert done["win_rate"].to_list() == rates


def test_prompts_are_embedded(encoder: Router) -> None:
    vectors = [prompt and encoder.embed(prompt).tolist() for prompt in PROMPTS if prompt != ""]
    prompts = [prompt for prompt in PROMPTS if prompt != ""]
    table = arrow.embed(pa.table({"prompt": prompts}), encoder)
    assert table.schema.field("embedding").type == pa.list_(pa.float32(), 8)
    assert table.column("embedding").to_pylist() == vectors
    frame = frames.embed(pl.DataFrame({"prompt": prompts}), encoder)
    assert frame.schema["embedding"] == pl.Array(pl.Float32, 8)
    assert frame["embedding"].to_list() == vectors
    with pytest.raises(UnsupportedError):
        arrow.embed(pa.table({"prompt": prompts}), Router.default())


def test_wrong_columns_and_options_are_told() -> None:
    router = Router.default()
    for module, data in ((arrow, pa.table({"text": ["x"]})), (frames, pl.DataFrame({"text": ["x"]}))):
        with pytest.raises(InvalidArgumentError, match='no column "prompt"'):
            module.route(data, router)
        with pytest.raises(InvalidArgumentError, match="threshold"):
            module.route(data, router, column="text", threshold=2.0)
    with pytest.raises(InvalidArgumentError, match='"model" already'):
        arrow.route(pa.table({"prompt": ["x"], "model": ["y"]}), router)
    with pytest.raises(InvalidArgumentError, match="of int64, expected strings"):
        arrow.route(pa.table({"prompt": [1]}), router)


def test_nothing_is_something_too(tmp_path: Path) -> None:
    empty = pa.table({"prompt": pa.array([], pa.string())})
    assert arrow.route(empty, Router.default()).num_rows == 0
    assert (
        frames.route(pl.DataFrame({"prompt": []}, schema={"prompt": pl.String}), Router.default()).height == 0
    )
