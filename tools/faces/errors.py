"""The kinds of errors and of scorers in every language."""

from __future__ import annotations

from output import Output
from table import ErrorRow, Table, Value, pascal
from text import capital, snake_upper, wrapped


def all_faces(table: Table, output: Output) -> None:
    """Write both tables everywhere."""
    _core_errors(table.errors, output)
    _c(table.errors, output)
    _cpp(table.errors, output)
    _go(table.errors, output)
    _node(table.errors, output)
    _kinds(table.kinds, output)


def _core_errors(errors: tuple[ErrorRow, ...], output: Output) -> None:
    path = "core/src/error.rs"
    lines: list[str] = []
    for error in errors:
        lines += [*wrapped(capital(error.doc), "    /// "), f"    {error.name} = {error.number},"]
    output.part(path, "errors", lines)
    every = [f"    pub const ALL: [Self; {len(errors)}] = ["]
    every += [f"        Self::{error.name}," for error in errors] + ["    ];"]
    output.part(path, "all", every)
    output.part(path, "names", [f'            Self::{error.name} => c"{error.name}",' for error in errors])
    output.part(path, "python", [f'            Self::{error.name} => "{error.name}Error",' for error in errors])
    codes = [f'            Self::{error.name} => "ERR_ROUTELLM_{snake_upper(error.name)}",' for error in errors]
    output.part(path, "node", codes)


def _c(errors: tuple[ErrorRow, ...], output: Output) -> None:
    lines: list[str] = []
    for error in errors:
        lines += wrapped(capital(error.doc), "/// ")
        lines.append(f"pub const ROUTELLM_{snake_upper(error.name)}: routellm_status = {error.number};")
    output.part("ffi/src/status.rs", "errors", lines)


def _cpp(errors: tuple[ErrorRow, ...], output: Output) -> None:
    names = [snake_upper(error.name) for error in errors]
    lines = [f"    {name.lower()} = ROUTELLM_{name}," for name in names]
    lines[-1] = lines[-1].rstrip(",")
    output.part("include/routellm.hpp", "errors", lines)


def _go(errors: tuple[ErrorRow, ...], output: Output) -> None:
    lines: list[str] = []
    for error in errors:
        name = error.go or error.name
        lines += wrapped(f"{name}: {error.doc}", "\t// ", 116)
        lines.append(f"\t{name} Kind = {error.number}")
    output.part("bindings/go/errors.go", "errors", lines)
    names = ["var kindNames = map[Kind]string{"]
    names += [f'\t{error.go or error.name}: "{error.name}",' for error in errors] + ["}"]
    output.part("bindings/go/errors.go", "kind-names", names)


def _node(errors: tuple[ErrorRow, ...], output: Output) -> None:
    lines = ["export type ErrorKind =", *(f"  | '{error.name}'" for error in errors)]
    lines[-1] += ";"
    output.part("node/index.d.ts", "errors", lines)
    lines = ["export type ErrorCode =", *(f"  | 'ERR_ROUTELLM_{snake_upper(error.name)}'" for error in errors)]
    lines[-1] += ";"
    output.part("node/index.d.ts", "codes", lines)


def _kinds(kinds: tuple[Value, ...], output: Output) -> None:
    path = "core/src/names/kind.rs"
    lines: list[str] = []
    for kind in kinds:
        lines += [*wrapped(kind.doc, "    /// "), f"    {pascal(kind.name)},"]
    output.part(path, "kinds", lines)
    every = ", ".join(f"Self::{pascal(kind.name)}" for kind in kinds)
    output.part(path, "all", [f"    pub const ALL: [Self; {len(kinds)}] = [{every}];"])
    output.part(path, "names", [f'            Self::{pascal(kind.name)} => "{kind.name}",' for kind in kinds])
    union = " | ".join(f"'{kind.name}'" for kind in kinds)
    output.part("node/lib/open-options.d.ts", "kinds", [f"export type RouterKind = {union};"])
    names = ", ".join(f'"{kind.name}"' for kind in kinds)
    doc = '"""The kinds of routers; a folder that is no artifact holds one of ``bert``, ``causal_llm`` and ``mf``."""'
    output.part("python/routellm_rs/_types.py", "kinds", [f"Kind: TypeAlias = Literal[{names}]", doc])
