"""Artifacts from exported models, whose weights were trained elsewhere."""

from __future__ import annotations

from . import _native, _options, _runtime
from ._training_data import calibration_of, date_text, rows_of
from .errors import InvalidArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import datetime
    from typing import Unpack

    from ._router import Router
    from ._training_data import Progress, Prompts, Rows
    from ._types import OpenOptions, StrPath


def from_export(  # type: ignore[misc]  # Its calibration is of prompts; that of the options is a file.
    out: StrPath,
    directory: StrPath,
    *,
    calibration: Prompts | None = None,
    gold: Rows | None = None,
    calibration_name: str | None = None,
    calibration_date: str | datetime.date | None = None,
    default_strong_share: float | None = None,
    timeout_ms: float | None = None,
    progress: Progress | None = None,
    **options: Unpack[OpenOptions],
) -> Router:
    """Make an artifact of an exported classifier or causal LM, whose weights were trained elsewhere.

    The artifact holds copies of the model's files, what their outputs mean, and checksums of all; it opens
    without these options, and with a calibration its strong shares can be resolved.

    Args:
        out: the folder to write; an artifact that is there already is replaced at once, at the end, and
            whatever else is in the folder stays.
        directory: the folder with the ONNX model, its ``config.json`` and its ``tokenizer.json``.
        calibration: prompts as the router will meet them, from which strong shares are resolved: texts, or a
            ``.jsonl`` file with a ``prompt`` in each row, of which at least two have different win rates.
            Without them a call has to name its threshold.
        gold: rows with the gold scores of every candidate that the model was not trained on, for a head of
            ``candidates``: qualities are then the scores that are expected of them.
        calibration_name: how the artifact calls that sample.
        calibration_date: its day, a date or a text such as ``2026-01-31``; today (UTC) by default.
        default_strong_share: share of a call that names neither threshold nor share, in [0, 1]; 0.5 by
            default.
        timeout_ms: longest time of it all, in milliseconds.
        progress: see :func:`linear`; the scoring of the sample is the stage ``calibration``.
        **options: see :meth:`Router.open`. ``strong`` and ``weak`` are needed. These, ``read`` and what
            tells of the model (``kind``, ``head``, ``template`` ...) go into the artifact; the others are for
            the sample, and for the router that is returned.

    Returns:
        The router, opened from ``out``.

    Raises:
        InvalidArgumentError: for an option that is wrong or has no effect on this model.
        InvalidModelError: if the model's files do not fit together.
        RuntimeUnavailableError: if there is no ONNX Runtime.
        ResourceExhaustedError: if ``timeout_ms`` has passed.
        CancelledError: if ``progress`` returned False.
    """
    from ._router import Router

    of_sample = {
        "gold": gold,
        "calibration_name": calibration_name,
        "calibration_date": calibration_date,
        "default_strong_share": default_strong_share,
    }
    for name, value in of_sample.items():
        if calibration is None and value is not None:
            raise InvalidArgumentError(f"{name} has no effect without calibration")
    given = _options.opening("from_export", options)
    sample = {
        **calibration_of(calibration, calibration_name),
        "gold": None if gold is None else rows_of("gold", gold),
        "calibration_date": date_text(calibration_date),
        "default_strong_share": default_strong_share,
        "timeout_ms": timeout_ms,
    }
    _runtime.announce()
    return Router._of(_native.train_from_export(out, directory, given, sample, progress))
