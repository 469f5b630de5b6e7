"""A headless Chromium, spoken to through a pair of pipes in its DevTools protocol: no port, no library.

Messages are JSON objects that end with a zero byte. https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_ANSWER_WITHIN_S = 60.0


class BrowserError(Exception):
    """Chromium ended, did not answer, or refused a command."""


class Tab:
    """One page. ``errors``: what it threw, what its console was told as an error, and what its policy refused."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser = browser
        self.session = session
        self.errors: list[str] = []

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.call(method, self, **params)

    def screen(
        self, width: int, height: int, *, dark: bool = False, phone: bool = False, printed: bool = False
    ) -> None:
        """The size of the window, and what the user prefers; ``printed``: as on paper."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media="print" if printed else "", features=[scheme])

    def open(self, file: Path) -> float:
        """Open a file and wait until the page has drawn itself. Returns the seconds that this took."""
        self.call("Page.navigate", url="about:blank")  # else the page that was open could be taken for this one
        self.wait("location.href === 'about:blank'")
        self.errors.clear()
        start = time.monotonic()
        self.call("Page.navigate", url=file.as_uri())
        self.wait("document.documentElement?.dataset.ready === 'yes'")
        self.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")
        return time.monotonic() - start

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, a promise's when it is fulfilled."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, condition: str, within_s: float = 10.0) -> None:
        """Until a JavaScript expression is true."""
        end = time.monotonic() + within_s
        while not self.evaluate(f"Boolean({condition})"):
            if time.monotonic() > end:
                raise BrowserError(f"not within {within_s:g} s: {condition}; errors of the page: {self.errors}")
            time.sleep(0.005)

    def press(self, key: str, code: int, text: str = "") -> None:
        """A key of the keyboard, pressed where the focus is."""
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if kind == "keyDown" and text else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **more)

    def screenshot(self, file: Path, *, whole: bool = False) -> None:
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(answer["data"]))

    def pdf(self, file: Path) -> None:
        answer = self.call("Page.printToPDF", printBackground=True, paperWidth=8.27, paperHeight=11.69)
        file.write_bytes(base64.b64decode(answer["data"]))

    def told(self, method: str, params: dict[str, Any]) -> None:
        """Note what an event says of the page's health."""
        if method == "Runtime.exceptionThrown":
            self.errors.append(str(params["exceptionDetails"].get("exception", params["exceptionDetails"])))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.errors.append(str(params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.errors.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        elif method == "Network.requestWillBeSent" and not params["request"]["url"].startswith(("file:", "data:")):
            self.errors.append(f"asked for {params['request']['url']}")


class Chromium:
    """The process and its pipes."""

    def __init__(self, process: subprocess.Popen[bytes], to: int, back: int) -> None:
        self._process, self._to, self._back = process, to, back
        self._number = 0
        self._received = b""
        self._tabs: dict[str, Tab] = {}

    def tab(self) -> Tab:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._tabs[session] = tab = Tab(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            tab.call(f"{domain}.enable")
        return tab

    def call(self, method: str, tab: Tab | None = None, **params: Any) -> dict[str, Any]:
        """Send a command and return its result; events that come before it are handed to their tabs."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if tab is not None:
            message["sessionId"] = tab.session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
            owner = self._tabs.get(answer.get("sessionId", ""))
            if owner is not None and "method" in answer:
                owner.told(answer["method"], answer["params"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._back], [], [], _ANSWER_WITHIN_S)
            part = os.read(self._back, 1 << 20) if ready else b""
            if not part:
                raise BrowserError(f"chromium says nothing more (exit status {self._process.poll()})")
            self._received += part
        line, _, self._received = self._received.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message


@contextlib.contextmanager
def chromium(program: str = "chromium") -> Iterator[Chromium]:
    """A browser with a profile of its own, which ends with the context."""
    command_in, to = os.pipe()
    back, answer_out = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        options = ["--headless=new", "--disable-gpu", "--no-first-run", "--hide-scrollbars", "--disable-dev-shm-usage"]
        options += ["--remote-debugging-pipe", f"--user-data-dir={home}/profile", "--disable-background-networking"]
        options += ["--no-sandbox"] if os.geteuid() == 0 else []
        # The protocol's pipes are descriptors 3 and 4.
        wrapper = f'exec 3<&{command_in} 4>&{answer_out}; exec "$@"'
        process = subprocess.Popen(
            ["bash", "-c", wrapper, "chromium", program, *options, "about:blank"],
            pass_fds=(command_in, answer_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": home},
        )
        os.close(command_in)
        os.close(answer_out)
        try:
            yield Chromium(process, to, back)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            os.close(to)
            os.close(back)
