"""``<env>-calibration.json``: noise and maximum rates of a bed without any tool, and start times of tools.

It is measured once per bed and day, before any comparison: choices made from it cannot depend on a result.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field

from probecost.config.documents import read_json
from probecost.config.environment import PairKind
from probecost.config.find import cases_file, full_file
from probecost.config.validation import Section, validate
from probecost.errors import ConfigError, ProbecostError
from probecost.files import write_whole

SCHEMA = 1
VALID_FOR = timedelta(days=1)

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0)]


class Noise(Section):
    """One perf test: the rate in each interval of each flow (bit/s, transactions/s, packets/s), one list per flow.

    ``busy_share``: CPU time over all CPUs of the server's node while it ran, 0 to 1.
    """

    interval_s: Positive
    flows: tuple[tuple[Annotated[float, Field(ge=0)], ...], ...]
    busy_share: Share

    @property
    def mean(self) -> float:
        """The mean rate over all flows, per second."""
        rates = [rate for flow in self.flows for rate in flow]
        return sum(rates) / len(rates) if rates else 0.0


class PairCalibration(Section):
    """One test pair. ``starts_s``: seconds until a tool was ready during a flow, null if the flow ended before.

    ``stops_s``: seconds that the tool took to end, where that is known.

    ``idle_busy_share``: CPU time of the server's node while nothing runs, 0 to 1. ``line_bps``: the speed of its
    interface, bit/s, null for a virtual one.
    """

    noise: dict[str, Noise]
    idle_busy_share: Share
    starts_s: dict[str, Positive | None]
    line_bps: Positive | None = None
    stops_s: dict[str, Share] = Field(default_factory=dict)


class Calibration(Section):
    """Calibration of an environment. ``bed``: the fingerprint of each node, see ``fingerprints``."""

    schema_version: int
    measured_at: str
    bed: dict[str, str]
    pairs: dict[PairKind, PairCalibration]

    def maximum(self, pair_kind: PairKind, perf_test: str) -> float | None:
        """The highest rate of the pair, per second (bit/s or packets/s); ``None`` if it was not measured."""
        pair = self.pairs.get(pair_kind)
        noise = pair.noise.get(perf_test) if pair is not None else None
        return noise.mean if noise is not None and noise.mean > 0 else None

    def start_s(self, pair_kind: PairKind, tool_id: str) -> float | None:
        pair = self.pairs.get(pair_kind)
        return pair.starts_s.get(tool_id) if pair is not None else None

    @property
    def time(self) -> datetime:
        return datetime.fromisoformat(self.measured_at)

    def is_current(self, now_s: float, bed: Mapping[str, str] | None = None) -> bool:
        """Whether it is valid at ``now_s`` (Unix time), and for nodes with the fingerprints ``bed``, if known."""
        age = datetime.fromtimestamp(now_s, UTC) - self.time
        return timedelta(0) <= age <= VALID_FOR and not self.changed_nodes(bed or {})

    def changed_nodes(self, bed: Mapping[str, str]) -> tuple[str, ...]:
        """The nodes of ``bed`` (see ``fingerprints``) that have changed since this was measured."""
        return tuple(name for name, words in bed.items() if self.bed.get(name, words) != words)

    def merged(self, newer: Calibration) -> Calibration:
        """Both together; ``newer`` takes precedence and gives the time. Nothing is kept of another bed."""
        if self.changed_nodes(newer.bed):
            return newer
        pairs = dict(self.pairs)
        for kind, pair in newer.pairs.items():
            old = pairs.get(kind)
            if old is not None:
                noise, starts_s = {**old.noise, **pair.noise}, {**old.starts_s, **pair.starts_s}
                stops_s = {**old.stops_s, **pair.stops_s}
                pair = pair.model_copy(update={"noise": noise, "starts_s": starts_s, "stops_s": stops_s})
            pairs[kind] = pair
        return newer.model_copy(update={"pairs": pairs, "bed": {**self.bed, **newer.bed}})


def fingerprints(facts: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    """Fingerprint of each node as text: another kernel, CPU or generator makes another bed."""
    keys = ("kernel", "cpu_model", "cpus", "iperf3", "netperf")
    return {node: ", ".join(f"{key} {found.get(key)}" for key in keys) for node, found in facts.items()}


def calibration_file(folder: Path) -> Path:
    """Path of the calibration file: in the environment's folder, with the prefix of its files."""
    other = full_file(folder) or cases_file(folder)
    prefix = other.name.rpartition("-")[0] if other is not None else folder.name
    return folder / f"{prefix}-calibration.json"


def read_calibration(folder: Path) -> Calibration | None:
    """The environment's calibration; ``None`` if it is missing or cannot be read: it is made anew."""
    file = calibration_file(folder)
    if not file.is_file():
        return None
    try:
        content, _ = validate(Calibration, read_json(file))
        if content is None or content.schema_version != SCHEMA:
            return None
        if content.time.tzinfo is None:
            return None
    except (ConfigError, ValueError):
        return None
    return content


def discard_calibration(folder: Path) -> None:
    """Remove the calibration if possible: the next run that needs one measures anew."""
    with suppress(OSError):
        calibration_file(folder).unlink()


def write_calibration(content: Calibration, folder: Path) -> Path:
    """Write the calibration whole. ``ProbecostError``: it cannot be written."""
    file = calibration_file(folder)
    try:
        write_whole(file, content.model_dump_json(indent=1) + "\n")
    except OSError as error:
        raise ProbecostError(f"{file}: the calibration cannot be written: {error.strerror or error}") from error
    return file
