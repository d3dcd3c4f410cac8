"""A real browser without a screen: Chromium, spoken to in the W3C's WebDriver protocol, which is JSON over HTTP."""

import functools
import importlib.metadata
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from ends import ended
from waiting import wait_for

#: The key under which WebDriver names an element (W3C WebDriver, 12.1).
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"

#: No sandbox, for CI runs as root; no shared memory, for containers have little; no host but this machine is known.
_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@functools.cache
def _axe() -> str:
    """The script of axe-core, which knows the rules of WCAG. Its package is for another driver, and is not imported."""
    package = importlib.metadata.distribution("axe-playwright-python")
    return Path(str(package.locate_file("axe_playwright_python/axe.min.js"))).read_text(encoding="utf-8")


class Browser:
    """One window."""

    def __init__(self, address: str, window: str) -> None:
        self._address = f"{address}/session/{window}"

    def _tell(self, path: str, **body: Any) -> Any:
        answer = requests.post(self._address + path, json=body, timeout=60).json()["value"]
        assert not (isinstance(answer, dict) and "error" in answer), answer
        return answer

    def open(self, address: str) -> None:
        self._tell("/url", url=address)

    def run(self, script: str, *args: Any) -> Any:
        """Return what a script returns in the page."""
        return self._tell("/execute/sync", script=script, args=args)

    def judged(self) -> list[str]:
        """The findings of axe-core in the page as it is shown now, each with how bad it is and where."""
        if not self.run("return 'axe' in window"):
            self.run(_axe())
        told = "found.violations.map(each => `${each.impact} ${each.id}: ${each.nodes.map(node => node.html)}`)"
        found: list[str] = self.run(f"return axe.run().then(found => {told})")
        return found

    def press(self, key: str) -> None:
        """Press and let go a key, by its name in the standard of events: `Tab`, `Enter`."""
        code = {"Tab": 9, "Enter": 13}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self._devtools("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text)

    def write(self, text: str) -> None:
        """Type into what has the focus."""
        self._devtools("Input.insertText", text=text)

    def run_async(self, script: str, *args: Any) -> Any:
        """Return what a script in the page hands to the last of its arguments, a function."""
        return self._tell("/execute/async", script=script, args=args)

    def find(self, xpath: str) -> Any:
        return self._tell("/element", using="xpath", value=xpath)[_ELEMENT]

    def click(self, xpath: str) -> None:
        self._tell(f"/element/{self.find(xpath)}/click")

    def type(self, xpath: str, text: str) -> None:
        self._tell(f"/element/{self.find(xpath)}/value", text=text)

    def resize(self, width: int, height: int) -> None:
        """Give the page so many pixels, as a phone or a screen has them."""
        self._devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    def emulate(self, *, media: str = "", scheme: str = "light") -> None:
        """Show the page on paper (`media="print"`), or in the colours of a scheme."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._devtools("Emulation.setEmulatedMedia", media=media, features=features)

    def _devtools(self, command: str, **parameters: Any) -> None:
        """Order something that WebDriver has no word for (Chromium's own protocol)."""
        self._tell("/goog/cdp/execute", cmd=command, params=parameters)

    def heap_bytes(self) -> int:
        """The memory that the page's scripts hold."""
        return int(self._tell("/goog/cdp/execute", cmd="Runtime.getHeapUsage", params={})["usedSize"])

    def log(self, kind: str) -> list[str]:
        """The notes since the last look: `browser` (console, refusals of the policy) or `performance`."""
        return [entry["message"] for entry in self._tell("/se/log", type=kind)]

    def requested(self) -> list[str]:
        """The address of everything that pages asked for since the last look, and were not refused by their policy."""
        found = [json.loads(message)["message"] for message in self.log("performance")]
        failed = [m["params"] for m in found if m["method"] == "Network.loadingFailed"]
        refused = {params["requestId"] for params in failed if params.get("blockedReason") == "csp"}
        asked = [m["params"] for m in found if m["method"] == "Network.requestWillBeSent"]
        addresses = [params["request"]["url"] for params in asked if params["requestId"] not in refused]
        return [address for address in addresses if not address.startswith(("chrome:", "data:"))]  # its own things

    def wait_for(self, script: str, seconds: float = 20) -> Any:
        """Until a script returns something true; fails after so many seconds."""
        return wait_for(lambda: self.run(script), f"never true: {script}", seconds)


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser that keeps what it writes in `folder`."""
    options = {"args": [*_FLAGS, f"--user-data-dir={folder}"], "binary": "/usr/bin/chromium"}
    wanted: dict[str, Any] = {
        "goog:chromeOptions": options,
        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
    }
    command = ["chromedriver", "--port=0"]
    with ended(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)) as driver:
        assert driver.stdout is not None
        ready = (re.search(r"started successfully on port (\d+)", line) for line in driver.stdout)
        address = f"http://127.0.0.1:{next(filter(None, ready))[1]}"
        answer = requests.post(f"{address}/session", json={"capabilities": {"alwaysMatch": wanted}}, timeout=60).json()
        window = answer["value"]["sessionId"]
        try:
            yield Browser(address, window)
        finally:
            requests.delete(f"{address}/session/{window}", timeout=60)
