"""What a run keeps on disk, so that a killed one goes on where it was and ends with the same weights."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from routellm_rs.errors import InvalidArgumentError

from ._extra import library

if TYPE_CHECKING:
    from ._labels import Example
    from ._spec import FinetuneSpec

RUN = "run.json"
STATE = "state.pt"
TRAINED = "trained.json"
# What changes nothing about the weights.
ELSEWHERE = (
    *("out", "work", "quantize", "verify", "calibration", "evaluation", "device", "threads", "save_every"),
    *("base", "sources", "rename"),
)


def fingerprint(spec: FinetuneSpec, base: Path, examples: list[Example]) -> str:
    """Return a checksum of what the weights depend on: options, base model (by its files' sizes), data."""
    options = {key: value for key, value in spec.to_dict().items() if key not in ELSEWHERE}
    files = sorted((file.name, file.stat().st_size) for file in base.iterdir() if file.is_file())
    digest = hashlib.sha256(json.dumps([options, files], sort_keys=True).encode())
    for one in examples:
        row = (one.prompt, one.shares, one.gap, one.scores, one.weight, one.source, one.group)
        digest.update(json.dumps(row).encode())
    return digest.hexdigest()


class Work:
    """The folder of a run."""

    def __init__(self, folder: str, mark: str, restart: bool) -> None:
        """Open or make it.

        Raises:
            InvalidArgumentError: if it holds another run.
        """
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        if restart:
            for file in (
                *(self.folder / name for name in (RUN, STATE, TRAINED)),
                *self.folder.glob("best-*.pt"),
            ):
                file.unlink(missing_ok=True)
        # A file that was being written when the run before was killed.
        for file in self.folder.glob("*.part"):
            file.unlink()
        # A run that failed before it kept anything is in nobody's way.
        kept = any((self.folder / name).is_file() for name in (STATE, TRAINED))
        known = self._told(RUN) if kept else None
        if known is None:
            self._tell(RUN, {"mark": mark})
        elif known["mark"] != mark:
            raise InvalidArgumentError(
                f"{self.folder} holds a run with other data, options or another base: name another "
                "folder (work), or start over (restart)"
            )

    def state(self) -> dict[str, Any] | None:
        """Return the last state, if there is one."""
        return self._load(STATE)

    def best(self, epoch: int) -> dict[str, Any]:
        """Return the weights of the best epoch so far."""
        found = self._load(f"best-{epoch}.pt")
        if found is None:
            raise InvalidArgumentError(
                f"{self.folder}: best-{epoch}.pt is not there any more: start over (restart)"
            )
        return found

    def _load(self, name: str) -> dict[str, Any] | None:
        path = self.folder / name
        if not path.is_file():
            return None
        loaded: dict[str, Any] = library("torch").load(path, map_location="cpu", weights_only=True)
        return loaded

    def save(self, state: dict[str, Any]) -> None:
        """Put a state in the place of the last one; a kill at any moment leaves one of the two."""
        self._write(STATE, state)

    def save_best(self, epoch: int, weights: dict[str, Any]) -> None:
        """Keep the weights of an epoch, beside those of the best before it, which the last state may name."""
        self._write(f"best-{epoch}.pt", weights)

    def forget_best(self, but: int) -> None:
        """Remove the weights of other epochs than the best one."""
        for file in self.folder.glob("best-*.pt"):
            if file.name != f"best-{but}.pt":
                file.unlink()

    def _write(self, name: str, content: dict[str, Any]) -> None:
        part = self.folder / f"{name}.part"
        with open(part, "wb") as file:
            library("torch").save(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, self.folder / name)

    def trained(self) -> dict[str, Any] | None:
        """Return what training found, once it has ended."""
        return self._told(TRAINED)

    def _told(self, name: str) -> dict[str, Any] | None:
        path = self.folder / name
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None

    def _tell(self, name: str, content: dict[str, Any]) -> None:
        part = self.folder / f"{name}.part"
        part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        os.replace(part, self.folder / name)

    def finish(self, found: dict[str, Any]) -> None:
        """Note that the training has ended and the checkpoint is written; the states are needed no longer."""
        self._tell(TRAINED, found)
        for file in (self.folder / STATE, *self.folder.glob("best-*.pt")):
            file.unlink(missing_ok=True)

    @property
    def checkpoint(self) -> Path:
        """The fine-tuned model in Hugging Face form."""
        return self.folder / "torch"

    @property
    def onnx(self) -> Path:
        """The same as ONNX."""
        return self.folder / "onnx"
