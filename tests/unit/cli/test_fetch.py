"""``probecost fetch`` from its options to the files, with a node whose supervisor answers in this process."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from helpers.fake_project import full_config
from helpers.fake_ssh import FakeChannel, FakeConnection

from probecost.cli.fetch import find_place
from probecost.cli.main import main
from probecost.config.environment import SshHost
from probecost.errors import ConfigError, UnreachableError
from probecost.remote import link
from probecost.remote.supervisor.frames import Frame
from probecost.remote.supervisor.service import Service

Text = pytest.CaptureFixture[str]


class FakeNodes:
    """Connections to nodes that serve ``folder``; ``hosts`` are those that were connected."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts: list[SshHost] = []
        self.verbs: list[str] = []
        self.failure: Exception | None = None

    def connect(self, host: SshHost, *_: object, **__: object) -> Any:
        self.hosts.append(host)
        if self.failure is not None:
            raise self.failure
        connection = _Connection(self._answer)
        connection.node = host.name
        return connection

    def _answer(self, channel: FakeChannel, frame: Frame) -> None:
        if frame.get("verb") == "bye":
            channel.status_event.set()
        if "id" in frame:
            self.verbs.append(frame["verb"])
            threading.Thread(target=self._serve, args=(channel, frame)).start()

    def _serve(self, channel: FakeChannel, frame: Frame) -> None:
        service = Service(str(self.folder), None, lambda event: None, lambda kind, path: None)
        number = frame["id"]

        def send(chunk: bytes) -> None:
            channel.say({"id": number, "more": True}, chunk)

        try:
            result = getattr(service, frame["verb"])(**frame["args"], send=send)
        except OSError as error:
            channel.say({"id": number, "error": {"type": type(error).__name__, "text": str(error), "where": "x:1"}})
        else:
            channel.say({"id": number, "result": result})


class _Connection(FakeConnection):
    user = "root"

    def close(self) -> None:
        self.abort()


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeNodes:
    folder = tmp_path / "there"
    (folder / "ebpf").mkdir(parents=True)
    (folder / "ebpf" / "x.json").write_text("{}")
    (folder / "y.log").write_text("line\n")
    made = FakeNodes(folder)
    monkeypatch.setattr(link, "connect", made.connect)
    monkeypatch.setenv("HOME", str(tmp_path))
    return made


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "config" / "bed"
    folder.mkdir(parents=True)
    (folder / "bed-full.yaml").write_text(json.dumps(full_config("bed")))
    return folder.parent


def test_a_folder_is_brought_home_and_the_second_time_is_here(nodes: FakeNodes, tmp_path: Path, capsys: Text) -> None:
    command = ["fetch", "--host", "me@h1:2222", "--remote-path", "/data/kept/", "--local-dir", str(tmp_path / "d")]
    assert main(command) == 0
    assert (tmp_path / "d/ebpf/x.json").read_text() == "{}"
    assert capsys.readouterr().out == f"{tmp_path / 'd'}: 2 files transferred (0.0 MB), 0 here already\n"
    assert main(command) == 0
    assert "0 files transferred (0.0 MB), 2 here already" in capsys.readouterr().out
    assert nodes.hosts[0] == SshHost("h1", "h1", "/data/kept", "me", 2222)
    assert nodes.verbs == ["manifest", "archive", "manifest"]


def test_a_results_tree_goes_where_the_analysis_finds_it(nodes: FakeNodes, tmp_path: Path) -> None:
    path = "/data/performance-test-results"
    assert main(["fetch", "--host", "h1", "--remote-path", path, "--local-dir", str(tmp_path / "d")]) == 0
    assert (tmp_path / "d/h1/performance-test-results/y.log").read_text() == "line\n"


def test_a_node_of_an_environment_is_reached_as_it_says(config_dir: Path) -> None:
    known = full_config("bed")["ssh"]["ssh_hosts"]["host-server"]
    place = find_place("host-server", "performance-test-results", "bed", config_dir)
    assert place.host.name == "host-server"
    assert place.host.host == known["host"]
    assert place.host.workdir == f"{known['workdir']}/performance-test-results"
    assert find_place("host-server", "/elsewhere", "bed", config_dir).host.workdir == "/elsewhere"
    assert find_place("me@10.0.0.9", "/x", "bed", config_dir).host.host == "10.0.0.9"


@pytest.mark.parametrize(
    ("node", "path", "environment", "message"),
    [
        ("nobody", "/x", "bed", "environment bed has no node 'nobody'; it has host-server, host-client"),
        ("host-server", "/x", "none", "unknown environment 'none'"),
        ("a b", "/x", None, "--host: expected a node of --env, or [user@]host[:port], found 'a b'"),
        ("h:99999", "/x", None, "found 'h:99999'"),
        ("h", "", None, "--remote-path: expected a folder of the node"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    nodes: FakeNodes,
    config_dir: Path,
    tmp_path: Path,
    capsys: Text,
    node: str,
    path: str,
    environment: str | None,
    message: str,
) -> None:
    where = ["--env", environment, "--config-dir", str(config_dir)] if environment else []
    command = ["fetch", "--host", node, "--remote-path", path, "--local-dir", str(tmp_path / "d"), *where]
    assert main(command) == 4
    assert message in capsys.readouterr().err
    assert not nodes.hosts


def test_the_root_of_the_node_is_a_path() -> None:
    assert find_place("h", "/", None, Path()).host.workdir == "/"
    with pytest.raises(ConfigError, match="--remote-path"):
        find_place("h", "a\0b", None, Path())


def test_a_folder_that_is_not_there_is_told(nodes: FakeNodes, tmp_path: Path, capsys: Text) -> None:
    nodes.folder = tmp_path / "nowhere"
    assert main(["fetch", "--host", "h1", "--remote-path", "/x", "--local-dir", str(tmp_path / "d")]) == 1
    assert "node h1: manifest: " in (said := capsys.readouterr().err)
    assert "nowhere is not there" in said
    assert not (tmp_path / "d").exists()


def test_a_node_that_does_not_answer_is_told(nodes: FakeNodes, tmp_path: Path, capsys: Text) -> None:
    nodes.failure = UnreachableError("h1", "root@h1:22 does not answer")
    assert main(["fetch", "--host", "h1", "--remote-path", "/x", "--local-dir", str(tmp_path / "d")]) == 1
    assert "node h1: root@h1:22 does not answer" in capsys.readouterr().err
