"""A folder of a node is brought home by hand: what differs and nothing else, whole files, none of them elsewhere."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from probecost.errors import TransferError
from probecost.remote import mirror as mirror_module
from probecost.remote.mirror import Mirrored, Progress, mirror
from probecost.remote.supervisor.files import Files
from probecost.remote.supervisor.processes import Identity
from probecost.remote.transfer import Unpacker


class FolderNode:
    """A node whose supervisor works in this process; ``changes`` are done between its list and its archive."""

    name = "node-a"

    def __init__(self, folder: Path, changes: Callable[[], None] = lambda: None) -> None:
        self.files = Files(str(folder), Identity(), lambda kind, path: None)
        self.asked: list[list[str]] = []
        self._changes = changes

    def manifest(self, folder: str) -> tuple[bytes, int]:
        sent: list[bytes] = []
        found = self.files.manifest(folder, sent.append)
        self._changes()
        return gzip.decompress(b"".join(sent)), found["left_out"]

    def fetch(self, folders: Sequence[str], target: Path, accept: Callable[[str, str], bool] | None = None) -> int:
        self.asked.append(list(folders))
        with Unpacker(self.name, target, accept) as unpacker:
            self.files.archive(folders, unpacker.feed)
            return unpacker.finish()


class HostileNode:
    """Lists and sends what a test says."""

    name = "node-a"

    def __init__(self, listed: bytes, sent: Mapping[str, bytes]) -> None:
        self._listed, self._sent = listed, sent

    def manifest(self, folder: str) -> tuple[bytes, int]:
        return self._listed, 0

    def fetch(self, folders: Sequence[str], target: Path, accept: Callable[[str, str], bool] | None = None) -> int:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as tar:
            for name, data in self._sent.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        with Unpacker(self.name, target, accept) as unpacker:
            unpacker.feed(out.getvalue())
            return unpacker.finish()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def entry(path: object, data: bytes = b"x") -> bytes:
    return json.dumps([path, len(data), sha256(data)]).encode() + b"\n"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    folder = tmp_path / "there"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "one.json").write_text("{}")
    (folder / "a" / "b" / "two.log").write_bytes(bytes(range(256)) * 5000)
    (folder / "empty").write_bytes(b"")
    return folder


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "here"


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_all_of_it_arrives_and_the_second_time_nothing_is_sent(there: Path, here: Path) -> None:
    node = FolderNode(there)
    assert mirror(node, here) == Mirrored(files=3, size_bytes=2 + 1_280_000, kept=0, left_out=0)
    assert content(here) == content(there)
    os.utime(there / "a/one.json", (1, 1))
    assert mirror(node, here) == Mirrored(files=0, size_bytes=0, kept=3, left_out=0)
    assert len(node.asked) == 1


def test_only_what_differs_is_sent(there: Path, here: Path) -> None:
    mirror(FolderNode(there), here)
    (here / "a/one.json").write_text("[]")
    (here / "empty").unlink()
    (here / "own").write_text("stays")
    node = FolderNode(there)
    assert mirror(node, here).files == 2
    assert node.asked == [["a/one.json", "empty"]] or node.asked == [["empty", "a/one.json"]]
    assert content(here) == {**content(there), "own": b"stays"}


def test_a_transfer_that_was_cut_goes_on_after_what_arrived(
    there: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror_module, "_BATCH_FILES", 1)
    node = FolderNode(there)
    whole = node.fetch

    def cut(folders: Sequence[str], target: Path, accept: Callable[[str, str], bool] | None = None) -> int:
        if len(node.asked) == 2:
            raise TransferError("node-a", "the connection was cut")
        return whole(folders, target, accept)

    monkeypatch.setattr(node, "fetch", cut)
    with pytest.raises(TransferError, match="was cut"):
        mirror(node, here)
    assert len(content(here)) == 2
    assert mirror(FolderNode(there), here).files == 1
    assert content(here) == content(there)


def test_progress_ends_with_everything(there: Path, here: Path) -> None:
    seen: list[Progress] = []
    mirror(FolderNode(there), here, seen.append)
    assert seen[-1] == Progress(3, 3, 1_280_002, 1_280_002)
    assert [progress.files for progress in seen] == [1, 2, 3]


def test_links_devices_and_remains_are_left_out(there: Path, here: Path) -> None:
    (there / "link").symlink_to("/etc/passwd")
    (there / "folder").symlink_to("/etc")
    os.mkfifo(there / "pipe")
    (there / "a" / ".one.json.part").write_text("{")
    assert mirror(FolderNode(there), here).left_out == 4
    assert sorted(content(here)) == ["a/b/two.log", "a/one.json", "empty"]


def test_a_file_that_grows_meanwhile_is_told_and_not_taken(there: Path, here: Path) -> None:
    node = FolderNode(there, lambda: (there / "empty").write_text("more") and None)
    with pytest.raises(TransferError, match=r"1 files did not have the SHA-256 that the node listed.*\(empty\)"):
        mirror(node, here)
    assert sorted(content(here)) == ["a/b/two.log", "a/one.json"]
    mirror(FolderNode(there), here)
    assert content(here) == content(there)


def test_a_damaged_file_does_not_replace_a_good_one(here: Path) -> None:
    here.mkdir()
    (here / "a").write_text("old")
    with pytest.raises(TransferError, match="1 files did not have the SHA-256"):
        mirror(HostileNode(entry("a", b"new"), {"a": b"nEw"}), here)
    assert content(here) == {"a": b"old"}


def test_what_does_not_arrive_is_told(here: Path) -> None:
    with pytest.raises(TransferError, match=r"1 files did not arrive \(b\); the same command tries again"):
        mirror(HostileNode(entry("a") + entry("b"), {"a": b"x"}), here)


def test_what_nobody_asked_for_is_refused(here: Path) -> None:
    with pytest.raises(TransferError, match="refused 'evil': it was not asked for"):
        mirror(HostileNode(entry("a"), {"evil": b"x"}), here)
    assert not content(here)


@pytest.mark.parametrize("path", ["/etc/x", "../x", "a/../../x", ".", "", "a\0b"])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, here: Path, path: str) -> None:
    with pytest.raises(TransferError, match=r"refused .*: only files below the folder are taken"):
        mirror(HostileNode(entry(path), {}), here)
    assert not content(tmp_path)


@pytest.mark.parametrize(
    "listed",
    [
        b"nonsense\n",
        b"{}\n",
        b'["a", 1]\n',
        b'["a", -1, "' + b"0" * 64 + b'"]\n',
        b'["a", true, "' + b"0" * 64 + b'"]\n',
        b'["a", 1, "short"]\n',
        b'["a", 1, 7]\n',
        entry(7),
    ],
)
def test_a_list_that_is_none_is_told(here: Path, listed: bytes) -> None:
    with pytest.raises(TransferError, match="its list of files cannot be read"):
        mirror(HostileNode(listed, {}), here)


def test_a_list_without_end_is_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror_module, "MAX_FILES", 2)
    with pytest.raises(TransferError, match="refused: more than 2 files"):
        mirror(HostileNode(b"".join(entry(str(number)) for number in range(3)), {}), here)


def test_a_link_here_is_replaced_and_not_written_through(there: Path, here: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("{}")
    (here / "a").mkdir(parents=True)
    (here / "a" / "one.json").symlink_to(outside)
    (here / "a" / ".one.json.part").symlink_to(outside)
    (there / "a" / "one.json").write_text("[1]")
    mirror(FolderNode(there), here)
    assert outside.read_text() == "{}"
    assert not (here / "a" / "one.json").is_symlink()
    assert (here / "a" / "one.json").read_text() == "[1]"


def test_a_folder_in_the_place_of_a_file_is_told(there: Path, here: Path) -> None:
    (here / "empty" / "x").mkdir(parents=True)
    with pytest.raises(TransferError, match="node-a"):
        mirror(FolderNode(there), here)


@pytest.mark.parametrize(("name", "why"), [("nowhere", "not there"), ("empty", "no folder")])
def test_what_is_no_folder_on_the_node_is_told(there: Path, name: str, why: str) -> None:
    node = FolderNode(there / name)
    with pytest.raises(OSError, match=f"{name} is {why}"):
        node.manifest(".")


def test_a_large_file_is_no_silence(there: Path) -> None:
    with (there / "large").open("wb") as file:
        file.truncate(65 << 20)
    sent: list[bytes] = []
    FolderNode(there).files.manifest(".", sent.append)
    assert sent[0] == b""
