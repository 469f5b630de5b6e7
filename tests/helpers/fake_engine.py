"""An engine without hosts, for tests of the fixtures: it notes what it was asked for and fails where it was told to.

Copied into the folder of a pytest inside pytest. ``engine.log`` gets a line per call; ``faults.json`` maps a step
(``measure host-eth_drop-rx``) to the message of the error that it raises, ``bug: ...`` for one that is not ours,
``hang`` to wait there until a signal comes, ``ctrl-c`` for what a signal does, ``lost`` where a node is gone (``lost
once``: the first time only). With ``keep metadata`` visits leave metadata in the results, as those of a real engine do;
``rebooted`` lists the nodes that are another boot than before. ``busy: RUN 3`` three times says that another run has a
node.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from probecost.config.environment import Case, Environment
from probecost.errors import ConnectionLostError, NodeBusyError, ProbecostError
from probecost.fixtures.engine import Around, Engine
from probecost.measure.bed import MeasureOptions
from probecost.measure.visit_record import PerfTestRun, VisitRecord, planned_units
from probecost.plan.calibration import Calibration, Noise, PairCalibration, fingerprints
from probecost.plan.visits import SwitchPlan, VisitPlan
from probecost.results.layout import BASELINE, SWITCHED, TREE, PerfTestFolder, RunTree, VisitFolder, timestamp
from probecost.results.metadata import Metadata

LOG = Path.cwd() / "engine.log"
FAULTS = Path.cwd() / "faults.json"
HANG_S = 60.0


def step(*words: object) -> None:
    """Note the call, then fail if this step is to fail."""
    line = " ".join(str(word) for word in words)
    with LOG.open("a") as file:
        file.write(f"{line}\n")
    message = told(line)
    if message == "hang":
        time.sleep(HANG_S)
    elif message == "ctrl-c":
        raise KeyboardInterrupt
    elif message and str(message).startswith("lost"):
        if message == "lost once":
            faults = json.loads(FAULTS.read_text())
            FAULTS.write_text(json.dumps({name: what for name, what in faults.items() if name != line}))
        raise ConnectionLostError("host-server", "the connection was cut")
    elif message and str(message).startswith("busy: "):
        _, run, times = str(message).split()
        if sum(done == line for done in LOG.read_text().splitlines()) <= int(times):
            raise NodeBusyError("host-server", f"in use by run {run}", run)
    elif message and str(message).startswith("bug: "):
        raise ValueError(message)
    elif message:
        raise ProbecostError(str(message))


def told(line: str) -> object:
    return json.loads(FAULTS.read_text()).get(line) if FAULTS.exists() else None


class FakeCase:
    """The planned visits with all perf tests; its results are one file."""

    def __init__(
        self,
        case: Case,
        tree: RunTree,
        place: tuple[str, int],
        options: MeasureOptions,
        finished: Collection[VisitPlan],
    ) -> None:
        self.case = case
        self.visits: list[VisitRecord] = []
        self._begun = False
        self._folder = tree.node(*place, "host-server")
        self._nodes = [tree.node(*place, node) / TREE for node in ("host-server", "host-client")]
        self._kept: list[tuple[VisitRecord, PerfTestFolder]] = []
        self._specs = options.perf_tests
        self._units = planned_units(finished)

    def measure(self, planned: Sequence[VisitPlan], around: Around, only: Collection[str] = ()) -> None:
        if not self._begun:
            step("measure", self.case.key)
        self._begun = True
        self._units |= planned_units(planned)
        for plan in planned:
            visit = VisitRecord.of(plan, time.time_ns())
            self.visits.append(visit)
            with ended(visit):
                for spec in (spec for spec in self._specs if not only or spec.name in only):
                    with around(PerfTestRun(self.case, plan.arm, plan.unit, spec)):
                        ts = timestamp(1_795_383_300 * 10**9 + len(LOG.read_text().splitlines()) * 10**9)
                        place = VisitFolder("host", None if plan.arm == BASELINE else self.case.folder)
                        folder = PerfTestFolder(place, spec.perf_type, spec.conn_type, ts, plan.arm == SWITCHED)
                        self._kept.append((visit, folder))
                        step(spec.name, "shared" if plan.shared else plan.arm, self.case.key)

    def stop(self) -> None:
        for visit in self.visits:
            if not visit.ended_ns:
                visit.ended_ns, visit.error = time.time_ns(), "interrupted"
        step("stop", self.case.key)

    def fetch(self) -> None:
        step("fetch", self.case.key)
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / f"{self.case.key} <&>.log").write_text("output")
        if told("keep metadata"):
            for visit, place in self._kept:
                self._write(visit, place)

    def _write(self, visit: VisitRecord, place: PerfTestFolder) -> None:
        content = Metadata(
            case_key="" if visit.shared else self.case.key,
            pair_kind=self.case.pair_kind,
            arm=visit.arm,
            unit=visit.unit,
            confirmation=visit.confirmation,
            shared_baseline=visit.shared,
            planned_units=sorted(self._units),
            perf_test=place.perf_type,
            conn_type=place.conn_type,
            visit_end_ns=visit.ended_ns,
            error=visit.error,
        )
        for node in self._nodes:
            (node / place.path).mkdir(parents=True, exist_ok=True)
            (node / place.metadata).write_text(content.text)

    def artifacts(self) -> Sequence[Path]:
        return tuple(sorted(self._folder.glob(f"{self.case.key} *.log")))


class FakeBed:
    """Open from ``open`` to ``close``."""

    def __init__(self, environment: Environment, tree: RunTree, iteration: int, options: MeasureOptions) -> None:
        self.facts: dict[str, dict[str, object]] = {"host-server": {"kernel": told("kernel") or "6.1"}}
        self._environment = environment
        self._iteration = iteration
        self._tree = tree
        self._options = options

    @classmethod
    def open(
        cls,
        environment: Environment,
        cases: Sequence[Case],
        tree: RunTree,
        iteration: int,
        options: MeasureOptions,
    ) -> FakeBed:
        more = ["cpus may sleep"] if not options.keep_awake else []
        step("open", environment.name, len(cases), *(["iteration", iteration] if iteration > 1 else []), *more)
        return cls(environment, tree, iteration, options)

    def prepare_tool(self, tool_id: str, cases: Sequence[Case]) -> None:
        step("prepare", self._environment.name, tool_id, len(cases))

    def case(self, case: Case, switching: SwitchPlan | None, finished: Collection[VisitPlan]) -> FakeCase:
        return FakeCase(case, self._tree, (self._environment.name, self._iteration), self._options, finished)

    def rebooted(self, names: Collection[str]) -> Sequence[str]:
        step("rebooted?", *names)
        return tuple(json.loads(FAULTS.read_text()).get("rebooted", ()))

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        try:
            yield
        except KeyboardInterrupt:
            step("hurry")
            raise

    def close(self) -> None:
        step("close", self._environment.name)


@contextmanager
def ended(visit: VisitRecord) -> Iterator[None]:
    """Note the end of a visit, and its error; an interrupted one has no end."""
    try:
        yield
    except Exception as error:
        visit.error = str(error)
        visit.ended_ns = time.time_ns()
        raise
    visit.ended_ns = time.time_ns()


class FakeClock:
    """A clock that only ``sleep`` moves; it says 2026-11-22 21:35:00 UTC when it is made."""

    def __init__(self) -> None:
        self.time_s = 1_795_383_300.0

    def now_s(self) -> float:
        return self.time_s

    def sleep(self, seconds: float) -> None:
        step("sleep", f"{seconds:g}")
        self.time_s += seconds


class FakeLab:
    """A lab named ``lab`` whose configuration is in the folder already."""

    def release(self) -> None:
        step("lab release")


def acquire_lab(name: str, config_dir: Path) -> FakeLab:
    step("lab acquire", name)
    return FakeLab()


def bootstrap(minimal: Path, output_dir: Path, accept_new_host_keys: bool) -> tuple[str, ...]:
    step("bootstrap", output_dir.name)
    for file in (Path.cwd() / "bootstrapped").iterdir():
        (output_dir / file.name).write_text(file.read_text())
    return ("no vhost workers: left out",)


def calibrate(
    environment: Environment, cases: Sequence[Case], options: MeasureOptions, tell: Callable[[str], None]
) -> Calibration:
    """A quiet bed, and tools that start in half a second."""
    step("calibrate", environment.name, len(cases))
    tell("calibration: done")
    noise = Noise(interval_s=0.1, flows=((100.0, 101.0) * 20,) * 3, busy_share=0.4)
    pair = PairCalibration(
        noise={spec.name: noise for spec in options.perf_tests},
        idle_busy_share=0.01,
        starts_s={case.tool_id: 0.5 for case in cases},
    )
    return Calibration(
        schema_version=1,
        measured_at="2026-11-22T21:30:00+00:00",
        bed=fingerprints({"host-server": {"kernel": "6.1"}}),
        pairs={"host": pair},
    )


def engine() -> Engine:
    clock = FakeClock()
    return Engine(
        open_bed=FakeBed.open,
        case_on=FakeBed.case,
        lab_names=lambda: ("lab",),
        acquire_lab=acquire_lab,
        bootstrap=bootstrap,
        calibrate=calibrate,
        now_s=clock.now_s,
        sleep=clock.sleep,
    )


def results(case_key: str) -> SimpleNamespace:
    """Figures of all kinds; problems as told."""
    figures = {
        "latency_tcp_rr_mean_diff_pct": 1.5,
        "throughput_single_received_diff_pct": -0.25,
        "latency_udp_rr_mean_diff_pct": float("nan"),
        "tool_cpu_avg_pct": 12.34,
        "kernel": "<6.1 & up>",
        "verdict": "OVERHEAD",
    }
    problems = told(f"problems {case_key}") or []
    return SimpleNamespace(figures=figures, problems=problems)
