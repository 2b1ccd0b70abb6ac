"""Causal language models by the builder of onnxruntime-genai, with GroupQueryAttention."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from routellm_rs.errors import InvalidModelError

from ._checkpoint import cache_shape, copy_companions, load_causal
from ._decoder_export import decoder_batch, decoder_names, decoder_outputs
from ._extra import library
from ._graph import difference, refuse_if_far, session, strip_file


def export_genai(source: Path, out: Path, precision: str = "fp32") -> float:
    """Write OUT by the builder of onnxruntime-genai and return the difference of the last position's logits.

    Raises:
        InvalidModelError: if the builder fails, or its float32 graph does not compute what torch computes.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as cache:
        command = [
            sys.executable,
            "-m",
            "onnxruntime_genai.models.builder",
            "-i",
            str(source),
            "-o",
            str(out),
        ]
        # Its fp16 graphs for the CPU fail with a past; those for CUDA use GroupQueryAttention and run on
        # both.
        provider = "cuda" if precision == "fp16" else "cpu"
        command += ["-p", precision, "-e", provider, "-c", cache, "--extra_options", "prune_lm_head=true"]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise InvalidModelError(f"onnxruntime_genai.models.builder: {done.stderr[-2000:]}")
    # The builder writes a tokenizer.json and a template of its own; the checkpoint's are the ones to go by.
    (out / "chat_template.jinja").unlink(missing_ok=True)
    copy_companions(source, out)
    path = out / "model.onnx"
    strip_file(path)
    worst = check_genai(path, load_causal(source))
    if precision == "fp32":
        refuse_if_far(path, worst)
    return worst


def check_genai(path: Path, model: Any) -> float:
    """Return the difference at the last position, in one pass and with a past."""
    np, torch = library("numpy"), library("torch")
    config = model.config
    _, heads, head_dim = cache_shape(config)
    run = session(path)
    kinds = {i.name: np.float16 if i.type == "tensor(float16)" else np.float32 for i in run.get_inputs()}
    worst = 0.0
    for seed, cuts in enumerate(((0, 12), (0, 1), (0, 9, 10, 17))):
        ids = decoder_batch(config, (1, cuts[-1], 0), seed=seed, with_past=False)[0]
        with torch.no_grad():
            want = model(input_ids=ids).logits.numpy()
        past = [np.zeros((1, heads, 0, head_dim), kinds[n]) for n in decoder_names(config)[3:]]
        for start, end in itertools.pairwise(cuts):
            feed = dict(zip(decoder_names(config)[3:], past, strict=True))
            feed |= {"input_ids": ids[:, start:end].numpy(), "attention_mask": np.ones((1, end), np.int64)}
            feed["position_ids"] = np.arange(start, end)[None]
            feed = {name: value for name, value in feed.items() if name in kinds}
            logits, *past = run.run(decoder_outputs(config), feed)
            worst = max(worst, difference(want[:, end - 1], logits[:, -1]))
    return worst
