"""The ways in which others are told of the daemon: by HTTP, a file for node_exporter, and a heartbeat.

The loop only lays its newest status down, and a sign of life with each pass; it waits for nobody. All else is done on
threads of this module.
"""

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests
import structlog

from transcribed import files
from transcribed.monitor import metrics
from transcribed.monitor.health import Evidence, Health, judged
from transcribed.monitor.server import Answer, Server

log = structlog.get_logger()

EACH_SECONDS = 60.0  # between two heartbeats, and two files
SILENT_SECONDS = 60.0  # of the loop, as for the watchdog of the shipped unit; its longest wait is a quarter of that
_PING_SECONDS = 10.0
_TEXT, _JSON = "text/plain; charset=utf-8", "application/json"
_METRICS = "text/plain; version=0.0.4; charset=utf-8"
_READABLE = files.Access(file_mode=0o644)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The ways in which others are told; None: not so."""

    listen: str | None = None
    textfile: str | None = None
    heartbeat_url: str | None = None


class Monitor:
    """The newest of the daemon, for who asks, and the ways in which it is told unasked."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._status = b""
        self._beat_at = time.monotonic()
        self._wanted = Wanted()
        self._server: Server | None = None
        self._stop = threading.Event()
        self._said: dict[str, str] = {}

    # -- the loop's side: nothing here waits

    def beat(self) -> None:
        """The loop is alive."""
        self._beat_at = time.monotonic()

    def show(self, status: bytes) -> None:
        """The newest status, as JSON."""
        self._status = status

    # -- the others' side

    @property
    def address(self) -> Any:
        """The address of its server, as the socket has it; None while it has no server."""
        return self._server and self._server.address

    def adopt(self, wanted: Wanted) -> None:
        """Tell others in these ways from now on. What cannot be had is a line in the log, and stops nothing else."""
        if wanted == self._wanted:
            return
        self.leave()
        self._wanted, self._stop = wanted, threading.Event()
        if wanted.listen is not None:
            try:
                self._server = Server(wanted.listen, self.answer)
            except OSError as error:
                log.error("monitor.unavailable", listen=wanted.listen, reason=error.strerror or str(error))  # noqa: TRY400 - a condition
        for act, is_wanted in ((self._write, wanted.textfile), (self._ping, wanted.heartbeat_url)):
            if is_wanted is not None:
                threading.Thread(target=self._each, args=(act, self._stop), name="monitor", daemon=True).start()

    def leave(self) -> None:
        """Tell nobody any more; no file says that a daemon is healthy that has stopped."""
        self._stop.set()
        if self._server is not None:
            self._server.stop()
            self._server = None
        if self._wanted.textfile is not None:
            with contextlib.suppress(OSError):
                files.forget(os.fsencode(self._wanted.textfile))
        self._wanted = Wanted()

    def health(self, *, strict: bool = False) -> Health:
        """The daemon's health as this process sees it: by the passes of its loop, not by files."""
        return self._judged(self._fields(), strict=strict)

    def _judged(self, fields: Mapping[str, Any], *, strict: bool = False) -> Health:
        at = time.time() - (time.monotonic() - self._beat_at)
        seen = Evidence(fields or None, at, at, locked_at=0.0 if fields else at, silent_seconds=SILENT_SECONDS)
        return judged(seen, time.time(), strict=strict)

    def answer(self, path: str) -> Answer | None:
        """The page at this path; None where there is none."""
        match path:
            case "/healthz" | "/readyz":
                health = self.health(strict=path == "/readyz")
                return Answer(200 if health.is_healthy else 503, _TEXT, f"{health.line()}\n".encode())
            case "/status.json":
                return Answer(200, _JSON, self._status) if self._status else Answer(503, _TEXT, b"none yet\n")
            case "/metrics":
                try:
                    return Answer(200, _METRICS, self._metrics())
                except ImportError:
                    return Answer(501, _TEXT, f"{metrics.MISSING}\n".encode())
        return None

    def _fields(self) -> Mapping[str, Any]:
        fields: Mapping[str, Any] = json.loads(self._status or b"{}")
        return fields

    def _metrics(self) -> bytes:
        fields = self._fields()
        is_ready = self._judged(fields, strict=True).is_healthy
        return metrics.text(fields, self._judged(fields), is_ready=is_ready, version=self._version)

    def _each(self, act: Callable[[], None], stop: threading.Event) -> None:
        """Do this now and each minute; a trouble is told once, until it is over."""
        while not stop.is_set():
            try:
                act()
            except (
                OSError,
                ImportError,
                ValueError,
            ) as error:  # requests' errors are OSErrors; they may hold the address
                self._say(act.__name__, _why(error))
            else:
                self._said.pop(act.__name__, None)
            stop.wait(EACH_SECONDS)

    def _say(self, what: str, why: str) -> None:
        if self._said.get(what) != why:
            self._said[what] = why
            what = {"_write": "writing the textfile", "_ping": "sending the heartbeat"}[what]
            log.warning("monitor.failed", doing=what, reason=why)

    def _write(self) -> None:
        """Write the metrics for node_exporter, whole or not at all. Raises OSError, ImportError."""
        if (path := self._wanted.textfile) is not None:
            files.replace(os.fsencode(path), self._metrics(), access=_READABLE)

    def _ping(self) -> None:
        """Send the heartbeat, if the daemon is healthy. Raises OSError."""
        url = self._wanted.heartbeat_url
        if url is None or not self.health().is_healthy:
            return
        with requests.get(url, timeout=_PING_SECONDS, stream=True, allow_redirects=False) as answer:
            if not answer.ok:
                raise OSError(0, f"the server answered {answer.status_code}")


def _why(error: Exception) -> str:
    """The reason of a failure, without the address that it may hold."""
    match error:
        case ImportError():
            return metrics.MISSING
        case ValueError() if not isinstance(error, OSError):
            return "this is no address"
    return getattr(error, "strerror", None) or type(error).__name__
