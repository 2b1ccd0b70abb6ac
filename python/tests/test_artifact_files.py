"""Artifacts in folders with other things, under links, and while others write and read them."""

from __future__ import annotations

import errno
import json
import os
import pickle
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from routellm_rs import IoError, NotFoundError, Router, errors, train

SMALL: dict[str, Any] = {"bits": 10, "lambdas": [1.0], "lexical_scales": [0.1], "folds": 3}
ROWS = [
    {"prompt": f"{'prove lemma' if i % 2 else 'name fruit'} {i}", "a": True, "b": i % 2 == 0 or i % 14 == 1}
    for i in range(90)
]


def fit(out: Path, name: str = "router") -> None:
    train.linear(out, gold=ROWS, strong="a", weak="b", name=name, **SMALL)


def listed(folder: Path) -> set[str]:
    """The first parts of the paths that the manifest lists, and the manifest."""
    files = json.loads((folder / "router.json").read_text())["files"]
    return {"router.json", *(file["path"].split("/")[0] for file in files)}


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_what_is_not_of_the_artifact_stays(tmp_path: Path) -> None:
    foreign = {
        ".git/config": "git",
        "src/deep/main.py": "print()",
        "LICENSE": "free",
        "weights.safetensors": "mine",
    }
    for name, text in foreign.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    before = names(tmp_path)
    for name in ("one", "two", "two"):
        fit(tmp_path, name)
        assert names(tmp_path) == before | listed(tmp_path)
        assert Router.open(tmp_path).info()["name"] == name
    assert {name: (tmp_path / name).read_text() for name in foreign} == foreign


def test_a_link_is_written_through(tmp_path: Path) -> None:
    fit(tmp_path / "v1", "one")
    (tmp_path / "current").symlink_to("v1")
    (tmp_path / "next").symlink_to(tmp_path / "v2")
    fit(tmp_path / "current", "two")
    fit(tmp_path / "next", "three")
    assert (tmp_path / "current").is_symlink()
    assert (tmp_path / "next").is_symlink()
    assert [Router.open(tmp_path / name).info()["name"] for name in ("v1", "v2")] == ["two", "three"]


def test_a_file_of_something_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "router.json").write_text('{"routes": []}')
    with pytest.raises(errors.InvalidArgumentError, match="not overwritten"):
        fit(tmp_path)
    assert (tmp_path / "router.json").read_text() == '{"routes": []}'
    with pytest.raises(errors.InvalidArgumentError, match="not overwritten"):
        fit(tmp_path / "router.json")


WRITER = """
import sys, threading
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from test_artifact_files import fit
failed = []
def write(name):
    try:
        for _ in range(3):
            fit(Path(sys.argv[2]), name)
    except BaseException as error:
        failed.append(repr(error))
threads = [threading.Thread(target=write, args=(f"w{i % 2}",)) for i in range(2)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
sys.exit("; ".join(failed) or 0)
"""


def test_writers_in_threads_and_processes_and_readers_all_succeed(tmp_path: Path) -> None:
    out = tmp_path / "shared"
    fit(out, "w0")
    done = threading.Event()
    failed: list[BaseException] = []
    read: list[str] = []

    def reader() -> None:
        try:
            while not done.is_set():
                read.append(Router.open(out).info()["name"])
        except BaseException as error:
            failed.append(error)

    readers = [threading.Thread(target=reader) for _ in range(2)]
    for one in readers:
        one.start()
    command = [sys.executable, "-P", "-c", WRITER, str(Path(__file__).parent), str(out)]
    writers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    outcomes = [(writer.communicate()[1], writer.returncode) for writer in writers]
    done.set()
    for one in readers:
        one.join()
    assert outcomes == [("", 0)] * 3
    assert not failed
    assert set(read) <= {"w0", "w1"}
    assert names(out) == listed(out)
    assert names(tmp_path) == {"shared"}


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from test_artifact_files import ROWS, SMALL, train
import numpy as np
n = 100_000
def kill(stage, done, total):
    if stage == "calibration":
        import threading
        threading.Timer(float(sys.argv[3]), os.kill, (os.getpid(), signal.SIGKILL)).start()
g = np.random.default_rng(0)
train.sw_ranking(Path(sys.argv[2]), embeddings=g.normal(size=(n, 64)).astype("f4"), model_a=["a"] * n,
                 model_b=["b"] * n, winner=["model_a" if x else "model_b" for x in g.random(n) < .6],
                 store="f32", progress=kill)
"""


def test_a_killed_run_leaves_the_old_artifact_and_nothing_for_long(tmp_path: Path) -> None:
    fit(tmp_path, "old")
    command = [sys.executable, "-P", "-c", KILLED, str(Path(__file__).parent), str(tmp_path)]
    for delay in ("0", "0.05", "0.2"):
        subprocess.run([*command, delay], check=False)
        Router.open(tmp_path)
    fit(tmp_path, "new")
    assert Router.open(tmp_path).info()["name"] == "new"
    assert names(tmp_path) == listed(tmp_path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_what_may_not_be_written_is_a_permission_error(tmp_path: Path) -> None:
    fit(tmp_path / "there")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            if os.geteuid() == 0:
                os.chmod(tmp_path, 0o755)
                os.seteuid(65534)
            status = 0
            for out in (closed, closed / "router", tmp_path / "there"):
                if out == tmp_path / "there" and os.geteuid() != 65534:
                    continue
                with pytest.raises(PermissionError) as caught:
                    fit(out)
                error = caught.value
                assert isinstance(error, IoError)
                assert (error.errno in (errno.EACCES, errno.EPERM), error.code) == (True, 11)
                assert error.filename
        except BaseException as error:
            os.write(2, repr(error).encode())
            status = 3
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_errors_are_the_built_in_of_their_number(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotADirectoryError) as caught:
        fit(tmp_path / "file" / "out")
    error = caught.value
    assert isinstance(error, IoError)
    assert error.errno == errno.ENOTDIR
    assert str(tmp_path / "file") in str(error.filename)
    assert str(tmp_path / "file") in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.errno, str(again)) == (type(error), error.errno, str(error))
    for number, builtin in (
        (errno.EACCES, PermissionError),
        (errno.EPERM, PermissionError),
        (errno.EEXIST, FileExistsError),
        (errno.EISDIR, IsADirectoryError),
        (errno.ENOSPC, OSError),
    ):
        made = errors._of_system(IoError, number, "what", "where")
        assert isinstance(made, builtin)
        assert isinstance(made, IoError)
        assert str(made) == "what"
        assert (made.errno, made.filename, made.code) == (number, "where", 11)
    assert type(errors._of_system(IoError, errno.ENOSPC, "what", None)) is IoError
    with pytest.raises(FileNotFoundError) as missing:
        train.linear(tmp_path / "out", gold=tmp_path / "nowhere.jsonl", strong="a", weak="b", **SMALL)
    assert isinstance(missing.value, NotFoundError)
    assert missing.value.errno == errno.ENOENT
    with pytest.raises(FileNotFoundError):
        train.linear(
            tmp_path / "out", gold=ROWS, calibration=tmp_path / "nowhere", strong="a", weak="b", **SMALL
        )
    with pytest.raises(IsADirectoryError):
        train.linear(tmp_path / "out", gold=ROWS, calibration=tmp_path, strong="a", weak="b", **SMALL)


CHANGED = """
import os, sys
import numpy as np
from routellm_rs import Router
router = Router.open(sys.argv[1], **eval(sys.argv[3]))
query = np.ones(8, "f4")
before = router.route_embedding(query)
os.truncate(sys.argv[2], 0)
assert router.route_embedding(query) == before
router.explain_embedding(query, 3)
"""


@pytest.mark.parametrize("options", ["{}", "{'mmap': 'auto'}", "{'mmap': 'never'}"])
@pytest.mark.parametrize("name", ["sw-caller", "sw-clustered"])
def test_a_store_in_memory_does_not_depend_on_its_file(
    root: Path, tmp_path: Path, name: str, options: str
) -> None:
    folder = shutil.copytree(root / "tests/conformance" / name, tmp_path / "copy")
    command = [sys.executable, "-P", "-c", CHANGED, str(folder), str(folder / "votes.safetensors"), options]
    assert subprocess.run(command, check=False).returncode == 0


def test_a_mapped_store_may_be_replaced(root: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(root / "tests/conformance/sw-caller", tmp_path / "copy")
    router = Router.open(folder, mmap="always")
    query = np.ones(8, "f4")
    before = router.route_embedding(query)
    (tmp_path / "other").write_bytes(b"x")
    os.replace(tmp_path / "other", folder / "votes.safetensors")
    assert router.route_embedding(query) == before
