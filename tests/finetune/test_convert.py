"""Published routers in Hugging Face form become artifacts that compute the same; what is none is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import MODELS, PAIR, ROOT
from routellm_rs import InvalidArgumentError, InvalidModelError, NotFoundError, Router, finetune

PROMPTS = [
    "What is 2 + 2?",
    "Prove that there are infinitely many primes.",
    "日本の首都は東京です。 🙂",
    "",
    "x " * 500,
]


def torch_win_rates(folder: Path, prompts: list[str]) -> list[float]:
    """What the reference computes: `1 - (p[1] + p[2])` of three labels (`BERTRouter`)."""
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    out = []
    with torch.no_grad():
        for prompt in prompts:
            logits = model(**tokenizer(prompt, return_tensors="pt", truncation=True)).logits
            out.append(float(torch.softmax(logits.double(), -1)[0, 0]))
    return out


def test_a_published_classifier(bert: Path, tmp_path: Path) -> None:
    done = finetune.convert(bert, tmp_path / "out", prompts=PROMPTS, threads=1, **PAIR)
    assert done.report["kind"] == "bert"
    assert done.report["verification"]["prompts"] == len(PROMPTS)
    assert done.report["verification"]["max_difference"] <= 1e-6
    router = Router.open(tmp_path / "out")
    assert router.win_rates(PROMPTS) == pytest.approx(torch_win_rates(bert, PROMPTS), abs=1e-6)
    assert router.route("hello", strong_share=0.5).model in ("big", "small")
    assert router.info()["calibration"]["count"] == len(PROMPTS)


def test_a_published_language_model(llama: Path, tmp_path: Path) -> None:
    done = finetune.convert(llama, tmp_path / "out", threads=1, **PAIR)
    parameters = done.router.info()["model"]["parameters"]
    assert parameters["template"] == {"kind": "routellm"}
    assert parameters["max_new_tokens"] == 6
    # Without prompts of its own there is no calibration, and a call names its threshold.
    assert done.report["calibration"] is None
    assert done.report["verification"]["prompts"] >= 15
    bare = Router.open(MODELS / "llama-tiny", kind="causal_llm", **PAIR)
    assert set(parameters) == set(bare.info()["model"]["parameters"])
    assert Router.open(tmp_path / "out").route("hello", threshold=0.5).model in ("big", "small")


def test_the_two_texts_may_lie_elsewhere(llama: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(llama, folder)
    texts = []
    for name in ("system_ft_v5.txt", "classifier_ft_v5.txt"):
        texts.append(tmp_path / name)
        shutil.move(folder / name, texts[-1])
    words = ["convert", str(folder), str(tmp_path / "out"), "--strong", "big", "--weak", "small", "--json"]
    words += ["--system", str(texts[0]), "--user", str(texts[1]), "--quantize", "int8", "--threads", "1"]
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "routellm_rs.finetune", *words], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["export"]["quantize"] == "int8"
    here = finetune.convert(llama, tmp_path / "here", threads=1, **PAIR).router
    there = Router.open(tmp_path / "out")
    # Weights of 8 bits are near, and the prompt is the same.
    assert there.win_rate("Prove it.") == pytest.approx(here.win_rate("Prove it."), abs=0.05)


def test_labels_in_another_order(bert: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(bert, folder)
    config = json.loads((folder / "config.json").read_text())
    names = {"0": "weak_wins", "1": "tie", "2": "strong_wins"}
    config |= {"id2label": names, "label2id": {name: int(i) for i, name in names.items()}}
    (folder / "config.json").write_text(json.dumps(config))
    done = finetune.convert(folder, tmp_path / "out", threads=1, **PAIR)
    assert done.report["verification"]["max_difference"] <= 1e-6


def test_heads_are_taken_by_the_number_of_outputs(tmp_path: Path) -> None:
    from conftest import random_model

    kind = "AutoModelForSequenceClassification"
    two = random_model("distilbert-tiny", tmp_path / "two", kind)
    assert (
        finetune.convert(two, tmp_path / "a", **PAIR).router.info()["model"]["parameters"]["head"]["kind"] == "binary"
    )
    one = random_model("roberta-tiny", tmp_path / "one", kind)
    head = {"kind": "regression", "link": "sigmoid"}
    done = finetune.convert(one, tmp_path / "b", head=head, **PAIR)
    assert done.report["verification"]["max_difference"] <= 1e-6
    four = random_model("modernbert-tiny", tmp_path / "four", kind)
    with pytest.raises(InvalidArgumentError, match="the classifier has 4 outputs: say by head what they mean"):
        finetune.convert(four, tmp_path / "c", **PAIR)


def test_what_is_no_router_is_refused(bert: Path, stories: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(InvalidModelError, match=r"none for the scores \[\[1\]\] to \[\[5\]\]: it is no router yet"):
        finetune.convert(stories, out, **PAIR)
    with pytest.raises(NotFoundError, match=r"no config\.json there"):
        finetune.convert(tmp_path, out, **PAIR)
    with pytest.raises(InvalidArgumentError, match="strong and weak are both 'big'"):
        finetune.convert(bert, out, strong="big", weak="big")
    with pytest.raises(InvalidArgumentError, match="template has no effect on bert"):
        finetune.convert(bert, out, template="{question}", **PAIR)
    bare = tmp_path / "bare"
    shutil.copytree(bert, bare)
    (bare / "model.safetensors").unlink()
    with pytest.raises(NotFoundError, match=r"no weights there \(\*\.safetensors\)"):
        finetune.convert(bare, out, **PAIR)
    config = json.loads((bare / "config.json").read_text())
    (bare / "config.json").write_text(json.dumps({**config, "architectures": ["BertModel"]}))
    (bare / "model.safetensors").write_bytes((bert / "model.safetensors").read_bytes())
    with pytest.raises(InvalidArgumentError, match="say kind if it is one of them"):
        finetune.convert(bare, out, **PAIR)
    assert not out.exists()


@pytest.mark.parametrize("quantize", [None, "int8"])
def test_what_is_too_large_for_one_file(
    quantize: str | None, llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from routellm_rs.finetune import _decoder_export

    monkeypatch.setattr(_decoder_export, "ONE_FILE_BYTES", 0)
    done = finetune.convert(llama, tmp_path / "out", quantize=quantize, threads=1, **PAIR)
    assert any("model.onnx.data" in file.name for file in (tmp_path / "out").rglob("*"))
    assert done.report["verification"]["mean_difference"] <= (0.02 if quantize else 1e-4)


def test_an_export_that_is_another_model_is_refused(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from routellm_rs.finetune import _router_models

    right = _router_models.bert_win_rates
    monkeypatch.setattr(_router_models, "bert_win_rates", lambda *given: right(*given) + 1e-3)
    with pytest.raises(InvalidModelError, match="differ from torch by 1.00e-03, more than 0.0001"):
        finetune.convert(bert, tmp_path / "out", **PAIR)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "model"),
    [
        (["classifier"], "bert"),
        (["causal"], "llama"),
        (["causal", "--style", "dynamo"], "llama"),
        (["causal", "--no-past"], "llama"),
    ],
)
def test_the_script_of_before(words: list[str], model: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    source = request.getfixturevalue(model)
    script = ROOT / "tools" / "models" / "export.py"
    ran = subprocess.run(
        [sys.executable, str(script), *words, str(source), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    assert told["difference"] <= 1e-4
    kind = "bert" if model == "bert" else "causal_llm"
    assert Router.open(tmp_path / "out", kind=kind, **PAIR).win_rate("hello") >= 0
    missing = subprocess.run(
        [sys.executable, str(script), *words, str(tmp_path), "x"], capture_output=True, text=True, check=False
    )
    assert missing.returncode == 1
    assert "no config.json there" in missing.stderr
