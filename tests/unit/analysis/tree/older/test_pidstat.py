"""pidstat under other locales and options: every figure stands under its title, or its line is reported as damaged."""

from __future__ import annotations

import pytest
from helpers.damage import REPEATABLE, damaged
from hypothesis import given

from probecost.analysis.parsers.monitors import CpuSample, MemorySample, parse_time_ns
from probecost.analysis.parsers.text import ParseError
from probecost.analysis.tree.older import pidstat
from probecost.analysis.tree.older.local_time import read_date, read_time

TITLES = "UID PID %usr %system %guest %wait %CPU CPU minflt/s majflt/s VSZ RSS %MEM Command"
VALUES = "1000 4711 40.25 3.50 0.00 1.00 43.75 3 12.00 0.00 81920 40960 0.25 tracer"


def at(time: str, date: str = "2026-03-14") -> int:
    return parse_time_ns(date, time)


def log(date: str, *times: str, values: str = VALUES) -> str:
    lines = [f"Linux 6.1.0 (rack) \t{date} \t_x86_64_\t(8 CPU)", ""]
    for time in times:
        lines += [f"# Time {TITLES}", f"{time} {values}", ""]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("date", "time", "found"),
    [
        ("14/03/2026", "03:08:09 μμ", "15:08:09"),
        ("14/03/2026", "03:08:09 πμ", "03:08:09"),
        ("14.3.2026", "15.08.09", "15:08:09"),
        ("2026年03月14日", "15時08分09秒", "15:08:09"),
        ("2026. 03. 14.", "15시 08분 09초", "15:08:09"),
        ("2026年03月14日", "下午 03:08:09", "15:08:09"),
        ("2026年03月14日", "03時08分09秒 午後", "15:08:09"),
        ("Saturday 14 March 2026", "03:08:09  PM IST", "15:08:09"),
        ("Saturday 14 March 2026", "12:08:09  AM IST", "00:08:09"),
        ("14/03/26", "15:08:09", "15:08:09"),
        ("03/14/26", "15:08:09", "15:08:09"),
        ("03/14/2026", "03:08:09 PM", "15:08:09"),
        ("2026-03-14", "15 h 08 min 09 s", "15:08:09"),
        ("2026-03-14", "03:08:09 p. m.", "15:08:09"),
        ("2026-03-14", "15:08:09 -03", "15:08:09"),
    ],
)
@pytest.mark.parametrize("comma", [False, True])
def test_clocks_of_many_locales(date: str, time: str, found: str, comma: bool) -> None:
    parsed = pidstat.parse(log(date, time, values=VALUES.replace(".", ",") if comma else VALUES))
    assert parsed.cpu.samples == (CpuSample(at(found), 43.75),)
    assert parsed.memory.samples == (MemorySample(at(found), 81920, 40960, 0.25),)
    assert parsed.cpu.damaged_lines == 0


@pytest.mark.parametrize("time", ["03:08:09 xx", "03:08", "33:08:09", "03:08:09 04", "11 12 13", "noon", "13:08:09 PM"])
def test_a_clock_that_is_not_understood_costs_the_line(time: str) -> None:
    parsed = pidstat.parse(log("2026-03-14", "03:08:08", time))
    assert parsed.cpu.samples == (CpuSample(at("03:08:08"), 43.75),)
    assert parsed.cpu.damaged_lines == 1


@pytest.mark.parametrize(
    ("text", "is_month_first", "found"),
    [
        ("11/12/2026", True, "2026-11-12"),
        ("11/12/2026", False, "2026-12-11"),
        ("31/12/2026", True, "2026-12-31"),
        ("11.12.26", True, "2026-12-11"),
        ("2026/11/12", False, "2026-11-12"),
        ("12 Nov 2026", False, "2026-11-12"),
    ],
)
def test_dates(text: str, is_month_first: bool, found: str) -> None:
    assert str(read_date(text, is_month_first=is_month_first)) == found


def test_no_date() -> None:
    assert read_date("40/40/2026", is_month_first=True) is None
    assert read_date("samedi", is_month_first=True) is None
    assert read_time("") is None


def test_threads_count_within_their_process_alone() -> None:
    titles = TITLES.replace("PID", "TGID TID")
    rows = [VALUES.replace("4711", "4711 -"), VALUES.replace("4711", "- 4711"), VALUES.replace("4711", "- 4712")]
    lines = [f"# Time {titles}", *(f"15:08:09 {row}" for row in rows)]
    parsed = pidstat.parse("\n".join(lines), at("15:00:00"))
    assert parsed.cpu.samples == (CpuSample(at("15:08:09"), 43.75),)
    assert parsed.cpu.damaged_lines == 0


def test_processes_of_one_time_count_together() -> None:
    lines = [f"# Time {TITLES}", f"15:08:09 {VALUES}", f"15:08:09 {VALUES.replace('4711', '4712')}"]
    assert pidstat.parse("\n".join(lines), at("15:00:00")).cpu.samples == (CpuSample(at("15:08:09"), 87.5),)


@pytest.mark.parametrize("arguments", ["--columns PID COMM", "UID PID", "# Time PID", "15:08:10 0 PID Command"])
def test_arguments_are_no_titles(arguments: str) -> None:
    text = "\n".join([f"# Time {TITLES}", *(f"15:08:0{n} {VALUES} {arguments}" for n in range(5))])
    parsed = pidstat.parse(text, at("15:00:00"))
    assert [sample.cpu_percent_of_core for sample in parsed.cpu.samples] == [43.75] * 5
    assert (len(parsed.memory.samples), parsed.memory.damaged_lines) == (5, 0)


def test_user_names_stand_where_numbers_do() -> None:
    text = "\n".join([f"# Time {TITLES}".replace("UID", "USER"), f"03:08:09 PM {VALUES}".replace(" 1000 ", " probe ")])
    assert pidstat.parse(text, at("15:00:00")).cpu.samples == (CpuSample(at("15:08:09"), 43.75),)


def test_a_table_each_for_cpu_and_memory_with_averages() -> None:
    cpu, memory = "UID PID %usr %system %CPU CPU Command", "UID PID minflt/s majflt/s VSZ RSS %MEM Command"
    lines = [
        "Linux 6.1.0 (rack) \t14.03.2026 \t_x86_64_\t(8 CPU)",
        *("", f"15.08.09 {cpu}", "15.08.10 0 4711 40,25 3,50 43,75 3 tracer"),
        *("", f"15.08.09 {memory}", "15.08.10 0 4711 12,00 0,00 81920 40960 0,25 tracer"),
        *("", f"Keskiarvo: {cpu}", "Keskiarvo: 0 4711 1,00 1,00 2,00 - tracer"),
    ]
    parsed = pidstat.parse("\n".join(lines))
    assert parsed.cpu.samples == (CpuSample(at("15:08:10"), 43.75),)
    assert parsed.memory.samples == (MemorySample(at("15:08:10"), 81920, 40960, 0.25),)
    assert parsed.cpu.damaged_lines == 0


def test_rows_without_titles_and_rows_that_come_twice_are_damaged() -> None:
    row = f"15:08:09 {VALUES}"
    parsed = pidstat.parse("\n".join([row, f"# Time {TITLES}", row, row]), at("15:00:00"))
    assert parsed.cpu.samples == (CpuSample(at("15:08:09"), 43.75),)
    assert parsed.cpu.damaged_lines == 2
    with pytest.raises(ParseError, match="2 damaged"):
        pidstat.parse("\n".join([f"# Time {TITLES[:-9]}", row, row]), at("15:00:00"))


WHOLE = [
    "Linux 6.1.0 (rack) \t14/03/2026 \t_x86_64_\t(8 CPU)",
    *(
        line
        for second in range(8)
        for line in (
            "",
            f"# Time {TITLES}",
            f"03:08:0{second} μμ " + VALUES.replace("43.75", f"4{second}.75").replace("40960", f"4096{second}"),
        )
    ),
]


@REPEATABLE
@given(damaged(WHOLE))
def test_damage_is_reported_or_changes_no_figure(text: str) -> None:
    true = pidstat.parse("\n".join(WHOLE))
    try:
        found = pidstat.parse(text, at("15:08:00"))
    except ParseError:
        return
    if found.cpu.damaged_lines == 0:
        assert set(found.cpu.samples) <= set(true.cpu.samples)
        assert set(found.memory.samples) <= set(true.memory.samples)
