"""Names of one's own for candidates."""

from __future__ import annotations

from pathlib import Path

import pytest

from routellm_rs import InvalidArgumentError, Router

CONFORMANCE = Path(__file__).resolve().parents[2] / "tests" / "conformance"
OWN = {"strong": "gpt-5", "weak": "gpt-5-mini"}


def test_decisions_scores_hooks_and_info_use_them() -> None:
    router, plain = Router.default(names=OWN), Router.default()
    heard: list[str] = []
    router.on_decision(lambda event: heard.append(event.model))
    assert router.route("hello", strong_share=1.0).model == "gpt-5"
    assert router.route("hello", strong_share=0.0).model == "gpt-5-mini"
    assert heard == ["gpt-5", "gpt-5-mini"]
    assert (router.strong, router.weak) == ("gpt-5", "gpt-5-mini")
    assert router.win_rate("hello") == plain.win_rate("hello")
    info = router.info()
    assert (info["strong"], info["weak"]) == ("gpt-5", "gpt-5-mini")
    assert info["names"] == {plain.strong: "gpt-5", plain.weak: "gpt-5-mini"}
    assert plain.info()["names"] == {}


def test_candidates_go_on_being_chosen_by_the_routers_names() -> None:
    path = CONFORMANCE / "sw-hashed"
    plain = Router.open(path)
    router = Router.open(path, strong=plain.strong, names={plain.weak: "small", "strong": "GPT 5 (large)"})
    scores = router.candidate_scores("What is the capital of France?")
    assert set(scores) == set(router.models) == {"small", "GPT 5 (large)"}
    why = router.explain("What is the capital of France?", 2)
    assert [rating["model"] for rating in why["ratings"]] == router.models
    with pytest.raises(InvalidArgumentError, match=r"weak is .small."):
        Router.open(path, weak="small", names={"weak": "small"})


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"gpt-9": "x"}, 'names has "gpt-9", expected strong, weak or one of'),
        ({"strong": ""}, "is empty"),
        ({"strong": "x", "weak": "x"}, "with one name"),
        ({"strong": 5}, r'names\["strong"\] is 5, expected a string'),
        ("gpt-5", "names is of type str, expected an object of names"),
    ],
)
def test_what_names_nobody_or_two_is_refused(names: object, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        Router.default(names=names)  # type: ignore[arg-type]
