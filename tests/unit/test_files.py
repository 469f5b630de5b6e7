"""Files that are whole or as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from probecost.files import write_whole


@pytest.mark.parametrize(("content", "held"), [("größer\n", "größer\n".encode()), (b"\x00\xff", b"\x00\xff")])
def test_text_and_bytes(tmp_path: Path, content: str | bytes, held: bytes) -> None:
    write_whole(tmp_path / "a.txt", content)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.txt": held}


def test_what_cannot_be_written_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("before")
    (tmp_path / "a.txt.part").mkdir()
    with pytest.raises(OSError, match=r"a\.txt\.part"):
        write_whole(tmp_path / "a.txt", "after")
    assert (tmp_path / "a.txt").read_text() == "before"
