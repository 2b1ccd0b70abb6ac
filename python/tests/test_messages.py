"""Chats in, prompts out: the cases of every language, and what only Python's objects can show."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import enum
import json
import logging
import math
import types
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from routellm_rs import InvalidArgumentError, Router, prompt_from_messages

DATA = Path(__file__).resolve().parents[2] / "tests" / "conformance" / "messages.json"
CASES: list[dict[str, Any]] = json.loads(DATA.read_text(encoding="utf-8"))["cases"]
ASK = {"role": "user", "content": "And in Paris?"}


def chat_of(case: dict[str, Any]) -> Any:
    return json.loads(case["json"])


def wrapped(value: Any, mapping: Any) -> Any:
    """The same chat, of other objects."""
    if isinstance(value, dict):
        return mapping({key: wrapped(one, mapping) for key, one in value.items()})
    return [wrapped(one, mapping) for one in value] if isinstance(value, list) else value


FORMS = {
    "dict": dict,
    "OrderedDict": collections.OrderedDict,
    "UserDict": collections.UserDict,
    "MappingProxyType": types.MappingProxyType,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "case", [case for case in CASES if "text_only" not in case], ids=lambda case: case["id"]
)
def test_every_case(router: Router, case: dict[str, Any], form: str) -> None:
    chat, read = wrapped(chat_of(case), FORMS[form]), case["read"]
    if case.get("in_batch", False) is False:
        check(case, lambda on_error: router.route(chat, threshold=0.5, read=read, on_error=on_error), router)
        if "prompt" in case:
            assert prompt_from_messages(chat, read=read) == case["prompt"]
            assert router.win_rate(chat, read=read) == router.win_rate(case["prompt"])
        else:
            with pytest.raises(InvalidArgumentError):
                prompt_from_messages(chat, read=read)
            with pytest.raises(InvalidArgumentError):
                router.win_rate(chat, read=read)
    if case.get("in_batch", True) is True:
        check(
            case,
            lambda on_error: router.route_batch(["x", chat], threshold=0.5, read=read, on_error=on_error)[1],
            router,
        )


def check(case: dict[str, Any], route: Any, router: Router) -> None:
    if "prompt" in case:
        assert route("raise") == router.route(case["prompt"], threshold=0.5)
        return
    with pytest.raises(InvalidArgumentError):
        route("raise")
    if case["covered"]:
        assert route("weak").fallback_kind == case["error"]
    else:
        with pytest.raises(InvalidArgumentError):
            route("weak")


class Role(enum.Enum):
    USER = "user"
    ASSISTANT = "assistant"


class StrRole(enum.StrEnum):
    USER = "user"


@dataclasses.dataclass
class Part:
    text: str | None
    type: str = "text"


@dataclasses.dataclass
class Message:
    role: Any
    content: Any


class HumanMessage:
    """As LangChain's: a type and no role, and attributes that raise what pydantic raises."""

    type = "human"

    def __init__(self, content: Any) -> None:
        self.content = content

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


class LlamaMessage:
    """As LlamaIndex': blocks, of which `content` is made."""

    def __init__(self, role: Any, blocks: list[Any]) -> None:
        self.role, self.blocks = role, blocks

    @property
    def content(self) -> str | None:
        return None


class Block:
    def __init__(self, text: str, block_type: str) -> None:
        self.text, self.block_type = text, block_type


class Content:
    """As Gemini's."""

    def __init__(self, parts: list[Any], role: str | None = None) -> None:
        self.parts, self.role = parts, role


class GeminiPart:
    def __init__(self, text: str | None) -> None:
        self.text = text


class Request:
    def __init__(self, messages: Any) -> None:
        self.model, self.messages = "m", messages


class Named(NamedTuple):
    role: str
    content: str


OBJECTS: dict[str, Any] = {
    "dataclass": [Message("user", "q"), Message("assistant", "a")],
    "enum": [Message(Role.USER, "q"), Message(Role.ASSISTANT, "a")],
    "string enum": [Message(StrRole.USER, "q")],
    "parts as objects": [Message("user", [Part("q"), Part(None, "image"), Part("no", "reasoning")])],
    "content as a tuple": [Message("user", (Part("q"),))],
    "LangChain": [HumanMessage("q")],
    "LangChain parts": [HumanMessage(["q", {"type": "image_url", "image_url": {}}])],
    "LlamaIndex": [LlamaMessage(Role.USER, [Block("q", "text"), Block("caption", "image")])],
    "Gemini": [Content([GeminiPart("q"), GeminiPart(None)]), Content([GeminiPart("a")], "model")],
    "named tuple": [Named("user", "q")],
    "pair": [("user", "q"), ("assistant", "a")],
    "deque": collections.deque([Message("user", "q")]),
    "tuple": (Message("user", "q"),),
    "body": Request([Message("user", "q")]),
    "body with objects": {"model": "m", "messages": [Message("user", "q")]},
    "simple namespace": [types.SimpleNamespace(role="user", content="q")],
}


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_with_attributes(router: Router, name: str) -> None:
    chat = OBJECTS[name]
    assert prompt_from_messages(chat) == "q"
    assert router.route(chat) == router.route("q")
    assert router.route_batch([chat, "x"])[0] == router.route("q")


def test_a_single_message_of_any_form(router: Router) -> None:
    for message in (ASK, Message("user", ASK["content"]), HumanMessage(ASK["content"])):
        assert router.route(message) == router.route("And in Paris?")


def test_pydantic_messages(router: Router) -> None:
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model("M", role=(str, ...), content=(Any, ...), keys=(int, 3))
    body = pydantic.create_model("B", model=(str, ...), messages=(list[model], ...))
    messages = [model(role="user", content="q"), model(role="assistant", content="a")]
    assert router.route(messages) == router.route("q")
    assert router.route(body(model="m", messages=messages)) == router.route("q")
    with pytest.raises(InvalidArgumentError, match=r"route\(messages\)"):
        router.route_batch(messages)


def test_models_are_not_asked_for_what_they_do_not_have(router: Router) -> None:
    asked: list[str] = []

    class Item:
        """As a function call of an SDK: it says what it is, and answers other questions by an exception."""

        def __init__(self) -> None:
            self.type, self.name = "function_call", "f"

        def __getattr__(self, name: str) -> Any:
            if not name.startswith("__"):
                asked.append(name)
            raise AttributeError(name)

    assert router.route([ASK, *[Item() for _ in range(100)]]) == router.route("And in Paris?")
    assert asked == []


def test_only_what_is_read_can_refuse(router: Router) -> None:
    class Broken:
        @property
        def role(self) -> str:
            raise RuntimeError("touched")

    first = {"role": "user", "content": "Weather in Rome?"}
    odd: list[Any] = [
        {"role": "assistant", "content": "Sunny \ud83c"},
        Broken(),
        object(),
        {"role": "tool", "content": "x", "score": math.nan},
        {**first, "sent_at": datetime.datetime(2026, 1, 1), "deep": {1: {2, 3}}},
        None,
    ]
    want = router.route("And in Paris?")
    for message in odd:
        assert router.route([first, message, ASK]) == want
    parts = [{"type": "image", "data": b"\x89PNG"}, {"type": "text", "text": "And in Paris?", "x": "\udc00"}]
    assert router.route([{"role": "user", "content": parts}]) == want
    recursive: dict[str, Any] = {"role": "assistant"}
    recursive["content"] = [recursive]
    assert router.route([recursive, ASK]) == want


def test_a_message_by_itself_is_no_prompt_of_a_batch(router: Router) -> None:
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]
    for wrong in (messages, [Message("user", "x")], [HumanMessage("x")], [("user", "x")]):
        for on_error in ("raise", "strong"):
            with pytest.raises(InvalidArgumentError, match=r"prompt 0: .*(one chat|batch)"):
                router.route_batch(wrong, on_error=on_error)  # type: ignore[arg-type]
        with pytest.raises(InvalidArgumentError, match="prompt 0"):
            router.win_rates(wrong)
    body: Any
    for body in ({"model": "m", "messages": messages}, collections.UserDict(messages=messages)):
        with pytest.raises(InvalidArgumentError, match="expected an iterable of prompts"):
            router.route_batch(body)


def test_what_is_no_prompt_raises_whatever_on_error_says(router: Router) -> None:
    wrong: Any
    for wrong in (
        b"bytes",
        bytearray(b"x"),
        3,
        None,
        1.5,
        True,
        {1, 2},
        object(),
        datetime.date.today(),
        [1, 2],
        ["a"],
    ):
        for on_error in ("raise", "strong", "weak"):
            with pytest.raises(InvalidArgumentError):
                router.route(wrong, on_error=on_error)
            with pytest.raises(InvalidArgumentError, match="prompt 1"):
                router.route_batch(["fine", wrong], on_error=on_error)
    for wrong in ("text", b"bytes", 3, None):
        with pytest.raises(InvalidArgumentError, match="messages is of type"):
            prompt_from_messages(wrong)
    with pytest.raises(InvalidArgumentError, match='read is "last", expected "last_user"'):
        router.route([ASK], read="last", on_error="strong")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="read is of type int"):
        router.route([ASK], read=3, on_error="strong")  # type: ignore[arg-type]


def test_one_bad_element_does_not_fail_a_batch(router: Router) -> None:
    image = [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]
    half = [{"role": "user", "content": "\ud83c"}]
    prompts: list[Any] = ["fine", image, half, "\ud800", [ASK]]
    decisions = router.route_batch(prompts, on_error="strong")
    assert [decision.fallback for decision in decisions] == [False, True, True, True, False]
    assert decisions[4] == router.route("And in Paris?")
    with pytest.raises(InvalidArgumentError, match="prompt 1: messages: no message"):
        router.route_batch(prompts)


def test_fallbacks_warn_once_a_kind_and_minute(caplog: pytest.LogCaptureFixture) -> None:
    router = Router.default()
    secret = [{"role": "user", "content": "my secret \ud83c"}]
    with caplog.at_level(logging.WARNING, logger="routellm_rs"):
        for _ in range(5):
            decision = router.route(secret, on_error="strong")
        router.route_batch([secret, secret], on_error="weak")
    assert decision.fallback_kind == "InvalidArgument"
    assert router.fallbacks == 7
    records = [record for record in caplog.records if record.name == "routellm_rs"]
    assert [record.levelname for record in records] == ["WARNING"]
    text = records[0].getMessage()
    assert text.startswith("1 decision was a fallback (InvalidArgument)")
    assert "look at what is sent" in text
    assert "secret" not in text
    caplog.clear()
    # Another router warns by itself.
    Router.default().route(secret, on_error="strong")
    assert len(caplog.records) == 1


def test_a_warning_that_fails_does_not_fail_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    unraisable: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", unraisable.append)

    def broken(*_: object) -> None:
        raise RuntimeError("no log today")

    monkeypatch.setattr(logging.getLogger("routellm_rs"), "warning", broken)
    assert Router.default().route([], on_error="strong").fallback
    assert "no log today" in str(unraisable[0].exc_value)


async def _awaited(router: Router, chat: Any) -> list[Any]:
    return [
        await router.aroute(chat, read="all_user"),
        (await router.aroute_batch([chat], read="all_user"))[0],
        await router.awin_rate(chat, read="all_user"),
        (await router.awin_rates([chat], read="all_user"))[0],
    ]


def test_what_is_read_is_an_option_of_every_call() -> None:
    import asyncio

    chat = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]
    router = Router.default()
    assert router.info()["read"] == "last_user"
    want = router.route("a\nc")
    assert asyncio.run(_awaited(router, chat)) == [want, want, want.win_rate, want.win_rate]
    assert router.win_rates([chat], read="conversation") == [router.win_rate("a\nb\nc")]
    opened = Router.default(read="all_user")
    assert opened.info()["read"] == "all_user"
    assert opened.route(chat) == want
    assert opened.route(chat, read="last_user") == router.route("c")
    # Of a text all of it is read.
    assert router.route("a", read="conversation") == router.route("a")


def test_training_stores_what_is_read(tmp_path: Path) -> None:
    from routellm_rs import train

    rows = [
        {"prompt": f"{'integral' if i % 3 == 0 else 'greet'} {i}", "big": True, "small": i % 3 != 0}
        for i in range(60)
    ]
    options: dict[str, Any] = {"gold": rows, "bits": 10, "lambdas": [1.0], "folds": 3}
    train.linear(tmp_path / "a", read="conversation", **options)
    assert Router.open(tmp_path / "a").info()["read"] == "conversation"
    train.linear(tmp_path / "b", **options)
    assert Router.open(tmp_path / "b").info()["read"] == "last_user"
    assert Router.open(tmp_path / "b", read="all_user").info()["read"] == "all_user"
    assert "read" not in json.loads((tmp_path / "b" / "router.json").read_text())
    with pytest.raises(InvalidArgumentError, match='read is "all"'):
        train.linear(tmp_path / "c", read="all", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "c").exists()
    with pytest.raises(InvalidArgumentError, match="read does not go with model_a"):
        train.sw_ranking(tmp_path / "d", embeddings=None, model_a=["a"], read="all_user")


def test_a_chat_costs_what_is_read_of_it(router: Router) -> None:
    """The walk begins at the newest message and ends where it has text."""
    touched: list[int] = []

    class Spied(dict[str, Any]):
        def __init__(self, index: int) -> None:
            super().__init__(role="user" if index % 2 == 0 else "assistant", content="x")
            self.index = index

    class Lazy(collections.UserDict[str, Any]):
        def __init__(self, index: int) -> None:
            super().__init__(role="user" if index % 2 == 0 else "assistant", content="x")
            self.index = index

        def __getitem__(self, key: str) -> Any:
            touched.append(self.index)
            return super().__getitem__(key)

    chat = [Lazy(i) for i in range(401)]
    assert router.route(chat) == router.route("x")
    assert set(touched) == {400}
    assert router.route([Spied(i) for i in range(401)]) == router.route("x")
