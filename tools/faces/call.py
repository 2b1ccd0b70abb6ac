"""The options of a call in every language."""

from __future__ import annotations

import textwrap

from output import Output
from rust import HEAD, c_doc, option_info
from table import Option, Table, camel, pascal
from text import capital, quoted, resolved, snake_upper, wrapped


def all_faces(table: Table, output: Output) -> None:
    """Write the options everywhere."""
    _core(table.call, output)
    _c(table.call, output)
    _python(table.call, output)
    _node(table.call, output)
    _go(table.call, output)
    _cpp(table.call, output)




def _core_type(option: Option) -> str:
    match option.type:
        case "number":
            return "f64"
        case "count":
            return "u64"
        case "texts":
            return "Vec<String>"
        case "milliseconds":
            return "Duration"
        case _:
            assert option.names is not None
            return option.names.rust


def _core_name(option: Option) -> str:
    # A duration has its unit in its type.
    return option.name.removesuffix("_ms") if option.type == "milliseconds" else option.name


def _core_doc(option: Option) -> str:
    links = {
        "option": "[`{0}`](crate::OpenOptions::{0})",
        "call": "[`{0}`](CallOptions::{0})",
        "error": "`{0}`",
        "none": "NaN",
    }
    doc = resolved(option.doc, lambda what, name: links[what].format(name))
    return capital(doc.replace(" in milliseconds, above 0", ", above 0"))


def _core(options: tuple[Option, ...], output: Output) -> None:
    lines = [
        *HEAD,
        "//! The options of one call.",
        "",
        "use std::time::Duration;",
        "",
        "use super::table::{OptionInfo, OptionType};",
        "use super::value::OptionValue;",
        "use super::{OnError, Read, Spelling};",
        "use crate::{CancelToken, Result};",
        "",
        "/// What one call asks for beside its input.",
        "///",
        "/// ```",
        "/// use std::time::Duration;",
        "///",
        "/// use routellm_core::{CallOptions, OnError, Router};",
        "///",
        "/// let router = Router::default_router()?;",
        "/// let patience = Duration::from_secs(1);",
        "/// let options = CallOptions::new().strong_share(0.5).on_error(OnError::Strong).timeout(patience);",
        '/// router.route("What is 17 * 23?", &options)?;',
        "/// # Ok::<(), routellm_core::Error>(())",
        "/// ```",
        "#[derive(Debug, Clone, Default)]",
        "pub struct CallOptions {",
    ]
    for option in options:
        lines.append(f"    pub(crate) {_core_name(option)}: Option<{_core_type(option)}>,")
        if option.or_candidate:
            lines.append("    /// A candidate in place of that name.")
            lines.append(f"    pub(crate) {option.name}_candidate: Option<String>,")
    lines += [
        "    /// What cancels the call from another thread.",
        "    pub(crate) cancel: Option<CancelToken>,",
        "    /// How errors spell the names of options.",
        "    pub(crate) spelling: Spelling,",
        "}",
        "",
        "impl CallOptions {",
        "    /// Options with every default.",
        "    pub const fn new() -> Self {",
        "        Self {",
    ]
    for option in options:
        lines.append(f"            {_core_name(option)}: None,")
        if option.or_candidate:
            lines.append(f"            {option.name}_candidate: None,")
    lines += ["            cancel: None,", "            spelling: Spelling::Snake,", "        }", "    }", ""]
    for option in options:
        argument = _core_name(option) if option.type == "milliseconds" else option.argument
        kind, value = _core_type(option), argument
        if option.type == "texts":
            kind = "impl IntoIterator<Item = impl Into<String>>"
            value = f"{argument}.into_iter().map(Into::into).collect()"
        lines += wrapped(_core_doc(option), "    /// ")
        lines += [
            "    #[must_use]",
            f"    pub fn {_core_name(option)}(mut self, {argument}: {kind}) -> Self {{",
            f"        self.{_core_name(option)} = Some({value});",
            *([f"        self.{option.name}_candidate = None;"] if option.or_candidate else []),
            "        self",
            "    }",
            "",
        ]
        if option.or_candidate:
            lines += [
                f"    /// As [`{option.name}`](Self::{option.name}), with the name of a candidate.",
                "    #[must_use]",
                f"    pub fn {option.name}_candidate(mut self, name: impl Into<String>) -> Self {{",
                f"        self.{option.name} = None;",
                f"        self.{option.name}_candidate = Some(name.into());",
                "        self",
                "    }",
                "",
            ]
    lines += [
        "    /// Sets the option that is called `name`, as errors show it, to a value of whatever language.",
        "    pub(super) fn assign(&mut self, info: &OptionInfo, shown: &str, value: &OptionValue) -> Result<()> {",
        "        match info.name {",
    ]
    readers = {
        "number": "number",
        "milliseconds": "milliseconds",
        "name": "named",
        "texts": "texts",
        "count": "whole",
    }
    for option in options:
        if option.or_candidate:
            lines += [
                f'            "{option.name}" => match value.named(shown, info) {{',
                "                Ok(name) => {",
                f"                    (self.{option.name}, self.{option.name}_candidate) = (Some(name), None);",
                "                }",
                "                Err(_) => {",
                f"                    (self.{option.name}, self.{option.name}_candidate) =",
                "                        (None, Some(value.text(shown, info)?));",
                "                }",
                "            },",
            ]
            continue
        value = f"value.{readers[option.type]}(shown, info)?"
        lines.append(f'            "{option.name}" => self.{_core_name(option)} = Some({value}),')
    lines += [
        '            other => unreachable!("{other} is a row of the table"),',
        "        }",
        "        Ok(())",
        "    }",
        "",
        "    /// Names of the options that are given and that only decisions have a use for.",
        "    pub(crate) fn deciding(&self) -> Vec<&'static str> {",
        "        let mut given = Vec::new();",
    ]
    for option in options:
        if option.decides:
            push = f'given.push("{option.name}");'
            lines += [f"        if self.{_core_name(option)}.is_some() {{", f"            {push}", "        }"]
    lines += ["        given", "    }", "}", ""]
    lines += ["/// Every option of a call, in the order of the documentation.", "pub static CALL: &[OptionInfo] = &["]
    for option in options:
        lines += option_info(option)
    lines += ["];"]
    output.file("core/src/options/call.rs", lines)


def _c(options: tuple[Option, ...], output: Output) -> None:
    names = sorted({option.names.rust for option in options if option.names is not None})
    lines = [
        *HEAD,
        "//! The setters of the options of a call.",
        "",
        "use std::ffi::c_char;",
        "",
        f"use routellm_core::options::{{CallOptions, {', '.join(names)}}};",
        "",
        "use crate::args::{name, names_of, number_of};",
        "use crate::error::routellm_error;",
        "use crate::route_options::{duration, routellm_route_options, set};",
        "use crate::status::routellm_status;",
        "",
    ]
    for option in options:
        argument = option.argument
        match option.type:
            case "name":
                assert option.names is not None
                rust = option.names.rust
                kind = "i32"
                value = f'number_of(&{rust}::ALL, {rust}::name, {argument}, "{option.name}")'
            case "milliseconds":
                kind, value = "f64", f"duration({argument})"
            case "texts":
                kind, value = "*const *const c_char", f'names_of({argument}, count, "{argument}")'
            case "count":
                kind, value = "u64", f"Ok({argument})"
            case _:
                kind, value = "f64", f"Ok({argument})"
        arguments, safety = [f"    {argument}: {kind},"], "the rules of the header for `err`"
        if option.type == "texts":
            arguments.append("    count: usize,")
            safety += ", names and arrays"
        doc = c_doc(option)
        if option.type == "texts":
            doc += wrapped(f"`{argument}` is an array of `count` texts, which are copied.", "/// ")
        if option.or_candidate:
            other = f"routellm_route_options_set_{option.name}_candidate()"
            doc += wrapped(f"Candidates are named by `{other}`.", "/// ")
        lines += [
            *doc,
            "#[unsafe(no_mangle)]",
            f'pub unsafe extern "C" fn routellm_route_options_set_{option.name}(',
            "    options: Option<&mut routellm_route_options>,",
            *arguments,
            "    err: *mut *mut routellm_error,",
            ") -> routellm_status {",
            f"    // SAFETY: {safety}.",
            f"    unsafe {{ set(options, err, || {value}, CallOptions::{_core_name(option)}) }}",
            "}",
            "",
        ]
        if option.or_candidate:
            lines += [
                *wrapped(
                    f"As `routellm_route_options_set_{option.name}()`, with the name of a candidate, to which such "
                    "prompts go. The last of both calls counts. The text is copied.",
                    "/// ",
                ),
                "#[unsafe(no_mangle)]",
                f'pub unsafe extern "C" fn routellm_route_options_set_{option.name}_candidate(',
                "    options: Option<&mut routellm_route_options>,",
                "    candidate: *const c_char,",
                "    err: *mut *mut routellm_error,",
                ") -> routellm_status {",
                "    // SAFETY: the rules of the header for `err` and for names.",
                "    unsafe {",
                f'        set(options, err, || name(candidate, "candidate"), CallOptions::{option.name}_candidate)',
                "    }",
                "}",
                "",
            ]
    output.file("ffi/src/call_setters.rs", lines)


def _python(options: tuple[Option, ...], output: Output) -> None:
    lines = [
        "class CallOptions(TypedDict, total=False):",
        '    """What one call asks for beside its prompt. None is as good as absent."""',
        "",
    ]
    for option in options:
        kinds = {"texts": "Iterable[str]", "count": "int"}
        kind = option.names.rust if option.names is not None else kinds.get(option.type, "float")
        lines.append(f"    {option.name}: {kind} {'| str ' if option.or_candidate else ''}| None")
    output.part("python/routellm_rs/_types.py", "call", [*lines, "", ""])
    links = {"option": "``{0}``", "call": "``{0}``", "error": ":class:`{0}Error`", "none": "NaN"}
    lines = []
    for option in options:
        doc = resolved(option.doc.replace("`", "``"), lambda what, name: links[what].format(name))
        lines += textwrap.wrap(
            f"{option.name}: {doc}",
            106,
            initial_indent=" " * 12,
            subsequent_indent=" " * 16,
            break_long_words=False,
            break_on_hyphens=False,
        )
    start = "                single message, of which :func:`prompt_from_messages` says what counts.\n"
    end = "\n        Raises:\n            InvalidArgumentError: for a wrong option"
    output.between("python/routellm_rs/_router.py", start, end, lines)


def _node(options: tuple[Option, ...], output: Output) -> None:
    links = {"option": "`{0}`", "call": "`{0}`", "error": "`{0}`", "none": "NaN"}
    parts: dict[str, list[str]] = {"deciding": [], "choosing": [], "any": [], "read": []}
    for option in options:
        doc = resolved(option.doc, lambda what, name: links[what].format(camel(name) if what != "error" else name))
        kind = "readonly string[]" if option.type == "texts" else "number"
        if option.names is not None:
            kind = "Read" if option.name == "read" else " | ".join(f"'{value.name}'" for value in option.names.values)
        if option.or_candidate:
            # Names stay in what editors suggest.
            kind += " | (string & {})"
        deciding = "deciding" if option.name in ("threshold", "strong_share") else "choosing"
        part = deciding if option.decides else "read" if option.name == "read" else "any"
        lines = ["  /**", *wrapped(capital(doc), "   * "), "   */", f"  {camel(option.name)}?: {kind};"]
        parts[part] += lines
    for name, lines in parts.items():
        output.part("node/index.d.ts", name, lines)


def _go(options: tuple[Option, ...], output: Output) -> None:
    def render(what: str, name: str) -> str:
        links = {"none": "NaN", "error": f"of kind [{name}]"}
        return links.get(what, f"[With{'Timeout' if name == 'timeout_ms' else pascal(name)}]")

    lines = ["const (", f"\toption{pascal(options[0].name)} optionKind = iota + 1"]
    lines += [f"\toption{pascal(option.name)}" for option in options[1:]] + [")", ""]
    for option in options:
        function = f"With{pascal(_core_name(option))}"
        doc = resolved(option.doc, render)
        if option.names is not None:
            for value in option.names.values:
                doc = doc.replace(f"`{value.name}`", f"[{option.names.go_name(value.name)}]")
        doc = doc.replace(" in milliseconds, above 0", ", above 0").replace("`", "")
        lines += wrapped(f"{function} sets {doc}", "// ")
        constant = f"option{pascal(option.name)}"
        match option.type:
            case "name":
                assert option.names is not None
                kind, value = option.names.rust, f"float64({camel(option.argument)})"
            case "milliseconds":
                kind, value = "time.Duration", "float64(timeout) / float64(time.Millisecond)"
            case "texts":
                kind, value = "...string", f"words: {camel(option.argument)}"
            case "count":
                kind, value = "int", f"float64({camel(option.argument)})"
            case _:
                kind, value = "float64", camel(option.argument)
        argument = "timeout" if option.type == "milliseconds" else camel(option.argument)
        # A field without its name would need the others, too.
        value = value if value.startswith("words: ") else f"value: {value}"
        lines += [
            f"func {function}({argument} {kind}) RouteOption {{",
            f"\treturn RouteOption{{kind: {constant}, {value}}}",
            "}",
            "",
        ]
    output.part("bindings/go/options.go", "call", lines[:-1])


def _cpp(options: tuple[Option, ...], output: Output) -> None:
    def render(what: str, name: str) -> str:
        links = {
            "none": "NaN",
            "option": f"OpenOptions::{name}()",
            "call": f"{name.removesuffix('_ms')}()",
            "error": snake_upper(name).lower(),
        }
        return links[what]

    lines: list[str] = []
    for option in options:
        doc = resolved(option.doc, render).replace(" in milliseconds, above 0", ", above 0")
        lines += ["    /**", *wrapped(quoted(capital(doc)), "     * "), "     */"]
        name, setter = _core_name(option), f"routellm_route_options_set_{option.name}"
        match option.type:
            case "milliseconds":
                template = "template <class Rep, class Period> "
                kind, value = "std::chrono::duration<Rep, Period>", f"detail::milliseconds({name})"
                argument = name + "_"
                value = value.replace(name, argument)
            case "name":
                assert option.names is not None
                template, argument = "", "which"
                kind, value = option.names.rust, "static_cast<std::int32_t>(which)"
            case "texts":
                lines += _cpp_texts(option)
                continue
            case "count":
                template, argument, kind, value = "", "value", "std::uint64_t", "value"
            case _:
                template, argument, kind, value = "", "value", "double", "value"
        lines += [
            f"    {template}RouteOptions &{name}({kind} {argument}) &",
            "    {",
            f"        const auto number = {value};",
        ]
        if option.name == "on_error":
            lines += [
                "        // What is behind a fallback is told, if there can be one.",
                "        const std::int32_t keep = which == OnError::raise ? 0 : 1;",
                "        set([&](auto err) {",
                "            return routellm_route_options_set_keep_fallback_errors(handle_.get(), keep, err);",
                "        });",
            ]
        lines += [
            f"        return set([&](auto err) {{ return {setter}(handle_.get(), number, err); }});",
            "    }",
            f"    {template}RouteOptions {name}({kind} {argument}) &&",
            "    {",
            f"        return std::move({name}({argument}));",
            "    }",
        ]
        if option.or_candidate:
            lines += _cpp_candidate(option)
    output.part("include/routellm.hpp", "call", lines)


def _cpp_texts(option: Option) -> list[str]:
    """Return the method of a list of texts."""
    setter = f"routellm_route_options_set_{option.name}"
    return [
        f"    RouteOptions &{option.cpp}(const std::vector<std::string> &{option.argument}) &",
        "    {",
        "        std::vector<const char *> texts;",
        f"        for (const std::string &text : {option.argument})",
        "            texts.push_back(text.c_str());",
        f"        return set([&](auto err) {{ return {setter}(handle_.get(), texts.data(), texts.size(), err); }});",
        "    }",
        f"    RouteOptions {option.cpp}(const std::vector<std::string> &{option.argument}) &&",
        "    {",
        f"        return std::move({option.cpp}({option.argument}));",
        "    }",
    ]


def _cpp_candidate(option: Option) -> list[str]:
    """Return the method that takes a candidate's name."""
    name, setter = f"{option.name}_candidate", f"routellm_route_options_set_{option.name}_candidate"
    return [
        f"    /** As {option.name}(), with the name of a candidate. */",
        f"    RouteOptions &{name}(std::string_view candidate) &",
        "    {",
        '        const std::string text = detail::c_string(candidate, "candidate");',
        "        set([&](auto err) {",
        "            return routellm_route_options_set_keep_fallback_errors(handle_.get(), 1, err);",
        "        });",
        f"        return set([&](auto err) {{ return {setter}(handle_.get(), text.c_str(), err); }});",
        "    }",
        f"    RouteOptions {name}(std::string_view candidate) && {{ return std::move({name}(candidate)); }}",
    ]
