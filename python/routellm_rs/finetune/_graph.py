"""What exports of classifiers and decoders share: how far a graph is from torch, and what is cut from it."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from routellm_rs.errors import InvalidModelError

from ._extra import library

TOLERANCE = 1e-4
OPSET = 17
DYNAMO_OPSET = 18
# A graph in one file has to stay below 2 GB, the limit of protobuf.
ONE_FILE_BYTES = 1_800_000_000


def session(path: Path, threads: int | None = None) -> Any:
    """Return a session of ONNX Runtime on the CPU."""
    ort = library("onnxruntime")
    options = ort.SessionOptions()
    if threads is not None:
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def difference(want: Any, got: Any) -> float:
    """Return the largest difference of two arrays, as a part of the largest logit where that is above 1."""
    np = library("numpy")
    return float(np.abs(want - got.astype(np.float32)).max() / max(1.0, np.abs(want).max()))


def refuse_if_far(path: Path, worst: float) -> None:
    """Delete the graph and raise where it does not compute what torch computes.

    Raises:
        InvalidModelError: if ``worst`` is above the tolerance, or NaN.
    """
    if not worst <= TOLERANCE:
        path.unlink()
        raise InvalidModelError(
            f"{path}: logits differ from torch by {worst:.2e}, more than {TOLERANCE:.0e}: "
            "this model cannot be exported so"
        )


def strip_metadata(graph: Any) -> None:
    """Remove stack traces of the exporter: most of a graph's bytes, and paths of the machine."""
    graph.doc_string = ""
    del graph.metadata_props[:]
    graph.graph.doc_string = ""
    del graph.graph.metadata_props[:]
    for node in graph.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in (*graph.graph.value_info, *graph.graph.input, *graph.graph.output):
        del value.metadata_props[:]


def strip_file(path: Path) -> None:
    """Remove the same from a file, whose weights may lie beside it."""
    graph = library("onnx").load(path, load_external_data=False)
    strip_metadata(graph)
    path.write_bytes(graph.SerializeToString())


def bytes_of(model: Any) -> int:
    """Return how large the weights of a model of torch are in float32."""
    return sum(4 * parameter.numel() for parameter in model.parameters())


@contextlib.contextmanager
def exporting() -> Iterator[None]:
    """Within this, torch exports without gradients and without telling what it traces as a constant.

    What comes out is compared with torch, which says more than these warnings.
    """
    with warnings.catch_warnings(), library("torch").no_grad():
        warnings.simplefilter("ignore")
        yield


def quantize_graph(path: Path, form: str) -> None:
    """Replace a float32 graph by a smaller one.

    ``int8``: dynamic, with int8 weights per channel. ``fp16``: fp16 weights and logits. ``int8_weights``:
    matrices of 8 bits in blocks of 32, which are expanded as they are multiplied (language models lose half
    of their choices by dynamic int8).
    """
    if form == "int8":
        quantization = library("onnxruntime.quantization")
        small = path.with_suffix(".int8")
        quantization.quantize_dynamic(path, small, weight_type=quantization.QuantType.QInt8, per_channel=True)
        small.replace(path)
    elif form == "fp16":
        onnx = library("onnx")
        convert = library("onnxruntime.transformers.float16").convert_float_to_float16
        onnx.save(convert(onnx.load(path), keep_io_types=False), path)
    else:
        onnx, nbits = library("onnx"), library("onnxruntime.quantization.matmul_nbits_quantizer")
        quantizer = nbits.MatMulNBitsQuantizer(onnx.load(path), bits=8, block_size=32, is_symmetric=True)
        quantizer.process()
        beside = path.with_name(path.name + ".data")
        external = beside.exists()
        beside.unlink(missing_ok=True)
        quantizer.model.save_model_to_file(str(path), use_external_data_format=external)
