"""Where generated text goes: whole files, and parts of files between two marks."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from table import ROOT


def _formatted(command: list[str], text: str) -> str:
    """Return what the language's own formatter makes of a text."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {done.stderr}")
    return done.stdout


FORMATTERS = {".rs": ["rustfmt", "--edition", "2024", "--config-path", str(ROOT)], ".go": ["gofmt"]}


class Output:
    """Collects what is to be written; writes it, or tells what is not current."""

    def __init__(self) -> None:
        self._texts: dict[Path, str] = {}

    def file(self, path: str, lines: list[str]) -> None:
        """Set a whole file."""
        self._texts[ROOT / path] = "\n".join(lines).rstrip() + "\n"

    def part(self, path: str, name: str, lines: list[str]) -> None:
        """Set what stands between the lines `<faces:name>` and `</faces:name>`, which are comments of the language."""
        place = ROOT / path
        text = self._texts.get(place) or place.read_text(encoding="utf-8")
        pattern = re.compile(rf"(^[^\n]*<faces:{name}>[^\n]*\n)(.*?)(^[^\n]*</faces:{name}>)", re.DOTALL | re.MULTILINE)
        body = "".join(line.rstrip() + "\n" for line in lines)
        found = pattern.search(text)
        if found is None:
            raise SystemExit(f"{path}: no place for {name}")
        self._texts[place] = text[: found.end(1)] + body + text[found.start(3) :]

    def between(self, path: str, start: str, end: str, lines: list[str]) -> None:
        """Set what stands between two texts, where marks would be seen by users."""
        place = ROOT / path
        text = self._texts.get(place) or place.read_text(encoding="utf-8")
        first = text.index(start) + len(start)
        last = text.index(end, first)
        self._texts[place] = text[:first] + "".join(line.rstrip() + "\n" for line in lines) + text[last:]

    def stale(self) -> list[str]:
        """Return the files that are not what the table says."""
        for path, text in self._texts.items():
            command = FORMATTERS.get(path.suffix)
            self._texts[path] = text if command is None else _formatted(command, text)
        now = {path: path.read_text(encoding="utf-8") if path.exists() else None for path in self._texts}
        return [str(path.relative_to(ROOT)) for path, text in self._texts.items() if now[path] != text]

    def write(self) -> None:
        """Write what has changed."""
        for name in self.stale():
            path = ROOT / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._texts[path], encoding="utf-8")
