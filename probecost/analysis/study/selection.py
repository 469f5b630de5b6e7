"""Requests for reports: topics, iteration and formats; and the selection of a study's cases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.run import Study
from probecost.analysis.tree.problem import Problem
from probecost.analysis.tree.run import CaseOutcome
from probecost.errors import ConfigError
from probecost.results.names import CaseId

ALL = "all"
#: Formats that are always written; more are written on request.
BASIC_FORMATS = ("csv", "markdown")
WORKBOOK, PICTURES = "xlsx", "svg"
MORE_FORMATS = (WORKBOOK, PICTURES)


@dataclass(frozen=True)
class Request:
    """A request. ``topics``: empty for all. ``iteration``: one, or ``None`` for each and all together.

    ``formats``: additional ones of ``MORE_FORMATS``.
    """

    topics: tuple[str, ...] = ()
    iteration: int | None = None
    formats: tuple[str, ...] = ()

    def words(self) -> str:
        """``topics drops, net, iteration 2``."""
        topics = f"topics {', '.join(self.topics)}" if self.topics else "all topics"
        return f"{topics}, {'all iterations' if self.iteration is None else f'iteration {self.iteration}'}"

    @property
    def is_everything(self) -> bool:
        return not self.topics and self.iteration is None

    def command(self, root: Path, settings: Settings) -> tuple[str, ...]:
        """The command that writes these reports again, into the run's own folder of reports."""
        words = ["probecost", "analyze", "--iteration-path", str(root)]
        words += ["--config", str(settings.file.resolve())] if settings.file is not None else []
        words += [word for topic in self.topics for word in ("--topic", topic)]
        words += ["--iteration", str(self.iteration)] if self.iteration is not None else []
        words += ["--format", ",".join(self.formats)] if self.formats else []
        return tuple(words)


EVERYTHING = Request()


def parse_iteration_option(value: str) -> int | None:
    """``all`` → ``None``, ``2`` or ``002`` → 2. Raises ``ConfigError`` for anything else.

    >>> parse_iteration_option("all"), parse_iteration_option("002")
    (None, 2)
    """
    if value == ALL:
        return None
    number = value.removeprefix("iteration_")
    if not (number.isascii() and number.isdigit()) or int(number) < 1:
        raise ConfigError(f"--iteration {value}: expected all or the number of an iteration, such as 1")
    return int(number)


def parse_formats_option(values: Iterable[str]) -> tuple[str, ...]:
    """Additional formats of ``--format``. Raises ``ConfigError`` for an unknown name.

    >>> parse_formats_option(["csv,xlsx", "markdown"]), parse_formats_option([])
    (('xlsx',), ())
    """
    names = [name.strip().lower() for value in values for name in value.split(",")]
    known = (*BASIC_FORMATS, *MORE_FORMATS)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigError(*(f"--format {name}: expected some of {', '.join(known)}" for name in unknown))
    return tuple(name for name in MORE_FORMATS if name in names)


def select(study: Study, settings: Settings, request: Request) -> Study:
    """The study of the requested cases, with the verdicts of the whole run.

    A verdict is made of the units of all iterations and adjusted for all planned tests: a selection does not make it
    surer. Raises ``ConfigError`` for an unknown topic or iteration; it lists the known ones.
    """
    if request.is_everything:
        return study
    topics = _topics(study, settings, request.topics)
    iteration = _iteration(study, request.iteration)
    cases = tuple(
        case
        for case in study.cases
        if (not topics or settings.topic(case.category) in topics) and iteration in (None, case.id.iteration)
    )
    if not cases:
        raise ConfigError(f"--topic {', '.join(request.topics)}: no case of it is in iteration {iteration}")
    wanted = {case.id for case in cases}
    names = {case.id.name for case in cases}
    environments = {name.environment for name in names}

    def holds(environment: str, number: int, case_key: str) -> bool:
        """Whether an entry of a case, or of no single case, belongs to the request."""
        if case_key and number:
            return CaseId(environment, number, case_key) in wanted
        return (not environment or environment in environments) and (not number or iteration in (None, number))

    def is_wanted(outcome: CaseOutcome) -> bool:
        if outcome.iteration and iteration not in (None, outcome.iteration):
            return False
        known = {name.case_key for name in names if outcome.environment in ("", name.environment)}
        return outcome.case_key in known or not topics or settings.topic(outcome.category) in topics

    def is_problem(problem: Problem) -> bool:
        return holds(problem.where.environment, problem.where.iteration, problem.where.case_key)

    return replace(
        study,
        run=replace(study.run, cases=tuple(filter(is_wanted, study.run.cases))),
        cases=cases,
        measurements=tuple(r for r in study.measurements if holds(r.environment, r.iteration, r.case_key)),
        fresh=tuple(r for r in study.fresh if holds(r.environment, r.iteration, r.case_key)),
        verdicts=tuple(each for each in study.verdicts if each.case in names),
        problems=tuple(filter(is_problem, study.problems)),
        nodes={environment: nodes for environment, nodes in study.nodes.items() if environment in environments},
        budgets=tuple(check for check in study.budgets if check.case in names),
    )


def _topics(study: Study, settings: Settings, asked: Sequence[str]) -> set[str]:
    """The topics of the request; a category is accepted as well."""
    there = sorted({settings.topic(case.category) for case in study.cases})
    found = {name: name if name in there else settings.topic(name) for name in asked}
    wrong = [name for name, topic in found.items() if topic not in there]
    if wrong:
        known = f"there are {', '.join(there)}" if there else "no case has results"
        raise ConfigError(*(f"--topic {name}: there is no such topic in {study.root}: {known}" for name in wrong))
    return set(found.values())


def _iteration(study: Study, asked: int | None) -> int | None:
    there = sorted({case.id.iteration for case in study.cases})
    if asked is not None and asked not in there:
        known = f"there are {', '.join(map(str, there))}" if there else "no case has results"
        raise ConfigError(f"--iteration {asked}: there is no such iteration in {study.root}: {known}")
    return asked
