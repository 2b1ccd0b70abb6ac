"""What is told about a router, and why a prompt got its score, in every language."""

from __future__ import annotations

import textwrap

from output import Output
from table import Record, RecordField, Table, camel, pascal
from text import capital, resolved, wrapped

# Beginnings of documentation that speaks of several things.
PLURALS = ("the names", "the votes", "the bytes", "the tokens", "data sources", "its parameters")


def all_faces(table: Table, output: Output) -> None:
    """Write the fields of each record everywhere."""
    records = {record.name: record for record in table.records}
    for record in table.records:
        if record.file is not None:
            _core(record, records, output)
        _go(record, records, output)
        _python(record, records, output)
        _node(record, records, output)


def _sentence(field: RecordField, none: str) -> str:
    doc = resolved(field.doc, lambda what, name: none if what == "none" else f"`{name}`")
    return f"Whether {doc}" if field.type == "flag" else capital(doc)


def _part(record: Record) -> str:
    return f"record-{record.name}"


def _core(record: Record, records: dict[str, Record], output: Output) -> None:
    plain = {
        "text": "String",
        "path": "PathBuf",
        "static": "&'static str",
        "kind": "Kind",
        "count": "usize",
        "total": "u64",
        "number": "f64",
        "unsure": "f64",
        "flag": "bool",
        "texts": "Vec<String>",
        "json": "Json",
        "counts": "BTreeMap<&'static str, u64>",
        "labels": "BTreeMap<String, String>",
    }
    lines: list[str] = []
    for field in record.fields:
        match field.type:
            case "name":
                assert field.names is not None
                kind = field.names.rust
            case "record" | "records":
                kind = records[str(field.record)].rust
                kind = f"Vec<{kind}>" if field.type == "records" else kind
            case _:
                kind = plain[field.type]
        none = "NaN (`null` in JSON)" if field.type == "unsure" else "`None`"
        lines += wrapped(_sentence(field, none), "    /// ")
        if field.absent:
            lines.append('    #[serde(skip_serializing_if = "Option::is_none")]')
        kind = f"Option<{kind}>" if field.optional else kind
        lines.append(f"    pub {field.name}: {kind},")
    output.part(str(record.file), _part(record), lines)


def _go_name(name: str) -> str:
    return {"id": "ID", "sha256": "SHA256", "gpu": "GPU", "cpu": "CPU", "c_abi": "CABI"}.get(name, pascal(name))


def _go(record: Record, records: dict[str, Record], output: Output) -> None:
    plain = {
        "text": "string",
        "path": "string",
        "static": "string",
        "name": "string",
        "kind": "string",
        "error": "string",
        "count": "int",
        "total": "uint64",
        "number": "float64",
        "unsure": "float64",
        "flag": "bool",
        "texts": "[]string",
        "json": "map[string]any",
        "counts": "map[Kind]uint64",
        "labels": "map[string]string",
    }
    lines: list[str] = []
    for field in record.fields:
        if field.type in ("record", "records"):
            kind = records[str(field.record)].go
            kind = f"[]{kind}" if field.type == "records" else kind
        else:
            kind = field.go or plain[field.type]
        none = "NaN" if field.type == "unsure" else "nil"
        doc = resolved(field.doc, lambda what, name, none=none: none if what == "none" else name)
        verb = "says that" if field.type == "flag" else "are" if doc.startswith(PLURALS) else "is"
        lines += wrapped(f"{_go_name(field.name)} {verb} {doc}".replace("`", '"'), "\t// ", 116)
        # Names of errors become kinds by hand.
        tag = "-" if field.type == "counts" else field.name + (",omitempty" if field.absent else "")
        lines.append(f'\t{_go_name(field.name)} {"*" if field.optional else ""}{kind} `json:"{tag}"`')
    output.part(f"bindings/go/{record.go_file}", _part(record), lines)


def _python(record: Record, records: dict[str, Record], output: Output) -> None:
    plain = {
        "text": "str",
        "path": "str",
        "static": "str",
        "kind": "Kind",
        "error": "str",
        "count": "int",
        "total": "int",
        "number": "float",
        "unsure": "float | None",
        "flag": "bool",
        "texts": "list[str]",
        "json": "dict[str, Any]",
        "counts": "dict[str, int]",
        "labels": "dict[str, str]",
    }
    lines: list[str] = []
    for field in record.fields:
        match field.type:
            case "name":
                assert field.names is not None
                kind = field.names.rust
            case "record" | "records":
                kind = records[str(field.record)].python
                kind = f"list[{kind}]" if field.type == "records" else kind
            case "static" if field.one_of:
                names = ", ".join(f'"{name}"' for name in field.one_of)
                kind = f"Literal[{names}]"
            case _:
                kind = plain[field.type]
        if field.absent:
            kind = f"NotRequired[{kind}]"
        elif field.optional:
            kind += " | None"
        lines.append(f"    {field.name}: {kind}")
        doc = _sentence(field, "None").replace("`", "``")
        wrap = textwrap.wrap(doc, 98, break_long_words=False, break_on_hyphens=False)
        if len(wrap) == 1:
            lines.append(f'    """{doc}"""')
        else:
            lines += [f'    """{wrap[0]}', *(f"    {line}" for line in wrap[1:]), '    """']
    output.part("python/routellm_rs/_types.py", _part(record), lines)


def _node(record: Record, records: dict[str, Record], output: Output) -> None:
    plain = {
        "text": "string",
        "path": "string",
        "static": "string",
        "kind": "RouterKind",
        "error": "ErrorKind",
        "count": "number",
        "total": "number",
        "number": "number",
        "unsure": "number | null",
        "flag": "boolean",
        "texts": "string[]",
        "json": "Record<string, unknown>",
        "counts": "Partial<Record<ErrorKind, number>>",
        "labels": "Record<string, string>",
    }
    lines: list[str] = []
    for field in record.fields:
        match field.type:
            case "name":
                assert field.names is not None
                kind = " | ".join(f"'{value.name}'" for value in field.names.values)
            case "record" | "records":
                kind = records[str(field.record)].ts
                kind = f"{kind}[]" if field.type == "records" else kind
            case "static" if field.one_of:
                kind = " | ".join(f"'{name}'" for name in field.one_of)
            case _:
                kind = plain[field.type]
        if field.optional and not field.absent:
            kind += " | null"
        lines += ["  /**", *wrapped(_sentence(field, "`null`"), "   * "), "   */"]
        lines.append(f"  {camel(field.name)}{'?' if field.absent else ''}: {kind};")
    output.part("node/index.d.ts", _part(record), lines)
