"""What the tool ``dose.py`` says of itself: its truth, read from the logs of a run.

Each start of the tool left one line in its ``ebpf_output`` log, see ``lab/tools/control/dose.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from probecost.analysis.tree.find import find_perf_tests
from probecost.analysis.tree.record import PerfTestFiles
from probecost.results.layout import SWITCHED, TOOL

TOOL_ID = "dose"
_LINE = re.compile(
    r"^dose ns=(?P<ns>\d+) runs=(?P<runs>\d+) burned_ns=(?P<burned>\d+) mean_ns=\S+ received=(?P<received>\d+)"
    r" elapsed_s=(?P<elapsed>\d+\.\d+)",
    re.MULTILINE,
)


class TruthError(Exception):
    """A log does not hold what the tool prints when it is told to end."""


@dataclass(frozen=True)
class Truth:
    """What one start of the tool counted, or several together: nanoseconds burned in ``runs``.

    ``received``: packets that arrived at the node's interface in the same ``elapsed_s`` seconds.
    """

    ns: int
    runs: int
    burned_ns: int
    received: int
    elapsed_s: float

    @property
    def mean_ns(self) -> float:
        """Nanoseconds per run; 0 where nothing ran."""
        return self.burned_ns / self.runs if self.runs else 0.0

    @property
    def runs_per_packet(self) -> float:
        """Runs per packet received, which is runs per transaction of TCP_RR; 0 where nothing arrived."""
        return self.runs / self.received if self.received else 0.0


def parse(text: str) -> Truth:
    """The line in a log. ``TruthError``: there is none, or more than one."""
    found = list(_LINE.finditer(text))
    if len(found) != 1:
        raise TruthError(f"expected one line 'dose ns=... runs=... burned_ns=...', found {len(found)}")
    (line,) = found
    return Truth(int(line["ns"]), int(line["runs"]), int(line["burned"]), int(line["received"]), float(line["elapsed"]))


def total(truths: Iterable[Truth]) -> Truth:
    """Several starts of one dose together. ``TruthError``: there is none, or their doses differ."""
    parts = list(truths)
    doses = {part.ns for part in parts}
    if len(doses) != 1:
        raise TruthError(f"expected starts of one dose, found doses {sorted(doses)}")
    return Truth(
        doses.pop(),
        sum(part.runs for part in parts),
        sum(part.burned_ns for part in parts),
        sum(part.received for part in parts),
        sum(part.elapsed_s for part in parts),
    )


def flow_truths(record: PerfTestFiles) -> list[Truth]:
    """Each start of the tool inside one switched flow, in the order of files. ``TruthError`` names a file."""
    folder = record.place_on(record.metadata.tool_node)
    pattern = record.place.switched_stdout.name.format(start="*")
    return [_read(file) for file in sorted(folder.glob(pattern))]


def case_truths(root: Path) -> dict[str, Truth]:
    """By case key, all that the tool counted in a run: its visits and its flows. ``TruthError`` names a file."""
    files: dict[str, set[Path]] = {}
    for record in find_perf_tests(root).records:
        if record.metadata.tool_id == TOOL_ID:
            files.setdefault(record.metadata.case_key, set()).update(_logs(record))
    return {case: total(_read(file) for file in sorted(logs)) for case, logs in sorted(files.items()) if logs}


def _logs(record: PerfTestFiles) -> Iterator[Path]:
    if record.metadata.arm == SWITCHED:
        yield from record.place_on(record.metadata.tool_node).glob("ebpf_output_*.log")
    elif record.metadata.arm == TOOL:
        yield from record.tool_visit_dir.glob("ebpf_output_*.log")


def _read(file: Path) -> Truth:
    try:
        return parse(file.read_text(encoding="utf-8", errors="replace"))
    except (OSError, TruthError) as error:
        raise TruthError(f"{file}: {error}") from None
