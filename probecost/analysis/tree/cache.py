"""Cache of a results tree that is still growing: reading one case does not re-read the others."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from probecost.analysis.tree.metadata import PerfTestMetadata
from probecost.analysis.tree.record import PerfTestFiles
from probecost.analysis.tree.run import RunInfo, read_run
from probecost.results.layout import SWITCHED
from probecost.results.names import PairId, PerfTestName

Version = tuple[int, int]


class TreeCache:
    """One per run and process. It answers for one case at a time; those of other cases are told by ``is_foreign``."""

    def __init__(self) -> None:
        self.tests: dict[PairId, set[PerfTestName]] = {}
        self._owners: dict[str, dict[str, str]] = {}
        self._case_folders: dict[str, tuple[int, set[str]]] = {}
        self._loaded: dict[Path, tuple[Version, PerfTestMetadata]] = {}
        self._case_key = ""
        self._runs: dict[Path, RunInfo] = {}

    def run(self, root: Path) -> RunInfo:
        """What run.json said when it was first asked: cases, options and budgets, which the run does not change.

        The outcomes of cases are those of that time.
        """
        if root not in self._runs:
            self._runs[root] = read_run(root)[0]
        return self._runs[root]

    def begin(self, case_key: str) -> bool:
        """Begin with a case, to which the next calls refer; whether it is another one than before."""
        is_new = case_key != self._case_key
        if is_new:
            self._loaded.clear()
            self._case_key = case_key
        return is_new

    def is_foreign(self, group: Path, relative: str) -> bool:
        """Whether a folder of ``group`` (relative to the tree of a node) is known to be of no use for the case."""
        return self._owners.get(str(group), {}).get(relative, self._case_key) not in ("", self._case_key)

    def is_foreign_case(self, folder: str) -> bool:
        """The same of the folder of a case on one node: all in it is of others, and nothing new is there."""
        known = self._case_folders.get(folder)
        return known is not None and self._case_key not in known[1] and known[0] == _changed_ns(folder)

    def loaded(self, path: Path, version: Version) -> PerfTestMetadata | None:
        """The metadata in this file, if they were read and the file is still the same."""
        known = self._loaded.get(path)
        return known[1] if known is not None and known[0] == version else None

    def keep(self, path: Path, version: Version, found: PerfTestMetadata) -> None:
        if found.case_key in ("", self._case_key):
            self._loaded[path] = (version, found)

    def note(self, records: Iterable[PerfTestFiles]) -> None:
        """Remember whose folders these are, and which perf tests there are in each place."""
        for record in records:
            what, place = record.metadata, record.place
            own = self._owners.setdefault(str(record.group), {})
            if place.visit.case is None:
                own[str(place.path)] = what.case_key
            else:
                own[str(place.visit.path)] = what.case_key
                for folder in record.folders.values():
                    case = str(folder).removesuffix(str(place.path)) + str(place.visit.path.parent)
                    keys = self._case_folders.get(case, (0, set()))[1]
                    self._case_folders[case] = (_changed_ns(case), keys | {what.case_key})
            if what.arm != SWITCHED:
                self.tests.setdefault(what.test_pair, set()).add(what.test)


def _changed_ns(folder: str) -> int:
    """When something came into a folder, or went."""
    try:
        return Path(folder).stat().st_mtime_ns
    except OSError:
        return 0
