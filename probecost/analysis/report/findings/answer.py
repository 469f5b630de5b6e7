"""The answer of a run in words: costs of tools, their certainty, the resolution of the bed, the machines.

It states nothing beyond the verdicts: a tool is in the group of its worst primary verdict, and an unknown tool is never
among the cheap ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from probecost.analysis.judge.verdicts import MetricVerdict
from probecost.analysis.report.findings.estimates import Estimates
from probecost.analysis.report.findings.provenance import NODE_FACTS
from probecost.analysis.report.findings.status import units_line
from probecost.analysis.report.findings.versions import versions_line
from probecost.analysis.report.findings.voids import Voids, voids, voids_of
from probecost.analysis.statistics.verdict import Word
from probecost.analysis.study.run import Study
from probecost.analysis.tree.metadata import NodeFacts
from probecost.analysis.words.verdict_words import (
    badness,
    control_line,
    estimate_text,
    is_control,
    levels_text,
    title,
    too_few_units,
    units_text,
    worst_first,
)
from probecost.analysis.words.vocabulary import WORDS, WORST_FIRST
from probecost.results.names import MetricId
from probecost.results.rules import NULL_TOOL
from probecost.text import counted

_LEAST_BAD = (len(Word), 0.0)
_NAMED = 2


@dataclass(frozen=True)
class PrimaryTest:
    """One primary test of a tool: the worst verdict of its cases, with its numbers.

    ``is_unconfirmed``: a speed-up that fresh units have not confirmed.
    """

    title: str
    word: Word
    is_unconfirmed: bool
    text: str


@dataclass(frozen=True)
class ToolAnswer:
    """A tool in one environment. ``environment`` is empty if the run has only one; ``word`` is the worst."""

    tool: str
    environment: str
    n_cases: int
    word: Word
    tests: tuple[PrimaryTest, ...]


@dataclass(frozen=True)
class Group:
    """All tools with the same worst word, the worst first."""

    word: Word
    title: str
    meaning: str
    tools: tuple[ToolAnswer, ...]


@dataclass(frozen=True)
class Answer:
    """The answer. ``sure``: data and certainty; ``certificate``: proof by the null case; ``machines``: the nodes."""

    headline: str
    groups: tuple[Group, ...]
    sure: tuple[str, ...]
    certificate: tuple[str, ...]
    machines: tuple[str, ...]


def answer(study: Study, margin_pct: float) -> Answer:
    """The answer of a run; costs up to ``margin_pct`` are negligible."""
    tools = _tools(study)
    margin = f"{margin_pct:g}"
    void = voids(study)
    groups = tuple(
        Group(word, entry.group.format(m=margin), entry.group_meaning.format(m=margin), own)
        for word, entry in WORDS.items()
        if (own := tuple(tool for tool in tools if tool.word is word))
    )
    return Answer(
        headline=_headline(groups, margin, void),
        groups=groups,
        sure=(*([void.line] if void is not None else []), *_sure(study)),
        certificate=tuple(_certificate(study)),
        machines=tuple(line for name in study.environments for line in _machine(name, study.nodes.get(name, {})))
        or ("The results do not say on what machine they were measured.",),
    )


def _tools(study: Study) -> list[ToolAnswer]:
    """All tools but the control, the worst first; unmeasured ones too."""
    by_tool: dict[tuple[str, str], list[MetricVerdict]] = {}
    cases: dict[tuple[str, str], set[str]] = {}
    for case in study.cases:
        if case.tool_id != NULL_TOOL:
            key = (case.id.environment, case.tool_id)
            by_tool.setdefault(key, [])
            cases.setdefault(key, set()).add(case.id.case_key)
    for each in study.verdicts:
        if each.is_primary and each.tool != NULL_TOOL:
            key = (each.case.environment, each.tool)
            by_tool.setdefault(key, []).append(each)
            cases.setdefault(key, set()).add(each.case.case_key)
    several = len({environment for environment, _ in by_tool}) > 1
    estimates = Estimates(study)
    ranked = sorted(by_tool, key=lambda key: (min(map(badness, by_tool[key]), default=_LEAST_BAD), key))
    found = [_tool(key, by_tool[key], estimates, len(cases[key]), several=several) for key in ranked]
    return sorted(found, key=lambda tool: WORST_FIRST.index(tool.word))


def _tool(
    key: tuple[str, str], own: Sequence[MetricVerdict], estimates: Estimates, n_cases: int, *, several: bool
) -> ToolAnswer:
    worst: dict[MetricId, MetricVerdict] = {}
    for each in sorted(own, key=badness):
        worst.setdefault(each.metric, each)
    environment, tool = key
    tests = tuple(
        PrimaryTest(
            title(metric),
            each.verdict.word,
            each.is_unconfirmed,
            estimate_text(each, estimates.cost_pct(each.case, metric)),
        )
        for metric, each in worst.items()
    )
    return ToolAnswer(tool, environment if several else "", n_cases, tests[0].word if tests else Word.NONE, tests)


def _headline(groups: Sequence[Group], margin: str, void: Voids | None) -> str:
    """The headline, one sentence; up to ``_NAMED`` tools of a group are named. ``void``: why most units are void."""
    if not groups:
        return "No tool was measured."
    if [group.word for group in groups] == [Word.NONE]:
        if void is not None:
            return f"No verdict on any tool: {void.text}."
        return "No verdict on any tool: what was measured allows estimates at most, and these may be noise."
    parts = [_part(group, margin) for group in groups]
    sentence = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])}, and {parts[-1]}"
    return f"{sentence}."


def _part(group: Group, margin: str) -> str:
    n = len(group.tools)
    one = n == 1
    names = [f"{tool.environment}:{tool.tool}" if tool.environment else tool.tool for tool in group.tools]
    who = " and ".join(names) if n <= _NAMED else f"{n} tools"
    is_open = any(test.is_unconfirmed for tool in group.tools for test in tool.tests)
    costs, has, looks, stays = ("costs", "has", "looks", "stays") if one else ("cost", "have", "look", "stay")
    does = {
        Word.OVERHEAD: f"{costs} {margin} % or more in some test",
        Word.SMALL: f"{costs} something, perhaps less than {margin} %",
        Word.MASKED: f"{costs} CPU time that the rate cannot show",
        Word.INVALID: f"{'was' if one else 'were'} not measured validly",
        Word.SPEED_UP: f"{looks} faster than without, which fresh units {'must confirm' if is_open else 'confirmed'}",
        Word.INCONCLUSIVE: f"{'is' if one else 'are'} not known",
        Word.NONE: f"{has} no verdict",
        Word.NEGLIGIBLE: f"{stays} within {margin} % in every test",
    }
    return f"{who} {does[group.word]}"


def _sure(study: Study) -> Iterator[str]:
    yield from versions_line(study.run.options)
    primary = [each for _, own in worst_first(study.verdicts) for each in own]
    if any(each.verdict.word is not Word.NONE for each in primary):
        m = max(each.family_m for each in primary)
        yield (
            f"Measured over {units_text(study.verdicts)}; intervals at {levels_text(primary)}. "
            f"OVERHEAD, SMALL and UNEXPECTED SPEED-UP hold among all {m} primary tests of the plan (Holm)."
        )
        yield from too_few_units(primary)
    else:
        yield units_line(study.cases)
    if any(found.shared_baseline for case in study.cases for found in case.comparisons.values()):
        yield "Cases are compared with one shared baseline: drift since then is in the differences."
    lost = sum(1 for case in study.cases if case.missing)
    if lost:
        yield f"Data are missing in {lost} of {len(study.cases)} measurements of a case: see there."
    not_run = sum(1 for outcome in study.run.cases if outcome.outcome == "not run")
    if not_run:
        yield f"{counted(not_run, 'selected case was', 'selected cases were')} not run."


def _certificate(study: Study) -> Iterator[str]:
    controls = [(case, own) for case, own in worst_first(study.verdicts) if is_control(own)]
    several = len({case.environment for case, _ in controls}) > 1
    for case, own in controls:
        yield f"{case.environment}: {control_line(case, own)}" if several else control_line(case, own)
    if controls:
        return
    measured = {what.case.name for what in study.records if what.tool_id == NULL_TOOL}
    if measured:
        found = voids_of(row for row in study.measurements if row.case.name in measured)
        why = "no unit of it is complete" if found is None else found.text
        yield (
            f"The null case (a tool that only sleeps) was measured, and nothing of it counts, {why}: nothing shows "
            "what this bed can tell apart, or that it finds nothing where there is nothing."
        )
    else:
        yield (
            "There is no null case (a tool that only sleeps) here: nothing shows what this bed can tell apart, "
            "or that it finds nothing where there is nothing."
        )


def _machine(environment: str, nodes: Mapping[str, NodeFacts]) -> Iterator[str]:
    """A line for all nodes with the same facts, and a line if nodes share one kernel."""
    alike: dict[str, list[str]] = {}
    for name in sorted(nodes):
        wanted = ("Kernel", "CPU", "Memory", "Interfaces")
        facts = [f"{fact} {text}" for fact, of in NODE_FACTS if fact in wanted and (text := of(nodes[name]))]
        alike.setdefault("; ".join(facts) or "nothing recorded", []).append(name)
    for facts_text, names in alike.items():
        yield f"{environment} ({', '.join(names)}): {facts_text}."
    boots = [node.boot_id for node in nodes.values() if node.boot_id]
    if len(set(boots)) < len(boots):
        yield (
            f"Nodes of {environment} share one kernel and its CPUs: a probe on one sees the packets of both, so that "
            "a tool looks more expensive than between two machines."
        )
