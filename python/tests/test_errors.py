"""The table of errors."""

from __future__ import annotations

import errno
import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest

import routellm_rs
from routellm_rs import ReloadableRouter, RouteLLMError, Router, _native, errors, train

NATURAL = {
    "InvalidArgument": ValueError,
    "NotFound": FileNotFoundError,
    "InvalidModel": ValueError,
    "Unsupported": NotImplementedError,
    "RuntimeUnavailable": RuntimeError,
    "Inference": RuntimeError,
    "Tokenize": ValueError,
    "Cancelled": RouteLLMError,
    "ResourceExhausted": RuntimeError,
    "Internal": RuntimeError,
    "Io": OSError,
    "Remote": ConnectionError,
}


def test_the_table_is_complete() -> None:
    kinds = _native.error_kinds()
    assert {name for name, _, _ in kinds} == set(NATURAL)
    for name, code, class_name in kinds:
        kind = getattr(errors, class_name)
        assert issubclass(kind, RouteLLMError)
        assert issubclass(kind, NATURAL[name])
        assert kind.code == code
        assert getattr(routellm_rs, class_name) is kind
    classes = {name for name in errors.__all__ if name != "RouteLLMError"}
    assert classes == {class_name for _, _, class_name in kinds}


def test_errors_can_be_pickled() -> None:
    for _, code, class_name in _native.error_kinds():
        error = getattr(errors, class_name)("what went wrong")
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert str(again) == "what went wrong"
        assert again.code == code


def test_a_panic_comes_out_as_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(errors.InternalError, match="a defect of routellm: asked to panic") as caught:
        _native.panic_in_core()
    assert isinstance(caught.value, Exception)
    assert caught.value.code == 10
    assert "asked to panic" in capfd.readouterr().err


def test_a_missing_folder_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(errors.NotFoundError, match="no such folder"):
        Router.open(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError):
        Router.open(str(tmp_path / "nothing"))


def test_a_missing_file_of_an_artifact_is_refused(linear_artifact: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(linear_artifact, tmp_path / "copy")
    next(copy.glob("weights.*.safetensors")).unlink()
    with pytest.raises(RouteLLMError, match=r"weights\..*\.safetensors") as caught:
        Router.open(copy)
    assert isinstance(caught.value, (errors.NotFoundError, errors.InvalidModelError))


def test_an_altered_file_of_an_artifact_is_refused(linear_artifact: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(linear_artifact, tmp_path / "copy")
    weights = next(copy.glob("weights.*.safetensors"))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(errors.InvalidModelError, match=r"weights\..*\.safetensors"):
        Router.open(copy)


def test_an_altered_manifest_is_refused(linear_artifact: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(linear_artifact, tmp_path / "copy")
    manifest = copy / "router.json"
    text = manifest.read_text()
    assert '"linear"' in text
    manifest.write_text(text.replace('"linear"', '"lineal"', 1))
    with pytest.raises(errors.InvalidModelError):
        Router.open(copy)
    manifest.write_text("{")
    with pytest.raises(errors.InvalidModelError):
        Router.open(copy)
    manifest.write_text(json.dumps({"format_version": 1}))
    with pytest.raises(errors.InvalidModelError):
        Router.open(copy)


def test_the_operating_systems_number_is_kept(linear_artifact: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(linear_artifact, tmp_path / "copy")
    (copy / "router.json").unlink()
    (copy / "router.json").mkdir()
    with pytest.raises(errors.IoError) as caught:
        Router.open(copy)
    assert caught.value.errno == errno.EISDIR


def test_unknown_models_are_refused(linear_artifact: Path) -> None:
    for options in ({"strong": "nobody"}, {"weak": "nobody"}):
        with pytest.raises(errors.InvalidArgumentError, match="nobody"):
            Router.default(**options)
        with pytest.raises(errors.InvalidArgumentError, match="nobody"):
            Router.open(linear_artifact, **options)


def test_wrong_values_of_options_are_refused(linear_artifact: Path) -> None:
    with pytest.raises(errors.InvalidArgumentError, match=r'mode is "fast", expected "exact" or "reference"'):
        Router.open(linear_artifact, mode="fast")  # type: ignore[arg-type]
    # What has no effect is refused as well.
    for options in ({"sessions": 2}, {"intra_threads": 2}, {"onnxruntime": "/nowhere.so"}):
        with pytest.raises(errors.InvalidArgumentError, match="has no effect"):
            Router.open(linear_artifact, **options)  # type: ignore[arg-type]
        with pytest.raises(errors.InvalidArgumentError, match="has no effect"):
            Router.bundled("default", **options)  # type: ignore[arg-type]
    for count in (0, -1, 100_000):
        with pytest.raises(errors.InvalidArgumentError, match="sessions"):
            Router.open(linear_artifact, sessions=count)


def test_both_modes_open_a_router_that_knows_one(linear_artifact: Path) -> None:
    exact = Router.open(linear_artifact, mode="exact")
    reference = Router.open(linear_artifact, mode="reference")
    assert exact.win_rate("hello") == reference.win_rate("hello")
    assert reference.info()["mode"] == "reference"


def test_an_error_without_a_file_has_its_message(tmp_path: Path) -> None:
    (tmp_path / "gold.jsonl").mkdir()
    with pytest.raises(IsADirectoryError, match=r"gold\.jsonl: Is a directory") as caught:
        train.linear(tmp_path / "out", gold=tmp_path / "gold.jsonl")
    assert isinstance(caught.value, errors.IoError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_missing_folder_has_its_number(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder") as caught:
        Router.open(tmp_path / "nothing")
    assert caught.value.errno == errno.ENOENT
    assert type(caught.value) is errors.NotFoundError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"calibration": 5}, "calibration is of type int, expected a list"),
        ({"calibration": [1, 2]}, "an element of calibration is not a text"),
        ({"calibration": ["\ud800"]}, "calibration is not Unicode text"),
        ({"name": 3}, "name is of type int, expected a text"),
        ({"rename": 3}, "rename is of type int, expected a mapping"),
        ({"rename": {"a": 1}}, "an element of rename is not a text"),
        ({"provenance": 3}, "provenance is of type int, expected a mapping"),
        ({"timeout_ms": "x"}, "timeout_ms is of type str, expected a number"),
        ({"bits": "x"}, "bits is of type str, expected an integer"),
        ({"bits": -1}, "bits is -1, which is out of range"),
        ({"lambdas": 3}, "lambdas is of type int, expected a list"),
        ({"lambdas": ["x"]}, "an element of lambdas is not a number"),
        ({"per_candidate": 3}, "per_candidate is of type int, expected true or false"),
    ],
)
def test_wrong_settings_of_a_training_are_named(
    gold_rows: list[dict[str, Any]], tmp_path: Path, options: Any, message: str
) -> None:
    with pytest.raises(errors.InvalidArgumentError, match=f"^{message}"):
        train.linear(tmp_path / "out", gold=gold_rows, **options)


def test_gold_rows_that_teach_nothing_are_refused_in_plain_words(tmp_path: Path) -> None:
    noise = [{"prompt": f"p {i}", "big": i % 2 == 0, "small": i % 3 != 0} for i in range(60)]
    with pytest.raises(errors.InvalidArgumentError, match="nothing was learned") as caught:
        train.linear(tmp_path / "out", gold=noise)
    assert "slope" not in str(caught.value)
    one = [{"prompt": "p", "big": i % 2 == 0, "small": i % 3 != 0} for i in range(60)]
    with pytest.raises(errors.InvalidArgumentError, match="all gold rows have one prompt"):
        train.linear(tmp_path / "out", gold=one)


def test_a_timeout_that_is_no_number_is_one_error_in_every_call(router: Router) -> None:
    wrong: Any = "soon"
    for call in (router.route, router.win_rate, router.similarity, router.embed):
        with pytest.raises(TypeError, match=r"^must be real number, not str") as caught:
            call("hello", timeout_ms=wrong)
        assert caught.value.__notes__ == ["while processing 'timeout_ms'"]


def test_what_is_no_router_and_no_name_is_told(router: Router) -> None:
    wrong: Any
    for wrong in (None, "a path", 1):
        with pytest.raises(errors.InvalidArgumentError, match=r"^router is of type \w+, expected Router$"):
            ReloadableRouter(wrong)
        with pytest.raises(errors.InvalidArgumentError, match=r"^router is of type \w+, expected Router$"):
            ReloadableRouter(router).replace(wrong)
    for wrong in (["default"], {}, 1, b"default"):
        with pytest.raises(errors.InvalidArgumentError, match=r"^name is of type \w+, expected str$"):
            Router.bundled(wrong)


def test_a_number_of_votes_is_told_by_its_name(router: Router) -> None:
    wrong: Any
    for wrong in (None, 1.5, "3", [3]):
        with pytest.raises(
            errors.InvalidArgumentError, match=r"^k is of type \w+, expected a number of votes"
        ):
            router.explain("hello", wrong)
    with pytest.raises(errors.InvalidArgumentError, match=r"^k is -\d+, expected a number of votes"):
        router.explain("hello", -(10**30))
    with pytest.raises(errors.UnsupportedError):
        router.explain("hello", 10**30)
