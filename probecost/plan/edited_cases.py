"""Compares a cases file with newly generated cases, to show what a user edited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from probecost.config.environment import Case


@dataclass(frozen=True)
class Change:
    """A changed value of a case that is in both: its name, its value in the file and the generated one."""

    key: str
    what: str
    in_file: str
    generated: str


@dataclass(frozen=True)
class Difference:
    """Differences of two lists of cases. ``only_in_file`` and ``only_generated`` have no counterpart."""

    only_in_file: tuple[Case, ...]
    only_generated: tuple[Case, ...]
    changed: tuple[Change, ...]
    reordered: bool

    def __bool__(self) -> bool:
        """Whether any difference matters: another order of the same cases does not."""
        return bool(self.only_in_file or self.only_generated or self.changed)


def compare(in_file: Sequence[Case], generated: Sequence[Case]) -> Difference:
    """Compare the cases of a file with generated ones, matched by command, else by key."""
    by_command: dict[tuple[str, str], list[Case]] = {}
    by_key: dict[str, Case] = {}
    for case in generated:
        by_command.setdefault((case.pair_kind, case.command), []).append(case)
        by_key[case.key] = case
    pairs: list[tuple[Case, Case]] = []
    unmatched: list[Case] = []
    taken: set[str] = set()
    for case in in_file:
        same = [item for item in by_command.get((case.pair_kind, case.command), ()) if item.key not in taken]
        if not same:
            unmatched.append(case)
            continue
        match = next((item for item in same if item.key == case.key), same[0])
        taken.add(match.key)
        pairs.append((case, match))
    only_in_file = []
    for case in unmatched:
        if case.key in by_key and case.key not in taken:
            taken.add(case.key)
            pairs.append((case, by_key[case.key]))
        else:
            only_in_file.append(case)
    in_generated = {case.key: number for number, case in enumerate(generated)}
    in_this_file = {case.key: number for number, case in enumerate(in_file)}
    pairs.sort(key=lambda pair: in_this_file[pair[0].key])
    places = [in_generated[match.key] for _, match in pairs]
    return Difference(
        only_in_file=tuple(only_in_file),
        only_generated=tuple(case for case in generated if case.key not in taken),
        changed=tuple(change for case, match in pairs for change in _changes(case, match)),
        reordered=places != sorted(places),
    )


def _changes(case: Case, generated: Case) -> list[Change]:
    fields = (
        "command",
        "name",
        "category",
        "duration_s",
        "attaches",
        "ready_timeout_s",
        "stop_signal",
        "log_cap_bytes",
    )
    changes = [
        Change(case.key, name, str(getattr(case, name)), str(getattr(generated, name)))
        for name in fields
        if getattr(case, name) != getattr(generated, name)
    ]
    if case.parameters != generated.parameters:
        changes.append(Change(case.key, "parameters", _parameters(case), _parameters(generated)))
    return changes


def _parameters(case: Case) -> str:
    return ", ".join(f"{name}={value}" for name, value in case.parameters) or "none"
