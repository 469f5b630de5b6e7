"""The table of a chaos session: by fault, and by fault and moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import median

from bench.chaos.rounds import Outcome

_HEAD = ("fault", "moment", "rounds", "went on", "median s", "max s", "units kept", "failures")


def lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """A row per fault, then one per fault and moment; failures are told below.

    Seconds are from the fault to clean nodes; for a run that went on, from its end.
    """
    rows = [_HEAD]
    rows += _rows(outcomes, lambda outcome: (outcome.fault, "all"))
    rows += _rows(outcomes, lambda outcome: (outcome.fault, outcome.moment))
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEAD))]
    for row in rows:
        yield "  ".join(
            cell.ljust(width) if at < 2 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
    failed = [outcome for outcome in outcomes if outcome.problems]
    yield f"{len(failed)} of {len(outcomes)} rounds failed"
    for outcome in failed:
        yield f"{outcome.fault} ({outcome.host}, {outcome.moment}): {'; '.join(outcome.problems)}"


def _rows(
    outcomes: Sequence[Outcome], key: Callable[[Outcome], tuple[str, str]]
) -> Iterator[tuple[str, str, str, str, str, str, str, str]]:
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(key(outcome), []).append(outcome)
    for (fault, moment), found in groups.items():
        times = [outcome.clean_s for outcome in found if outcome.clean_s is not None]
        yield (
            fault,
            moment,
            str(len(found)),
            str(sum(outcome.went_on for outcome in found)),
            f"{median(times):.1f}" if times else "-",
            f"{max(times):.1f}" if times else "-",
            str(sum(outcome.kept for outcome in found)),
            str(sum(bool(outcome.problems) for outcome in found)),
        )
