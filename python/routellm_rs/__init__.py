"""Decides, per prompt and before any LLM is called, whether a strong or a weak model should answer.

>>> from routellm_rs import Router
>>> router = Router.default()
>>> decision = router.route("What is the capital of France?")
>>> decision.model in router.models
True

Importing this package imports neither numpy nor onnxruntime nor asyncio: each only where it is used.
"""

from . import (
    _build,  # noqa: F401  # It says what is wrong where the native half cannot be loaded.
    errors,
    eval,  # noqa: A004  # The name of the module, which nobody imports by a star.
    labels,
    train,
)
from ._doctor import doctor
from ._messages import prompt_from_messages
from ._native import Decision, DecisionEvent, __version__
from ._router import ReloadableRouter, Router
from ._upgrade import upgrade_artifact
from .errors import (
    CancelledError,
    InferenceError,
    InternalError,
    InvalidArgumentError,
    InvalidModelError,
    IoError,
    NotFoundError,
    RemoteError,
    ResourceExhaustedError,
    RouteLLMError,
    RuntimeUnavailableError,
    TokenizeError,
    UnsupportedError,
)
from .eval import Evaluation, evaluate
from .labels import Labels, agold, ajudge, gold, judge

__all__ = [
    "CancelledError",
    "Decision",
    "DecisionEvent",
    "Evaluation",
    "InferenceError",
    "InternalError",
    "InvalidArgumentError",
    "InvalidModelError",
    "IoError",
    "Labels",
    "NotFoundError",
    "ReloadableRouter",
    "RemoteError",
    "ResourceExhaustedError",
    "RouteLLMError",
    "Router",
    "RuntimeUnavailableError",
    "TokenizeError",
    "UnsupportedError",
    "__version__",
    "agold",
    "ajudge",
    "doctor",
    "errors",
    "eval",
    "evaluate",
    "gold",
    "judge",
    "labels",
    "prompt_from_messages",
    "train",
    "upgrade_artifact",
]
