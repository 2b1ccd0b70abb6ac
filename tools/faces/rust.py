"""The core's typed options, and the setters of the C interface."""

from __future__ import annotations

from output import Output
from table import Names, Option, Table, pascal
from text import capital, resolved, snake_upper, wrapped

HEAD = ["// Written by tools/faces/generate.py from core/options.toml: change that.", ""]

FIELDS = {"router": "", "session": "session.", "votes": "votes.", "export": "export."}


def _core_doc(doc: str) -> str:
    """Return documentation for the core, as a paragraph that stands alone."""
    links = {"option": "[`{0}`](OpenOptions::{0})", "call": "`{0}`", "error": "`{0}`"}
    return capital(resolved(doc, lambda what, name: links[what].format(name)))


def _field_doc(option: Option) -> str:
    """Return the first sentence of the documentation, for a field."""
    plain = resolved(option.doc, lambda _, name: f"`{name}`").split("\n")[0]
    return capital(plain)


def _rust_type(option: Option) -> str:
    match option.type:
        case "text":
            return "String"
        case "path":
            return "PathBuf"
        case "name":
            assert option.names is not None
            return option.names.rust
        case "count" | "clusters":
            return "usize"
        case "index":
            return "u32"
        case "bytes":
            return "u64"
        case "number":
            return "f64"
        case "flag":
            return "bool"
        case "spec":
            assert option.rust is not None
            return option.rust
        case "labels":
            return "BTreeMap<String, String>"
        case "candidates":
            return "Vec<Candidate>"
        case _:
            return "Vec<ScoreToken>"


def _names(names: Names) -> list[str]:
    default = names.default is not None
    derives = ["Debug", "Clone", "Copy", *(["Default"] if default else []), "PartialEq", "Eq", "Hash"]
    lines = wrapped(names.doc, "/// ")
    lines += [f"#[derive({', '.join([*derives, 'Serialize', 'Deserialize'])})]", '#[serde(rename_all = "snake_case")]']
    lines += ["#[non_exhaustive]", f"pub enum {names.rust} {{"]
    for value in names.values:
        lines += wrapped(value.doc, "    /// ")
        if value.name == names.default:
            lines.append("    #[default]")
        lines.append(f"    {pascal(value.name)},")
    lines += ["}", "", f"impl {names.rust} {{", "    /// Every value, in the order of its number."]
    every = ", ".join(f"Self::{pascal(value.name)}" for value in names.values)
    lines += [f"    pub const ALL: [Self; {len(names.values)}] = [{every}];", ""]
    lines += wrapped(f"{one_of_doc(names)}.", "    /// ")
    lines += ["    pub const fn name(self) -> &'static str {", "        match self {"]
    lines += [f'            Self::{pascal(value.name)} => "{value.name}",' for value in names.values]
    lines += ["        }", "    }", "}", "", f"impl FromStr for {names.rust} {{", "    type Err = Error;", ""]
    lines += [
        "    fn from_str(text: &str) -> Result<Self> {",
        f'        named(&Self::ALL.map(|value| (value.name(), value)), "{names.name}", text)',
        "    }",
        "}",
        "",
    ]
    return lines


def one_of_doc(names: Names) -> str:
    """Return the names in a sentence of documentation."""
    quoted = [f"`{value.name}`" for value in names.values]
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _setter(option: Option) -> list[str]:
    lines = wrapped(_core_doc(option.doc), "    /// ")
    argument = option.argument
    kind, value = _rust_type(option), f"Some({argument})"
    match option.type:
        case "text":
            kind, value = "impl Into<String>", f"Some({argument}.into())"
        case "path":
            kind, value = "impl Into<PathBuf>", f"Some({argument}.into())"
        case "tokens":
            kind, value = "impl IntoIterator<Item = ScoreToken>", f"Some({argument}.into_iter().collect())"
        case "candidates":
            kind, value = "impl IntoIterator<Item = Candidate>", f"Some({argument}.into_iter().collect())"
        case "labels":
            kind = "impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>"
            value = f"Some({argument}.into_iter().map(|(of, name)| (of.into(), name.into())).collect())"
    if option.type == "clusters":
        lines[-1] += " `usize::MAX` is `all`."
    lines += [
        "    #[must_use]",
        f"    pub fn {option.name}(mut self, {argument}: {kind}) -> Self {{",
        f"        self.{FIELDS[option.group]}{option.name} = {value};",
        "        self",
        "    }",
        "",
    ]
    return lines


def option_info(option: Option) -> list[str]:
    """Return the row of the table that the library has at run time."""

    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'

    plain = resolved(option.doc, lambda what, name: "no number" if what == "none" else f"`{name}`")
    return [
        "    OptionInfo {",
        f'        name: "{option.name}",',
        f'        group: "{option.group}",',
        f"        value: OptionType::{pascal(option.type)},",
        f"        names: &[{', '.join(quoted(value.name) for value in option.names.values) if option.names else ''}],",
        f"        expected: {quoted(option.expected)},",
        f"        default: {quoted(option.default.replace('`', ''))},",
        f'        since: "{option.since}",',
        f"        doc: {quoted(capital(plain))},",
        "    },",
    ]


def _group(table: Table, group: str, name: str, doc: str, *, public: bool) -> list[str]:
    visible = "pub" if public else "pub(crate)"
    lines = [f"/// {doc}", "#[derive(Debug, Clone, Default, PartialEq)]"]
    lines += [*(["#[non_exhaustive]"] if public else []), f"{visible} struct {name} {{"]
    for option in table.group(group):
        lines += wrapped(_field_doc(option), "    /// ")
        lines.append(f"    {visible} {option.name}: Option<{_rust_type(option)}>,")
    lines += ["}", "", f"impl {name} {{"]
    lines += [
        "    /// Names of the options that are given.",
        "    pub(crate) fn given(&self) -> Vec<&'static str> {",
        "        let mut given = Vec::new();",
    ]
    for option in table.group(group):
        push = f'given.push("{option.name}");'
        test = "is_some()"
        if option.silent_default:
            test = f"is_some_and(|value| value != {_rust_type(option)}::default())"
        lines += [f"        if self.{option.name}.{test} {{", f"            {push}", "        }"]
    lines += ["        given", "    }", ""]
    lines += [
        "    /// # Errors",
        "    /// `InvalidArgument` for a number out of its range.",
        "    pub(crate) fn check_ranges(&self, spelling: Spelling) -> Result<()> {",
    ]
    checks = []
    for option in table.group(group):
        place = f'spelling.of("{option.name}"), self.{option.name}'
        if option.type == "number":
            low, high = option.range.replace("infinity", "f64::INFINITY").strip("[]()").split(", ")
            open_low = "true" if option.range.startswith("(") else "false"
            interval = f"({low}.0, {high if high.startswith('f64') else high + '.0'}, {open_low})"
            checks.append(f"        number({place}, {interval}, {_rust_string(option.expected)})?;")
        elif option.type == "clusters":
            checks.append(f"        whole({place}, (1, None), {_rust_string(option.expected)})?;")
        elif option.least is not None or option.most is not None:
            most = "None" if option.most is None else f"Some({option.most})"
            checks.append(f"        whole({place}, ({option.least or 0}, {most}), {_rust_string(option.expected)})?;")
    if not checks:
        checks = ["        let _ = (self, spelling);"]
    lines += [*checks, "        Ok(())", "    }", "}", ""]
    return lines


def _rust_string(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


def core(table: Table, output: Output) -> None:
    """Write `core/src/options/names.rs` and `core/src/options/open.rs`."""
    lines = [
        *HEAD,
        "//! The names that options have as values.",
        "",
        "use std::str::FromStr;",
        "",
        "use serde::{Deserialize, Serialize};",
        "",
        "use super::named;",
        "use crate::{Error, Result};",
        "",
    ]
    for names in table.names:
        lines += _names(names)
    output.file("core/src/names/generated.rs", lines)

    lines = [
        *HEAD,
        "//! The options of opening a router.",
        "",
        "use std::collections::BTreeMap;",
        "use std::path::PathBuf;",
        "",
        "use super::table::{OptionInfo, OptionType};",
        "use super::value::{OptionValue, candidates, spec};",
        "use super::{",
        "    CalibrationFile, ControlTokens, Head, LongPrompts, MapStore, Mode, OutOfDistribution, Preset, Provider, "
        "Read,",
        "    ScoreToken, SessionOptions, Spelling, TemplateSpec,",
        "};",
        "use crate::Result;",
        "use crate::candidates::Candidate;",
        "use crate::names::range::{number, whole};",
        "",
        "/// How a router is opened.",
        "///",
        "/// ```no_run",
        "/// use routellm_core::OpenOptions;",
        "/// let router = OpenOptions::new()",
        '///     .strong("gpt-4-1106-preview")',
        '///     .weak("mixtral-8x7b-instruct-v0.1")',
        '///     .open("artifacts/mf-minilm")?;',
        "/// # Ok::<(), routellm_core::Error>(())",
        "/// ```",
        "#[derive(Debug, Clone, Default)]",
        "pub struct OpenOptions {",
    ]
    for option in table.group("router"):
        lines.append(f"    pub(crate) {option.name}: Option<{_rust_type(option)}>,")
    lines += [
        "    pub(crate) session: SessionOptions,",
        "    pub(crate) votes: VoteOptions,",
        "    pub(crate) export: ExportOptions,",
        "    /// How errors spell the names of options.",
        "    pub(crate) spelling: Spelling,",
        "}",
        "",
        "impl OpenOptions {",
    ]
    for option in table.open:
        lines += _setter(option)
    lines += [
        "    /// Sets the option that is called `name`, as errors show it, to a value of whatever language.",
        "    pub(super) fn assign(&mut self, info: &OptionInfo, shown: &str, value: &OptionValue) -> Result<()> {",
        "        match info.name {",
    ]
    for option in table.open:
        place = f"self.{FIELDS[option.group]}{option.name}"
        match option.type:
            case "spec":
                value = "spec(value, shown, info)?"
            case "candidates":
                value = "candidates(value, shown, info)?"
            case "name":
                value = "value.named(shown, info)?"
            case _:
                value = f"value.{_reader(option)}(shown, info)?"
        lines.append(f'            "{option.name}" => {place} = Some({value}),')
    lines += [
        '            other => unreachable!("{other} is a row of the table"),',
        "        }",
        "        Ok(())",
        "    }",
        "",
        "    /// Names of the options that are given and belong to no group.",
        "    pub(super) fn given(&self) -> Vec<&'static str> {",
        "        let mut given = Vec::new();",
    ]
    for option in table.group("router"):
        push = f'given.push("{option.name}");'
        lines += [f"        if self.{option.name}.is_some() {{", f"            {push}", "        }"]
    lines += [
        "        given",
        "    }",
        "",
        "    /// # Errors",
        "    /// `InvalidArgument` for a number out of its range.",
        "    pub(crate) fn check_ranges(&self) -> Result<()> {",
        '        number(self.spelling.of("mean_output_tokens"), self.mean_output_tokens, (0.0, f64::MAX, false), '
        '"a number from 0 on")?;',
        "        self.session.check_ranges(self.spelling)?;",
        "        self.votes.check_ranges(self.spelling)?;",
        "        self.export.check_ranges(self.spelling)",
        "    }",
        "}",
        "",
    ]
    lines += _group(table, "votes", "VoteOptions", "Options of routers with votes.", public=False)
    doc = "Options of exported models without an artifact around them."
    lines += _group(table, "export", "ExportOptions", doc, public=False)
    lines += ["/// Every option of opening, in the order of the documentation.", "pub static OPEN: &[OptionInfo] = &["]
    for option in table.open:
        lines += option_info(option)
    lines += ["];"]
    output.file("core/src/options/open.rs", lines)

    lines = [
        *HEAD,
        "//! The options of sessions.",
        "",
        "use std::path::PathBuf;",
        "",
        "use crate::Result;",
        "use crate::names::range::whole;",
        "use crate::names::{Preset, Provider, Spelling};",
        "",
    ]
    doc = "How ONNX models run: [`into_session`](crate::OpenOptions::into_session) makes them."
    lines += _group(table, "session", "SessionOptions", doc, public=True)
    output.file("core/src/onnx/session_options.rs", lines)


def _reader(option: Option) -> str:
    return {
        "text": "text",
        "path": "path",
        "count": "whole",
        "index": "whole",
        "bytes": "whole",
        "number": "number",
        "flag": "flag",
        "clusters": "clusters",
        "tokens": "tokens",
        "labels": "labels",
    }[option.type]


def c_doc(option: Option) -> list[str]:
    """Return the documentation of a setter of C."""

    def render(what: str, name: str) -> str:
        match what:
            case "option":
                return f"`routellm_open_options_set_{name}()`"
            case "call":
                return f"`routellm_route_options_set_{name}()`"
            case "none":
                return "NaN"
            case _:
                return f"`ROUTELLM_{snake_upper(name)}`"

    doc = resolved(option.doc, render)
    if option.names is not None and option.names.c == "int":
        for value in option.names.values:
            doc = doc.replace(f"`{value.name}`", f"`{option.names.constant(value.name)}`")
    if option.type == "clusters":
        doc = doc.replace("`all`", "`SIZE_MAX`")
    if option.type in ("text", "path"):
        doc += " The text is copied."
    return wrapped(f"Sets {doc}", "/// ")


def c_setter(option: Option) -> list[str]:
    """Return the setter of C for an option of opening."""
    argument, name = option.argument, option.name
    safety = "the rules of the header for `err`"
    match option.type:
        case "text":
            kind, value, safety = "*const c_char", f'name({argument}, "{argument}")', safety + " and for names"
        case "path":
            kind, value, safety = "*const c_char", f'path({argument}, "{argument}")', safety + " and for paths"
        case "spec":
            kind, value = "*const c_char", f'name({argument}, "{name}")?.parse()'
            safety += " and for names"
        case "candidates":
            kind, value = "*const c_char", f'Candidate::read_list(name({argument}, "{name}")?)'
            safety += " and for names"
        case "name":
            assert option.names is not None
            if option.names.c == "int":
                kind, value = (
                    "i32",
                    (f'number_of(&{option.names.rust}::ALL, {option.names.rust}::name, {argument}, "{name}")'),
                )
            else:
                kind, value = "*const c_char", f'name({argument}, "{name}")?.parse()'
                safety += " and for names"
        case "count" | "clusters":
            kind, value = "usize", f"Ok({argument})"
        case "index":
            kind, value = "u32", f"Ok({argument})"
        case "bytes":
            kind, value = "u64", f"Ok({argument})"
        case "number":
            kind, value = "f64", f"Ok({argument})"
        case "flag":
            kind, value = "i32", f'flag({argument}, "{name}")'
        case _:
            return []
    return [
        *c_doc(option),
        "#[unsafe(no_mangle)]",
        f'pub unsafe extern "C" fn routellm_open_options_set_{name}(',
        "    options: Option<&mut routellm_open_options>,",
        f"    {argument}: {kind},",
        "    err: *mut *mut routellm_error,",
        ") -> routellm_status {",
        f"    // SAFETY: {safety}.",
        f"    unsafe {{ set(options, err, || {value}, OpenOptions::{name}) }}",
        "}",
        "",
    ]


def c_setters(table: Table, output: Output) -> None:
    """Write `ffi/src/open_setters.rs` and the constants of `ffi/src/names.rs`."""
    lines = [
        *HEAD,
        "//! The setters of the options of opening.",
        "",
        "use std::ffi::c_char;",
        "",
        "use routellm_core::candidates::Candidate;",
        "use routellm_core::OpenOptions;",
        "use routellm_core::options::{Mode, OutOfDistribution, Read};",
        "",
        "use crate::args::{flag, name, number_of, path};",
        "use crate::error::routellm_error;",
        "use crate::open_options::{routellm_open_options, set};",
        "use crate::status::routellm_status;",
        "",
    ]
    for option in table.open:
        lines += c_setter(option)
    output.file("ffi/src/open_setters.rs", lines)

    lines = [*HEAD, "//! The numbers of names.", ""]
    for names in table.names:
        if names.c != "int":
            continue
        title = names.name.replace("_", " ").capitalize()
        for number, value in enumerate(names.values):
            default = " The default." if value.name == names.default and names.name != "read" else ""
            first = value.doc[0].lower() + value.doc[1:]
            lines += wrapped(f"{title}: {first}{default}", "/// ")
            lines.append(f"pub const {names.constant(value.name)}: i32 = {number};")
        lines.append("")
    output.file("ffi/src/names.rs", lines)
