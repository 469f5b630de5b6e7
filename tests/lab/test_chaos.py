"""One round per fault, in the middle of a run: nodes as they were, finished units kept, the rest made by --resume."""

from __future__ import annotations

from pathlib import Path

import pytest
from bed_access import LabBed

from bench.chaos.faults import FAULTS, Fault, Scene
from bench.chaos.hosts import NAMES, Hosts
from bench.chaos.rounds import Round
from bench.chaos.units import whole_units


def in_the_second_unit(scene: Scene, tree: Path) -> bool:
    """One unit is finished, and traffic flows with the tool attached."""
    client = scene.hosts.commands("host-client").values()
    has_traffic = any(command.startswith("netperf ") for command in client)
    return has_traffic and bool(scene.hosts.find("host-server", "bpftrace ")) and 1 in whole_units(tree)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_every_node_is_as_it_was_and_the_run_can_be_completed(bed: LabBed, tmp_path: Path, fault: Fault) -> None:
    hosts = Hosts(bed.config_dir)
    host = NAMES[FAULTS.index(fault) % len(NAMES)]
    one = Round(hosts, "site", tmp_path, fault, host if host in fault.hosts else fault.hosts[0], units=2)
    outcome = one.play(in_the_second_unit)
    assert outcome is not None, one.log.read_text()
    assert outcome.problems == (), one.log.read_text()
    assert outcome.kept >= 1
