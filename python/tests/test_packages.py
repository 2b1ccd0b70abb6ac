"""What is built: wheel, source distribution, and the package of the MF artifact."""

from __future__ import annotations

import email
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import routellm_rs
from routellm_rs import NotFoundError, Router

MEBIBYTE = 1 << 20
FINETUNE = [
    "__init__",
    "__main__",
    "_checkpoint",
    "_classifier_export",
    "_cli",
    "_convert",
    "_decoder_export",
    "_extra",
    "_fields",
    "_genai_export",
    "_graph",
    "_labels",
    "_lora",
    "_prompts",
    "_ratings",
    "_reformat",
    "_router_models",
    "_rows",
    "_run",
    "_source",
    "_spec",
    "_state",
    "_targets",
    "_templates",
    "_training",
    "_verify",
    "export",
]


def newest(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern), key=lambda file: file.stat().st_mtime)
    if not found:
        pytest.skip(f"no {pattern} in {folder}: build it first")
    return found[-1]


@pytest.fixture
def dist(root: Path) -> Path:
    return Path(os.environ.get("ROUTELLM_DIST", root / "dist"))


def test_the_wheel_holds_what_it_should(dist: Path) -> None:
    wheel = newest(dist, "routellm_rs-*.whl")
    assert "-cp311-abi3-" in wheel.name
    assert wheel.stat().st_size <= 10 * MEBIBYTE
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata_name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(metadata_name))
    modules = {
        "asynchronous",
        "baselines",
        "build",
        "bundled",
        "calibration",
        "clients",
        "doctor",
        "exports",
        "messages",
        "opening",
        "options",
        "pydantic",
        "router",
    }
    modules = {f"_{name}" for name in modules | {"runtime", "training_data", "types", "upgrade"}} | {
        "__init__",
        "doctor",
        "errors",
        "eval",
        "labels",
        "train",
    }
    modules |= {f"batch/{name}" for name in ("__init__", "_columns", "arrow", "polars", "ray", "spark")}
    modules |= {f"finetune/{name}" for name in FINETUNE}
    expected = {f"routellm_rs/{name}.py" for name in modules}
    expected |= {"routellm_rs/py.typed", "routellm_rs/_native.pyi", "routellm_rs/_native.abi3.so"}
    assert names == expected
    assert metadata["Name"] == "routellm-rs"
    assert metadata["Version"] == routellm_rs.__version__
    assert metadata["Requires-Python"] == ">=3.11"
    required = metadata.get_all("Requires-Dist") or []
    assert all("extra ==" in requirement for requirement in required)
    assert set(metadata.get_all("Provides-Extra") or []) == {
        "numpy",
        "onnx",
        "cuda",
        "cli",
        "mf-minilm",
        "arrow",
        "polars",
        "ray",
        "spark",
        "train",
        "all",
    }


def test_the_source_distribution_can_be_built_from(dist: Path, root: Path) -> None:
    sdist = newest(dist, "routellm_rs-*.tar.gz")
    with tarfile.open(sdist) as archive:
        files = {
            member.name.partition("/")[2]: member.size for member in archive.getmembers() if member.isfile()
        }
    for name in ("router.json", "featurizer.safetensors", "weights.safetensors"):
        file = root / "core" / "default-router" / name
        assert files[f"core/default-router/{name}"] == file.stat().st_size
    assert {"Cargo.lock", "pyproject.toml"} <= {Path(name).name for name in files}
    assert any(name.endswith("core/src/lib.rs") for name in files)
    assert any(name.endswith("routellm_rs/_native.pyi") for name in files)


def test_the_versions_agree(root: Path) -> None:
    cargo = tomllib.loads((root / "Cargo.toml").read_text())
    companion = tomllib.loads((root / "packages" / "python-mf-minilm" / "pyproject.toml").read_text())
    assert cargo["workspace"]["package"]["version"] == routellm_rs.__version__
    assert companion["project"]["version"] == routellm_rs.__version__


def test_an_unknown_bundled_router_is_not_found() -> None:
    with pytest.raises(
        NotFoundError, match="no bundled router is called 'other'; there are 'default', 'mf-minilm'"
    ):
        Router.bundled("other")


def test_the_default_router_is_bundled(router: Router) -> None:
    assert Router.bundled("default").win_rate("hello") == router.win_rate("hello")


def test_a_router_that_is_not_installed_names_its_package(run_python: Callable[..., str]) -> None:
    code = """
import sys
sys.modules["routellm_rs_mf_minilm"] = None
from routellm_rs import NotFoundError, Router
try:
    Router.bundled("mf-minilm")
except NotFoundError as error:
    print(error)
"""
    assert "pip install 'routellm-rs[mf-minilm]'" in run_python(code)


@pytest.fixture(scope="module")
def companion(tmp_path_factory: pytest.TempPathFactory, mf_artifact: Path, root: Path) -> Path:
    """The wheel of the MF package, built from the source tree by way of its source distribution."""
    out = tmp_path_factory.mktemp("companion")
    command = [sys.executable, "-m", "build", "--no-isolation", "-o", out, root / "packages/python-mf-minilm"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return newest(out, "*.whl")


def test_the_mf_package_holds_the_artifact_once(companion: Path, mf_artifact: Path) -> None:
    assert re.search(r"-py3-none-any\.whl$", companion.name)
    assert companion.stat().st_size <= 30 * MEBIBYTE
    prefix = "routellm_rs_mf_minilm/artifact/"
    with zipfile.ZipFile(companion) as archive:
        names = archive.namelist()
        assert len(names) == len(set(names))
        packed = {name.removeprefix(prefix) for name in names if name.startswith(prefix)}
        assert packed == {file.name for file in mf_artifact.iterdir()}
        for name in packed:
            assert archive.read(prefix + name) == (mf_artifact / name).read_bytes()
    assert {"LICENSE", "NOTICE", "router.json"} <= packed


@pytest.mark.usefixtures("onnx_router")
def test_the_mf_package_is_found(companion: Path, tmp_path: Path, run_python: Callable[..., str]) -> None:
    with zipfile.ZipFile(companion) as archive:
        archive.extractall(tmp_path)
    code = """
from routellm_rs import Router
router = Router.bundled("mf-minilm", intra_threads=1)
print(router.info()["path"])
print(router.route("hello").model)
"""
    path, model = run_python(code, PYTHONPATH=str(tmp_path)).splitlines()
    assert path == str(tmp_path / "routellm_rs_mf_minilm" / "artifact")
    assert model


def test_what_was_built_for_another_interpreter_says_so() -> None:
    program = """if True:
        import sys, sysconfig
        sys.modules["routellm_rs._native"] = None
        told = sysconfig.get_config_var
        sysconfig.get_config_var = lambda name: free if name == "Py_GIL_DISABLED" else told(name)
        for free in (1, 0):
            try:
                import routellm_rs
            except ImportError as error:
                print("free-threaded" in str(error), "--no-binary" in str(error), type(error).__name__)
    """
    ran = subprocess.run([sys.executable, "-P", "-c", program], check=True, capture_output=True, text=True)
    assert ran.stdout.splitlines() == ["True True ImportError", "False False ModuleNotFoundError"]
