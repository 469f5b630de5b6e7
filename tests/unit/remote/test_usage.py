"""What the supervisor knows of CPU time, of this run's cgroups, and of the tested interface."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from pathlib import Path

import pytest

from probecost.remote.lease import Holder
from probecost.remote.supervisor import rtnetlink
from probecost.remote.supervisor.cgroups import Cgroup, user_usec_of
from probecost.remote.supervisor.setup import fingerprint
from probecost.remote.supervisor.usage import Usage, parse_cpu, parse_own_user_ticks, user_usec

USEC_PER_TICK = 1_000_000 // os.sysconf("SC_CLK_TCK")


def test_what_guests_ran_is_not_user_time() -> None:
    ticks = parse_cpu("cpu  100 20 7 900 1 0 3 5 60 15\ncpu0 1 2 3\n")
    assert ticks[7] == 5
    assert user_usec(ticks) == (100 + 20 - 60 - 15) * USEC_PER_TICK


def test_kernels_that_count_no_guests() -> None:
    assert user_usec(parse_cpu("cpu 100 20 7 900 1 0 3\n")) == 120 * USEC_PER_TICK


def test_a_hypervisor_is_told_from_its_guest() -> None:
    fields = ["S", *["0"] * 10, "50", "12", *["0"] * 27, "30", "0"]
    assert parse_own_user_ticks("7 (qemu (x)) " + " ".join(fields)) == 20
    assert parse_own_user_ticks("7 (old) " + " ".join(fields[:30])) == 50


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.stat": "usage_usec 900\nuser_usec 400\nsystem_usec 500\n"}, 400),
        ({"cpu.stat": "nr_periods 0\n", "cpuacct.usage_user": "7000000\n"}, 7000),
        ({"cpuacct.stat": "user 3\nsystem 4\n"}, 3 * USEC_PER_TICK),
        ({}, None),
    ],
    ids=["v2", "v1", "v1 before 4.7", "only groups"],
)
def test_user_time_of_a_cgroup(tmp_path: Path, files: Mapping[str, str], expected: int | None) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert user_usec_of(str(tmp_path)) == expected


def test_all_nodes_of_a_run_on_one_kernel_are_ours_and_no_other_run_is(tmp_path: Path) -> None:
    ours = Cgroup(str(tmp_path / "probecost-ab12-server"), "probecost-ab12-")
    for name, usec in (("ab12-server", 5), ("ab12-client", 7), ("ffff-server", 900)):
        (tmp_path / f"probecost-{name}").mkdir(exist_ok=True)
        (tmp_path / f"probecost-{name}" / "cpu.stat").write_text(f"user_usec {usec}\n")
    read = Usage(ours).read()
    assert read["own_user_usec"] == {"probecost-ab12-server": 5, "probecost-ab12-client": 7}
    assert read["user_usec"] > 0


def test_without_a_cgroup_nothing_is_told(tmp_path: Path) -> None:
    assert Usage(None).read()["own_user_usec"] == {}
    assert Usage(Cgroup(str(tmp_path / "plain"))).read()["own_user_usec"] == {}


def test_the_name_of_the_cgroups_does_not_give_the_lease_away() -> None:
    holder = Holder("run", "user", "host", "token")
    assert holder.group == Holder("other", "user", "host", "token").group
    assert "token" not in holder.group


def test_attributes_by_type() -> None:
    nested, name = struct.pack("=HHI", 8, 0x8000 | 4, 1500), struct.pack("=HH3sx", 7, 6, b"fq\0")
    assert rtnetlink.attributes(nested + name) == {4: struct.pack("=I", 1500), 6: b"fq\0"}
    assert rtnetlink.attributes(b"\0\0\0\0") == {}


def test_an_interface_and_its_set_up() -> None:
    assert rtnetlink.interface_of("127.0.0.1") == "lo"
    assert rtnetlink.interface_of("192.0.2.77") == ""
    found = fingerprint("lo")
    assert found["MTU"] == Path("/sys/class/net/lo/mtu").read_text().strip()
    assert found["XDP"] == "none"
    assert "qdisc" in found
    assert found["sysctl net.core.rmem_max"] == Path("/proc/sys/net/core/rmem_max").read_text().strip()
    assert fingerprint("lo") == found


def test_an_interface_that_is_not_there_has_only_sysctls() -> None:
    assert all(key.startswith("sysctl ") for key in fingerprint("nosuch0"))
