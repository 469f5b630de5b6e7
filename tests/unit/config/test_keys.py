import re
from dataclasses import replace

import pytest

from probecost.config.environment import PairKind
from probecost.config.keys import Named, case_keys

NAMES = {
    "10.0.0.1": "host_LOCAL_IP",
    "10.0.0.2": "host_REMOTE_IP",
    "eth7": "PHY_INTERFACE",
    "4242": "QEMU_PID",
    "4301": "vhost_pids.0",
    "4302": "vhost_pids.1",
}


def named(
    command: str,
    parameters: dict[str, str] | None = None,
    *,
    tool: str = "drops",
    name: str = "drops",
    kind: PairKind = "host",
    duration_s: float = 10,
    discovered: dict[str, str] | None = None,
    from_template: bool = False,
) -> Named:
    return Named(
        kind, tool, name, command, f"{tool}.py", duration_s, parameters, NAMES, discovered or {}, from_template
    )


def test_direction_stands_first_then_parameters_in_the_order_written() -> None:
    case = named("sudo t/drops.py", {"protocol": "tcp", "queue": "0", "direction": "rx"})
    assert case_keys([case]) == ["host-drops-rx_protocol_tcp_queue_0"]


def test_without_parameters_the_name_part_is_left_out() -> None:
    assert case_keys([named("sudo t/drops.py", {}), named("sudo t/null.sh", {}, tool="null", name="null")]) == [
        "host-drops",
        "host-null",
    ]


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("drops_rx_protocol_tcp", "rx_protocol_tcp"),
        ("rx_protocol_tcp", "rx_protocol_tcp"),
        ("drops_case_12_tcp_rx", "tcp_rx"),
        ("drops_vhost_pid_4302_category_data", "vhost_pid_vhost_pids.1_category_data"),
        ("drops_vhost_pid_999_category_data", "vhost_pid_vhost_pids.0_category_data"),
        ("drops_to_10.0.0.2", "to_host_REMOTE_IP"),
        ("drops_to_192.0.2.77", "to_addresses.0"),
        ("drops_20261122_slow", "slow"),
        ("drops_2026-11-22_slow", "slow"),
        ("drops with / odd [words]", "with_odd_words"),
    ],
)
def test_legacy_cases_are_known_by_their_name(name: str, part: str) -> None:
    assert case_keys([named("sudo t/drops.py", None, name=name)]) == [f"host-drops-{part}"]


def test_discovered_values_are_replaced_by_their_variable_and_index() -> None:
    cases = [named("drops.py", {"vhost_pid": pid, "sub": "rx"}) for pid in ("4301", "4302")]
    assert case_keys(cases) == ["host-drops-vhost_pid_vhost_pids.0_sub_rx", "host-drops-vhost_pid_vhost_pids.1_sub_rx"]


def test_pids_of_an_earlier_discovery_are_told_apart_by_their_rank() -> None:
    old = [named(f"drops.py {pid}", {"vhost_pid": pid}) for pid in ("881", "882", "881")]
    keys = case_keys([*old[:2], replace(old[2], parameters={"vhost_pid": "881", "sub": "tx"})])
    assert keys == [
        "host-drops-vhost_pid_vhost_pids.0",
        "host-drops-vhost_pid_vhost_pids.1",
        "host-drops-vhost_pid_vhost_pids.0_sub_tx",
    ]


def test_numbers_that_are_no_pids_stay_even_when_a_process_has_the_same_number() -> None:
    assert case_keys([named("drops.py", {"threshold": "4242"})]) == ["host-drops-threshold_4242"]


def test_addresses_never_get_into_a_key() -> None:
    cases = [named("drops.py", {"peer": peer}) for peer in ("10.0.0.2", "192.0.2.9", "fd00::9", "192.0.2.0/24")]
    assert case_keys(cases) == [
        "host-drops-peer_host_REMOTE_IP",
        "host-drops-peer_peers.0",
        "host-drops-peer_peers.1",
        "host-drops-peer_peers.2",
    ]


def test_addresses_inside_a_value_never_get_into_a_key() -> None:
    cases = [named("drops.py", {"filter": f"src {peer} and tcp"}) for peer in ("10.0.0.2", "192.0.2.9")]
    assert case_keys(cases) == [
        "host-drops-filter_src_host_REMOTE_IP_and_tcp",
        "host-drops-filter_src_filters.0_and_tcp",
    ]


def test_an_interface_is_a_variable_unless_the_user_wrote_it_into_a_template() -> None:
    found = named("drops.py", {"dev": "eth7"})
    assert case_keys([found]) == ["host-drops-dev_PHY_INTERFACE"]
    assert case_keys([replace(found, from_template=True)]) == ["host-drops-dev_eth7"]
    assert case_keys([replace(found, from_template=True, discovered={"dev": "PHY_INTERFACE"})]) == [
        "host-drops-dev_PHY_INTERFACE"
    ]


class TestDuplicates:
    def test_the_option_that_tells_them_apart_is_added(self) -> None:
        cases = [named("sudo t/drops.py --queue 0 --all"), named("sudo t/drops.py --queue 1 --all")]
        assert case_keys(cases) == ["host-drops-queue_0", "host-drops-queue_1"]

    def test_one_without_the_option_keeps_its_key(self) -> None:
        cases = [named("drops.py"), named("drops.py --verbose"), named("drops.py --level=2")]
        assert case_keys(cases) == ["host-drops", "host-drops-verbose", "host-drops-level_2"]

    def test_a_discovered_value_of_an_option_is_its_variable(self) -> None:
        cases = [named("drops.py --dev eth7"), named("drops.py --dev lo")]
        assert case_keys(cases) == ["host-drops-dev_PHY_INTERFACE", "host-drops-dev_lo"]

    def test_the_same_command_for_another_time(self) -> None:
        assert case_keys([named("drops.py"), named("drops.py", duration_s=60)]) == [
            "host-drops-duration_10",
            "host-drops-duration_60",
        ]

    def test_else_a_hash_of_the_command_that_holds_no_address(self) -> None:
        here = [named("a/drops.py --ip 10.0.0.1"), named("b/drops.py --ip 10.0.0.1")]
        keys = case_keys(here)
        assert all(re.fullmatch(r"host-drops-[0-9a-f]{6}", key) for key in keys)
        assert len(set(keys)) == 2
        elsewhere = [
            replace(case, command=case.command.replace("10.0.0.1", "10.5.5.5"), names={"10.5.5.5": "host_LOCAL_IP"})
            for case in here
        ]
        assert case_keys(elsewhere) == keys

    def test_equal_keys_are_left_only_for_equal_commands(self) -> None:
        assert len(set(case_keys([named("drops.py x"), named("drops.py x")]))) == 1
        assert len(set(case_keys([named("drops.py 4301"), named("drops.py {vhost_pids.0}")]))) == 2

    def test_the_same_tool_on_both_pairs_is_no_duplicate(self) -> None:
        assert case_keys([named("drops.py"), named("drops.py", kind="vm")]) == ["host-drops", "vm-drops"]


def test_keys_do_not_move_when_cases_are_added_elsewhere() -> None:
    cases = [named(f"drops.py -p {value}", {"protocol": value, "direction": "rx"}) for value in ("tcp", "udp")]
    more = [named("other.py", {"vhost_pid": "4301"}, tool="other"), *reversed(cases), named("third.py", tool="third")]
    assert set(case_keys(cases)) <= set(case_keys(more))


def test_a_key_can_be_the_name_of_a_folder() -> None:
    values = {"filter": "host 10.0.0.1 and (port 80 or port 443)", "path": "/sys/../x", "word": "größe"}
    (key,) = case_keys([named("drops.py", values)])
    assert re.fullmatch(r"[A-Za-z0-9_.+-]+", key)
    (long_key,) = case_keys([named("drops.py", {"filter": "x" * 500})])
    assert len(long_key) < 160
    assert len({*case_keys([named("drops.py", {"filter": "x" * 500 + end}) for end in "ab"])}) == 2
