"""Export a Hugging Face checkpoint to the folder that the BERT and causal-LLM routers open.

    export.py classifier SRC OUT [--quantize int8|fp16]
    export.py causal SRC OUT [--style ts|dynamo] [--no-past]
    export.py genai SRC OUT [--precision fp32|fp16|int8|int4]

SRC holds config.json, tokenizer.json and model.safetensors. OUT gets config.json, tokenizer.json,
tokenizer_config.json and model.onnx (with model.onnx.data beside it for `dynamo`). The graph is compared with
torch at several batch sizes, lengths, paddings and lengths of the past before the command ends; it fails, and
leaves no model.onnx, where a logit differs by more than 1e-4, or 1e-4 of the largest logit where that is above 1
(an int8 or fp16 graph is only measured). `genai` runs the builder of onnxruntime-genai, with logits of the
last position only; it is compared on a few prompts, whole and in pieces.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import onnx
import onnxruntime as ort
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification
from transformers.cache_utils import DynamicCache

TOLERANCE = 1e-4
OPSET = 17
DYNAMO_OPSET = 18
COPIED = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "generation_config.json",
    "chat_template.jinja",
    "system_ft_v5.txt",
    "classifier_ft_v5.txt",
)


class Classifier(torch.nn.Module):
    """A sequence classifier with positional inputs: (input_ids, attention_mask, ...) -> logits [batch, labels]."""

    def __init__(self, model: torch.nn.Module, names: list[str]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Logits [batch, labels]."""
        return self.model(**dict(zip(self.names, inputs, strict=True))).logits


class Decoder(torch.nn.Module):
    """A decoder with a flat signature, the one of optimum's exports.

    (input_ids, attention_mask, position_ids, past.0.key, past.0.value, ...) -> (logits, present.0.key, ...), the
    cache as [batch, kv_heads, length, head_dim]. With `emit_cache` off only the logits come out.
    """

    def __init__(self, model: torch.nn.Module, emit_cache: bool = True) -> None:
        super().__init__()
        self.model, self.emit_cache = model, emit_cache

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        position_ids: torch.Tensor,
        *past: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        """Logits [batch, sequence, vocabulary], then the cache with the new tokens in it."""
        cache = DynamicCache(config=self.model.config) if self.emit_cache else None
        for layer in range(len(past) // 2):
            cache.update(past[2 * layer], past[2 * layer + 1], layer)
        out = self.model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=cache,
            use_cache=self.emit_cache,
        )
        if not self.emit_cache:
            return (out.logits,)
        return (out.logits, *(t for layer in out.past_key_values.layers for t in (layer.keys, layer.values)))


def load_classifier(source: Path) -> torch.nn.Module:
    """The checkpoint in float32, ready for inference."""
    return AutoModelForSequenceClassification.from_pretrained(
        source, dtype=torch.float32, attn_implementation="eager"
    ).eval()


def load_causal(source: Path, attention: str = "eager") -> torch.nn.Module:
    """The checkpoint in float32, ready for inference."""
    return AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32, attn_implementation=attention).eval()


def cache_shape(config: AutoConfig) -> tuple[int, int, int]:
    """(layers, key/value heads, components of a head)."""
    heads = config.num_attention_heads
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // heads
    return config.num_hidden_layers, getattr(config, "num_key_value_heads", None) or heads, head_dim


def copy_companions(source: Path, out: Path) -> None:
    """Copy the configuration, the tokenizer and the prompt files that lie beside the weights."""
    out.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        if (source / name).is_file():
            shutil.copyfile(source / name, out / name)


def classifier_inputs(model: torch.nn.Module) -> list[str]:
    """Names of the inputs. A model with one token type has no use for token_type_ids, and exports leave it out."""
    names = ["input_ids", "attention_mask"]
    takes_types = "token_type_ids" in inspect.signature(model.forward).parameters
    if takes_types and (getattr(model.config, "type_vocab_size", 0) or 0) > 1:
        names.append("token_type_ids")
    return names


def classifier_batch(model: torch.nn.Module, batch: int, length: int, seed: int) -> list[torch.Tensor]:
    """Random ids, the last row padded at its right end when there are several."""
    rng = torch.Generator().manual_seed(seed)
    config = model.config
    ids = torch.randint(5, config.vocab_size - 1, (batch, length), generator=rng)
    mask = torch.ones(batch, length, dtype=torch.int64)
    if batch > 1 and length > 3:
        mask[-1, length - 2 :] = 0
        ids[mask == 0] = config.pad_token_id or 0
    types = torch.zeros(batch, length, dtype=torch.int64)
    return [ids, mask, types][: len(classifier_inputs(model))]


def difference(want: np.ndarray, got: np.ndarray) -> float:
    """Largest difference, as a part of the largest logit where that is above 1."""
    return float(np.abs(want - got.astype(np.float32)).max() / max(1.0, np.abs(want).max()))


def check_classifier(path: Path, model: torch.nn.Module) -> float:
    """`difference` between the logits of the graph and of torch."""
    names = classifier_inputs(model)
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    worst = 0.0
    for seed, (batch, length) in enumerate(((1, 2), (1, 7), (3, 40), (2, 60))):
        inputs = classifier_batch(model, batch, length, seed)
        with torch.no_grad():
            want = Classifier(model, names)(*inputs).numpy()
        got = session.run(["logits"], {n: t.numpy() for n, t in zip(names, inputs, strict=True)})[0]
        worst = max(worst, difference(want, got))
    return worst


def export_classifier(source: Path, out: Path, quantize: str | None = None) -> float:
    """Write OUT and return the `difference` from torch."""
    model = load_classifier(source)
    names = classifier_inputs(model)
    copy_companions(source, out)
    path = out / "model.onnx"
    axes = {n: {0: "batch_size", 1: "sequence_length"} for n in names} | {"logits": {0: "batch_size"}}
    with torch.no_grad():
        torch.onnx.export(
            Classifier(model, names).eval(),
            tuple(classifier_batch(model, 2, 12, 0)),
            path,
            input_names=names,
            output_names=["logits"],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    worst = check_classifier(path, model)
    refuse_if_far(path, worst)
    if quantize is not None:
        quantize_graph(path, quantize)
        worst = check_classifier(path, model)
    return worst


def quantize_graph(path: Path, form: str) -> None:
    """Replace a float32 graph by its dynamic int8 form (int8 weights per channel) or its fp16 form (fp16 logits)."""
    if form == "int8":
        from onnxruntime.quantization import QuantType, quantize_dynamic

        small = path.with_suffix(".int8")
        quantize_dynamic(path, small, weight_type=QuantType.QInt8, per_channel=True)
        small.replace(path)
    else:
        from onnxruntime.transformers.float16 import convert_float_to_float16

        onnx.save(convert_float_to_float16(onnx.load(path), keep_io_types=False), path)


def decoder_batch(
    config: AutoConfig, shape: tuple[int, int, int], *, padded: bool = False, seed: int = 0, with_past: bool = True
) -> list[torch.Tensor]:
    """Random inputs for (batch, sequence, past); `padded` hides the first tokens of the last row."""
    batch, length, past = shape
    layers, heads, head_dim = cache_shape(config)
    rng = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, min(config.vocab_size, 500), (batch, length), generator=rng)
    mask = torch.ones(batch, length + past, dtype=torch.int64)
    if padded:
        mask[-1, :2] = 0
    positions = (mask.cumsum(1) - 1).clamp(min=0)[:, past:]
    inputs = [ids, mask, positions]
    if with_past:
        inputs += [torch.randn(batch, heads, past, head_dim, generator=rng) for _ in range(2 * layers)]
    return inputs


def decoder_names(config: AutoConfig, *, with_past: bool = True) -> list[str]:
    """Names of the inputs in the order of `Decoder.forward`."""
    names = ["input_ids", "attention_mask", "position_ids"]
    if with_past:
        names += [f"past_key_values.{i}.{k}" for i in range(config.num_hidden_layers) for k in ("key", "value")]
    return names


def decoder_outputs(config: AutoConfig, *, cache: bool = True) -> list[str]:
    """Names of the outputs in the order of `Decoder.forward`."""
    layers = range(config.num_hidden_layers) if cache else ()
    return ["logits"] + [f"present.{i}.{k}" for i in layers for k in ("key", "value")]


def check_causal(path: Path, model: torch.nn.Module, *, with_past: bool = True, cache: bool = True) -> float:
    """`difference` between graph and torch over prefill, decoding, and rows padded at their left end."""
    config = model.config
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = decoder_names(config, with_past=with_past)
    fixed_to_one = session.get_inputs()[0].shape[1] == 1
    cases = [((1, 7, 0), False), ((3, 20, 0), False), ((2, 9, 0), True)]
    if with_past:
        cases += [((2, 5, 3), False), ((1, 1, 9), False), ((2, 6, 4), True)]
    worst = 0.0
    for seed, (shape, padded) in enumerate(cases):
        if fixed_to_one:
            shape = (shape[0], 1, max(shape[2], 3))
        inputs = decoder_batch(config, shape, padded=padded, seed=seed, with_past=with_past)
        with torch.no_grad():
            want = Decoder(model, emit_cache=cache)(*inputs)
        feed = {n: t.numpy() for n, t in zip(names, inputs, strict=True)}
        wanted_names = {i.name for i in session.get_inputs()}
        got = session.run(decoder_outputs(config, cache=cache), {k: v for k, v in feed.items() if k in wanted_names})
        seen = inputs[1][:, shape[2] :].numpy().astype(bool)
        worst = max(worst, difference(want[0].numpy()[seen], got[0][seen]))
        if cache:
            shapes = [tuple(t.shape) for t in want[1:]]
            if shapes != [g.shape for g in got[1:]]:
                raise SystemExit(f"{path}: cache of shape {got[1].shape}, expected {shapes[0]}")
    return worst


def export_decoder_graph(
    model: torch.nn.Module,
    path: Path,
    style: str,
    *,
    with_past: bool = True,
    cache: bool = True,
    one_token: bool = False,
) -> None:
    """Write one graph. `one_token` fixes the sequence to one token, as the old two-file exports do."""
    config = model.config
    names, outputs = decoder_names(config, with_past=with_past), decoder_outputs(config, cache=cache)
    args = tuple(decoder_batch(config, (2, 1 if one_token else 5, 3 if with_past else 0), with_past=with_past))
    wrapper = Decoder(model, emit_cache=cache).eval()
    sequence = {0: "batch_size"} if one_token else {0: "batch_size", 1: "sequence_length"}
    total = "total_sequence_length" if cache else "sequence_length"
    inputs = {n: sequence for n in names[:3]} | {"attention_mask": {0: "batch_size", 1: total}}
    past = {n: {0: "batch_size", 2: "past_sequence_length"} for n in names[3:]}
    with torch.no_grad():
        if style == "dynamo":
            torch.onnx.export(
                wrapper,
                args,
                path,
                input_names=names,
                output_names=outputs,
                dynamic_shapes=inputs | {"past": tuple(past.values())},
                opset_version=DYNAMO_OPSET,
                dynamo=True,
                external_data=True,
            )
            graph = onnx.load(path, load_external_data=False)
            strip_metadata(graph)
            path.write_bytes(graph.SerializeToString())
            return
        present = {n: {0: "batch_size", 2: total} for n in outputs[1:]}
        torch.onnx.export(
            wrapper,
            args,
            path,
            input_names=names,
            output_names=outputs,
            dynamic_axes=inputs | past | {"logits": sequence} | present,
            opset_version=OPSET,
            dynamo=False,
            do_constant_folding=True,
        )


def export_causal(source: Path, out: Path, style: str = "ts", *, with_past: bool = True) -> float:
    """Write OUT and return the `difference` from torch."""
    model = load_causal(source, "sdpa" if style == "dynamo" else "eager")
    copy_companions(source, out)
    path = out / "model.onnx"
    export_decoder_graph(model, path, style, with_past=with_past, cache=with_past)
    worst = check_causal(path, model, with_past=with_past, cache=with_past)
    refuse_if_far(path, worst)
    return worst


def export_genai(source: Path, out: Path, precision: str = "fp32") -> float:
    """Write OUT by the builder of onnxruntime-genai and return the `difference` of the last position's logits."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-m", "onnxruntime_genai.models.builder", "-i", str(source), "-o", str(out)]
        # Its fp16 graphs for the CPU fail with a past; those for CUDA use GroupQueryAttention and run on both.
        provider = "cuda" if precision == "fp16" else "cpu"
        command += ["-p", precision, "-e", provider, "-c", cache, "--extra_options", "prune_lm_head=true"]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"onnxruntime_genai.models.builder: {done.stderr[-2000:]}")
    # The builder writes a tokenizer.json and a template of its own; the checkpoint's are the ones to go by.
    (out / "chat_template.jinja").unlink(missing_ok=True)
    copy_companions(source, out)
    path = out / "model.onnx"
    graph = onnx.load(path, load_external_data=False)
    strip_metadata(graph)
    path.write_bytes(graph.SerializeToString())
    worst = check_genai(path, load_causal(source))
    if precision == "fp32":
        refuse_if_far(path, worst)
    return worst


def check_genai(path: Path, model: torch.nn.Module) -> float:
    """`difference` at the last position, in one pass and with a past; GroupQueryAttention takes no left padding."""
    config = model.config
    layers, heads, head_dim = cache_shape(config)
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    kinds = {i.name: np.float16 if i.type == "tensor(float16)" else np.float32 for i in session.get_inputs()}
    worst = 0.0
    for seed, cuts in enumerate(((0, 12), (0, 1), (0, 9, 10, 17))):
        ids = decoder_batch(config, (1, cuts[-1], 0), seed=seed, with_past=False)[0]
        with torch.no_grad():
            want = model(input_ids=ids).logits.numpy()
        past = [np.zeros((1, heads, 0, head_dim), kinds[n]) for n in decoder_names(config)[3:]]
        for start, end in zip(cuts, cuts[1:], strict=False):
            feed = dict(zip(decoder_names(config)[3:], past, strict=True))
            feed |= {"input_ids": ids[:, start:end].numpy(), "attention_mask": np.ones((1, end), np.int64)}
            feed["position_ids"] = np.arange(start, end)[None]
            feed = {name: value for name, value in feed.items() if name in kinds}
            logits, *past = session.run(decoder_outputs(config), feed)
            worst = max(worst, difference(want[:, end - 1], logits[:, -1]))
    return worst


def strip_metadata(graph: onnx.ModelProto) -> None:
    """Remove the stack traces that torch and others leave in a graph: most of its bytes, and paths of the machine."""
    graph.doc_string = ""
    del graph.metadata_props[:]
    graph.graph.doc_string = ""
    del graph.graph.metadata_props[:]
    for node in graph.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in (*graph.graph.value_info, *graph.graph.input, *graph.graph.output):
        del value.metadata_props[:]


def refuse_if_far(path: Path, worst: float) -> None:
    """Delete the graph and stop when it does not compute what torch computes."""
    if not worst <= TOLERANCE:
        path.unlink()
        raise SystemExit(f"{path}: logits differ from torch by {worst:.2e}, more than {TOLERANCE:.0e}")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    classifier = kinds.add_parser("classifier")
    classifier.add_argument("--quantize", choices=("int8", "fp16"))
    causal = kinds.add_parser("causal")
    causal.add_argument("--style", choices=("ts", "dynamo"), default="ts")
    causal.add_argument("--no-past", action="store_true", help="no key/value cache, neither in nor out")
    genai = kinds.add_parser("genai")
    genai.add_argument("--precision", choices=("fp32", "fp16", "int8", "int4"), default="fp32")
    for sub in (classifier, causal, genai):
        sub.add_argument("source", type=Path)
        sub.add_argument("out", type=Path)
    args = parser.parse_args()
    if not (args.source / "config.json").is_file():
        sys.exit(f"{args.source}: no config.json there")
    if args.kind == "classifier":
        worst = export_classifier(args.source, args.out, args.quantize)
    elif args.kind == "genai":
        worst = export_genai(args.source, args.out, args.precision)
    else:
        worst = export_causal(args.source, args.out, args.style, with_past=not args.no_past)
    size = sum(f.stat().st_size for f in args.out.glob("model.onnx*"))
    print(json.dumps({"out": str(args.out), "bytes": size, "difference": worst}))


if __name__ == "__main__":
    main()
