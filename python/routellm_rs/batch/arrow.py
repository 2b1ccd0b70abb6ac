"""Tables, record batches and streams of PyArrow (the extra ``arrow``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

import pyarrow as pa  # type: ignore[import-untyped,import-not-found,unused-ignore]

from ._columns import RouteOptions, added, dimension, embedded, routed

if TYPE_CHECKING:
    from routellm_rs._router import Router

__all__ = ["embed", "route"]

Data = TypeVar("Data", pa.Table, pa.RecordBatch, pa.RecordBatchReader)

MODEL = pa.field("model", pa.string())
WIN_RATE = pa.field("win_rate", pa.float64())


def route(data: Data, router: Router, *, column: str = "prompt", **options: Unpack[RouteOptions]) -> Data:
    """Add the columns ``model`` (string) and ``win_rate`` (float64, in [0, 1]) to each row.

    A ``RecordBatchReader`` gives another one, which reads a batch, decides and gives it on: a data set of
    any size takes the memory of one batch. Options are those of :meth:`routellm_rs.Router.route_batch`.

    Raises:
        InvalidArgumentError: for a column that is missing, taken, or not of texts, and for wrong options.
    """

    def columns(prompts: list[str | None]) -> list[pa.Array]:
        models, rates = routed(router, prompts, options)
        return [pa.array(models, MODEL.type), pa.array(rates, WIN_RATE.type)]

    return _extended(data, column, [MODEL, WIN_RATE], columns)


def embed(data: Data, router: Router, *, column: str = "prompt") -> Data:
    """Add the column ``embedding``, a fixed-size list of float32, to each row, by the router's encoder.

    A ``RecordBatchReader`` gives another one, as with :func:`route`.

    Raises:
        InvalidArgumentError: for a column that is missing, taken, or not of texts.
        UnsupportedError: if the router's features are sparse or come from the caller.
    """
    numbers = dimension(router)
    field = pa.field("embedding", pa.list_(pa.float32(), numbers))

    def columns(prompts: list[str | None]) -> list[pa.Array]:
        return [pa.array(embedded(router, prompts), field.type)]

    return _extended(data, column, [field], columns)


def _extended(
    data: Any, column: str, fields: list[pa.Field], columns: Callable[[list[str | None]], list[pa.Array]]
) -> Any:
    """Return the data with more columns, which are made of those of each batch."""
    added([field.name for field in fields], data.schema.names, column)
    kind = data.schema.field(column).type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        from routellm_rs.errors import InvalidArgumentError

        raise InvalidArgumentError(f'the column "{column}" is of {kind}, expected strings')
    schema = data.schema
    for field in fields:
        schema = schema.append(field)

    def extend(batch: pa.RecordBatch) -> pa.RecordBatch:
        made = columns(batch.column(batch.schema.get_field_index(column)).to_pylist())
        return pa.RecordBatch.from_arrays([*batch.columns, *made], schema=schema)

    def extended(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return (extend(batch) for batch in batches)

    if isinstance(data, pa.RecordBatch):
        return extend(data)
    if isinstance(data, pa.Table):
        return pa.Table.from_batches(extended(iter(data.to_batches())), schema=schema)
    return pa.RecordBatchReader.from_batches(schema, extended(iter(data)))
