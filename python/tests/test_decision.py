"""The decision as a Python object."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from collections.abc import Mapping
from typing import Any

import pytest

from routellm_rs import Decision, InvalidArgumentError, Router

PLAIN = Decision("big", "strong", 0.75, 0.5)
CUT = Decision("it's", "weak", 1 / 3, 0.5, truncated=True)
FAR = Decision("big", "strong", 0.1, 0.5, similarity=-0.25, out_of_distribution=True)
NEAR = Decision("big", "weak", 0.1, 0.5, similarity=1 / 3)
UNSCORED = Decision("big", "strong", 1.0, 0.5, no_score=True)
ID = "0199aee5-f7a3-7def-bfff-ffffffffffff"
KNOWN = Decision("big", "strong", 0.75, 0.5, propensity=0.25, id=ID)
FALLBACK = Decision("big", "strong", None, 0.5, False, "InvalidArgument", 'the prompt is not "UTF-8"')


@pytest.mark.parametrize("decision", [PLAIN, CUT, FAR, NEAR, UNSCORED, KNOWN, FALLBACK])
def test_a_decision_survives_repr_pickle_and_copy(decision: Decision) -> None:
    assert eval(repr(decision)) == decision
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(decision, protocol)) == decision
    assert copy.copy(decision) == decision
    assert copy.deepcopy(decision) == decision


def test_a_decision_of_a_router_can_be_pickled(router: Router) -> None:
    for prompt, on_error in [("hello", "raise"), ("\ud800", "weak"), ("x" * 100_000, "raise")]:
        decision = router.route(prompt, on_error=on_error)  # type: ignore[arg-type]
        again = pickle.loads(pickle.dumps(decision))
        assert again == decision
        assert again.as_dict() == decision.as_dict()


def test_decisions_compare_by_value() -> None:
    same = Decision("big", "strong", 0.75, 0.5)
    assert same == PLAIN
    assert hash(same) == hash(PLAIN)
    assert len({same, PLAIN, CUT, FAR, NEAR, UNSCORED, FALLBACK}) == 6
    assert Decision("big", "strong", 1.0, 0.5) != UNSCORED
    others = [
        Decision("other", "strong", 0.75, 0.5),
        Decision("big", "weak", 0.75, 0.5),
        Decision("big", "strong", 0.7, 0.5),
        Decision("big", "strong", 0.75, 0.4),
        Decision("big", "strong", 0.75, 0.5, truncated=True),
        Decision("big", "strong", 0.75, 0.5, similarity=0.5),
    ]
    assert Decision("big", "strong", 0.1, 0.5, similarity=-0.25) != FAR
    assert all(other != PLAIN for other in others)
    assert PLAIN != "a decision"
    assert PLAIN.__eq__("a decision") is NotImplemented


def test_a_decision_is_frozen() -> None:
    names = ("model", "side", "win_rate", "threshold", "truncated", "similarity", "out_of_distribution")
    for name in (*names, "no_score", "propensity", "id", "fallback", "anything"):
        with pytest.raises(AttributeError):
            setattr(PLAIN, name, None)


def test_the_fields_are_plain_data() -> None:
    assert PLAIN.as_dict() == {
        "model": "big",
        "side": "strong",
        "win_rate": 0.75,
        "threshold": 0.5,
        "truncated": False,
        "similarity": None,
        "out_of_distribution": False,
        "no_score": False,
        "propensity": 1.0,
        "id": None,
        "candidate": None,
        "quality": None,
        "expected_cost": None,
        "fallback": False,
        "fallback_kind": None,
        "fallback_reason": None,
    }
    for decision in (PLAIN, CUT, FAR, NEAR, UNSCORED, FALLBACK):
        fields = decision.as_dict()
        assert json.loads(json.dumps(fields)) == fields
        assert fields == {name: getattr(decision, name) for name in fields}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("big", "left", 0.5, 0.5), "side is"),
        ((7, "strong", 0.5, 0.5), "model is of type int"),
        (("\ud800", "strong", 0.5, 0.5), "model is not Unicode text"),
        (("big", "strong", None, 0.5), "either a win rate or the reason"),
        (("big", "strong", 0.5, 0.5, False, "InvalidArgument", "why"), "either a win rate or the reason"),
        (("big", "strong", None, 0.5, False, "InvalidArgument"), "come together"),
        (("big", "strong", None, 0.5, False, "NoSuchKind", "why"), "fallback_kind"),
        (("big", "strong", None, 0.5, False, "InvalidArgument", "why", 0.5), "a fallback has no similarity"),
        (("big", "strong", 0.5, 0.5, False, None, None, None, True), "only a decision with a similarity"),
        (("big", "strong", 0.5, 0.5, False, None, None, None, False, True), "the win rate is 1"),
    ],
)
def test_a_decision_that_cannot_be_is_refused(arguments: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        Decision(*arguments)


def test_ids_are_there_for_who_asks() -> None:
    assert Router.default().route("hello").id is None
    router = Router.default(ids=True)
    ids = [decision.id for decision in router.route_batch(["one", "two", "three"])]
    assert ids == sorted(ids)
    assert len(set(ids)) == 3
    assert all(isinstance(one, str) and len(one) == 36 for one in ids)
    with pytest.raises(InvalidArgumentError, match="UUID"):
        Decision("big", "strong", 0.75, 0.5, id="one")


def test_a_decision_is_a_mapping_of_its_fields(router: Router) -> None:
    for decision in (PLAIN, FAR, KNOWN, FALLBACK, router.route("hello")):
        fields = decision.as_dict()
        assert isinstance(decision, Mapping)
        assert dict(decision) == {**decision} == fields
        assert list(decision) == list(decision.keys()) == list(fields)
        assert list(decision.values()) == list(fields.values())
        assert list(decision.items()) == list(fields.items())
        assert len(decision) == len(fields)
        for name, value in fields.items():
            assert name in decision
            assert decision[name] == decision.get(name, "other") == value
        assert Decision(**decision) == decision
    for name in ("as_dict", "inner", "Model", "\ud800", 1, None):
        assert name not in PLAIN
        assert PLAIN.get(name) is None
        assert PLAIN.get(name, 7) == 7
        with pytest.raises(KeyError) as caught:
            PLAIN[name]  # type: ignore[index]
        assert caught.value.args == (name,)


def test_a_decision_matches_patterns() -> None:
    match PLAIN:
        case Decision(model, "strong", win_rate, threshold=least):
            assert (model, win_rate, least) == ("big", 0.75, 0.5)
        case _:
            pytest.fail("no match")
    fields: Any = FALLBACK
    match fields:
        case {"fallback": True, "fallback_kind": kind}:
            assert kind == "InvalidArgument"
        case _:
            pytest.fail("no match")


def test_a_fallback_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="fallback is true where fallback_kind is given"):
        Decision("big", "strong", 0.75, 0.5, fallback=True)
    with pytest.raises(InvalidArgumentError, match="fallback is true where fallback_kind is given"):
        Decision("big", "strong", None, 0.5, False, "InvalidArgument", "why", fallback=False)


def test_a_decision_is_a_field_of_pydantic(router: Router) -> None:
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model("Log", decision=(Decision, ...), other=(Decision | None, None))
    for decision in (PLAIN, CUT, FAR, NEAR, UNSCORED, KNOWN, FALLBACK, router.route("hello")):
        log = model(decision=decision)
        assert log.decision is decision
        assert log.model_dump() == {"decision": decision.as_dict(), "other": None}
        assert json.loads(log.model_dump_json()) == log.model_dump()
        assert model.model_validate_json(log.model_dump_json()).decision == decision
        assert model.model_validate(log.model_dump()).decision == decision
    # What has a default may be absent, and what a later version writes may be there.
    short = {"model": "big", "side": "strong", "win_rate": 0.75, "threshold": 0.5, "later": 1}
    assert model(decision=short).decision == PLAIN
    for wrong in ({**short, "side": "left"}, {**short, "win_rate": None}, {"model": "big"}, "big", None):
        with pytest.raises(pydantic.ValidationError):
            model(decision=wrong)
    for mode in ("validation", "serialization"):
        schema = pydantic.TypeAdapter(Decision).json_schema(mode=mode)
        assert list(schema["properties"]) == list(PLAIN.as_dict())
        assert {"enum": ["strong", "weak"], "type": "string"} in schema["properties"]["side"]["anyOf"]


def test_a_decision_is_a_response_of_fastapi(router: Router) -> None:
    fastapi = pytest.importorskip("fastapi")
    app = fastapi.FastAPI()

    def route(prompt: str) -> Decision:
        return router.route(prompt)

    def routed(prompts: list[str]) -> list[Decision]:
        return router.route_batch(prompts)

    app.get("/route")(route)
    app.post("/batch")(routed)
    app.post("/model", response_model=dict[str, Decision])(lambda: {"one": PLAIN})
    assert get(app, "GET", "/route?prompt=hello") == router.route("hello").as_dict()
    wanted = [decision.as_dict() for decision in router.route_batch(["a", "b"])]
    assert get(app, "POST", "/batch", ["a", "b"]) == wanted
    assert get(app, "POST", "/model") == {"one": PLAIN.as_dict()}
    content = app.openapi()["paths"]["/route"]["get"]["responses"]["200"]["content"]
    assert "win_rate" in json.dumps(content) + json.dumps(app.openapi()["components"])


def get(app: Any, method: str, target: str, body: object = None) -> Any:
    """Answer a request as a server does, without one."""
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(b"content-type", b"application/json")],
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 200, sent
    return json.loads(b"".join(message.get("body", b"") for message in sent[1:]))
