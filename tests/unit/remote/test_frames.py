from __future__ import annotations

import io

import pytest

from probecost.remote.supervisor.frames import MAX_HEADER, Decoder, FrameError, Writer, encode


def test_frames_arrive_whole_whatever_the_pieces() -> None:
    data = encode({"id": 1}) + encode({"id": 2, "more": True}, b"\x00\n{}\xff") + encode({"id": 3})
    decoder = Decoder()
    seen = []
    for index in range(len(data)):
        decoder.feed(data[index : index + 1])
        while (item := decoder.next()) is not None:
            seen.append(item)
    assert [(frame["id"], payload) for frame, payload in seen] == [(1, b""), (2, b"\x00\n{}\xff"), (3, b"")]


@pytest.mark.parametrize(
    "data",
    [b"Welcome to host!\n", b"[1]\n", b"\xff\xfe\n", b'{"bytes":-1}\n', b'{"bytes":99999999999}\n', b'{"bytes":"x"}\n'],
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    decoder = Decoder()
    decoder.feed(data)
    with pytest.raises(FrameError):
        decoder.next()


def test_a_line_without_end_is_refused_before_memory_runs_out() -> None:
    decoder = Decoder()
    decoder.feed(b"x" * (MAX_HEADER + 1))
    with pytest.raises(FrameError, match="no end of line"):
        decoder.next()


class Sipping(io.BytesIO):
    """A raw stream that takes a few bytes at a time."""

    def write(self, data: object) -> int:
        return super().write(bytes(data)[:7])  # type: ignore[call-overload]


def test_frames_are_written_whole_to_a_stream_that_takes_parts() -> None:
    stream = Sipping()
    Writer(stream).write({"id": 1}, b"payload" * 10)
    decoder = Decoder()
    decoder.feed(stream.getvalue())
    assert decoder.next() == ({"id": 1, "bytes": 70}, b"payload" * 10)
