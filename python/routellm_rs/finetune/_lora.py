"""Low-rank adapters (LoRA) by peft: which layers get one, and what beside them is trained in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from routellm_rs.errors import InvalidArgumentError

from ._extra import library

if TYPE_CHECKING:
    from ._source import Lora


def adapted(model: Any, lora: Lora, new_tokens: list[int]) -> Any:
    """Return the model with adapters; beside them the head, or the rows of new tokens, are trained.

    Raises:
        InvalidArgumentError: if no linear layer has one of the names.
    """
    peft, torch = library("peft"), library("torch")
    prefix = model.base_model_prefix + "."
    heads = {name.split(".")[0] for name, _ in model.named_parameters() if not name.startswith(prefix)}
    heads |= {"pooler"} if any(".pooler." in name for name, _ in model.named_modules()) else set()
    tables = {
        name
        for name, module in model.named_modules()
        if module is model.get_input_embeddings() or (new_tokens and module is model.get_output_embeddings())
    }
    tied = bool(getattr(model.config, "tie_word_embeddings", False))
    layers = [
        name
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear)
        and name.startswith(prefix)
        and ".pooler." not in name
        and (not lora.modules or name.rsplit(".", 1)[-1] in lora.modules)
    ]
    if not layers:
        known = sorted(
            {n.rsplit(".", 1)[-1] for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)}
        )
        raise InvalidArgumentError(f"lora.modules names no linear layer; there are {', '.join(known)}")
    options: dict[str, Any] = {}
    if new_tokens:
        # Of tied tables the one at the end follows the one at the beginning.
        named = [name for name in sorted(tables) if not tied or "lm_head" not in name]
        options["trainable_token_indices"] = {name.rsplit(".", 1)[-1]: new_tokens for name in named}
    else:
        options["modules_to_save"] = sorted(heads)
    config = peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=layers,
        bias="none",
        **options,
    )
    return peft.get_peft_model(model, config)


def merged(model: Any) -> Any:
    """Return a model whose adapters are part of its weights; one without adapters as it is."""
    return model.merge_and_unload() if hasattr(model, "merge_and_unload") else model


def parameters(model: Any) -> dict[str, Any]:
    """Return the parameters that are trained, by name."""
    return {name: value for name, value in model.named_parameters() if value.requires_grad}


def is_head(name: str, prefix: str) -> bool:
    """Tell whether a parameter is of what is new: the head of a classifier, or rows of new tokens."""
    own = name.removeprefix("base_model.model.")
    return "trainable_tokens" in own or ".pooler." in own or not own.startswith(prefix + ".")
