"""Nearest neighbours, logistic regression, factorization's options, and decontamination."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from routellm_rs import InvalidArgumentError, Router, train

if TYPE_CHECKING:
    from pathlib import Path


def prompt(i: int) -> tuple[str, bool]:
    """Return a prompt, and whether it is a hard one."""
    hard = i % 2 == 0
    return (f"integral number {i} of x" if hard else f"greet person {i}"), hard


def gold(rows: int = 80) -> list[dict[str, Any]]:
    """Return gold rows: big solves all, small the easy ones."""
    # One in ten is not as expected, so that there is something to weigh.
    return [
        {"prompt": prompt(i)[0], "big": True, "small": (not prompt(i)[1]) != (i % 10 in (0, 1))}
        for i in range(rows)
    ]


def logs(rows: int = 80) -> list[dict[str, Any]]:
    """Return logs, in which either model was asked by a coin."""
    return [
        {
            "prompt": row["prompt"],
            "model": "big" if i % 4 < 2 else "small",
            "score": row["big" if i % 4 < 2 else "small"],
            "propensity": 0.5,
        }
        for i, row in enumerate(gold(rows))
    ]


VECTORS = {prompt(i)[0]: [float(prompt(i)[1]), 1.0, i % 7 / 10] for i in range(80)}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an artifact whose dense features others take over."""
    out = tmp_path_factory.mktemp("encoder") / "encoder"
    train.linear(out, gold=gold(), bits=10, projection=8, folds=4)
    return out


def test_knn_learns_from_gold_rows_and_logs_and_explains_itself(tmp_path: Path) -> None:
    """Its neighbours are named."""
    report = train.knn(tmp_path / "a", gold=gold(), bits=10, neighbours=[5, 10], texts=True)
    assert report["k"] in (5, 10)
    assert report["error"] < report["baseline_error"]
    assert report["models"] == ["big", "small"]
    router = Router.open(tmp_path / "a")
    assert router.win_rate("integral number of x") > router.win_rate("greet person")
    explanation = router.explain("integral number of x", k=3)
    assert len(explanation["votes"]) == 3
    assert explanation["votes"][0]["text"].startswith("integral")
    assert explanation["votes"][0]["weight"] == 100.0
    assert Router.open(tmp_path / "a", kind="knn").info()["kind"] == "knn"
    train.knn(tmp_path / "b", logs=logs(), bits=10, neighbours=[5], strong="big", weak="small")
    router = Router.open(tmp_path / "b")
    assert router.win_rate("integral number of x") > router.win_rate("greet person")


def test_trainings_on_embeddings_that_are_given(tmp_path: Path) -> None:
    """A mapping and a file give the same router."""
    for trainer, options in (
        (train.knn, {}),
        (train.logistic, {}),
        (train.mf, {"dim": 4, "learning_rate": 0.02}),
    ):
        trainer(tmp_path / "a", gold=gold(), embeddings=VECTORS, embedding_model="mine", **options)
        router = Router.open(tmp_path / "a")
        rate = router.win_rate_from_embedding
        assert rate([1.0, 1.0, 0.1]) > rate([0.0, 1.0, 0.1]), trainer
        assert router.info()["featurizer"]["id"] == "mine"
        path = tmp_path / "embeddings.jsonl"
        path.write_text("".join(json.dumps({"prompt": p, "embedding": v}) + "\n" for p, v in VECTORS.items()))
        trainer(tmp_path / "b", gold=gold(), embeddings=path, embedding_model="mine", **options)
        assert rate([1.0, 1.0, 0.1]) == Router.open(tmp_path / "b").win_rate_from_embedding([1.0, 1.0, 0.1])
        with pytest.raises(InvalidArgumentError, match="both encoder and embeddings"):
            trainer(tmp_path / "b", gold=gold(), embeddings=VECTORS, encoder=tmp_path / "a")
    with pytest.raises(InvalidArgumentError, match="encoder is missing"):
        train.mf(tmp_path / "b", gold=gold())
    with pytest.raises(InvalidArgumentError, match="encoder is missing"):
        train.logistic(tmp_path / "b", gold=gold())
    with pytest.raises(InvalidArgumentError, match="cache has no effect"):
        train.knn(tmp_path / "b", gold=gold(), cache="x")


def test_logistic_of_a_pair_and_of_candidates(tmp_path: Path, encoder: Path) -> None:
    """It is a router of kind linear."""
    report = train.logistic(tmp_path / "a", gold=gold(), encoder=encoder, penalties=[0.01, 0.1])
    assert report["held_out_loss"] < report["baseline_loss"]
    assert report["link"] == {"a": 0.0, "b": 1.0}
    router = Router.open(tmp_path / "a")
    assert router.info()["kind"] == "linear"
    assert router.win_rate("integral number of x") > router.win_rate("greet person")
    with pytest.raises(InvalidArgumentError, match="per_candidate"):
        train.logistic(tmp_path / "b", logs=logs(), encoder=encoder)
    train.logistic(tmp_path / "b", logs=logs(), encoder=encoder, per_candidate=True, penalties=[0.01, 0.1])
    assert len(Router.open(tmp_path / "b").candidate_scores("integral number of x")) == 2


def test_linear_learns_from_logs_per_candidate(tmp_path: Path) -> None:
    """Alone and with gold rows."""
    with pytest.raises(InvalidArgumentError, match="per_candidate"):
        train.linear(tmp_path / "a", logs=logs(), bits=10)
    train.linear(tmp_path / "a", logs=logs(), gold=gold(), bits=10, folds=4, per_candidate=True, strong="big")
    router = Router.open(tmp_path / "a")
    assert router.win_rate("integral number of x") > router.win_rate("greet person")
    with pytest.raises(InvalidArgumentError, match="clip has no effect"):
        train.linear(tmp_path / "a", gold=gold(), clip=3.0)


def test_mf_takes_ties_patience_and_judges(tmp_path: Path, encoder: Path) -> None:
    """Each option changes what is learned from."""
    votes = [
        {
            "prompt": prompt(i)[0],
            "model_a": "big",
            "model_b": "small",
            "winner": "tie" if i % 5 == 0 else "model_a",
        }
        for i in range(60)
    ]
    common = {
        "encoder": encoder,
        "strong": "big",
        "weak": "small",
        "dim": 4,
        "calibration_date": "2026-01-31",
    }
    counted = lambda report: report["comparisons"] + report["held_out_comparisons"]  # noqa: E731
    assert counted(train.mf(tmp_path / "a", votes=votes, epochs=2, **common)) == 48
    report = train.mf(
        tmp_path / "a",
        votes=votes,
        ties="half",
        epochs=500,
        patience=2,
        held_out=0.3,
        learning_rate=0.1,
        **common,
    )
    assert counted(report) == 60
    assert len(report["train_losses"]) < 500
    sure = [{**row, "winner": None, "p_model_a": 0.9} for row in votes]
    assert counted(train.mf(tmp_path / "a", judge=sure, epochs=2, **common)) == 60
    with pytest.raises(InvalidArgumentError, match="ties is"):
        train.mf(tmp_path / "a", votes=votes, ties="both", **common)


def test_decontamination_tells_rows_prompts_and_rules(encoder: Path) -> None:
    """By text, by words, by vectors."""
    prompts = [
        "What is the capital of France?",
        "Please explain how the quick brown fox jumps over the lazy dog today.",
        "integral number 4 of x",
        "nothing of the kind",
    ]
    against = ["what is the  capital of France?", "how the quick brown fox jumps over the lazy cat"]
    found = train.decontaminate(prompts, against)
    assert [(row["row"], row["against"], row["rule"]) for row in found["contaminated"]] == [
        (0, 0, "exact"),
        (1, 1, "words"),
    ]
    assert found["contaminated"][1]["found"] == "how the quick brown fox jumps over the"
    assert found["keep"] == [False, False, True, True]
    alike = train.decontaminate(prompts, ["integral number 4 of x!"], encoder=encoder, words=None, cosine=0.1)
    similarities = {
        row["row"]: float(row["found"]) for row in alike["contaminated"] if row["rule"] == "cosine"
    }
    assert max(similarities, key=lambda row: similarities[row]) == 2
    with pytest.raises(InvalidArgumentError, match="cosine is 2"):
        train.decontaminate(prompts, against, cosine=2.0)
