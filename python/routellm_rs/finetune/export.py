"""Export a Hugging Face checkpoint to the folder that the BERT and causal-LLM routers open.

    export classifier SRC OUT [--quantize int8|fp16]
    export causal SRC OUT [--style ts|dynamo] [--no-past]
    export genai SRC OUT [--precision fp32|fp16|int8|int4]

SRC holds config.json, tokenizer.json and model.safetensors. OUT gets config.json, tokenizer.json,
tokenizer_config.json and model.onnx (with model.onnx.data beside it for `dynamo`). The graph is compared with
torch at several batch sizes, lengths, paddings and lengths of the past before the command ends; it fails, and
leaves no model.onnx, where a logit differs by more than 1e-4, or 1e-4 of the largest logit where that is
above 1 (an int8 or fp16 graph is only measured). `genai` runs the builder of onnxruntime-genai, with logits
of the last position only; it is compared on a few prompts, whole and in pieces.

The command ``python -m routellm_rs.finetune convert`` makes an artifact of such a checkpoint in one go.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from routellm_rs.errors import RouteLLMError

from ._checkpoint import cache_shape, copy_companions, load_causal, load_classifier
from ._classifier_export import export_classifier
from ._decoder_export import (
    check_causal,
    decoder_names,
    decoder_outputs,
    export_causal,
    export_decoder_graph,
)
from ._extra import MissingExtraError
from ._genai_export import export_genai
from ._graph import refuse_if_far, strip_metadata

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "cache_shape",
    "check_causal",
    "copy_companions",
    "decoder_names",
    "decoder_outputs",
    "export_causal",
    "export_classifier",
    "export_decoder_graph",
    "export_genai",
    "load_causal",
    "load_classifier",
    "main",
    "refuse_if_far",
    "strip_metadata",
]


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: ``python -m routellm_rs.finetune.export``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
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
    args = parser.parse_args(arguments)
    if not (args.source / "config.json").is_file():
        sys.exit(f"{args.source}: no config.json there")
    try:
        if args.kind == "classifier":
            worst = export_classifier(args.source, args.out, args.quantize)
        elif args.kind == "genai":
            worst = export_genai(args.source, args.out, args.precision)
        else:
            worst = export_causal(args.source, args.out, args.style, with_past=not args.no_past)
    except (RouteLLMError, MissingExtraError) as error:
        sys.exit(str(error))
    size = sum(f.stat().st_size for f in args.out.glob("model.onnx*"))
    print(json.dumps({"out": str(args.out), "bytes": size, "difference": worst}))


if __name__ == "__main__":
    main()
