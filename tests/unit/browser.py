# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A headless browser, if the machine has one. It is driven by its DevTools protocol, through pipes."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
import typing as t
from pathlib import Path

Row = dict[str, t.Any]
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


def find_browser() -> str | None:
    """Return the path of a browser: that of the variable BROWSER_PATH, or a Chromium that is installed."""
    return os.environ.get("BROWSER_PATH") or next(filter(None, map(shutil.which, _NAMES)), None)


class Browser:
    """A browser with one page. ``events`` are the events of the page so far."""

    def __init__(self, path: str, folder: Path) -> None:
        self.events: list[Row] = []
        self._numbers = itertools.count(1)
        self._buffer = b""
        commands_out, self._commands = os.pipe()
        self._answers, answers_in = os.pipe()

        def connect() -> None:
            # The browser reads from descriptor 3 and writes to 4. Copies first, because one of the pipes can be there.
            first, second = os.dup(commands_out), os.dup(answers_in)
            os.dup2(first, 3)
            os.dup2(second, 4)

        self._process = subprocess.Popen(
            [path, *_FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(folder)},
            close_fds=False,
            preexec_fn=connect,
        )
        os.close(commands_out)
        os.close(answers_in)
        self._session = ""
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        """End the browser."""
        os.close(self._commands)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        os.close(self._answers)

    def call(self, method: str, **parameters: t.Any) -> Row:
        """Send a command, and return its result."""
        number = next(self._numbers)
        message: Row = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer}"
                result: Row = answer["result"]
                return result

    def open(self, url: str, *, width: int, height: int = 900, scheme: str = "light") -> None:
        """Open a page in a window of a size, and wait until it is loaded."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        self.call("Page.navigate", url=url)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._read()

    def evaluate(self, expression: str) -> t.Any:
        """Return the value of an expression in the page."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def screenshot(self, file: Path, *, whole: bool = False) -> None:
        """Write a picture of the window, or of the whole page."""
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        file.write_bytes(base64.b64decode(data))

    def pdf(self) -> bytes:
        """Return the page as it is printed."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])

    def _read(self) -> Row:
        while b"\0" not in self._buffer:
            data = os.read(self._answers, 1 << 20)
            assert data, "the browser has ended"
            self._buffer += data
        text, _null, self._buffer = self._buffer.partition(b"\0")
        message: Row = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message


def check_page(browser: Browser, url: str, *, charts: int, screenshots: str) -> None:
    """Check that a page fits desktops and phones in both color schemes, shows its charts, and sends no request. With
    the variable REPORT_SCREENSHOTS, its directory gets screenshots, whose names start with ``screenshots``."""
    for width in (1440, 390):
        for scheme in ("light", "dark"):
            browser.open(url, width=width, scheme=scheme)
            assert browser.evaluate("document.documentElement.scrollWidth") <= width
            too_wide = (
                "[...document.querySelectorAll('body *')].filter(e => !e.closest('svg, thead') &&"
                f" e.getBoundingClientRect().right > {width}).map(e => e.outerHTML.slice(0, 200))"
            )
            assert browser.evaluate(too_wide) == []
            assert browser.evaluate("document.querySelectorAll('script, img, iframe').length") == 0
            assert browser.evaluate("document.querySelectorAll('svg').length") == charts
            urls = [each["params"]["request"]["url"] for each in _events(browser, "Network.requestWillBeSent")]
            assert [each for each in urls if each != url and not each.startswith("data:")] == []
            assert _events(browser, "Runtime.consoleAPICalled") == _events(browser, "Runtime.exceptionThrown") == []
            assert _events(browser, "Log.entryAdded") == []
            if folder := os.environ.get("REPORT_SCREENSHOTS"):
                browser.screenshot(Path(folder) / f"{screenshots}-{scheme}-{width}.png", whole=True)


def _events(browser: Browser, method: str) -> list[Row]:
    return [event for event in browser.events if event["method"] == method]
