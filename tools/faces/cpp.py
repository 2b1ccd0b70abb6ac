"""The options of opening in `routellm.hpp`."""

from __future__ import annotations

from output import Output
from table import Names, Option, Table
from text import capital, quoted, resolved, snake_upper, wrapped


def _doc(option: Option) -> list[str]:
    links = {"option": "{0}()", "call": "RouteOptions::{0}()"}

    def render(what: str, name: str) -> str:
        return snake_upper(name).lower() if what == "error" else links[what].format(name)

    doc = quoted(capital(resolved(option.doc, render)).replace("`all`", "all_clusters"))
    return ["    /**", *wrapped(doc, "     * "), "     */"]


def _method(option: Option) -> list[str]:
    name = option.name
    # An argument that is called as the method would hide it.
    argument = "value" if option.argument == name else option.argument
    before: list[str] = []
    text = f'        const std::string text = detail::c_string({argument}, "{name}");'
    match option.type:
        case "text" | "path" | "spec" | "candidates":
            kind, value, before = "std::string_view", "text.c_str()", [text]
        case "name":
            assert option.names is not None
            if option.names.c == "int":
                kind, value = option.names.rust, "number"
                before = [f"        const auto number = static_cast<std::int32_t>({argument});"]
            else:
                kind, value, before = "std::string_view", "text.c_str()", [text]
        case "count" | "clusters":
            kind, value = "std::size_t", argument
        case "index":
            kind, value = "std::uint32_t", argument
        case "bytes":
            kind, value = "std::uint64_t", argument
        case "number":
            kind, value = "double", argument
        case "flag":
            kind, value = "bool", f"{argument} ? 1 : 0"
        case _:
            return []
    call = f"routellm_open_options_set_{name}(handle_.get(), {value}, err)"
    name = option.cpp
    return [
        *_doc(option),
        f"    OpenOptions &{name}({kind} {argument}) &",
        "    {",
        *before,
        f"        return set([&](auto err) {{ return {call}; }});",
        "    }",
        f"    OpenOptions {name}({kind} {argument}) && {{ return std::move({name}({argument})); }}",
    ]


def _enum(names: Names) -> list[str]:
    lines = ["/**", *wrapped(names.doc.replace("`", '"'), " * "), " */"]
    lines.append(f"enum class {names.rust} : std::int32_t {{")
    for value in names.values:
        lines += [f"    /** {value.doc.replace('`', '')} */", f"    {value.name} = {names.constant(value.name)},"]
    return [*lines, "};", ""]


def header(table: Table, output: Output) -> None:
    """Write the enumerations and the methods of `OpenOptions`."""
    lines: list[str] = []
    for names in table.names:
        if names.c == "int":
            lines += _enum(names)
    output.part("include/routellm.hpp", "names", lines[:-1])
    lines = []
    for option in table.open:
        lines += _method(option)
    output.part("include/routellm.hpp", "open", lines)
