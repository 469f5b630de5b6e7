"""The lab's own tools, each with real traffic between the hosts: they print what they say they print. Needs root."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from probecost import PACKAGE
from probecost.lab import control
from probecost.lab.addresses import addresses_of
from probecost.lab.places import Place
from probecost.lab.state import load
from probecost.lab.waiting import Deadline, wait_until

TOOLS = PACKAGE / "lab" / "tools"
SEEN_S = 30.0
LINE = re.compile(r"(\d+) (rx|tx) (\S+) (\d+) (\S+) > (\S+)")
# One packet of 100 bytes to a port at which somebody reads (5999) or nobody does (5998).
SEND_UDP = "python3 -c 'import socket; socket.socket(2, 2).sendto(bytes(100), (\"{address}\", {port}))'"
READ_UDP = """python3 -c '
import socket
reader = socket.socket(2, 2)
reader.bind(("{address}", 5999))
while True:
    reader.recv(2000)
'"""
SINK_TCP = """python3 -c '
import socket
server = socket.create_server(("{address}", 5999))
while True:
    with server.accept()[0] as connection:
        while connection.recv(65536): pass
'"""
SEND_TCP = "python3 -c 'import socket; socket.create_connection((\"{address}\", 5999)).sendall(bytes(50000))'"


class Hosts:
    """SSH to the hosts of one lab, and its test addresses."""

    def __init__(self, place: Place) -> None:
        self.ssh = ["ssh", "-F", str(place.ssh_config())]
        recorded = load(place)
        assert recorded is not None
        server, client = addresses_of(recorded.index).hosts
        self.server_ip, self.client_ip = str(server.test_ip), str(client.test_ip)

    def run(self, host: str, command: str) -> str:
        done = subprocess.run([*self.ssh, host, command], capture_output=True, text=True, check=False, timeout=60)
        return done.stdout

    def all_is_read(self) -> bool:
        """Whether nothing waits in a socket of port 5999 for its reader, which may have to wait for a CPU."""
        sockets = [line.split() for line in self.run("host-server", "ss -Hnaut").splitlines() if ":5999" in line]
        return bool(sockets) and all(words[2] == "0" for words in sockets)

    @contextmanager
    def running(self, host: str, command: str, output: Path) -> Iterator[None]:
        """Run a command until the block ends, by SIGINT as a user would; its standard output goes to ``output``."""
        record = "sh -c 'echo $$ > pid.$0; exec \"$@\"' "
        name = output.name
        with output.open("wb") as file:
            user = subprocess.Popen(
                [*self.ssh, host, f"{record}{name} {command}"],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.DEVNULL,
            )
            try:
                yield
            finally:
                self.run(host, f"sudo -n kill -INT $(cat pid.{name}); rm pid.{name}")
                user.wait(timeout=20)


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """A lab with the tools in its workdirs and somebody reading UDP and TCP at port 5999 of the server."""
    if os.geteuid() != 0:
        pytest.fail("these tests need root: make test uses sudo")
    folder = tmp_path_factory.mktemp("lab")
    with control.acquire("lab", folder / "config"):
        hosts = Hosts(Place.of("lab", folder / "config"))
        pack = ["tar", "-C", str(TOOLS), "--exclude", "__pycache__", "-c", "."]
        packed = subprocess.run(pack, capture_output=True, check=True)
        subprocess.run([*hosts.ssh, "host-server", "tar -C work -x"], input=packed.stdout, check=True)
        with (
            hosts.running("host-server", READ_UDP.format(address=hosts.server_ip), folder / "udp"),
            hosts.running("host-server", SINK_TCP.format(address=hosts.server_ip), folder / "tcp"),
        ):
            yield hosts


@pytest.fixture
def output_with_traffic(hosts: Hosts, tmp_path: Path) -> Callable[..., str]:
    """Runs a tool on the server while the client sends, until the tool has written something that matches.

    Then the client sends five times more: whatever the tool missed while it attached, these it sees whole.
    """

    def run(tool: str, *arguments: str, send: str, until: str) -> str:
        output = tmp_path / Path(tool).stem
        traffic = send.format(address=hosts.server_ip, port=5999)
        with hosts.running("host-server", f"sudo -n bpftrace -B line work/{tool} {' '.join(arguments)}", output):

            def send_five() -> None:
                hosts.run("host-client", f"for i in 1 2 3 4 5; do {traffic}; done")

            def seen() -> bool:
                send_five()
                return re.search(until, output.read_text()) is not None

            assert wait_until(seen, Deadline.after(SEEN_S)), output.read_text()
            send_five()
            assert wait_until(lambda: hosts.all_is_read(), Deadline.after(SEEN_S))
        return output.read_text()

    return run


@pytest.mark.parametrize("direction", ["rx", "tx"])
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_packet_print(hosts: Hosts, output_with_traffic: Callable[..., str], protocol: str, direction: str) -> None:
    printed = output_with_traffic(
        "packet-trace/packet_print.bt",
        protocol,
        direction,
        send=SEND_TCP if protocol == "tcp" else SEND_UDP,
        until=f"{direction} eth1 .*{hosts.client_ip} > {hosts.server_ip}",
    )
    lines = [LINE.fullmatch(line) for line in printed.splitlines()[1:] if line.strip()]
    assert lines
    assert None not in lines
    assert {line.group(2) for line in lines if line} == {direction}
    ours = {hosts.server_ip, hosts.client_ip}  # one kernel: the packets of other labs are seen too
    on_test_link = [line for line in lines if line and line.group(3) == "eth1" and line.group(5) in ours]
    lengths = {int(line.group(4)) for line in on_test_link}
    if protocol == "udp":
        assert lengths == {100 + 8 + 20 + (14 if direction == "tx" else 0)}  # one line per packet, of the right length
    else:
        assert max(lengths) > 1000
        assert {line.group(6) for line in on_test_link} == ours  # data and acknowledgements


def test_packet_print_filters_by_protocol(hosts: Hosts, output_with_traffic: Callable[..., str]) -> None:
    both = f"{SEND_UDP}; {SEND_TCP}"
    printed = output_with_traffic("packet-trace/packet_print.bt", "udp", "rx", send=both, until="rx eth1 128 ")
    ours = [line for line in LINE.finditer(printed) if line.group(6) == hosts.server_ip]
    assert {line.group(4) for line in ours} == {"128"}


def test_eth_drop_counts_what_nobody_reads(output_with_traffic: Callable[..., str]) -> None:
    to_nobody = SEND_UDP.replace("{port}", "5998")
    printed = output_with_traffic("packet-drop/eth_drop.bt", "udp", "rx", send=to_nobody, until=r"@\[udp, rx, \d+\]")
    counts = [int(count) for count in re.findall(r"@\[udp, rx, \d+\]: (\d+)", printed)]
    assert sum(counts) >= 5
    assert re.search(r"^\d\d:\d\d:\d\d$", printed, re.MULTILINE)


def test_eth_drop_counts_only_what_is_asked_for(output_with_traffic: Callable[..., str]) -> None:
    to_nobody = SEND_UDP.replace("{port}", "5998")
    printed = output_with_traffic("packet-drop/eth_drop.bt", "udp", "tx", send=to_nobody, until=r"\d\d:\d\d:\d\d")
    assert "@[udp, rx" not in printed
    assert "@[tcp" not in printed


@pytest.mark.parametrize("direction", ["rx", "tx"])
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_latency_summary(output_with_traffic: Callable[..., str], protocol: str, direction: str) -> None:
    printed = output_with_traffic(
        "latency/system_network_latency_summary.bt",
        protocol,
        direction,
        send=SEND_TCP if protocol == "tcp" else SEND_UDP,
        until=r"@latency_ns:",
    )
    buckets = re.findall(r"^\[(\S+), (\S+)\)\s+(\d+) \|", printed, re.MULTILINE)
    assert sum(int(bucket[2]) for bucket in buckets) >= 5
    assert "@start" not in printed


def test_null_only_sleeps(hosts: Hosts, tmp_path: Path) -> None:
    output = tmp_path / "null"
    with hosts.running("host-server", "sudo -n sh work/control/null.sh", output):
        assert wait_until(lambda: "sleep infinity" in hosts.run("host-server", "ps -e -o args="), Deadline.after(5))
    assert "sleep infinity" not in hosts.run("host-server", "ps -e -o args=")
    assert output.read_text() == ""


def test_without_options_output_comes_in_blocks_and_at_the_end(hosts: Hosts, tmp_path: Path) -> None:
    """Users do not give ``-B line``: nothing may be lost when the tool is stopped."""
    output = tmp_path / "blocks"
    packets = 200
    sending = f'socket.socket(2, 2).sendto(bytes(100), ("{hosts.server_ip}", 5999))'
    many = f"python3 -c 'import socket; [{sending} for _ in range({packets})]'"
    with hosts.running("host-server", "sudo -n bpftrace work/packet-trace/packet_print.bt udp rx", output):

        def first_block() -> bool:
            hosts.run("host-client", many)
            return f"> {hosts.server_ip}" in output.read_text()

        assert wait_until(first_block, Deadline.after(SEEN_S))
        hosts.run("host-client", many)
    ours = [line for line in LINE.finditer(output.read_text()) if line.group(6) == hosts.server_ip]
    assert len(ours) >= packets
    assert len({line.group(0) for line in ours}) == len(ours)


EVENTS = "sudo -n find /proc -maxdepth 3 -path '*/fd/*' -lname 'anon_inode:*perf_event*' -printf '%l\\n' 2>&1"
DOSE = re.compile(r"dose ns=(\d+) runs=(\d+) burned_ns=(\d+) mean_ns=(\d+\.\d) received=(\d+) elapsed_s=\d+\.\d{6}\n")


@pytest.mark.parametrize("ns", [0, 500, 4000])
def test_dose_burns_what_it_says_for_each_packet(hosts: Hosts, tmp_path: Path, ns: int) -> None:
    output, packets = tmp_path / f"dose{ns}", 500
    sending = f'socket.socket(2, 2).sendto(bytes(100), ("{hosts.server_ip}", 5999))'
    with hosts.running("host-server", f"sudo -n python3 work/control/dose.py --ns {ns} --interface eth1", output):
        assert wait_until(lambda: "perf_event" in hosts.run("host-server", EVENTS), Deadline.after(SEEN_S))
        hosts.run("host-client", f"python3 -c 'import socket; [{sending} for _ in range({packets})]'")
    found = DOSE.fullmatch(output.read_text())
    assert found, output.read_text()
    dose, runs, burned_ns, received = (int(found[index]) for index in (1, 2, 3, 5))
    assert dose == ns
    assert runs >= received >= packets  # a packet may have an answer, which is a run of the other host
    assert ns <= burned_ns / runs < 1.5 * ns + 1000  # what interrupts take from it, on a busy machine, is burned too
    assert not hosts.run("host-server", "find work -name __pycache__")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("sudo -n python3 work/control/dose.py --ns 1 --point net:no_such", "no tracepoint net:no_such"),
        ("sudo -n python3 work/control/dose.py --ns 1 --interface eth9", "there is no interface eth9"),
        ("sudo -n python3 work/control/dose.py --ns 1 --interface lo --point sched:sched_switch", "leave --interface"),
        ("python3 work/control/dose.py --ns 1", "root"),
    ],
)
def test_dose_says_why_it_cannot(hosts: Hosts, arguments: str, says: str) -> None:
    said = hosts.run("host-server", f"{arguments} 2>&1; echo code $?")
    assert says in said
    assert "Traceback" not in said
    assert said.endswith("code 1\n")
