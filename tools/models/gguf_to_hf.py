"""Turn a GGUF file of a Llama with a byte-level tokenizer (SmolLM2) into a Hugging Face checkpoint.

    gguf_to_hf.py FILE.gguf OUT

OUT gets model.safetensors (float32), config.json, tokenizer.json and tokenizer_config.json with the chat template.
Quantised tensors are expanded: the result is the model that the file describes, not the one it was made from.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize
from safetensors.numpy import save_file

WHOLE = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
IN_BLOCK = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
CONTROL_TOKEN = 3


def half_rotary(weight: np.ndarray, heads: int) -> np.ndarray:
    """Undo the order of rows that GGUF gives queries and keys: pairs of rotary components side by side."""
    rows = weight.reshape(heads, weight.shape[0] // heads // 2, 2, weight.shape[1])
    return rows.swapaxes(1, 2).reshape(weight.shape)


def weights(reader: GGUFReader, heads: int, kv_heads: int) -> dict[str, np.ndarray]:
    """All tensors in float32 under their Hugging Face names."""
    out = {}
    for tensor in reader.tensors:
        value = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        value = value.reshape([int(n) for n in reversed(tensor.shape)])
        name = WHOLE.get(tensor.name)
        if name is None:
            match = re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight", tensor.name)
            if match is None or match[2] not in IN_BLOCK:
                raise SystemExit(f"tensor {tensor.name}: not of a plain Llama")
            name = f"model.layers.{match[1]}.{IN_BLOCK[match[2]]}.weight"
            if match[2] in ("attn_q", "attn_k"):
                value = half_rotary(value, heads if match[2] == "attn_q" else kv_heads)
        out[name] = np.ascontiguousarray(value)
    return out


def configuration(value: Any, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    """config.json."""
    heads, width = value("llama.attention.head_count"), value("llama.embedding_length")
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": tensors["model.embed_tokens.weight"].shape[0],
        "hidden_size": width,
        "intermediate_size": value("llama.feed_forward_length"),
        "num_hidden_layers": value("llama.block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": value("llama.attention.head_count_kv"),
        "head_dim": width // heads,
        "max_position_embeddings": value("llama.context_length"),
        "rms_norm_eps": round(float(value("llama.attention.layer_norm_rms_epsilon")), 9),
        "rope_theta": float(value("llama.rope.freq_base")),
        "hidden_act": "silu",
        "tie_word_embeddings": "lm_head.weight" not in tensors,
        "attention_bias": False,
        "mlp_bias": False,
        "bos_token_id": value("tokenizer.ggml.bos_token_id"),
        "eos_token_id": value("tokenizer.ggml.eos_token_id"),
        "pad_token_id": value("tokenizer.ggml.padding_token_id"),
        "torch_dtype": "float32",
        "use_cache": True,
    }


def tokenizer(tokens: list[str], kinds: list[int], merges: list[str]) -> dict[str, Any]:
    """tokenizer.json: byte-level BPE that takes digits one by one, as SmolLM2's does."""
    special = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    byte_level = {"type": "ByteLevel", "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": i, "content": tokens[i]} | special for i, kind in enumerate(kinds) if kind == CONTROL_TOKEN
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Digits", "individual_digits": True},
                byte_level | {"add_prefix_space": False},
            ],
        },
        "post_processor": None,
        "decoder": byte_level | {"add_prefix_space": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(tokens)},
            "merges": [merge.split(" ") for merge in merges],
        },
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    reader = GGUFReader(args.file)

    def value(key: str) -> Any:
        if key not in reader.fields:
            raise SystemExit(f"{args.file}: no {key} in it")
        return reader.fields[key].contents()

    tensors = weights(reader, value("llama.attention.head_count"), value("llama.attention.head_count_kv"))
    config = configuration(value, tensors)
    tokens = value("tokenizer.ggml.tokens")
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": tokens[config["bos_token_id"]],
        "eos_token": tokens[config["eos_token_id"]],
        "pad_token": tokens[config["pad_token_id"]],
        "unk_token": tokens[0],
        "model_max_length": config["max_position_embeddings"],
        "clean_up_tokenization_spaces": False,
        "chat_template": value("tokenizer.chat_template"),
    }
    table = tokenizer(tokens, value("tokenizer.ggml.token_type"), value("tokenizer.ggml.merges"))
    args.out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, args.out / "model.safetensors", metadata={"format": "pt"})
    (args.out / "config.json").write_text(json.dumps(config, indent=2, default=int) + "\n")
    (args.out / "tokenizer.json").write_text(json.dumps(table, ensure_ascii=False) + "\n", encoding="utf-8")
    (args.out / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
