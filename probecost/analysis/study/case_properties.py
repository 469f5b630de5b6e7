"""The figures of one case under flat names: for junit properties, HTML columns and the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from probecost.analysis.judge.budgets import Result
from probecost.analysis.judge.verdicts import MetricVerdict
from probecost.analysis.statistics.verdict import Word
from probecost.analysis.study.case import CaseStudy
from probecost.analysis.study.live import CaseAlone
from probecost.analysis.words.budget_words import budget_text
from probecost.analysis.words.verdict_words import badness, is_held_back, short, title
from probecost.results.layout import REPORTS
from probecost.results.metrics import METRICS

_UNDECIDED = (Word.INCONCLUSIVE, Word.INVALID)


@dataclass(frozen=True)
class CaseResults:
    """``figures``: numbers and words by name, units in the names.

    ``problems``: a line for each perf test without valid data, and for each budget that fails the case.
    """

    figures: Mapping[str, float | str]
    problems: tuple[str, ...]


def case_results(case: CaseAlone, root: Path) -> CaseResults:
    """The known figures of ``case``; paths in the problems are relative to ``root``."""
    missing = (problem.text(root) for problem in case.study.missing)
    return CaseResults({**figures(case.study), **_words(case)}, (*missing, *_failures(case, root)))


def _words(case: CaseAlone) -> dict[str, str]:
    """Verdicts and budgets: ``verdict_latency_tcp_rr``, ``budget_latency_mean_tcp_rr``; ``verdict`` is the worst."""
    primary = [each for each in case.verdicts if each.is_primary]
    words = {f"verdict_{each.metric.perf_test}_{each.metric.conn_type}": _verdict(each) for each in primary}
    judged = [each for each in primary if each.verdict.word is not Word.NONE]
    if judged:
        worst = min(judged, key=badness)
        words["verdict"] = f"{title(worst.metric)}: {short(worst)}"
    words |= {f"budget_{check.budget.name.replace(':', '_')}": budget_text(check) for check in case.budgets}
    return words


def _verdict(entry: MetricVerdict) -> str:
    """A verdict as text. An effect held back by the plan's other tests may still be claimed at the end."""
    word, reason = entry.verdict.word, entry.verdict.reason
    if word in (Word.NONE, Word.INVALID):
        return f"{word}: {reason}" if word else reason
    return f"{short(entry)} (adjusted at the end of the run: see verdicts.csv)" if is_held_back(entry) else short(entry)


def _failures(case: CaseAlone, root: Path) -> list[str]:
    """A line for each broken budget, in a strict run also for each inconclusive one."""
    wrong = (Result.BROKEN, Result.INCONCLUSIVE) if case.is_strict else (Result.BROKEN,)
    lines = [f"budget {budget_text(check)}" for check in case.budgets if check.result in wrong]
    if case.is_strict:
        answered = {check.budget.metric for check in case.budgets}
        lines += [
            f"verdict of {title(each.metric)}: {_verdict(each)}"
            for each in case.verdicts
            if each.is_primary and each.metric not in answered and each.verdict.word in _UNDECIDED
        ]
    if lines:
        raw = case.study.folders[-1] if case.study.folders else root
        lines.append(f"look at {raw}\nand, when the run is over, at overview.md and verdicts.csv in {root / REPORTS}")
    return lines


def figures(case: CaseStudy) -> dict[str, float | str]:
    """Figures by name: ``latency_tcp_rr_mean_us``, ``latency_tcp_rr_mean_baseline_us`` and so on."""
    result: dict[str, float | str] = {"units": float(case.n_units)}
    for metric in sorted(case.comparisons):
        known = METRICS[metric.metric]
        if not known.stem:
            continue
        found = case.comparisons[metric]
        stem, unit = known.property_stem(metric.test), known.property_unit
        for key, value in (
            (f"{stem}_{unit}", found.tool_mean),
            (f"{stem}_baseline_{unit}", found.baseline_mean),
            (f"{stem}_diff_pct", found.diff_pct),
        ):
            if value is not None:
                result[key] = round(float(value), 3)
    usage = case.usage
    for key, value in (
        ("tool_cpu_avg_pct", usage.cpu_avg_percent),
        ("tool_cpu_max_pct", usage.cpu_max_percent),
        ("tool_rss_max_kb", usage.rss_max_kb),
        ("tool_vsz_max_kb", usage.virtual_max_kb),
        ("tool_log_bytes", usage.log_bytes),
        ("tool_log_bytes_per_s", usage.log_bytes_per_s),
        ("tool_time_to_ready_s", case.time_to_ready_s),
    ):
        if value is not None:
            result[key] = round(float(value), 3)
    return result
