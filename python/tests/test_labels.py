"""Labels by clients of endpoints: real ones of openai, and callables, against a server that misbehaves."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import routellm_rs
from routellm_rs import InvalidArgumentError, IoError, Labels, ResourceExhaustedError

openai = pytest.importorskip("openai")

PRICES = {"j": (2, 8), "big": (2, 8), "small": (2, 8)}

Manner = Callable[[dict[str, Any], int], Any]


class Server(ThreadingHTTPServer):
    """Answers as ``manner`` says for the n-th time that a body comes: a text, a status, or worse."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, manner: Manner) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.manner = manner
        self.lock = threading.Lock()
        self.came: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.billed = 0.0
        self.now = self.most_at_once = 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is no concern of the server's."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        body = json.loads(text)
        key = json.dumps(body, sort_keys=True)
        server = self.server
        with server.lock:
            server.came[key] += 1
            nth = server.came[key]
            server.now += 1
            server.most_at_once = max(server.most_at_once, server.now)
        deed = server.manner(body, nth)
        if isinstance(deed, tuple) and deed[0] == "slow":
            time.sleep(deed[1])
            deed = deed[2]
        status, headers, content = 200, {}, "[[A]]"
        if isinstance(deed, str) and deed not in ("half", "broken", "reset"):
            content = deed
        elif isinstance(deed, tuple):
            status, headers = deed
        prompt = sum(len(message["content"].split()) for message in body["messages"])
        answer = json.dumps(
            {
                "id": "x",
                "object": "chat.completion",
                "created": 0,
                "model": body["model"],
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": "stop",
                        "message": {"role": "assistant", "content": content},
                    }
                ],
                "usage": {
                    "prompt_tokens": prompt,
                    "completion_tokens": len(content.split()),
                    "total_tokens": prompt + len(content.split()),
                },
            }
        ).encode()
        if status != 200:
            answer = b'{"error": {"message": "not now"}}'
        with server.lock:
            server.now -= 1
            if status == 200:
                server.billed += prompt * 2e-6 + len(content.split()) * 8e-6
                server.answered[key] += deed not in ("half", "broken", "reset")
        if deed == "reset":
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer) // 2 if deed == "broken" else len(answer)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer[: len(answer) // 2] if deed in ("half", "broken") else answer)
        self.close_connection = True

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Callable[[Manner], Server]]:
    servers = []

    def start(manner: Manner) -> Server:
        server = Server(manner)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def client(server: Server) -> Any:
    return openai.OpenAI(base_url=server.url, api_key="sk-mine")


def async_client(server: Server) -> Any:
    return openai.AsyncOpenAI(base_url=server.url, api_key="sk-mine")


def pairs(count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": str(i),
            "prompt": f"question {i}",
            "model_a": "big",
            "model_b": "small",
            "answer_a": "good" if i % 3 else "poor",
            "answer_b": "poor" if i % 3 else "good",
            "winner": "model_a" if i % 3 else "model_b",
        }
        for i in range(count)
    ]


def verdict(body: dict[str, Any]) -> str:
    text = body["messages"][1]["content"]
    return "[[A]]" if text.index("good") < text.index("poor") else "[[B]]"


def right(votes: Labels, count: int) -> None:
    assert votes.complete
    assert votes.failure is None
    assert votes.report["judged"] == count
    assert votes.report["human"]["agreement"] == 1.0
    assert [row["winner"] for row in votes.rows] == [pair["winner"] for pair in pairs(count)]


def misbehaving() -> Manner:
    numbers: dict[str, int] = {}
    lock = threading.Lock()
    deeds = ["half", "broken", "reset", (500, {}), (429, {"Retry-After": "0.2"}), ("slow", 0.1, None)]

    def manner(body: dict[str, Any], nth: int) -> Any:
        with lock:
            number = numbers.setdefault(json.dumps(body), len(numbers))
        if nth > 1 or number % 8 >= len(deeds):
            return verdict(body)
        deed = deeds[number % 8]
        return (*deed[:2], verdict(body)) if deed[0] == "slow" else deed

    return manner


@pytest.mark.parametrize("of", [client, async_client])
def test_a_client_of_openai_is_asked_until_it_answers(
    serve: Callable[[Manner], Server], tmp_path: Path, of: Callable[[Server], Any]
) -> None:
    server = serve(misbehaving())
    given = {
        "judge": "j",
        "client": of(server),
        "prices": PRICES,
        "max_tokens": 20,
        "cache": tmp_path / "kept",
    }
    steps: list[tuple[str, int, int]] = []
    votes = routellm_rs.judge(pairs(16), budget=1, progress=lambda *step: steps.append(step), **given)
    right(votes, 16)
    assert votes.bill is not None
    spent, maybe = float(votes.bill["spent_usd"]), float(votes.bill["uncertain_usd"])
    assert maybe > 0
    assert server.billed <= spent + maybe <= 1
    assert votes.bill["retries"] >= 16
    assert set(server.answered.values()) == {1}
    assert server.most_at_once <= 8
    assert steps[-1] == ("verdicts", 32, 32)
    # What the library does not retry, the client does not: each came once more than it failed.
    assert max(server.came.values()) == 2
    came = server.came.total()
    again = routellm_rs.judge(pairs(16), budget=1, **{**given, "client": of(server)})
    right(again, 16)
    assert again.bill is not None
    assert (again.bill["sent"], again.bill["spent_usd"], server.came.total()) == (
        0,
        votes.bill["spent_usd"],
        came,
    )


def test_the_journal_is_that_of_the_command(serve: Callable[[Manner], Server], tmp_path: Path) -> None:
    server = serve(lambda body, _: verdict(body))
    given = {"judge": "j", "client": client(server), "prices": PRICES, "cache": tmp_path / "kept"}
    right(routellm_rs.judge(pairs(3), budget=1, **given), 3)
    lines = [json.loads(line) for line in (tmp_path / "kept" / "journal.jsonl").read_text().splitlines()]
    assert Counter(line["event"] for line in lines) == {"sent": 6, "done": 6}
    # The key of an answer is that of its address, its body and its sample, in every language.
    import hashlib

    body = json.dumps(
        {"max_tokens": 1, "messages": [{"content": "x", "role": "user"}], "model": "m", "temperature": 0.0},
        separators=(",", ":"),
    )
    asked = json.dumps([f"{server.url}/chat/completions", body, 0], separators=(",", ":"))
    gold = routellm_rs.gold(
        [{"id": "1", "prompt": "x", "answer": "x"}],
        form="exact",
        models=["m", "n"],
        client=lambda body: "x",
        prices={"m": (0, 0), "n": (0, 0)},
        budget=0,
        max_tokens=1,
        cache=tmp_path / "kept",
    )
    assert gold.complete
    keys = {
        json.loads(line)["key"] for line in (tmp_path / "kept" / "journal.jsonl").read_text().splitlines()
    }
    assert (
        hashlib.sha256(asked.replace(f"{server.url}/chat/completions", "callable").encode()).hexdigest()
        in keys
    )


def test_two_models_answer_and_a_callable_judges(serve: Callable[[Manner], Server], tmp_path: Path) -> None:
    big = serve(lambda body, _: "good")
    small = serve(lambda body, _: "poor")
    seen = Counter[str]()

    async def judged(body: dict[str, Any]) -> dict[str, Any]:
        seen[body["model"]] += 1
        await asyncio.sleep(0)
        return {"choices": [{"message": {"content": verdict(body)}}]}

    given: dict[str, Any] = {
        "judge": "j",
        "models": ["big", "small"],
        "prices": PRICES,
        "cache": tmp_path / "kept",
        "client": {"big": client(big), "small": async_client(small), "j": judged},
    }
    prompts = ["question 1", "question 2"]
    estimate = routellm_rs.judge(prompts, estimate=True, **given)
    assert (estimate.estimate["requests"], estimate.rows, estimate.bill) == (8, [], None)
    assert not (tmp_path / "kept").exists()
    votes = asyncio.run(routellm_rs.ajudge(prompts, budget="1.5", **given))
    assert [row["winner"] for row in votes.rows] == ["model_a", "model_a"]
    assert (seen["j"], big.came.total(), small.came.total()) == (4, 2, 2)
    votes.to_jsonl(tmp_path / "votes.jsonl")
    assert [json.loads(line) for line in (tmp_path / "votes.jsonl").read_text().splitlines()] == votes.rows
    assert repr(votes).startswith("Labels(2 rows, 8 of 8 requests, ")


def test_concurrency_and_budget_hold(tmp_path: Path) -> None:
    lock = threading.Lock()
    now = most = 0

    def judged(body: dict[str, Any]) -> str:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.002)
        with lock:
            now -= 1
        return verdict(body)

    given: dict[str, Any] = {"judge": "j", "client": judged, "prices": PRICES, "max_tokens": 20}
    kept = tmp_path / "kept"
    less = routellm_rs.judge(pairs(20), budget=0.02, concurrency=3, cache=kept, **given)
    assert 0 < most <= 3
    assert less.bill is not None
    assert not less.complete
    assert less.bill["over_budget"] > 0
    assert float(less.bill["spent_usd"]) + float(less.bill["uncertain_usd"]) <= 0.02
    more = routellm_rs.judge(pairs(20), budget=5, cache=kept, **given)
    right(more, 20)
    assert more.bill is not None
    assert more.bill["cached"] == less.bill["answered"]


def test_what_a_program_raises_is_raised_and_what_was_paid_is_kept(tmp_path: Path) -> None:
    calls = 0

    def judged(body: dict[str, Any]) -> str:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise ZeroDivisionError("a defect of the program")
        return verdict(body)

    given: dict[str, Any] = {"judge": "j", "prices": PRICES, "cache": tmp_path / "kept", "concurrency": 1}
    with pytest.raises(ZeroDivisionError, match="a defect of the program"):
        routellm_rs.judge(pairs(4), client=judged, budget=1, **given)
    with pytest.raises(InvalidArgumentError, match="the answer is of type int"):
        routellm_rs.judge(pairs(4), client=lambda body: 1, budget=1, **given)
    votes = routellm_rs.judge(pairs(4), client=verdict, budget=1, **given)
    right(votes, 4)
    assert votes.bill is not None
    assert votes.bill["cached"] == 3


def test_stopping_waits_for_what_is_in_flight(tmp_path: Path) -> None:
    given: dict[str, Any] = {"judge": "j", "prices": PRICES, "cache": tmp_path / "kept", "budget": 1}
    less = routellm_rs.judge(
        pairs(8), client=verdict, progress=lambda stage, done, total: done < 5, concurrency=2, **given
    )
    assert less.bill is not None
    assert 5 <= less.bill["answered"] < 16
    assert less.bill["stopped"] == 16 - less.bill["answered"]
    assert less.bill["uncertain_usd"] == "0"

    async def cancelled() -> None:
        started = asyncio.Event()

        async def judged(body: dict[str, Any]) -> str:
            started.set()
            await asyncio.sleep(0.05)
            return verdict(body)

        task = asyncio.create_task(routellm_rs.ajudge(pairs(8), client=judged, **given))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    votes = routellm_rs.judge(pairs(8), client=verdict, **given)
    right(votes, 8)
    assert votes.bill is not None
    assert votes.bill["interrupted"] == 0
    assert votes.bill["cached"] > less.bill["answered"]


KILLED = """
import sys, time
from routellm_rs import judge
rows = __import__("json").loads(sys.argv[1])
def judged(body):
    time.sleep(0.01)
    print("answered", flush=True)
    return "[[A]]"
given = {"judge": "j", "client": judged, "prices": {"j": (2, 8)}, "concurrency": 2}
print(judge(rows, budget=1, cache=sys.argv[2], **given).bill)
"""


def test_a_program_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    command = [sys.executable, "-P", "-c", KILLED, json.dumps(pairs(20)), str(kept)]
    answered = 0
    for _ in range(2):
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for _ in range(8):
            answered += child.stdout.readline() == "answered\n"
        child.kill()
        child.wait()
        child.stdout.close()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answered += done.stdout.count("answered\n")
    last = json.loads(done.stdout.splitlines()[-1].replace("'", '"'))
    # Two were in flight at each of the two kills.
    assert last["interrupted"] <= 4
    assert last["answered"] == 40
    assert answered <= 40 + last["interrupted"]


FULL = """
import resource, signal, sys
from routellm_rs import IoError, judge
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
calls = []
try:
    judge(__import__("json").loads(sys.argv[1]), judge="j", client=lambda body: calls.append(1) or "[[A]]",
          prices={"j": (2, 8)}, budget=1, cache=sys.argv[2], concurrency=2)
except IoError as error:
    print(error)
    print(len(calls))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of files are those of Unix")
def test_a_full_disk_ends_the_work(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-c", FULL, json.dumps(pairs(20)), str(tmp_path / "kept")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    error, calls = done.stdout.splitlines()
    assert "make room and run it again" in error
    assert "File too large" in error
    votes = routellm_rs.judge(
        pairs(20), judge="j", client=verdict, prices=PRICES, budget=1, cache=tmp_path / "kept"
    )
    assert votes.bill is not None
    # All that was asked is kept, but for what was in flight.
    assert int(calls) - 2 <= votes.bill["cached"] <= int(calls)
    assert votes.complete


def test_gold_rows_by_a_rule_or_by_a_function(tmp_path: Path) -> None:
    questions = [{"id": str(i), "prompt": f"{i} + 1?", "answer": str(i + 1)} for i in range(6)]

    def answer(body: dict[str, Any]) -> str:
        number = int(body["messages"][-1]["content"].split()[0])
        if body["model"] == "big":
            return f"It is {number + 1}."
        return "I do not know." if number == 3 else f"{number + 1 + number % 2}"

    given: dict[str, Any] = {
        "models": ["big", "small"],
        "client": answer,
        "prices": PRICES,
        "budget": 1,
        "cache": tmp_path / "kept",
    }
    by_rule = routellm_rs.gold(questions, form="number", **given)
    assert [row["small"] for row in by_rule.rows] == [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]
    assert by_rule.report["models"][1] == {"model": "small", "accuracy": 0.5, "unparsed": 1}
    assert by_rule.report["unparsed"][0]["text"] == "I do not know."

    def grade(row: Any) -> float | None:
        return None if "know" in row["answer"] else float(row["right"] in row["answer"]) / 2

    by_function = asyncio.run(routellm_rs.agold(questions, grade=grade, **given))
    assert [row["big"] for row in by_function.rows] == [0.5] * 6
    assert by_function.bill is not None
    assert by_function.bill["sent"] == 0
    with pytest.raises(InvalidArgumentError, match=r"question 0: the grade of the answer of big is 2\.0"):
        routellm_rs.gold(questions, grade=lambda row: 2, **given)
    for wrong, what in (
        ({"form": "number", "grade": grade}, "one of them"),
        ({}, "one of them"),
        ({"form": "letters"}, "letters"),
    ):
        with pytest.raises(InvalidArgumentError, match=what):
            routellm_rs.gold(questions, **wrong, **given)
    said = [{"model": model, "id": str(i), "answer": "7"} for model in "xy" for i in range(6)]
    nothing_asked = routellm_rs.gold(questions, form="number", answers=said, cache=tmp_path / "none")
    assert len(nothing_asked.rows) == 6
    assert not (tmp_path / "none").exists()


def test_what_is_wrong_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    given: dict[str, Any] = {"judge": "j", "client": verdict, "prices": PRICES, "cache": tmp_path / "kept"}
    for wrong, what in (
        ({}, "how much may it cost"),
        ({"budget": 1, "prices": {}}, "no price of"),
        ({"budget": 1, "prices": {"j": 3}}, "the price of j is 3"),
        ({"budget": "a lot"}, "a lot"),
        ({"budget": 1, "client": None}, "who answers"),
        ({"budget": 1, "client": 5}, "client is of type int"),
        ({"budget": 1, "client": {"x": verdict}}, "client has nothing for 'j'"),
        ({"budget": 1, "models": ["big"]}, "two models are compared"),
        ({"budget": 1, "mode": "both"}, "both"),
        ({"budget": 1, "samples": 0}, "samples is 0"),
    ):
        with pytest.raises(InvalidArgumentError, match=what):
            routellm_rs.judge(pairs(2), **{**given, **wrong})
    with pytest.raises(InvalidArgumentError, match="line 1"):
        routellm_rs.judge([{"prompt": "x"}], budget=1, **given)
    assert not (tmp_path / "kept").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(IoError):
        routellm_rs.judge(pairs(1), budget=1, **{**given, "cache": tmp_path / "file" / "below"})


def test_one_program_at_a_time_uses_a_folder(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    given: dict[str, Any] = {"judge": "j", "prices": PRICES, "budget": 1, "cache": kept}

    def judged(body: dict[str, Any]) -> str:
        with pytest.raises(ResourceExhaustedError, match="another program is using it"):
            routellm_rs.judge(pairs(1), client=verdict, **given)
        return verdict(body)

    right(routellm_rs.judge(pairs(1), client=judged, **given), 1)


def test_litellm_is_asked_as_it_is(tmp_path: Path) -> None:
    """Its interface: ``completion`` and ``acompletion``, whose answers are models of pydantic."""

    class Answer:
        def __init__(self, text: str) -> None:
            self.text = text

        def model_dump_json(self) -> str:
            return json.dumps({"model": "j-2026-01-01", "choices": [{"message": {"content": self.text}}]})

    class LiteLLM:
        asked: list[dict[str, Any]] = []  # noqa: RUF012

        def completion(self, **body: Any) -> Answer:
            self.asked.append(body)
            return Answer(verdict(body))

        async def acompletion(self, **body: Any) -> Answer:
            raise AssertionError("threads do")

    lite = LiteLLM()
    votes = routellm_rs.judge(
        pairs(2), judge="j", client=lite, prices=PRICES, budget=1, cache=tmp_path / "kept"
    )
    right(votes, 2)
    assert all(body["num_retries"] == 0 and body["model"] == "j" for body in lite.asked)
