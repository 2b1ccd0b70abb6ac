"""Sequence classifiers as ONNX."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from ._checkpoint import copy_companions, load_classifier
from ._extra import library
from ._graph import OPSET, difference, exporting, quantize_graph, refuse_if_far, session


def positional(model: Any, names: list[str]) -> Any:
    """Return the classifier with positional inputs: (input_ids, ...) -> logits [batch, labels]."""
    module: Any = library("torch").nn.Module

    class Classifier(module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *inputs: Any) -> Any:
            return self.model(**dict(zip(names, inputs, strict=True))).logits

    # Also what wraps it: a module is in training until it is told otherwise, and Dropout stays in the graph.
    return Classifier().eval()


def classifier_inputs(model: Any) -> list[str]:
    """Return the names of the inputs. A model with one token type has no use for ``token_type_ids``."""
    names = ["input_ids", "attention_mask"]
    takes_types = "token_type_ids" in inspect.signature(model.forward).parameters
    if takes_types and (getattr(model.config, "type_vocab_size", 0) or 0) > 1:
        names.append("token_type_ids")
    return names


def classifier_batch(model: Any, batch: int, length: int, seed: int) -> list[Any]:
    """Return random ids, the last row padded at its right end when there are several."""
    torch = library("torch")
    rng = torch.Generator().manual_seed(seed)
    config = model.config
    ids = torch.randint(5, config.vocab_size - 1, (batch, length), generator=rng)
    mask = torch.ones(batch, length, dtype=torch.int64)
    if batch > 1 and length > 3:
        mask[-1, length - 2 :] = 0
        ids[mask == 0] = config.pad_token_id or 0
    types = torch.zeros(batch, length, dtype=torch.int64)
    return [ids, mask, types][: len(classifier_inputs(model))]


def check_classifier(path: Path, model: Any) -> float:
    """Return the :func:`difference` between the logits of the graph and of torch."""
    torch = library("torch")
    names = classifier_inputs(model)
    run = session(path)
    worst = 0.0
    for seed, (batch, length) in enumerate(((1, 2), (1, 7), (3, 40), (2, 60))):
        inputs = classifier_batch(model, batch, length, seed)
        with torch.no_grad():
            want = positional(model, names)(*inputs).numpy()
        got = run.run(["logits"], {n: t.numpy() for n, t in zip(names, inputs, strict=True)})[0]
        worst = max(worst, difference(want, got))
    return worst


def export_classifier(source: Path, out: Path, quantize: str | None = None) -> float:
    """Write OUT and return the :func:`difference` from torch.

    Raises:
        InvalidModelError: if the float32 graph does not compute what torch computes; there is no model then.
    """
    torch = library("torch")
    model = load_classifier(source)
    names = classifier_inputs(model)
    copy_companions(source, out)
    path = out / "model.onnx"
    axes = {n: {0: "batch_size", 1: "sequence_length"} for n in names} | {"logits": {0: "batch_size"}}
    with exporting():
        torch.onnx.export(
            positional(model, names),
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
