"""Real trainings of tiny models: what they learn, what is kept of a killed one, and what is written."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import GREETING, PAIR, PROOF
from routellm_rs import CancelledError, InvalidArgumentError, NotFoundError, Router, finetune

Learned = Callable[[Any], None]
# Small models learn such rows in a few epochs at rates that no real model would bear.
QUICK = {**PAIR, "held_out": 0.25, "batch": 8, "rate": 1e-3, "seed": 1, "threads": 1, "epochs": 7}
FAST = {**QUICK, "rate": 3e-3}
PLAIN = {"template": "Rate it.\nQ: {question}\nA:", "max_tokens": 96}


@pytest.mark.parametrize("lora", [None, {"rank": 4}], ids=["full", "lora"])
@pytest.mark.parametrize("target", ["labels", "gap"])
def test_bert_learns(
    target: str, lora: Any, bert: Path, rows: list[dict[str, Any]], tmp_path: Path, learned: Learned
) -> None:
    done = finetune.bert(base=bert, out=tmp_path / "out", gold=rows, target=target, lora=lora, **QUICK)
    learned(done)
    training = done.report["training"]
    assert [entry["epoch"] for entry in training["history"]] == list(range(1, 8))
    assert training["history"][training["kept_epoch"] - 1]["held_out_loss"] == min(
        entry["held_out_loss"] for entry in training["history"]
    )
    assert (training["trained_parameters"] < training["parameters"] / 2) is (lora is not None)


@pytest.mark.parametrize("lora", [None, {"rank": 4}], ids=["full", "lora"])
@pytest.mark.parametrize("base", ["stories", "llama"])
def test_causal_learns(
    base: str,
    lora: Any,
    request: pytest.FixtureRequest,
    rows: list[dict[str, Any]],
    tmp_path: Path,
    learned: Learned,
) -> None:
    template = PLAIN if base == "stories" else {"system": "Rate.", "user": "{question}", "max_tokens": 128}
    folder = request.getfixturevalue(base)
    done = finetune.causal(base=folder, out=tmp_path / "out", gold=rows, lora=lora, **{**FAST, **template})
    learned(done)
    info = done.router.info()["model"]
    assert info["parameters"]["score_tokens"] == ["[[1]]", "[[2]]", "[[3]]", "[[4]]", "[[5]]"]
    assert info["parameters"]["template"]["kind"] == ("plain" if base == "stories" else "routellm")


def test_a_chat_template_is_taken_where_there_is_one(
    stories: Path, rows: list[dict[str, Any]], tmp_path: Path, learned: Learned
) -> None:
    base = tmp_path / "base"
    base.mkdir()
    for file in stories.iterdir():
        (base / file.name).write_bytes(file.read_bytes())
    chat = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"
    (base / "chat_template.jinja").write_text(chat)
    done = finetune.causal(base=base, out=tmp_path / "out", gold=rows, system="Rate.", user="{question}", **QUICK)
    learned(done)
    template = done.router.info()["model"]["parameters"]["template"]
    assert template == {"kind": "chat", "system": "Rate.", "user": "{question}", "add_generation_prompt": True}


@pytest.mark.parametrize(("kind", "form"), [("bert", "int8"), ("bert", "fp16"), ("causal", "int8")])
def test_smaller_forms_decide_alike(
    kind: str, form: str, bert: Path, llama: Path, rows: list[dict[str, Any]], tmp_path: Path, learned: Learned
) -> None:
    options: dict[str, Any] = {**QUICK, "base": bert}
    if kind == "causal":
        options = {**FAST, "base": llama, "system": "Rate.", "user": "{question}"}
    make = finetune.bert if kind == "bert" else finetune.causal
    done = make(out=tmp_path / "out", gold=rows, quantize=form, **options)
    learned(done)
    assert done.report["export"]["quantize"] == form
    weights = sum(file.stat().st_size for file in (tmp_path / "out.work" / "torch").glob("*.safetensors"))
    assert done.report["export"]["bytes"] < 1.2 * weights


def test_votes_scores_and_gold_together(bert: Path, llama: Path, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    votes = [
        {
            "prompt": row["prompt"],
            "model_a": "small",
            "model_b": "big",
            "winner": "tie" if row["small"] else "model_b",
        }
        for row in rows[:48]
    ]
    scores = [
        {
            "prompt": row["prompt"],
            "model_a": "big",
            "model_b": "small",
            "scores": [[9, 9 if row["small"] else 2]],
        }
        for row in rows[48:]
    ]
    for make, base, more in (
        (finetune.bert, bert, QUICK),
        (finetune.causal, llama, {**FAST, "system": "Rate.", "user": "{question}"}),
    ):
        done = make(
            base=base,
            out=tmp_path / make.__name__,
            votes=votes,
            scores=scores,
            evaluation={"draws": 50, "data": [{"rows": rows, "name": "all"}]},
            **more,
        )
        assert done.router.win_rate(PROOF) > done.router.win_rate(GREETING) + 0.1
        assert [table["name"] for table in done.evaluation.tables] == ["held-out votes", "held-out scores", "all"]


PROGRAM = """
import json, os, signal, sys
from routellm_rs import finetune
spec, killed_at = json.loads(sys.argv[1]), int(sys.argv[2])
def progress(stage, done, total):
    if stage == "train" and done == killed_at:
        os.kill(os.getpid(), signal.SIGKILL)
    if stage == "train":
        print(done, flush=True)
finetune.run(spec, progress=progress)
"""


def spec_of(base: Path, gold: Path, out: Path, **options: Any) -> dict[str, Any]:
    sources = [{"kind": "gold", "path": str(gold)}]
    given = {"kind": "bert", "base": str(base), "out": str(out), "sources": sources, "save_every": 2, "epochs": 3}
    return {**QUICK, **given, "reformat": True, **options}


def trained(spec: dict[str, Any], killed_at: int = -1) -> tuple[int, list[int]]:
    """Run in a process of its own; returns its exit status and the steps that it took."""
    ran = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, json.dumps(spec), str(killed_at)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode in (0, -signal.SIGKILL), ran.stderr
    return ran.returncode, [int(line) for line in ran.stdout.split()]


def weights(out: Path) -> bytes:
    return (Path(f"{out}.work") / "torch" / "model.safetensors").read_bytes()


@pytest.mark.parametrize("lora", [None, {"rank": 4}], ids=["full", "lora"])
def test_a_killed_run_ends_with_the_same_weights(lora: Any, bert: Path, gold: Path, tmp_path: Path) -> None:
    options = {"lora": lora} if lora else {}
    whole = spec_of(bert, gold, tmp_path / "whole", **options)
    status, steps = trained(whole)
    assert status == 0
    assert steps == list(range(1, steps[-1] + 1))
    # In the middle of an epoch, between two states; and right after an epoch.
    for name, killed_at in (("middle", 9), ("end", steps[-1] // 3 + 1)):
        cut = spec_of(bert, gold, tmp_path / name, **options)
        assert trained(cut, killed_at)[0] == -signal.SIGKILL
        status, rest = trained(cut)
        assert status == 0
        assert 1 < rest[0] <= killed_at, "it went on, and did not begin again"
        assert rest[-1] == steps[-1]
        assert weights(tmp_path / name) == weights(tmp_path / "whole")
        reports = [json.loads((tmp_path / n / "finetune.json").read_text()) for n in (name, "whole")]
        losses = [[e["loss"] for e in report["training"]["history"]] for report in reports]
        assert losses[0] == losses[1]


def test_a_run_that_was_stopped_goes_on(bert: Path, gold: Path, tmp_path: Path) -> None:
    spec = spec_of(bert, gold, tmp_path / "out", save_every=1000)
    seen: list[int] = []

    def stop(stage: str, done: int, total: int) -> bool:
        seen.append(done)
        return done < 5

    with pytest.raises(CancelledError, match="stopped after 5 of 30 steps; the same run goes on from there"):
        finetune.run(spec, progress=stop)
    assert not (tmp_path / "out").exists()
    seen.clear()
    finetune.run(spec, progress=lambda stage, done, total: seen.append(done))
    assert seen[0] == 6
    # What is finished is not trained again.
    stages: list[str] = []
    finetune.run(spec, progress=lambda stage, done, total: stages.append(stage))
    assert "train" not in stages
    assert {"export", "verify", "calibration"} <= set(stages)


def test_other_data_or_options_are_another_run(bert: Path, gold: Path, tmp_path: Path) -> None:
    spec = spec_of(bert, gold, tmp_path / "out", epochs=1)
    finetune.run(spec)
    with pytest.raises(InvalidArgumentError, match="holds a run with other data, options or another base"):
        finetune.run({**spec, "seed": 2})
    done = finetune.run({**spec, "seed": 2}, restart=True)
    assert done.report["spec"]["seed"] == 2
    # Where it computes and what is made of the weights is no other run.
    assert finetune.run({**spec, "seed": 2, "quantize": "int8"}).report["export"]["quantize"] == "int8"
    lines = gold.read_text().splitlines()
    gold.write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(InvalidArgumentError, match="holds a run with other data"):
        finetune.run({**spec, "seed": 2})


def test_the_command_stops_at_a_signal_and_goes_on(bert: Path, gold: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["bert", "--base", str(bert), "--out", str(out), "--strong", "big", "--weak", "small"]
    words += ["--gold", str(gold), "--epochs", "40", "--batch", "8", "--rate", "1e-3", "--threads", "1"]
    command = [sys.executable, "-P", "-m", "routellm_rs.finetune", *words]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    line = running.stderr.readline()
    assert line.startswith("train "), line + running.stderr.read()
    running.send_signal(signal.SIGTERM)
    _, rest = running.communicate(timeout=120)
    assert running.returncode == 130, rest
    assert "the same run goes on from there" in rest
    assert "Traceback" not in rest
    short = [*command, "--json"]
    done = subprocess.run(short, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["training"]["steps"] == 11 * 40
    assert not done.stderr.startswith("train 1/")
    assert Router.open(out).route("hello").model in ("big", "small")


def test_what_cannot_be_done_says_what_to_do(
    bert: Path, llama: Path, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(NotFoundError, match=r"no config\.json there. Name a folder in Hugging Face form"):
        finetune.bert(base=tmp_path, out=out, gold=rows, **PAIR)
    with pytest.raises(InvalidArgumentError, match="device is 'gpu'"):
        finetune.bert(base=bert, out=out, gold=rows, device="gpu", **PAIR)
    with pytest.raises(InvalidArgumentError, match="hold out fewer, add rows"):
        finetune.bert(base=bert, out=out, gold=rows[:1], **PAIR)
    with pytest.raises(InvalidArgumentError, match="lora.modules names no linear layer; there are .*query"):
        finetune.bert(base=bert, out=out, gold=rows, lora={"modules": ["wq"]}, **PAIR)
    with pytest.raises(InvalidArgumentError, match="set a larger max_tokens, or a shorter system and user"):
        finetune.causal(base=llama, out=tmp_path / "b", gold=rows, max_tokens=16, **PAIR)
    assert not out.exists()
