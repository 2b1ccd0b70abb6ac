"""Forked children: what they inherit works, is opened anew, or is refused; nothing hangs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

# `forked(child)` runs `child()` in a forked child and returns what it came to. The alarm ends a child that
# hangs, so that its status tells.
FORK = """
import gc, os, signal, sys, threading
from routellm_rs import *

def forked(child, normally=False):
    reader, writer = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)
        os.close(reader)
        try:
            answer = repr(child())
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        os.write(writer, answer.encode())
        os.close(writer)
        if normally:
            sys.exit(0)
        os._exit(0)
    os.close(writer)
    answer = b"".join(iter(lambda: os.read(reader, 4096), b"")).decode()
    os.close(reader)
    status = os.waitpid(pid, 0)[1]
    return answer if status == 0 else f"ended by {status} after {answer}"
"""


def test_a_child_can_use_a_hashed_router(run_python: Callable[..., str]) -> None:
    code = """
router = Router.default()
before = router.win_rate("hello")
print(forked(lambda: router.win_rate("hello") == before))
"""
    assert run_python(FORK + code).strip() == "True"


@pytest.mark.usefixtures("onnx_router")
@pytest.mark.parametrize("intra_threads", [1, 2, 4])
@pytest.mark.parametrize("normally", [False, True])
def test_a_child_may_use_drop_replace_and_outlive_a_router(
    run_python: Callable[..., str], mf_artifact: Path, intra_threads: int, normally: bool
) -> None:
    code = f"""
import asyncio
path, options = sys.argv[1], dict(intra_threads={intra_threads})
routers = [Router.open(path, **options), Router.open(path, **options)]
before = routers[0].win_rate("hello")

def use():
    return all(router.win_rate("hello") == before for router in routers)

def use_without_waiting():
    return asyncio.run(routers[0].awin_rate("hello")) == before

def drop():
    routers.clear()
    gc.collect()
    return Router.open(path, **options).win_rate("hello") == before

def replace():
    routers[0] = Router.open(path, **options)
    return use()

def nest():
    return use() and forked(use) == "True"

def close():
    routers[0].close()
    return routers[0].closed and routers[1].win_rate("hello") == before

def leave():
    return True

print([forked(child, {normally}) for child in (use, use_without_waiting, drop, replace, nest, close, leave)])
print(use())
"""
    output = run_python(FORK + code, mf_artifact)
    assert output.splitlines() == [str(["True"] * 7), "True"]


@pytest.mark.usefixtures("onnx_router")
def test_a_child_refuses_files_that_were_changed(
    run_python: Callable[..., str], mf_artifact: Path, tmp_path: Path
) -> None:
    code = """
import shutil
from pathlib import Path
folder = Path(sys.argv[2]) / "artifact"
shutil.copytree(sys.argv[1], folder)
router = Router.open(folder)
model = next(folder.rglob("*.onnx"))
original = model.read_bytes()
changed = bytearray(original)
changed[len(changed) // 2] ^= 1

def change():
    model.write_bytes(bytes(changed))
    router.route("hello")

def remove():
    model.unlink()
    router.route("hello")

print(forked(change))
model.write_bytes(original)
print(forked(remove))
model.write_bytes(original)
print(forked(lambda: router.route("hello").fallback))
"""
    changed, removed, restored = run_python(FORK + code, mf_artifact, tmp_path).splitlines()
    assert changed.startswith("InvalidModelError: ")
    assert "changed" in changed
    assert removed.startswith("InvalidModelError: ")
    assert "removed" in removed
    # The same bytes are the same file, whenever they were written.
    assert restored == "False"


@pytest.mark.usefixtures("onnx_router")
def test_a_child_of_a_running_call_is_refused_and_does_not_hang(
    run_python: Callable[..., str], mf_artifact: Path
) -> None:
    code = """
router = Router.open(sys.argv[1])
stop = threading.Event()

def work():
    while not stop.is_set():
        router.win_rates(["a question that takes some time " * 40] * 3)

thread = threading.Thread(target=work)
thread.start()
answers = set()
while not any(answer.startswith("Unsupported") for answer in answers):
    while router.stats()["busy"] == 0:
        pass
    answers.add(forked(lambda: router.route("hello").fallback))
stop.set()
thread.join()
refused = {answer for answer in answers if "forked while a call was running" in answer}
print(answers <= refused | {"False"})
print(forked(lambda: router.route("hello").fallback))
"""
    assert run_python(FORK + code, mf_artifact).splitlines() == ["True", "False"]


@pytest.mark.usefixtures("onnx_router")
def test_a_gunicorn_that_preloads_answers(run_python: Callable[..., str], tmp_path: Path) -> None:
    application = """
from routellm_rs import Router
router = Router.bundled("mf-minilm")
router.route("warm up")

def app(environ, start_response):
    text = repr(router.route("hello there"))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text.encode()]
"""
    (tmp_path / "application.py").write_text(application, encoding="utf-8")
    code = """
import subprocess, sys, urllib.request
gunicorn = [sys.executable, "-W", "ignore", "-m", "gunicorn", "--preload", "--workers", "2"]
command = [*gunicorn, "--bind", "127.0.0.1:0", "application:app"]
server = subprocess.Popen(command, cwd=sys.argv[1], stderr=subprocess.PIPE, text=True)
address = next(line.split("http://")[1].split()[0] for line in server.stderr if "Listening at" in line)
answers = [urllib.request.urlopen(f"http://{address}", timeout=60).read().decode() for _ in range(6)]
server.terminate()
log = server.stderr.read()
print(server.wait(60), all("win_rate" in answer for answer in answers), "TIMEOUT" in log)
"""
    assert run_python(code, tmp_path).strip() == "0 True False"
