"""Texts of the kernel and of small programs, read by the supervisor."""

from __future__ import annotations

from probecost.remote.supervisor.bpf import parse_fdinfo
from probecost.remote.supervisor.facts import addresses
from probecost.remote.supervisor.processes import parse_stat
from probecost.remote.supervisor.sampling import parse_net_dev, parse_snmp, stamp


def test_a_process_name_may_hold_spaces_and_brackets() -> None:
    fields = ["S", "7", *["0"] * 9, "11", "12", "3", "4", "20", "0", "1", "0", "4711", "0"]
    stat = parse_stat("42 (a) b (c) " + " ".join(fields))
    assert (stat.pid, stat.comm, stat.state, stat.ppid) == (42, "a) b (c", "S", 7)
    assert (stat.ticks, stat.start, stat.session) == (30, 4711, 0)


def test_fdinfo_of_programs_and_links() -> None:
    program = "pos:\t0\nflags:\t02000002\nprog_type:\t5\nprog_jited:\t1\nprog_tag:\tabc\nmemlock:\t4096\nprog_id:\t77\n"
    assert parse_fdinfo(program) == {"prog_type": 5, "prog_id": 77}
    assert parse_fdinfo("link_type:\tperf\nlink_id:\t3\nprog_tag:\tabc\nprog_id:\t78\n") == {"prog_id": 78}
    assert parse_fdinfo("map_type:\t2\nmap_id:\t9\n") == {}


def test_udp_counters_by_name() -> None:
    text = "Ip: a b\nIp: 1 2\nUdp: InDatagrams NoPorts RcvbufErrors\nUdp: 100 2 3\nUdpLite: InDatagrams\nUdpLite: 9\n"
    assert parse_snmp(text, "Udp") == {"InDatagrams": 100, "NoPorts": 2, "RcvbufErrors": 3}
    assert parse_snmp("", "Udp") == {}


def test_interface_counters() -> None:
    head = "Inter-|   Receive  |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes ...\n"
    row = "  eth1: 1000 10 1 2 0 0 0 0 2000 20 3 4 0 0 0 0\n"
    assert parse_net_dev(head + row)["eth1"] == {
        "rx_bytes": 1000,
        "rx_packets": 10,
        "rx_errors": 1,
        "rx_dropped": 2,
        "tx_bytes": 2000,
        "tx_packets": 20,
        "tx_errors": 3,
        "tx_dropped": 4,
    }


def test_addresses_by_interface() -> None:
    text = (
        "1: lo    inet 127.0.0.1/8 scope host lo\n"
        "2: eth1    inet 198.18.0.1/30 brd 198.18.0.3 scope global eth1\n"
        "2: eth1    inet6 fe80::1/64 scope link \n"
        "3: veth9@if4    inet 192.0.2.1/24 scope global veth9\n"
    )
    assert addresses(text) == {
        "lo": ["127.0.0.1/8"],
        "eth1": ["198.18.0.1/30", "fe80::1/64"],
        "veth9": ["192.0.2.1/24"],
    }


def test_time_stamps_are_utc_with_milliseconds() -> None:
    assert stamp(1795383298_123_456_789) == "2026-11-22 21:34:58.123"
