"""Exported classifiers and causal LMs as routers."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from routellm_rs import (
    CancelledError,
    InvalidArgumentError,
    ResourceExhaustedError,
    Router,
    RuntimeUnavailableError,
    _native,
    train,
)

MODELS = Path(__file__).resolve().parents[2] / "tests" / "models"
PAIR = {"strong": "gpt-4", "weak": "mixtral"}
PROMPTS = ["What is 2+2?", "", "Prove that there are infinitely many primes.", "naïve 日本 🙂", "word " * 300]
# So many that no machine scores them within a fraction of a second.
MANY = [f"{i}: prove that there are infinitely many primes" for i in range(4000)]
CHAT = "{{ bos_token }}{% for message in messages %}<{{ message.role }}>{{ message.content }}{% endfor %}"


def opened(name: str, **options: Any) -> Router:
    try:
        return Router.open(MODELS / name, **{**PAIR, **options})
    except RuntimeUnavailableError as error:
        if options.get("provider") == "cuda":
            raise
        pytest.skip(f"no ONNX Runtime: {error}")


@pytest.fixture(scope="module")
def classifier() -> Router:
    return opened("bert-tiny", kind="bert", intra_threads=1)


@pytest.fixture(scope="module")
def causal() -> Router:
    return opened("llama-tiny", kind="causal_llm", intra_threads=1)


@pytest.fixture(scope="module")
def stories() -> dict[str, Any]:
    """Options of a model whose scores are digits, scored as the next token."""
    template = "Rate the question from 1 to 5.\nQuestion: {question}\nScore:"
    return {"template": template, "score_tokens": list("12345"), "max_new_tokens": 0, "intra_threads": 1}


# Opening


def test_a_head_and_windows_can_have_parameters() -> None:
    texts: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        (
            "distilbert-tiny",
            {"head": {"kind": "binary", "strong_label": 0}},
            {"head": '{"kind": "binary", "strong_label": 0}'},
        ),
        (
            "roberta-tiny",
            {"head": {"kind": "regression", "link": "sigmoid", "scale": 2, "offset": 0.5}},
            {"head": '{"kind": "regression", "link": "sigmoid", "scale": 2.0, "offset": 0.5}'},
        ),
        (
            "bert-tiny",
            {"long_prompts": {"kind": "windows", "overlap": 4, "pooling": "max", "max_windows": 2}},
            {"long_prompts": '{"kind": "windows", "overlap": 4, "pooling": "max", "max_windows": 2}'},
        ),
    ]
    for name, mapping, text in texts:
        first, second = opened(name, **mapping), opened(name, **text)
        assert first.win_rates(PROMPTS) == second.win_rates(PROMPTS)
        assert first.info()["model"] == second.info()["model"]
    one, other = opened("distilbert-tiny", head="binary"), opened("distilbert-tiny", **texts[0][1])
    assert one.win_rate("hi") == pytest.approx(1 - other.win_rate("hi"), abs=1e-12)


def test_a_template_can_be_a_chat(tmp_path: Path, stories: dict[str, Any]) -> None:
    import shutil

    folder = tmp_path / "model"
    shutil.copytree(MODELS / "stories260k-ts", folder)
    (folder / "chat_template.jinja").write_text(CHAT)
    chat = opened(str(folder), **{**stories, "template": "chat"})
    mapping = {"kind": "chat", "user": "{question}", "add_generation_prompt": False}
    assert opened(str(folder), **{**stories, "template": mapping}).win_rates(PROMPTS) == chat.win_rates(
        PROMPTS
    )
    plain = opened(str(folder), **{**stories, "template": "<user>{prompt}"})
    assert plain.win_rate(PROMPTS[0]) == pytest.approx(chat.win_rate(PROMPTS[0]), abs=1e-6)
    system = {"kind": "chat", "system": "Be brief.", "user": "Rate: {question}"}
    assert opened(str(folder), **{**stories, "template": system}).win_rate("hi") != chat.win_rate("hi")


def test_score_tokens_have_texts_and_ids(stories: dict[str, Any]) -> None:
    import json

    vocabulary = json.loads((MODELS / "stories260k-ts" / "tokenizer.json").read_text())["model"]["vocab"]
    ids = [vocabulary[digit] for digit in "12345"]
    texts = opened("stories260k-ts", **stories)
    for tokens in (ids, tuple(ids), iter([*"12", *ids[2:]]), np.array(ids)):
        router = opened("stories260k-ts", **{**stories, "score_tokens": tokens})
        assert router.win_rates(PROMPTS) == texts.win_rates(PROMPTS)


def test_candidates_have_scores() -> None:
    router = opened("modernbert-tiny", head="candidates", strong="claude", weak="llama")
    assert router.models == ["gpt-4", "claude", "mixtral", "llama"]
    scores = router.candidate_scores("hi")
    gap = scores["claude"] - scores["llama"]
    assert router.win_rate("hi") == pytest.approx(1 / (1 + math.exp(-gap)), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("bert-tiny", {"provider": "tpu"}, 'provider is "tpu", expected "cpu", "cuda" or "auto"'),
        ("bert-tiny", {"provider": 3}, "provider is of type int"),
        ("bert-tiny", {"preset": "fast"}, 'preset is "fast"'),
        ("bert-tiny", {"preset": "throughput", "sessions": 2}, "preset sets sessions"),
        ("bert-tiny", {"device_id": 0}, "device_id has no effect"),
        ("bert-tiny", {"tf32": True}, "tf32 has no effect"),
        ("bert-tiny", {"tf32": False, "provider": "cpu"}, "tf32 has no effect"),
        ("bert-tiny", {"tf32": 1, "provider": "auto"}, "tf32 is of type int, expected true or false"),
        ("bert-tiny", {"device_id": -1, "provider": "auto"}, "device_id is -1, expected a whole number"),
        ("bert-tiny", {"memory_limit": 0, "provider": "auto"}, "memory_limit is 0"),
        ("bert-tiny", {"memory_limit": 10**30, "provider": "auto"}, "memory_limit is 10000"),
        ("bert-tiny", {"memory_limit": "1 GB", "provider": "auto"}, "memory_limit is of type str"),
        ("bert-tiny", {"strong": None}, "strong and weak are needed"),
        ("bert-tiny", {"weak": None}, "strong and weak are needed"),
        ("bert-tiny", {"kind": "gpt"}, 'kind is "gpt"'),
        ("bert-tiny", {"kind": 1}, "kind is of type int"),
        ("bert-tiny", {"head": "four_labels"}, "head is"),
        ("bert-tiny", {"head": {"kind": "binary", "strong_label": 2}}, "strong_label is 2"),
        ("bert-tiny", {"head": {"kind": "three_labels", "link": "sigmoid"}}, "unknown field"),
        ("bert-tiny", {"head": {"kind": "regression", "scale": math.nan}}, "head.scale is NaN"),
        ("bert-tiny", {"head": {1, 2}}, "head is of type set"),
        ("bert-tiny", {"long_prompts": "split"}, "long_prompts is"),
        ("bert-tiny", {"long_prompts": {"kind": "windows", "max_windows": 0}}, "max_windows is 0"),
        ("bert-tiny", {"max_tokens": "many"}, "max_tokens is of type str"),
        ("bert-tiny", {"max_tokens": -1}, "max_tokens is -1"),
        ("bert-tiny", {"template": "{question}"}, "template has no effect"),
        ("bert-tiny", {"out_of_distribution": "weak"}, "this router .bert. has no votes"),
        ("llama-tiny", {"head": "binary"}, "head has no effect"),
        ("llama-tiny", {"template": "no question"}, "template"),
        ("llama-tiny", {"template": {"kind": "poem"}}, "template"),
        ("llama-tiny", {"score_tokens": "12345"}, "score_tokens is of type str"),
        ("llama-tiny", {"score_tokens": 5}, "score_tokens is of type int"),
        ("llama-tiny", {"score_tokens": ["1", None]}, r"score_tokens\[1\] is of type NoneType"),
        ("llama-tiny", {"score_tokens": ["1", -4]}, r"score_tokens\[1\] is -4"),
        ("llama-tiny", {"score_tokens": ["1", "\ud800"]}, r"score_tokens\[1\] is not Unicode text"),
        ("llama-tiny", {"score_tokens": ["[[1]]"]}, "score_tokens has 1 entries"),
        ("llama-tiny", {"score_threshold": 6}, "score_threshold is 6, expected 2 to 5"),
        ("llama-tiny", {"score_threshold": -1}, "score_threshold is -1"),
        ("llama-tiny", {"max_new_tokens": 1000}, "max_new_tokens is 1000"),
        ("stories260k-ts", {}, "template is needed"),
    ],
)
def test_wrong_options_are_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        opened(name, **options)


def test_options_of_exports_belong_to_exports(linear_artifact: Path, mf_artifact: Path) -> None:
    for path in (linear_artifact, mf_artifact):
        with pytest.raises(InvalidArgumentError, match="head has no effect: they belong to the artifact"):
            Router.open(path, head="binary")
    with pytest.raises(InvalidArgumentError, match='kind is "bert", and this artifact\'s is "linear"'):
        Router.open(linear_artifact, kind="bert")
    with pytest.raises(InvalidArgumentError, match="provider has no effect: this router's featurizer"):
        Router.open(linear_artifact, provider="auto")
    assert Router.open(linear_artifact, kind="linear").info()["kind"] == "linear"


def test_an_unknown_option_is_refused() -> None:
    wrong: Any = {"temperature": 0.5}
    with pytest.raises(TypeError, match="temperature"):
        Router.open(MODELS / "bert-tiny", **wrong)
    with pytest.raises(InvalidArgumentError, match='unknown option "temperature"'):
        _native.Router.open(MODELS / "bert-tiny", wrong)


@pytest.mark.skipif(os.environ.get("ROUTELLM_TEST_CUDA") == "1", reason="ROUTELLM_TEST_CUDA=1: a GPU")
def test_a_gpu_that_is_not_there_is_an_error_or_a_fallback(classifier: Router) -> None:
    with pytest.raises(RuntimeUnavailableError, match='the provider "cuda" was asked for') as caught:
        opened("bert-tiny", provider="cuda")
    assert caught.value.code == 5
    router = opened(
        "bert-tiny", provider="auto", device_id=0, memory_limit=1 << 30, tf32=True, intra_threads=1
    )
    runtime = router.info()["runtime"]
    assert runtime is not None
    assert runtime["provider"] == "cpu"
    assert router.win_rates(PROMPTS) == classifier.win_rates(PROMPTS)


def test_what_runs_is_told(classifier: Router, causal: Router) -> None:
    info = classifier.info()
    assert info["kind"] == "bert"
    assert info["featurizer"]["kind"] == "none"
    assert info["models"] == ["gpt-4", "mixtral"]
    assert info["runtime"] is not None
    assert info["runtime"]["provider"] == "cpu"
    assert info["runtime"]["version"].count(".") >= 1
    assert info["model"] is not None
    assert info["model"]["parameters"]["head"] == {"kind": "three_labels"}
    assert info["model"]["max_tokens"] == 128
    assert info["model"]["dynamically_quantized"] is False
    assert info["model"]["cached_tokens"] is None
    quantized = opened("bert-tiny-int8", preset="throughput").info()
    assert quantized["model"] is not None
    assert quantized["model"]["dynamically_quantized"] is True
    assert quantized["runtime"] is not None
    assert quantized["runtime"]["intra_threads"] == 1
    model = causal.info()["model"]
    assert model is not None
    assert model["parameters"]["score_tokens"] == [f"[[{score}]]" for score in range(1, 6)]
    assert model["cached_tokens"] is not None
    assert Router.default().info()["model"] is None
    assert "gpt-4" in repr(causal)


# Routing


def test_batches_threads_and_sessions_give_the_same_bits(classifier: Router, causal: Router) -> None:
    for name, router in (("bert-tiny", classifier), ("llama-tiny", causal)):
        decisions = [router.route(prompt, threshold=0.5) for prompt in PROMPTS]
        assert router.route_batch(PROMPTS, threshold=0.5) == decisions
        assert router.route_batch(PROMPTS[::-1] * 20, threshold=0.5) == decisions[::-1] * 20
        assert opened(name, preset="throughput").route_batch(PROMPTS, threshold=0.5) == decisions
        # The calls that can be cancelled, and what awaits them.
        assert asyncio.run(router.aroute_batch(PROMPTS, threshold=0.5)) == decisions
        assert asyncio.run(router.awin_rate(PROMPTS[0])) == router.win_rate(PROMPTS[0])


def test_a_prompt_without_a_score_says_so() -> None:
    router = opened("llama-tiny", max_new_tokens=1)
    decisions = router.route_batch(PROMPTS, threshold=0.5)
    unscored = [decision for decision in decisions if decision.no_score]
    assert unscored
    assert all((decision.win_rate, decision.side) == (1.0, "strong") for decision in unscored)
    assert "no_score=True" in repr(unscored[0])


def test_an_embedding_is_refused(classifier: Router) -> None:
    assert classifier.embedding_dimension is None
    with pytest.raises(InvalidArgumentError):
        classifier.route_embedding(np.zeros(8, dtype=np.float32), threshold=0.5)


def test_cancelling_stops_a_running_batch() -> None:
    # Of its own: nothing else may be running on it.
    router = opened("llama-tiny", sessions=1)

    async def run() -> None:
        task = asyncio.ensure_future(router.aroute_batch(MANY, threshold=0.5))
        while router.stats()["busy"] == 0:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    # Were the batch still running, this prompt would be the last to be served.
    assert router.route(PROMPTS[0], threshold=0.5).win_rate is not None
    assert router.stats()["decisions"] == 1


def test_ctrl_c_interrupts_a_short_batch_of_a_causal_lm(
    causal: Router, run_python: Callable[..., str]
) -> None:
    code = """
import signal, sys
from routellm_rs import Router
router = Router.open(sys.argv[1], strong="a", weak="b")
# The handler runs while the native call does, whose 63 prompts are few for a router without a model.
signal.setitimer(signal.ITIMER_REAL, 0.2)
def handler(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, handler)
try:
    while True:
        router.route_batch(["prove it"] * 63, threshold=0.5)
except KeyboardInterrupt:
    print("interrupted")
"""
    library = causal.info()["runtime"]
    assert library is not None
    done = run_python(code, MODELS / "llama-tiny", ROUTELLM_ORT_PATH=library["library"])
    assert done == "interrupted\n"


# Timeouts


def test_a_generous_timeout_changes_nothing(
    classifier: Router, causal: Router, router: Router, caller_router: Router
) -> None:
    for one in (classifier, causal, router):
        expected = one.route(PROMPTS[0], threshold=0.5)
        for time in (3_600_000, 3.6e6, 1e300, math.inf):
            assert one.route(PROMPTS[0], threshold=0.5, timeout_ms=time) == expected
            assert one.route_batch(PROMPTS[:1], threshold=0.5, timeout_ms=time) == [expected]
            assert asyncio.run(one.aroute(PROMPTS[0], threshold=0.5, timeout_ms=time)) == expected
    embedding = np.ones(8, dtype=np.float32)
    expected = caller_router.route_embedding(embedding, threshold=0.5)
    assert caller_router.route_embedding(embedding, threshold=0.5, timeout_ms=3.6e6) == expected


def test_a_timeout_stops_a_batch_or_decides(causal: Router) -> None:
    for time in (1e-9, 20):
        with pytest.raises(ResourceExhaustedError, match="timeout") as caught:
            causal.route_batch(MANY, threshold=0.5, timeout_ms=time)
        assert caught.value.code == 9
        with pytest.raises(ResourceExhaustedError, match="timeout"):
            asyncio.run(causal.aroute_batch(MANY, threshold=0.5, timeout_ms=time))
    before = causal.fallbacks
    decisions = causal.route_batch(MANY, threshold=0.5, timeout_ms=20, on_error="weak")
    late = [decision for decision in decisions if decision.fallback]
    assert late
    assert {decision.fallback_kind for decision in late} == {"ResourceExhausted"}
    assert {decision.model for decision in late} == {"mixtral"}
    assert causal.fallbacks == before + len(late)


def test_a_timeout_holds_for_every_call(classifier: Router, router: Router, caller_router: Router) -> None:
    embedding = np.ones(8, dtype=np.float32)
    calls: list[Callable[[], Any]] = [
        lambda: classifier.route(PROMPTS[0], threshold=0.5, timeout_ms=1e-9),
        lambda: classifier.route_batch(PROMPTS, threshold=0.5, timeout_ms=1e-9),
        lambda: router.route(PROMPTS[0], timeout_ms=1e-9),
        lambda: caller_router.route_embedding(embedding, threshold=0.5, timeout_ms=1e-9),
        lambda: asyncio.run(router.aroute(PROMPTS[0], timeout_ms=1e-9)),
    ]
    for call in calls:
        with pytest.raises(ResourceExhaustedError):
            call()
    assert router.route(PROMPTS[0], timeout_ms=1e-9, on_error="strong").fallback_kind == "ResourceExhausted"


@pytest.mark.parametrize("time", [0, -1, -0.5, math.nan, -math.inf])
def test_a_timeout_is_positive(router: Router, caller_router: Router, time: float) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: router.route("hi", timeout_ms=time, on_error="strong"),
        lambda: router.route_batch(["hi"], timeout_ms=time),
        lambda: caller_router.route_embedding(np.ones(8, dtype=np.float32), threshold=0.5, timeout_ms=time),
        lambda: asyncio.run(router.aroute("hi", timeout_ms=time)),
        lambda: asyncio.run(router.aroute_batch(["hi"], timeout_ms=time)),
    ]
    for call in calls:
        with pytest.raises(InvalidArgumentError, match=r"timeout_ms is .*, expected a positive number"):
            call()


# Artifacts


@pytest.mark.usefixtures("classifier")
def test_making_an_artifact_is_watched_and_has_a_deadline(tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []

    def progress(stage: str, done: int, total: int) -> bool:
        steps.append((stage, done, total))
        return True

    made: dict[str, Any] = {**PAIR, "calibration": PROMPTS}
    train.from_export(tmp_path / "a", MODELS / "bert-tiny", progress=progress, **made)
    assert steps == [("calibration", 0, len(PROMPTS)), ("calibration", len(PROMPTS), len(PROMPTS))]
    with pytest.raises(ResourceExhaustedError):
        train.from_export(tmp_path / "b", MODELS / "bert-tiny", timeout_ms=1e-6, **made)
    with pytest.raises(CancelledError):
        train.from_export(tmp_path / "b", MODELS / "bert-tiny", progress=lambda *_: False, **made)
    assert not (tmp_path / "b").exists()


def test_an_export_becomes_an_artifact(classifier: Router, tmp_path: Path) -> None:
    out = tmp_path / "router"
    made = train.from_export(
        out, MODELS / "bert-tiny", **PAIR, intra_threads=1, calibration=PROMPTS, default_strong_share=0.4
    )
    assert type(made) is Router
    assert made.win_rates(PROMPTS) == classifier.win_rates(PROMPTS)
    again = Router.open(out, intra_threads=1)
    assert again.win_rates(PROMPTS) == classifier.win_rates(PROMPTS)
    info = again.info()
    assert (info["name"], info["kind"]) == ("router", "bert")
    assert (again.strong, again.weak) == ("gpt-4", "mixtral")
    assert info["calibration"] is not None
    assert info["calibration"]["sample"] == "5 prompts given in memory"
    assert info["calibration"]["default_strong_share"] == 0.4
    decisions = again.route_batch(PROMPTS)
    assert [decision.side for decision in decisions].count("strong") == 2


def test_a_causal_lm_becomes_an_artifact(tmp_path: Path, stories: dict[str, Any]) -> None:
    bare = opened("stories260k-dynamo", **stories)
    made = train.from_export(tmp_path / "judge", MODELS / "stories260k-dynamo", **PAIR, **stories)
    assert made.win_rates(PROMPTS) == bare.win_rates(PROMPTS)
    parameters, expected = made.info()["model"], bare.info()["model"]
    assert parameters == expected
    with pytest.raises(InvalidArgumentError, match="no calibration"):
        made.route("hi")


def test_wrong_exports_are_refused(tmp_path: Path, linear_artifact: Path) -> None:
    out = tmp_path / "router"
    cases: list[tuple[Path, dict[str, Any], str]] = [
        (MODELS / "distilbert-tiny", {}, "head is needed"),
        (MODELS / "bert-tiny", {"template": "chat"}, "template has no effect"),
        (
            MODELS / "bert-tiny",
            {"calibration": PROMPTS, "default_strong_share": 2},
            "default_strong_share is 2",
        ),
        (MODELS / "bert-tiny", {"calibration_name": "x"}, "calibration_name has no effect"),
        (MODELS / "bert-tiny", {"default_strong_share": 0.5}, "default_strong_share has no effect"),
    ]
    for directory, options, message in cases:
        with pytest.raises(InvalidArgumentError, match=message):
            train.from_export(out, directory, **{**PAIR, **options})
    with pytest.raises(InvalidArgumentError, match="not an exported classifier"):
        train.from_export(out, linear_artifact, strong="big", weak="small")
    assert not out.exists()


def test_qualities_of_an_export_come_from_gold_rows(tmp_path: Path) -> None:
    prompts = ["hi", "What is 2 + 2?", "Prove it.", "Once upon a time", "def f(x):", "Who wrote it?"]
    gold = [
        {"prompt": prompt, "gpt-4": 1, "claude": i % 2, "mixtral": 0.5, "llama": 0}
        for i, prompt in enumerate(prompts)
    ]
    made: dict[str, Any] = {"strong": "gpt-4", "weak": "llama", "head": "candidates", "calibration": prompts}
    model = MODELS / "modernbert-tiny"
    router = train.from_export(tmp_path / "graded", model, gold=gold, **made)
    qualities = router.qualities("hi")
    assert {one["quality"] for one in router.info()["candidates"]} == {"platt"}
    assert qualities["gpt-4"] > 0.8 > 0.2 > qualities["llama"]
    assert qualities["mixtral"] == pytest.approx(0.5, abs=1e-9)
    with pytest.raises(InvalidArgumentError, match="claude"):
        train.from_export(tmp_path / "b", model, gold=[{"prompt": "hi", "gpt-4": 1, "llama": 0}], **made)
    with pytest.raises(InvalidArgumentError, match="gold has no effect without calibration"):
        train.from_export(tmp_path / "b", model, gold=gold, **{**made, "calibration": None})
