"""Embeddings through the buffer protocol."""

from __future__ import annotations

import array
import ctypes
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from routellm_rs import InvalidArgumentError, RouteLLMError, Router

VALUES = [0.5, -0.25, 0.125, 1.0, -1.5, 0.0, 2.0, -0.75]


def flat(values: list[float]) -> array.array[float]:
    return array.array("f", values)


def test_every_kind_of_buffer_gives_the_same_bits(caller_router: Router) -> None:
    numbers = np.array(VALUES, dtype=np.float32)
    read_only = numbers.copy()
    read_only.flags.writeable = False
    buffers: list[Any] = [
        numbers,
        numbers.reshape(1, 8),
        read_only,
        numbers.astype("<f4"),
        flat(VALUES),
        memoryview(flat(VALUES)),
        memoryview(flat(VALUES)).toreadonly(),
        memoryview(bytes(flat(VALUES))).cast("f"),
        memoryview(bytes(flat(VALUES))).cast("f", [1, 8]),
        (ctypes.c_float * 8)(*VALUES),
        np.stack([numbers, numbers])[1],
    ]
    expected = caller_router.win_rate_from_embedding(numbers)
    assert 0 < expected < 1
    for buffer in buffers:
        assert caller_router.win_rate_from_embedding(buffer) == expected
        assert caller_router.route_embedding(buffer, threshold=0.5).win_rate == expected
        rates = caller_router.win_rates_from_embeddings(buffer)
        assert rates.tolist() == [expected]


def test_other_numbers_are_converted(caller_router: Router) -> None:
    numbers = np.array(VALUES, dtype=np.float32)
    wide = np.zeros((8, 3), dtype=np.float32)
    wide[:, 1] = numbers
    shifted = np.frombuffer(b"x" + bytes(flat(VALUES)), dtype=np.float32, offset=1)
    given: list[Any] = [
        VALUES,
        tuple(VALUES),
        [VALUES],
        (tuple(VALUES),),
        [numbers],
        [np.float32(value) for value in VALUES],
        [np.float64(value) for value in VALUES],
        [Fraction(value) for value in VALUES],
        [0.5, -0.25, 0.125, 1, -1.5, 0, 2, -0.75],
        numbers.astype(np.float64),
        numbers.astype(np.float16),
        *(numbers.astype(order + kind) for order in "<>" for kind in ("f2", "f4", "f8")),
        array.array("d", VALUES),
        (ctypes.c_double * 8)(*VALUES),
        wide[:, 1],
        numbers[::-1].copy()[::-1],
        numbers.astype(">f8").reshape(1, 8),
        shifted,
    ]
    expected = caller_router.win_rate_from_embedding(numbers)
    for value in given:
        assert caller_router.win_rate_from_embedding(value) == expected
        assert caller_router.route_embedding(value, threshold=0.5).win_rate == expected
        assert caller_router.win_rates_from_embeddings(value).tolist() == [expected]


def test_rows_are_converted_as_numpy_does(caller_router: Router) -> None:
    rows = np.random.default_rng(3).normal(size=(20, 8))
    rows[0, 0], rows[0, 1], rows[0, 2] = 1e-40, 6e-8, -0.0
    whole = rows.astype(np.float32)
    expected = caller_router.win_rates_from_embeddings(whole).tolist()
    given: list[Any] = [
        rows,
        rows.astype(">f8"),
        np.asfortranarray(rows),
        np.asfortranarray(whole),
        np.repeat(rows, 2, axis=1)[:, ::2],
        rows[::-1].copy()[::-1],
        rows.tolist(),
        list(rows),
        tuple(whole),
        [tuple(row) for row in rows],
        rows.ravel().tolist(),
    ]
    for value in given:
        assert caller_router.win_rates_from_embeddings(value).tolist() == expected
    halves = rows.astype(np.float16)
    expected = caller_router.win_rates_from_embeddings(halves.astype(np.float32)).tolist()
    assert caller_router.win_rates_from_embeddings(halves).tolist() == expected
    assert caller_router.win_rates_from_embeddings(halves.astype(">f2").T.copy().T).tolist() == expected
    one = caller_router.win_rates_from_embeddings(np.broadcast_to(rows[4], (3, 8))).tolist()
    assert one == [caller_router.win_rate_from_embedding(rows[4])] * 3
    assert caller_router.win_rates_from_embeddings([]).shape == (0,)


class Odd:
    def __float__(self) -> float:
        raise ValueError("odd")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([*VALUES[:7], "0.5"], "element 7 of the embedding is of type str, expected a number"),
        ([None, *VALUES[:7]], "element 0 of the embedding is of type NoneType"),
        ([*VALUES[:7], True], "element 7 of the embedding is of type bool"),
        ([*VALUES[:7], 1j], "element 7 of the embedding is of type complex"),
        ([*VALUES[:7], Odd()], "element 7 of the embedding is of type Odd"),
        ([*VALUES[:7], 10**400], "element 7 of the embedding is of type int"),
        ([*VALUES[:7], [0.5]], "element 7 of the embedding is of type list"),
        ([*VALUES[:7], 1e300], "inf"),
        (["text"] * 8, "element 0 of the embedding is of type str"),
        ([[*VALUES[:7], "0.5"]], "row 0: element 7 of the embedding is of type str"),
        ([VALUES, 0.5], "row 1: the embedding is of type float"),
        ([VALUES, VALUES[:7]], "row 1 of the embeddings has 7 numbers"),
        ([[VALUES]], "row 0: element 0 of the embedding is of type list"),
        ([np.zeros((1, 8))], "row 0 of the embeddings has 2 dimensions"),
        ([{"embedding": VALUES}], "row 0: the embedding is of type dict"),
    ],
)
def test_an_element_that_is_no_number_is_named(caller_router: Router, value: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        caller_router.win_rates_from_embeddings(value)
    with pytest.raises(InvalidArgumentError):
        caller_router.route_embedding(value, threshold=0.5)


def test_a_list_that_holds_itself_is_refused(caller_router: Router) -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(InvalidArgumentError, match="row 0: element 0 of the embedding is of type list"):
        caller_router.win_rate_from_embedding(endless)


def test_rows_have_the_bits_of_single_calls(caller_router: Router) -> None:
    rows = np.random.default_rng(3).normal(size=(50, 8)).astype(np.float32)
    rates = caller_router.win_rates_from_embeddings(rows)
    assert rates.dtype == np.float64
    assert rates.shape == (50,)
    assert rates.flags.writeable
    assert rates.tolist() == [caller_router.win_rate_from_embedding(row) for row in rows]
    # A flat buffer holds as many rows as it is long.
    assert caller_router.win_rates_from_embeddings(rows.ravel()).tolist() == rates.tolist()
    assert caller_router.win_rates_from_embeddings(rows[:0]).shape == (0,)
    assert caller_router.win_rates_from_embeddings(flat([])).shape == (0,)


Call = Callable[[Router, Any], Any]
ONE: list[Call] = [
    Router.win_rate_from_embedding,
    Router.candidate_scores_from_embedding,
    lambda router, value: router.route_embedding(value, threshold=0.5),
]
ALL: list[Call] = [*ONE, Router.win_rates_from_embeddings]


@pytest.mark.parametrize("call", ALL)
@pytest.mark.parametrize(
    ("value", "came"),
    [
        (None, "of type NoneType"),
        ("text", "of type str"),
        (1.5, "of type float"),
        ({0.5}, "of type set"),
        (dict.fromkeys(VALUES), "of type dict"),
        (range(8), "of type range"),
        (iter(VALUES), "of type list_iterator"),
        (np.arange(8), "format 'l'"),
        (np.array([True] * 8), "format '?'"),
        (np.array(VALUES, dtype=complex), "format 'Zd'"),
        (np.array(VALUES, dtype=object), "format 'O'"),
        (np.array(VALUES, dtype=np.longdouble), "format 'g'"),
        (np.zeros(8, dtype=[("x", "f4")]), "format 'T{f:x:}'"),
        (bytes(flat(VALUES)), "format 'B'"),
        (np.zeros((1, 1, 8), dtype=np.float32), "3 dimensions"),
        (np.zeros((1, 1, 8)), "3 dimensions"),
        (np.zeros((), dtype=np.float32), "0 dimensions"),
    ],
)
def test_what_is_no_number_is_refused(caller_router: Router, call: Call, value: Any, came: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        call(caller_router, value)
    message = str(caught.value).replace('"', "'")
    assert came in message
    assert "expected numbers with 1 or 2 dimensions: a buffer of float32" in message


@pytest.mark.parametrize("call", ALL)
@pytest.mark.parametrize("length", [1, 7, 9])
def test_another_length_is_refused(caller_router: Router, call: Call, length: int) -> None:
    with pytest.raises(InvalidArgumentError, match=rf"(?s){length}.*8"):
        call(caller_router, flat([0.5] * length))
    with pytest.raises(InvalidArgumentError, match=rf"(?s){length}.*8"):
        call(caller_router, np.zeros((1, length), dtype=np.float32))


def test_rows_of_no_numbers_are_refused(caller_router: Router) -> None:
    with pytest.raises(InvalidArgumentError, match="0 dimensions, this router takes 8"):
        caller_router.win_rates_from_embeddings(np.zeros((3, 0), dtype=np.float32))
    for call in ONE:
        with pytest.raises(InvalidArgumentError):
            call(caller_router, flat([]))


@pytest.mark.parametrize("call", ONE)
def test_several_rows_are_no_single_embedding(caller_router: Router, call: Call) -> None:
    with pytest.raises(InvalidArgumentError, match="2 rows, expected one embedding"):
        call(caller_router, np.zeros((2, 8), dtype=np.float32))


@pytest.mark.parametrize("call", ALL)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 7])
def test_numbers_that_are_not_finite_are_refused(
    caller_router: Router, call: Call, bad: float, place: int
) -> None:
    values = list(VALUES)
    values[place] = bad
    with pytest.raises(InvalidArgumentError):
        call(caller_router, flat(values))


def test_an_error_names_the_row(caller_router: Router) -> None:
    rows = np.zeros((4, 8), dtype=np.float32)
    rows[2, 3] = math.nan
    with pytest.raises(InvalidArgumentError, match="row 2"):
        caller_router.win_rates_from_embeddings(rows)


@pytest.mark.parametrize("call", ALL)
def test_a_router_on_hashed_features_takes_no_embedding(router: Router, call: Call) -> None:
    with pytest.raises(InvalidArgumentError, match="hashed"):
        call(router, flat(VALUES))


def test_a_fallback_is_for_embeddings_too(checkpoint: Callable[[int], Path]) -> None:
    router = Router.open(checkpoint(8))
    decision = router.route_embedding(flat([math.nan] * 8), threshold=0.5, on_error="weak")
    assert decision.fallback
    assert decision.model == router.weak
    assert router.fallbacks == 1


def test_a_router_without_calibration_wants_a_threshold(caller_router: Router) -> None:
    with pytest.raises(InvalidArgumentError, match="no calibration"):
        caller_router.route_embedding(flat(VALUES))
    with pytest.raises(InvalidArgumentError, match="no calibration"):
        caller_router.threshold(strong_share=0.5)


def test_a_router_without_an_encoder_reads_no_prompt(caller_router: Router) -> None:
    for call in (caller_router.win_rate, caller_router.embed, caller_router.candidate_scores):
        with pytest.raises(RouteLLMError):
            call("hello")


def test_candidates_are_scored_by_name(caller_router: Router) -> None:
    scores = caller_router.candidate_scores_from_embedding(flat(VALUES))
    assert list(scores) == caller_router.models
    gap = scores[caller_router.strong] - scores[caller_router.weak]
    assert 1 / (1 + math.exp(-gap)) == pytest.approx(
        caller_router.win_rate_from_embedding(flat(VALUES)), abs=1e-6
    )


def test_an_exported_buffer_is_given_back(caller_router: Router) -> None:
    numbers = flat(VALUES)
    caller_router.win_rate_from_embedding(numbers)
    with pytest.raises(InvalidArgumentError):
        caller_router.win_rate_from_embedding(flat([*VALUES, 1.0]))
    # An array with an export cannot be resized.
    numbers.append(1.0)
    assert len(numbers) == 9


def test_embeddings_are_not_copied(checkpoint: Callable[[int], Path], run_python: Callable[..., str]) -> None:
    code = """
import resource, sys
import numpy
from routellm_rs import Router
router = Router.open(sys.argv[1])
rows = numpy.empty((65536, 1024), dtype=numpy.float32)
rows.fill(0.01)
router.win_rates_from_embeddings(rows[:1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rates = router.win_rates_from_embeddings(rows)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert len(set(rates.tolist())) == 1
print(rows.nbytes // 1024, after - before)
"""
    size, growth = map(int, run_python(code, checkpoint(1024)).split())
    assert size == 262_144
    assert growth < size / 8, f"the process grew by {growth} KiB on {size} KiB of embeddings"
