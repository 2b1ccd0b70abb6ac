"""Base models of random weights, made of the configurations and tokenizers in tests/models, and rows to learn from."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "tests" / "models"
PAIR = {"strong": "big", "weak": "small"}
PROOF, GREETING = "Prove the theorem number 17 rigorously.", "Say hello to my 9 friends, please."

# The day of calibrations.
os.environ["SOURCE_DATE_EPOCH"] = "1767225600"


def random_model(name: str, out: Path, kind: str) -> Path:
    """A checkpoint of random weights with the configuration and the tokenizer of a fixture."""
    import torch
    import transformers

    config = transformers.AutoConfig.from_pretrained(MODELS / name)
    # As wide as needs be for so small a model to learn in seconds.
    config.initializer_range = 0.1
    torch.manual_seed(5)
    model = getattr(transformers, kind).from_config(config, dtype=torch.float32)
    model.save_pretrained(out)
    for file in (MODELS / name).iterdir():
        if file.suffix != ".onnx" and file.name != "config.json":
            shutil.copyfile(file, out / file.name)
    return out


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of 128 positions."""
    return random_model("bert-tiny", tmp_path_factory.mktemp("bert"), "AutoModelForSequenceClassification")


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama with the published router's markers and prompt files, untied; its tokenizer lacks the score tokens."""
    return random_model("llama-tiny", tmp_path_factory.mktemp("llama"), "AutoModelForCausalLM")


@pytest.fixture(scope="session")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """stories260K with its real weights where there are any, tied embeddings and no chat template."""
    real = Path(os.environ.get("ROUTELLM_SHARED", ROOT.parent / "shared")) / "models" / "stories260K"
    if (real / "model.safetensors").is_file():
        return real
    return random_model("stories260k-ts", tmp_path_factory.mktemp("stories"), "AutoModelForCausalLM")


@pytest.fixture(scope="session")
def rows() -> list[dict[str, Any]]:
    """Gold rows in which only the strong model can prove anything."""
    source = random.Random(3)
    out = []
    for i in range(96):
        hard = i % 2 == 0
        text = "Prove the theorem number {} rigorously." if hard else "Say hello to my {} friends, please."
        out.append({"prompt": text.format(source.randrange(10_000)), "big": True, "small": not hard})
    return out


@pytest.fixture
def gold(rows: list[dict[str, Any]], tmp_path: Path) -> Path:
    """The same as a file."""
    file = tmp_path / "gold.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


Learned = Callable[[Any], None]


@pytest.fixture
def learned() -> Learned:
    """Checks that a router, and what is opened again, sends proofs to the strong model, greetings to the weak one."""

    def check(done: Any) -> None:
        from routellm_rs import Router

        out = done.report["spec"]["out"]
        for router in (done.router, Router.open(out)):
            hard, easy = router.win_rates([PROOF, GREETING])
            assert hard > easy + 0.2, (hard, easy)
            assert router.route(PROOF, threshold=(hard + easy) / 2).model == "big"
            assert router.route(GREETING, threshold=(hard + easy) / 2).model == "small"
        known = json.loads((Path(out) / "finetune.json").read_text())
        assert known["verification"]["prompts"] >= 10
        assert known["verification"]["max_difference"] <= (1e-4 if not known["export"]["quantize"] else 0.2)
        (table,) = known["evaluation"]["tables"]
        assert table["name"] == "held-out gold"
        apgr = {one["name"]: one["pair"]["router"]["apgr"]["value"] for one in table["results"] if one["pair"]}
        assert apgr[Path(out).name] > apgr["random"]
        assert router.info()["calibration"]["sample"] == "held-out prompts"

    return check
