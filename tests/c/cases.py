"""Writes the conformance cases in a form that a C program reads without a JSON library.

One case a line, fields separated by one space:

    prompt    ROUTER ID utf8|messages  HEX  win_rate BITS SIDE TRUNCATED
    embedding ROUTER ID float32        HEX  win_rate BITS SIDE -
    ...                                     error KIND - -

HEX is `-` for nothing, and float32 values are little-endian. Cases in UTF-16 are for languages whose strings
are; they are left out.

The cases of routers with votes make another file, whose fields are separated by one tab:

    router     NAME FOLDER STRONG WEAK MODE OUT_OF_DISTRIBUTION MIN_SIMILARITY OPEN_CLUSTERS ERROR_TARGET
    refused    KIND FOLDER STRONG ...
    text       ROUTER ID HEX THRESHOLD K win_rate BITS SIDE SIMILARITY OUT_OF_DISTRIBUTION LARGEST
    values     ROUTER ID HEX THRESHOLD K error KIND - - - -

SIMILARITY is that of the decision, for which a clustered store reads some votes, and LARGEST is that to any vote.

An option that is absent is `-`. Numbers with a point are bits, modes and decisions are the numbers of C, and
OPEN_CLUSTERS is a number or `all`.

The cases of exported models make a third file, in lines of the same kind, several for each case:

    case       NAME FOLDER THRESHOLD TOLERANCE
    refused    NAME FOLDER KIND MESSAGE
    option     KEY text HEX
    option     KEY number N
    prompt     HEX BITS SIDE TRUNCATED NO_SCORE
    end

An option that is a list has a line for each of its entries.

The cases of chats make a fourth file, in fields separated by one tab; READ is the number of C, and PLACES are letters,
`a` for a chat alone and `b` for one in a batch:

    ID READ PLACES HEX prompt HEX
    ID READ PLACES HEX error KIND COVERED
"""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path
from typing import Any


def prompt_bytes(case: dict[str, Any]) -> tuple[str, bytes] | None:
    """Kind and bytes of a prompt, or nothing if C cannot produce it."""
    if "text" in case:
        return "utf8", case["text"].encode()
    if "repeat" in case:
        text, count = case["repeat"]
        return "utf8", text.encode() * count
    if "utf8_hex" in case:
        return "utf8", bytes.fromhex(case["utf8_hex"])
    if "messages" in case:
        return "messages", json.dumps(case["messages"]).encode()
    if "utf16_hex" in case:
        return None
    raise SystemExit(f"case {case['id']}: no kind of prompt that is known: {sorted(case)}")


def float32(value: float) -> float:
    """The nearest float32: the file holds decimals."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def embedding_bytes(case: dict[str, Any]) -> bytes:
    """The numbers of an embedding as float32."""
    values = [float32(v) for v in case["values"]] if "values" in case else [float32(case["fill"][0])] * case["fill"][1]
    if "nan_at" in case:
        values[case["nan_at"]] = float("nan")
    if "inf_at" in case:
        values[case["inf_at"]] = float("inf")
    return struct.pack(f"<{len(values)}f", *values)


def outcome(expect: dict[str, Any], truncated: bool) -> str:
    """What should come out."""
    if "error" in expect:
        return f"error {expect['error']} - -"
    return f"win_rate {expect['win_rate_bits']} {expect['side']} {int(expect['truncated']) if truncated else '-'}"


def lines(data: dict[str, Any]) -> list[str]:
    """Every case, one a line."""
    if data["format"] != 1:
        raise SystemExit(f"conformance format {data['format']}, expected 1")
    out = []
    for case in sorted(data["prompts"], key=lambda case: case["id"]):
        prompt = prompt_bytes(case)
        if prompt is None:
            continue
        kind, content = prompt
        for router, expect in case["expect"].items():
            out.append(f"prompt {router} {case['id']} {kind} {content.hex() or '-'} {outcome(expect, True)}")
    for case in data["embeddings"]:
        content = embedding_bytes(case)
        for router, expect in case["expect"].items():
            out.append(f"embedding {router} {case['id']} float32 {content.hex() or '-'} {outcome(expect, False)}")
    return out


def bits(value: float) -> str:
    """The bits of a double, as 16 hexadecimal digits."""
    return struct.pack(">d", value).hex()


def opening(folder: str, options: dict[str, Any], root: Path) -> list[str]:
    """A folder and the options that it is opened with."""
    known = {"strong", "weak", "mode", "out_of_distribution", "min_similarity", "open_clusters", "error_target"}
    if options.keys() - known:
        raise SystemExit(f"options {sorted(options.keys() - known)} are not known")
    modes = {"exact": "0", "reference": "1"}
    # Another word is another number here.
    decisions = {"ignore": "0", "strong": "1", "weak": "2"}
    return [
        str(root / folder),
        options.get("strong", "-"),
        options.get("weak", "-"),
        modes[options["mode"]] if "mode" in options else "-",
        decisions.get(options["out_of_distribution"], "9") if "out_of_distribution" in options else "-",
        bits(options["min_similarity"]) if "min_similarity" in options else "-",
        str(options.get("open_clusters", "-")),
        bits(options["error_target"]) if "error_target" in options else "-",
    ]


def vote_lines(data: dict[str, Any], root: Path) -> list[str]:
    """Every router, refusal and case of routers with votes, one a line."""
    if data["format"] != 1:
        raise SystemExit(f"conformance format {data['format']}, expected 1")
    out = [["router", name, *opening(r["artifact"], r["options"], root)] for name, r in data["routers"].items()]
    out += [["refused", r["error"], *opening(r["artifact"], r["options"], root)] for r in data["open_errors"]]
    for case in data["cases"]:
        content = case["text"].encode() if "text" in case else embedding_bytes(case)
        expect = case["expect"]
        if "error" in expect:
            wanted = ["error", expect["error"], "-", "-", "-", "-"]
        else:
            far = str(int(expect["out_of_distribution"]))
            largest = bits(expect["explanation"]["similarity"])
            wanted = ["win_rate", expect["win_rate_bits"], expect["side"], expect["similarity_bits"], far, largest]
        kind = "text" if "text" in case else "values"
        given = [case["router"], case["id"], content.hex() or "-", bits(case["threshold"]), str(case["k"])]
        out.append([kind, *given, *wanted])
    return ["\t".join(fields) for fields in out]


def votes(source: Path, destination: Path, root: Path) -> dict[str, Any]:
    """Writes the cases of routers with votes, and gives the explanation of each that has one."""
    data = json.loads(source.read_text(encoding="utf-8"))
    destination.write_text("".join(f"{line}\n" for line in vote_lines(data, root)), encoding="utf-8")
    return {case["id"]: case["expect"]["explanation"] for case in data["cases"] if "error" not in case["expect"]}


def message_lines(data: dict[str, Any]) -> list[str]:
    """Every case of a chat, one a line."""
    if data["format"] != 1:
        raise SystemExit(f"conformance format {data['format']}, expected 1")
    reads = ["last_user", "all_user", "conversation"]
    out = []
    for case in data["cases"]:
        content = case["json"].encode().hex() if "json" in case else case["json_hex"]
        places = {None: "ab", False: "a", True: "b"}[case.get("in_batch")]
        wanted = (
            ["prompt", case["prompt"].encode().hex()]
            if "prompt" in case
            else ["error", case["error"], str(int(case["covered"]))]
        )
        out.append("\t".join([case["id"], str(reads.index(case["read"])), places, content or "-", *wanted]))
    return out


def messages(source: Path, destination: Path) -> int:
    """Writes the cases of chats; their number."""
    lines = message_lines(json.loads(source.read_text(encoding="utf-8")))
    destination.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return len(lines)


def export_lines(data: dict[str, Any], root: Path) -> list[str]:
    """Every case of exported models, its options and its prompts."""
    modes = {"exact": 0, "reference": 1}
    out: list[list[str]] = []
    for case in data["cases"]:
        name, folder = case["name"], str(root / case["router"])
        if "error" in case:
            out.append(["refused", name, folder, case["error"], case["message"]])
        else:
            out.append(["case", name, folder, bits(case["threshold"]), bits(case["tolerance"])])
        for key, value in case["open"].items():
            for entry in value if isinstance(value, list) else [modes[value] if key == "mode" else value]:
                if isinstance(entry, str):
                    out.append(["option", key, "text", entry.encode().hex() or "-"])
                else:
                    out.append(["option", key, "number", str(entry)])
        for prompt, expect in zip(case.get("prompts", []), case.get("expected", []), strict=True):
            flags = [str(int(expect[flag])) for flag in ("truncated", "no_score")]
            out.append(["prompt", prompt.encode().hex() or "-", bits(expect["win_rate"]), expect["side"], *flags])
        out.append(["end"])
    for fields in out:
        # C reads them as they are, and writes the names between quotes.
        if any(set(field) & set('\t\n\\"') for field in fields[:3]):
            raise SystemExit(f"a name that C cannot read: {fields}")
    return ["\t".join(fields) for fields in out]


def exports(source: Path, destination: Path, root: Path) -> None:
    """Writes the cases of exported models."""
    data = json.loads(source.read_text(encoding="utf-8"))
    destination.write_text("".join(f"{line}\n" for line in export_lines(data, root)), encoding="utf-8")


def main(source: Path, destination: Path) -> int:
    """Writes the cases of `source`, and says how many."""
    out = lines(json.loads(source.read_text(encoding="utf-8")))
    destination.write_text("".join(f"{line}\n" for line in out), encoding="utf-8")
    return len(out)


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), Path(sys.argv[2])), "cases")
