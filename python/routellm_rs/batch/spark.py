"""Frames of Spark (the extra ``spark``)."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Unpack

import pandas as pd  # type: ignore[import-untyped,import-not-found,unused-ignore]
from pyspark.sql import DataFrame  # type: ignore[import-untyped,import-not-found,unused-ignore]
from pyspark.sql.functions import col, pandas_udf  # type: ignore[import-untyped,import-not-found,unused-ignore]

from ._columns import RouteOptions, added, embedded, routed

if TYPE_CHECKING:
    from routellm_rs._router import Router

__all__ = ["embed", "embed_udf", "route", "route_udf"]


@lru_cache(maxsize=8)
def _opened(pickled: bytes) -> Router:
    """Return a router; a worker of Spark, which serves many tasks, opens it once."""
    router: Router = pickle.loads(pickled)
    return router


def route_udf(router: Router, **options: Unpack[RouteOptions]) -> Callable[..., Any]:
    """Return a ``pandas_udf`` from a prompt to a struct of ``model`` (string) and ``win_rate`` (double).

    Options are those of :meth:`routellm_rs.Router.route_batch`.
    """
    pickled = pickle.dumps(router)

    @pandas_udf("model string, win_rate double")  # type: ignore[call-overload,untyped-decorator,unused-ignore]
    def routes(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        own = _opened(pickled)
        for batch in batches:
            models, rates = routed(own, _texts(batch), options)
            yield pd.DataFrame({"model": models, "win_rate": pd.Series(rates, dtype="float64")})

    function: Callable[..., Any] = routes
    return function


def embed_udf(router: Router) -> Callable[..., Any]:
    """Return a ``pandas_udf`` from a prompt to an array of float, by the router's encoder."""
    pickled = pickle.dumps(router)

    @pandas_udf("array<float>")  # type: ignore[call-overload,untyped-decorator,unused-ignore]
    def embeds(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        own = _opened(pickled)
        for batch in batches:
            yield pd.Series(embedded(own, _texts(batch)), dtype="object")

    function: Callable[..., Any] = embeds
    return function


def route(
    data: DataFrame, router: Router, *, column: str = "prompt", **options: Unpack[RouteOptions]
) -> DataFrame:
    """Add the columns ``model`` (string) and ``win_rate`` (double, in [0, 1]) to each row.

    Raises:
        InvalidArgumentError: for a column that is missing or taken.
    """
    added(["model", "win_rate"], data.columns, column)
    decided = data.withColumn("_routellm", route_udf(router, **options)(col(column)))
    return decided.select(*data.columns, "_routellm.model", "_routellm.win_rate")


def embed(data: DataFrame, router: Router, *, column: str = "prompt") -> DataFrame:
    """Add the column ``embedding``, an array of float, to each row, by :func:`embed_udf`.

    Raises:
        InvalidArgumentError: for a column that is missing or taken.
    """
    added(["embedding"], data.columns, column)
    return data.withColumn("embedding", embed_udf(router)(col(column)))


def _texts(batch: pd.Series) -> list[str | None]:
    return [None if pd.isna(text) else text for text in batch]
