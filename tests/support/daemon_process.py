"""A real daemon in a real process, and ways to wait for what it does."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import tomli_w

from fake_assemblyai import KEY
from transcribed.folders import ANCHOR, OWNER
from transcribed.job import Job
from transcribed.journal import Journal
from waiting import BOUND_SECONDS, wait_for
from warm import Warm


def _lines(path: Path) -> list[str]:
    with contextlib.suppress(FileNotFoundError):  # a descriptor that was closed meanwhile
        return path.read_text().splitlines()
    return []


QUICK = {"settle_seconds": 0.2, "formats": ["txt", "srt"], "page": False}
OURS = {os.fsdecode(ANCHOR), os.fsdecode(OWNER)}


class Daemon:
    """`transcribed run` with its folders, configuration and log; a context manager that leaves nothing running.

    It is forked from a process that has imported everything (warm.py), and inherits that one's umask and environment.
    With `is_cold` it is a new Python of its own, a child of the test's process; its start takes ten times as long.
    """

    def __init__(self, directory: Path, base_url: str, *, key: str = KEY, **inbox: Any) -> None:
        self.directory = directory
        self.base_url = base_url
        self.key = key
        self.environ: dict[str, str] = {}
        self.is_cold = False
        self.state = directory / "state"
        self.log = directory / "log"
        self.process: subprocess.Popen[bytes] | Warm | None = None
        self.folders = {name: directory / name for name in ("inbox", "outbox", "archive", "failed")}
        self.folders["inbox"].mkdir(parents=True)
        paths = {("path" if name == "inbox" else name): str(folder) for name, folder in self.folders.items()}
        self.config: dict[str, Any] = {
            "api": {"base_url": base_url, "poll_seconds": 0.2, "reconcile_seconds": 1.0},
            "state": {"directory": str(self.state)},
            "log": {"format": "json"},
            "inbox": [{"name": "talks", **paths, **QUICK, **inbox}],
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def write_config(self) -> Path:
        path = self.directory / "config.toml"
        path.write_text(tomli_w.dumps(self.config))
        return path

    def start(self, *arguments: str) -> None:
        command = ["--config", str(self.write_config()), "run", *arguments]
        environ = {k: v for k, v in os.environ.items() if not k.startswith(("TRANSCRIBED", "ASSEMBLYAI", "XDG"))}
        environ |= {"ASSEMBLYAI_API_KEY": self.key, **self.environ}
        if self.is_cold:
            with self.log.open("ab") as log:
                cold = [sys.executable, "-m", "transcribed", *command]
                self.process = subprocess.Popen(cold, env=environ, stdout=log, stderr=log)
        else:
            self.process = self.warm(command, environ)

    def warm(self, command: Sequence[str], environ: Mapping[str, str]) -> Warm:
        return Warm(command, environ, self.log)

    def wait(self, seconds: float = BOUND_SECONDS) -> int:
        assert self.process is not None
        return self.process.wait(timeout=seconds)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, as a power cut or the kernel would."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=BOUND_SECONDS)

    def threads(self) -> int:
        assert self.process is not None
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def has_inotify_below(self, folder: str) -> bool:
        """True if the kernel watches this folder for the process (proc_pid_fdinfo(5): inodes in hexadecimal)."""
        assert self.process is not None
        wanted = f"ino:{self.folders[folder].stat().st_ino:x} "
        infos = Path(f"/proc/{self.process.pid}/fdinfo").iterdir()
        return any(line.startswith("inotify") and wanted in line for info in infos for line in _lines(info))

    def drop(self, name: str, data: bytes) -> None:
        """Write a recording as a copying program does: in place."""
        path = self.folders["inbox"] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def files(self, folder: str) -> list[str]:
        root = self.folders[folder]
        paths = (path for path in root.rglob("*") if path.is_file() and path.name not in OURS)
        return sorted(str(path.relative_to(root)) for path in paths)

    def jobs(self) -> list[Job]:
        journal = Journal.read(str(self.state))
        try:
            return journal.all()
        finally:
            journal.close()

    def events(self) -> list[str]:
        """The names of what was logged; a line that is being written is none yet."""
        lines = self.log.read_text().rpartition("\n")[0].split("\n") if self.log.exists() else []
        return [json.loads(line)["event"] for line in lines if line.startswith("{")]

    def status(self) -> dict[str, Any]:
        with contextlib.suppress(FileNotFoundError):
            return dict(json.loads((self.state / "status.json").read_text()))
        return {}

    def why_not(self, name: str) -> str:
        """The reason that the status gives for a recording that is not taken yet; empty where it gives none."""
        unsettled = [row for inbox in self.status().get("inboxes", []) for row in inbox["unsettled"]]
        return next((row["why"] for row in unsettled if row["file"] == name), "")

    def wait_for_archive(self, count: int, seconds: float = BOUND_SECONDS) -> None:
        wait_for(lambda: len(self._visible("archive")) == count, f"{count} files in the archive", seconds)

    def _visible(self, folder: str) -> list[str]:
        """The names that people see: no temporary of ours."""
        return [name for name in self.files(folder) if not os.path.basename(name).startswith(".")]
