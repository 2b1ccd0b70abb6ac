"""Training from Python."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from routellm_rs import (
    CancelledError,
    InferenceError,
    InvalidArgumentError,
    NotFoundError,
    ResourceExhaustedError,
    Router,
    UnsupportedError,
    train,
)

MODELS = Path(__file__).resolve().parents[2] / "tests" / "models"
Rows = list[dict[str, Any]]
SMALL: dict[str, Any] = {"bits": 10, "lambdas": [1.0, 4.0], "lexical_scales": [0.1], "folds": 5}
HARD, EASY = "Please derive the integral number 5 for me.", "Please name a fruit number 5 for me."


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_linear_router_learns_what_is_hard(gold_rows: Rows, tmp_path: Path) -> None:
    report = train.linear(tmp_path / "a", gold=gold_rows, **SMALL)
    assert report["error"] < report["baseline_error"]
    assert report["strength"] in SMALL["lambdas"]
    assert len(report["out_of_fold"]) == len(gold_rows)
    router = Router.open(tmp_path / "a")
    # Of two models the better one is the strong one.
    assert (router.strong, router.weak) == ("big", "small")
    assert router.win_rate(HARD) > router.win_rate(EASY)
    assert router.route(HARD).side == "strong"
    assert router.route(EASY).side == "weak"


def test_the_same_training_gives_the_same_files(gold_rows: Rows, tmp_path: Path) -> None:
    for name in ("a", "b"):
        train.linear(tmp_path / name, gold=gold_rows, **SMALL)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    train.linear(tmp_path / "b", gold=gold_rows, seed=43, **SMALL)
    assert files(tmp_path / "a") != files(tmp_path / "b")


def test_rows_may_come_from_a_file(gold_rows: Rows, tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text("".join(json.dumps(row) + "\n" for row in gold_rows))
    sample = tmp_path / "traffic.jsonl"
    sample.write_text("".join(json.dumps({"prompt": row["prompt"]}) + "\n" for row in gold_rows[:100]))
    out = tmp_path / "router"
    train.linear(out, gold=gold, calibration=sample, name="mine", provenance={"owner": "me"}, **SMALL)
    info = Router.open(out).info()
    assert info["name"] == "mine"
    assert info["calibration"] is not None
    assert info["calibration"]["count"] == 100
    assert info["calibration"]["sample"] == "100 prompts of traffic.jsonl"
    provenance = info["provenance"]
    assert provenance["owner"] == "me"
    assert provenance["sources"][0]["name"] == "gold.jsonl"
    assert provenance["sources"][0]["rows"] == len(gold_rows)
    by_rows = tmp_path / "by-rows"
    train.linear(
        by_rows, gold=iter(gold_rows), calibration=[row["prompt"] for row in gold_rows[:100]], **SMALL
    )
    assert Router.open(by_rows).win_rate(HARD) == Router.open(out).win_rate(HARD)


def test_models_can_be_named_and_renamed(gold_rows: Rows, tmp_path: Path) -> None:
    train.linear(tmp_path / "a", gold=gold_rows, strong="small", **SMALL)
    assert Router.open(tmp_path / "a").weak == "big"
    train.linear(tmp_path / "b", gold=gold_rows, rename={"small": "tiny"}, **SMALL)
    assert Router.open(tmp_path / "b").weak == "tiny"
    for options in ({"strong": "nobody"}, {"strong": "big", "weak": "nobody"}, {"rename": {"nobody": "x"}}):
        with pytest.raises(InvalidArgumentError, match="nobody"):
            train.linear(tmp_path / "c", gold=gold_rows, **options, **SMALL)
    three = [{**row, "third": True} for row in gold_rows]
    with pytest.raises(InvalidArgumentError, match="pass strong and weak"):
        train.linear(tmp_path / "c", gold=three, **SMALL)
    train.linear(tmp_path / "c", gold=three, strong="third", weak="small", per_candidate=True, **SMALL)
    assert Router.open(tmp_path / "c", strong="big").strong == "big"
    assert set(Router.open(tmp_path / "c").candidate_scores(HARD)) == {"big", "small", "third"}


def test_progress_is_told(gold_rows: Rows, tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []

    def progress(stage: str, done: int, total: int) -> None:
        steps.append((stage, done, total))

    train.linear(tmp_path / "a", gold=gold_rows, progress=progress, **SMALL)
    assert {stage for stage, _, _ in steps} >= {"features", "cross-validation"}
    assert all(0 <= done <= total for _, done, total in steps)


def test_progress_can_stop_the_training(gold_rows: Rows, tmp_path: Path) -> None:
    out = tmp_path / "router"
    train.linear(out, gold=gold_rows, **SMALL)
    before = files(out)
    with pytest.raises(CancelledError, match="training was cancelled"):
        train.linear(out, gold=gold_rows[:300], progress=lambda *_: False, **SMALL)

    class StopHereError(Exception):
        pass

    def fail(stage: str, done: int, total: int) -> None:
        raise StopHereError(stage)

    with pytest.raises(StopHereError):
        train.linear(out, gold=gold_rows[:300], progress=fail, **SMALL)
    # The artifact that was there is whole, and nothing else was left behind.
    assert files(out) == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["router"]


def test_wrong_data_is_refused(gold_rows: Rows, tmp_path: Path) -> None:
    out = tmp_path / "router"
    wrong: Any
    for wrong, message in [
        ([], "pass strong and weak"),
        (b"{}", "expected a path or rows"),
        (7, "expected a path or rows"),
        ([{"prompt": "x", "big": object()}], r'line 1: score of "big" is'),
        ([*gold_rows[:3], {"prompt": "x", "big": 7, "small": 0}], "line 4"),
    ]:
        with pytest.raises(InvalidArgumentError, match=message):
            train.linear(out, gold=wrong, **SMALL)
    with pytest.raises(NotFoundError):
        train.linear(out, gold=tmp_path / "nothing.jsonl", **SMALL)
    with pytest.raises(NotFoundError):
        train.linear(out, gold=gold_rows, calibration=tmp_path / "nothing.jsonl", **SMALL)
    (tmp_path / "bad.jsonl").write_text('{"prompt": "x"}\n{"text": "x"}\n')
    with pytest.raises(InvalidArgumentError, match="line 2"):
        train.linear(out, gold=gold_rows, calibration=tmp_path / "bad.jsonl", **SMALL)
    with pytest.raises(InvalidArgumentError, match="no effect"):
        train.linear(out, gold=gold_rows, calibration_name="x", **SMALL)
    assert not out.exists()


@pytest.mark.parametrize(
    "options",
    [{"seed": -1}, {"folds": "many"}, {"bits": 99}, {"lambdas": []}, {"lambdas": [-1.0]}, {"folds": 0}],
)
def test_wrong_options_are_refused(gold_rows: Rows, tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        train.linear(tmp_path / "router", gold=gold_rows, **{**SMALL, **options})


@pytest.fixture(scope="module")
def dense_artifact(tmp_path_factory: pytest.TempPathFactory, gold_rows: Rows) -> Path:
    """An artifact whose features are dense and need no ONNX Runtime."""
    out = tmp_path_factory.mktemp("dense") / "router"
    train.linear(out, gold=gold_rows, projection=16, **SMALL)
    return out


MF: dict[str, Any] = {"dim": 8, "epochs": 20, "learning_rate": 0.01}


def votes_of(rows: Rows) -> Rows:
    winners = {(True, False): "model_a", (False, True): "model_b"}
    return [
        {
            "prompt": row["prompt"],
            "model_a": "big",
            "model_b": "small",
            "winner": winners.get((row["big"], row["small"]), "tie"),
        }
        for row in rows
    ] + [{"prompt": "nobody knows", "model_a": "big", "model_b": "small", "winner": None}]


def test_matrix_factorization_learns_from_gold_rows(
    gold_rows: Rows, dense_artifact: Path, tmp_path: Path
) -> None:
    report = train.mf(tmp_path / "a", encoder=dense_artifact, gold=gold_rows, **MF)
    assert len(report["train_losses"]) == 20
    assert report["train_losses"][-1] < report["train_losses"][0]
    assert len(report["held_out_losses"]) == 20
    assert 0 <= report["best_epoch"] < 20
    router = Router.open(tmp_path / "a")
    assert router.info()["kind"] == "mf"
    assert (router.strong, router.weak) == ("big", "small")
    assert router.win_rate(HARD) > router.win_rate(EASY)
    train.mf(tmp_path / "b", encoder=dense_artifact, gold=gold_rows, **MF)
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_matrix_factorization_learns_from_votes(
    gold_rows: Rows, dense_artifact: Path, tmp_path: Path
) -> None:
    votes = votes_of(gold_rows)
    out = tmp_path / "router"
    with pytest.raises(InvalidArgumentError, match="pass strong and weak"):
        train.mf(out, encoder=dense_artifact, votes=votes, **MF)
    train.mf(out, encoder=dense_artifact, votes=votes, strong="big", weak="small", **MF)
    router = Router.open(out)
    assert router.win_rate(HARD) > 0.5
    assert "null" in json.dumps(router.info()["provenance"])
    with pytest.raises(InvalidArgumentError, match="line 1"):
        train.mf(out, encoder=dense_artifact, votes=[{"prompt": "x"}], strong="big", weak="small", **MF)
    with pytest.raises(InvalidArgumentError):
        train.mf(out, encoder=dense_artifact, strong="big", weak="small", **MF)


def test_matrix_factorization_can_be_stopped(gold_rows: Rows, dense_artifact: Path, tmp_path: Path) -> None:
    def stop(stage: str, done: int, total: int) -> bool:
        return stage != "epoch"

    with pytest.raises(CancelledError):
        train.mf(tmp_path / "router", encoder=dense_artifact, gold=gold_rows, progress=stop, **MF)
    assert not (tmp_path / "router").exists()


def test_matrix_factorization_needs_dense_vectors(
    gold_rows: Rows, linear_artifact: Path, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedError, match="dense"):
        train.mf(tmp_path / "router", encoder=linear_artifact, gold=gold_rows, **MF)
    wrong: Any = {"id": "x"}
    with pytest.raises(InvalidArgumentError, match="directory is missing"):
        train.mf(tmp_path / "router", encoder=wrong, gold=gold_rows, **MF)
    wrong = {"directory": tmp_path, "id": "x", "colour": "red"}
    with pytest.raises(InvalidArgumentError, match="encoder"):
        train.mf(tmp_path / "router", encoder=wrong, gold=gold_rows, **MF)


@pytest.mark.usefixtures("onnx_router")
def test_matrix_factorization_on_a_sentence_encoder(
    gold_rows: Rows, mf_artifact: Path, tmp_path: Path
) -> None:
    rows = gold_rows[:40]
    options: dict[str, Any] = {**MF, "epochs": 2, "intra_threads": 1}
    train.mf(tmp_path / "a", encoder=mf_artifact, gold=rows, **options)
    spec = json.loads((mf_artifact / "router.json").read_text())["featurizer"]
    spec.pop("kind")
    train.mf(tmp_path / "b", encoder={"directory": mf_artifact, **spec}, gold=rows, **options)
    assert Router.open(tmp_path / "a").win_rate(HARD) == Router.open(tmp_path / "b").win_rate(HARD)


@pytest.fixture(scope="module")
def short_sighted(onnx_router: Router) -> dict[str, Any]:
    """A classifier as an encoder of three dimensions, which fails on prompts longer than its positions."""
    del onnx_router  # It skips without ONNX Runtime.
    options = {"pooling": "mean", "normalize": False, "max_tokens": 5000}
    return {"directory": MODELS / "bert-tiny", "id": "tiny", "dimension": 3, **options}


def uneven_votes(rows: int) -> Rows:
    """Votes on short prompts, every tenth of them on one that is too long."""
    return [
        {
            "prompt": "too long " * 900 if i % 10 == 9 else f"number {i}",
            "model_a": "big",
            "model_b": "small",
            "winner": "model_a" if i % 3 else "model_b",
        }
        for i in range(rows)
    ]


def test_a_prompt_that_cannot_be_embedded_is_named_or_left_out(short_sighted: Any, tmp_path: Path) -> None:
    out, cache = tmp_path / "router", tmp_path / "cache.safetensors"
    votes = uneven_votes(40)
    pair: Any = {"strong": "big", "weak": "small"}
    with pytest.raises(InferenceError, match='the prompt of vote "line 10": '):
        train.sw_ranking(out, votes=votes, encoder=short_sighted, tiers=2, cache=cache, **pair)
    built = train.sw_ranking(
        out, votes=votes, encoder=short_sighted, tiers=2, cache=cache, on_error="leave_out", **pair
    )
    assert (built["votes"], built["left_out"], built["embedded"]) == (36, 1, 27)
    assert Router.open(out).info()["provenance"]["left_out"] == 1
    with pytest.raises(InferenceError, match="the prompt of vote"):
        train.mf(out, votes=votes, encoder=short_sighted, **pair, **MF)
    fit = train.mf(out, votes=votes, encoder=short_sighted, cache=cache, on_error="leave_out", **pair, **MF)
    assert (fit["left_out"], fit["embedded"]) == (1, 0)
    wrong: Any = "strong"
    with pytest.raises(InvalidArgumentError, match='on_error is "strong", expected "raise" or "leave_out"'):
        train.mf(out, votes=votes, encoder=short_sighted, on_error=wrong, **pair, **MF)


def test_a_training_has_a_deadline(gold_rows: Rows, dense_artifact: Path, tmp_path: Path) -> None:
    out = tmp_path / "router"
    with pytest.raises(ResourceExhaustedError):
        train.linear(out, gold=gold_rows, timeout_ms=1e-6, **SMALL)
    with pytest.raises(ResourceExhaustedError):
        train.mf(out, encoder=dense_artifact, gold=gold_rows, timeout_ms=1e-6, on_error="leave_out", **MF)
    with pytest.raises(ResourceExhaustedError):
        train.sw_ranking(out, encoder=dense_artifact, gold=gold_rows, timeout_ms=1e-6, tiers=2)
    for wrong in (0, -1, float("nan")):
        with pytest.raises(InvalidArgumentError, match="timeout_ms"):
            train.linear(out, gold=gold_rows, timeout_ms=wrong, **SMALL)
    assert not out.exists()
    train.linear(out, gold=gold_rows, timeout_ms=600_000, **SMALL)


def test_progress_is_told_on_the_thread_of_the_caller(gold_rows: Rows, tmp_path: Path) -> None:
    threads = set()

    def progress(*_: object) -> None:
        threads.add(threading.get_ident())

    train.linear(tmp_path / "router", gold=gold_rows, progress=progress, **SMALL)
    assert threads == {threading.get_ident()}


def test_ctrl_c_interrupts_a_training(
    onnx_router: Router, mf_artifact: Path, tmp_path: Path, run_python: Callable[..., str]
) -> None:
    code = """
import signal, sys
from routellm_rs import train
rows = [{"prompt": f"{i} and so on " * 200, "a": True, "b": False} for i in range(3000)]
# The handler runs while the native call does, and nobody asks for progress.
signal.setitimer(signal.ITIMER_REAL, 0.4)
def handler(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, handler)
try:
    train.mf(sys.argv[2], encoder=sys.argv[1], gold=rows)
except KeyboardInterrupt:
    print("interrupted")
"""
    runtime = onnx_router.info()["runtime"]
    assert runtime is not None
    out = tmp_path / "router"
    done = run_python(code, mf_artifact, out, ROUTELLM_ORT_PATH=runtime["library"])
    assert done.strip() == "interrupted"
    assert not out.exists()
