"""Labels for those who have none: votes of a model that judges, and gold rows of known answers.

>>> import routellm_rs
>>> from openai import OpenAI  # doctest: +SKIP
>>> votes = routellm_rs.judge(
...     ["What is 2 + 2?", "Prove that there is no largest prime."],
...     models=["gpt-4o", "gpt-4o-mini"],
...     judge="gpt-4o",
...     client=OpenAI(),
...     prices={"gpt-4o": (2.5, 10), "gpt-4o-mini": (0.15, 0.6)},
...     budget=1,
... )  # doctest: +SKIP
>>> routellm_rs.train.knn(
...     "my-router", votes=votes.rows, strong="gpt-4o", weak="gpt-4o-mini"
... )  # doctest: +SKIP

The budget is never exceeded: each request is reserved in full before it is sent. Every answer is kept in
the folder ``cache``, in the same journal that the command ``routellm judge`` keeps; nothing is paid for
twice, and a program that was killed goes on where it was. What a client is asked, when, and what becomes of
its errors is decided by the library: clients of openai and litellm try nothing again by themselves.
"""

from __future__ import annotations

import os

from . import _native
from ._clients import endpoint_of, failure, reply_of
from ._training_data import listed, rows_of
from .errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, Literal, TypeAlias

    from ._clients import Endpoint, Reply
    from ._training_data import Progress, Rows
    from ._types import Bill, Estimate, StrPath

    Client: TypeAlias = Any
    Grade: TypeAlias = Callable[[Mapping[str, Any]], float | bool | None]

__all__ = ["Labels", "agold", "ajudge", "gold", "judge"]


class Labels:
    """Rows to train on, and what they have cost."""

    __slots__ = ("_told",)

    def __init__(self, told: Mapping[str, Any]) -> None:
        """Take what the library tells of a job."""
        self._told = told

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows, as ``train`` takes them; none of an estimate."""
        rows: list[dict[str, Any]] = self._told.get("rows", [])
        return rows

    @property
    def estimate(self) -> Estimate:
        """What it was expected to cost."""
        estimate: Estimate = self._told["estimate"]
        return estimate

    @property
    def bill(self) -> Bill | None:
        """What it has cost, earlier runs included; amounts are texts, in USD. None of an estimate."""
        return self._told.get("bill")

    @property
    def report(self) -> dict[str, Any]:
        """How far to trust the judge; of gold rows, what each model got right, and what is no row and why."""
        if "report" in self._told:
            report: dict[str, Any] = self._told["report"]
            return report
        return {name: self._told[name] for name in ("models", "unparsed", "missing") if name in self._told}

    @property
    def failure(self) -> str | None:
        """Why the first request that failed has no answer; run the same again to try those."""
        return self._told.get("failure")

    @property
    def complete(self) -> bool:
        """Whether every request was answered: none failed, and the budget reached for all."""
        bill = self.bill
        return bill is not None and bill["answered"] == bill["requests"]

    def to_jsonl(self, path: StrPath) -> None:
        """Write the rows into a file, as the command does."""
        import json

        part = f"{os.fspath(path)}.part"
        with open(part, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in self.rows)
        os.replace(part, path)

    def __repr__(self) -> str:
        bill = self.bill
        if bill is None:
            estimate = self.estimate
            return f"Labels(estimate: {estimate['requests']} requests, {estimate['usd']} USD)"
        return (
            f"Labels({len(self.rows)} rows, {bill['answered']} of {bill['requests']} requests, "
            f"{bill['spent_usd']} USD)"
        )


def judge(
    rows: Rows | Iterable[str],
    *,
    judge: str,
    client: Client | Mapping[str, Client] | None = None,
    prices: Mapping[str, tuple[float, float]],
    budget: float | str | None = None,
    models: Iterable[str] = (),
    answers: Rows | None = None,
    mode: Literal["pairwise", "score"] = "pairwise",
    samples: int = 1,
    max_tokens: int = 1024,
    answer_max_tokens: int = 1024,
    temperature: float | None = 0.0,
    system: str | None = None,
    max_tokens_name: str = "max_tokens",
    cache: StrPath = ".routellm-requests",
    concurrency: int = 8,
    requests_per_minute: int | None = None,
    tokens_per_minute: int | None = None,
    tries: int = 6,
    any_model: bool = False,
    seed: int = 0,
    estimate: bool = False,
    progress: Progress | None = None,
) -> Labels:
    """Have a model judge the answers of two others, as votes to train on.

    Args:
        rows: pairs, each with ``prompt``, ``model_a``, ``model_b``, ``answer_a``, ``answer_b`` and, where
            people have voted, ``winner``: a path or mappings. With ``models`` prompts: texts, mappings or
            a path.
        judge: the model that judges.
        client: what answers: a client of openai, sync or async; the module ``litellm`` or a router of it; or
            a callable, which takes the body of a request and returns a text or a chat completion, or an
            awaitable of one. A mapping has one for each model. Not needed for an estimate.
        prices: USD per million tokens in and out, of each model.
        budget: the most that the job may cost in USD, earlier runs of it included. An estimate needs none.
        models: the two models that answer now, where ``answers`` has nothing of them.
        answers: answers that are there: ``model``, ``answer`` and the ``prompt``.
        mode: ``pairwise``, in both orders; or ``score``, 1 to 10.
        samples: how often it is asked the same: more than once tells how much it agrees with itself.
        max_tokens: the most tokens of a verdict.
        answer_max_tokens: the most tokens of an answer.
        temperature: how freely models answer; None leaves that to the endpoint.
        system: instructions in place of those of Zheng et al.; they have to ask for the same brackets.
        max_tokens_name: ``max_completion_tokens`` for models that think.
        cache: the folder that keeps every answer. One program at a time uses it.
        concurrency: how many requests are in flight at once.
        requests_per_minute: the most requests a minute to each model.
        tokens_per_minute: the most tokens a minute to each model.
        tries: how often a request is tried.
        any_model: take answers that say they are of another model.
        seed: of the waits.
        estimate: only say what it will cost; nothing is sent.
        progress: called with (stage, done, total); returning False sends nothing more. What is in flight is
            waited for.

    Raises:
        InvalidArgumentError: for malformed rows (naming file or row), a missing price, client or budget.
        IoError: for the journal, after which nothing more is sent; what was paid for is kept.
        ResourceExhaustedError: while another program uses the folder.
    """
    return _run(_judge_spec(**_arguments(locals())), client, progress)


async def ajudge(
    rows: Rows | Iterable[str],
    *,
    judge: str,
    client: Client | Mapping[str, Client] | None = None,
    prices: Mapping[str, tuple[float, float]],
    budget: float | str | None = None,
    models: Iterable[str] = (),
    answers: Rows | None = None,
    mode: Literal["pairwise", "score"] = "pairwise",
    samples: int = 1,
    max_tokens: int = 1024,
    answer_max_tokens: int = 1024,
    temperature: float | None = 0.0,
    system: str | None = None,
    max_tokens_name: str = "max_tokens",
    cache: StrPath = ".routellm-requests",
    concurrency: int = 8,
    requests_per_minute: int | None = None,
    tokens_per_minute: int | None = None,
    tries: int = 6,
    any_model: bool = False,
    seed: int = 0,
    estimate: bool = False,
    progress: Progress | None = None,
) -> Labels:
    """As :func:`judge`, in an event loop: async clients are awaited, others have threads."""
    return await _arun(_judge_spec(**_arguments(locals())), client, progress)


def gold(
    rows: Rows,
    *,
    form: Literal["letter", "number", "exact", "regex"] | None = None,
    pattern: str | None = None,
    grade: Grade | None = None,
    models: Iterable[str] = (),
    client: Client | Mapping[str, Client] | None = None,
    prices: Mapping[str, tuple[float, float]] | None = None,
    budget: float | str | None = None,
    answers: Rows | None = None,
    max_tokens: int = 512,
    system: str | None = None,
    max_tokens_name: str = "max_tokens",
    cache: StrPath = ".routellm-requests",
    concurrency: int = 8,
    requests_per_minute: int | None = None,
    tokens_per_minute: int | None = None,
    tries: int = 6,
    any_model: bool = False,
    seed: int = 0,
    estimate: bool = False,
    progress: Progress | None = None,
) -> Labels:
    """Make gold rows of questions with known answers, and of what two or more models answer.

    Arguments that :func:`judge` has too mean the same.

    Args:
        rows: questions, each with ``prompt``, the right ``answer`` and, where there are options, ``choices``.
        form: how an answer is found: ``letter``, ``number``, ``exact`` or ``regex``. Instead of it ``grade``.
        pattern: the expression of the form ``regex``; its first group is the answer.
        grade: called with ``id``, ``prompt``, ``right``, ``model`` and ``answer`` of each answer; returns a
            score in [0, 1], or None for one that cannot be read. What it raises is raised; answers are kept.
        models: models that answer now, where ``answers`` has nothing of them.
        client: what answers.
        prices: USD per million tokens in and out, of each model that answers now.
        budget: the most that the job may cost in USD.
        answers: answers that are there: ``model``, ``answer`` and the ``id`` or ``prompt`` of the question.
        max_tokens: the most tokens of an answer.
        system: how answers are to be written, said to models before each question.
        max_tokens_name: see :func:`judge`.
        cache: see :func:`judge`.
        concurrency: see :func:`judge`.
        requests_per_minute: see :func:`judge`.
        tokens_per_minute: see :func:`judge`.
        tries: see :func:`judge`.
        any_model: see :func:`judge`.
        seed: see :func:`judge`.
        estimate: see :func:`judge`.
        progress: see :func:`judge`.

    Raises:
        InvalidArgumentError: as :func:`judge`; fewer than two models, or an answer that no rule could find.
        IoError: see :func:`judge`.
        ResourceExhaustedError: see :func:`judge`.
    """
    return _run(_gold_spec(**_arguments(locals())), client, progress, grade)


async def agold(
    rows: Rows,
    *,
    form: Literal["letter", "number", "exact", "regex"] | None = None,
    pattern: str | None = None,
    grade: Grade | None = None,
    models: Iterable[str] = (),
    client: Client | Mapping[str, Client] | None = None,
    prices: Mapping[str, tuple[float, float]] | None = None,
    budget: float | str | None = None,
    answers: Rows | None = None,
    max_tokens: int = 512,
    system: str | None = None,
    max_tokens_name: str = "max_tokens",
    cache: StrPath = ".routellm-requests",
    concurrency: int = 8,
    requests_per_minute: int | None = None,
    tokens_per_minute: int | None = None,
    tries: int = 6,
    any_model: bool = False,
    seed: int = 0,
    estimate: bool = False,
    progress: Progress | None = None,
) -> Labels:
    """As :func:`gold`, in an event loop."""
    return await _arun(_gold_spec(**_arguments(locals())), client, progress, grade)


def _arguments(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in {"client", "progress", "grade"}}


def _usd(budget: float | str | None) -> str | None:
    if budget is None or isinstance(budget, str):
        return budget
    if isinstance(budget, bool) or not hasattr(budget, "__float__"):
        raise InvalidArgumentError(f"budget is of type {type(budget).__name__}, expected an amount in USD")
    from decimal import Decimal

    # As it is written, not as the nearest binary fraction is.
    return format(Decimal(str(budget)), "f")


def _source(name: str, rows: Any) -> dict[str, Any]:
    """Return a path, or rows in memory; texts are prompts."""
    import json

    if isinstance(rows, (str, os.PathLike)):
        return {"path": os.fspath(rows)}
    if not hasattr(rows, "keys") and not hasattr(type(rows), "columns"):
        rows = listed(name, rows)
        if all(isinstance(row, str) for row in rows):
            return {"rows": rows}
    lines = rows_of(name, rows)
    assert isinstance(lines, bytes)
    return {"rows": [json.loads(line) for line in lines.decode().splitlines() if line]}


def _common(
    *,
    rows: Any,
    models: Iterable[str],
    answers: Any,
    prices: Mapping[str, tuple[float, float]] | None,
    budget: float | str | None,
    cache: StrPath,
    concurrency: int,
    requests_per_minute: int | None,
    tokens_per_minute: int | None,
    tries: int,
    any_model: bool,
    seed: int,
    estimate: bool,
) -> dict[str, Any]:
    given = {} if answers is None else _source("answers", answers)
    endpoints = {}
    for model, price in (prices or {}).items():
        try:
            # By name only where it is a mapping: the address is filled in by the client.
            usd_in, usd_out = price
        except (TypeError, ValueError):
            raise InvalidArgumentError(
                f"the price of {model} is {price!r}, expected USD per million tokens in and out"
            ) from None
        endpoints[model] = {
            "input": usd_in,
            "output": usd_out,
            "requests_per_minute": requests_per_minute,
            "tokens_per_minute": tokens_per_minute,
            "any_model": any_model,
        }
    return {
        **_source("rows", rows),
        "models": listed("models", models),
        "answers": given.get("rows", []),
        "answer_files": [given["path"]] if "path" in given else [],
        "endpoints": endpoints,
        "requests": {"budget": _usd(budget), "concurrency": concurrency, "tries": tries, "seed": seed},
        "cache": os.fspath(cache),
        "estimate": estimate,
    }


def _judge_spec(
    *,
    judge: str,
    mode: str,
    samples: int,
    max_tokens: int,
    answer_max_tokens: int,
    temperature: float | None,
    system: str | None,
    max_tokens_name: str,
    **common: Any,
) -> dict[str, Any]:
    return {
        "kind": "judge",
        "judge": {
            "model": judge,
            "mode": mode,
            "samples": samples,
            "max_tokens": max_tokens,
            "temperature": temperature,
            "system": system,
            "max_tokens_name": max_tokens_name,
        },
        "max_tokens": answer_max_tokens,
        **_common(**common),
    }


def _gold_spec(
    *,
    form: str | None,
    pattern: str | None,
    max_tokens: int,
    system: str | None,
    max_tokens_name: str,
    **common: Any,
) -> dict[str, Any]:
    return {
        "kind": "gold",
        "form": form,
        "pattern": pattern,
        "max_tokens": max_tokens,
        "max_tokens_name": max_tokens_name,
        "system": system,
        **_common(**common),
    }


class _Run:
    """A job, with what answers its requests."""

    def __init__(
        self,
        spec: dict[str, Any],
        client: Client | Mapping[str, Client] | None,
        progress: Progress | None,
        grade: Grade | None,
    ) -> None:
        import json

        if spec["kind"] == "gold" and not spec["estimate"] and (spec["form"] is None) == (grade is None):
            raise InvalidArgumentError("how is an answer found? Pass form, or grade; one of them")
        self.endpoints = _endpoints(spec, client)
        for model, part in spec["endpoints"].items():
            endpoint = self.endpoints.get(model)
            part["address"] = "" if endpoint is None else endpoint.address
        self.job = _native.Job(json.dumps(spec))
        self.concurrency: int = spec["requests"]["concurrency"]
        self.estimate: bool = spec["estimate"]
        self.grade = grade
        self.progress = progress
        self.raised: BaseException | None = None

    def now(self) -> int:
        import time

        return time.monotonic_ns() // 1_000_000

    def next(self) -> tuple[tuple[int, str, str] | None, int | None, bool]:
        if self.progress is not None and self.raised is None:
            try:
                if self.progress(*self.job.progress()) is False:
                    self.job.stop()
            except BaseException as error:
                self.stop(error)
        return self.job.next(self.now())

    def stop(self, error: BaseException) -> None:
        """Send nothing more; what is in flight is waited for, and then this is raised."""
        if self.raised is None:
            self.raised = error
        self.job.stop()

    def arrived(self, attempt: int, reply: Reply | BaseException) -> None:
        if isinstance(reply, BaseException):
            told = failure(reply)
            if told is None:
                # The program's own: it may have been sent.
                self.stop(reply)
                told = (None, None, f"{type(reply).__name__}: {reply}", True)
            reply = told
        self.job.receive(attempt, self.now(), reply)

    def result(self) -> Labels:
        import json

        if self.raised is not None:
            raise self.raised
        grades = None
        if self.grade is not None and not self.estimate:
            grades = json.dumps([self._graded(row) for row in json.loads(self.job.to_grade())])
        return Labels(json.loads(self.job.result(grades)))

    def close(self) -> None:
        """Let go of the journal, whatever still refers to this."""
        del self.job

    def _graded(self, row: dict[str, Any]) -> dict[str, Any]:
        assert self.grade is not None
        score = self.grade(row)
        if score is not None:
            score = float(score)
            if not 0.0 <= score <= 1.0:
                raise InvalidArgumentError(
                    f"question {row['id']}: the grade of the answer of {row['model']} is {score}, "
                    "expected one in [0, 1], or None"
                )
        return {"id": row["id"], "model": row["model"], "score": score}


def _endpoints(spec: dict[str, Any], client: Client | Mapping[str, Client] | None) -> dict[str, Endpoint]:
    models = list(spec["endpoints"])
    if client is None:
        if spec["estimate"] or not models:
            return {}
        raise InvalidArgumentError(
            "who answers? Pass client: one of openai, the module litellm, or a callable"
        )
    if not hasattr(client, "keys"):
        endpoint = endpoint_of(client)
        return dict.fromkeys(models, endpoint)
    named = {model: endpoint_of(client[model]) for model in client.keys()}  # noqa: SIM118
    asked = {*spec["models"], spec.get("judge", {}).get("model")}
    for model in models:
        if model in named:
            continue
        if model in asked:
            raise InvalidArgumentError(f"client has nothing for {model!r}; it has {sorted(named)}")
        # A price list may know more models than are asked.
        del spec["endpoints"][model]
    return named


def _run(
    spec: dict[str, Any],
    client: Client | Mapping[str, Client] | None,
    progress: Progress | None,
    grade: Grade | None = None,
) -> Labels:
    run = _Run(spec, client, progress, grade)
    try:
        if run.estimate:
            return run.result()
        if any(endpoint.asynchronous for endpoint in run.endpoints.values()):
            import asyncio

            return asyncio.run(_drive(run))
        return _drive_threads(run)
    finally:
        run.close()


def _drive_threads(run: _Run) -> Labels:
    import json
    import queue
    from concurrent.futures import ThreadPoolExecutor

    replies: queue.SimpleQueue[tuple[int, Reply | BaseException]] = queue.SimpleQueue()

    def ask(attempt: int, model: str, body: str) -> None:
        try:
            replies.put((attempt, reply_of(run.endpoints[model].ask(json.loads(body)))))
        except BaseException as error:
            replies.put((attempt, error))

    with ThreadPoolExecutor(run.concurrency, thread_name_prefix="routellm-labels") as pool:
        finished = False
        while not finished:
            try:
                sent, wait, finished = run.next()
                if sent is not None:
                    pool.submit(ask, *sent)
                elif not finished:
                    run.arrived(*replies.get(timeout=None if wait is None else wait / 1000))
            except queue.Empty:
                pass
            except KeyboardInterrupt as error:
                # Asked twice, it waits for nothing.
                if run.raised is not None:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
                run.stop(error)
    return run.result()


async def _arun(
    spec: dict[str, Any],
    client: Client | Mapping[str, Client] | None,
    progress: Progress | None,
    grade: Grade | None = None,
) -> Labels:
    run = _Run(spec, client, progress, grade)
    try:
        return run.result() if run.estimate else await _drive(run)
    finally:
        run.close()


async def _drive(run: _Run) -> Labels:
    import asyncio
    import json

    replies: asyncio.Queue[tuple[int, Reply | BaseException]] = asyncio.Queue()

    async def ask(attempt: int, model: str, body: str) -> None:
        try:
            reply: Reply | BaseException = reply_of(await run.endpoints[model].wait(json.loads(body)))
        except BaseException as error:
            reply = error
        replies.put_nowait((attempt, reply))

    tasks = set()
    finished = False
    while not finished:
        sent, wait, finished = run.next()
        try:
            if sent is not None:
                task = asyncio.create_task(ask(*sent))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                # So that it is on its way before the next one is written down.
                await asyncio.sleep(0)
            elif not finished:
                seconds = None if wait is None else wait / 1000
                run.arrived(*await asyncio.wait_for(replies.get(), seconds))
        except TimeoutError:
            pass
        except asyncio.CancelledError as error:
            if run.raised is not None:
                for task in tasks:
                    task.cancel()
                raise
            run.stop(error)
    return run.result()
