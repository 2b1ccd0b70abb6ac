"""The table of options, read from `core/options.toml` and checked."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "core" / "options.toml"

GROUPS = ("router", "session", "votes", "export")
FIELD_TYPES = ("number", "optional", "of_pair", "flag", "id", "index")
TYPES = (
    *("text", "path", "name", "count", "index", "bytes", "number", "flag", "clusters", "spec", "tokens", "labels"),
    "candidates",
)
CALL_TYPES = ("number", "name", "milliseconds", "texts", "count")


def one_of(names: list[str], mark: str = '"') -> str:
    """Return `"a", "b" or "c"`."""
    quoted = [f"{mark}{name}{mark}" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def pascal(name: str) -> str:
    """Return `outOfRange` names as types have them: `OutOfRange`."""
    return "".join(part.capitalize() for part in name.split("_"))


def camel(name: str) -> str:
    """Return the name as JavaScript spells it."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


@dataclass(frozen=True)
class Value:
    """One name that an option may have as its value."""

    name: str
    doc: str


@dataclass(frozen=True)
class Names:
    """The names of one kind of value."""

    name: str
    rust: str
    doc: str
    c: str
    values: tuple[Value, ...]
    default: str | None
    go: dict[str, str]

    @property
    def expected(self) -> str:
        """What an error says was expected."""
        return one_of([value.name for value in self.values])

    def constant(self, value: str) -> str:
        """Return the constant of C for one of the names."""
        return f"ROUTELLM_{self.name}_{value}".upper()

    def go_name(self, value: str) -> str:
        """Return the constant of Go for one of the names."""
        return self.go.get(value, pascal(value))


@dataclass(frozen=True)
class Option:
    """One option."""

    name: str
    group: str
    type: str
    doc: str
    since: str
    default: str
    argument: str
    names: Names | None = None
    range: str | None = None
    least: int | None = None
    most: int | None = None
    rust: str | None = None
    ts: str | None = None
    py: str | None = None
    go: str = ""
    cpp: str = ""
    silent_default: bool = False
    decides: bool = False
    or_candidate: bool = False

    @property
    def expected(self) -> str:
        """What an error says was expected."""
        match self.type:
            case "text":
                return "a string"
            case "path":
                return "a path"
            case "name":
                assert self.names is not None
                if self.or_candidate:
                    return f"{self.names.expected.replace(' or ', ', ')} or the name of a candidate"
                return self.names.expected
            case "count" | "index" | "bytes":
                least = self.least or 0
                return f"a whole number from {least} " + ("on" if self.most is None else f"to {self.most}")
            case "number":
                return "a number from 0 on" if self.range == "[0, infinity)" else f"a number in {self.range}"
            case "texts":
                return "a list of strings"
            case "candidates":
                return "a list of objects with the name of a candidate and what is known of it"
            case "milliseconds":
                return "a positive number of milliseconds"
            case "flag":
                return "true or false"
            case "labels":
                return "an object of names"
            case "clusters":
                return 'a whole number from 1 on, or "all"'
            case "spec":
                return "a string or an object with kind"
            case _:
                return "a list of strings and ids of tokens"


@dataclass(frozen=True)
class Field:
    """A field of a decision."""

    name: str
    type: str
    doc: str
    first: bool = False
    default: str | None = None


@dataclass(frozen=True)
class ErrorRow:
    """A kind of error."""

    name: str
    number: int
    doc: str
    more: str = ""
    go: str | None = None


@dataclass(frozen=True)
class RecordField:
    """A field of a record."""

    name: str
    type: str
    doc: str
    optional: bool = False
    absent: bool = False
    names: Names | None = None
    record: str | None = None
    one_of: tuple[str, ...] = ()
    go: str | None = None


@dataclass(frozen=True)
class Record:
    """What is told as a mapping, or in Rust as a struct."""

    name: str
    rust: str
    go: str
    python: str
    ts: str
    fields: tuple[RecordField, ...]
    file: str | None = None
    go_file: str = "router.go"


@dataclass(frozen=True)
class Table:
    """Everything that the table says."""

    names: tuple[Names, ...]
    open: tuple[Option, ...]
    call: tuple[Option, ...]
    decision: tuple[Field, ...]
    records: tuple[Record, ...]
    errors: tuple[ErrorRow, ...]
    kinds: tuple[Value, ...]

    def group(self, name: str) -> tuple[Option, ...]:
        """Return the options of one group."""
        return tuple(option for option in self.open if option.group == name)


def _option(row: dict[str, object], known: dict[str, Names]) -> Option:
    row["names"] = known[str(row["names"])] if "names" in row else None
    row.setdefault("argument", row["name"])
    row.setdefault("go", pascal(str(row["name"])))
    row.setdefault("cpp", row["name"])
    option = Option(**row)  # type: ignore[arg-type]
    types = CALL_TYPES if option.group == "call" else TYPES
    if option.group not in (*GROUPS, "call") or option.type not in types:
        raise ValueError(f"{option.name}: group {option.group!r} or type {option.type!r} is not known")
    if not re.match(r"^(\{|[a-z])", option.doc) or not option.doc.rstrip().endswith("."):
        raise ValueError(f"{option.name}: doc has to begin in lower case and end with a full stop")
    if (option.type == "name") != (option.names is not None):
        raise ValueError(f"{option.name}: names belong to the type name")
    return option


def _record(row: dict[str, object], known: dict[str, Names]) -> Record:
    fields = []
    for field in row.pop("fields"):  # type: ignore[attr-defined]
        field["names"] = known[field["names"]] if "names" in field else None
        field["one_of"] = tuple(field.get("one_of", ()))
        fields.append(RecordField(**field))
    return Record(fields=tuple(fields), **row)  # type: ignore[arg-type]


def read() -> Table:
    """Read the table.

    Raises:
        ValueError: if a row is not what the head of the file describes.
    """
    data = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    names = []
    for row in data["names"]:
        values = tuple(Value(**value) for value in row.pop("values"))
        names.append(Names(values=values, default=row.pop("default", None), go=row.pop("go", {}), **row))
    known = {one.name: one for one in names}
    options = tuple(_option(row, known) for row in data["open"])
    calls = tuple(_option({"group": "call", **row}, known) for row in data["call"])
    fields = tuple(Field(**row) for row in data["decision"])
    for one in fields:
        if one.type not in FIELD_TYPES:
            raise ValueError(f"decision.{one.name}: type {one.type!r} is not known")
    records = tuple(_record(row, known) for row in data["record"])
    errors = tuple(ErrorRow(**row) for row in data["error"])
    kinds = tuple(Value(**row) for row in data["kind"])
    return Table(tuple(names), options, calls, fields, records, errors, kinds)
