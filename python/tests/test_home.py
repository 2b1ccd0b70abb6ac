"""What Python programs do with any object: copies, pickles, weak references, mocks."""

from __future__ import annotations

import copy
import gc
import multiprocessing
import operator
import pickle
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from routellm_rs import Decision, NotFoundError, ReloadableRouter, Router, RuntimeUnavailableError, train

PROMPT = "Prove that there are infinitely many primes."
Checkpoint = Callable[[int], Path]


class Mine(Router):
    """A router of somebody else's class."""


def pickled(value: Any) -> Any:
    for protocol in range(pickle.HIGHEST_PROTOCOL):
        pickle.loads(pickle.dumps(value, protocol))
    return pickle.loads(pickle.dumps(value))


def test_a_copy_is_the_router_itself(router: Router) -> None:
    assert copy.copy(router) is router
    assert copy.deepcopy({"router": [router]})["router"][0] is router


def test_a_default_router_is_pickled_with_its_options() -> None:
    assert pickled(Router.default()).route(PROMPT) == Router.default().route(PROMPT)
    again = pickled(Router.default(read="all_user", ids=True))
    assert type(again) is Router
    assert again.info()["read"] == "all_user"
    assert again.route(PROMPT).id is not None
    assert type(pickled(Mine.default())) is Mine


def test_a_bundled_router_is_pickled_by_its_name() -> None:
    again = pickled(Router.bundled("default", read="all_user"))
    assert again.info()["read"] == "all_user"
    assert b"bundled" in pickle.dumps(again)


def test_a_folder_is_pickled_by_its_path(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = checkpoint(8)
    models = Router.open(folder).models
    monkeypatch.chdir(folder.parent)
    router = Router.open(folder.name, strong=models[3], weak=models[4])
    monkeypatch.chdir(tmp_path)
    again = pickled(router)
    assert (again.strong, again.weak, again.models) == (models[3], models[4], models)
    numbers = memoryview(bytes(32)).cast("f")
    assert again.win_rate_from_embedding(numbers) == router.win_rate_from_embedding(numbers)


def test_who_unpickles_a_router_needs_its_folder(linear_artifact: Path, tmp_path: Path) -> None:
    folder = tmp_path / "router"
    folder.mkdir()
    for file in linear_artifact.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    data = pickle.dumps(Router.open(folder))
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(NotFoundError, match="router"):
        pickle.loads(data)


def test_options_are_pickled_as_they_were(root: Path) -> None:
    template, tokens = {"kind": "plain", "text": "Rate {question}"}, list("12345")
    folder = root / "tests" / "models" / "llama-tiny"
    try:
        router = Router.open(folder, strong="a", weak="b", template=template, score_tokens=iter(tokens))  # type: ignore[arg-type]
    except RuntimeUnavailableError as error:
        pytest.skip(f"no ONNX Runtime: {error}")
    model = router.info()["model"]
    assert pickled(router).info()["model"] == model
    template["text"] = "Changed {question}"
    assert pickled(router).info()["model"] == model


def test_routers_take_weak_references(checkpoint: Checkpoint) -> None:
    router = Router.open(checkpoint(8))
    seen: list[int] = []
    reference = weakref.ref(router, lambda _: seen.append(1))
    known = weakref.WeakKeyDictionary({router: 1})
    assert reference() is router
    assert known[router] == 1
    del router
    gc.collect()
    assert reference() is None
    assert seen == [1]
    assert len(known) == 0


@pytest.mark.parametrize("make", [Router.default, lambda: ReloadableRouter(Router.default())])
def test_methods_can_be_mocked(make: Callable[[], Router]) -> None:
    router = make()
    fixed = Decision("fixed", "strong", 0.75, 0.5)
    with mock.patch.object(router, "route", autospec=True, return_value=fixed) as route:
        assert router.route(PROMPT, threshold=0.5).model == "fixed"
        route.assert_called_once_with(PROMPT, threshold=0.5)
    assert router.route(PROMPT).model in router.models
    with mock.patch.object(Router, "route", return_value=fixed):
        assert router.route(PROMPT) is fixed
    double = mock.create_autospec(router, instance=True)
    double.route.return_value = fixed
    assert double.route(PROMPT) is fixed
    # What is read only stays that.
    with pytest.raises(AttributeError):
        router.strong = "x"  # type: ignore[misc]


def test_a_reloadable_router_is_copied_with_its_router(linear_artifact: Path) -> None:
    router = ReloadableRouter(Router.default())
    for make in (copy.copy, copy.deepcopy, pickled):
        again = make(router)
        assert type(again) is ReloadableRouter
        assert again is not router
        assert again.route(PROMPT) == router.route(PROMPT)
        again.replace(Router.open(linear_artifact))
        assert again.info()["path"] != router.info()["path"] is None
        # Pickled is what is in use, and not what was.
        assert pickled(again).info()["path"] == again.info()["path"]


def test_what_a_training_returned_is_pickled_by_its_folder(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = root / "tests" / "models" / "bert-tiny"
    monkeypatch.chdir(tmp_path)
    options: Any = {"kind": "bert", "head": "three_labels", "control_tokens": "text", "max_tokens": 64}
    try:
        router = train.from_export(
            "out",
            folder,
            strong="a",
            weak="b",
            names={"strong": "gpt-5"},
            ids=True,
            read="all_user",
            **options,
        )
    except RuntimeUnavailableError as error:
        pytest.skip(f"no ONNX Runtime: {error}")
    monkeypatch.chdir(root)
    again = pickled(router)
    assert again.win_rate("what [SEP] is") == router.win_rate("what [SEP] is")
    assert again.models == router.models == ["gpt-5", "b"]
    assert again.route(PROMPT, threshold=0).id is not None
    assert again.info()["read"] == router.info()["read"] == "all_user"


def test_routers_go_to_processes_that_are_spawned(linear_artifact: Path) -> None:
    routers = [
        Router.default(names={"strong": "gpt-5", "weak": "gpt-5-mini"}),
        Router.bundled("default", names={"strong": "gpt-5"}),
        Router.open(linear_artifact, names={"weak": "mini"}),
        ReloadableRouter(Router.open(linear_artifact)),
    ]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        decided = pool.map_async(operator.methodcaller("route", PROMPT), routers).get(60)
    assert decided == [router.route(PROMPT) for router in routers]
