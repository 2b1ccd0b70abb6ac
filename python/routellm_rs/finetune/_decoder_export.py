"""Causal language models as ONNX, with the key/value cache going in and coming out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from routellm_rs.errors import InvalidModelError

from ._checkpoint import cache_shape, copy_companions, load_causal
from ._extra import library
from ._graph import (
    DYNAMO_OPSET,
    ONE_FILE_BYTES,
    OPSET,
    bytes_of,
    difference,
    exporting,
    quantize_graph,
    refuse_if_far,
    session,
    strip_file,
)


def flat(model: Any, emit_cache: bool = True) -> Any:
    """Return the decoder with a flat signature, the one of optimum's exports.

    (input_ids, attention_mask, position_ids, past.0.key, past.0.value, ...) -> (logits, present.0.key, ...),
    the cache as [batch, kv_heads, length, head_dim]. Without ``emit_cache`` only the logits come out.
    """
    torch, caches = library("torch"), library("transformers.cache_utils")

    module: Any = torch.nn.Module

    class Decoder(module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any, position_ids: Any, *past: Any) -> Any:
            cache: Any = caches.DynamicCache(config=self.model.config) if emit_cache else None
            for layer in range(len(past) // 2):
                cache.update(past[2 * layer], past[2 * layer + 1], layer)
            out = self.model(
                input_ids=input_ids,
                attention_mask=attention_mask,
                position_ids=position_ids,
                past_key_values=cache,
                use_cache=emit_cache,
            )
            if not emit_cache:
                return (out.logits,)
            return (
                out.logits,
                *(t for layer in out.past_key_values.layers for t in (layer.keys, layer.values)),
            )

    return Decoder().eval()


def decoder_batch(
    config: Any, shape: tuple[int, int, int], *, padded: bool = False, seed: int = 0, with_past: bool = True
) -> list[Any]:
    """Return random inputs for (batch, sequence, past); ``padded`` hides the first tokens of the last row."""
    torch = library("torch")
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


def decoder_names(config: Any, *, with_past: bool = True) -> list[str]:
    """Return the names of the inputs in the order of :func:`flat`."""
    names = ["input_ids", "attention_mask", "position_ids"]
    if with_past:
        names += [
            f"past_key_values.{i}.{k}" for i in range(config.num_hidden_layers) for k in ("key", "value")
        ]
    return names


def decoder_outputs(config: Any, *, cache: bool = True) -> list[str]:
    """Return the names of the outputs in the order of :func:`flat`."""
    layers = range(config.num_hidden_layers) if cache else ()
    return ["logits"] + [f"present.{i}.{k}" for i in layers for k in ("key", "value")]


def check_causal(path: Path, model: Any, *, with_past: bool = True, cache: bool = True) -> float:
    """Return the :func:`difference` of graph and torch over prefill, decoding and padded rows."""
    torch = library("torch")
    config = model.config
    run = session(path)
    names = decoder_names(config, with_past=with_past)
    fixed_to_one = run.get_inputs()[0].shape[1] == 1
    cases = [((1, 7, 0), False), ((3, 20, 0), False), ((2, 9, 0), True)]
    if with_past:
        cases += [((2, 5, 3), False), ((1, 1, 9), False), ((2, 6, 4), True)]
    worst = 0.0
    for seed, (shape, padded) in enumerate(cases):
        if fixed_to_one:
            shape = (shape[0], 1, max(shape[2], 3))
        inputs = decoder_batch(config, shape, padded=padded, seed=seed, with_past=with_past)
        with torch.no_grad():
            want = flat(model, emit_cache=cache)(*inputs)
        feed = {n: t.numpy() for n, t in zip(names, inputs, strict=True)}
        wanted = {i.name for i in run.get_inputs()}
        got = run.run(decoder_outputs(config, cache=cache), {k: v for k, v in feed.items() if k in wanted})
        seen = inputs[1][:, shape[2] :].numpy().astype(bool)
        worst = max(worst, difference(want[0].numpy()[seen], got[0][seen]))
        if cache:
            shapes = [tuple(t.shape) for t in want[1:]]
            if shapes != [g.shape for g in got[1:]]:
                raise InvalidModelError(f"{path}: cache of shape {got[1].shape}, expected {shapes[0]}")
    return worst


def export_decoder_graph(
    model: Any,
    path: Path,
    style: str,
    *,
    with_past: bool = True,
    cache: bool = True,
    one_token: bool = False,
) -> None:
    """Write one graph. ``one_token`` fixes the sequence to one token, as the old two-file exports do."""
    torch = library("torch")
    config = model.config
    names, outputs = decoder_names(config, with_past=with_past), decoder_outputs(config, cache=cache)
    shape = (2, 1 if one_token else 5, 3 if with_past else 0)
    args = tuple(decoder_batch(config, shape, with_past=with_past))
    sequence = {0: "batch_size"} if one_token else {0: "batch_size", 1: "sequence_length"}
    total = "total_sequence_length" if cache else "sequence_length"
    inputs = dict.fromkeys(names[:3], sequence) | {"attention_mask": {0: "batch_size", 1: total}}
    past = {n: {0: "batch_size", 2: "past_sequence_length"} for n in names[3:]}
    common = {"input_names": names, "output_names": outputs}
    with exporting():
        if style == "dynamo":
            torch.onnx.export(
                flat(model, emit_cache=cache),
                args,
                path,
                dynamic_shapes=inputs | {"past": tuple(past.values())},
                opset_version=DYNAMO_OPSET,
                dynamo=True,
                external_data=True,
                **common,
            )
            strip_file(path)
            return
        present = {n: {0: "batch_size", 2: total} for n in outputs[1:]}
        torch.onnx.export(
            flat(model, emit_cache=cache),
            args,
            path,
            dynamic_axes=inputs | past | {"logits": sequence} | present,
            opset_version=OPSET,
            dynamo=False,
            do_constant_folding=True,
            **common,
        )


def export_causal(
    source: Path, out: Path, style: str | None = None, *, with_past: bool = True, quantize: str | None = None
) -> float:
    """Write OUT and return the :func:`difference` from torch.

    Args:
        source: the checkpoint.
        out: the folder to write.
        style: ``ts`` (TorchScript, one file) or ``dynamo`` (weights beside the model); by what fits one file
            if None.
        with_past: whether there is a key/value cache.
        quantize: ``int8``, weights of 8 bits, after the float32 graph was compared.

    Raises:
        InvalidModelError: if the float32 graph does not compute what torch computes; there is no model then.
    """
    model = load_causal(source, "sdpa" if style == "dynamo" else "eager")
    if style is None and bytes_of(model) > ONE_FILE_BYTES:
        style, model = "dynamo", load_causal(source, "sdpa")
    copy_companions(source, out)
    path = out / "model.onnx"
    export_decoder_graph(model, path, style or "ts", with_past=with_past, cache=with_past)
    worst = check_causal(path, model, with_past=with_past, cache=with_past)
    refuse_if_far(path, worst)
    if quantize is not None:
        quantize_graph(path, "int8_weights")
        worst = check_causal(path, model, with_past=with_past, cache=with_past)
    return worst
