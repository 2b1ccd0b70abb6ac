"""Data sets of Ray Data (the extra ``ray``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import pyarrow as pa  # type: ignore[import-untyped,import-not-found,unused-ignore]
import ray.data  # type: ignore[import-untyped,import-not-found,unused-ignore]

from . import arrow
from ._columns import RouteOptions

if TYPE_CHECKING:
    from routellm_rs._router import Router

__all__ = ["embed", "route"]


class _Worker:
    """What an actor of Ray does; the router is opened once, when it begins."""

    def __init__(self, router: Router, column: str, options: RouteOptions | None) -> None:
        self.router, self.column, self.options = router, column, options

    def __call__(self, batch: pa.Table) -> pa.Table:
        if self.options is None:
            return arrow.embed(batch, self.router, column=self.column)
        return arrow.route(batch, self.router, column=self.column, **self.options)


def route(
    data: ray.data.Dataset,
    router: Router,
    *,
    column: str = "prompt",
    concurrency: int = 2,
    ray_options: dict[str, Any] | None = None,
    **options: Unpack[RouteOptions],
) -> ray.data.Dataset:
    """Add the columns ``model`` (string) and ``win_rate`` (float64, in [0, 1]) to each row.

    ``concurrency`` actors open the router, each for itself, and take a CPU each; what reads the
    data set needs another one. ``ray_options`` go to ``Dataset.map_batches`` (``batch_size``, ``num_cpus``
    and others); the other options are those of :meth:`routellm_rs.Router.route_batch`.
    """
    return _mapped(data, (router, column, options), concurrency, ray_options)


def embed(
    data: ray.data.Dataset,
    router: Router,
    *,
    column: str = "prompt",
    concurrency: int = 2,
    ray_options: dict[str, Any] | None = None,
) -> ray.data.Dataset:
    """Add the column ``embedding``, a fixed-size list of float32, to each row, by the router's encoder.

    For the rest as :func:`route`.
    """
    return _mapped(data, (router, column, None), concurrency, ray_options)


def _mapped(
    data: ray.data.Dataset, worker: tuple[Any, ...], concurrency: int, ray_options: dict[str, Any] | None
) -> ray.data.Dataset:
    return data.map_batches(
        _Worker,
        fn_constructor_args=worker,
        batch_format="pyarrow",
        concurrency=concurrency,
        **(ray_options or {}),
    )
