"""Settings of a plan: amount and order of the measurements, and a replacement for the cases of an environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probecost.config.environment import (
    DEFAULT_ATTACHES,
    DEFAULT_LOG_CAP_BYTES,
    DEFAULT_READY_TIMEOUT_S,
    DEFAULT_STOP_SIGNAL,
    Attaches,
    PairKind,
)
from probecost.errors import ConfigError
from probecost.plan.visits import AskedSchedule, Baseline, Order
from probecost.results.offered_load import Load


@dataclass(frozen=True)
class AskedCommand:
    """One command instead of an environment's cases. ``template`` may use the environment's variables.

    ``name`` names its case; empty for a hash of the template. ``log_cap_bytes`` bounds its output.
    """

    template: str
    name: str = ""
    pair_kind: PairKind = "host"
    attaches: Attaches = DEFAULT_ATTACHES
    ready_timeout_s: float = DEFAULT_READY_TIMEOUT_S
    stop_signal: str = DEFAULT_STOP_SIGNAL
    log_cap_bytes: int = DEFAULT_LOG_CAP_BYTES

    def __str__(self) -> str:
        return self.template


@dataclass(frozen=True)
class AskedVersus:
    """Another version of the tools, which runs in the baseline: its files, its command, or both.

    ``tools_dir`` is a local folder laid out like the environment's own; ``template`` is a command for all cases.
    """

    tools_dir: Path | None = None
    template: str = ""

    def __str__(self) -> str:
        return " as ".join(filter(None, [str(self.tools_dir or ""), self.template]))


@dataclass(frozen=True)
class Settings:
    """The choices for a run, apart from its cases. Empty or ``None``: the environment, or the planner, decides.

    ``precision_pct``: a case ends at the first look whose interval is at most this to either side, in percent.
    ``time_budget_s``: limit of the duration of the whole run. ``command`` is measured instead of the cases of the
    environments; ``versus`` runs in place of no tool.
    """

    units: int | None = None
    baseline: Baseline = "paired"
    seed: int = 0
    iterations: int = 1
    perf_tests: tuple[str, ...] = ()
    duration_s: float | None = None
    schedule: AskedSchedule = "auto"
    precision_pct: float | None = None
    time_budget_s: float | None = None
    order: Order = "random"
    budgets: tuple[str, ...] = ()
    loads: tuple[Load, ...] = ()
    max_rate_bps: int | None = None
    command: AskedCommand | None = None
    versus: AskedVersus | None = None


#: The options about ``--command`` by the field of ``AskedCommand`` that they fill.
OF_COMMAND = {
    "name": "--name",
    "pair_kind": "--pair",
    "attaches": "--attaches",
    "ready_timeout_s": "--ready-timeout",
    "stop_signal": "--stop-signal",
    "log_cap_bytes": "--log-cap",
}


def asked_command(template: str | None, options: Mapping[str, Any]) -> AskedCommand | None:
    """The command of ``--command`` with its ``options`` by field, ``None`` for one not given; ``None`` without it.

    ``ConfigError``: the command is empty, or another of these options is given without it.
    """
    given = {field: value for field, value in options.items() if value is not None}
    if template is None:
        if given:
            names = ", ".join(OF_COMMAND[field] for field in given)
            raise ConfigError(f"{names}: only with --command TEMPLATE")
        return None
    if not template.strip():
        raise ConfigError("--command: expected a command, not an empty text")
    return AskedCommand(template.strip(), **given)


def asked_versus(folder: Path | None, template: str | None, *, is_shared: bool) -> AskedVersus | None:
    """The other version of ``--versus`` and ``--versus-command``; ``None`` without either. ``folder`` is absolute.

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
