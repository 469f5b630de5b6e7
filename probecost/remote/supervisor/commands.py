"""Runs short commands of the node, all at once, with limits on time and output."""

import os
import signal
import subprocess
import tempfile
import threading
import time
from typing import Any, Dict, List, Optional

from .facts import find
from .processes import CHILDREN

STDERR_LIMIT = 4096

#: Result of one command: ``argv``, ``status`` (``None``: it did not end by itself), ``out``, ``err``, and ``problem``:
#: "" or why ``out`` is incomplete.
Said = Dict[str, Any]


def run_all(commands: Dict[str, List[str]], timeout_s: float, limit: int) -> Dict[str, Said]:
    """The result of each of ``commands`` within ``timeout_s``; ``limit`` bounds the bytes of each output."""
    results: Dict[str, Said] = {}
    deadline = time.monotonic() + timeout_s

    def run(name: str, argv: List[str]) -> None:
        results[name] = _run(argv, deadline, limit)

    threads = [threading.Thread(target=run, args=item, daemon=True) for item in commands.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def _run(argv: List[str], deadline: float, limit: int) -> Said:
    program = find(argv[0])
    if program is None:
        return _said(argv, None, b"", b"", "%s is not installed" % argv[0])
    with tempfile.TemporaryFile() as err:
        try:
            process = CHILDREN.start(
                [program] + argv[1:],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=err,
                start_new_session=True,
                env=dict(os.environ, LC_ALL="C"),
            )
        except OSError as error:
            return _said(argv, None, b"", b"", "%s does not start: %s" % (argv[0], error))
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            _kill(process)

        timer = threading.Timer(max(deadline - time.monotonic(), 0.0), expire)
        timer.start()
        assert process.stdout is not None
        with process.stdout:
            out = process.stdout.read(limit + 1)
            if len(out) > limit:
                _kill(process)
        status: Optional[int] = process.wait()
        timer.cancel()
        problem = ""
        if expired.is_set():
            status, problem = None, "%s does not come to an end" % argv[0]
        elif len(out) > limit:
            status, problem = None, "%s writes more than %d bytes" % (argv[0], limit)
        err.seek(0)
        return _said(argv, status, out[:limit], err.read(STDERR_LIMIT), problem)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill the command and its children: ``start_new_session`` made it the leader of a group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except OSError:
        pass  # it has ended by now


def _said(argv: List[str], status: Optional[int], out: bytes, err: bytes, problem: str) -> Said:
    texts = [part.decode("utf-8", "replace") for part in (out, err)]
    return {"argv": argv, "status": status, "out": texts[0], "err": texts[1].strip(), "problem": problem}
