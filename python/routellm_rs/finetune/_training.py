"""The loop: AdamW over batches of like lengths, a held-out loss after each epoch, states to go on from."""

from __future__ import annotations

import hashlib
import random
import time
from typing import TYPE_CHECKING, Any

from routellm_rs.errors import CancelledError, InvalidArgumentError

from . import _lora
from ._extra import library
from ._reformat import reformat

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._labels import Example
    from ._router_models import Bert, Causal
    from ._spec import FinetuneSpec
    from ._state import Work

    Progress = Callable[[str, int, int], bool | None]

# Batches are cut from pools of this many, sorted by length, so that little is padded.
POOL = 16


def device_of(spec: FinetuneSpec) -> Any:
    """Return where the training computes.

    Raises:
        InvalidArgumentError: for a GPU that torch does not find, or a name that it does not know.
    """
    torch = library("torch")
    if spec.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(spec.device)
    except RuntimeError as error:
        raise InvalidArgumentError(f"device is {spec.device!r}: {error}") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InvalidArgumentError(
            "device is cuda, and torch finds no GPU: pass cpu, or install torch for this GPU"
        )
    return device


def batches(lengths: list[int], size: int, seed: int, epoch: int) -> list[list[int]]:
    """Return the numbers of all rows in batches of about one length, in an order that seed and epoch say."""
    rng = random.Random(f"{seed} {epoch}")
    order = list(range(len(lengths)))
    rng.shuffle(order)
    out = []
    for start in range(0, len(order), POOL * size):
        pool = sorted(order[start : start + POOL * size], key=lambda i: lengths[i])
        out += [pool[i : i + size] for i in range(0, len(pool), size)]
    rng.shuffle(out)
    return out


def rate_at(step: int, total: int, warmup: float) -> float:
    """Return the part of the peak rate at a step: up in a line, then down to 0 in another."""
    rising = warmup * total
    if step < rising:
        return (step + 1) / (rising + 1)
    return max(0.0, (total - step) / max(1.0, total - rising))


class Trainer:
    """One training of a model that is to be a router."""

    def __init__(
        self,
        spec: FinetuneSpec,
        router: Bert | Causal,
        kept: list[Example],
        held_out: list[Example],
        work: Work,
    ) -> None:
        """Prepare the model and, where the folder has one, take up the last state."""
        torch = library("torch")
        self.spec, self.router, self.kept, self.held_out, self.work = spec, router, kept, held_out, work
        if spec.threads is not None:
            torch.set_num_threads(spec.threads)
        self.device = device_of(spec)
        self.wanted, self.wanted_out = self._targets(kept), self._targets(held_out)
        router.start_at(self.wanted)
        self.prefix = router.model.base_model_prefix
        self.model = router.model
        if spec.lora is not None:
            torch.manual_seed(spec.seed)
            self.model = _lora.adapted(router.model, spec.lora, getattr(router, "score_ids", []))
        if spec.checkpointing:
            self.model.gradient_checkpointing_enable()
            self.model.enable_input_require_grads()
        self.model.to(self.device)
        self.trained = _lora.parameters(self.model)
        heads = [value for name, value in self.trained.items() if _lora.is_head(name, self.prefix)]
        body = [value for name, value in self.trained.items() if not _lora.is_head(name, self.prefix)]
        peak = spec.rate_at_peak
        groups = [{"params": body, "peak": peak}, {"params": heads, "peak": peak * spec.head_rate}]
        self.optimizer = torch.optim.AdamW(
            [{**group, "lr": group["peak"]} for group in groups if group["params"]],
            weight_decay=spec.weight_decay,
        )
        self.per_epoch = -(-len(kept) // spec.batch_size)
        self.total = self.per_epoch * spec.epochs
        if spec.max_steps is not None:
            self.total = min(self.total, spec.max_steps)
        self.step, self.seconds = 0, 0.0
        self.history: list[dict[str, Any]] = []
        self.losses: list[float] = []
        self.best: tuple[int, float] | None = None
        self._take_up(work.state())

    def _targets(self, examples: list[Example]) -> Any:
        if self.spec.kind == "causal":
            return self.router.targets(examples, self.spec.tie_score)  # type: ignore[call-arg]
        return self.router.targets(examples)

    def _take_up(self, state: dict[str, Any] | None) -> None:
        if state is None:
            return
        self._put(state["weights"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.history, self.losses, self.best = state["history"], state["losses"], state["best"]

    def _put(self, weights: dict[str, Any]) -> None:
        with library("torch").no_grad():
            for name, value in self.trained.items():
                value.copy_(weights[name])

    def _weights(self) -> dict[str, Any]:
        return {name: value.detach().cpu() for name, value in self.trained.items()}

    def _save(self, started: float) -> None:
        self.work.save(
            {
                "weights": self._weights(),
                "optimizer": self.optimizer.state_dict(),
                "step": self.step,
                "seconds": self.seconds + time.monotonic() - started,
                "history": self.history,
                "losses": self.losses,
                "best": self.best,
            }
        )

    def run(self, progress: Progress | None) -> list[dict[str, Any]]:
        """Train to the end; the model has the weights that are kept then, adapters apart.

        Returns:
            What was measured in each epoch: ``epoch``, ``steps``, ``loss``, ``held_out_loss`` and
            ``seconds``.

        Raises:
            CancelledError: if ``progress`` returned False; the state is saved.
        """
        started = time.monotonic()
        while self.step < self.total:
            epoch, at = divmod(self.step, self.per_epoch)
            if at == 0:
                self.losses = []
            rows = [self._text(example, epoch, i) for i, example in enumerate(self.kept)]
            coded = [self.router.encode(text) for text in rows]
            plan = batches(list(map(len, coded)), self.spec.batch_size, self.spec.seed, epoch)
            for batch in plan[at:]:
                if self.step >= self.total:
                    break
                self.losses.append(self._step([coded[i] for i in batch], batch))
                self.step += 1
                ends = self.step % self.per_epoch == 0 or self.step == self.total
                if ends:
                    self._end_epoch(epoch + 1, started, progress)
                if ends or self.step % self.spec.save_every == 0:
                    self._save(started)
                    # Only once the state names the new best epoch are the weights before it not needed.
                    self.work.forget_best(0 if self.best is None else self.best[0])
                if progress is not None and progress("train", self.step, self.total) is False:
                    self._save(started)
                    raise CancelledError(
                        f"the training was stopped after {self.step} of {self.total} steps; the same run "
                        "goes on from there"
                    )
        if self.spec.keep == "best" and self.best is not None:
            self._put(self.work.best(self.best[0]))
        return self.history

    def _text(self, example: Example, epoch: int, row: int) -> str:
        return reformat(example.prompt, self.spec.seed, epoch, row) if self.spec.reformat else example.prompt

    def _step(self, rows: list[list[int]], numbers: list[int]) -> float:
        """Learn from one batch, in pieces; returns its mean loss."""
        torch = library("torch")
        # What dropout draws depends on nothing but the step, so that a run that goes on draws the same.
        digest = hashlib.sha256(f"{self.spec.seed} {self.step}".encode()).digest()
        torch.manual_seed(int.from_bytes(digest[:7], "big"))
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * rate_at(self.step, self.total, self.spec.warmup)
        self.model.train()
        weights = torch.tensor([self.kept[i].weight for i in numbers])
        weights = weights / weights.sum()
        loss_of_all = 0.0
        piece = -(-len(rows) // self.spec.accumulate)
        for start in range(0, len(rows), piece):
            part = slice(start, start + piece)
            losses = self._losses(rows[part], self.wanted[numbers[part]])
            loss = (losses * weights[part].to(self.device)).sum()
            loss.backward()
            loss_of_all += float(loss.detach())
        torch.nn.utils.clip_grad_norm_(list(self.trained.values()), self.spec.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss_of_all

    def _losses(self, rows: list[list[int]], wanted: Any) -> Any:
        torch = library("torch")
        inputs = {name: value.to(self.device) for name, value in self.router.inputs(rows).items()}
        half = self.spec.precision == "bf16" and self.device.type != "cpu"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            logits = self.router.logits(self.model, inputs)
        return self.router.losses(logits, wanted.to(self.device))

    def _end_epoch(self, epoch: int, started: float, progress: Progress | None) -> None:
        entry: dict[str, Any] = {
            "epoch": epoch,
            "steps": self.step,
            "loss": sum(self.losses) / len(self.losses),
        }
        if self.held_out:
            entry["held_out_loss"] = self._held_out_loss(progress)
            if self.spec.keep == "best" and (self.best is None or entry["held_out_loss"] < self.best[1]):
                self.work.save_best(epoch, self._weights())
                self.best = (epoch, entry["held_out_loss"])
        entry["seconds"] = round(self.seconds + time.monotonic() - started, 1)
        self.history.append(entry)

    def _held_out_loss(self, progress: Progress | None) -> float:
        """Mean loss of the held-out examples by their weights, in batches of like lengths."""
        torch = library("torch")
        self.model.eval()
        coded = [self.router.encode(example.prompt) for example in self.held_out]
        order = sorted(range(len(coded)), key=lambda i: len(coded[i]))
        total, weight = 0.0, 0.0
        size = self.spec.batch_size
        with torch.no_grad():
            for start in range(0, len(order), size):
                batch = order[start : start + size]
                losses = self._losses([coded[i] for i in batch], self.wanted_out[batch])
                for i, loss in zip(batch, losses.tolist(), strict=True):
                    total += self.held_out[i].weight * loss
                    weight += self.held_out[i].weight
                if progress is not None:
                    # What stops here stops after this epoch, whose state is saved first.
                    progress("held-out", min(start + size, len(order)), len(order))
        return total / weight
