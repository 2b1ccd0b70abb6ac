"""Checkpoints in Hugging Face form: what lies beside the weights, and the weights as a model of torch."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from routellm_rs.errors import InvalidModelError, NotFoundError

from ._extra import library

SYSTEM_FILE = "system_ft_v5.txt"
CLASSIFIER_FILE = "classifier_ft_v5.txt"
COPIED = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "generation_config.json",
    "chat_template.jinja",
    SYSTEM_FILE,
    CLASSIFIER_FILE,
)


def folder_of(path: str | Path) -> Path:
    """Return the folder of a checkpoint.

    Raises:
        NotFoundError: if there is no ``config.json``, no ``tokenizer.json`` or no safetensors in it.
    """
    folder = Path(path)
    for name in ("config.json", "tokenizer.json"):
        if not (folder / name).is_file():
            raise NotFoundError(
                f"{folder}: no {name} there. Name a folder in Hugging Face form, with config.json, "
                "tokenizer.json and the weights as safetensors"
            )
    if not any(folder.glob("*.safetensors")):
        raise NotFoundError(
            f"{folder}: no weights there (*.safetensors). Fetch them, or save the model again with "
            "save_pretrained"
        )
    return folder


def copy_companions(source: Path, out: Path) -> None:
    """Copy the configuration, the tokenizer and the prompt files that lie beside the weights."""
    out.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        if (source / name).is_file():
            shutil.copyfile(source / name, out / name)


def load_classifier(source: Path, attention: str | None = "eager", **options: Any) -> Any:
    """Return the sequence classifier in float32, ready for inference."""
    return _load("AutoModelForSequenceClassification", source, attention, options)


def load_causal(source: Path, attention: str | None = "eager", **options: Any) -> Any:
    """Return the language model in float32, ready for inference."""
    return _load("AutoModelForCausalLM", source, attention, options)


def _load(kind: str, source: Path, attention: str | None, options: dict[str, Any]) -> Any:
    of = getattr(library("transformers"), kind)
    given = {"dtype": library("torch").float32, **options}
    if attention is not None:
        given["attn_implementation"] = attention
    try:
        return of.from_pretrained(source, **given).eval()
    except (OSError, ValueError, RuntimeError) as error:
        raise InvalidModelError(f"{source}: transformers cannot load it as {kind}: {error}") from error


def tokenizer_of(source: Path) -> Any:
    """Return the tokenizer of transformers, without the padding and truncation of its file."""
    tokenizer = library("transformers").AutoTokenizer.from_pretrained(source)
    if tokenizer.is_fast:
        tokenizer.backend_tokenizer.no_padding()
        tokenizer.backend_tokenizer.no_truncation()
    return tokenizer


def cache_shape(config: Any) -> tuple[int, int, int]:
    """Return (layers, key/value heads, components of a head)."""
    heads = config.num_attention_heads
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // heads
    return config.num_hidden_layers, getattr(config, "num_key_value_heads", None) or heads, head_dim


def positions_of(source: Path, config: Any, tokenizer: Any) -> int:
    """Return how many tokens the model reads at most."""
    positions = getattr(config, "max_position_embeddings", None) or 2048
    if getattr(config, "model_type", "") in ("roberta", "xlm-roberta", "camembert"):
        # Positions start behind the padding id, so that the first rows of the table are never used.
        positions -= (config.pad_token_id or 0) + 1
    longest = getattr(tokenizer, "model_max_length", None)
    return int(min(positions, longest)) if longest is not None else int(positions)
