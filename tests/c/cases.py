"""Writes the conformance cases in a form that a C program reads without a JSON library.

One case a line, fields separated by one space:

    prompt    ROUTER ID utf8|messages  HEX  win_rate BITS SIDE TRUNCATED
    embedding ROUTER ID float32        HEX  win_rate BITS SIDE -
    ...                                     error KIND - -

HEX is `-` for nothing, and float32 values are little-endian. Cases in UTF-16 are for languages whose strings
are; they are left out.
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


def main(source: Path, destination: Path) -> int:
    """Writes the cases of `source`, and says how many."""
    out = lines(json.loads(source.read_text(encoding="utf-8")))
    destination.write_text("".join(f"{line}\n" for line in out), encoding="utf-8")
    return len(out)


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), Path(sys.argv[2])), "cases")
