"""Perf tests from ``performance-test-spec.yaml`` of the legacy format, and notes on the parts without a counterpart.

probecost writes the generators' command lines itself (``measure.workloads``): it must know their ports, read their
output and end them. So the numbers of a template are taken over, and every other option in it becomes a note.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from probecost.config.commands import options, split
from probecost.config.documents import Document, KeyPath
from probecost.config.legacy.files import Commands, LegacyLatency, LegacyStreams, LegacyTest, LegacyTests
from probecost.config.perf_specs import DEFAULT_PORT_RANGE
from probecost.config.schema import MAX_STREAMS, LatencyTests, PerformanceTests, PerfTest, StreamTests
from probecost.config.values import is_bitrate

_LONG_OPTIONS = {
    "--bandwidth": "-b",
    "--bind": "-B",
    "--bitrate": "-b",
    "--client": "-c",
    "--daemon": "-D",
    "--json": "-J",
    "--length": "-l",
    "--one-off": "-1",
    "--parallel": "-P",
    "--port": "-p",
    "--server": "-s",
    "--time": "-t",
    "--udp": "-u",
}
#: Options that probecost uses too, with their values, by program. None: any value; it is read elsewhere.
_SAME: Mapping[str, Mapping[str, str | None]] = {
    "iperf3 -s": {"-s": "", "-p": "{port}", "-B": "{server_ip}", "-J": "", "-D": "", "-1": ""},
    "iperf3": {"-c": "{server_ip}", "-B": "{client_ip}", "-p": "{port}", "-t": None, "-b": None, "-J": "", "-P": None},
    "netserver": {"-L": "{server_ip}", "-p": "{port}", "-D": ""},
    "netperf": {"-H": "{server_ip}", "-L": "{client_ip}", "-p": "{port}", "-l": None},
}
#: Options whose values are read, by program.
_NUMBERS: Mapping[str, tuple[str, ...]] = {"iperf3": ("-t", "-b", "-P"), "netperf": ("-l",), "netserver": ()}
_LATENCY_FIELDS = {
    *("min_latency", "mean_latency", "max_latency", "p50_latency", "p90_latency", "p99_latency"),
    *("transaction_rate", "elapsed_time"),
}
_FIRST_PORT, _LAST_PORT = 1024, 65535
_PORTS = 100  # size of the block: each generator of each perf test gets its own port


@dataclass(frozen=True)
class Template:
    """A command template taken apart. ``before`` holds the words before the program, ``test`` the part after ``--``."""

    program: str
    before: str
    own: Mapping[str, str]
    test: Mapping[str, str]

    @classmethod
    def read(cls, command: str) -> Template:
        words = split(command)
        for index, word in enumerate(words):
            if word.lstrip("0123456789&").startswith((">", "|", "<")):
                words = words[:index]
                break
        known = [
            index for index, word in enumerate(words) if word.rpartition("/")[2] in ("iperf3", "netperf", "netserver")
        ]
        if not known:
            return cls(words[0] if words else "", "", {}, {})
        start = known[0]
        arguments = words[start + 1 :]
        cut = arguments.index("--") if "--" in arguments else len(arguments)
        own = {_LONG_OPTIONS.get(name, name): value for name, value in options(tuple(arguments[:cut])).items()}
        test = options(tuple(arguments[cut + 1 :]))
        return cls(words[start].rpartition("/")[2], " ".join(words[:start]), own, test)

    def number(self, option: str) -> float | None:
        """The value of an option if it is a number above 0, not a variable."""
        try:
            value = float(self.own.get(option, ""))
        except ValueError:
            return None
        return value if 0 < value < math.inf else None

    @property
    def streams(self) -> int | None:
        """Value of ``-P``, if probecost can measure with it."""
        value = self.number("-P")
        return int(value) if value is not None and value.is_integer() and value <= MAX_STREAMS else None

    @property
    def bitrate(self) -> str | None:
        """Value of ``-b``, if it is no variable."""
        value = self.own.get("-b", "")
        return value if is_bitrate(value) else None

    def is_read(self, option: str) -> bool:
        """Whether the number of an option can be taken over, or is a variable."""
        if "{" in self.own[option]:
            return True
        return {"-b": self.bitrate, "-P": self.streams}.get(option, self.number(option)) is not None


def performance_tests(tests: LegacyTests) -> PerformanceTests:
    """The perf tests of the file, in the unified form. Absent sections are not run."""
    return PerformanceTests(
        throughput=_streams(tests.throughput, "tcp"),
        latency=_latency(tests.latency),
        pps=_streams(tests.pps, "udp"),
        port_range=_port_range(tests),
    )


def _port_range(tests: LegacyTests) -> tuple[int, int] | None:
    """A block of ports from the lowest port in the file."""
    first = min((port for _, ports in _ports(tests) for port in ports), default=0)
    return (first, first + _PORTS - 1) if _FIRST_PORT <= first <= _LAST_PORT - _PORTS else None


def _streams(section: LegacyStreams | None, protocol: str) -> StreamTests | None:
    if section is None:
        return None

    def one(test: LegacyTest | None, *, multi: bool) -> PerfTest | None:
        if test is None:
            return None
        template = _client(test, section, protocol)
        bitrate = next(iter(test.target_bw), None) or (template.bitrate if template else None)
        streams = next(iter(test.streams), None) or next(iter(section.streams), None)
        return PerfTest(
            duration=test.duration or (template.number("-t") if template and section.duration is None else None),
            streams=(streams or (template.streams if template else None)) if multi else None,
            target_bw=bitrate,
        )

    return StreamTests(
        duration=section.duration,
        target_bw=next(iter(section.target_bw), None),
        single_stream=one(section.single_stream, multi=False),
        multi_stream=one(section.multi_stream, multi=True),
    )


def _latency(section: LegacyLatency | None) -> LatencyTests | None:
    if section is None:
        return None
    if section.tcp_rr or section.udp_rr:
        return LatencyTests(duration=section.duration, tcp_rr=section.tcp_rr, udp_rr=section.udp_rr)
    found = {
        "tcp_rr": section.client_cmd_tcp or section.client_cmd,
        "udp_rr": section.client_cmd_udp or section.client_cmd,
    }
    if not any(found.values()):
        return LatencyTests(duration=section.duration)

    def one(command: str | None) -> PerfTest | None:
        if command is None:
            return None
        return PerfTest(duration=None if section.duration else Template.read(command).number("-l"))

    return LatencyTests(duration=section.duration, tcp_rr=one(found["tcp_rr"]), udp_rr=one(found["udp_rr"]))


def _client(test: LegacyTest, section: LegacyStreams, protocol: str) -> Template | None:
    key = f"client_cmd_{protocol}"
    command = getattr(test, key) or test.client_cmd or getattr(section, key) or section.client_cmd
    return Template.read(command) if command else None


def _ports(tests: LegacyTests) -> Iterator[tuple[KeyPath, Sequence[int]]]:
    """The places of ports in the file, and the ports."""
    for path, part in _parts(tests):
        yield (*path, "ports"), part.ports
        if isinstance(part, LegacyTest) and part.base_port:
            yield (*path, "base_port"), (part.base_port,)


def _parts(tests: LegacyTests) -> Iterator[tuple[KeyPath, LegacyTest | LegacyLatency]]:
    for name in ("throughput", "latency", "pps"):
        section = getattr(tests, name)
        if section is None:
            continue
        yield ("performance_tests", name), section
        for key in ("single_stream", "multi_stream"):
            test = getattr(section, key, None)
            if test is not None:
                yield ("performance_tests", name, key), test


def perf_notes(tests: LegacyTests, document: Document) -> list[str]:
    """Settings of the file without a counterpart, each with its line."""
    return [text for path, part in _parts(tests) for text in _part_notes(path, part, document)] + _port_notes(
        tests, document
    )


def _part_notes(path: KeyPath, part: LegacyTest | LegacyLatency, document: Document) -> Iterator[str]:
    perf_type = str(path[1])
    if isinstance(part, LegacyTest):
        for key, values in (("target_bw", part.target_bw), ("streams", part.streams)):
            if len(values) > 1:
                text = f"only the first value is measured: {values[0]}"
                yield document.problem((*path, key), text, value=list(values))
    for key in Commands.model_fields:
        command = getattr(part, key)
        if command is None or key == "description":
            continue
        said = [*_command_notes(key, perf_type, command), *_duration_notes(key, part, command)]
        if said:
            yield document.problem((*path, key), "; ".join(said), value=command)


def _command_notes(key: str, perf_type: str, command: str) -> Iterator[str]:
    template = Template.read(command)
    wanted = "netserver" if key == "server_cmd" and perf_type == "latency" else "iperf3"
    if perf_type == "latency" and key != "server_cmd":
        wanted = "netperf"
    if template.program != wanted:
        yield f"not used: {perf_type} is measured with {wanted}"
        return
    unused = {"throughput": ("client_cmd_udp", "TCP"), "pps": ("client_cmd_tcp", "UDP")}.get(perf_type)
    if unused and key == unused[0]:
        yield f"not used: {perf_type} is measured over {unused[1]} only"
        return
    same = dict(_SAME["iperf3 -s" if key == "server_cmd" and wanted == "iperf3" else wanted])
    if perf_type == "pps" and wanted == "iperf3" and key != "server_cmd":
        same |= {"-u": "", "-l": "64"}
    if wanted == "netperf":
        same["-t"] = {"client_cmd_tcp": "TCP_RR", "client_cmd_udp": "UDP_RR"}.get(key)
    others = [
        f"{name} {value}".strip()
        for name, value in template.own.items()
        if not _is_same(same, name, value) or (name in _NUMBERS[wanted] and not template.is_read(name))
    ]
    others += _other_test_options(template)
    if template.before:
        others.insert(0, template.before)
    if others:
        yield f"not taken over: {', '.join(others)}"


def _is_same(same: Mapping[str, str | None], name: str, value: str) -> bool:
    return name in same and same[name] in (None, value)


def _other_test_options(template: Template) -> list[str]:
    """Options of netperf's test beyond what probecost records."""
    found = []
    for name, value in template.test.items():
        if name in ("-o", "-O", "-k"):
            fields = [field for field in value.split(",") if field.strip().lower() not in _LATENCY_FIELDS]
            found += [f"{name} {','.join(fields)}"] if fields else []
        elif (name, value) != ("-r", "1,1"):
            found.append(f"{name} {value}".strip())
    return found


def _duration_notes(key: str, part: LegacyTest | LegacyLatency, command: str) -> Iterator[str]:
    if key == "server_cmd" or part.duration is None:
        return
    template = Template.read(command)
    option = "-l" if template.program == "netperf" else "-t"
    written = template.number(option)
    if written is not None and written != part.duration:
        yield f"its {option} {written:g} is not taken over, duration: {part.duration:g} is"


def _port_notes(tests: LegacyTests, document: Document) -> list[str]:
    places = [path for path, ports in _ports(tests) if ports]
    if not places:
        return []
    first, last = _port_range(tests) or DEFAULT_PORT_RANGE
    text = f"not fixed here and below: any free ports from {first} to {last} are taken, netperf's too"
    return [document.problem(places[0], text, value=document.get(places[0]))]
