"""What a report of a defect has to say."""

from __future__ import annotations

from . import _native, _runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._types import Diagnosis, StrPath


def doctor(artifact: StrPath | None = None) -> Diagnosis:
    """Look around, as a report of a defect needs it: runtime, GPU, versions, artifact and settings.

    What is missing or broken is what it tells, and no failure. No router is opened and no model loaded; the
    ONNX Runtime that a router would use is loaded to be asked for its version. No prompt is in the report;
    paths and the values of some variables are. ``python -m routellm_rs.doctor [ARTIFACT]`` prints it.

    Args:
        artifact: the folder of an artifact or of a model; without one, the report is about the router that
            is compiled in.

    Raises:
        InvalidArgumentError: if ``artifact`` is no path.
    """
    import json
    import platform
    import sys

    _runtime.announce()
    diagnosis: Diagnosis = json.loads(_native.doctor(artifact))
    language = f"{platform.python_implementation()} {platform.python_version()}"
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        language += " without the GIL"
    diagnosis["versions"]["language"] = language
    return diagnosis


def readable(diagnosis: Diagnosis) -> str:
    """Return the report as text: a heading for each part, and a line for each field."""
    lines: list[str] = []
    for part, fields in diagnosis.items():
        lines.append(f"{part}:")
        for name, value in fields.items():  # type: ignore[attr-defined]
            label = name.replace("_", " ")
            entries = [f"{key}={text}" for key, text in value.items()] if isinstance(value, dict) else value
            if isinstance(entries, list):
                lines.append(f"  {label}:{'' if entries else ' none'}")
                lines += [f"    {entry}" for entry in entries]
            else:
                lines.append(f"  {label}: {_word(entries)}")
    return "\n".join(lines)


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def main(arguments: list[str]) -> int:
    """Print the report."""
    import argparse
    import json

    parser = argparse.ArgumentParser(
        prog="python -m routellm_rs.doctor",
        description="Prints what a report of a defect needs: runtime, GPU, versions, artifact and settings.",
    )
    parser.add_argument("artifact", nargs="?", help="the folder of an artifact or of a model")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    diagnosis = doctor(options.artifact)
    print(json.dumps(diagnosis, indent=2) if options.json else readable(diagnosis))
    return 0
