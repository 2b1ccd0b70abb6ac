"""Strong shares, thresholds at the ends, and pairs that every prompt would treat alike."""

from __future__ import annotations

import datetime
import hashlib
import json
import math
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from routellm_rs import (
    InvalidArgumentError,
    InvalidModelError,
    NotFoundError,
    Router,
    train,
    upgrade_artifact,
)

NOTHING = math.nextafter(1, 2)
PROMPTS = ["", "hi", "Prove that there are infinitely many primes."]
SMALL: dict[str, Any] = {"bits": 10, "lambdas": [1.0], "lexical_scales": [0.1], "folds": 5}
Rows = list[dict[str, Any]]


def test_a_share_of_0_sends_nothing_and_1_everything(router: Router) -> None:
    assert router.share(0) == (NOTHING, 0.0)
    assert router.share(1) == (0.0, 1.0)
    for share, threshold, side in ((0, NOTHING, "weak"), (1, 0.0, "strong")):
        assert router.threshold(strong_share=share) == threshold
        for prompt in PROMPTS:
            for decision in (
                router.route(prompt, strong_share=share),
                router.route(prompt, threshold=threshold),
                router.route_batch([prompt], threshold=threshold)[0],
            ):
                assert (decision.side, decision.threshold) == (side, threshold)
    for wrong in (math.nextafter(NOTHING, 2), 1.1, -1e-300, math.nan):
        with pytest.raises(InvalidArgumentError, match="threshold"):
            router.route("x", threshold=wrong)
        with pytest.raises(InvalidArgumentError, match="strong_share"):
            router.share(wrong)


def test_the_ends_need_no_calibration(caller_router: Router) -> None:
    assert caller_router.share(0) == (NOTHING, 0.0)
    with pytest.raises(InvalidArgumentError, match="no calibration"):
        caller_router.share(0.5)


def test_the_ends_beat_far_prompts_and_errors_beat_the_ends(root: Path) -> None:
    import numpy as np

    far = np.array([-1, 0, 0, 0, 0, 0, 0, 0], dtype=np.float32)
    sides: list[Any] = ["strong", "weak"]
    for side in sides:
        router = Router.open(root / "tests/conformance/sw-lopsided", out_of_distribution=side)
        assert router.route_embedding(far, strong_share=0.5).side == side
        for share, expected in ((0, "weak"), (1, "strong")):
            decision = router.route_embedding(far, strong_share=share)
            assert (decision.side, decision.out_of_distribution) == (expected, True)
            # Above 1 a threshold sends nothing either; 0 is one as any other.
            again = router.route_embedding(far, threshold=decision.threshold)
            assert again.side == (side if share else "weak")
            fallback = router.route_embedding(far * np.float32(math.nan), strong_share=share, on_error=side)
            assert (fallback.side, fallback.fallback) == (side, True)


def test_the_share_that_is_reached_is_that_of_the_sample(tmp_path: Path, gold_rows: Rows) -> None:
    sample = [row["prompt"] for row in gold_rows[:50]] * 2
    train.linear(
        tmp_path / "a",
        gold=gold_rows,
        calibration=sample,
        calibration_date=datetime.date(2026, 1, 31),
        **SMALL,
    )
    router = Router.open(tmp_path / "a")
    rates = router.win_rates(sample)
    for i in range(101):
        threshold, reached = router.share(i / 100)
        assert reached == sum(rate >= threshold for rate in rates) / len(sample)
        if 0 < i < 100:
            near = min(abs(sum(rate >= other for rate in rates) / 100 - i / 100) for other in [*rates, 2])
            assert abs(reached - i / 100) == pytest.approx(near)
    info = router.info()["calibration"]
    assert info is not None
    assert (info["count"], info["points"], info["share_error"]) == (100, len(set(rates)), 0)
    assert info["date"] == "2026-01-31"
    lines = "".join(json.dumps(prompt, ensure_ascii=False) + "\n" for prompt in sample)
    assert info["sha256"] == hashlib.sha256(lines.encode()).hexdigest()
    reference = Router.open(tmp_path / "a", mode="reference")
    import numpy as np

    for share in (0, 0.1, 0.5, 1):
        assert reference.threshold(strong_share=share) == np.quantile(rates, 1 - share)


def test_samples_of_one_win_rate_and_wrong_dates_are_refused(tmp_path: Path, gold_rows: Rows) -> None:
    for sample in ([], ["hi"], ["hi"] * 9):
        with pytest.raises(InvalidArgumentError, match="two distinct win rates"):
            train.linear(tmp_path / "a", gold=gold_rows, calibration=sample, **SMALL)
    dates: list[Any] = ["yesterday", "2026-02-30", 20260131]
    for date in dates:
        with pytest.raises(InvalidArgumentError, match="2026-01-31"):
            train.linear(tmp_path / "a", gold=gold_rows, calibration_date=date, **SMALL)
    assert not (tmp_path / "a").exists()


def test_a_day_that_is_set_for_builds_is_taken(tmp_path: Path, gold_rows: Rows) -> None:
    (tmp_path / "gold.jsonl").write_text("".join(json.dumps(row) + "\n" for row in gold_rows))
    script = (
        "from routellm_rs import train; train.linear('a', gold='gold.jsonl', bits=10, lambdas=[1.0], folds=5)"
    )
    env = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run([sys.executable, "-P", "-c", script], check=True, cwd=tmp_path, env=env)
    calibration = Router.open(tmp_path / "a").info()["calibration"]
    assert calibration is not None
    assert calibration["date"] == "2023-11-14"


def test_votes_have_a_day_too(tmp_path: Path) -> None:
    columns: dict[str, Any] = {
        "embeddings": memoryview(struct.pack("8f", 1, 0, 0, 1, 1, 1, 1, -1)).cast("B").cast("f", (4, 2)),
        "model_a": ["a"] * 4,
        "model_b": ["b"] * 4,
        "winner": ["model_a", "model_b", "model_a", "model_a"],
    }
    train.sw_ranking(tmp_path / "a", **columns, tiers=2, calibration_date="2025-12-31")
    calibration = Router.open(tmp_path / "a").info()["calibration"]
    assert calibration is not None
    assert calibration["date"] == "2025-12-31"
    numbers = struct.pack("<8f", 1, 0, 0, 1, 1, 1, 1, -1)
    assert calibration["sha256"] == hashlib.sha256(numbers).hexdigest()


def test_an_older_artifact_opens_and_is_upgraded(tmp_path: Path, root: Path) -> None:
    folder = tmp_path / "old"
    shutil.copytree(root / "tests/conformance/sw-caller", folder)
    manifest = folder / "router.json"
    assert json.loads(manifest.read_text())["format_version"] == 1
    before = [Router.open(folder).share(i / 50) for i in range(51)]
    assert upgrade_artifact(folder) is True
    assert upgrade_artifact(str(folder)) is False
    assert json.loads(manifest.read_text())["format_version"] == 2
    assert [Router.open(folder).share(i / 50) for i in range(51)] == before
    with pytest.raises(NotFoundError):
        upgrade_artifact(tmp_path / "nothing")
    manifest.write_text(manifest.read_text().replace('"format_version": 2', '"format_version": 3'))
    with pytest.raises(InvalidModelError, match="1 to 2"):
        upgrade_artifact(folder)


def test_a_pair_inside_one_tier_is_refused(tmp_path: Path, root: Path) -> None:
    folder = root / "tests/conformance/sw-caller"
    with pytest.raises(InvalidArgumentError, match=r"tier 3 of 4.*name a pair.*more votes.*compare"):
        Router.open(folder, strong="small", weak="tiny")
    reference = Router.open(folder, strong="small", weak="tiny", mode="reference")
    constant = reference.info()["constant"]
    assert constant is not None
    assert "tier 3 of 4" in constant
    assert Router.open(folder).info()["constant"] is None


def test_every_pair_of_two_tiers_is_calibrated(tmp_path: Path) -> None:
    import numpy as np

    source = np.random.default_rng(3)
    names = ["a", "b", "c", "d"]
    pairs = [(a, b) for a in range(4) for b in range(4) if a != b] * 20
    embeddings = source.normal(size=(240, 6)).astype(np.float32)
    chance = [
        1 / (1 + math.exp(-(b - a) * (0.5 + row[0]))) for (a, b), row in zip(pairs, embeddings, strict=True)
    ]
    columns: dict[str, Any] = {
        "embeddings": embeddings,
        "model_a": [names[a] for a, _ in pairs],
        "model_b": [names[b] for _, b in pairs],
        "winner": ["model_a" if source.random() < p else "model_b" for p in chance],
    }
    train.sw_ranking(tmp_path / "sw", **columns, tiers=3)
    calibrated, refused = 0, []
    for strong in names:
        for weak in names:
            if strong == weak:
                continue
            try:
                router = Router.open(tmp_path / "sw", strong=strong, weak=weak)
            except InvalidArgumentError:
                refused.append((strong, weak))
                continue
            calibrated += 1
            for share in (0.2, 0.5):
                decisions = [router.route_embedding(row, strong_share=share) for row in embeddings]
                reached = sum(decision.side == "strong" for decision in decisions) / 240
                assert reached == router.share(share)[1] == pytest.approx(share, abs=0.5 / 240 + 1e-12)
    assert (calibrated, len(refused)) == (10, 2)
    strong, weak = refused[0]
    with pytest.raises(InvalidArgumentError, match=f"{strong}.*{weak}.*one half"):
        train.sw_ranking(tmp_path / "other", **columns, tiers=3, strong=strong, weak=weak)
    assert not (tmp_path / "other").exists()


def test_a_factorization_of_a_model_against_itself_stays(checkpoint: Any) -> None:
    router = Router.open(checkpoint(8), strong="gpt-4-1106-preview", weak="gpt-4-1106-preview")
    constant = router.info()["constant"]
    assert constant is not None
    assert "one half" in constant
