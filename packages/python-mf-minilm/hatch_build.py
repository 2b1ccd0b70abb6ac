"""Puts the artifact into wheel and source distribution: from the repository, or from the unpacked source."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NAME = "mf-minilm"
MODULE = "routellm_rs_mf_minilm"


class CustomBuildHook(BuildHookInterface):
    """Maps the files of the artifact to ``artifact/`` beside the module."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files; an artifact that is not there fails the build instead of shipping an empty one."""
        root = Path(self.root)
        if (root / MODULE / "artifact" / "router.json").is_file():
            return  # An unpacked source distribution: the files are part of the module already.
        artifact = root.parent.parent / "artifacts" / NAME
        if not (artifact / "router.json").is_file():
            raise FileNotFoundError(f"{artifact}: no artifact with a router.json")
        for file in sorted(artifact.rglob("*")):
            if file.is_file():
                build_data["force_include"][str(file)] = f"{MODULE}/artifact/{file.relative_to(artifact)}"
