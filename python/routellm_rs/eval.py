"""Evaluating routers: quality against cost, on benchmarks and on rows of your own.

>>> import routellm_rs
>>> prompts = [f"Prove that {i} is prime" if i % 3 else f"Hello, number {i}" for i in range(60)]
>>> rows = [{"prompt": prompt, "big": 1, "small": prompt[0] == "H"} for prompt in prompts]
>>> report = routellm_rs.evaluate("default", data=rows, draws=100, robustness=0)
>>> report.tables[0]["strong"], report.tables[0]["rows"]
('big', 60)

What is in a report is said by the core (``routellm_core::eval::EvalReport``): it is the same in every
language, and in the ``report.json`` of the command ``routellm eval``.
"""

from __future__ import annotations

import os

from . import _bundled, _native, _runtime
from ._training_data import is_table, listed, mapped, rows_of
from .errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Literal, TypeAlias

    from ._training_data import Progress, Rows
    from ._types import EvaluatedTable, EvaluationReport, OnTrainingError, StrPath

    RouterLike: TypeAlias = StrPath | Mapping[str, Any]

__all__ = ["Evaluation", "evaluate", "run"]


class Evaluation:
    """What an evaluation found; in Jupyter a table for each benchmark or file."""

    __slots__ = ("_report",)

    def __init__(self, report: EvaluationReport) -> None:
        """Take a report as :meth:`to_dict` gives it."""
        self._report = report

    @property
    def tables(self) -> list[EvaluatedTable]:
        """What the routers were evaluated on: the benchmarks, and then the data."""
        return self._report["tables"]

    def to_dict(self) -> EvaluationReport:
        """Return the whole report; changing it changes this object."""
        return self._report

    def to_json(self) -> str:
        """Return the whole report as JSON, as the command writes it."""
        import json

        return json.dumps(self._report, ensure_ascii=False)

    def __repr__(self) -> str:
        lines = []
        for table in self.tables:
            lines.append(f"{table['name']}: {table['rows']} rows, {table['strong']} against {table['weak']}")
            lines += [f"  {row[0]:<20} APGR {row[1]:<22} CPT(50%) {row[2]}" for row in _rows(table)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from html import escape

        def cells(row: Iterable[str], tag: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row) + "</tr>"

        parts = []
        for table in self.tables:
            caption = f"{table['name']}: {table['rows']} rows, {table['strong']} against {table['weak']}"
            body = "".join(cells(row, "td") for row in _rows(table))
            head = cells(("router", "APGR", "CPT(50%)"), "th")
            parts.append(
                f"<table><caption>{escape(caption)}</caption><thead>{head}</thead><tbody>{body}</tbody></table>"
            )
        return "".join(parts)


def _rows(table: EvaluatedTable) -> list[tuple[str, str, str]]:
    return [
        (result["name"], _figure(pair["router"]["apgr"], 1.0), _figure(_cpt(pair), 100.0))
        for result in table["results"]
        if (pair := result["pair"]) is not None
    ]


def _cpt(pair: Mapping[str, Any]) -> Any:
    return next((level["strong_share"] for level in pair["router"]["cpt"] if level["level"] == 0.5), None)


def _figure(estimate: Any, scale: float) -> str:
    """Return ``0.672 [0.634, 0.712]``, or ``31 % [24, 34]``."""
    if estimate is None or estimate["value"] is None:
        return "-"

    def number(value: float) -> str:
        return f"{value:.3f}" if scale == 1.0 else f"{scale * value:.0f}"

    value = number(estimate["value"]) + ("" if scale == 1.0 else " %")
    if estimate["low"] is None or estimate["high"] is None:
        return value
    return f"{value} [{number(estimate['low'])}, {number(estimate['high'])}]"


def evaluate(
    routers: RouterLike | Iterable[RouterLike],
    *,
    benchmarks: Iterable[str] = (),
    folder: StrPath | None = None,
    data: Rows | Iterable[StrPath | Mapping[str, Any]] | None = None,
    strong: str | None = None,
    weak: str | None = None,
    models: Iterable[str] | None = None,
    columns: Mapping[str, str] | None = None,
    kind: Literal["gold", "votes", "log"] | None = None,
    contaminated: StrPath | None = None,
    rename: Mapping[str, str] | None = None,
    held_out: float | Mapping[str, float] | None = None,
    costs: Mapping[str, float] | None = None,
    baselines: Iterable[Mapping[str, Any]] = (),
    slices: Iterable[str] | None = None,
    draws: int = 1000,
    seed: int = 1,
    confidence: float = 0.95,
    levels: Iterable[float] = (0.2, 0.5, 0.8),
    definition: Literal["exact", "reference"] = "exact",
    robustness: int = 500,
    wrong: int = 20,
    with_prompts: bool = False,
    cache: StrPath | None = None,
    on_error: OnTrainingError = "raise",
    timeout_ms: float | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Evaluate routers: quality against cost, with intervals, baselines, slices and robustness.

    Args:
        routers: ``"default"``, a folder of an artifact or of a model, the name of an installed router
            (``"mf-minilm"``), or a mapping with ``path``, ``name`` and ``options`` (of opening); or several
            of these.
        benchmarks: ``mmlu``, ``gsm8k``, ``mt-bench``, which ``folder`` has.
        folder: in the layout of RouteLLM's ``routellm/evals``.
        data: rows of your own: a path (``.jsonl``, ``.csv``, ``.parquet``), a table of any library, or
            mappings. A row has a prompt and the score of each model in [0, 1] (and ``MODEL|total_cost`` in
            USD where it is known), or is a vote, or a log of one model. Several files are a list of paths, or
            of mappings with ``path`` or ``rows`` and what else is said of one: ``name``, ``kind``,
            ``models``, ``columns``, ``contaminated``, ``rename``, ``held_out``.
        strong: the strong model of the pair, in a table of more than two.
        weak: the weak model.
        models: the columns of ``data`` that are models; all whose values are scores by default.
        columns: what columns are called, by the name that they are read by: ``{"prompt": "question"}``.
        kind: what the rows of ``data`` are; what their columns say by default.
        contaminated: a file of prompts that resemble training data: they are left out and counted.
        rename: other names for models of ``data``, by the name that they have there.
        held_out: only the rows that a training with this ``split`` holds out: a share, or a mapping with
            ``share`` and ``seed``.
        costs: USD per 1,000 requests by model, where rows say none.
        baselines: sources as :func:`routellm_rs.train.run` takes them, which the baselines ``linear`` and
            ``knn`` are trained on.
        slices: ``length``, ``code``, ``script``, or columns of the rows; all that say something by default.
        draws: of the bootstrap.
        seed: of everything that is left to chance.
        confidence: of the intervals.
        levels: of CPT.
        definition: of the figures; ``reference`` is RouteLLM's own.
        robustness: rows that are scored again in other clothes and under attack; 0 for none.
        wrong: how many of the most wrong prompts are told.
        with_prompts: whether their texts are told, which may be private.
        cache: a folder that keeps scores, so that nothing is scored twice.
        on_error: what becomes of a row that a router cannot score.
        timeout_ms: the longest time.
        progress: called with (stage, done, total); returning False, or raising, stops the evaluation.

    Raises:
        InvalidArgumentError: for arguments that contradict each other, malformed rows (naming file and line)
            or unknown models.
        NotFoundError: for a file or a folder that is not there.
        ResourceExhaustedError: if ``timeout_ms`` has passed.
        CancelledError: if ``progress`` returned False.
    """
    reading = {
        "models": None if models is None else listed("models", models),
        "columns": mapped("columns", columns),
        "kind": kind,
        "contaminated": contaminated,
        "rename": mapped("rename", rename),
        "held_out": held_out,
    }
    spec: dict[str, Any] = {
        "routers": _routers(routers),
        "benchmarks": listed("benchmarks", benchmarks),
        "folder": folder,
        "data": [{**reading, **part} for part in _data(data)],
        "strong": strong,
        "weak": weak,
        "costs": mapped("costs", costs),
        "baselines": listed("baselines", baselines),
        "slices": None if slices is None else listed("slices", slices),
        "draws": draws,
        "seed": seed,
        "confidence": confidence,
        "levels": listed("levels", levels),
        "definition": definition,
        "robustness": robustness,
        "wrong": wrong,
        "with_prompts": with_prompts,
        "cache": cache,
        "on_error": on_error,
        "timeout_ms": timeout_ms,
    }
    return run(spec, progress=progress)


def run(spec: StrPath | Mapping[str, Any], *, progress: Progress | None = None) -> Evaluation:
    """Evaluate as a specification says: the same in every language.

    Args:
        spec: a mapping with the arguments of :func:`evaluate` as members, where ``routers`` and ``data`` are
            lists and each of ``data`` has a ``path`` or ``rows``; or the path of a file of JSON.
        progress: as for :func:`evaluate`.

    Raises:
        RouteLLMError: as :func:`evaluate`.
    """
    import json

    _runtime.announce()
    report: EvaluationReport = json.loads(_native.evaluate(_spec(spec), progress))
    return Evaluation(report)


def _spec(spec: StrPath | Mapping[str, Any]) -> StrPath | bytes:
    """Return a path as it is, and a specification in memory, whose rows may be tables, as JSON."""
    import json

    if isinstance(spec, (str, os.PathLike)):
        return spec
    whole = mapped("spec", spec)
    for name in ("data", "baselines"):
        if isinstance(whole.get(name), (list, tuple)):
            whole[name] = [_with_rows(f"{name}[{i}]", part) for i, part in enumerate(whole[name])]
    try:
        return json.dumps(whole, allow_nan=False, default=_path).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"spec: not representable as JSON: {error}") from error


def _path(value: Any) -> str:
    if isinstance(value, os.PathLike):
        return os.fsdecode(os.fspath(value))
    raise TypeError(f"an object of type {type(value).__name__}")


def _with_rows(name: str, part: Any) -> Any:
    """Return a source with its rows as objects of JSON. Numbers that JSON has not are as good as absent."""
    import json

    if not hasattr(part, "keys") or part.get("rows") is None:
        return part
    lines = rows_of(f"{name}.rows", part["rows"])
    if not isinstance(lines, bytes):
        raise InvalidArgumentError(f"{name}.rows is a path: write path instead of rows")
    # Lines end at line feeds only: a text may hold other separators.
    rows = [json.loads(line, parse_constant=lambda _: None) for line in lines.split(b"\n") if line]
    return {**part, "rows": rows}


def _routers(routers: Any) -> list[Any]:
    one = isinstance(routers, (str, os.PathLike)) or hasattr(routers, "keys")
    given = [routers] if one else listed("routers", routers)
    return [_router(router) for router in given]


def _router(router: Any) -> Any:
    if isinstance(router, str) and _bundled.is_package(router) and not os.path.exists(router):
        return {"path": _bundled.artifact_path(router), "name": router}
    if not isinstance(router, (str, os.PathLike)) and not hasattr(router, "keys"):
        raise InvalidArgumentError(
            f"a router is of type {type(router).__name__}, expected a path, a name or a mapping"
        )
    return router


def _data(data: Any) -> list[dict[str, Any]]:
    """Return data as sources: one of a path or of rows, or several of paths."""
    if data is None:
        return []
    if isinstance(data, (str, os.PathLike)):
        return [{"path": data}]
    if is_table(data) or not hasattr(data, "__iter__"):
        return [{"rows": data}]
    given = list(data)
    if given and all(hasattr(part, "keys") and _is_source(part) for part in given):
        return [{**part} for part in given]
    if given and all(isinstance(part, (str, os.PathLike)) for part in given):
        return [{"path": part} for part in given]
    return [{"rows": given}]


def _is_source(part: Any) -> bool:
    """Tell a source from a row, which has a prompt."""
    return ("path" in part or "rows" in part) and "prompt" not in part
