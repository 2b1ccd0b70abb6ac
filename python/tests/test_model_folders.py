"""Folders of models as exporters and hubs lay them out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from routellm_rs import Router, RuntimeUnavailableError, TokenizeError

MODELS = Path(__file__).resolve().parents[2] / "tests" / "models"


def win_rate(folder: Path, prompt: str = "hello there", **options: Any) -> float:
    try:
        router = Router.open(folder, strong="gpt-4", weak="mixtral", intra_threads=1, **options)
    except RuntimeUnavailableError as error:
        pytest.skip(f"no ONNX Runtime: {error}")
    return router.win_rate(prompt)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(MODELS / "bert-tiny", tmp_path / "model")


def configure(folder: Path, **settings: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def test_json_of_python_is_read(folder: Path) -> None:
    want = win_rate(folder)
    configure(folder, limits=[0.0, float("inf"), float("-inf"), float("nan")])
    config = folder / "config.json"
    config.write_bytes(b"\xef\xbb\xbf" + config.read_bytes())
    assert win_rate(folder) == want
    assert win_rate(folder, kind="bert") == want


def test_a_folder_without_architectures_is_what_its_model_is(folder: Path) -> None:
    want = win_rate(folder)
    configure(folder, architectures=None)
    (folder / "onnx").mkdir()
    (folder / "model.onnx").rename(folder / "onnx" / "model_int8.onnx")
    assert win_rate(folder) == want


def test_added_tokens_that_the_model_lacks_are_refused_where_they_occur(folder: Path) -> None:
    want = win_rate(folder)
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["added_tokens"].append(tokenizer["added_tokens"][0] | {"id": 1500, "content": "<image>"})
    path.write_text(json.dumps(tokenizer))
    assert win_rate(folder) == want
    with pytest.raises(TokenizeError, match="<image>"):
        win_rate(folder, "see <image> here")


def test_names_of_labels_tell_which_output_is_the_strong_model(folder: Path) -> None:
    want = win_rate(folder)
    configure(folder, id2label={"0": "strong_wins", "1": "tie", "2": "weak_wins"})
    assert win_rate(folder) == want
    configure(folder, id2label={"0": "weak_wins", "1": "tie", "2": "strong_wins"})
    assert win_rate(folder) != want
