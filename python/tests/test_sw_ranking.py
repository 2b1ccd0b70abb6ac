"""Similarity-weighted ranking: building it from Python, and what its routers say."""

from __future__ import annotations

import array
import json
import math
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import routellm_rs
from routellm_rs import (
    CancelledError,
    InvalidArgumentError,
    NotFoundError,
    Router,
    UnsupportedError,
    train,
)

Rows = list[dict[str, Any]]
Columns = dict[str, Any]
DIMENSION = 8
HARD, EASY = "Please derive the integral number 5 for me.", "Please name a fruit number 5 for me."


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def unit(axis: int, sign: float = 1.0) -> NDArray[np.float32]:
    vector = np.zeros(DIMENSION, dtype=np.float32)
    vector[axis] = sign
    return vector


@pytest.fixture(scope="module")
def columns() -> Columns:
    """Votes of three models: ``big`` wins along the first axis, ``small`` holds its own along the second."""
    source = np.random.default_rng(5)
    hard = np.arange(240) % 2 == 0
    embeddings = source.normal(0, 0.2, (240, DIMENSION)).astype(np.float32)
    embeddings[hard, 0] += 1
    embeddings[~hard, 1] += 1
    rivals = ["small" if i % 3 else "middle" for i in range(240)]
    draw = source.random(240)
    winner = []
    for i in range(240):
        bar = 0.9 if hard[i] else 0.4
        winner.append("model_a" if draw[i] < bar else "tie (bothbad)" if draw[i] > 0.95 else "model_b")
    return {
        "embeddings": embeddings,
        "model_a": ["big"] * 240,
        "model_b": rivals,
        "winner": winner,
    }


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory, columns: Columns) -> Path:
    """An artifact that was built from columns."""
    out = tmp_path_factory.mktemp("columns") / "router"
    ids = [f"vote-{i}" for i in range(240)]
    train.sw_ranking(out, **columns, ids=ids, strong="big", weak="small", tiers=3, embedding_model="mine-8")
    return out


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory, gold_rows: Rows) -> Path:
    """An artifact whose features are dense and need no ONNX Runtime."""
    out = tmp_path_factory.mktemp("dense") / "router"
    small: Any = {"bits": 10, "lambdas": [1.0], "lexical_scales": [0.1], "folds": 5}
    train.linear(out, gold=gold_rows, projection=16, per_candidate=True, **small)
    return out


@pytest.fixture(scope="module")
def votes(gold_rows: Rows) -> Rows:
    """Votes of two models on the prompts of the gold rows, and one without a winner."""
    winners = {(True, False): "model_a", (False, True): "model_b"}
    rows = [
        {
            "id": f"vote {i}",
            "prompt": row["prompt"],
            "model_a": "big",
            "model_b": "small",
            "winner": winners.get((row["big"], row["small"]), "tie"),
        }
        for i, row in enumerate(gold_rows)
    ]
    return [
        *rows,
        {"id": "open", "prompt": "never embedded", "model_a": "big", "model_b": "small", "winner": None},
    ]


# Columns


def test_columns_become_a_router(columns: Columns, artifact: Path, tmp_path: Path) -> None:
    report = train.sw_ranking(tmp_path / "router", **columns, tiers=3)
    assert report["votes"] == 240
    assert report["embedded"] == 0
    assert report["tiers"] == 3
    assert set(report["ratings"]) == {"big", "middle", "small"}
    assert next(iter(report["ratings"])) == "big"
    assert list(report["ratings"].values()) == sorted(report["ratings"].values(), reverse=True)
    router = Router.open(tmp_path / "router")
    # Without a pair they are the best and the worst rated model.
    assert (router.strong, router.weak) == ("big", list(report["ratings"])[-1])

    router = Router.open(artifact)
    assert (router.strong, router.weak) == ("big", "small")
    assert router.win_rate_from_embedding(unit(0)) > 0.7
    assert router.win_rate_from_embedding(unit(1)) < 0.6
    rates = router.win_rates_from_embeddings(columns["embeddings"])
    assert rates[7] == router.win_rate_from_embedding(columns["embeddings"][7])
    other = Router.open(artifact, weak="middle")
    assert other.win_rate_from_embedding(unit(0)) != router.win_rate_from_embedding(unit(0))
    with pytest.raises(UnsupportedError, match="pass an embedding of mine-8"):
        router.win_rate("a prompt, which only an encoder could read")


def test_what_a_router_says_of_its_votes(
    artifact: Path, router: Router, columns: Columns, tmp_path: Path
) -> None:
    info = Router.open(artifact).info()
    assert info["kind"] == "sw_ranking"
    assert info["featurizer"]["id"] == "mine-8"
    assert info["votes"] == {
        "count": 240,
        "store": "int8",
        "clusters": None,
        "tiers": 3,
        "weight_exponent": 1.0,
    }
    assert router.info()["votes"] is None
    options: dict[str, Any] = {"store": "clustered", "weight_exponent": 2, "name": "mine", "tiers": 2}
    train.sw_ranking(tmp_path / "router", **columns, **options, provenance={"owner": "me"})
    info = Router.open(tmp_path / "router").info()
    assert info["name"] == "mine"
    assert info["provenance"]["owner"] == "me"
    assert info["provenance"]["sources"][0]["rows"] == 240
    assert info["votes"] is not None
    assert info["votes"]["store"] == "int8"
    assert info["votes"]["clusters"] == 60
    assert info["votes"]["weight_exponent"] == 2.0
    assert info["calibration"] is not None


def test_the_same_columns_give_the_same_files(columns: Columns, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train.sw_ranking(tmp_path / name, **columns, seed=seed)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert files(tmp_path / "a") != files(tmp_path / "c")


@pytest.mark.parametrize("store", ["f32", "f16", "int8", "int4", "int2", "clustered"])
def test_every_store_ranks_alike(store: Any, columns: Columns, artifact: Path, tmp_path: Path) -> None:
    train.sw_ranking(tmp_path / "f32", **columns, store="f32", strong="big", weak="small", tiers=3)
    train.sw_ranking(tmp_path / "router", **columns, store=store, strong="big", weak="small", tiers=3)
    exact, router = Router.open(tmp_path / "f32"), Router.open(tmp_path / "router")
    for axis in (0, 1):
        assert router.win_rate_from_embedding(unit(axis)) == pytest.approx(
            exact.win_rate_from_embedding(unit(axis)), abs=0.05
        )


def test_other_buffers_and_iterables_are_columns(columns: Columns, tmp_path: Path) -> None:
    train.sw_ranking(tmp_path / "a", **columns)
    flat = array.array("f", columns["embeddings"].ravel().tolist())
    view = memoryview(flat).cast("B").cast("f", (240, DIMENSION))

    def names(values: list[str]) -> Iterator[str]:
        return iter(values)

    train.sw_ranking(
        tmp_path / "b",
        embeddings=view,
        model_a=np.array(columns["model_a"]),
        model_b=names(columns["model_b"]),
        winner=tuple(columns["winner"]),
    )
    assert files(tmp_path / "a") == files(tmp_path / "b")
    matrix = columns["embeddings"]
    for name, embeddings in [("c", matrix.tolist()), ("d", np.asfortranarray(matrix.astype(np.float64)))]:
        train.sw_ranking(tmp_path / name, **{**columns, "embeddings": embeddings})
        assert files(tmp_path / "a") == files(tmp_path / name)


def replaced(values: Any, row: int, value: Any) -> Any:
    changed = values.copy()
    changed[row] = value
    return changed


def test_wrong_columns_are_refused(columns: Columns, tmp_path: Path) -> None:
    out = tmp_path / "router"
    embeddings = columns["embeddings"]
    wrong: list[tuple[Columns, str]] = [
        ({"winner": replaced(columns["winner"], 7, "both")}, 'row 7: winner is "both", expected "model_a"'),
        ({"winner": replaced(columns["winner"], 7, None)}, "row 7: winner is of type NoneType"),
        ({"model_a": replaced(columns["model_a"], 3, 5)}, "row 3: model_a is of type int"),
        ({"model_b": replaced(columns["model_b"], 3, "\ud800")}, "row 3: model_b is not Unicode"),
        ({"model_a": "big"}, "model_a is of type str, expected one text for each vote"),
        ({"model_b": 7}, "model_b is of type int, expected one text for each vote"),
        ({"ids": list(range(240))}, "row 0: ids is of type int"),
        ({"ids": ["a"]}, "columns of one length"),
        ({"winner": columns["winner"][:-1]}, "columns of one length"),
        ({"embeddings": embeddings[:-1]}, "columns of one length"),
        ({"embeddings": embeddings.ravel()}, "one-dimensional, expected one row for each vote"),
        ({"embeddings": embeddings.astype(np.int32)}, "format"),
        ({"embeddings": [*embeddings.tolist()[:-1], "text"]}, "row 239: the embedding is of type str"),
        ({"embeddings": replaced(embeddings, 9, math.nan)}, "embedding 9"),
        ({"embeddings": replaced(embeddings, 9, math.inf)}, "embedding 9"),
        ({"embeddings": replaced(embeddings, 9, 0)}, "embedding 9 is all zeros"),
    ]
    for change, message in wrong:
        with pytest.raises(InvalidArgumentError, match=message):
            train.sw_ranking(out, **{**columns, **change})
    empty: Columns = {"model_a": [], "model_b": [], "winner": []}
    with pytest.raises(InvalidArgumentError, match="at least one row"):
        train.sw_ranking(out, embeddings=np.zeros((0, 4), dtype=np.float32), **empty)
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tiers": 0}, "tiers"),
        ({"tiers": -1}, "tiers"),
        ({"store": "int3"}, 'store is "int3", expected f32, f16, int8, int4, int2 or clustered'),
        ({"weight_exponent": math.nan}, "exponent"),
        ({"seed": -1}, "seed"),
        ({"strong": "big"}, "pass strong and weak together"),
        ({"strong": "big", "weak": "nobody"}, "nobody"),
        ({"strong": "big", "weak": "big"}, "big"),
        ({"provenance": {"x": object()}}, "provenance"),
    ],
)
def test_wrong_options_are_refused(
    columns: Columns, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        train.sw_ranking(tmp_path / "router", **columns, **options)
    assert not (tmp_path / "router").exists()


def test_rows_and_columns_do_not_mix(columns: Columns, votes: Rows, encoder: Path, tmp_path: Path) -> None:
    out = tmp_path / "router"
    wrong: list[tuple[Columns, str]] = [
        ({}, "there are no votes: pass votes= and/or gold= with encoder="),
        ({"encoder": encoder}, "there are no votes"),
        ({"votes": votes}, "votes without encoder: pass"),
        ({"gold": "gold.jsonl"}, "gold without encoder: pass"),
        ({**columns, "votes": votes}, "votes does not go with embeddings: pass"),
        ({**columns, "encoder": encoder}, "encoder does not go with embeddings: pass"),
        ({**columns, "texts": True}, "texts does not go with embeddings"),
        ({**columns, "cache": "cache"}, "cache does not go with embeddings"),
        ({**columns, "rename": {"a": "b"}}, "rename does not go with embeddings"),
        ({**columns, "intra_threads": 1}, "intra_threads does not go with embeddings"),
        ({"votes": votes, "encoder": encoder, "ids": ["a"]}, "votes does not go with ids"),
        ({"votes": votes, "encoder": encoder, "embedding_model": "x"}, "does not go with embedding_model"),
        ({"votes": votes, "encoder": encoder, "rename": {"a": "b"}}, "rename has no effect without gold"),
        ({"embeddings": columns["embeddings"]}, "embeddings without model_a, model_b, winner: pass"),
        ({**columns, "winner": None}, "embeddings without winner: pass"),
        ({"ids": ["a"]}, "ids without embeddings, model_a, model_b, winner"),
    ]
    for arguments, message in wrong:
        with pytest.raises(InvalidArgumentError, match=message):
            train.sw_ranking(out, **arguments)
    assert not out.exists()


# Rows


def test_votes_are_embedded(votes: Rows, encoder: Path, tmp_path: Path) -> None:
    source = tmp_path / "votes.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in votes))
    report = train.sw_ranking(tmp_path / "router", votes=source, encoder=encoder, weight_exponent=2)
    assert report["votes"] == len(votes) - 1
    assert report["embedded"] == len({row["prompt"] for row in votes[:-1]})
    router = Router.open(tmp_path / "router")
    assert (router.strong, router.weak) == ("big", "small")
    assert router.win_rate(HARD) > router.win_rate(EASY)
    provenance = router.info()["provenance"]
    assert provenance["counts"]["votes_dropped_null_winner"] == 1
    assert provenance["sources"][0]["name"] == "votes.jsonl"
    by_rows = tmp_path / "by-rows"
    train.sw_ranking(by_rows, votes=iter(votes), encoder=encoder, weight_exponent=2)
    assert Router.open(by_rows).win_rate(HARD) == router.win_rate(HARD)
    store = {name: contents for name, contents in files(by_rows).items() if name.startswith("votes.")}
    assert store
    assert store.items() <= files(tmp_path / "router").items()


def test_gold_rows_are_votes(gold_rows: Rows, votes: Rows, encoder: Path, tmp_path: Path) -> None:
    report = train.sw_ranking(tmp_path / "gold", gold=gold_rows, encoder=encoder)
    assert report["votes"] == len(gold_rows)
    assert Router.open(tmp_path / "gold").win_rate(HARD) > Router.open(tmp_path / "gold").win_rate(EASY)
    rename = {"small": "tiny"}
    both = train.sw_ranking(tmp_path / "both", votes=votes, gold=gold_rows, rename=rename, encoder=encoder)
    assert both["votes"] == 2 * len(gold_rows)
    assert set(both["ratings"]) == {"big", "small", "tiny"}


def test_a_later_build_embeds_new_prompts_only(votes: Rows, encoder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache.safetensors"
    old, new = {row["prompt"] for row in votes[:150]}, {row["prompt"] for row in votes[:-1]}
    first = train.sw_ranking(tmp_path / "a", votes=votes[:150], encoder=encoder, cache=cache)
    assert first["embedded"] == len(old)
    second = train.sw_ranking(tmp_path / "b", votes=votes, encoder=encoder, cache=cache)
    assert second["embedded"] == len(new - old) > 0
    third = train.sw_ranking(tmp_path / "b", votes=votes, encoder=encoder, cache=str(cache))
    assert third["embedded"] == 0
    # What was kept is what would have been computed.
    train.sw_ranking(tmp_path / "c", votes=votes, encoder=encoder)
    assert files(tmp_path / "b") == files(tmp_path / "c")
    other = tmp_path / "other"
    small: Any = {"bits": 9, "lambdas": [1.0], "lexical_scales": [0.1], "folds": 5, "projection": 16}
    rows = [{"prompt": row["prompt"], "big": True, "small": i % 2 == 0} for i, row in enumerate(votes)]
    train.linear(other, gold=rows, **small)
    with pytest.raises(InvalidArgumentError, match=r"cache\.safetensors"):
        train.sw_ranking(tmp_path / "d", votes=votes, encoder=other, cache=cache)


def test_texts_are_stored_only_if_asked_for(votes: Rows, encoder: Path, tmp_path: Path) -> None:
    for texts in (False, True):
        out = tmp_path / f"{texts}"
        train.sw_ranking(out, votes=votes, encoder=encoder, texts=texts)
        stored = any(b"derive the integral" in data for data in files(out).values())
        assert stored is texts
        for vote in Router.open(out).explain(HARD, 3)["votes"]:
            assert vote["text"] == (votes[vote["row"]]["prompt"] if texts else None)
            assert vote["id"] == votes[vote["row"]]["id"]


def test_malformed_rows_are_reported(
    votes: Rows, encoder: Path, linear_artifact: Path, tmp_path: Path
) -> None:
    out = tmp_path / "router"
    source = tmp_path / "votes.jsonl"
    bad = {**votes[0], "winner": "both"}
    source.write_text("".join(json.dumps(row) + "\n" for row in [*votes[:3], bad]))
    with pytest.raises(InvalidArgumentError, match=r"votes\.jsonl, line 4"):
        train.sw_ranking(out, votes=source, encoder=encoder)
    with pytest.raises(InvalidArgumentError, match="line 4"):
        train.sw_ranking(out, votes=[*votes[:3], bad], encoder=encoder)
    with pytest.raises(NotFoundError):
        train.sw_ranking(out, votes=tmp_path / "nothing.jsonl", encoder=encoder)
    with pytest.raises(NotFoundError):
        train.sw_ranking(out, votes=votes, encoder=tmp_path / "nothing")
    with pytest.raises(InvalidArgumentError, match="hold a vote"):
        train.sw_ranking(out, votes=[votes[-1]], encoder=encoder)
    with pytest.raises(UnsupportedError, match="dense"):
        train.sw_ranking(out, votes=votes, encoder=linear_artifact)
    wrong: Any = 7
    with pytest.raises(InvalidArgumentError, match="encoder is of type int"):
        train.sw_ranking(out, votes=votes, encoder=wrong)
    assert not out.exists()


def test_progress_is_told_and_can_stop(votes: Rows, encoder: Path, columns: Columns, tmp_path: Path) -> None:
    out = tmp_path / "router"
    steps: list[tuple[str, int, int]] = []

    def tell(stage: str, done: int, total: int) -> None:
        steps.append((stage, done, total))

    train.sw_ranking(out, votes=votes, encoder=encoder, store="clustered", progress=tell)
    stages = {stage for stage, _, _ in steps}
    assert stages == {"embedding", "normalize", "rate", "cluster", "store", "calibration"}
    assert all(0 <= done <= total for _, done, total in steps)
    before = files(out)
    for stage in sorted(stages):
        with pytest.raises(CancelledError):
            train.sw_ranking(
                out,
                votes=votes[:200],
                encoder=encoder,
                store="clustered",
                progress=lambda now, *_, stage=stage: now != stage,
            )
    with pytest.raises(CancelledError):
        train.sw_ranking(out, **columns, progress=lambda *_: False)

    class StopHereError(Exception):
        pass

    def fail(stage: str, done: int, total: int) -> None:
        raise StopHereError(stage)

    with pytest.raises(StopHereError):
        train.sw_ranking(out, **columns, progress=fail)
    # The artifact that was there is whole; beside it are only embeddings, for the next training.
    assert files(out) == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".router.embeddings.checkpoint", "router"]


@pytest.mark.usefixtures("onnx_router")
def test_a_sentence_encoder_embeds(
    votes: Rows, mf_artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = votes[:40]
    cache = tmp_path / "cache"
    report = train.sw_ranking(tmp_path / "a", votes=rows, encoder=mf_artifact, intra_threads=1, cache=cache)
    assert report["embedded"] == len({row["prompt"] for row in rows})
    router = Router.open(tmp_path / "a", intra_threads=1)
    assert router.win_rate(HARD) > router.win_rate(EASY)
    assert router.embedding_dimension == 384
    embedding = router.embed(HARD)
    assert router.explain(HARD, 2) == router.explain_embedding(embedding, 2)
    # An installed router by its name; a folder that is called so comes first.
    monkeypatch.chdir(tmp_path)
    again = train.sw_ranking(tmp_path / "b", votes=rows, encoder="mf-minilm", intra_threads=1, cache=cache)
    assert again["embedded"] == 0
    assert files(tmp_path / "a") == files(tmp_path / "b")
    (tmp_path / "mf-minilm").mkdir()
    with pytest.raises(routellm_rs.RouteLLMError, match=r"router\.json"):
        train.sw_ranking(tmp_path / "b", votes=rows, encoder="mf-minilm")


# Routers


def test_an_explanation_adds_up(artifact: Path, columns: Columns) -> None:
    router = Router.open(artifact)
    embedding = columns["embeddings"][4]
    explanation = router.explain_embedding(embedding, 3)
    decision = router.route_embedding(embedding)
    assert explanation["win_rate"] == decision.win_rate
    assert explanation["win_rate_error"] > 0
    assert explanation["similarity"] == decision.similarity == router.similarity_from_embedding(embedding)
    assert explanation["out_of_distribution"] is False
    assert explanation["reach"] is None
    assert [rating["model"] for rating in explanation["ratings"]] == router.models
    assert {rating["tier"] for rating in explanation["ratings"]} == {0, 1, 2}
    weights = [vote["weight"] for vote in explanation["votes"]]
    assert len(weights) == 3
    assert weights == sorted(weights, reverse=True)
    nearest = explanation["votes"][0]
    assert nearest == {
        "row": 4,
        "id": "vote-4",
        "text": None,
        "similarity": decision.similarity,
        "weight": 100.0,
        "model_a": "big",
        "model_b": columns["model_b"][4],
        "winner": columns["winner"][4].split()[0],
    }
    assert nearest["similarity"] == pytest.approx(1, abs=0.02)
    assert router.explain_embedding(embedding, 0)["votes"] == []
    assert len(router.explain_embedding(embedding)["votes"]) == 10
    assert len(router.explain_embedding(embedding, 1000)["votes"]) == 240
    assert json.loads(json.dumps(explanation)) == explanation
    for k in (-1, -(1 << 40)):
        with pytest.raises(InvalidArgumentError, match=f"k is {k}, expected a number of votes, 0 or more"):
            router.explain_embedding(embedding, k)
    with pytest.raises(InvalidArgumentError):
        router.explain_embedding(embedding[:3], 1)


def test_a_chat_is_explained_by_its_prompt(votes: Rows, encoder: Path, tmp_path: Path) -> None:
    train.sw_ranking(tmp_path / "router", votes=votes, encoder=encoder)
    router = Router.open(tmp_path / "router")
    messages = [{"role": "user", "content": HARD}]
    assert router.explain(messages, 2) == router.explain(HARD, 2)
    assert router.similarity(messages) == router.similarity(HARD) == router.route(HARD).similarity
    assert router.route_batch([EASY, HARD])[1] == router.route(HARD)
    for call in (router.explain, router.similarity):
        with pytest.raises(InvalidArgumentError, match="not UTF-8"):
            call("\ud800")
    fallback = router.route("\ud800", on_error="weak")
    assert fallback.fallback
    assert fallback.similarity is None
    assert fallback.out_of_distribution is False


def test_what_is_far_from_every_vote_can_be_decided_otherwise(artifact: Path) -> None:
    far = unit(5)
    similarity = Router.open(artifact).similarity_from_embedding(far)
    above = math.nextafter(similarity, 1)
    for decision, side in (("strong", "strong"), ("weak", "weak")):
        options: dict[str, Any] = {"out_of_distribution": decision, "min_similarity": above}
        router = Router.open(artifact, **options)
        for threshold in (0.0, 1.0):
            found = router.route_embedding(far, threshold=threshold)
            assert (found.side, found.out_of_distribution) == (side, True)
        near = router.route_embedding(unit(0), threshold=1.0)
        assert (near.side, near.out_of_distribution) == ("weak", False)
        assert router.explain_embedding(far, 1)["out_of_distribution"] is True
    # The default only says so.
    router = Router.open(artifact, min_similarity=above)
    found = router.route_embedding(far, threshold=0.0)
    assert (found.side, found.out_of_distribution) == ("strong", True)
    assert found.similarity == similarity
    assert "out_of_distribution=True" in repr(found)
    assert pickle.loads(pickle.dumps(found)) == found
    # The bound itself is still trusted.
    assert not Router.open(artifact, min_similarity=similarity).route_embedding(far).out_of_distribution


def test_clusters_can_be_opened(columns: Columns, artifact: Path, tmp_path: Path) -> None:
    pair: Any = {"strong": "big", "weak": "small", "tiers": 3}
    train.sw_ranking(tmp_path / "router", **columns, **pair, store="clustered")
    everything = Router.open(tmp_path / "router", open_clusters="all")
    query = columns["embeddings"][3]
    exact = Router.open(artifact).win_rate_from_embedding(query)
    assert everything.win_rate_from_embedding(query) == pytest.approx(exact, abs=1e-6)
    reach = everything.explain_embedding(query, 1)["reach"]
    assert reach is not None
    assert (reach["opened_clusters"], reach["opened_votes"], reach["error"]) == (60, 240, 0.0)
    reach = Router.open(tmp_path / "router", open_clusters=2).explain_embedding(query, 1)["reach"]
    assert reach is not None
    assert reach["opened_clusters"] == 2
    assert 0 < reach["opened_votes"] < 240
    reach = Router.open(tmp_path / "router", error_target=0.01).explain_embedding(query, 1)["reach"]
    assert reach is not None
    assert reach["error"] is not None
    assert reach["error"] <= 0.01


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"open_clusters": 0}, 'open_clusters is 0, expected a whole number from 1 on, or "all"'),
        ({"open_clusters": -3}, "open_clusters is -3, expected"),
        ({"open_clusters": 1 << 70}, f"open_clusters is {1 << 70}, expected"),
        ({"open_clusters": "some"}, 'open_clusters is "some", expected'),
        ({"open_clusters": 1.5}, "open_clusters is of type float, expected"),
        ({"error_target": 0.0}, "error_target is 0"),
        ({"error_target": math.nan}, "error_target is NaN"),
        ({"error_target": 1.5}, "error_target is 1.5"),
        ({"open_clusters": 1, "error_target": 0.1}, "both open_clusters and error_target are given"),
        ({"min_similarity": 1.5}, "min_similarity is 1.5"),
        ({"min_similarity": math.nan}, "min_similarity is NaN"),
        (
            {"out_of_distribution": "abstain"},
            'out_of_distribution is "abstain", expected "ignore", "strong" or',
        ),
        ({"out_of_distribution": 3}, "out_of_distribution is of type int"),
        ({"mmap": "sometimes"}, 'mmap is "sometimes", expected "auto", "always" or "never"'),
        ({"mmap": True}, "mmap is of type bool"),
    ],
)
def test_wrong_options_of_votes_are_refused(
    columns: Columns, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    train.sw_ranking(tmp_path / "router", **columns, store="clustered")
    with pytest.raises(InvalidArgumentError, match=message):
        Router.open(tmp_path / "router", **options)


def test_options_without_effect_are_refused(artifact: Path, linear_artifact: Path) -> None:
    options: dict[str, Any]
    for options in (
        {"out_of_distribution": "weak"},
        {"min_similarity": 0.5},
        {"open_clusters": "all"},
        {"open_clusters": 3},
        {"error_target": 0.1},
        {"mmap": "auto"},
        {"mmap": "never"},
    ):
        with pytest.raises(InvalidArgumentError, match=r"no effect: this router \(linear\) has no votes"):
            Router.open(linear_artifact, **options)
        with pytest.raises(InvalidArgumentError, match=r"no effect: this router \(linear\) has no votes"):
            Router.bundled("default", **options)
    for options in ({"open_clusters": 3}, {"error_target": 0.1}):
        with pytest.raises(InvalidArgumentError, match="no clusters"):
            Router.open(artifact, **options)


def test_a_router_without_votes_has_no_explanation(router: Router, caller_router: Router) -> None:
    for call in (lambda: router.explain("x", 3), lambda: router.similarity("x")):
        with pytest.raises(UnsupportedError, match="votes"):
            call()
    embedding = array.array("f", [1.0] * 8)
    for call in (
        lambda: caller_router.explain_embedding(embedding, 3),
        lambda: caller_router.similarity_from_embedding(embedding),
    ):
        with pytest.raises(UnsupportedError, match="votes"):
            call()
    decision = router.route("x")
    assert decision.similarity is None
    assert decision.out_of_distribution is False
