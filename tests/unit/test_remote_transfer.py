"""What a node sends is unpacked below the target and nowhere else."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from probecost.errors import TransferError
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
    with Unpacker("node-a", target, ["a"]) as unpacker:
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
    ],
    ids=["absolute", "parent", "parent inside", "symlink", "hard link", "device"],
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
