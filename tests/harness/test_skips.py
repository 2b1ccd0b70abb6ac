"""Every suite counts what it skips, and with ROUTELLM_REQUIRE_ALL=1 that has failed, but for what needs a GPU.

The program of the Rust tests checks itself: core/tests/it/harness.rs.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "c"), str(ROOT / "tools")]

import go_suite  # noqa: E402
import run_suites  # noqa: E402
import suite  # noqa: E402

PYTHON = """
import pytest

def test_passes():
    pass

def test_without_data():
    pytest.skip("no data")

@pytest.fixture
def runtime():
    pytest.skip("no runtime")

def test_without_runtime(runtime):
    pass

@pytest.mark.skipif(True, reason="ROUTELLM_TEST_CUDA is not 1")
def test_on_a_gpu():
    pass
"""

NODE = """
const { test } = require('node:test');
test('passes', () => {});
test('without data', { skip: 'no data' }, () => {});
test('inside', async (t) => {
  await t.test('without runtime', (t) => t.skip('no runtime'));
});
test('on a GPU', { skip: 'ROUTELLM_TEST_CUDA is not 1' }, () => {});
"""

C = ["passes", "skipped: data: no data", "skipped: models: no ONNX Runtime"]
C += ["skipped: models on CUDA: ROUTELLM_TEST_CUDA is not 1", "1 passed, 0 failed"]

GO = [("pass", "TestPasses", ""), ("skip", "TestData", "no data"), ("skip", "TestModels", "no runtime")]
GO += [("skip", "TestOnCUDA", "ROUTELLM_TEST_CUDA is not 1")]


def totals(text: str) -> tuple[int, ...]:
    """What the last line of totals says: passed, failed, skipped."""
    found = re.findall(r"^\w+: (\d+) passed, (\d+) failed, (\d+) skipped$", text, re.MULTILINE)
    assert found, text
    return tuple(map(int, found[-1]))


class Skips(unittest.TestCase):
    """One test for each suite, with and without the demand."""

    def setUp(self) -> None:
        """A folder, and an environment that says nothing."""
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(mock.patch.dict(os.environ))
        os.environ.pop("ROUTELLM_REQUIRE_ALL", None)

    def run_suite(self, command: list[str | Path], required: bool, **more: str) -> tuple[int, ...]:
        """The totals of a suite, whose exit status has to agree with them."""
        env = {**os.environ, **more, "ROUTELLM_REQUIRE_ALL": "1" if required else ""}
        done = subprocess.run(list(map(str, command)), env=env, capture_output=True, text=True, check=False)
        counts = totals(done.stdout)
        self.assertEqual(done.returncode != 0, counts[1] > 0, done.stdout + done.stderr)
        return counts

    def test_python(self) -> None:
        """Through the hooks of python/tests/conftest.py."""
        (self.folder / "test_it.py").write_text(PYTHON, encoding="utf-8")
        command = [sys.executable, "-P", "-m", "pytest", "-c", ROOT / "python" / "pyproject.toml", "-p", "conftest"]
        command += ["-p", "no:cacheprovider", "-q", f"--rootdir={self.folder}", self.folder]
        path = str(ROOT / "python" / "tests")
        self.assertEqual(self.run_suite(command, required=False, PYTHONPATH=path), (1, 0, 3))
        self.assertEqual(self.run_suite(command, required=True, PYTHONPATH=path), (1, 2, 1))

    def test_a_python_file_that_is_skipped_whole(self) -> None:
        """Which no report of a test says."""
        text = 'import pytest\npytest.skip("no data", allow_module_level=True)\n'
        (self.folder / "test_it.py").write_text(text, encoding="utf-8")
        command = [sys.executable, "-P", "-m", "pytest", "-c", ROOT / "python" / "pyproject.toml", "-p", "conftest"]
        command += ["-p", "no:cacheprovider", "-q", f"--rootdir={self.folder}", self.folder]
        path = str(ROOT / "python" / "tests")
        self.assertEqual(self.run_suite(command, required=True, PYTHONPATH=path), (0, 1, 0))

    def test_node(self) -> None:
        """Through node/scripts/test.mjs."""
        file = self.folder / "it.test.cjs"
        file.write_text(NODE, encoding="utf-8")
        command = ["node", ROOT / "node" / "scripts" / "test.mjs", file]
        self.assertEqual(self.run_suite(command, required=False), (2, 0, 3))
        self.assertEqual(self.run_suite(command, required=True), (2, 2, 1))

    def c(self, models: bool, required: bool) -> tuple[int, int, int]:
        """The totals of a suite of C that runs one program."""
        tree = self.folder / "tree"
        (tree / "share" / "routellm").mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            (tree / "share" / "routellm" / "default").symlink_to(ROOT / "core" / "default-router")
        one = suite.Suite("c", tree, self.folder / "work")
        if not models:
            one.leave_models_out()
        with mock.patch.dict(os.environ, {"ROUTELLM_REQUIRE_ALL": "1" if required else "0"}):
            one.count([sys.executable, "-c", f"print({chr(10).join(C)!r})"])
        return one.passed, one.failed, one.skipped

    def test_c(self) -> None:
        """Suites that mean to run models, and those that do not: what was not meant is not skipped."""
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(self.c(models=True, required=False), (1, 0, 3))
            self.assertEqual(self.c(models=True, required=True), (1, 2, 1))
            self.assertEqual(self.c(models=False, required=False), (1, 0, 2))
            self.assertEqual(self.c(models=False, required=True), (1, 1, 1))

    def test_go(self) -> None:
        """As `go test -json` says it."""
        events = []
        for action, name, reason in GO:
            events.append({"Action": "output", "Test": name, "Output": f"    it_test.go:7: {reason}\n"})
            events.append({"Action": action, "Test": name})
        text = "\n".join(map(json.dumps, events))
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(go_suite.count(text)[:3], (1, 0, 3))
            os.environ["ROUTELLM_REQUIRE_ALL"] = "1"
            self.assertEqual(go_suite.count(text)[:3], (1, 2, 1))

    def test_the_totals(self) -> None:
        """What the runner adds up."""
        makefile = self.folder / "Makefile"
        cargo = "test result: ok. 2 passed; 0 failed; 3 ignored; 0 measured"
        makefile.write_text(
            f"rust:\n\t@echo '{cargo}'\n\t@echo '{cargo}'\ngo:\n\t@echo 'go: 5 passed, 0 failed, 1 skipped'\n",
            encoding="utf-8",
        )
        (self.folder / "tests").mkdir()
        (self.folder / "tests" / "suites.txt").write_text("rust\ngo\n", encoding="utf-8")
        out = io.StringIO()
        with mock.patch.object(run_suites, "ROOT", self.folder), mock.patch.object(sys, "argv", ["run_suites.py"]):
            with contextlib.redirect_stdout(out):
                self.assertEqual(run_suites.main(), 0)
        self.assertEqual(out.getvalue().splitlines()[-1], "9 passed, 0 failed, 7 skipped")


if __name__ == "__main__":
    outcome = unittest.main(exit=False).result
    bad = len(outcome.failures) + len(outcome.errors)
    print(f"harness: {outcome.testsRun - bad} passed, {bad} failed, {len(outcome.skipped)} skipped")
    sys.exit(bad > 0)
