"""What a node sends is unpacked below the target and nowhere else."""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
from pathlib import Path

import pytest

from probecost.errors import TransferError
from probecost.remote import transfer
from probecost.remote.transfer import Unpacker


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.GNU_FORMAT) as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def plain(name: str, data: bytes = b"data") -> tuple[tarfile.TarInfo, bytes]:
    return tarfile.TarInfo(name), data


def unpack(data: bytes, target: Path, chunk: int = 1000) -> int:
    with Unpacker("node-a", target, folders=["a"]) as unpacker:
        for start in range(0, len(data), chunk):
            unpacker.feed(data[start : start + chunk])
        return unpacker.finish()


def test_files_arrive(tmp_path: Path) -> None:
    large = bytes(range(256)) * 5000
    assert unpack(archive(plain("a/b/c.json", b"{}"), plain("a/large", large)), tmp_path) == 2
    assert (tmp_path / "a/b/c.json").read_bytes() == b"{}"
    assert (tmp_path / "a/large").read_bytes() == large


def link(kind: bytes) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo("a/link")
    info.type, info.linkname = kind, "/etc/passwd"
    return info, b""


@pytest.mark.parametrize(
    "member",
    [
        plain("/etc/x"),
        plain("../x"),
        plain("a/../../x"),
        link(tarfile.SYMTYPE),
        link(tarfile.LNKTYPE),
        link(tarfile.CHRTYPE),
        link(tarfile.FIFOTYPE),
        link(tarfile.DIRTYPE),
        link(tarfile.GNUTYPE_SPARSE),
        plain("b/x"),
        plain("/".join("a" * 40)),
        plain("a/" + "long" * 2000),
    ],
    ids=[
        "absolute",
        "parent",
        "parent inside",
        "symlink",
        "hard link",
        "device",
        "pipe",
        "folder",
        "sparse",
        "what was not asked for",
        "too deep",
        "too long",
    ],
)
def test_anything_but_plain_files_below_the_target_is_refused(
    tmp_path: Path, member: tuple[tarfile.TarInfo, bytes]
) -> None:
    target = tmp_path / "target"
    with pytest.raises(TransferError, match=r"node node-a: refused"):
        unpack(archive(member), target)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() or path.is_symlink()]


def test_a_link_that_lies_in_the_target_already_is_not_followed(tmp_path: Path) -> None:
    target, outside = tmp_path / "target", tmp_path / "outside"
    target.mkdir()
    outside.mkdir()
    (target / "a").symlink_to(outside)
    with pytest.raises(TransferError, match="leads out of"):
        unpack(archive(plain("a/x")), target)
    assert not list(outside.iterdir())


@pytest.mark.parametrize("keep", [0.2, 0.9])
def test_a_truncated_transfer_is_told_and_leaves_no_half_file(tmp_path: Path, keep: float) -> None:
    data = gzip.compress(gzip.decompress(archive(plain("a", bytes(200_000)))), 0)
    with pytest.raises(TransferError, match="did not arrive whole"):
        unpack(data[: int(len(data) * keep)], tmp_path)
    assert not (tmp_path / "a").exists()


def test_noise_is_told(tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="did not arrive whole"):
        unpack(b"<html>login</html>" * 5000, tmp_path)


def header_with(kind: bytes, size: int) -> bytes:
    info = tarfile.TarInfo("a/x")
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_a_header_of_a_gigabyte_is_refused_before_it_is_read(tmp_path: Path, kind: bytes) -> None:
    """What tarfile reads into memory whole; compressed it is a few bytes."""
    with pytest.raises(TransferError, match=r"node node-a: refused 'a/x'"):
        unpack(gzip.compress(header_with(kind, 1 << 30) + bytes(1 << 20)), tmp_path)


def test_a_negative_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="refused"):
        unpack(gzip.compress(header_with(tarfile.REGTYPE, -(1 << 40)) + bytes(1 << 20)), tmp_path)


def test_names_of_names_of_names_are_told(tmp_path: Path) -> None:
    names = (header_with(tarfile.GNUTYPE_LONGNAME, 4) + b"a/x\0".ljust(512, b"\0")) * 2000
    with pytest.raises(TransferError, match="did not arrive whole"):
        unpack(gzip.compress(names), tmp_path)


def test_a_million_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "MAX_FILES", 50)
    with pytest.raises(TransferError, match=r"refused more than 50 files or .* bytes; the results are still there"):
        unpack(archive(*[plain(f"a/{number}", b"") for number in range(100)]), tmp_path)
    assert len(list((tmp_path / "a").iterdir())) == 50


def test_a_bomb_is_refused_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "MAX_BYTES", 1 << 20)
    with pytest.raises(TransferError, match=r"refused more than .* files or 1048576 bytes"):
        unpack(archive(plain("a/x", bytes(2 << 20))), tmp_path)
    assert not (tmp_path / "a").exists()


def test_deep_folders_count_as_what_they_take_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "MAX_BYTES", 1 << 20)
    deep = [plain(f"a/{number}" + "/d" * 20, b"") for number in range(100)]
    with pytest.raises(TransferError, match="refused more than"):
        unpack(archive(*deep), tmp_path)


def test_the_disk_is_not_filled_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other nodes' results, and the reports, are to fit too."""
    nearly_full = shutil.disk_usage("/")._replace(total=100 << 30, free=transfer.DISK_RESERVE + (1 << 19))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: nearly_full)
    small, large = plain("a/small", bytes(1 << 18)), plain("a/large", bytes(1 << 20))
    with pytest.raises(TransferError, match=r"No space left on device of .*a reserve is kept.*still there"):
        unpack(archive(small, large), tmp_path)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["small"]


@pytest.mark.parametrize("mtime", [0, 4_000_000_000, 1 << 50, -(1 << 50)])
def test_times_of_any_year_do_no_harm(tmp_path: Path, mtime: int) -> None:
    info, data = plain("a/x")
    info.mtime = mtime
    assert unpack(archive((info, data)), tmp_path) == 1
    assert (tmp_path / "a/x").read_bytes() == data


def test_names_that_steer_a_terminal_or_are_no_text_are_kept_apart(tmp_path: Path) -> None:
    names = ["a/\x1b[2J", "a/<script>", "a/=1+1", "a/\udcff"]
    assert unpack(archive(*map(plain, names)), tmp_path) == 4
    with pytest.raises(TransferError) as told:
        unpack(archive(plain("b/\x1b[2J\udcff")), tmp_path)
    assert str(told.value).isprintable()
