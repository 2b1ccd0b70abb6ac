"""What a report of a defect has to say, and what the system said of a library that it cannot load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

import routellm_rs
from routellm_rs import InvalidArgumentError, _types, doctor

PARTS = {"versions", "runtime", "gpu", "cpu", "artifact", "settings"}


def test_every_part_has_the_fields_of_its_type() -> None:
    diagnosis = doctor()
    assert set(diagnosis) == PARTS == set(get_type_hints(_types.Diagnosis))
    for part, kind in get_type_hints(_types.Diagnosis).items():
        assert set(diagnosis[part]) == set(get_type_hints(kind)), part  # type: ignore[literal-required]
    assert diagnosis["versions"]["routellm"] == routellm_rs.__version__
    language = diagnosis["versions"]["language"]
    assert language is not None
    assert ".".join(map(str, sys.version_info[:3])) in language
    assert diagnosis["artifact"]["form"] == "compiled_in"
    assert diagnosis["cpu"]["cores"] >= 1
    json.dumps(diagnosis)


def test_artifacts_are_told(root: Path, tmp_path: Path) -> None:
    artifact = doctor(root / "tests" / "conformance" / "sw-caller")["artifact"]
    assert (artifact["kind"], artifact["checksums"], artifact["problem"]) == ("sw_ranking", True, None)
    missing = doctor(str(tmp_path / "none"))["artifact"]
    assert missing["form"] == "missing"
    assert "no such folder" in str(missing["problem"])
    with pytest.raises(InvalidArgumentError, match="artifact is of type int"):
        doctor(7)  # type: ignore[arg-type]


def _run(*arguments: str, **environment: str) -> str:
    command = [sys.executable, "-P", "-m", "routellm_rs.doctor", *arguments]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == ""
    return done.stdout


def test_it_prints_a_report(root: Path) -> None:
    text = _run(str(root / "tests" / "conformance" / "sw-caller"), SOURCE_DATE_EPOCH="0")
    assert [line[:-1] for line in text.splitlines() if not line.startswith(" ")] == [
        "versions",
        "runtime",
        "gpu",
        "cpu",
        "artifact",
        "settings",
    ]
    assert "  kind: sw_ranking" in text
    assert "SOURCE_DATE_EPOCH=0" in text
    assert set(json.loads(_run("--json"))) == PARTS


def test_the_module_of_the_command_hides_no_function() -> None:
    code = "import routellm_rs.doctor; import routellm_rs; print(routellm_rs.doctor()['artifact']['form'])"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "compiled_in"


@pytest.mark.skipif(sys.platform != "linux", reason="the words are those of the C library of Linux")
def test_what_the_system_says_of_a_broken_library_is_told(tmp_path: Path, mf_artifact: Path) -> None:
    library = tmp_path / "libonnxruntime.so"
    library.write_bytes(b"\x7fELF")
    runtime = json.loads(_run("--json", ROUTELLM_ORT_PATH=str(library)))["runtime"]
    assert not runtime["found"]
    assert "file too short" in "\n".join(runtime["looked_at"])
    code = """
import sys
import routellm_rs
try:
    routellm_rs.Router.open(sys.argv[1], onnxruntime=sys.argv[2])
except routellm_rs.RuntimeUnavailableError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, str(mf_artifact), str(library)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "file too short" in done.stdout
