"""What a user may ask to be measured beside, or instead of, the cases of an environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from probecost.config.models import DEFAULT_ATTACHES, Attaches, PairKind


@dataclass(frozen=True)
class AskedCommand:
    """One command instead of an environment's cases. ``template`` may have the environment's variables in it.

    ``name``: what its case is called; empty for a hash of the template.
    """

    template: str
    name: str = ""
    pair_kind: PairKind = "host"
    attaches: Attaches = DEFAULT_ATTACHES


@dataclass(frozen=True)
class AskedVersus:
    """Another version of the tools, which runs where there would be none: its files, its command, or both.

    ``tools_dir`` is a local folder with tools as in the environment's own; ``template`` a command for all cases.
    """

    tools_dir: Path | None = None
    template: str = ""

    def __str__(self) -> str:
        return " as ".join(filter(None, [str(self.tools_dir or ""), self.template]))
