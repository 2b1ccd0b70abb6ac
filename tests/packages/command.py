"""The command `routellm` as its packages install it: from the wheel, the npm package and the C installation.

Ends with `packages: N passed, N failed, N skipped`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import venv
from pathlib import Path

import trainers

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "dist"
TREE = ROOT / "build" / "c" / "tree"
MEBIBYTE = 1 << 20
VERSION = next(
    line.split('"')[1] for line in (ROOT / "Cargo.toml").read_text().splitlines() if line.startswith("version = ")
)


def newest(pattern: str) -> Path:
    """The newest file in dist."""
    return max(DIST.glob(pattern), key=lambda path: path.stat().st_mtime)


def run(*command: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    """What a command came to."""
    return subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload,no-any-return]


def rows(count: int) -> str:
    """Gold rows: the strong model solves everything, the weak one what is easy."""
    prompts = (f"integral of x number {i}" if i % 3 == 0 else f"greet person {i}" for i in range(count))
    lines = ({"prompt": prompt, "big": True, "small": not prompt.startswith("integral")} for prompt in prompts)
    return "".join(f"{json.dumps(line)}\n" for line in lines)


class Installed:
    """What is so of the command, whoever installed it."""

    program: Path

    def test_routes(self) -> None:
        done = run(self.program, "route", "--json", "Hello!", stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(json.loads(done.stdout)["side"], ("strong", "weak"))
        self.assertEqual(done.stderr, "")

    def test_tells_its_version(self) -> None:
        self.assertEqual(run(self.program, "--version").stdout, f"routellm {VERSION}\n")

    def test_exit_codes(self) -> None:
        self.assertEqual(run(self.program, "no-such-command").returncode, 2)
        self.assertEqual(run(self.program, "info", "--router", "/no/such/folder").returncode, 1)

    def test_trains_and_can_be_interrupted(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            gold = Path(folder) / "gold.jsonl"
            gold.write_text(rows(90))
            train = [self.program, "train", "linear", "--gold", gold.name, "--out", "router"]
            done = run(*train, cwd=folder)
            self.assertEqual(done.returncode, 0, done.stderr)
            before = (Path(folder) / "router" / "router.json").read_bytes()
            gold.write_text(rows(27_000))
            child = subprocess.Popen([*map(str, train)], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            while child.poll() is None and not listens(child.pid):
                time.sleep(0.01)
            child.send_signal(signal.SIGINT)
            _, said = child.communicate()
            self.assertEqual(child.returncode, 130, said)
            self.assertEqual((Path(folder) / "router" / "router.json").read_bytes(), before)


def listens(process: int) -> bool:
    """Whether the program, which may be a child of the process, listens to SIGINT."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    for candidate in [*children, str(process)]:
        try:
            text = Path(f"/proc/{candidate}/status").read_text()
        except OSError:
            continue
        fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        if fields["Name"].strip() == "routellm" and int(fields["SigCgt"], 16) & 2:
            return True
    return False


class Wheel(Installed, unittest.TestCase):
    """From PyPI."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = tempfile.TemporaryDirectory()
        cls.wheel = newest("routellm_cli-*.whl")
        venv.create(cls.folder.name, with_pip=True)
        python = Path(cls.folder.name) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-index", cls.wheel], check=True)
        cls.program = Path(cls.folder.name) / "bin" / "routellm"

    @classmethod
    def tearDownClass(cls) -> None:
        cls.folder.cleanup()

    def test_is_for_any_python(self) -> None:
        self.assertIn("-py3-none-manylinux", self.wheel.name)
        self.assertLess(self.wheel.stat().st_size, 10 * MEBIBYTE)

    def test_finds_the_onnxruntime_beside_it(self) -> None:
        environment = {name: value for name, value in os.environ.items() if "ORT" not in name}
        capi = next(Path(self.folder.name).glob("lib/python3*/site-packages")) / "onnxruntime" / "capi"
        capi.mkdir(parents=True)
        library = next((ROOT / ".venv").glob("lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.1*"))
        (capi / library.name).symlink_to(library)
        done = run(self.program, "doctor", "--json", env=environment)
        found = json.loads(done.stdout)["runtime"]
        self.assertTrue(found["found"], found)
        self.assertIn("the Python package onnxruntime beside the command", found["located"])

    def test_the_library_brings_it(self) -> None:
        text = (ROOT / "python" / "pyproject.toml").read_text()
        self.assertIn('cli = ["routellm-cli"]', text)


class Npm(Installed, unittest.TestCase):
    """From npm."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = tempfile.TemporaryDirectory()
        cls.package = newest("routellm-cli-*.tgz")
        command = ["npm", "install", "--offline", "--no-audit", "--no-fund", "--silent", cls.package]
        subprocess.run(command, cwd=cls.folder.name, check=True)
        cls.program = Path(cls.folder.name) / "node_modules" / ".bin" / "routellm"

    @classmethod
    def tearDownClass(cls) -> None:
        cls.folder.cleanup()

    def test_npx_runs_it(self) -> None:
        done = run("npx", "--offline", "routellm-cli", "--version", cwd=self.folder.name)
        self.assertEqual(done.stdout, f"routellm {VERSION}\n", done.stderr)
        self.assertLess(self.package.stat().st_size, 10 * MEBIBYTE)

    def test_a_signal_reaches_the_program(self) -> None:
        child = subprocess.Popen([self.program, "route"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        while child.poll() is None and not listens(child.pid):
            time.sleep(0.01)
        child.send_signal(signal.SIGTERM)
        self.assertIn(child.wait(), (-signal.SIGTERM, 130))


class Tree(Installed, unittest.TestCase):
    """From the C tarball and `make install`."""

    program = TREE / "bin" / "routellm"


def main() -> int:
    """Runs everything; the exit status."""
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=1).run(
        unittest.TestSuite(map(unittest.defaultTestLoader.loadTestsFromTestCase, (Wheel, Npm, Tree)))
    )
    failed = len(result.failures) + len(result.errors)
    passed = result.testsRun - failed - len(result.skipped)
    more = trainers.check()
    passed, failed, skipped = passed + more[0], failed + more[1], len(result.skipped) + more[2]
    print(f"packages: {passed} passed, {failed} failed, {skipped} skipped")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
