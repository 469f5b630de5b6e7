"""One lab for the tests of a worker, used like hosts of one's own: an environment ``site`` that points to it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bed_access import PROJECT, Inventory, LabBed, Run, until
from own_lab import OwnLab
from side_by_side import BedScheduling, rank_of
from vm_access import VmBed
from xdist.remote import Producer

from probecost.lab import control

CLEAN_S = 15.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a group one after the other, without ``-n`` too; groups in the order of ``side_by_side``."""
    items.sort(key=lambda item: rank_of(item.nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> BedScheduling:
    config.option.loadscopereorder = False
    return BedScheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def _as_root() -> None:
    if os.geteuid() != 0:
        pytest.fail("the lab tests need root: run them as root, or with sudo", pytrace=False)


@pytest.fixture(scope="session")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabBed]:
    """A lab that is up, and the environment ``site`` on its hosts, bootstrapped by the documented command."""
    bed = LabBed(tmp_path_factory.mktemp("bed") / "config")
    control.up("lab", bed.config_dir)
    try:
        site = bed.config_dir / "site"
        shutil.copytree(bed.folder, site)
        minimal = site / "minimal-input.yaml"
        minimal.write_text(minimal.read_text().replace('environment: "lab"', 'environment: "site"'))
        command = [sys.executable, "-m", "probecost", "bootstrap", "--minimal-input", str(minimal)]
        subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
        yield bed
    finally:
        control.down("lab", bed.config_dir)


@pytest.fixture
def new_lab(tmp_path: Path) -> Iterator[Callable[[str], OwnLab]]:
    """Makes labs of the test's own, none of them up, and takes them all down at the end."""
    labs: list[OwnLab] = []

    def make(name: str) -> OwnLab:
        labs.append(OwnLab(tmp_path / name))
        return labs[-1]

    yield make
    for lab in labs:
        lab.down()


@pytest.fixture
def own(new_lab: Callable[[str], OwnLab]) -> OwnLab:
    """A lab of the test's own, not up yet."""
    return new_lab("config")


@pytest.fixture(scope="session")
def vm_bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VmBed]:
    """A bed with guests that is up, for tests that leave it as it was: it takes long to come up."""
    bed = VmBed(tmp_path_factory.mktemp("vm-bed") / "config")
    bed.up()
    yield bed
    bed.down()


@pytest.fixture(scope="session")
def vm_site(vm_bed: VmBed) -> str:
    """The environment on that bed with a case for each pair."""
    return vm_bed.write_site().name


@pytest.fixture
def new_vm_bed(tmp_path: Path) -> Iterator[Callable[[], VmBed]]:
    """Makes a bed with guests of the test's own, not up yet, and takes it down at the end."""
    beds: list[VmBed] = []

    def make() -> VmBed:
        beds.append(VmBed(tmp_path / "vm-config"))
        return beds[-1]

    yield make
    for bed in beds:
        bed.down()


@pytest.fixture
def clean(bed: LabBed) -> Iterator[Callable[[], None]]:
    """Compares the hosts with what was on them before the test; also done at the end of the test."""
    before = bed.inventory()

    def is_as_before() -> bool:
        now = bed.inventory()  # programs and cgroups are the machine's: others' may go meanwhile
        same = (now.processes, now.files) == (before.processes, before.files)
        return same and now.programs <= before.programs and now.cgroups <= before.cgroups

    def check() -> None:
        assert until(is_as_before, CLEAN_S), _difference(before, bed.inventory())

    yield check
    check()


def _difference(before: Inventory, after: Inventory) -> str:
    lines = ["left behind:"]
    for name in ("processes", "files"):
        for host, items in getattr(after, name).items():
            lines += [f"  {host}: {item}" for item in items if item not in getattr(before, name)[host]]
            lines += [f"  {host}: gone: {item}" for item in getattr(before, name)[host] if item not in items]
    lines += [f"  BPF program {number}" for number in after.programs - before.programs]
    lines += [f"  cgroup {path}" for path in after.cgroups - before.cgroups]
    return "\n".join(lines)


@pytest.fixture
def run(bed: LabBed, tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Starts ``pytest`` as a user does; whatever still runs at the end of the test is killed."""
    yield from _runs(bed, tmp_path / "results")


@pytest.fixture
def vm_run(vm_bed: VmBed, vm_site: str, tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """As ``run``, on the bed with guests."""
    yield from _runs(vm_bed, tmp_path / "results", "--env", vm_site)


def _runs(bed: LabBed | VmBed, results_dir: Path, *common: str) -> Iterator[Callable[..., Run]]:
    started: list[Run] = []

    def start(*options: str) -> Run:
        started.append(Run.start(bed, results_dir, *common, *options))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


@pytest.fixture
def cases(bed: LabBed) -> Iterator[Callable[..., None]]:
    """Replaces the cases of ``site`` for one test: name, command and optional keys of each."""
    file = bed.config_dir / "site" / "site-cases.json"
    original = file.read_bytes()

    def write(**commands: str | dict[str, Any]) -> None:
        listed = []
        for number, (name, given) in enumerate(commands.items(), 1):
            more = {"command": given} if isinstance(given, str) else given
            common = {"id": number, "name": name, "script": f"{name}.sh", "category": "test", "environment": "host"}
            listed.append(common | {"parameters": {}, "duration": 10, "attaches": "none"} | more)
        document = {"metadata": {"environment": "site", "total_cases": len(listed)}, "test_cases": listed}
        file.write_text(json.dumps(document, indent=1))

    yield write
    file.write_bytes(original)
