"""What importing does, and what works without numpy and onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

RunPython = Callable[..., str]

BLOCK = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocker())
"""


def test_importing_and_routing_load_nothing_else(run_python: RunPython) -> None:
    code = """
import sys
import routellm_rs
router = routellm_rs.Router.default()
router.route("hello")
router.route_batch(["hello", "you"])
heavy = {"numpy", "onnxruntime", "asyncio", "concurrent", "json", "pathlib", "importlib.util", "typing"}
# What the interpreter itself had loaded is not our doing.
import subprocess
bare = subprocess.check_output([sys.executable, "-c", "import sys; print(*sys.modules)"], text=True)
print(*sorted((heavy & seen) - set(bare.split())))
""".replace("import subprocess", "seen = set(sys.modules)\nimport subprocess")
    assert run_python(code).split() == []


def test_asyncio_is_imported_when_it_is_used(run_python: RunPython) -> None:
    code = """
import sys
import routellm_rs
assert "asyncio" not in sys.modules
call = routellm_rs.Router.default().aroute("hello")
assert "asyncio" not in sys.modules
import asyncio
print(asyncio.run(call).side)
"""
    assert run_python(code).strip() in {"strong", "weak"}


def test_without_numpy_only_arrays_are_missing(
    run_python: RunPython, checkpoint: Callable[[int], Path]
) -> None:
    code = (
        "BLOCKED = {'numpy'}"
        + BLOCK
        + """
import array
from routellm_rs import Router
router = Router.open(sys.argv[1])
numbers = array.array("f", [0.5] * 8)
assert 0 < router.win_rate_from_embedding(numbers) < 1
assert router.route_embedding(memoryview(numbers), threshold=0.5).model
assert len(Router.default().win_rates(["a", "b"])) == 2
for call in (lambda: router.win_rates_from_embeddings(numbers), lambda: Router.default().embed("hello")):
    try:
        call()
    except ImportError as error:
        assert "routellm-rs[numpy]" in str(error), error
        assert isinstance(error.__cause__, ModuleNotFoundError)
    else:
        raise SystemExit("no error")
print("fine")
"""
    )
    assert run_python(code, checkpoint(8)).strip() == "fine"


def test_onnxruntime_is_found_without_importing_it(run_python: RunPython, mf_artifact: Path) -> None:
    code = """
import sys
from routellm_rs import Router
router = Router.open(sys.argv[1])
assert "onnxruntime" not in sys.modules
print(router.info()["runtime"]["library"])
"""
    assert "onnxruntime/capi/libonnxruntime.so" in run_python(code, mf_artifact)


def test_without_onnxruntime_the_error_lists_where_it_looked(
    run_python: RunPython, mf_artifact: Path, checkpoint: Callable[[int], Path]
) -> None:
    code = (
        "BLOCKED = {'onnxruntime'}"
        + BLOCK
        + """
import array
import routellm_rs
from routellm_rs import Router
try:
    Router.open(sys.argv[1])
except routellm_rs.RuntimeUnavailableError as error:
    text = str(error)
    assert error.code == 5
else:
    raise SystemExit("no error")
for place in ("ROUTELLM_ORT_PATH", "ORT_DYLIB_PATH", "already in this process", "Python package onnxruntime",
              "libonnxruntime.so", "routellm-rs[onnx]"):
    assert place in text, (place, text)
# What needs no encoder works, also afterwards.
assert Router.default().route("hello").model
caller = Router.open(sys.argv[2])
assert caller.win_rate_from_embedding(array.array("f", [0.5] * 8)) > 0
print("fine")
"""
    )
    # The blocker raises where an absent package gives None; both count as not installed.
    assert run_python(code, mf_artifact, checkpoint(8)).strip() == "fine"


def test_a_named_library_is_the_only_one_tried(run_python: RunPython, mf_artifact: Path) -> None:
    code = """
import sys
import routellm_rs
try:
    routellm_rs.Router.open(sys.argv[1], **({"onnxruntime": sys.argv[2]} if len(sys.argv) > 2 else {}))
except routellm_rs.RuntimeUnavailableError as error:
    print(error)
"""
    named = run_python(code, mf_artifact, "/nowhere/libonnxruntime.so")
    assert "/nowhere/libonnxruntime.so (the path given)" in named
    assert "Python package" not in named.partition("Looked at")[2]
    by_variable = run_python(code, mf_artifact, ROUTELLM_ORT_PATH="/elsewhere/libonnxruntime.so")
    assert "/elsewhere/libonnxruntime.so (ROUTELLM_ORT_PATH)" in by_variable
    # A failed load can be tried again.
    retry = """
import sys
import routellm_rs
try:
    routellm_rs.Router.open(sys.argv[1], onnxruntime="/nowhere/libonnxruntime.so")
except routellm_rs.RuntimeUnavailableError:
    print(routellm_rs.Router.open(sys.argv[1]).route("hello").side)
"""
    assert run_python(retry, mf_artifact).strip() in {"strong", "weak"}
