"""Compare ways of shrinking the encoder, and print the table of README.md.

The rows are graphs made from the same float32 weights; every figure is against the float32 graph under the
same runtime. `change` columns are the largest difference of one component of an embedding that was
computed again in another way: 2 threads for 1, basic graph optimisation for full, and, with --valgrind,
a CPU with AVX2 but neither AVX-512 nor VNNI (as valgrind presents it) for this one.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from convert import BUILT_IN_PROMPTS, OUTPUT, build, embed, feed, model_dir, pool, read_prompts, session, token_ids
from onnxruntime.quantization import QuantFormat, QuantType, quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer

BASIC = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC


def nbits(model: onnx.ModelProto, target: Path, bits: int, accuracy_level: int) -> None:
    """Block-wise weights (32 to a block, with zero points) for MatMulNBits; with 4 bits the table as well."""
    config = DefaultWeightOnlyQuantConfig(
        block_size=32,
        is_symmetric=False,
        accuracy_level=accuracy_level,
        quant_format=QuantFormat.QOperator,
        op_types_to_quantize=("MatMul", "Gather") if bits == 4 else ("MatMul",),
        quant_axes=(("MatMul", 0), ("Gather", 1)),
        bits=bits,
    )
    quantizer = MatMulNBitsQuantizer(model, algo_config=config)
    quantizer.process()
    quantizer.model.save_model_to_file(str(target), False)


def write_variants(folder: Path) -> dict[str, Path]:
    """Write every variant into `folder`; its path under the name of its row."""
    paths = {}

    def path(name: str) -> Path:
        return paths.setdefault(name, folder / f"{name.replace(' ', '-')}.onnx")

    def graph(matrices: bool, table: bool) -> onnx.ModelProto:
        return build(model_dir(), int8_matrices=matrices, int8_table=table)

    path("float32").write_bytes(graph(False, False).SerializeToString())
    path("int8 weights").write_bytes(graph(True, True).SerializeToString())
    quantize_dynamic(path("float32"), path("int8 dynamic"), weight_type=QuantType.QInt8, per_channel=True)
    for bits in (8, 4):
        for level in (0, 4):
            nbits(graph(False, bits == 8), path(f"nbits {bits} level {level}"), bits, level)
    return paths


def resident(field: str) -> float:
    """Memory of this process in MB: field VmRSS (now) or VmHWM (peak)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) / 1024


def probe(model: str) -> dict[str, float]:
    """Load time in ms, and growth of resident memory in MB after loading, after 256 tokens, and at the peak."""
    before, start = resident("VmRSS"), time.perf_counter()
    encoder = session(model)
    load_ms, loaded = (time.perf_counter() - start) * 1e3, resident("VmRSS") - before
    encoder.run(None, feed([[101] * 256]))
    return {
        "load_ms": load_ms,
        "loaded_mb": loaded,
        "used_mb": resident("VmRSS") - before,
        "peak_mb": resident("VmHWM") - before,
    }


def ranks(x: np.ndarray) -> np.ndarray:
    """Rank of every element of a 1-D array (no two are equal in practice)."""
    return x.argsort().argsort().astype(np.float64)


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation of all pairwise cosines within a and within b, both [prompts, 384]."""
    upper = np.triu_indices(len(a), 1)
    return float(np.corrcoef(ranks((a @ a.T)[upper]), ranks((b @ b.T)[upper]))[0, 1])


def largest(a: np.ndarray, b: np.ndarray) -> float:
    """Largest absolute difference of a component."""
    return float(np.abs(a - b).max())


def batched(encoder: ort.InferenceSession, groups: list[list[list[int]]]) -> np.ndarray:
    """Embeddings with every group of token id lists run as one batch, in the order of the groups."""
    out = []
    for group in groups:
        row = feed(group)
        hidden = encoder.run([OUTPUT], row)[0]
        out += [pool(hidden[i : i + 1, : len(r)], np.ones((1, len(r)))) for i, r in enumerate(group)]
    return np.concatenate(out)


def batch_changes(encoder: ort.InferenceSession, ids: list[list[int]], alone: np.ndarray) -> tuple[float, float]:
    """Change in mixed batches of 8 (padded), and in batches of up to 8 prompts of equal length."""
    padded = batched(encoder, [ids[i : i + 8] for i in range(0, len(ids), 8)])
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    groups: list[list[list[int]]] = []
    for i in order:
        if groups and len(groups[-1]) < 8 and len(groups[-1][0]) == len(ids[i]):
            groups[-1].append(ids[i])
        else:
            groups.append([ids[i]])
    return largest(padded, alone), largest(batched(encoder, groups), alone[order])


def latencies(encoders: dict[str, ort.InferenceSession], tokens: int, rounds: int) -> dict[str, float]:
    """Median milliseconds of one prompt of `tokens` tokens; the variants take turns in every round."""
    row = feed([[101, *range(2000, 1998 + tokens), 102]])
    times: dict[str, list[float]] = {name: [] for name in encoders}
    for _ in range(rounds):
        for name, encoder in encoders.items():
            start = time.perf_counter()
            encoder.run(None, row)
            times[name].append((time.perf_counter() - start) * 1e3)
    return {name: float(np.median(t)) for name, t in times.items()}


def child(*args: str, prefix: tuple[str, ...] = ()) -> str:
    """Run this file again in a fresh process and return its output."""
    command = [*prefix, sys.executable, __file__, *args]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> None:
    """Make the variants, measure them, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=Path, help='JSON lines with a "prompt" field')
    parser.add_argument("--count", type=int, default=200, help="how many of them to use")
    parser.add_argument("--valgrind", action="store_true", help="compare with a CPU that has AVX2 only (slow)")
    parser.add_argument("--probe", metavar="MODEL", help=argparse.SUPPRESS)
    parser.add_argument("--embed", metavar="MODEL", help=argparse.SUPPRESS)
    args = parser.parse_args()
    short = token_ids(model_dir(), list(BUILT_IN_PROMPTS))
    if args.probe:
        print(json.dumps(probe(args.probe)))
        return
    if args.embed:
        print(json.dumps(embed(session(args.embed), short).tolist()))
        return
    if args.valgrind and not shutil.which("valgrind"):
        sys.exit("valgrind is not installed")

    ids = token_ids(model_dir(), read_prompts(args.prompts, args.count))
    with tempfile.TemporaryDirectory() as folder:
        paths = write_variants(Path(folder))
        encoders = {name: session(str(path)) for name, path in paths.items()}
        ms17, ms256 = latencies(encoders, 17, 300), latencies(encoders, 256, 40)
        embeddings = {name: embed(encoder, ids) for name, encoder in encoders.items()}
        plain = embeddings["float32"]
        rows = []
        for name, path in paths.items():
            mine = embeddings[name]
            cosine = (mine * plain).sum(axis=1)
            padded, equal = batch_changes(encoders[name], ids, mine)
            probes = [json.loads(child("--probe", str(path))) for _ in range(5)]
            memory = {key: float(np.median([p[key] for p in probes])) for key in probes[0]}
            row = {
                "variant": name,
                "MB": f"{path.stat().st_size / 1e6:.1f}",
                "ms 17": f"{ms17[name]:.1f}",
                "ms 256": f"{ms256[name]:.0f}",
                "cosine mean": f"{cosine.mean():.5f}",
                "cosine least": f"{cosine.min():.5f}",
                "Spearman": f"{spearman(mine, plain):.5f}",
                "padded batch change": f"{padded:.1e}",
                "equal batch change": f"{equal:.1e}",
                "threads change": f"{largest(mine, embed(session(str(path), threads=2), ids)):.1e}",
                "basic change": f"{largest(mine, embed(session(str(path), graph_optimization_level=BASIC), ids)):.1e}",
            }
            if args.valgrind:
                other = child("--embed", str(path), prefix=("valgrind", "--tool=none", "-q"))
                row["AVX2 change"] = f"{largest(embed(encoders[name], short), np.array(json.loads(other))):.1e}"
            row["load ms"] = f"{memory['load_ms']:.0f}"
            for key in ("loaded", "used", "peak"):
                row[f"{key} MB"] = f"{memory[f'{key}_mb']:.0f}"
            rows.append(row)
            print(row, flush=True)
    print("| " + " | ".join(rows[0]) + " |\n" + "|---" * len(rows[0]) + "|")
    for row in rows:
        print("| " + " | ".join(row.values()) + " |")


if __name__ == "__main__":
    main()
