"""Writes artifacts that tests need and that nobody should ship: small, altered, incomplete ones."""

from __future__ import annotations

import json
import shutil
import struct
import sys
from pathlib import Path

MODELS = 64
VOTES = Path(__file__).resolve().parents[2] / "tests" / "conformance" / "sw-caller"
DIM = 4
TEXT_DIM = 8


def safetensors(tensors: dict[str, tuple[list[int], list[float]]]) -> bytes:
    """A safetensors file of float32 tensors."""
    header: dict[str, object] = {}
    body = b""
    for name, (shape, values) in sorted(tensors.items()):
        data = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def numbers(count: int, seed: int) -> list[float]:
    """Numbers in [-1, 1) that do not repeat soon; their values mean nothing."""
    out = []
    state = seed
    for _ in range(count):
        state = (state * 1103515245 + 12345) % 2**31
        out.append(state / 2**30 - 1)
    return out


def caller_mf(folder: Path) -> None:
    """Matrix factorization in the published layout, for embeddings of 8 numbers."""
    folder.mkdir()
    config = {"dim": DIM, "num_models": MODELS, "text_dim": TEXT_DIM, "num_classes": 1, "use_proj": True}
    (folder / "config.json").write_text(json.dumps(config))
    tensors = {
        "P.weight": ([MODELS, DIM], numbers(MODELS * DIM, 1)),
        "text_proj.0.weight": ([DIM, TEXT_DIM], numbers(DIM * TEXT_DIM, 2)),
        "classifier.0.weight": ([1, DIM], numbers(DIM, 3)),
    }
    (folder / "model.safetensors").write_bytes(safetensors(tensors))


def main(default: Path, folder: Path) -> None:
    """Writes every fixture into `folder`; `default` is the folder of the default artifact."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    caller_mf(folder / "caller-mf")
    (folder / "no-artifact").mkdir()
    (folder / "malformed").mkdir()
    (folder / "malformed" / "router.json").write_text("{")
    for name in ("altered", "incomplete"):
        shutil.copytree(default, folder / name)
    weights = folder / "altered" / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    (folder / "incomplete" / "weights.safetensors").unlink()
    shutil.copytree(VOTES, folder / "votes")
    shutil.copytree(default, folder / "unreadable")
    (folder / "unreadable" / "router.json").unlink()
    (folder / "unreadable" / "router.json").mkdir()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
