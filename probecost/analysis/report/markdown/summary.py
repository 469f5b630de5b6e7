"""``summary.md``: one screen for a merge request or the page of a CI job, for any number of cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from probecost.analysis.report.findings.answer import answer
from probecost.analysis.report.findings.case_names import CaseNames
from probecost.analysis.report.findings.estimates import Estimates
from probecost.analysis.report.findings.provenance import Provenance
from probecost.analysis.report.markdown.source import source_lines
from probecost.analysis.report.markdown.text import link, markdown, table_lines
from probecost.analysis.statistics.verdict import Word
from probecost.analysis.study.run import Study
from probecost.analysis.words.budget_words import budget_counts
from probecost.analysis.words.verdict_words import badness, estimate_text, title
from probecost.analysis.words.vocabulary import WORST_FIRST, word_text
from probecost.results.layout import REPORTS
from probecost.results.rules import NULL_TOOL

_WORST, _LINES_OF_A_KIND = 8, 3


def summary(study: Study, margin_pct: float, origin: Provenance, files: Sequence[PurePosixPath]) -> str:
    """The text of ``summary.md``. ``files``: the reports that it links to, relative to its own folder."""
    found = answer(study, margin_pct)
    lines = [f"# Overhead: run {markdown(origin.run)}", "", f"**{markdown(found.headline)}**", ""]
    lines += [f"- {line}" for line in _counts(study)]
    for kind in (found.sure, found.certificate, found.machines):
        lines += [f"- {markdown(line)}" for line in kind[:_LINES_OF_A_KIND]]
    worst = list(_worst(study))
    lines += ["", *worst] if worst else []
    lines += ["", *_source(origin, files)]
    return "\n".join(lines) + "\n"


def _counts(study: Study) -> Iterator[str]:
    """Counts of primary verdicts of tools, of outcomes of cases, and of budgets."""
    words = Counter(each.verdict.word for each in study.verdicts if each.is_primary and each.tool != NULL_TOOL)
    if words:
        counts = ", ".join(f"{words[word]} {word_text(word)}" for word in WORST_FIRST if words[word])
        yield f"Primary verdicts, the null case left out: {counts}."
    if words[Word.INCONCLUSIVE]:
        yield "INCONCLUSIVE does not mean that there is no cost: these units cannot tell."
    outcomes = Counter(outcome.outcome for outcome in study.run.cases if outcome.outcome)
    if outcomes:
        yield f"Cases: {', '.join(f'{outcomes[outcome]} {markdown(outcome)}' for outcome in sorted(outcomes))}."
    if study.budgets:
        yield f"Budgets: {markdown(budget_counts(study.budgets))}."


def _worst(study: Study) -> Iterator[str]:
    """The worst primary verdicts, without negligible ones."""
    own = [each for each in study.verdicts if each.is_primary and each.verdict.word is not Word.NEGLIGIBLE]
    shown = sorted((each for each in own if each.tool != NULL_TOOL), key=lambda each: (badness(each), each.case))
    if not shown:
        return
    names, estimates = CaseNames(study.cases), Estimates(study)
    rows = [
        (
            names.of_run(each.case.environment, each.case.case_key),
            title(each.metric),
            _cell(estimate_text(each, estimates.cost_pct(each.case, each.metric))),
        )
        for each in shown[:_WORST]
    ]
    yield from table_lines(("Case", "Test", "Verdict"), (tuple(map(markdown, row)) for row in rows))
    if len(shown) > _WORST:
        yield ""
        yield f"The worst of {len(shown)} that are not NEGLIGIBLE."


def _cell(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:119]}…"


def _source(origin: Provenance, files: Sequence[PurePosixPath]) -> Iterator[str]:
    home = origin.root / REPORTS
    yield " · ".join(link(path.name, home / path, home) for path in files)
    yield ""
    yield from source_lines(origin, home)
