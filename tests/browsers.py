"""Chromium and Firefox without a window, driven by WebDriver commands with nothing but the standard library.

Chromium's driver takes the commands over HTTP; Firefox takes the same ones over a socket, its protocol Marionette.
"""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Protocol

FIREFOX: Final = shutil.which("firefox-esr") or shutil.which("firefox")
CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMEDRIVER: Final = shutil.which("chromedriver")

_PATIENCE: Final = 60.0  # seconds that a browser may take to start
_KEYS: Final = {"ArrowLeft": "\ue012", "ArrowRight": "\ue014", "Tab": "\ue004"}


class Browser(Protocol):
    """An open browser with one page.

    downloads: the folder in which it saves files.
    """

    downloads: Path

    def open(self, page: Path) -> None: ...

    def resize(self, width: int, height: int) -> None: ...

    def run(self, script: str) -> Any:
        """What a JavaScript function with this body returns."""

    def act(self, *actions: dict[str, Any]) -> None:
        """Perform WebDriver actions of one input device."""

    def screenshot(self) -> bytes: ...

    def complaints(self) -> list[str]:
        """The errors and warnings on the console since the browser was opened."""


def press(browser: Browser, key: str) -> None:
    """Press and release a key."""
    value = _KEYS.get(key, key)
    browser.act({"type": "key", "id": "keys", "actions": [{"type": t, "value": value} for t in ("keyDown", "keyUp")]})


def drag(browser: Browser, start: tuple[float, float], end: tuple[float, float], kind: str = "mouse") -> None:
    """Press at a point of the window, move to another one, and release; without a move that is a click."""
    x, y = start
    actions: list[dict[str, Any]] = [
        {"type": "pointerMove", "duration": 0, "x": round(x), "y": round(y)},
        {"type": "pointerDown", "button": 0},
        {"type": "pointerMove", "duration": 50, "x": round(end[0]), "y": round(end[1])},
        {"type": "pointerUp", "button": 0},
    ]
    browser.act({"type": "pointer", "id": kind, "parameters": {"pointerType": kind}, "actions": actions})


@contextlib.contextmanager
def chromium(*, dark: bool = False) -> Iterator[Browser]:
    """Chromium, if it and its driver are installed."""
    assert CHROMIUM is not None
    assert CHROMEDRIVER is not None
    port = _free_port()
    with _process([CHROMEDRIVER, f"--port={port}"]), tempfile.TemporaryDirectory() as downloads:
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1280,900"]
        arguments += ["--disable-dev-shm-usage"] + ["--force-dark-mode"] * dark
        wanted = {
            "goog:chromeOptions": {
                "binary": CHROMIUM,
                "args": arguments,
                "prefs": {"download.default_directory": downloads},
            },
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        browser = _Chromium(f"http://127.0.0.1:{port}", Path(downloads))
        browser.begin({"capabilities": {"alwaysMatch": wanted}})
        try:
            yield browser
        finally:
            browser.end()


class _Chromium:
    def __init__(self, driver: str, downloads: Path) -> None:
        self._url = driver + "/session"
        self.downloads = downloads

    def begin(self, capabilities: dict[str, Any]) -> None:
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                self._url += "/" + self._send("", capabilities)["sessionId"]
                return
            except urllib.error.URLError as error:  # the driver does not listen yet
                if isinstance(error, urllib.error.HTTPError) or time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def end(self) -> None:
        self._send("", method="DELETE")

    def open(self, page: Path) -> None:
        self._send("/url", {"url": page.as_uri()})

    def resize(self, width: int, height: int) -> None:
        self._send(
            "/goog/cdp/execute",
            {
                "cmd": "Emulation.setDeviceMetricsOverride",
                "params": {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
            },
        )

    def run(self, script: str) -> Any:
        return self._send("/execute/sync", {"script": script, "args": []})

    def act(self, *actions: dict[str, Any]) -> None:
        self._send("/actions", {"actions": list(actions)})

    def screenshot(self) -> bytes:
        return base64.b64decode(self._send("/screenshot", method="GET"))

    def command(self, name: str, **parameters: Any) -> Any:
        """A command of Chromium's own protocol."""
        return self._send("/goog/cdp/execute", {"cmd": name, "params": parameters})

    def complaints(self) -> list[str]:
        found = self._send("/se/log", {"type": "browser"})
        return [entry["message"] for entry in found if entry["level"] in ("SEVERE", "WARNING")]

    def _send(self, path: str, body: Any = None, method: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, method=method)  # noqa: S310  # our own driver
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310
            return json.load(answer)["value"]


@contextlib.contextmanager
def firefox(*, dark: bool = False) -> Iterator[Browser]:
    """Firefox, if it is installed."""
    assert FIREFOX is not None
    port = _free_port()
    with tempfile.TemporaryDirectory() as profile, tempfile.TemporaryDirectory() as downloads:
        settings = {
            "marionette.port": port,
            "layout.css.prefers-color-scheme.content-override": 0 if dark else 1,
            "browser.download.folderList": 2,  # the folder of `dir`
            "browser.download.dir": downloads,
        }
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in settings.items()]
        Path(profile, "user.js").write_text("\n".join(lines))
        arguments = [
            "--headless",
            "--marionette",
            "--no-remote",
            "--remote-allow-system-access",
            "--profile",
            profile,
            "--width=1280",
            "--height=900",
        ]
        with _process([FIREFOX, *arguments]), _connected(port) as connection:
            browser = _Firefox(connection, Path(downloads))
            try:
                yield browser
            finally:
                browser.end()


class _Firefox:
    def __init__(self, connection: socket.socket, downloads: Path) -> None:
        self._socket = connection
        self.downloads = downloads
        self._number = 0
        self._received()  # a greeting
        self._send("WebDriver:NewSession")

    def end(self) -> None:
        self._send("Marionette:Quit", flags=["eForceQuit"])

    def open(self, page: Path) -> None:
        self._send("WebDriver:Navigate", url=page.as_uri())

    def resize(self, width: int, height: int) -> None:
        self._send("WebDriver:SetWindowRect", width=width, height=height)

    def run(self, script: str) -> Any:
        return self._send("WebDriver:ExecuteScript", script=script, args=[])["value"]

    def act(self, *actions: dict[str, Any]) -> None:
        self._send("WebDriver:PerformActions", actions=list(actions))

    def screenshot(self) -> bytes:
        return base64.b64decode(self._send("WebDriver:TakeScreenshot", full=False)["value"])

    def complaints(self) -> list[str]:
        self._send("Marionette:SetContext", value="chrome")
        try:
            return list(
                self.run(
                    """return Services.console.getMessageArray()
                    .filter((message) => message instanceof Ci.nsIScriptError)
                    .filter((message) => message.sourceName.startsWith("file:"))
                    .map((message) => message.errorMessage)"""
                )
            )
        finally:
            self._send("Marionette:SetContext", value="content")

    def _send(self, name: str, **parameters: Any) -> Any:
        self._number += 1
        data = json.dumps([0, self._number, name, parameters]).encode()
        self._socket.sendall(b"%d:%b" % (len(data), data))
        _, _, error, result = self._received()
        if error:
            raise RuntimeError(f"{name}: {error['message']}")
        return result

    def _received(self) -> Any:
        digits = b""
        while not digits.endswith(b":"):
            digits += self._socket.recv(1)
        left, data = int(digits[:-1]), b""
        while len(data) < left:
            data += self._socket.recv(left - len(data))
        return json.loads(data)


@contextlib.contextmanager
def _process(command: list[str]) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
            process.terminate()


@contextlib.contextmanager
def _connected(port: int) -> Iterator[socket.socket]:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
        except ConnectionRefusedError:  # the browser does not listen yet
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            with connection:
                yield connection
            return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
