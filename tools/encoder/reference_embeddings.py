"""Write reference embeddings of a few prompts, for tests in other languages to compare with.

The file holds, for every prompt, its token ids (with [CLS] and [SEP], at most 256) and two embeddings of 384
components with Euclidean length 1, rounded to 6 digits: `torch` from the original float32 model, `shipped`
from the converted model under ONNX Runtime with one thread.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from convert import BUILT_IN_PROMPTS, embed, embed_torch, model_dir, session, token_ids


def rounded(embedding: np.ndarray) -> list[float]:
    """Components [384] as floats of 6 digits after the point."""
    return [round(float(x), 6) for x in embedding]


def main() -> None:
    """Embed the built-in prompts with both models and write the file."""
    parser = argparse.ArgumentParser(description="Write reference embeddings.")
    parser.add_argument("--model", type=Path, required=True, help="the converted model.onnx")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("reference_embeddings.json"))
    args = parser.parse_args()

    ids = token_ids(model_dir(), list(BUILT_IN_PROMPTS))
    original, shipped = embed_torch(model_dir(), ids), embed(session(str(args.model)), ids)
    entries = [
        {"prompt": prompt, "token_ids": row, "torch": rounded(a), "shipped": rounded(b)}
        for prompt, row, a, b in zip(BUILT_IN_PROMPTS, ids, original, shipped, strict=True)
    ]
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in entries)
    args.out.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
