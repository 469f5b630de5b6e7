"""The wire format: a JSON object on a line, then ``bytes`` raw bytes if it says so. Both directions, any order."""

import json
import threading
from typing import Any, BinaryIO, Dict, Optional, Tuple

Frame = Dict[str, Any]
MAX_HEADER = 1 << 20
MAX_PAYLOAD = 1 << 26


class FrameError(Exception):
    """The received data is not a frame."""


def encode(frame: Frame, payload: bytes = b"") -> bytes:
    if payload:
        frame = dict(frame, bytes=len(payload))
    return json.dumps(frame, separators=(",", ":")).encode() + b"\n" + payload


class Decoder:
    """Turns a stream of bytes into whole frames; it skips blank lines and refuses endless lines and absurd sizes."""

    def __init__(self, max_payload: int = MAX_PAYLOAD) -> None:
        self._max_payload = max_payload
        self._buffer = bytearray()
        self._header: Optional[Frame] = None

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> Optional[Tuple[Frame, bytes]]:
        """The next whole frame with its payload, or ``None`` until more bytes are fed."""
        if self._header is None:
            while self._buffer[:1] == b"\n":
                del self._buffer[:1]
            end = self._buffer.find(b"\n")
            if end < 0:
                if len(self._buffer) > MAX_HEADER:
                    raise FrameError("no end of line within %d bytes" % MAX_HEADER)
                return None
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            try:
                header = json.loads(line.decode("utf-8"))
            except (ValueError, RecursionError):
                raise FrameError("not a frame: %r" % line[:200]) from None
            if not isinstance(header, dict):
                raise FrameError("not a frame: %r" % line[:200])
            self._header = header
        size = self._header.get("bytes", 0)
        if not isinstance(size, int) or not 0 <= size <= self._max_payload:
            raise FrameError("a payload of %r bytes" % (size,))
        if len(self._buffer) < size:
            return None
        header, self._header = self._header, None
        payload = bytes(self._buffer[:size])
        del self._buffer[:size]
        return header, payload


class Writer:
    """Writes whole frames to a stream from any thread."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, frame: Frame, payload: bytes = b"") -> None:
        view = memoryview(encode(frame, payload))
        with self._lock:
            while view:  # a raw stream may take only a part
                view = view[self._stream.write(view) or 0 :]
            self._stream.flush()
