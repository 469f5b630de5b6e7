"""A measurement project in a temporary folder, over an engine without hosts: our conftest.py, perftests/, config/."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import scipy.stats as _stats  # noqa: F401

# Imported here, and scipy above, so that each pytest inside pytest finds them loaded: it forgets its own imports.
from probecost.analysis import plugin as _plugin  # noqa: F401
from probecost.analysis.statistics import signflip as _signflip  # noqa: F401
from probecost.fixtures.collect import environments as _environments  # noqa: F401
from probecost.measure import bed as _bed  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
CASES = ("eth_drop rx", "eth_drop tx", "packet_print rx", "packet_print tx")

_CONFTEST = """
import fake_engine
import pytest
from probecost.fixtures.engine import ENGINE

def pytest_configure(config):
    config.stash[ENGINE] = fake_engine.engine()

@pytest.hookimpl(tryfirst=True)
def pytest_probecost_case_results(case_key):
    return fake_engine.results(case_key)
"""

_INI = """
[pytest]
strict = true
testpaths = perftests
filterwarnings = error
"""


@dataclass
class Project:
    """Our conftest.py and perftests/ over a fake engine. ``run`` runs pytest there, in this process."""

    pytester: pytest.Pytester

    @property
    def path(self) -> Path:
        return self.pytester.path

    def add_environment(
        self,
        name: str = "bed",
        cases: Sequence[str] = CASES,
        folder: str | None = None,
        addresses: Sequence[str] = ("192.0.2.1", "192.0.2.1"),
    ) -> Path:
        """A folder below config/ with one case per ``tool direction``; ``addresses`` of server and client."""
        place = self.path / "config" / (folder or name)
        place.mkdir(parents=True)
        (place / f"{name}-full.yaml").write_text(json.dumps(full_config(name, addresses)))
        (place / f"{name}-cases.json").write_text(json.dumps({"test_cases": case_entries(cases)}, indent=1))
        return place

    def fail(self, faults: Mapping[str, object]) -> None:
        """Which steps of the engine fail, with which message."""
        (self.path / "faults.json").write_text(json.dumps(faults))

    def add_conftest(self, text: str) -> None:
        """A user's own conftest.py, besides the project's."""
        (self.path / "perftests" / "conftest.py").write_text(text)

    def use_analysis(self) -> None:
        """All plugins as they are, with the real answer for a case's results."""
        engine, _, _ = _CONFTEST.partition("@pytest.hookimpl")
        (self.path / "conftest.py").write_text(engine)
        (self.path / "tox.ini").write_text(_INI)

    def run(self, *arguments: str, env: str = "bed") -> pytest.RunResult:
        """One unit per case and no null case, unless ``arguments`` say how many units or what null cases there are."""
        return self.pytester.runpytest_inprocess("--env", env, *plain(arguments), *arguments)

    def interrupted(self, *arguments: str) -> Path:
        """A run that ends as Ctrl-C ends it; its folder."""
        every = ("--env", "bed", *plain(arguments), *arguments)
        result = self.pytester.runpytest_inprocess(*every, no_reraise_ctrlc=True)
        assert result.ret == pytest.ExitCode.INTERRUPTED
        return self.tree

    @property
    def log(self) -> list[str]:
        """What the engine was asked for, in order."""
        file = self.path / "engine.log"
        return file.read_text().splitlines() if file.exists() else []

    @property
    def tree(self) -> Path:
        """The folder of the newest run."""
        return (self.path / "results" / "latest").resolve()

    @property
    def run_json(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.tree / "run.json").read_text())
        return content

    @property
    def outcomes(self) -> dict[str, str]:
        return {item_id: case["outcome"] for item_id, case in self.run_json["cases"].items()}


def plain(arguments: Sequence[str] = ()) -> list[str]:
    """Options that make a run small and its order known; those of them that ``arguments`` do not give."""
    given = {argument.partition("=")[0] for argument in arguments}
    planned = {"--workflow", "--resume"} & given  # these say everything themselves
    chosen = [] if planned or {"--units", "--precision"} & given else ["--units", "1"]
    chosen += [] if "--null-case" in given else ["--null-case", "selected"]
    return chosen + ([] if planned or "--order" in given else ["--order", "file"])


def full_config(name: str, addresses: Sequence[str] = ("192.0.2.1", "192.0.2.1")) -> dict[str, object]:
    hosts = {
        node: {"host": address, "user": "nobody", "workdir": "/tmp/w"}
        for node, address in zip(("host-server", "host-client"), addresses, strict=True)
    }
    pair = {
        "server": {"ssh_ref": "host-server", "test_ip": "198.51.100.1", "interface": "eth0"},
        "client": {"ssh_ref": "host-client", "test_ip": "198.51.100.2", "interface": "eth0"},
    }
    return {
        "version": "1.0",
        "environment": name,
        "ssh": {"ssh_hosts": hosts},
        "environments": {"host": pair},
        "performance_tests": {"latency": {"tcp_rr": {"duration": 1}}},
    }


def case_entries(cases: Sequence[str]) -> list[dict[str, object]]:
    entries: list[dict[str, object]] = []
    for number, case in enumerate(cases, 1):
        tool, direction = case.split()
        entries.append(
            {
                "id": number,
                "name": direction,
                "command": f"sudo -n lab/tools/packet-drop/{tool}.sh {direction}",
                "script": f"{tool}.sh",
                "category": "packet-drop",
                "environment": "host",
                "parameters": {"direction": direction},
            }
        )
    return entries


def make_project(pytester: pytest.Pytester) -> Project:
    """A project without environments."""
    pytester.makeconftest(_CONFTEST)
    pytester.makeini(_INI + "addopts = -p no:probecost.analysis.plugin\n")
    (pytester.path / "fake_engine.py").write_text((ROOT / "tests" / "helpers" / "fake_engine.py").read_text())
    tests = pytester.mkdir("perftests")
    (tests / "test_ebpf_tools.py").write_text((ROOT / "perftests" / "test_ebpf_tools.py").read_text())
    return Project(pytester)
