"""``run.json``: what a run was asked to do and how its cases ended. Every part of it is optional."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from analysis.problems import ParseError, Problem, child, parse_object, read_text, whole, words
from probecost.layout import RUN_FILE


@dataclass(frozen=True)
class CaseOutcome:
    """How pytest saw one case: ``passed``, ``failed``, ``error``, ``skipped``, ``interrupted``, ``not run``; and why.

    ``environment`` is empty where the file does not name it.
    """

    case_key: str
    environment: str
    outcome: str
    message: str


@dataclass(frozen=True)
class RunInfo:
    """Who made these results, with what command. Empty or ``None`` where it is not recorded."""

    run_id: str
    probecost: str
    started_ns: int | None
    ended_ns: int | None
    argv: tuple[str, ...]
    environments: tuple[str, ...]
    options: Mapping[str, str]
    exit_status: int | None
    cases: tuple[CaseOutcome, ...]
    notes: tuple[str, ...]

    def outcome(self, environment: str, case_key: str) -> CaseOutcome | None:
        """The outcome of one case, ``None`` when it is not recorded."""
        found = (case for case in self.cases if case.case_key == case_key)
        return next((case for case in found if case.environment in ("", environment)), None)


def read_run(root: Path) -> tuple[RunInfo, tuple[Problem, ...]]:
    """The facts in ``root``'s run file; a damaged one is a problem, an absent one (an iteration's folder) is not."""
    path = root / RUN_FILE
    problems: tuple[Problem, ...] = ()
    document: Mapping[str, object] = {}
    if path.exists():
        try:
            document = parse_object(read_text(path))
        except ParseError as error:
            problems = (Problem(path, f"run file: {error}", missing=False),)
    options = child(document, "options")
    cases = child(document, "cases")
    info = RunInfo(
        run_id=words(document, "run_id"),
        probecost=words(document, "probecost"),
        started_ns=whole(document, "started_ns"),
        ended_ns=whole(document, "ended_ns"),
        argv=_strings(document.get("argv")),
        environments=_strings(document.get("environments")),
        options={key: _text(options[key]) for key in sorted(options) if options[key] is not None},
        exit_status=whole(document, "exit_status"),
        cases=tuple(_outcome(key, child(cases, key)) for key in cases),
        notes=_strings(document.get("notes")),
    )
    return info, problems


def _outcome(key: str, entry: Mapping[str, object]) -> CaseOutcome:
    """One entry of ``cases``, by case key or by item id; the entry's own ``case_key`` goes first."""
    return CaseOutcome(
        words(entry, "case_key") or key, words(entry, "environment"), words(entry, "outcome"), words(entry, "message")
    )


def _strings(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _text(value: object) -> str:
    return ",".join(str(item) for item in value) if isinstance(value, list) else str(value)
