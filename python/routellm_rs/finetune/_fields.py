"""What specifications are checked with: names, numbers, members."""

from __future__ import annotations

import dataclasses
from typing import Any

from routellm_rs.errors import InvalidArgumentError


def default_of(one: dataclasses.Field[Any]) -> Any:
    return one.default_factory() if one.default_factory is not dataclasses.MISSING else one.default


def changed(value: Any, leave_out: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the members of a dataclass that are not as by default."""
    fields = [
        (one, getattr(value, one.name)) for one in dataclasses.fields(value) if one.name not in leave_out
    ]
    plain = {one.name: list(v) if isinstance(v, tuple) else v for one, v in fields if v != default_of(one)}
    return {name: dict(v) if hasattr(v, "keys") else v for name, v in plain.items()}


def members_of(where: str, of: type, given: Any) -> dict[str, Any]:
    if not hasattr(given, "keys"):
        raise InvalidArgumentError(f"{where} is {type(given).__name__}, expected an object")
    known = [one.name for one in dataclasses.fields(of)]
    for name in given:
        if name not in known:
            raise InvalidArgumentError(f"{where} has no member {name!r}; there are {', '.join(known)}")
    return dict(given)


def names_of(where: str, given: Any) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else tuple(given) if hasattr(given, "__iter__") else (None,)
    if not all(isinstance(name, str) for name in names):
        raise InvalidArgumentError(f"{where} is {given!r}, expected a list of names")
    return names


def check_mapping(where: str, given: Any) -> None:
    if not hasattr(given, "keys"):
        raise InvalidArgumentError(f"{where} is of type {type(given).__name__}, expected an object")


def is_number(value: Any, *, whole: bool = False) -> bool:
    return not isinstance(value, bool) and isinstance(value, int if whole else (int, float))


def check_one_of(name: str, value: Any, known: tuple[Any, ...]) -> None:
    if value not in known:
        expected = ", ".join("none" if one is None else str(one) for one in known)
        raise InvalidArgumentError(f"{name} is {value!r}, expected {expected}")
