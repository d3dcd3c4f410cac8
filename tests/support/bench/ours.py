"""`transcribed` as the bench runs it: its folders, its configuration, its process."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from bench.process import Process, Usage
from bench.server import Server


class Ours:
    """A daemon below `directory`, with inboxes of these names; `api` and `inbox` change its configuration."""

    def __init__(
        self,
        directory: Path,
        server: Server,
        *,
        inboxes: tuple[str, ...] = ("talks",),
        api: Mapping[str, Any] | None = None,
        inbox: Mapping[str, Any] | None = None,
    ) -> None:
        self.directory, self._server = directory, server
        self.state = directory / "state"
        self.log = directory / "log"
        self._config: dict[str, Any] = {
            "api": {"base_url": server.base_url, "accept_backlog_hours": 1_000_000, **(api or {})},
            "state": {"directory": str(self.state)},
            "log": {"format": "json"},
            "inbox": [self._inbox(name, inbox or {}) for name in inboxes],
        }

    def _inbox(self, name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        folders = {kind: self.folder(kind, name) for kind in ("inbox", "outbox", "archive", "failed")}
        folders["inbox"].mkdir(parents=True, exist_ok=True)
        folders["outbox"].mkdir(exist_ok=True)
        paths = {("path" if kind == "inbox" else kind): str(folder) for kind, folder in folders.items()}
        return {"name": name, **paths, "settle_seconds": 0, **changes}

    def folder(self, kind: str, name: str = "talks") -> Path:
        return self.directory / name / kind

    def command(self, *arguments: str) -> list[str]:
        config = self.directory / "config.toml"
        config.write_text(tomli_w.dumps(self._config))
        return [sys.executable, "-m", "transcribed", "--config", str(config), *arguments]

    def process(self, *arguments: str, watchdog_seconds: float = 0, **environ: str) -> Process:
        command = self.command(*(arguments or ("run",)))
        log = str(self.log)
        return Process(command, self._server.environ | environ, watchdog_seconds=watchdog_seconds, log=log)

    def change_inbox(self, **changes: Any) -> None:
        """Change the configuration of every inbox, on disk too."""
        for inbox in self._config["inbox"]:
            inbox.update(changes)
        self.command()

    def asked(self, *arguments: str, seconds: float = 600) -> Usage:
        """What a command used; its answer is not kept."""
        with Process(self.command(*arguments), self._server.environ) as process:
            usage = process.end(seconds)
        assert usage.status == 0, f"{arguments}: exit status {usage.status}"
        return usage

    def once(self, seconds: float) -> Usage:
        """What `run --once` used. Raises AssertionError where not all was delivered."""
        return self.timed(self.command("run", "--once"), seconds)

    def timed(self, command: list[str], seconds: float) -> Usage:
        """What a command used that does the same. Raises AssertionError where not all was delivered."""
        with Process(command, self._server.environ, log=str(self.log)) as process:
            usage = process.end(seconds)
        assert usage.status == 0, f"exit status {usage.status}; {self.log.read_text()[-2000:]}"
        return usage

    def delivered(self, name: str = "talks") -> int:
        """The number of transcripts in the outbox of this inbox. Its page is none."""
        with os.scandir(self.folder("outbox", name)) as found:
            return sum(not entry.name.startswith((".", "_")) for entry in found)
