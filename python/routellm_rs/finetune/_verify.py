"""That a router decides as torch computes: real prompts through the library and through torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from routellm_rs.errors import CancelledError, InvalidModelError

from ._extra import library

if TYPE_CHECKING:
    from ._router_models import Bert, Causal
    from ._training import Progress

# A float32 graph computes what torch computes, but for the order of its sums.
EXACT = 1e-4
# What a smaller form may cost on average.
ROUGH = 0.05


def verify(
    reference: Bert | Causal,
    onnx: Path,
    prompts: list[str],
    *,
    pair: dict[str, Any],
    quantized: bool,
    threads: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Compare win rates of an export, by the library, with those of its checkpoint, by torch.

    One prompt a time.

    Returns:
        ``prompts``, ``max_difference`` and ``mean_difference`` of the win rates, and ``spearman``, the
        correlation of their ranks (None where all are equal).

    Raises:
        InvalidModelError: if a float32 export differs by more than 1e-4, or a smaller one by more than 0.05
        on average.
    """
    import routellm_rs

    np, torch = library("numpy"), library("torch")
    template = getattr(reference, "template", None)
    # What a prompt spells out of control tokens is text to the library and no text to transformers.
    asked = [prompt for prompt in prompts if template is None or not template.spelled_out(prompt)]
    if not asked:
        raise InvalidModelError("every prompt to verify on spells out control tokens: name others")

    def step(done: int) -> None:
        if progress is not None and progress("verify", done, 2 * len(asked)) is False:
            raise CancelledError("the verification was stopped; the same run goes on from there")

    # One after the other, and torch with one thread: threads of both would wait for each other by spinning.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    reference.model.eval().to("cpu")
    want = []
    for i, prompt in enumerate(asked):
        with torch.no_grad():
            inputs = reference.inputs([reference.encode(prompt)])
            want.append(float(reference.win_rates(reference.logits(reference.model, inputs).numpy())[0]))
        step(i + 1)
    torch.set_num_threads(before)
    router = routellm_rs.Router.open(onnx, **pair, **reference.options(), intra_threads=threads)
    got = []
    for i, prompt in enumerate(asked):
        got.append(router.win_rate(prompt))
        step(len(asked) + i + 1)
    router.close()
    apart = np.abs(np.array(got) - np.array(want))
    found: dict[str, Any] = {
        "prompts": len(asked),
        "max_difference": float(apart.max()),
        "mean_difference": float(apart.mean()),
        "spearman": _spearman(got, want),
    }
    worst, limit = (found["mean_difference"], ROUGH) if quantized else (found["max_difference"], EXACT)
    if not worst <= limit:
        at = int(apart.argmax())
        what = "it computes something else" if not quantized else "take another form, or none"
        raise InvalidModelError(
            f"{onnx}: the win rates differ from torch by {worst:.2e}{' on average' if quantized else ''}, "
            f"more than {limit}, most on {asked[at][:80]!r}: {what}"
        )
    return found


def _spearman(a: list[float], b: list[float]) -> float | None:
    """Return the correlation of ranks, equal values having the mean of theirs."""
    np = library("numpy")

    def ranks(values: list[float]) -> Any:
        _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
        return (np.cumsum(counts) - (counts - 1) / 2)[inverse]

    first, second = ranks(a), ranks(b)
    if first.std() == 0 or second.std() == 0:
        return None
    return float(np.corrcoef(first, second)[0, 1])
