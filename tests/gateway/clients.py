"""The official clients of OpenAI and Anthropic through the gateway, against a fake provider.

`python tests/gateway/clients.py ROUTELLM`: the command. Ends with a line of counts.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import anthropic
import openai
from upstream import Upstream

KEY = "gateway-key"
PROMPT = "Say a secret word: xylophone."


class Gateway:
    """The command, serving a configuration."""

    def __init__(self, command: str, folder: Path, first: Upstream, second: Upstream) -> None:
        (folder / "key").write_text(KEY)
        (folder / "upstream-key").write_text("upstream-key")
        path = folder / "gateway.toml"
        path.write_text(f"""
listen = "127.0.0.1:0"
[log]
decisions = "decisions.jsonl"
[feedback]
file = "feedback.jsonl"
[upstreams.openai]
base_url = "{first.base}"
key = {{ file = "upstream-key" }}
retries = 0
[upstreams.anthropic]
dialect = "anthropic"
base_url = "{second.base}"
key = {{ file = "upstream-key" }}
retries = 0
[models]
STRONG = {{ upstream = "openai" }}
WEAK = {{ upstream = "openai" }}
OPUS = {{ upstream = "anthropic" }}
HAIKU = {{ upstream = "anthropic" }}
[routers.mine]
strong = "STRONG"
weak = "WEAK"
[routers.claude]
strong = "OPUS"
weak = "HAIKU"
[keys.tests]
key = {{ file = "key" }}
""")
        subprocess.run([command, "serve", "--check", path], check=True, stdout=subprocess.DEVNULL)
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([command, "--json", "serve", path], stdout=subprocess.PIPE, stderr=log)
        assert self.process.stdout is not None
        self.address = json.loads(self.process.stdout.readline())["address"]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait()


class World:
    """Everything that a test needs."""

    def __init__(self, gateway: Gateway, first: Upstream, second: Upstream) -> None:
        self.gateway, self.first, self.second = gateway, first, second
        base = f"{gateway.address}/v1"
        self.openai = openai.OpenAI(base_url=base, api_key=KEY, max_retries=0)
        self.async_openai = openai.AsyncOpenAI(base_url=base, api_key=KEY, max_retries=0)
        self.anthropic = anthropic.Anthropic(base_url=gateway.address, api_key=KEY, max_retries=0)


def ask(prompt: str = PROMPT) -> list[dict]:
    return [{"role": "user", "content": prompt}]


def test_chat(world: World) -> None:
    answer = world.openai.chat.completions.create(model="router-mine-0", messages=ask())
    assert answer.choices[0].message.content == "four" and answer.model == "STRONG"
    answer = world.openai.chat.completions.create(model="router-mine-share-0", messages=ask())
    assert answer.model == "WEAK"
    assert world.first.headers[-1]["authorization"] == "Bearer upstream-key"


def test_headers(world: World) -> None:
    raw = world.openai.chat.completions.with_raw_response.create(model="router-mine-0.5", messages=ask())
    assert 0 <= float(raw.headers["x-routellm-win-rate"]) <= 1
    assert raw.headers["x-routellm-threshold"] == "0.5"
    assert raw.headers["x-routellm-model"] == raw.parse().model


def test_stream(world: World) -> None:
    stream = world.openai.chat.completions.create(model="router-mine-0", messages=ask(), stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "four"


def test_stream_as_it_comes(world: World) -> None:
    stream = world.openai.chat.completions.create(model="router-mine-0", messages=ask("GATED"), stream=True)
    count = 0
    for _ in stream:
        # The provider has not sent the next event yet.
        count += 1
        world.first.gate.release()
    assert count == 4


def test_disconnect(world: World) -> None:
    world.first.left.clear()
    stream = world.openai.chat.completions.create(model="router-mine-0", messages=ask("GATED"), stream=True)
    next(iter(stream))
    stream.close()
    assert world.first.left.wait(30), "the provider was left in the dark"
    while world.first.gate.acquire(blocking=False):
        pass


def test_async_streams(world: World) -> None:
    async def one(client: openai.AsyncOpenAI) -> str:
        stream = await client.chat.completions.create(model="router-mine-0", messages=ask(), stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    async def many() -> list[str]:
        async with world.async_openai as client:
            return await asyncio.gather(*[one(client) for _ in range(50)])

    assert asyncio.run(many()) == ["four"] * 50


def test_tools(world: World) -> None:
    parameters = {"type": "object", "properties": {"a": {"type": "integer"}}}
    tools = [{"type": "function", "function": {"name": "add", "parameters": parameters}}]
    call = {"id": "c0", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    history = [
        *ask(),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c0", "content": "4"},
    ]
    answer = world.openai.chat.completions.create(
        model="router-mine-0", messages=history, tools=tools, tool_choice="auto"
    )
    assert answer.choices[0].message.tool_calls[0].function.arguments == '{"a": 2}'
    assert world.first.last["tools"] == tools and world.first.last["messages"] == history


def test_structured_output(world: World) -> None:
    schema = {"name": "s", "schema": {"type": "object"}, "strict": True}
    form = {"type": "json_schema", "json_schema": schema}
    answer = world.openai.chat.completions.create(model="router-mine-0", messages=ask(), response_format=form)
    assert json.loads(answer.choices[0].message.content) == {"value": 4}
    assert world.first.last["response_format"] == form


def test_images_and_unknown_members(world: World) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}
    messages = [{"role": "user", "content": [{"type": "text", "text": PROMPT}, image]}]
    unknown = {"never_heard_of": {"a": [1, None]}, "logit_bias": {"1": -1}}
    world.openai.chat.completions.create(
        model="router-mine-0", messages=messages, logprobs=True, top_logprobs=2, extra_body=unknown
    )
    sent = world.first.last
    assert sent["messages"] == messages and sent["logprobs"] is True
    assert {name: sent[name] for name in unknown} == unknown


def test_other_endpoints(world: World) -> None:
    assert world.openai.completions.create(model="router-mine-0", prompt=PROMPT).choices[0].text == "four"
    assert world.openai.responses.create(model="router-mine-0", input=PROMPT).output_text == "four"
    vectors = world.openai.embeddings.create(model="WEAK", input="x", encoding_format="float")
    assert vectors.data[0].embedding == [0.5, 0.25]
    models = [model.id for model in world.openai.models.list()]
    assert models[:2] == ["router-claude", "router-mine"] and "WEAK" in models
    assert world.openai.models.retrieve("router-mine-0.5").id == "router-mine-0.5"


def fails(kind: type[Exception], call: Callable[[], object]) -> Exception:
    try:
        call()
    except kind as error:
        assert "xylophone" not in str(error), error
        return error
    raise AssertionError(f"expected {kind.__name__}")


def test_errors(world: World) -> None:
    def create(model: str, prompt: str = PROMPT) -> object:
        return world.openai.chat.completions.create(model=model, messages=ask(prompt))

    assert fails(openai.BadRequestError, lambda: create("router-mine-2")).param == "model"
    assert fails(openai.NotFoundError, lambda: create("router-nobody-0")).code == "model_not_found"
    # What the provider says comes as it said it.
    assert fails(openai.BadRequestError, lambda: create("router-mine-0", "TROUBLE")).code == "x"
    assert fails(openai.InternalServerError, lambda: create("WEAK", "BREAK")).code == "broken"
    stranger = world.openai.with_options(api_key="wrong")
    fails(openai.AuthenticationError, lambda: stranger.chat.completions.create(model="WEAK", messages=ask()))


def test_a_stream_that_breaks_off(world: World) -> None:
    def read() -> None:
        for _ in world.openai.chat.completions.create(model="router-mine-0", messages=ask("CUT"), stream=True):
            pass

    # The client sees that it is not the end.
    fails(Exception, read)


def test_messages(world: World) -> None:
    answer = world.anthropic.messages.create(model="router-claude-0", max_tokens=9, messages=ask())
    assert answer.content[0].text == "four" and answer.model == "OPUS"
    headers = world.second.headers[-1]
    assert headers["x-api-key"] == "upstream-key" and headers["anthropic-version"]
    answer = world.anthropic.messages.create(
        model="router-claude-share-0",
        max_tokens=9,
        system="Be brief.",
        messages=ask(),
        tools=[{"name": "add", "input_schema": {"type": "object"}}],
        extra_body={"never_heard_of": 1},
    )
    assert answer.model == "HAIKU"
    assert world.second.last["never_heard_of"] == 1 and world.second.last["tools"][0]["name"] == "add"
    counted = world.anthropic.messages.count_tokens(model="OPUS", messages=ask())
    assert counted.input_tokens == 3


def test_message_stream(world: World) -> None:
    with world.anthropic.messages.stream(model="router-claude-0", max_tokens=9, messages=ask()) as stream:
        assert "".join(stream.text_stream) == "four"
        assert stream.get_final_message().model == "OPUS"


def test_message_errors(world: World) -> None:
    def create(model: str) -> object:
        return world.anthropic.messages.create(model=model, max_tokens=9, messages=ask())

    fails(anthropic.BadRequestError, lambda: create("router-mine-0"))
    fails(anthropic.NotFoundError, lambda: create("router-nobody"))
    stranger = world.anthropic.with_options(api_key="wrong")
    fails(
        anthropic.AuthenticationError,
        lambda: stranger.messages.create(model="OPUS", max_tokens=9, messages=ask()),
    )


TESTS: list[Callable[[World], None]] = [value for name, value in list(globals().items()) if name.startswith("test_")]


def main() -> int:
    command = str(Path(sys.argv[1]).resolve())
    # Clients and gateway are to reach nothing but this machine.
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]
    passed = failed = 0
    with tempfile.TemporaryDirectory() as name:
        first, second = Upstream(), Upstream()
        gateway = Gateway(command, Path(name), first, second)
        world = World(gateway, first, second)
        for test in TESTS:
            try:
                test(world)
                passed += 1
            except Exception:
                failed += 1
                print(f"failed: {test.__name__}")
                traceback.print_exc()
        code = gateway.stop()
        told = gateway.log.read_text() + (Path(name) / "decisions.jsonl").read_text()
        for what, good in [
            ("the gateway ends well", code == 0),
            ("logs tell requests", '"event":"request"' in told),
            ("no prompt stands in a log", "xylophone" not in told and "GATED" not in told),
        ]:
            passed, failed = passed + good, failed + (not good)
            if not good:
                print(f"failed: {what}")
        first.close()
        second.close()
    print(f"gateway-clients: {passed} passed, {failed} failed, 0 skipped")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
