"""The packages of the extra ``train``, imported where they are used: help and errors need none of them."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

NEEDED = ("numpy", "onnx", "onnxruntime", "onnxscript", "safetensors", "tokenizers", "torch", "transformers")


class MissingExtraError(ImportError):
    """A package of the extra ``train`` is not installed."""


def library(name: str) -> Any:
    """Import a module of the extra ``train``.

    Raises:
        MissingExtraError: if it is not installed; the message says what installs it.
    """
    # Weights and tokenizers are folders: nothing here asks a hub.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.partition(".")[0] != name.partition(".")[0]:
            missing = f"{name} needs {error.name}, which"
        else:
            missing = name
        raise MissingExtraError(
            f"{missing} is not installed, and fine-tuning needs it: pip install routellm-rs[train]"
        ) from error


def check() -> None:
    """Find out before any work whether everything is there.

    Raises:
        MissingExtraError: as :func:`library`.
    """
    from importlib.util import find_spec

    for name in NEEDED:
        try:
            found = find_spec(name)
        except ValueError:
            found = None
        if found is None:
            library(name)


def quiet() -> None:
    """Keep the progress bars and warnings of transformers out of the output."""
    transformers = library("transformers")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
