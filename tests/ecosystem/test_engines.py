"""Ray Data and Spark on one machine with two workers, and what their examples in docs/engines.md say."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from routellm_rs import InvalidArgumentError, Router

ROOT = Path(__file__).resolve().parents[2]
PROMPTS = [f"Prove lemma {i}, step by step." if i % 3 else f"hello {i}" for i in range(400)]


@pytest.fixture(scope="module")
def router() -> Router:
    """The router on MiniLM, which has an encoder."""
    return Router.open(ROOT / "artifacts" / "mf-minilm")


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    import ray

    # Two actors take two; reading needs one.
    ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    from pyspark.sql import SparkSession

    # Its workers would take the first Python on the path.
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "100")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


def expected(router: Router, prompts: list[str], **options: Any) -> dict[str, tuple[str, float | None]]:
    decisions = router.route_batch(prompts, **options)
    return {text: (it.model, it.win_rate) for text, it in zip(prompts, decisions, strict=True)}


def test_ray_routes_with_two_workers(ray: Any) -> None:
    from routellm_rs.batch import ray as engine

    router = Router.default()
    table = pa.table({"prompt": [*PROMPTS, None]})
    data = ray.data.from_arrow([table.slice(0, 200), table.slice(200)])
    rows = engine.route(data, router, strong_share=0.3, concurrency=2, ray_options={"batch_size": 50}).take_all()
    found = {row["prompt"]: (row["model"], row["win_rate"]) for row in rows if row["prompt"] is not None}
    assert found == expected(router, PROMPTS, strong_share=0.3)
    assert [row["model"] for row in rows if row["prompt"] is None] == [None]


def test_ray_embeds(ray: Any, router: Router) -> None:
    from routellm_rs.batch import ray as engine

    data = ray.data.from_arrow(pa.table({"prompt": PROMPTS[:20]}))
    rows = engine.embed(data, router).take_all()
    assert len(rows) == 20
    for row in rows:
        assert list(row["embedding"]) == router.embed(row["prompt"]).tolist()


def test_spark_routes_with_two_workers(spark: Any) -> None:
    from pyspark.sql.functions import col
    from routellm_rs.batch import spark as engine

    router = Router.default()
    frame = spark.createDataFrame([(text,) for text in [*PROMPTS, None]], "prompt string").repartition(2)
    rows = engine.route(frame, router, strong_share=0.3).collect()
    found = {row.prompt: (row.model, row.win_rate) for row in rows if row.prompt is not None}
    assert found == expected(router, PROMPTS, strong_share=0.3)
    assert [row.model for row in rows if row.prompt is None] == [None]
    decided = frame.select("prompt", engine.route_udf(router, threshold=0.5)(col("prompt")).alias("d"))
    rows = decided.where(col("prompt").isNotNull()).select("prompt", "d.model", "d.win_rate").collect()
    assert {row.prompt: (row.model, row.win_rate) for row in rows} == expected(router, PROMPTS, threshold=0.5)
    with pytest.raises(InvalidArgumentError, match='no column "text"'):
        engine.route(frame, router, column="text")


def test_spark_embeds(spark: Any, router: Router) -> None:
    from routellm_rs.batch import spark as engine

    frame = spark.createDataFrame([(text,) for text in PROMPTS[:20]], "prompt string")
    rows = engine.embed(frame, router).collect()
    assert len(rows) == 20
    for row in rows:
        assert list(row.embedding) == router.embed(row.prompt).tolist()


def test_the_examples_of_the_manual_run(ray: Any, spark: Any, tmp_path: Path) -> None:
    pq.write_table(pa.table({"prompt": PROMPTS[:50]}), tmp_path / "prompts.parquet")
    text = (ROOT / "docs" / "engines.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(examples) == 4
    for example in examples:
        # Workers have working directories of their own.
        placed = re.sub(r'"(\w+\.parquet)"', lambda name: repr(str(tmp_path / name[1])), example)
        exec(compile(placed, "docs/engines.md", "exec"), {"spark": spark})
    for name in ("arrow", "polars", "ray", "spark"):
        table = pq.read_table(tmp_path / f"{name}.parquet")
        assert sorted(table.column("prompt").to_pylist()) == sorted(PROMPTS[:50]), name
        assert {"model", "win_rate"} <= set(table.schema.names)
