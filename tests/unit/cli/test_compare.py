"""``probecost compare`` on trees of real files: what it finds, what it refuses, and with which exit code."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from helpers.analysis_tree import CLIENT, SERVER, Tree, netperf, tcp_client

from probecost.cli.main import main
from probecost.results.layout import CaseFolder

Text = pytest.CaptureFixture[str]
WIGGLE_US = (0.0, 0.2, -0.1, 0.1, -0.2, 0.15, -0.05, 0.05, 0.12, -0.15)
NULL, PRINT = CaseFolder("null", 1, "aaaaaa"), CaseFolder("packet_print", 2, "bbbbbb")
KEYS = {"host-null": NULL, "host-packet_print": PRINT}


def run(
    folder: Path, print_us: float, *, null_us: float = 20.0, units: int = 8, keys: Mapping[str, CaseFolder] = KEYS,
    options: Mapping[str, Any] | None = None, sha256: str = "a" * 64, shift: int = 0,
    conn_type: str = "tcp_rr", **metadata: Any,
) -> Path:  # fmt: skip
    """TCP RR of two tools, 20 us without them; ``shift`` gives the units another noise."""
    tree = Tree(folder, units=units)
    for key, case in keys.items():
        for unit in range(1, units + 1):
            mean_us = (null_us if case is NULL else print_us) + WIGGLE_US[(unit - 1 + shift) % len(WIGGLE_US)]
            tool = {"file": f"{case.tool_id}.bt", "sha256": sha256}
            more: dict[str, Any] = {"case": case, "case_key": key, **metadata}
            tree.perf_test("baseline", unit, "latency", conn_type, client=[netperf(20)], **more)
            tree.perf_test("tool", unit, "latency", conn_type, client=[netperf(mean_us)], tool=tool, **more)
    recorded = {"units": units, "seed": 7, "baseline": "paired", **(options or {})}
    tree.run_file({key: {"outcome": "passed"} for key in keys}, run_id=folder.name, options=recorded)
    return tree.root


def facts(**changes: Any) -> dict[str, Any]:
    return {node: {"hostname": node, "kernel": "6.1.0-test", "cpus": 2, **changes} for node in (SERVER, CLIENT)}


def compare(*arguments: object) -> int:
    return main(["compare", *map(str, arguments)])


def test_a_tool_that_became_dearer_is_found_and_the_null_case_stands_last(tmp_path: Path, capsys: Text) -> None:
    a, b = run(tmp_path / "a", 30.0), run(tmp_path / "b", 33.0, sha256="b" * 64, shift=3)
    assert compare(a, b) == 0
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    row = next(line for line in lines if line.startswith("host-packet_print  latency tcp_rr"))
    assert "8, 8" in row
    assert "OVERHEAD +10." in row or "OVERHEAD +9.9" in row
    assert lines.index(row) < next(at for at, line in enumerate(lines) if line.startswith("host-null  "))
    assert "host-null only sleeps, and no change of it is claimed" in printed
    assert f"packet_print.bt (SHA-256 {'a' * 12}) -> packet_print.bt (SHA-256 {'b' * 12})" in printed


def test_equal_runs_claim_nothing_and_say_that_the_tools_are_the_same(tmp_path: Path, capsys: Text) -> None:
    a, b = run(tmp_path / "a", 30.0), run(tmp_path / "b", 30.0, shift=3)
    assert compare(a, b, "--fail-on-worse") == 0
    printed = capsys.readouterr().out
    assert printed.count("NEGLIGIBLE ≤") == 2
    assert "the tools' files and commands are the same in both runs" in printed


def test_what_is_negligible_is_said_by_the_settings(tmp_path: Path, capsys: Text) -> None:
    a, b, settings = run(tmp_path / "a", 30.0), run(tmp_path / "b", 33.0), tmp_path / "mine.yaml"
    settings.write_text("margin_pct: 50\n")
    assert compare(a, b, "--config", settings, "--fail-on-worse") == 0
    assert capsys.readouterr().out.count("NEGLIGIBLE ≤") == 2


def test_without_settings_those_count_that_both_runs_name(tmp_path: Path, capsys: Text) -> None:
    settings = tmp_path / "mine.yaml"
    settings.write_text("margin_pct: 50\n")
    a, b = (
        run(tmp_path / name, us, options={"analysis_config": str(settings)}) for name, us in (("a", 30.0), ("b", 33.0))
    )
    assert compare(a, b, "--fail-on-worse") == 0
    assert capsys.readouterr().out.count("NEGLIGIBLE ≤") == 2
    settings.unlink()
    assert compare(a, b) == 4
    assert f"{a} was judged by {settings}, which is gone" in capsys.readouterr().err


def test_runs_that_were_judged_by_different_settings_are_named(tmp_path: Path, capsys: Text) -> None:
    settings = tmp_path / "mine.yaml"
    settings.write_text("margin_pct: 50\n")
    a, b = run(tmp_path / "a", 30.0, options={"analysis_config": str(settings)}), run(tmp_path / "b", 33.0)
    assert compare(a, b) == 4
    message = capsys.readouterr().err
    assert f"{a} was judged by {settings}" in message
    assert f"{b} was judged by the default settings" in message
    assert "--config FILE" in message


def test_a_tool_that_became_cheaper_is_a_speed_up(tmp_path: Path, capsys: Text) -> None:
    assert compare(run(tmp_path / "a", 33.0), run(tmp_path / "b", 30.0), "--fail-on-worse") == 0
    assert "SPEED-UP -9.1 % [" in capsys.readouterr().out


def test_worse_fails_only_when_asked(tmp_path: Path) -> None:
    a, b = run(tmp_path / "a", 30.0), run(tmp_path / "b", 33.0)
    assert compare(a, b) == 0
    assert compare(a, b, "--fail-on-worse") == 1
    assert compare(b, a, "--fail-on-worse") == 0


@pytest.mark.parametrize(
    ("kind", "what", "metadata", "options"),
    [
        ("kernel", "host-server: kernel: 6.1.0-test -> 6.12.0", {"facts": facts(kernel="6.12.0")}, {}),
        ("bed", "host-client: number of CPUs: 2 -> 4", {"facts": facts(cpus=4)}, {}),
        ("generators", "host-client: netperf: 2.7.0 -> 2.7.1", {"facts": facts(netperf="2.7.1")}, {}),
        ("options", "host latency tcp_rr: 1 s, 1 stream -> 1.05 s, 1 stream", {"duration_s": 1.05}, {}),
        ("options", "option baseline: paired -> shared", {}, {"baseline": "shared"}),
        ("options", "option load: not given -> 50%", {}, {"load": "50%"}),
    ],
)
def test_other_conditions_are_refused_until_accepted(
    tmp_path: Path, capsys: Text, kind: str, what: str, metadata: dict[str, Any], options: dict[str, Any]
) -> None:
    a = run(tmp_path / "a", 30.0, facts=facts(netperf="2.7.0"))
    b = run(tmp_path / "b", 30.0, options=options, **{"facts": facts(netperf="2.7.0"), **metadata})
    assert compare(a, b) == 4
    error = capsys.readouterr().err
    assert f"{what}  (--across {kind})" in error
    other = "bed" if kind != "bed" else "kernel"
    assert compare(a, b, "--across", other) == 4
    capsys.readouterr()
    for accept in (["--across", kind], ["--allow-different"]):
        assert compare(a, b, *accept) == 0
        assert f"Differs, accepted: {what}" in capsys.readouterr().out.replace("lab: host", "host")


@pytest.mark.parametrize(("rate", "code"), [(1.05e9, 0), (1.2e9, 4), (0.8e9, 4)])
def test_a_share_of_the_maximum_is_compared_by_its_rate(tmp_path: Path, capsys: Text, rate: float, code: int) -> None:
    """The perf test has the same name in both runs; what half of the maximum was, each calibration says for itself."""
    runs = [
        run(
            tmp_path / name, 30.0, conn_type="tcp_rr-load50", background=tcp_client(bps, bps, 1.0), background_bps=bps
        )
        for name, bps in (("a", 1e9), ("b", rate))
    ]  # fmt: skip
    assert compare(*runs) == code
    said = f"load of host latency tcp_rr-load50: 1e+09/s -> {rate:.4g}/s"
    printed = capsys.readouterr()
    assert said + ", near enough to compare" in printed.out if code == 0 else said in printed.err
    assert compare(*runs, "--across", "options") == 0


def test_only_the_test_at_another_load_is_left_out(tmp_path: Path, capsys: Text) -> None:
    runs = []
    for name, bps in (("a", 1e9), ("b", 1.2e9)):
        root = run(tmp_path / name, 30.0)
        load = {"background": tcp_client(bps, bps, 1.0), "background_bps": bps}
        other = run(tmp_path / f"load-{name}", 30.0, conn_type="tcp_rr-load50", **load)
        shutil.copytree(other, root, dirs_exist_ok=True)
        runs.append(root)
    assert compare(*runs) == 0
    printed = capsys.readouterr().out
    assert "Note: left out, lab: load of host latency tcp_rr-load50: 1e+09/s -> 1.2e+09/s: --across options" in printed
    rows = [line for line in printed.splitlines() if "tcp_rr" in line.lower() and "left out" not in line]
    assert rows
    assert not [line for line in rows if "load50" in line]
    assert "accepted" not in printed
    assert compare(*runs, "--across", "options") == 0
    assert "left out" not in capsys.readouterr().out


def test_another_boot_of_the_same_machine_is_the_same_bed(tmp_path: Path) -> None:
    boots = [facts(boot_id=f"boot-{n}", pid_namespace=f"pid:[{n}]") for n in (1, 2)]
    assert compare(run(tmp_path / "a", 30.0, facts=boots[0]), run(tmp_path / "b", 30.0, facts=boots[1])) == 0


def test_order_seed_and_number_of_units_are_no_conditions(tmp_path: Path) -> None:
    assert (
        compare(
            run(tmp_path / "a", 30.0),
            run(
                tmp_path / "b",
                30.0,
                units=10,
                options={"seed": 8, "max_failures_per_tool": 3, "wait_for_reboot_s": 60.0},
            ),
        )
        == 0
    )


def test_another_version_of_probecost_and_facts_that_are_missing_are_remarks(tmp_path: Path, capsys: Text) -> None:
    a, b = run(tmp_path / "a", 30.0), run(tmp_path / "b", 30.0, facts={})
    document = json.loads((b / "run.json").read_text())
    (b / "run.json").write_text(json.dumps({**document, "probecost": "0.2.0"}))
    assert compare(a, b) == 0
    assert "Note: probecost: 0.1.0 -> 0.2.0" in capsys.readouterr().out
    c = run(tmp_path / "c", 30.0, facts=facts(kernel=""))
    assert compare(a, c) == 0
    assert "host-server: kernel is not recorded in run B" in capsys.readouterr().out


def test_few_units_are_an_estimate_without_a_verdict(tmp_path: Path, capsys: Text) -> None:
    assert compare(run(tmp_path / "a", 30.0), run(tmp_path / "b", 45.0, units=5), "--fail-on-worse") == 0
    printed = capsys.readouterr().out
    assert "All tests: run B has 5 units: below 8 there is an estimate and no verdict" in printed
    assert "(+50." in printed or "(+49." in printed
    assert "nothing is proven of this comparison" in printed


def test_cases_of_one_run_are_listed(tmp_path: Path, capsys: Text) -> None:
    a = run(tmp_path / "a", 30.0)
    b = run(tmp_path / "b", 30.0, keys={"host-null": NULL, "host-other": CaseFolder("other", 3, "cccccc")})
    assert compare(a, b) == 0
    printed = capsys.readouterr().out
    assert "Only in A: host-packet_print" in printed
    assert "Only in B: host-other" in printed


def test_a_gate_that_failed_in_one_run_is_invalid_and_names_the_run(tmp_path: Path, capsys: Text) -> None:
    a, b = run(tmp_path / "a", 30.0), run(tmp_path / "b", 45.0, units=16)
    for file in b.rglob("ebpf/packet_print*/**/metadata_*.json"):
        document = json.loads(file.read_text())
        if document["unit"] > 8:
            file.write_text(json.dumps({**document, "error": "netperf: no answer"}))
    assert compare(a, b, "--fail-on-worse") == 0
    printed = capsys.readouterr().out
    assert (
        "host-packet_print, latency tcp_rr: run B: void visits prefer an arm: 0 of the baseline, 8 of the tool"
        in printed
    )
    assert "OVERHEAD +" not in printed


def test_a_damaged_tree_is_used_as_far_as_it_goes(tmp_path: Path, capsys: Text) -> None:
    a, b = run(tmp_path / "a", 30.0, units=9), run(tmp_path / "b", 33.0, units=9)
    next(b.rglob("ebpf/packet_print*/**/latency_tcp_rr.txt")).unlink()
    (b / "run.json").write_text('{"run_id": ')
    assert compare(a, b) == 0
    printed = capsys.readouterr().out
    assert "9, 8" in printed
    assert "run B has no options in its run.json" in printed
    assert "missing data in B" in printed


def test_nothing_in_common_is_an_error_that_says_what_each_run_has(tmp_path: Path, capsys: Text) -> None:
    a = run(tmp_path / "a", 30.0, keys={"host-null": NULL})
    b = run(tmp_path / "b", 30.0, keys={"host-packet_print": PRINT})
    assert compare(a, b) == 4
    error = capsys.readouterr().err
    assert "there is nothing to compare" in error
    assert "only lab host-null" in error
    assert "only lab host-packet_print" in error


def test_folders_without_results_are_refused(tmp_path: Path, capsys: Text) -> None:
    a = run(tmp_path / "a", 30.0)
    (tmp_path / "docs").mkdir()
    for pair in ((a, tmp_path / "docs"), (tmp_path / "docs", a)):
        assert compare(*pair) == 4
        assert f"{tmp_path / 'docs'}: is no results folder" in capsys.readouterr().err


def test_a_link_is_followed_and_a_run_is_not_compared_with_itself(tmp_path: Path, capsys: Text) -> None:
    a, b = run(tmp_path / "a", 30.0), run(tmp_path / "b", 30.0)
    latest = tmp_path / "latest"
    latest.symlink_to(b)
    assert compare(a, latest) == 0
    assert compare(b, latest) == 4
    assert "are the same run" in capsys.readouterr().err
    assert compare(a, tmp_path / "nowhere") == 4


def test_the_files(tmp_path: Path) -> None:
    a, b = run(tmp_path / "a", 30.0), run(tmp_path / "b", 33.0, shift=3)
    assert compare(a, b, "--output-dir", tmp_path / "out") == 0
    with (tmp_path / "out" / "compare.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 7
    row = next(row for row in rows if row["case_key"] == "host-packet_print" and row["primary"] == "yes")
    assert (row["run_id_a"], row["run_id_b"], row["metric"]) == ("a", "b", "mean_us")
    assert (row["n_units_a"], row["n_units_b"], row["family_m"], row["verdict"]) == ("8", "8", "2", "OVERHEAD")
    factors = [1 + float(row[name]) / 100 for name in ("overhead_a_pct", "overhead_b_pct", "change_pct")]
    assert factors[1] / factors[0] == pytest.approx(factors[2])
    assert float(row["ci_low_pct"]) < float(row["change_pct"]) < float(row["ci_high_pct"])
    page = (tmp_path / "out" / "compare.md").read_text()
    assert "| host-packet_print | latency tcp\\_rr |" in page or "| host-packet_print | latency tcp_rr |" in page
    assert page.index("host-packet_print | latency") < page.index("host-null | latency")
