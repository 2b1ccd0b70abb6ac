"""Calibrating routers on requests of one's own."""

from __future__ import annotations

import json
import pickle
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from routellm_rs import InvalidArgumentError, Router

if TYPE_CHECKING:
    from pathlib import Path

PROMPTS = [f"Question {i}: what is {i * i}? {'Explain. ' * (i % 7)}" for i in range(250)]


def report_of(router: Router) -> Any:
    report = router.calibration_report
    assert report is not None
    return report


def test_a_router_is_calibrated_kept_and_pickled(tmp_path: Path) -> None:
    router = Router.default()
    mine = router.calibrate(prompts=PROMPTS, strong_share=0.2, further_requests=1000)
    report = report_of(mine)
    assert router.calibration_report is None
    low, high = report["prediction_interval"]["low"], report["prediction_interval"]["high"]
    assert low <= report["strong_share"] <= high
    assert report["further_requests"] == 1000
    assert (
        sum(decision.side == "strong" for decision in mine.route_batch(PROMPTS)) / 250
        == report["strong_share"]
    )
    assert mine.route("hi").threshold == report["threshold"]
    again = pickle.loads(pickle.dumps(mine))
    assert again.route("hi").threshold == report["threshold"]
    assert again.calibration_report == report
    mine.save_calibration(tmp_path / "calibration.json")
    mine.save_calibration(tmp_path / "artifact")
    for opened in (
        Router.default(calibration=tmp_path / "calibration.json"),
        Router.default(calibration=json.loads((tmp_path / "calibration.json").read_text())),
        Router.open(tmp_path / "artifact"),
    ):
        assert opened.route("hi").threshold == report["threshold"]
    router.close()
    mine.route("hi")


def test_samples_come_in_many_forms(tmp_path: Path) -> None:
    router = Router.default()
    log = tmp_path / "log.jsonl"
    chats = [[{"role": "user", "content": prompt}] for prompt in PROMPTS]
    log.write_text("\n".join(json.dumps({"body": {"messages": chat}}) for chat in chats))
    forms: list[dict[str, Any]] = [
        {"prompts": PROMPTS},
        {"prompts": log},
        {"prompts": [{"prompt": prompt} for prompt in PROMPTS]},
        {"prompts": {"prompt": PROMPTS}},
        {"chats": chats},
        {"win_rates": router.win_rates(PROMPTS)},
    ]
    thresholds = {report_of(router.calibrate(strong_share=0.3, **form))["threshold"] for form in forms}
    assert len(thresholds) == 1
    labels = [
        {"prompt": prompt, router.strong: 1, router.weak: i % 2 == 0} for i, prompt in enumerate(PROMPTS)
    ]
    report = report_of(router.calibrate(labels=labels, pgr=0.5))
    assert report["quality"]["pgr"] >= 0.5
    for wrong, what in (
        ({"prompts": PROMPTS}, "one target"),
        ({"strong_share": 0.5}, "one sample"),
        ({"prompts": PROMPTS, "pgr": 0.5}, "labels"),
        ({"prompts": PROMPTS, "strong_share": 2.0}, "[0, 1]"),
    ):
        with pytest.raises(InvalidArgumentError) as caught:
            router.calibrate(**wrong)  # type: ignore[arg-type]
        assert what in str(caught.value)


def test_a_threshold_outside_the_sample_is_warned_of_once() -> None:
    mine = Router.default().calibrate(win_rates=[0.25, 0.5, 0.55], strong_share=0.5)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        mine.route("hi", threshold=0.5)
        mine.route("hi", threshold=0.6)
        mine.route_batch(["a", "b"], threshold=0.7)
    texts = [str(warning.message) for warning in heard]
    assert len(texts) == 1
    assert texts[0].startswith(
        "threshold 0.6 is above every win rate of the calibration sample (0.25 to 0.55)"
    )
    assert mine.stats()["notices"] == texts
