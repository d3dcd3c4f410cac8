"""All who say how a daemon is: the command, its pages, and what it tells the service manager and its watchdog."""

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon_process import Daemon
from transcribed import places
from transcribed.monitor.evidence import seen_of
from transcribed.monitor.health import Health, judged
from waiting import wait_for


@dataclass
class Voices:
    """Those of one daemon, which has `manager` in the place of the service manager's socket."""

    daemon: Daemon
    manager: socket.socket

    def told(self) -> list[str]:
        """The messages to the service manager that came since the last call."""
        found = []
        with contextlib.suppress(TimeoutError):
            while True:
                found.append(self.manager.recv(65536).decode())
        return found

    def ping(self) -> bool:
        """True if the watchdog was pinged since the last look."""
        return any("WATCHDOG=1" in each for each in self.told())

    def page(self, path: str, seconds: float = 30) -> tuple[int, str] | None:
        """The status and the body of one of its pages; None where it does not answer."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(seconds)
            client.connect(str(self.daemon.directory / "m.sock"))
            client.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            with client.makefile("rb") as answer, contextlib.suppress(TimeoutError):
                head, _, body = answer.read().partition(b"\r\n\r\n")
                return int(head.split()[1]), body.decode()
        return None

    def health(self, *, strict: bool = False, at: float | None = None) -> Health:
        """What `transcribed health` says, now or `at` a time."""
        environ = self.daemon.environ
        return judged(seen_of(str(self.daemon.state), environ), time.time() if at is None else at, strict=strict)

    def blocked(self, lane: str) -> dict[str, Any] | None:
        """The lane as the status has it, once it is blocked."""
        path = places.status_path(str(self.daemon.state), self.daemon.environ)
        with contextlib.suppress(FileNotFoundError):
            rows = json.loads(Path(path).read_bytes())["blocked"]
            return next((row for row in rows if row["lane"] == lane), None)
        return None

    def name(self, lane: str) -> None:
        """Fails unless, once this lane is blocked, the command, the pages and STATUS= name it, and the pings go on."""
        row = wait_for(lambda: self.blocked(lane), f"{lane} is blocked")
        assert row is not None
        assert f"; {lane} blocked: " in "".join(each for each in self.told() if "STATUS=" in each)
        health = self.health()
        assert health.is_healthy
        assert any(each.startswith(f"{lane}: {row['reason']}") for each in health.waits)
        assert not self.health(strict=True).is_healthy
        good, ready = self.page("/healthz"), self.page("/readyz")
        assert good is not None
        assert ready is not None
        assert (good[0], ready[0]) == (200, 503)
        assert f"{lane}: " in good[1]
        wait_for(self.ping, "the next ping for the watchdog")


@contextlib.contextmanager
def of(daemon: Daemon) -> Iterator[Voices]:
    """Those of a daemon that is started inside."""
    path = os.fsdecode(daemon.directory / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(0.05)
        daemon.environ |= {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000000"}
        daemon.config["monitor"] = {"listen": f"unix:{daemon.directory}/m.sock"}
        yield Voices(daemon, manager)
