"""Frames of Polars, eager and lazy (the extra ``polars``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, Unpack

import polars as pl

from ._columns import RouteOptions, added, dimension, embedded, routed

if TYPE_CHECKING:
    from routellm_rs._router import Router

__all__ = ["embed", "route"]

# What is added depends on nothing but its own row: fewer rows may come in, but no column goes past.
PUSHDOWN = {"predicate_pushdown": False, "projection_pushdown": False, "slice_pushdown": True}

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)


def route(data: Frame, router: Router, *, column: str = "prompt", **options: Unpack[RouteOptions]) -> Frame:
    """Add the columns ``model`` (String) and ``win_rate`` (Float64, in [0, 1]) to each row.

    A ``LazyFrame`` decides when it is collected, batch by batch where the engine streams. Options are those
    of :meth:`routellm_rs.Router.route_batch`.

    Raises:
        InvalidArgumentError: for a column that is missing or taken, and for wrong options.
    """

    def columns(prompts: list[str | None]) -> list[pl.Series]:
        models, rates = routed(router, prompts, options)
        return [pl.Series("model", models, pl.String), pl.Series("win_rate", rates, pl.Float64)]

    return _extended(data, column, {"model": pl.String(), "win_rate": pl.Float64()}, columns)


def embed(data: Frame, router: Router, *, column: str = "prompt") -> Frame:
    """Add the column ``embedding``, an array of float32, to each row, by the router's encoder.

    Raises:
        InvalidArgumentError: for a column that is missing or taken.
        UnsupportedError: if the router's features are sparse or come from the caller.
    """
    kind = pl.Array(pl.Float32, dimension(router))

    def columns(prompts: list[str | None]) -> list[pl.Series]:
        values = [vector if vector is None else vector.tolist() for vector in embedded(router, prompts)]
        return [pl.Series("embedding", values, kind)]

    return _extended(data, column, {"embedding": kind}, columns)


def _extended(
    data: Frame,
    column: str,
    fields: dict[str, pl.DataType],
    columns: Callable[[list[str | None]], list[pl.Series]],
) -> Frame:
    """Return the data with more columns, which are made of those of each batch."""
    schema = data.collect_schema()
    added(list(fields), schema.names(), column)

    def extend(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(columns(frame.get_column(column).cast(pl.String).to_list()))

    if isinstance(data, pl.DataFrame):
        return extend(data)
    return data.map_batches(extend, schema={**schema, **fields}, streamable=True, **PUSHDOWN)
