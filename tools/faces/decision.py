"""The fields of a decision in every language."""

from __future__ import annotations

import textwrap

from output import Output
from table import Field, Table, camel, pascal
from text import Render, capital, resolved, snake_upper, wrapped


def _sentence(field: Field, render: Render) -> str:
    """Return the documentation as a sentence."""
    doc = resolved(field.doc, render)
    return f"Whether {doc}" if field.type == "flag" else capital(doc)


def all_faces(table: Table, output: Output) -> None:
    """Write the fields everywhere."""
    fields = table.decision
    _core(fields, output)
    _command(fields, output)
    _c(fields, output)
    _cpp(fields, output)
    _go(fields, output)
    _python(fields, output)
    _node(fields, output)


def _core(fields: tuple[Field, ...], output: Output) -> None:
    types = {
        "number": "f64",
        "of_pair": "f64",
        "optional": "Option<f64>",
        "flag": "bool",
        "id": "Option<DecisionId>",
        "index": "Option<usize>",
    }

    def render(what: str, name: str) -> str:
        links = {
            "none": "`None`",
            "option": f"[`{name}`](crate::OpenOptions::{name})",
            "call": f"[`{name}`](crate::CallOptions::{name})",
        }
        return links.get(what, f"`{name}`")

    lines: list[str] = []
    for field in fields:
        doc = _sentence(field, render)
        if field.type == "of_pair":
            doc = doc.replace("`None`", "NaN")
        if field.type == "index":
            doc += " Only a decision that a program made itself may have `None`."
        lines += wrapped(doc, "    /// ")
        lines.append(f"    pub {field.name}: {types[field.type]},")
    output.part("core/src/policy.rs", "decision", lines)
    spelled = {"False": "false", "True": "true"}
    blank: list[str] = []
    for field in fields:
        default = "None" if field.type in ("optional", "index") else field.default
        # What has no default is an argument of that name.
        value = f": {spelled.get(default, default)}" if default else ""
        blank.append(f"            {field.name}{value},")
    output.part("core/src/policy.rs", "new", blank)


def _command(fields: tuple[Field, ...], output: Output) -> None:
    # A number that is none is null in JSON.
    values = {"id": "decision.{0}.map(|id| id.to_string())"}
    lines = []
    for field in fields:
        value = values.get(field.type, "decision.{0}").format(field.name)
        lines.append(f'        "{field.name}": {value},')
    output.part("cli/src/route.rs", "members", lines)


def _c(fields: tuple[Field, ...], output: Output) -> None:
    def render(what: str, name: str) -> str:
        links = {
            "none": "NaN",
            "option": f"`routellm_open_options_set_{name}()`",
            "call": f"`routellm_route_options_set_{name}()`",
            "error": f"`ROUTELLM_{snake_upper(name)}`",
        }
        return links[what]

    types = {
        "number": "f64",
        "of_pair": "f64",
        "optional": "f64",
        "flag": "i32",
        "id": "[c_char; 40]",
        "index": "usize",
    }
    lines: list[str] = []
    for field in fields:
        if field.first:
            continue
        doc = resolved(field.doc, render)
        match field.type:
            case "flag":
                doc = f"1 if {doc.rstrip('.').replace('. ', '; else 0. ', 1)}" + ("." if ". " in doc else "; else 0.")
            case "id":
                doc = capital(doc.replace("NaN", "empty")) + " NULs follow it."
            case "index":
                doc = capital(doc).replace("the router's models", "`routellm_router_model()`")
            case _:
                doc = capital(doc)
        lines += wrapped(doc, "    /// ")
        lines.append(f"    pub {field.name}: {types[field.type]},")
    output.part("ffi/src/decision.rs", "decision", lines)

    # Members of four bytes come in pairs, or the struct would end in a hole.
    sizes = {"number": "8", "of_pair": "8", "optional": "8", "flag": "4", "id": "40", "index": "8"}
    later = " + ".join(sizes[field.type] for field in fields if not field.first)
    cfg = '#[cfg(target_pointer_width = "64")]'
    output.part("ffi/src/decision.rs", "size", [cfg, f"const LATER_SIZE: usize = {later};"])

    values = {
        "number": "decision.{0}",
        "of_pair": "decision.{0}",
        "optional": "decision.{0}.unwrap_or(f64::NAN)",
        "flag": "i32::from(decision.{0})",
        "id": "id_text(decision.{0})",
        "index": "decision.{0}.unwrap_or(usize::MAX)",
    }
    lines = [f"            {field.name}: {values[field.type].format(field.name)}," for field in fields]
    output.part("ffi/src/decision.rs", "value", lines)

    zeros = {"number": "0.0", "of_pair": "0.0", "optional": "0.0", "flag": "0", "id": '""', "index": "0"}
    tail = "".join(f", {zeros[field.type]}" for field in fields if not field.first)
    first = "{ sizeof(routellm_decision), 0.0, 0.0, NULL, NULL, 0, 0, 0, 0, 0.0, 0, 0, 0"
    output.part("ffi/header/macros.h", "decision", ["#define ROUTELLM_DECISION_INIT \\", f"    {first}{tail} }}"])


def _cpp(fields: tuple[Field, ...], output: Output) -> None:
    types = {
        "number": "double",
        "of_pair": "double",
        "optional": "std::optional<double>",
        "flag": "bool",
        "id": "std::string",
        "index": "std::size_t",
    }
    lines: list[str] = []
    for field in fields:
        none = {"id": "empty", "of_pair": "NaN"}.get(field.type, "nothing")

        def render(what: str, name: str, none: str = none) -> str:
            return {"none": none, "call": f"RouteOptions::{name}()"}.get(what, f"OpenOptions::{name}()")

        doc = _sentence(field, render)
        lines += ["    /**", *wrapped(doc, "     * "), "     */", f"    {types[field.type]} {field.name};"]
    output.part("include/routellm.hpp", "decision", lines)
    values = {
        "number": "plain.{0}",
        "of_pair": "plain.{0}",
        "optional": "number(plain.{0})",
        "flag": "plain.{0} != 0",
        "id": "plain.{0}",
        "index": "plain.{0}",
    }
    lines = [f"    decision.{field.name} = {values[field.type].format(field.name)};" for field in fields]
    output.part("include/routellm.hpp", "value", lines)


def _go(fields: tuple[Field, ...], output: Output) -> None:
    types = {
        "number": "float64",
        "of_pair": "float64",
        "optional": "float64",
        "flag": "bool",
        "id": "string",
        "index": "int",
    }
    values = {
        "number": "plain.{0}",
        "of_pair": "plain.{0}",
        "index": "int(plain.{0})",
        "optional": "plain.{0}",
        "flag": "plain.{0} != 0",
        "id": "capi.GoString(&plain.{0}[0])",
    }
    plain = {
        "number": "float64",
        "of_pair": "float64",
        "optional": "float64",
        "flag": "int32",
        "id": "[40]byte",
        "index": "uintptr",
    }

    def name_of(field: Field) -> str:
        return "ID" if field.name == "id" else pascal(field.name)

    struct, literal = [], []
    for field in fields:
        none = "empty" if field.type == "id" else "NaN"

        def render(what: str, name: str, none: str = none) -> str:
            return none if what == "none" else f"[With{'IDs' if name == 'ids' else pascal(name)}]"

        doc = resolved(field.doc, render)
        verb = "says that" if field.type == "flag" else "is"
        struct += wrapped(f"{name_of(field)} {verb} {doc}", "\t// ", 116)
        struct.append(f"\t{name_of(field)} {types[field.type]}")
        literal.append(f"\t\t{name_of(field)}: {values[field.type].format(name_of(field))},")
    output.part("bindings/go/route.go", "decision", struct)
    output.part("bindings/go/route.go", "value", literal)
    later = [f"\t{name_of(field)} {plain[field.type]}" for field in fields if not field.first]
    output.part("bindings/go/internal/capi/capi.go", "decision", later)
    checks = [
        f"\t_ = zero[unsafe.Offsetof(goDecision.{name_of(field)})-unsafe.Offsetof(cDecision.{field.name})]"
        for field in fields
        if not field.first
    ]
    output.part("bindings/go/internal/capi/layout_cgo.go", "decision", checks)


def _python(fields: tuple[Field, ...], output: Output) -> None:
    rust = {
        "number": "f64",
        "of_pair": "Option<f64>",
        "optional": "Option<f64>",
        "flag": "bool",
        "id": "Option<String>",
        "index": "Option<usize>",
    }
    hints = {
        "number": "float",
        "of_pair": "float | None",
        "optional": "float | None",
        "flag": "bool",
        "id": "str | None",
        "index": "int | None",
    }

    def render(what: str, name: str) -> str:
        return "None" if what == "none" else f"``{name}``"

    getters, stub, hinted, row = [], [], [], []
    for field in fields:
        doc = _sentence(field, render)
        value = f"self.inner.{field.name}"
        if field.type == "id":
            value += ".map(|id| id.to_string())"
        if field.type == "of_pair":
            value = f"of_pair({value})"
        getters += [
            *wrapped(doc, "    /// "),
            "    #[getter]",
            f"    fn {field.name}(&self) -> {rust[field.type]} {{",
            f"        {value}",
            "    }",
            "",
        ]
        stub += ["    @property", f"    def {field.name}(self) -> {hints[field.type]}:"]
        ends = [doc.find(end) for end in (". ", ": ", "; ") if 0 < doc.find(end) <= 90]
        cut = max(ends) if ends and len(doc) > 90 else len(doc)
        summary, more = doc[:cut], doc[cut + 2 :]
        stub.append(f'        """{summary.rstrip(".")}.' + ("" if more else '"""'))
        if more:
            lines = textwrap.wrap(capital(more), 98, break_on_hyphens=False)
            stub += ["", *(f"        {line}" for line in lines), '        """']
        hinted.append(f"    {field.name}: {hints[field.type]}")
        row.append(f'        dict.set_item("{field.name}", self.{field.name}())?;')
    path = "bindings/python/src/decision.rs"
    output.part(path, "getters", getters[:-1])
    output.part(path, "dict", row)
    output.part(path, "names", [f'    "{field.name}",' for field in fields])
    late = [field for field in fields if not field.first]
    defaults = {"False": "false", "True": "true"}
    signature = [f"        {field.name}={defaults.get(str(field.default), field.default)}," for field in late]
    output.part(path, "signature", signature)
    output.part(path, "parameters", [f"        {field.name}: {rust[field.type]}," for field in late])
    values = {"id": "id_of(py, {0}.as_deref())?", "of_pair": "{0}.unwrap_or(f64::NAN)"}
    inner = [f"        inner.{field.name} = {values.get(field.type, '{0}').format(field.name)};" for field in fields]
    output.part(path, "inner", inner)
    given = [f"            self.{field.name}().into_bound_py_any(py)?," for field in late]
    output.part(path, "arguments", given)
    shown = []
    for field in fields:
        if field.default is None:
            continue
        test = {
            "flag": f"self.inner.{field.name}",
            "number": f"self.inner.{field.name} != {field.default}",
        }.get(field.type, f"self.inner.{field.name}.is_some()")
        call = f'shown("{field.name}", self.{field.name}().into_bound_py_any(py)?)?;'
        shown += [f"        if {test} {{", f"            {call}", "        }"]
    output.part(path, "repr", shown)
    path = "python/routellm_rs/_native.pyi"
    output.part(path, "properties", stub)
    output.part(path, "dict", hinted)
    parameters = []
    for field in late:
        noqa = "  # noqa: A002" if field.name == "id" else ""
        parameters.append(f"        {field.name}: {hints[field.type]} = {field.default},{noqa}")
    output.part(path, "parameters", parameters)
    lines = [f'    "{field.name}": "{hints[field.type]}",' for field in fields]
    output.part("python/routellm_rs/_pydantic.py", "fields", lines)


def _node(fields: tuple[Field, ...], output: Output) -> None:
    width = {"id": 4}
    # The side comes first.
    place, places = 1, {}
    for field in fields:
        places[field.name] = place
        place += width.get(field.type, 1)
    path = "bindings/node/src/decision.rs"
    lines = [f"pub(crate) const NUMBERS: usize = {place};"]
    output.part(path, "numbers", lines)
    values = {
        "number": "decision.{0}",
        "of_pair": "decision.{0}",
        "optional": "decision.{0}.unwrap_or(f64::NAN)",
        "flag": "f64::from(u8::from(decision.{0}))",
        "index": "decision.{0}.map_or(f64::NAN, |index| index as f64)",
    }
    lines = []
    for field in fields:
        at = places[field.name]
        if field.type == "id":
            lines.append(f"    write_id(decision.{field.name}, &mut out[{at}..{at + 4}]);")
        else:
            lines.append(f"    out[{at}] = {values[field.type].format(field.name)};")
    output.part(path, "write", lines)
    lines = [f"const NUMBERS = {place};", f"const CANDIDATE = {places['candidate']};"]
    output.part("node/lib/router.js", "numbers", lines)
    read = {
        "number": "numbers[at + {0}]",
        "of_pair": "present(numbers[at + {0}])",
        "index": "numbers[at + {0}]",
        "optional": "present(numbers[at + {0}])",
        "flag": "numbers[at + {0}] === 1",
        "id": "idText(numbers, at + {0})",
    }
    lines = [f"      {camel(field.name)}: {read[field.type].format(places[field.name])}," for field in fields]
    output.part("node/lib/router.js", "decision", lines)
    types = {
        "number": "number",
        "of_pair": "number | null",
        "optional": "number | null",
        "flag": "boolean",
        "id": "string | null",
        "index": "number",
    }
    lines = []
    for field in fields:
        doc = _sentence(field, lambda what, name: "`null`" if what == "none" else f"`{camel(name)}`")
        lines += ["  /**", *wrapped(doc, "   * "), "   */", f"  {camel(field.name)}: {types[field.type]};"]
    output.part("node/index.d.ts", "decision", lines)
