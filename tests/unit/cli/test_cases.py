import json
from pathlib import Path
from typing import Any

import pytest
from helpers.legacy_folder import make_legacy

from probecost.cli import bootstrap as bootstrap_verb
from probecost.cli.main import main
from probecost.errors import UnreachableError
from probecost.remote.questions import Questions

Text = pytest.CaptureFixture[str]

MINIMAL = """\
environment: bed
nodes:
  host-server: {ssh: 192.0.2.1, role: host, test_ip: 10.0.0.1}
  host-client: {ssh: 192.0.2.2, role: host, test_ip: 10.0.0.2}
"""


def collect(questions: Questions) -> dict[str, Any]:
    addresses = {"host-server": "10.0.0.1", "host-client": "10.0.0.2"}
    return {
        node.name: {
            "facts": {"kernel": "6.1.0", "interfaces": [{"name": "eth5", "addresses": [f"{addresses[node.name]}/24"]}]},
            "links": {"eth5": {"device": True}},
        }
        for node in questions.hosts
    }


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "config" / "my-bed"
    folder.mkdir(parents=True)
    (folder / "minimal-input.yaml").write_text(MINIMAL)
    monkeypatch.setattr(bootstrap_verb, "node_probe", lambda *, accept_new: collect)
    return tmp_path / "config"


class TestBootstrap:
    def test_by_file(self, config: Path, capsys: Text) -> None:
        assert main(["bootstrap", "--minimal-input", str(config / "my-bed/minimal-input.yaml")]) == 0
        printed = capsys.readouterr().out
        assert "10.0.0.1 on eth5" in printed
        assert f"written: {config / 'my-bed/bed-full.yaml'}" in printed
        assert printed.endswith("bed: 13 cases\n")

    def test_by_environment_into_another_folder_and_dry(self, config: Path, tmp_path: Path, capsys: Text) -> None:
        target = tmp_path / "out"
        arguments = ["bootstrap", "--env", "my-bed", "--config-dir", str(config), "--output-dir", str(target)]
        assert main([*arguments, "--dry-run"]) == 0
        assert "(nothing was written)" in capsys.readouterr().out
        assert not target.exists()
        assert main(arguments) == 0
        assert (target / "bed-cases.json").is_file()

    def test_an_edited_file_is_4_and_shows_the_difference(self, config: Path, capsys: Text) -> None:
        arguments = ["bootstrap", "--env", "my-bed", "--config-dir", str(config)]
        main(arguments)
        cases = config / "my-bed/bed-cases.json"
        cases.write_text(cases.read_text().replace("host-server", "x").replace("sudo sh", "sudo sh -x"))
        capsys.readouterr()
        assert main(arguments) == 4
        printed = capsys.readouterr()
        assert "would be written" not in printed.out
        message = printed.err
        assert '-      "command": "sudo sh -x lab/tools/control/null.sh",' in message
        minimal = config / "my-bed/minimal-input.yaml"
        assert message.endswith(f"Overwrite it with: probecost bootstrap --minimal-input {minimal} --force\n")
        assert main([*arguments, "--force"]) == 0

    def test_the_way_to_overwrite_names_the_folder_too(self, config: Path, tmp_path: Path, capsys: Text) -> None:
        target = tmp_path / "the out"
        arguments = ["bootstrap", "--env", "my-bed", "--config-dir", str(config), "--output-dir", str(target)]
        main(arguments)
        (target / "bed-cases.json").write_text("[]")
        assert main(arguments) == 4
        assert f" --output-dir '{target}' --force\n" in capsys.readouterr().err

    def test_what_each_node_has_and_what_the_path_is(self, config: Path, capsys: Text) -> None:
        main(["bootstrap", "--env", "my-bed", "--config-dir", str(config)])
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].split() == ["NODE", "ROLE", "SSH", "KERNEL", "PYTHON", "IPERF3", "NETPERF"]
        assert lines[4].split() == ["NODE", "TEST", "ADDRESS", "UPLINK"]
        assert lines[5].split() == ["host-server", "10.0.0.1", "on", "eth5", "eth5"]

    def test_one_case_is_one_case(self, config: Path, capsys: Text) -> None:
        tools = "tools: {drop: [packet-drop, packet-trace, latency]}\n"
        (config / "my-bed/minimal-input.yaml").write_text(MINIMAL + tools)
        main(["bootstrap", "--env", "my-bed", "--config-dir", str(config)])
        assert capsys.readouterr().out.endswith("bed: 1 case\n")
        main(["cases", "--env", "my-bed", "--config-dir", str(config)])
        assert "bed: 1 of 1 case\n" in capsys.readouterr().out

    def test_a_node_that_does_not_answer_is_1_and_the_others_are_shown(
        self, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: Text
    ) -> None:
        def partly(questions: Questions) -> dict[str, Any]:
            return {**collect(questions), "host-client": UnreachableError("host-client", "does not answer")}

        monkeypatch.setattr(bootstrap_verb, "node_probe", lambda *, accept_new: partly)
        assert main(["bootstrap", "--env", "my-bed", "--config-dir", str(config)]) == 1
        printed = capsys.readouterr()
        assert "10.0.0.1 on eth5" in printed.out
        assert "node host-client: does not answer" in printed.err

    @pytest.mark.parametrize("arguments", [[], ["--env", "a", "--minimal-input", "b"]])
    def test_one_of_file_and_environment(self, arguments: list[str], capsys: Text) -> None:
        assert main(["bootstrap", *arguments]) == 4
        assert "either --minimal-input FILE or --env NAME" in capsys.readouterr().err

    def test_a_file_that_is_not_there(self, capsys: Text) -> None:
        assert main(["bootstrap", "--minimal-input", "nowhere.yaml"]) == 4
        assert "nowhere.yaml: no such file" in capsys.readouterr().err


class TestCases:
    @pytest.fixture
    def known(self, config: Path, capsys: Text) -> list[str]:
        assert main(["bootstrap", "--env", "my-bed", "--config-dir", str(config)]) == 0
        capsys.readouterr()
        return ["cases", "--env", "bed", "--config-dir", str(config)]

    def test_table(self, known: list[str], capsys: Text) -> None:
        assert main([*known, "--units", "1", "-k", "eth_drop and rx"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].split() == ["ID", "CASE", "CATEGORY", "COMMAND"]
        assert lines[1].split()[:2] == ["1", "host-eth_drop-rx_protocol_tcp"]
        assert "bed: 2 of 13 cases" in lines
        assert any(line.startswith("estimated time: 6 min") for line in lines)
        assert not any("differs" in line for line in lines)

    def test_a_selection_of_nothing_is_4(self, known: list[str], capsys: Text) -> None:
        assert main([*known, "-k", "zzz"]) == 4
        assert "-k 'zzz' selects none of 13 cases" in capsys.readouterr().err

    def test_what_changed_since_they_were_generated_is_told(self, known: list[str], config: Path, capsys: Text) -> None:
        minimal = config / "my-bed/minimal-input.yaml"
        minimal.write_text(f"{MINIMAL}# changed\n")
        assert main([*known, "--units", "1"]) == 0
        told = "minimal-input.yaml changed since these cases were generated; run: probecost bootstrap"
        told += f" --minimal-input {minimal}"
        assert told in capsys.readouterr().out.splitlines()
        assert main([*known, "--units", "1", "--format", "json"]) == 0
        assert json.loads(capsys.readouterr().out)["outdated"] == told

    @pytest.mark.parametrize(("units", "is_told"), [(7, False), (8, True), (11, True), (12, False)])
    def test_units_that_cannot_carry_so_many_tests(
        self, known: list[str], capsys: Text, units: int, is_told: bool
    ) -> None:
        assert main([*known, "--units", str(units)]) == 0
        told = f"verdicts: {units} units cannot carry 78 primary tests: no overhead can be claimed, however large"
        assert (told in capsys.readouterr().out) == is_told

    def test_json(self, known: list[str], capsys: Text) -> None:
        arguments = [
            "--format",
            "json",
            "-k",
            "null",
            "--perf-tests",
            "latency:tcp_rr",
            "--duration",
            "1",
            "--units",
            "2",
        ]
        assert main([*known, *arguments]) == 0
        content = json.loads(capsys.readouterr().out)
        assert [case["key"] for case in content["cases"]] == ["host-null"]
        assert (content["total_cases"], content["expected_duration_s"]) == (13, 12.0)
        assert content["difference"] == {"only_in_file": [], "only_generated": [], "changed": [], "reordered": False}

    def test_a_legacy_environment(self, tmp_path: Path, capsys: Text) -> None:
        folder = make_legacy(tmp_path / "old")
        arguments = ["cases", "--env", "old-bed", "--config-dir", str(folder.parent)]
        assert main([*arguments, "-k", "ring"]) == 0
        printed = capsys.readouterr().out
        assert "\nold-bed: 1 of 3 cases\n" in printed
        assert "What has no counterpart in probecost:\n" in printed
        assert "no tools with command templates" in printed
        assert main([*arguments, "--format", "json"]) == 0
        content = json.loads(capsys.readouterr().out)
        assert content["difference"] is None
        assert len(content["unsupported"]) == 1

    def test_one_case_is_no_cases(self, known: list[str], config: Path, capsys: Text) -> None:
        file = config / "my-bed/bed-cases.json"
        content = json.loads(file.read_text())
        file.write_text(json.dumps(content["test_cases"][:1]))
        assert main(known) == 0
        assert "bed: 1 of 1 case\n" in capsys.readouterr().out

    def test_a_changed_category_and_parameters_are_shown(self, known: list[str], config: Path, capsys: Text) -> None:
        file = config / "my-bed/bed-cases.json"
        content = json.loads(file.read_text())
        content["test_cases"][0] |= {"category": "mine", "parameters": {"protocol": "tcp"}}
        file.write_text(json.dumps(content))
        assert main(known) == 0
        printed = capsys.readouterr().out
        assert "      in the file: mine\n      generated:   packet-drop\n" in printed
        assert "      in the file: protocol=tcp\n      generated:   direction=rx, protocol=tcp\n" in printed

    def test_what_was_edited_is_shown(self, known: list[str], config: Path, capsys: Text) -> None:
        file = config / "my-bed/bed-cases.json"
        content = json.loads(file.read_text())
        content["test_cases"][0]["command"] += " --more"
        content["test_cases"][12] |= {"name": "mine", "command": "sudo mine"}
        file.write_text(json.dumps(content))
        assert main(known) == 0
        printed = capsys.readouterr().out
        assert "  ~ host-eth_drop-rx_protocol_tcp: command" in printed
        assert "in the file: sudo bpftrace lab/tools/packet-drop/eth_drop.bt tcp rx --more" in printed
        assert "sudo mine" in printed

    def test_cases_are_listed_even_when_nothing_can_be_generated(
        self, known: list[str], config: Path, capsys: Text
    ) -> None:
        full = config / "my-bed/bed-full.yaml"
        full.write_text(full.read_text().replace("sudo sh {path}", "sudo sh {pth}"))
        assert main(known) == 0
        printed = capsys.readouterr().out
        assert "bed: 13 of 13 cases" in printed
        assert "unknown variable {pth}" in printed

    def test_unknown_environment_lists_the_known(self, config: Path, capsys: Text) -> None:
        assert main(["cases", "--env", "bad", "--config-dir", str(config)]) == 4
        assert "my-bed (bed)" in capsys.readouterr().err

    @pytest.mark.parametrize("wrong", [["-k", "and"], ["--perf-tests", "speed"], ["--duration", "0"], ["--units", "0"]])
    def test_wrong_options_are_4(self, known: list[str], wrong: list[str]) -> None:
        assert main([*known, *wrong]) == 4
