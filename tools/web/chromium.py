"""Drives a headless Chromium through the DevTools protocol, over a pipe.

with Chromium(find_chromium()) as page:
    page.open("http://127.0.0.1:8000/")
    title = page.run("document.title")
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from types import TracebackType
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
LONGEST_SECONDS = 100
SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-pipe",
)


def find_chromium() -> str | None:
    """Return the path of an installed Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class PageError(AssertionError):
    """The page raised an error, or did not get done."""


class Chromium:
    """A browser with one page.

    Args:
        program: path.
        width: of the window.
        height: of the window.

    Attributes:
        faults: errors in the page's console so far.
    """

    def __init__(self, program: str, width: int = 1280, height: int = 900) -> None:
        self.faults: list[str] = []
        self._folder = tempfile.mkdtemp(prefix="chromium-")
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        switches = [
            *SWITCHES,
            f"--window-size={width},{height}",
            f"--user-data-dir={self._folder}",
        ]
        # Chromium reads commands from 3 and answers on 4; dash knows no numbers of two digits there.
        line = f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}'
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", line, program, *switches, "about:blank"],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._received = b""
        self._number = 0
        self._events: list[dict[str, Any]] = []
        self._session: str | None = None
        try:
            self._attach(width, height)
        except BaseException:
            self.close()
            raise

    def _attach(self, width: int, height: int) -> None:
        """Begin to speak with the page."""
        targets = self.call("Target.getTargets")["targetInfos"]
        target = next(info["targetId"] for info in targets if info["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def __enter__(self) -> Chromium:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the browser."""
        with contextlib.suppress(PageError, OSError):
            self._session = None
            self.call("Browser.close")
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._in)
        os.close(self._out)
        # A process of the browser may still write; what it leaves is for the system to remove.
        shutil.rmtree(self._folder, ignore_errors=True)

    def open(self, address: str) -> None:
        """Load a page, to its end."""
        self._events = []
        self.call("Page.navigate", url=address)
        self._wait_for("Page.loadEventFired")

    def run(self, script: str) -> Any:
        """Return the value of an expression, awaited if it is a promise.

        Raises:
            PageError: it throws.
        """
        answer = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            thrown = answer["exceptionDetails"]
            raise PageError(thrown.get("exception", {}).get("description") or thrown["text"])
        return answer["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until an expression is true.

        Raises:
            PageError: it does not become true.
        """
        end = time.monotonic() + LONGEST_SECONDS
        while not self.run(condition):
            if time.monotonic() > end:
                raise PageError(f"never became true: {condition}")
            time.sleep(0.05)

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """Send `mousePressed`, `mouseMoved`, `mouseReleased` or `mouseWheel` to a place of the window."""
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag from one place of the window to another."""
        button: dict[str, Any] = {"button": "left", "buttons": 1, "clickCount": 1}
        self.mouse("mousePressed", *start, **button)
        self.mouse("mouseMoved", *end, button="left", buttons=1)
        self.mouse("mouseReleased", *end, **button)

    def picture(self) -> bytes:
        """Return a PNG file of the window."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer to a command of the protocol.

        Raises:
            PageError: the browser refuses it.
        """
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        view = memoryview(json.dumps(message).encode() + b"\0")
        while view:
            view = view[os.write(self._out, view) :]
        while True:
            received = self._receive()
            if received.get("id") == self._number:
                if "error" in received:
                    raise PageError(f"{method}: {received['error']['message']}")
                result: dict[str, Any] = received["result"]
                return result
            self._note(received)

    def _wait_for(self, method: str) -> None:
        while not any(event["method"] == method for event in self._events):
            self._note(self._receive())

    def _note(self, event: dict[str, Any]) -> None:
        """Keep an event; an error in the console is a fault."""
        self._events.append(event)
        parameters = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            self.faults.append(json.dumps(parameters["exceptionDetails"])[:500])
        elif event.get("method") == "Runtime.consoleAPICalled" and parameters["type"] == "error":
            self.faults.append(json.dumps(parameters["args"])[:500])
        elif event.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.faults.append(
                f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}"
            )

    def _receive(self) -> dict[str, Any]:
        """Return the next message."""
        end = time.monotonic() + LONGEST_SECONDS
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._in], [], [], max(0, end - time.monotonic()))
            data = os.read(self._in, 1 << 20) if ready else b""
            if not data:
                raise PageError("the browser does not answer.")
            self._received += data
        message, _, self._received = self._received.partition(b"\0")
        received: dict[str, Any] = json.loads(message)
        return received
