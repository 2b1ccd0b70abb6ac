"""The suites of C and C++: compiles programs against an installed tree and runs them.

    python3 tests/c/suite.py c|cpp|valgrind|sanitize --tree build/c/tree --work build/c/test-c

Every compilation and every check of a program counts. The last line is `NAME: N passed, M failed, K skipped`. With
ROUTELLM_REQUIRE_ALL=1 a skip is a failure, unless its reason names ROUTELLM_TEST_CUDA.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cases
import fixtures

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "tests" / "models"
MF_MINILM = ROOT / "artifacts" / "mf-minilm"
CONFORMANCE = ROOT / "tests" / "conformance"
STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-Wshadow"]
ORT_VARIABLES = ("ROUTELLM_ORT_PATH", "ORT_DYLIB_PATH")
# The reason that the programs give.
NO_RUNTIME = "no ONNX Runtime"


class Suite:
    """Counts, and what every step needs."""

    def __init__(self, name: str, tree: Path, work: Path) -> None:
        self.name = name
        self.tree = tree.resolve()
        self.work = work.resolve()
        self.passed = 0
        self.failed = 0
        self.skipped = 0
        # Whether this suite means to run models. Where it does not, leaving them out skips nothing.
        self.models = True
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        self.fixtures = self.work / "fixtures"
        fixtures.main(self.tree / "share" / "routellm" / "default", self.fixtures)
        self.env = {
            **os.environ,
            "PKG_CONFIG_PATH": str(self.tree / "lib" / "pkgconfig"),
            "LD_LIBRARY_PATH": str(self.tree / "lib"),
        }

    def check(self, ok: bool, what: str, detail: str = "") -> bool:
        """Counts one check."""
        self.passed += ok
        self.failed += not ok
        if not ok:
            print(f"failed: {what}\n{detail}".rstrip())
        return ok

    def skip(self, what: str, reason: str) -> None:
        """Says what is not tested here, and why."""
        if reason == NO_RUNTIME and not self.models:
            return
        if os.environ.get("ROUTELLM_REQUIRE_ALL") == "1" and "ROUTELLM_TEST_CUDA" not in reason:
            self.check(False, what, f"skipped, and ROUTELLM_REQUIRE_ALL is set: {reason}")
            return
        self.skipped += 1
        print(f"skipped: {what}: {reason}")

    def leave_models_out(self) -> None:
        """Takes ONNX Runtime away from every program."""
        self.models = False
        for variable in ORT_VARIABLES:
            self.env[variable] = ""

    def run(self, command: list[str], **more: str) -> subprocess.CompletedProcess[str]:
        """Runs a command; `more` is added to the environment, and an empty value takes a variable away."""
        env = {key: value for key, value in {**self.env, **more}.items() if value}
        return subprocess.run(command, env=env, capture_output=True, text=True, cwd=self.work, check=False)

    def flags(self, *options: str) -> list[str]:
        """What pkg-config says of the installed tree."""
        done = self.run(["pkg-config", *options, "routellm"])
        if done.returncode != 0:
            raise SystemExit(done.stderr)
        return shlex.split(done.stdout)

    def compile(self, source: Path, output: str, compiler: list[str], *more: str) -> Path | None:
        """Compiles one program with all warnings as errors."""
        program = self.work / output
        command = [*compiler, *STRICT, "-O1", "-g", str(source), *self.flags("--cflags"), "-o", str(program)]
        done = self.run([*command, *(more or self.flags("--libs")), "-lm", "-pthread"])
        what = f"{source.name} as {' '.join(compiler)}"
        return program if self.check(done.returncode == 0, what, done.stderr) else None

    def count(self, command: list[str], **more: str) -> None:
        """Runs a program of checks, and adds its counts."""
        done = self.run(command, **more)
        for line in done.stdout.splitlines():
            skipped = re.fullmatch(r"skipped: (.+?): (.+)", line)
            if skipped:
                self.skip(skipped[1], skipped[2])
            elif not re.fullmatch(r"\d+ passed, \d+ failed", line):
                print(line)
        counts = re.search(r"^(\d+) passed, (\d+) failed$", done.stdout, re.MULTILINE)
        if counts is None:
            self.check(False, " ".join(command), f"exit status {done.returncode}\n{done.stderr}")
            return
        self.passed += int(counts[1])
        self.failed += int(counts[2])
        if (done.returncode == 0) != (counts[2] == "0"):
            self.check(False, " ".join(command), f"exit status {done.returncode}\n{done.stderr}")

    def routes(self, program: Path | None, what: str) -> None:
        """Runs a program that routes the prompts of its command line."""
        if program is None:
            return
        done = self.run([str(program), "What is 2+2?", "", "Prove Fermat's last theorem for n = 4."])
        lines = done.stdout.splitlines()
        ok = len(lines) == 3 and all(re.match(r"(strong|weak)\t[01][.\d]*(e-\d+)?\t\S", line) for line in lines)
        self.check(done.returncode == 0 and ok, what, done.stdout + done.stderr)

    def cmake(self, language: str, source: Path, standard: int) -> None:
        """Builds and runs a program that finds the package by CMake, linked to either library."""
        folder = self.work / f"cmake-{language}"
        folder.mkdir()
        (folder / "CMakeLists.txt").write_text(
            f"cmake_minimum_required(VERSION 3.16)\n"
            f"project(route {language})\n"
            f"set(CMAKE_{language}_STANDARD {standard})\n"
            f"find_package(routellm {self.version().rsplit('.', 1)[0]} REQUIRED)\n"
            f'if(NOT EXISTS "${{routellm_DEFAULT_ARTIFACT}}/router.json")\n'
            f'  message(FATAL_ERROR "no default artifact")\nendif()\n'
            f"foreach(kind routellm routellm_static)\n"
            f"  add_executable(route_${{kind}} {source})\n"
            f"  target_link_libraries(route_${{kind}} PRIVATE routellm::${{kind}})\nendforeach()\n"
        )
        build = folder / "build"
        configure = self.run(["cmake", "-S", str(folder), "-B", str(build), f"-DCMAKE_PREFIX_PATH={self.tree}"])
        self.check(configure.returncode == 0, f"cmake configures {language}", configure.stdout + configure.stderr)
        make = self.run(["cmake", "--build", str(build)])
        if self.check(make.returncode == 0, f"cmake builds {language}", make.stdout + make.stderr):
            self.routes(build / "route_routellm", f"cmake {language}, shared")
            self.routes(build / "route_routellm_static", f"cmake {language}, static")

    def version(self) -> str:
        """The version that pkg-config says."""
        return self.flags("--modversion")[0]

    def cases(self) -> Path | None:
        """The conformance cases as a flat file."""
        source = ROOT / "tests" / "conformance" / "routing.json"
        if not source.exists():
            self.skip("conformance", f"{source.relative_to(ROOT)} is absent")
            return None
        cases.main(source, self.work / "cases.txt")
        return self.work / "cases.txt"

    def votes(self, program: Path | None, prefix: list[str]) -> None:
        """Runs the cases of routers with votes, and compares the explanations that the program wrote."""
        if program is None:
            return
        source = ROOT / "tests" / "conformance" / "sw_ranking.json"
        flat, out = self.work / "votes.txt", self.work / "explanations.txt"
        expected = cases.votes(source, flat, ROOT)
        self.count([*prefix, str(program), str(flat), str(out)])
        lines = out.read_text(encoding="utf-8").splitlines() if out.exists() else []
        got = {case: json.loads(text) for case, text in (line.split("\t", 1) for line in lines)}
        for case, explanation in expected.items():
            self.check(got.get(case) == explanation, f"explanation of {case}", f"{explanation}\n{got.get(case)}")

    def messages(self, program: Path | None, prefix: list[str]) -> None:
        """Runs the cases of chats."""
        if program is None:
            return
        flat = self.work / "messages.txt"
        count = cases.messages(ROOT / "tests" / "conformance" / "messages.json", flat)
        self.check(count >= 100, "the file of chats is whole", f"{count} cases")
        self.count([*prefix, str(program), str(flat)])

    def exports(self, program: Path | None, prefix: list[str]) -> None:
        """Runs the cases of exported models, and once more on a GPU where there is one."""
        if program is None:
            return
        source = ROOT / "tests" / "conformance" / "exports.json"
        flat = self.work / "exports.txt"
        cases.exports(source, flat, ROOT)
        count = len(json.loads(source.read_text(encoding="utf-8"))["cases"])
        self.check(count >= 40, "the file of exported models is whole", f"{count} cases")
        out = os.environ.get("ROUTELLM_CONFORMANCE_OUT")
        # Beside the results of the other cases. Without ONNX Runtime there are none.
        written = bool(out) and bool(self.env.get("ROUTELLM_ORT_PATH"))
        destination = str(Path(out or "").with_suffix(".exports.json").absolute()) if written else "-"
        self.count([*prefix, str(program), str(flat), destination])
        if self.name not in ("c", "cpp"):
            return
        if os.environ.get("ROUTELLM_TEST_CUDA") == "1":
            self.count([*prefix, str(program), str(flat), "-", "cuda"])
        else:
            self.skip("exported models on CUDA", "ROUTELLM_TEST_CUDA is not 1")

    def examples(self, header: str, suffix: str) -> list[Path]:
        """The programs on the opening page of a header."""
        text = (self.tree / "include" / header).read_text(encoding="utf-8")
        programs: list[list[str]] = [[]]
        for line in text[: text.index("*/")].splitlines():
            if line.startswith(" *     "):
                programs[-1].append(line[7:])
            elif line == " *":
                programs[-1].append("")
            else:
                programs.append([])
        paths = []
        for lines in programs:
            if any(line.startswith("#include") for line in lines):
                paths.append(self.work / f"example{len(paths)}{suffix}")
                paths[-1].write_text("\n".join(lines).strip("\n") + "\n", encoding="utf-8")
        return paths

    def run_examples(self, header: str, suffix: str, compiler: list[str]) -> None:
        """Compiles and runs the programs on the opening page of a header."""
        first, second, third, *others = self.examples(header, suffix)
        name = compiler[-1].removeprefix("-std=")
        program = self.compile(first, f"example-{name}", compiler)
        if program is not None:
            done = self.run([str(program)])
            ok = done.returncode == 0 and done.stdout.strip() != ""
            self.check(ok, f"the first example of {header} as {name}", done.stdout + done.stderr)
        program = self.compile(third, f"example-async-{name}", compiler)
        if program is not None:
            done = self.run([str(program)])
            # The prompts of both headers' programs: the second is asked for once more in C++.
            ok = done.returncode == 0 and len(done.stdout.splitlines()) == (3 if suffix == ".cpp" else 2)
            self.check(ok, f"the third example of {header} as {name}", done.stdout + done.stderr)
        for i, other in enumerate(others, 4):
            program = self.compile(other, f"example{i}-{name}", compiler)
            if program is not None:
                done = self.run([str(program)])
                ok = done.returncode == 0 and done.stdout.strip() != ""
                self.check(ok, f"example {i} of {header} as {name}", done.stdout + done.stderr)
        program = self.compile(second, f"example-models-{name}", compiler)
        if program is None:
            return
        done = self.run([str(program), str(MODELS / "bert-tiny"), str(MODELS / "stories260k-ts")])
        if "RuntimeUnavailable" in done.stderr and not self.env.get("ROUTELLM_ORT_PATH"):
            self.skip(f"the second example of {header}", NO_RUNTIME)
            return
        names = re.findall("^(?:gpt-4|mixtral-8x7b)\\b", done.stdout, re.MULTILINE)
        ok = done.returncode == 0 and len(names) == 2
        self.check(ok, f"the second example of {header} as {name}", done.stdout + done.stderr)

    def old_artifact(self) -> str:
        """A copy of an artifact of version 1, to be upgraded."""
        folder = self.fixtures / "old"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(CONFORMANCE / "sw-caller", folder)
        return str(folder)

    def report(self) -> int:
        """Prints the last line; the exit status."""
        print(f"{self.name}: {self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        return int(self.failed > 0)


def symbols(suite: Suite) -> None:
    """What the shared library exports, its name, and how it is linked."""
    library = suite.tree / "lib" / "libroutellm.so.0"
    done = suite.run(["nm", "-D", "--defined-only", str(library)])
    exported = sorted(line.split()[-1].split("@")[0] for line in done.stdout.splitlines())
    expected = (ROOT / "tests" / "abi" / "symbols.txt").read_text(encoding="utf-8").split()
    difference = sorted(set(exported) ^ set(expected))
    suite.check(exported == sorted(expected), "exported symbols are those of tests/abi/symbols.txt", str(difference))
    dynamic = suite.run(["readelf", "-dW", str(library)]).stdout
    suite.check("[libroutellm.so.0]" in dynamic, "SONAME is libroutellm.so.0", dynamic)
    suite.check("NODELETE" in dynamic, "the library is marked nodelete", dynamic)
    needed = re.findall(r"NEEDED.*\[(.*)\]", dynamic)
    allowed = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
    suite.check(set(needed) <= allowed, "nothing but the C library is needed", str(needed))
    link = suite.tree / "lib" / "libroutellm.so"
    suite.check(link.is_symlink() and os.readlink(link) == "libroutellm.so.0", "libroutellm.so is a relative link")
    installed = (suite.tree / "include" / "routellm.h").read_text(encoding="utf-8")
    declared = set(re.findall(r"^[a-z].*?\b(routellm_\w+)\(", installed, re.MULTILINE))
    suite.check(declared == set(expected), "the header declares what is exported", str(declared ^ set(expected)))


def without_runtime(suite: Suite, program: Path, prefix: list[str]) -> None:
    """Places that are looked at, with and without environment variables."""
    if not (MF_MINILM / "router.json").exists():
        suite.skip("missing ONNX Runtime", "artifacts/mf-minilm is absent")
        return
    command = [*prefix, str(program), str(MF_MINILM), str(suite.fixtures / "caller-mf")]
    nowhere = "/nowhere/libonnxruntime.so"
    for i, variable in enumerate(ORT_VARIABLES):
        unset = dict.fromkeys(ORT_VARIABLES, "")
        suite.count([*command, f"{nowhere}.{i} ({variable})"], **{**unset, variable: f"{nowhere}.{i}"})
    # A system with an ONNX Runtime of its own would find it.
    found = suite.run(["sh", "-c", "ldconfig -p 2>/dev/null || /sbin/ldconfig -p"]).stdout
    if "libonnxruntime.so" in found:
        suite.skip("no ONNX Runtime anywhere", "this system has one")
        return
    parts = [f"{variable}: not set" for variable in ORT_VARIABLES] + ["libonnxruntime.so", "1.24"]
    suite.count([*command, *parts], **dict.fromkeys(ORT_VARIABLES, ""))


def broken_libraries(folder: Path) -> dict[str, str]:
    """Files that no loader takes, by path, and what the system says of them."""
    # A shared object for the i386.
    header = bytearray(64)
    header[:7] = b"\x7fELF\x01\x01\x01"
    header[16], header[18], header[20] = 3, 3, 1
    files = {"short.so": (b"\x7fELF", "file too short"), "text.so": (b"x" * 100, "invalid ELF header")}
    files["other.so"] = (bytes(header), "wrong ELF class")
    for name, (contents, _) in files.items():
        (folder / name).write_bytes(contents)
    return {str(folder / name): said for name, (_, said) in files.items()}


def with_broken_runtime(suite: Suite, program: Path, prefix: list[str]) -> None:
    """A library that the system cannot load: its own words are in the error."""
    if (MF_MINILM / "router.json").exists():
        for library, said in broken_libraries(suite.work).items():
            command = [*prefix, str(program), str(MF_MINILM), str(suite.fixtures / "caller-mf"), library, said]
            suite.count(command, **{**dict.fromkeys(ORT_VARIABLES, ""), "ROUTELLM_ORT_PATH": library})


def thread_sanitizer(suite: Suite) -> None:
    """A program with threads under ThreadSanitizer: reports without the file that is installed, none with it."""
    folder = ROOT / "tests" / "c"
    probe = suite.work / "probe.c"
    probe.write_text("int main(void) { return 0; }\n", encoding="utf-8")
    compiler = ["cc", "-std=c99", "-D_XOPEN_SOURCE=700", "-fsanitize=thread"]
    built = suite.run([*compiler, str(probe), "-o", str(suite.work / "probe")])
    if built.returncode != 0 or suite.run([str(suite.work / "probe")]).returncode != 0:
        suite.skip("ThreadSanitizer", "the compiler has none that runs here")
        return
    program = suite.compile(folder / "tsan.c", "tsan", compiler)
    if program is None:
        return
    file = suite.tree / "share" / "routellm" / "tsan.supp"
    suppressed = f"suppressions={file}"
    suite.count([str(program), str(MF_MINILM)], TSAN_OPTIONS=suppressed)
    quiet = suite.run([str(program), str(MF_MINILM)], TSAN_OPTIONS=suppressed)
    suite.check("ThreadSanitizer" not in quiet.stderr, "no report with tsan.supp", quiet.stderr)
    race = suite.run([str(program), str(MF_MINILM), "race"], TSAN_OPTIONS=suppressed)
    # Of the program's own, and nothing else.
    reports = re.findall("^SUMMARY: ThreadSanitizer: (.*)$", race.stderr, re.MULTILINE)
    own = bool(reports) and all("data race" in report and "tsan.c" in report for report in reports)
    suite.check(own, "a race of one's own is reported with tsan.supp", race.stderr)
    loud = suite.run([str(program), str(MF_MINILM)], TSAN_OPTIONS="")
    suite.check("ThreadSanitizer" in loud.stderr, "there are false reports without tsan.supp", loud.stderr)


def suite_c(suite: Suite) -> None:
    """C99 and C11; the same source as C++17."""
    folder = ROOT / "tests" / "c"
    symbols(suite)
    standards = [["cc", "-std=c99"], ["cc", "-std=c11"], ["c++", "-x", "c++", "-std=c++17"]]
    for compiler in standards:
        name = compiler[-1].removeprefix("-std=")
        suite.routes(suite.compile(folder / "route.c", f"route-{name}", compiler), f"route.c as {name}")
        suite.run_examples("routellm.h", ".c", compiler)
    library = str(suite.tree / "lib" / "libroutellm.a")
    native = [flag for flag in suite.flags("--libs", "--static") if flag != "-lroutellm" and flag[:2] != "-L"]
    static = suite.compile(folder / "route.c", "route-static", ["cc", "-std=c99"], library, *native)
    suite.routes(static, "route.c, static")
    suite.cmake("C", folder / "route.c", 99)
    programs(suite, ["cc", "-std=c99", "-D_XOPEN_SOURCE=700"], [])
    thread_sanitizer(suite)


def programs(suite: Suite, compiler: list[str], prefix: list[str]) -> None:
    """The programs of checks in C."""
    folder = ROOT / "tests" / "c"
    arguments = {
        "abi": [],
        "values": [str(suite.fixtures)],
        "options": [],
        "refusals": [str(suite.fixtures)],
        "shares": [str(CONFORMANCE), suite.old_artifact()],
        "asks": [str(CONFORMANCE)],
        "threads": [],
        "doctor": [str(CONFORMANCE)],
        "hooks": [],
        "train": [str(suite.work)],
        "calibrate": [str(suite.work)],
        "evaluate": [str(suite.work)],
        "candidates": [str(suite.work)],
        "runtime": None,
        "conformance": None,
        "votes": None,
        "messages": None,
        "exports": None,
        "models": [str(MODELS)],
        "async": [str(MODELS), str(suite.fixtures)],
        "forks": [str(MODELS)],
        "stress": [str(MODELS), str(MF_MINILM)],
    }
    for name, args in arguments.items():
        program = suite.compile(folder / f"{name}.c", name, compiler)
        if program is None:
            continue
        if name == "runtime":
            without_runtime(suite, program, prefix)
            with_broken_runtime(suite, program, prefix)
        elif name == "votes":
            suite.votes(program, prefix)
        elif name == "messages":
            suite.messages(program, prefix)
        elif name == "exports":
            suite.exports(program, prefix)
        elif name == "conformance":
            flat = suite.cases()
            if flat is not None:
                suite.count([*prefix, str(program), str(flat), str(MF_MINILM)])
        elif name == "forks":
            # What a parent's threads held is lost in a child, which is no leak of anybody's.
            lost = ["--leak-check=no" if option.startswith("--leak-check") else option for option in prefix]
            asan = suite.env.get("ASAN_OPTIONS", "").replace("detect_leaks=1", "detect_leaks=0")
            suite.count([*lost, str(program), *(args or [])], ASAN_OPTIONS=asan)
        else:
            suite.count([*prefix, str(program), *(args or [])])


def suite_cpp(suite: Suite) -> None:
    """C++17 through routellm.hpp."""
    folder = ROOT / "tests" / "cpp"
    compiler = ["c++", "-std=c++17"]
    suite.run_examples("routellm.hpp", ".cpp", compiler)
    for standard in ("c++17", "c++20"):
        program = suite.compile(folder / "route.cpp", f"route-{standard}", ["c++", f"-std={standard}"])
        suite.routes(program, f"route.cpp as {standard}")
    suite.cmake("CXX", folder / "route.cpp", 17)
    test = suite.compile(folder / "test.cpp", "test", compiler)
    if test is not None:
        suite.count([str(test), str(suite.fixtures)])
    shares = suite.compile(folder / "shares.cpp", "shares", compiler)
    if shares is not None:
        suite.count([str(shares), str(CONFORMANCE), suite.old_artifact()])
    asks = suite.compile(folder / "asks.cpp", "asks", compiler)
    if asks is not None:
        suite.count([str(asks), str(CONFORMANCE)])
    include = f"-I{ROOT / 'tests' / 'c'}"
    runtime = suite.compile(folder / "runtime.cpp", "runtime", compiler)
    if runtime is not None:
        without_runtime(suite, runtime, [])
        with_broken_runtime(suite, runtime, [])
    suite.votes(suite.compile(folder / "votes.cpp", "votes", [*compiler, include]), [])
    suite.messages(suite.compile(folder / "messages.cpp", "messages", [*compiler, include]), [])
    suite.exports(suite.compile(folder / "exports.cpp", "exports", [*compiler, include]), [])
    candidates = suite.compile(folder / "candidates.cpp", "candidates", compiler)
    if candidates is not None:
        suite.count([str(candidates), str(suite.work)])
    train = suite.compile(folder / "train.cpp", "train", compiler)
    if train is not None:
        suite.count([str(train), str(suite.work)])
    calibrate = suite.compile(folder / "calibrate.cpp", "calibrate", compiler)
    if calibrate is not None:
        suite.count([str(calibrate), str(suite.work)])
    evaluate = suite.compile(folder / "evaluate.cpp", "evaluate", compiler)
    if evaluate is not None:
        suite.count([str(evaluate)])
    hooks = suite.compile(folder / "hooks.cpp", "hooks", compiler)
    if hooks is not None:
        suite.count([str(hooks)])
    for name in ("models", "async", "forks"):
        program = suite.compile(folder / f"{name}.cpp", name, compiler)
        if program is not None:
            suite.count([str(program), str(MODELS)])
    # One source with exceptions and without.
    for flags in ([], ["-fno-exceptions", "-fno-rtti"]):
        name = "without-exceptions" if flags else "attempts"
        program = suite.compile(folder / "without_exceptions.cpp", name, [*compiler, *flags])
        if program is not None:
            suite.count([str(program)])
            ended = suite.run([str(program), "fail"])
            ok = ended.returncode < 0 and "/nowhere/at/all: no such folder" in ended.stderr
            suite.check(ok, f"a failure outside of attempt() ends the program, {name}", ended.stderr)
    for i, path in enumerate(suite.examples("routellm.hpp", ".cpp")):
        # Futures hold another type then.
        if "std::future<" not in path.read_text(encoding="utf-8"):
            suite.compile(path, f"example{i}-plain", [*compiler, "-fno-exceptions", "-fno-rtti"])
    linked_together(suite)
    conformance = suite.compile(folder / "conformance.cpp", "conformance", [*compiler, include])
    flat = suite.cases()
    if conformance is not None and flat is not None:
        suite.count([str(conformance), str(flat), str(MF_MINILM)])


def linked_together(suite: Suite) -> None:
    """Two parts of one program, one of them without exceptions: each fails in its own way."""
    strict = suite.work / "strict.cpp"
    strict.write_text(
        "#include <routellm.hpp>\n"
        "bool fails_quietly();\n"
        "bool fails_quietly()\n{\n"
        '    return !routellm::attempt([] { return routellm::Router::open("/nowhere"); });\n}\n',
        encoding="utf-8",
    )
    main = suite.work / "parts.cpp"
    main.write_text(
        "#include <routellm.hpp>\n"
        "bool fails_quietly();\n"
        "int main()\n{\n"
        "    try {\n"
        '        static_cast<void>(routellm::Router::open("/nowhere"));\n'
        "    } catch (const routellm::Error &) {\n"
        "        return fails_quietly() ? 0 : 1;\n"
        "    }\n"
        "    return 2;\n}\n",
        encoding="utf-8",
    )
    compiled = suite.work / "strict.o"
    command = ["c++", "-std=c++17", "-fno-exceptions", "-fno-rtti", "-c", str(strict), *suite.flags("--cflags")]
    done = suite.run([*command, "-o", str(compiled)])
    suite.check(done.returncode == 0, "a part without exceptions compiles", done.stderr)
    program = suite.compile(main, "parts", ["c++", "-std=c++17"], str(compiled), *suite.flags("--libs"))
    if program is not None:
        done = suite.run([str(program)])
        suite.check(done.returncode == 0, "parts with and without exceptions are linked together", done.stderr)


def suite_valgrind(suite: Suite) -> None:
    """The programs of checks under valgrind: no error and no leak."""
    if shutil.which("valgrind") is None:
        suite.skip("valgrind", "not installed")
        return
    suppressions = ROOT / "tests" / "c" / "valgrind.supp"
    options = ["--quiet", "--leak-check=full", "--show-leak-kinds=definite,indirect", "--error-exitcode=99"]
    prefix = ["valgrind", *options, "--errors-for-leak-kinds=definite,indirect", f"--suppressions={suppressions}"]
    # An encoder takes minutes there, and its allocations are not ours.
    suite.leave_models_out()
    programs(suite, ["cc", "-std=c99", "-D_XOPEN_SOURCE=700"], prefix)


def suite_sanitize(suite: Suite) -> None:
    """The programs of checks with the address and undefined behaviour sanitizers of the C compiler.

    They see what the programs do, and every allocation of the library: leaks, double frees, writes past a
    caller's array by the C library on its behalf.
    """
    suite.env["ASAN_OPTIONS"] = "detect_leaks=1:abort_on_error=0:exitcode=99"
    suite.env["UBSAN_OPTIONS"] = "halt_on_error=1"
    # ONNX Runtime keeps what it allocates.
    suite.leave_models_out()
    programs(suite, ["cc", "-std=c99", "-D_XOPEN_SOURCE=700", "-fsanitize=address,undefined"], [])


def main() -> int:
    """Runs one suite."""
    suites = {"c": suite_c, "cpp": suite_cpp, "valgrind": suite_valgrind, "sanitize": suite_sanitize}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", choices=suites)
    parser.add_argument("--tree", type=Path, required=True, help="the installed tree")
    parser.add_argument("--work", type=Path, required=True, help="folder for programs, emptied first")
    arguments = parser.parse_args()
    suite = Suite(arguments.suite, arguments.tree, arguments.work)
    suites[arguments.suite](suite)
    return suite.report()


if __name__ == "__main__":
    sys.exit(main())
