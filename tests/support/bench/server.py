"""The stand-in, as the bench starts and asks it."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

KEY = "bench-key-0123456789"
_ANSWER_SECONDS = 60.0


@dataclass(frozen=True)
class Asked:
    """What the stand-in was asked so far."""

    counts: dict[str, int]
    events: Sequence[tuple[str, float, int]]
    processor_seconds: float

    def times(self, what: str, size: int | None = None) -> list[float]:
        """The times of these events, of recordings of this size."""
        return [at for event, at, of_size in self.events if event == what and size in (None, of_size)]


class Server:
    """A stand-in in a process of its own; a context manager that leaves nothing running."""

    def __init__(
        self,
        *,
        processing_seconds: float = 2.0,
        uplink: float = 0,
        connection: float = 0,
        round_trip: float = 0,
        slots: int = 0,
        words: int = 30,
    ) -> None:
        options = {"processing-seconds": processing_seconds, "slots": slots, "words": words}
        options |= {"uplink": uplink, "connection": connection, "round-trip": round_trip}
        self._options = [text for name, value in options.items() for text in (f"--{name}", str(value))]

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "bench.standin", *self._options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().strip()
        assert self.base_url, "the stand-in did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def environ(self) -> dict[str, str]:
        """The environment of its clients."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith(_OF_CLIENTS)}
        return kept | {"ASSEMBLYAI_API_KEY": KEY, "BASE_URL": self.base_url}

    def asked(self) -> Asked:
        return Asked(**self._get("/bench/figures"))

    def since(self, moment: float, what: str, size: int | None = None) -> float:
        """The time of the first such event after `moment`; 0 if there is none."""
        return next((at for at in self.asked().times(what, size) if at > moment), 0.0)

    def answer_all(self, status: int) -> None:
        """From now on the API answers everything so; 0: as it should."""
        self._get(f"/bench/set?status={status}")

    def _get(self, path: str) -> dict[str, Any]:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.base_url + path, timeout=_ANSWER_SECONDS) as answer:
            return dict(json.load(answer))


_OF_CLIENTS = ("TRANSCRIBED", "ASSEMBLYAI", "XDG", "NOTIFY_SOCKET", "WATCHDOG")
