"""The machine's life: the API, the daemon on all mounts, and what a case asks of them."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from nas.shares import Share
from transcribed.cli.app import app
from transcribed.job import Job
from world import mp3

HOME = Path("/srv/daemon")
SLOW_SECONDS = 15.0  # of a command that must not hang, beyond what it takes when all is well


def idle_seconds() -> float:
    """How long the machine has had nothing to do. All limits are in such seconds: what it works at may take its time.

    What hangs, or waits for a time, leaves it idle.
    """
    return float(Path("/proc/uptime").read_text().split()[1])


class Scene:
    """All that a case has. `made` holds each whole content that a case wrote, by its SHA-256."""

    def __init__(self, shares: Sequence[Share], api: FakeAssemblyAI, tell: Callable[..., None]) -> None:
        self.shares, self.api, self.tell = shares, api, tell
        self.made: dict[str, str] = {}
        self._jobs: list[Job] = []
        self._read_at = float("-inf")
        self.daemon = Daemon(HOME, api.base_url)
        self.daemon.is_cold = True
        self.daemon.config["api"] = {"base_url": api.base_url, "poll_seconds": 0.5}
        self.daemon.config["inbox"] = [share.configured() for share in shares]
        api.duration_of = lambda upload: upload.size * 8 / 128_000

    # Recordings.

    def recording(self, words: str, frames: int = 40) -> bytes:
        """A whole recording that no other has."""
        data = mp3(words, frames)
        self.made[hashlib.sha256(data).hexdigest()] = words
        return data

    def drop(self, case: str, shares: Iterable[Share] | None = None, frames: int = 40) -> dict[str, Path]:
        """One recording into each inbox, on the server's own disk; where they lie, by mount."""
        placed = {}
        for share in self.shares if shares is None else shares:
            placed[share.name] = share.place("inbox") / f"{case}-{share.name}.mp3"
            placed[share.name].write_bytes(self.recording(f"{case} {share.name}", frames))
        return placed

    # Jobs.

    def jobs(self, share: Share, case: str) -> list[Job]:
        """The jobs of a case's recordings there. The journal is read at most once a second."""
        if time.monotonic() - self._read_at > 1:
            self._jobs, self._read_at = self.daemon.jobs(), time.monotonic()
        mine = (job for job in self._jobs if job.inbox == share.name)
        return [job for job in mine if os.path.basename(job.path).startswith(case.encode() + b"-")]

    def states(self, share: Share, case: str) -> set[str]:
        """The states of the same."""
        return {str(job.state) for job in self.jobs(share, case)}

    def sending(self, case: str) -> set[str]:
        """The mounts of which a recording of the case is being uploaded, and part of it was sent."""
        rows = (row for row in self.daemon.status().get("open", []) if row.get("step") == "upload")
        return {row["inbox"] for row in rows if row.get("sent_bytes") and row["file"].startswith(f"{case}-")}

    def quiet(self, share: Share, case: str) -> bool:
        """True once nothing of the case lies in the inbox, and each of its jobs has ended."""
        lying = [
            path for path in share.place("inbox").rglob("*") if path.is_file() and path.name.startswith(f"{case}-")
        ]
        return not lying and all(job.has_ended and not job.unfinished for job in self.jobs(share, case))

    def wait(self, condition: Callable[[], Any], seconds: float) -> bool:
        """True once the condition holds; False after so many idle seconds."""
        deadline = idle_seconds() + seconds
        while True:
            with suppress(OSError, ValueError):
                if condition():
                    return True
            if idle_seconds() > deadline:
                return False
            time.sleep(0.5)

    def rest(self, seconds: float) -> None:
        """Let so many idle seconds pass: the daemon had the time to do whatever it wanted to."""
        self.wait(lambda: False, seconds)

    def wait_for_all(self, done: Callable[[Share], Any], seconds: float) -> dict[str, float]:
        """The seconds after which each mount was done; those that were not in time are missing."""
        began, took = time.monotonic(), dict[str, float]()

        def look() -> bool:
            for share in self.shares:
                if share.name not in took and done(share):
                    took[share.name] = time.monotonic() - began
            return len(took) == len(self.shares)

        self.wait(look, seconds)
        return took

    # Reasons.

    def reasons(self, share: Share, case: str) -> list[str]:
        """Each sentence that the status has for what waits of this case, with its fix."""
        status = self.daemon.status()
        mine = {f"inbox:{share.name}", f"outbox:{share.name}"}
        found = [f"{x['reason']} ({x['hint']})" for x in status.get("blocked", []) if x["lane"] in mine]
        jobs = [x for x in status.get("open", []) if x["inbox"] == share.name and x["reason"]]
        found += [f"{x['reason']} ({x['hint']})" for x in jobs if os.path.basename(x["file"]).startswith(f"{case}-")]
        for inbox in status.get("inboxes", []):
            if inbox["name"] == share.name:
                found += inbox["problems"] + ["its look is overdue"] * inbox["overdue"]
        rows = self.unsettled(share)
        found += [x["why"] for x in rows if os.path.basename(x["file"]).startswith(f"{case}-")]
        return list(dict.fromkeys(x.removesuffix(" ()") for x in found))

    def unsettled(self, share: Share) -> list[dict[str, str]]:
        """What the status says of the files that are not taken yet."""
        inboxes = self.daemon.status().get("inboxes", [])
        return [row for inbox in inboxes if inbox["name"] == share.name for row in inbox["unsettled"]]

    # Commands.

    def explained(self, path: Path) -> str:
        """The story of a file as `transcribed explain` tells it, without a process of its own: all servers answer."""
        return CliRunner().invoke(app, ["--config", str(HOME / "config.toml"), "explain", str(path)]).output

    def command(self, *arguments: str, seconds: float) -> tuple[float, str] | None:
        """The idle seconds that a command took, and what it said; None if it had not ended by then."""
        called = [sys.executable, "-m", "transcribed", "--config", str(HOME / "config.toml"), *arguments]
        said = HOME / f"said-{time.monotonic_ns()}"
        environ = os.environ | {"ASSEMBLYAI_API_KEY": self.daemon.key}
        began = idle_seconds()
        with said.open("wb") as file:  # a process in a call that hangs cannot be killed: it is left alone
            process = subprocess.Popen(called, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environ)
        if not self.wait(lambda: process.poll() is not None, seconds):
            process.terminate()
            return None
        return idle_seconds() - began, said.read_text(errors="replace")
