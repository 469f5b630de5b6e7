"""A request that waits for its answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from probecost.remote.supervisor.frames import Frame

PROGRESS_BYTES = 1 << 16


@dataclass
class Pending:
    """State of one request; ``since_progress`` counts the bytes of a stream since the last progress."""

    on_data: Callable[[bytes], None] | None
    done: threading.Event = field(default_factory=threading.Event)
    progress: float = field(default_factory=time.monotonic)
    since_progress: int = 0
    answer: Frame | None = None
    failure: BaseException | None = None

    def take(self, chunk: bytes) -> None:
        """Pass one chunk to ``on_data``. Its exception ends the request and is raised at the caller."""
        self.since_progress += len(chunk)
        if self.since_progress >= PROGRESS_BYTES:
            self.progress, self.since_progress = time.monotonic(), 0
        if self.on_data is None or self.done.is_set():
            return
        try:
            self.on_data(chunk)
        except Exception as error:
            self.failure = error
            self.done.set()
