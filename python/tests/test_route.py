"""Prompts in, decisions out."""

from __future__ import annotations

import math
from typing import Any

import pytest

import routellm_rs
from routellm_rs import Decision, InvalidArgumentError, Router, prompt_from_messages

PROMPT = "Prove that there are infinitely many primes."
PROMPTS = [PROMPT, "hi", "", "What is 2 + 2?", "nul\0inside", "משהו בעברית", "🙂" * 50]


def test_a_decision_says_what_was_compared(router: Router) -> None:
    decision = router.route(PROMPT)
    assert isinstance(decision, Decision)
    assert decision.win_rate == router.win_rate(PROMPT)
    assert decision.threshold == router.threshold()
    assert decision.side == ("strong" if decision.win_rate >= decision.threshold else "weak")
    assert decision.model == getattr(router, decision.side)
    assert decision.truncated is False
    assert decision.fallback is False
    assert decision.fallback_kind is None
    assert decision.fallback_reason is None


def test_the_threshold_is_inclusive(router: Router) -> None:
    rate = router.win_rate(PROMPT)
    assert router.route(PROMPT, threshold=rate).side == "strong"
    assert router.route(PROMPT, threshold=math.nextafter(rate, 1)).side == "weak"
    assert router.route(PROMPT, threshold=0).side == "strong"
    assert router.route(PROMPT, threshold=1).side == "weak"


def test_a_share_is_resolved_to_a_threshold(router: Router) -> None:
    thresholds = [router.threshold(strong_share=share) for share in (0.1, 0.5, 0.9)]
    assert thresholds == sorted(thresholds, reverse=True)
    assert len(set(thresholds)) == 3
    assert router.route(PROMPT, strong_share=0.1).threshold == thresholds[0]
    assert router.threshold() == router.threshold(strong_share=0.5)


@pytest.mark.parametrize("name", ["threshold", "strong_share"])
@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf, -math.inf])
def test_numbers_outside_the_unit_interval_are_refused(router: Router, name: str, value: float) -> None:
    option: dict[str, Any] = {name: value}
    for call in (router.route, router.route_batch):
        argument: Any = PROMPT if call == router.route else [PROMPT]
        # On_error is for prompts, not for wrong options.
        with pytest.raises(InvalidArgumentError, match=name):
            call(argument, on_error="strong", **option)


def test_threshold_and_share_exclude_each_other(router: Router) -> None:
    with pytest.raises(InvalidArgumentError, match="both threshold and strong_share"):
        router.route(PROMPT, threshold=0.5, strong_share=0.5)


def test_unknown_options_are_refused(router: Router) -> None:
    options: dict[str, Any] = {"alpha": 0.5}
    with pytest.raises(TypeError, match="alpha"):
        router.route(PROMPT, **options)
    with pytest.raises(TypeError, match="alpha"):
        Router.default(**options)
    wrong: Any = "panic"
    with pytest.raises(
        InvalidArgumentError, match=r'on_error is "panic", expected "raise", "strong", "weak" or one of: '
    ):
        router.route(PROMPT, on_error=wrong)


def test_batches_have_the_bits_of_single_calls(router: Router) -> None:
    decisions = router.route_batch(PROMPTS)
    assert decisions == [router.route(prompt) for prompt in PROMPTS]
    assert router.win_rates(PROMPTS) == [router.win_rate(prompt) for prompt in PROMPTS]
    assert all(type(rate) is float for rate in router.win_rates(PROMPTS))
    # A batch so large that it runs in a thread of its own.
    assert router.route_batch(PROMPTS * 50) == decisions * 50
    assert router.win_rates(iter(PROMPTS * 50)) == router.win_rates(PROMPTS) * 50
    assert router.route_batch([]) == []
    assert router.win_rates(()) == []


def test_what_is_no_list_of_prompts_is_refused(router: Router) -> None:
    wrong: Any
    for wrong in ("one prompt", b"bytes", 3, None):
        with pytest.raises(InvalidArgumentError, match="expected an iterable of prompts"):
            router.route_batch(wrong)
        with pytest.raises(InvalidArgumentError, match="expected an iterable of prompts"):
            router.win_rates(wrong)
    wrong = ["fine", 7]
    with pytest.raises(InvalidArgumentError, match="prompt 1: the prompt is of type int"):
        router.route_batch(wrong)


def test_what_is_no_prompt_is_refused(router: Router) -> None:
    wrong: Any
    for wrong in (b"bytes", 3, None, {1, 2}):
        for call in (router.route, router.win_rate):
            with pytest.raises(InvalidArgumentError, match="expected str or a list of messages"):
                call(wrong)


def test_subclasses_of_str_are_prompts(router: Router) -> None:
    class Text(str):
        __slots__ = ()

    assert router.route(Text(PROMPT)) == router.route(PROMPT)
    assert router.route_batch([Text(PROMPT)]) == [router.route(PROMPT)]


def test_long_prompts_are_cut_and_say_so(router: Router) -> None:
    cap = router.info()["featurizer"]["max_bytes"]
    assert cap is not None
    decision = router.route("word " * cap)
    assert decision.truncated is True
    assert router.route("x" * 100).truncated is False


def test_a_chat_is_scored_by_its_newest_user_message_with_text(router: Router) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": None},
        {"role": "user", "content": [{"type": "text", "text": "What is"}, {"type": "image_url"}, "2+2?"]},
    ]
    assert prompt_from_messages(messages) == "What is\n2+2?"
    assert router.route(messages) == router.route("What is\n2+2?")
    assert router.win_rate(messages) == router.win_rate("What is\n2+2?")
    assert router.route(tuple(messages)) == router.route(messages)
    assert router.route_batch([messages, "hi"]) == [router.route(messages), router.route("hi")]


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "assistant", "content": "x"}],
        [{"role": "user"}],
        [{"content": "x"}],
        [{"role": "user", "content": None}],
        [{"role": "user", "content": [{"type": "image_url"}]}],
        [{"role": "user", "content": "\ud800"}],
        [{"role": "user", "content": b"bytes"}],
        [{"role": "user", "content": " "}],
        ["text"],
    ],
)
def test_chats_without_a_prompt_are_refused(router: Router, messages: Any) -> None:
    for call in (prompt_from_messages, router.route, router.win_rate):
        with pytest.raises(InvalidArgumentError, match="messages"):
            call(messages)
    with pytest.raises(InvalidArgumentError, match="prompt 1: messages"):
        router.route_batch(["x", messages])


def test_lone_surrogates_are_refused(router: Router, lone_surrogates: list[str]) -> None:
    for text in lone_surrogates:
        for call in (router.route, router.win_rate, router.candidate_scores):
            with pytest.raises(InvalidArgumentError, match="not UTF-8") as caught:
                call(text)
            assert not isinstance(caught.value, UnicodeError)
        for batch in (router.route_batch, router.win_rates):
            with pytest.raises(InvalidArgumentError, match="prompt 1: the prompt is not UTF-8"):
                batch(["fine", text])
        wrong: Any = text
        with pytest.raises(InvalidArgumentError, match="on_error is not Unicode text"):
            router.route(PROMPT, on_error=wrong)
        with pytest.raises(InvalidArgumentError, match="strong is not Unicode text"):
            Router.default(strong=text)


def test_a_lone_surrogate_in_a_path_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="path is not Unicode text"):
        Router.open("\ud800")


def test_on_error_decides_and_is_counted() -> None:
    router = Router.default()
    assert router.fallbacks == 0
    bad = "\ud800"
    strong = router.route(bad, on_error="strong")
    weak = router.route(bad, on_error="weak")
    assert (strong.model, strong.side) == (router.strong, "strong")
    assert (weak.model, weak.side) == (router.weak, "weak")
    for decision in (strong, weak):
        assert decision.fallback is True
        assert decision.win_rate is None
        assert decision.fallback_kind == "InvalidArgument"
        assert decision.fallback_reason is not None
        assert "not UTF-8" in decision.fallback_reason
    assert router.fallbacks == 2
    decisions = router.route_batch(["fine", bad, "fine"], on_error="weak")
    assert [decision.fallback for decision in decisions] == [False, True, False]
    assert router.fallbacks == 3
    with pytest.raises(InvalidArgumentError):
        router.route(bad, on_error="raise")
    assert router.fallbacks == 3


def test_what_a_router_says_of_itself(router: Router) -> None:
    info = router.info()
    assert info["kind"] == "linear"
    assert info["featurizer"]["kind"] == "hashed"
    assert info["strong"] == router.strong
    assert info["weak"] == router.weak
    assert info["models"] == router.models
    assert info["version"] == routellm_rs.__version__
    assert info["runtime"] is None
    assert info["path"] is None
    assert info["provenance"]
    assert info["calibration"] is not None
    assert info["calibration"]["default_threshold"] == router.threshold()
    assert router.embedding_dimension is None
    assert router.strong in repr(router)


def test_routers_are_made_by_their_makers(router: Router) -> None:
    with pytest.raises(TypeError, match=r"Router\.default"):
        Router()
    with pytest.raises(AttributeError):
        router.strong = "x"  # type: ignore[misc]

    class Mine(Router):
        __slots__ = ()

    assert type(Mine.default()) is Mine
    assert Mine.default().route(PROMPT) == router.route(PROMPT)


def test_a_router_without_an_encoder_has_no_embedding(router: Router) -> None:
    with pytest.raises(routellm_rs.UnsupportedError, match="sparse"):
        router.embed(PROMPT)
