"""What a user may ask to be measured beside, or instead of, the cases of an environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from probecost.config.environment import DEFAULT_ATTACHES, Attaches, PairKind
from probecost.errors import ConfigError


@dataclass(frozen=True)
class AskedCommand:
    """One command instead of an environment's cases. ``template`` may have the environment's variables in it.

    ``name``: what its case is called; empty for a hash of the template.
    """

    template: str
    name: str = ""
    pair_kind: PairKind = "host"
    attaches: Attaches = DEFAULT_ATTACHES

    def __str__(self) -> str:
        return self.template


@dataclass(frozen=True)
class AskedVersus:
    """Another version of the tools, which runs where there would be none: its files, its command, or both.

    ``tools_dir`` is a local folder with tools as in the environment's own; ``template`` a command for all cases.
    """

    tools_dir: Path | None = None
    template: str = ""

    def __str__(self) -> str:
        return " as ".join(filter(None, [str(self.tools_dir or ""), self.template]))


def asked_command(
    template: str | None, name: str | None, pair_kind: PairKind | None, attaches: Attaches | None
) -> AskedCommand | None:
    """What the options ``--command``, ``--name``, ``--pair`` and ``--attaches`` say; ``None`` without a command.

    ``ConfigError``: it is empty, or something is said of a command that is not there.
    """
    if template is None:
        said = {"--name": name, "--pair": pair_kind, "--attaches": attaches}
        if given := [option for option, value in said.items() if value is not None]:
            raise ConfigError(f"{', '.join(given)} is about --command TEMPLATE: give that too")
        return None
    if not template.strip():
        raise ConfigError("--command: expected a command, not an empty text")
    return AskedCommand(template.strip(), name or "", pair_kind or "host", attaches or DEFAULT_ATTACHES)


def asked_versus(folder: Path | None, template: str | None, *, is_shared: bool) -> AskedVersus | None:
    """What the options ``--versus`` and ``--versus-command`` say; ``None`` without either. ``folder`` is absolute.

    ``ConfigError``: an empty command, no such folder, or a shared baseline, whose place the other version takes.
    """
    if folder is None and template is None:
        return None
    if template is not None and not template.strip():
        raise ConfigError("--versus-command: expected a command, not an empty text")
    if is_shared:
        raise ConfigError("--versus compares visits next to each other: it has no --baseline shared")
    if folder is not None and not folder.is_dir():
        raise ConfigError(f"--versus {folder}: there is no such folder")
    return AskedVersus(folder, (template or "").strip())
