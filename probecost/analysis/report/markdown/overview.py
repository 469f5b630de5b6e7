"""``overview.md``: one table over all cases, missing data with reasons, the machines, and how to read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from probecost.analysis.parsers.text import is_file, is_folder
from probecost.analysis.report.findings.case_names import CaseNames
from probecost.analysis.report.findings.provenance import NODE_FACTS, UNKNOWN, Provenance
from probecost.analysis.report.findings.status import status, switched_cases, units_line
from probecost.analysis.report.findings.versions import versions_line
from probecost.analysis.report.findings.voids import voids
from probecost.analysis.report.markdown.budgets import budget_section
from probecost.analysis.report.markdown.degradations import degradation_section, marked
from probecost.analysis.report.markdown.loads import load_tables, show_of
from probecost.analysis.report.markdown.source import source_lines
from probecost.analysis.report.markdown.text import capped, link, markdown, table_lines
from probecost.analysis.report.markdown.verdicts import verdict_section
from probecost.analysis.report.markdown.writes import writes_table
from probecost.analysis.report.tables.groups import Group
from probecost.analysis.settings.thresholds import Thresholds
from probecost.analysis.study.case import CaseStudy
from probecost.analysis.study.run import Study
from probecost.analysis.tree.metadata import NodeFacts
from probecost.analysis.tree.problem import Problem
from probecost.analysis.values.tool_usage import human_size
from probecost.analysis.words.cells import NA, change, decimal, file_name
from probecost.analysis.words.verdict_words import short_by_metric
from probecost.results.layout import REPORTS, RUN_FILE, RUN_LOG_FILE, WORKFLOW_FILE, WORKFLOW_RESULTS_FILE
from probecost.results.metrics import columns
from probecost.results.names import MetricId
from probecost.results.rules import NULL_TOOL
from probecost.text import counted

_RUN_FILES = (
    (RUN_FILE, "command, options and outcomes"),
    (WORKFLOW_FILE, "what was to run, to do the same again"),
    (WORKFLOW_RESULTS_FILE, "what became of it, visit by visit"),
    (RUN_LOG_FILE, "what happened when"),
)
# Heading and metric of each column after the case's.
_COLUMNS = tuple(
    (heading, MetricId(test.name, metric.name), show_of(metric))
    for heading, test, metric in columns()
    if metric.is_primary
)
_HEAD = (
    "Case",
    *(heading for heading, _, _ in _COLUMNS),
    "Tool CPU avg / max (% of one core)",
    "RSS max",
    "Log per second",
    "Status",
)


def overview(
    study: Study,
    files: Sequence[PurePosixPath],
    groups: Sequence[Group],
    origin: Provenance,
    thresholds: Thresholds,
) -> str:
    """The report over everything. ``files``: the other reports, which it links to, relative to its own folder.

    The text does not depend on its path. Links to raw files are relative to the run's own folder of reports.
    """
    home = study.root / REPORTS
    lines = [
        f"# Overhead report: run {markdown(study.run.run_id or study.root.name)}",
        "",
        *_summary(study),
        "",
        "## Where this comes from",
        "",
        *source_lines(origin, home),
    ]
    judged = list(verdict_section(study.verdicts))
    lines += ["", *judged] if judged else []
    checked = list(budget_section(study.budgets))
    lines += ["", *checked] if checked else []
    marks = list(degradation_section(groups, thresholds, short_by_metric(study.verdicts), home))
    lines += ["", *marks] if marks else []
    for environment in study.environments:
        lines += ["", *_environment(study, environment, home, thresholds)]
    lines += ["", *_failures(study)]
    lines += ["", *_how_to_read(study.cases)]
    lines += ["", *_files(study, home, files)]
    return "\n".join(lines) + "\n"


def _summary(study: Study) -> Iterator[str]:
    if not study.cases:
        yield "**No case has results.** See what is missing below."
        return
    void = voids(study)
    if void is not None:
        yield f"**{markdown(void.line)}**"
        yield ""
    incomplete = sum(1 for case in study.cases if case.missing)
    cases = {case.id.name for case in study.cases}
    iterations = {case.id.iteration for case in study.cases}
    repeated = f" and {len(iterations)} iterations" if len(iterations) > 1 else ""
    subject = f"{incomplete} of {len(study.cases)} measurements of a case" if repeated else f"{incomplete} of them"
    for line in versions_line(study.run.options):
        yield markdown(line)
        yield ""
    yield (
        f"{counted(len(cases), 'case')} measured in {counted(len(study.environments), 'environment')}{repeated}, "
        f"{subject} with missing data. {units_line(study.cases, switched_cases(study.verdicts))}"
    )
    yield study.audit.text


def _environment(study: Study, environment: str, output_dir: Path, thresholds: Thresholds) -> Iterator[str]:
    cases = [case for case in study.cases if case.id.environment == environment]
    yield f"## Environment {markdown(environment)}"
    switched = switched_cases(study.verdicts)
    iterations = sorted({case.id.iteration for case in cases})
    for iteration in iterations:
        shown = [case for case in cases if case.id.iteration == iteration]
        if len(iterations) > 1:
            yield ""
            yield f"### Iteration {iteration}"
        yield ""
        yield from table_lines(_HEAD, [_case_row(case, output_dir, thresholds) for case in shown])
        yield ""
        yield units_line(shown, switched)
        yield from load_tables(shown, thresholds)
        yield from writes_table(shown)
        if any(found.shared_baseline for case in shown for found in case.comparisons.values()):
            yield ""
            yield "All cases are compared with one shared baseline: drift since then is in the differences."
    nodes = study.nodes.get(environment, {})
    if nodes:
        yield ""
        yield from table_lines(("", *map(markdown, sorted(nodes))), _fact_rows([nodes[name] for name in sorted(nodes)]))


def _case_row(case: CaseStudy, output_dir: Path, thresholds: Thresholds) -> tuple[str, ...]:
    name = case.id.case_key
    label = link(name, case.folders[-1], output_dir) if case.folders else markdown(name)
    usage = case.usage
    cpu = f"{decimal(usage.cpu_avg_percent)} / {decimal(usage.cpu_max_percent)}"
    return (
        label,
        *(marked(change(case.comparisons.get(of), show), case, of, thresholds) for _, of, show in _COLUMNS),
        NA if usage.cpu_avg_percent is None else cpu,
        NA if usage.rss_max_kb is None else human_size(usage.rss_max_kb * 1024),
        NA if usage.log_bytes_per_s is None else human_size(usage.log_bytes_per_s),
        markdown(status(case)),
    )


def _fact_rows(nodes: Sequence[NodeFacts]) -> Iterator[tuple[str, ...]]:
    for name, fact in NODE_FACTS:
        yield (name, *(markdown(fact(node)) or UNKNOWN for node in nodes))


def _failures(study: Study) -> Iterator[str]:
    yield "## Failures and missing data"
    yield ""
    names = CaseNames(study.cases)
    entries = [line for case in study.cases for line in _case_failures(study, case, names)]
    shown = {id(case.outcome) for case in study.cases}
    for outcome in study.run.cases:
        if outcome.was_started and id(outcome) not in shown:
            message = f": {markdown(outcome.message)}" if outcome.message else ""
            entries.append(f"- **{markdown(outcome.case_key)}** has no results, {markdown(outcome.outcome)}{message}")
    not_run = sum(1 for outcome in study.run.cases if outcome.outcome == "not run")
    if not_run:
        entries.append(f"- {counted(not_run, 'selected case was', 'selected cases were')} not run")
    entries += [f"- {markdown(note)}" for note in study.run.notes]
    entries += [f"- {markdown(problem.text(study.root))}" for problem in study.problems if problem.missing]
    yield from entries or ["None."]
    if study.run.reboots:
        yield ""
        yield "Measured again, since a node had rebooted:"
        yield ""
        yield from capped([f"- {markdown(text)}" for text in study.run.reboots])
    every = [*(problem for case in study.cases for problem in case.problems), *study.problems]
    doubtful = [problem for problem in every if not problem.missing and not problem.is_unused]
    for head, problems in (
        ("Data that are not used:", [problem for problem in every if problem.is_unused]),
        ("Data that are used and should be read with care:", doubtful),
    ):
        if problems:
            yield ""
            yield head
            yield ""
            yield from capped(
                [f"- {markdown(_owner(names, each))}: {markdown(each.text(study.root))}" for each in problems]
            )


def _case_failures(study: Study, case: CaseStudy, names: CaseNames) -> Iterator[str]:
    outcome = case.outcome
    failed = outcome is not None and outcome.outcome not in ("", "passed")
    if not failed and not case.missing:
        return
    head = f"- **{markdown(names.of(*case.id))}**"
    if outcome is not None and failed:
        head += f" {markdown(outcome.outcome)}" + (f": {markdown(outcome.message)}" if outcome.message else "")
    yield head
    yield from capped([f"  - {markdown(problem.text(study.root))}" for problem in case.missing])


def _owner(names: CaseNames, problem: Problem) -> str:
    where = problem.where
    if not where.case_key:
        return where.environment or "results tree"
    return names.of(where.environment, where.iteration, where.case_key)


def _how_to_read(cases: Sequence[CaseStudy]) -> Iterator[str]:
    yield "## How to read this"
    yield ""
    yield "- Each cell: baseline → tool, and the difference: the tool's mean over the baseline's mean, minus one."
    yield "- Latency: a positive difference means slower with the tool. Throughput and packets/s: a negative one does."
    yield "- In brackets: the smallest and the largest difference of the single units, where there are several."
    if any(case.tool_id == NULL_TOOL for case in cases):
        yield (
            f"- The tool of the case `{NULL_TOOL}` only sleeps: what it seems to cost is the noise of this bed. Do not "
            "believe a difference that is not clearly larger than those of this case in the same column."
        )
    yield "- Throughput and packets/s are what the receiver got. A packet is a UDP datagram that was delivered there."
    yield (
        "- Packets/s are measured at a rate that was asked for (`target_bw` of the perf test, for each stream). Where "
        "the baseline reaches it, no difference means that the tool keeps up with this rate, not that it costs nothing."
    )
    yield (
        "- Tool CPU and log per second: the tool's own processes during the perf tests, without its start-up. "
        "RSS max: their highest memory at any time of a visit. What the tool's probes cost in the kernel is not in "
        "these; it shows in the other columns."
    )
    if any(metric.test.load for case in cases for metric in case.comparisons):
        yield (
            "- At a load: throughput and packets/s are offered at that rate, over all streams, so what is received can "
            "only fall; latency is measured beside a TCP flow of that rate, and without a load on an idle path. CPU "
            "s/GB is the CPU time of the whole node where the tool runs per gigabyte received."
        )
    yield "- N/A: not measured, or not usable; the reason stands above, or the perf test was not selected."


def _files(study: Study, output_dir: Path, files: Sequence[PurePosixPath]) -> Iterator[str]:
    yield "## Files"
    yield ""
    for path in files:
        yield f"- {link(path.as_posix(), output_dir / path, output_dir)}"
    for name, what in _RUN_FILES:
        if is_file(study.root / name):
            yield f"- {link(name, study.root / name, output_dir)}: {what}"
    for environment in study.environments:
        folder = study.root / file_name(environment)
        if is_folder(folder):
            yield f"- {link(f'{environment}: raw files of all nodes', folder, output_dir)}"
