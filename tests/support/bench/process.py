"""A process under measurement: its start, its READY, its pings, its threads, and what wait4 says at its end."""

import contextlib
import itertools
import os
import select
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

_T = TypeVar("_T")

_BETWEEN_LOOKS_SECONDS = 0.05


class TooSlowError(Exception):
    """What was waited for did not come within its bound."""


@dataclass(frozen=True)
class Usage:
    """A process that has ended: times in seconds, memory in megabytes; `ready_seconds` of them were its start-up."""

    status: int
    seconds: float
    ready_seconds: float
    processor_seconds: float
    memory_mb: float
    threads: int

    @property
    def after_ready_seconds(self) -> float:
        return self.seconds - self.ready_seconds


class Process:
    """A command at work, told of a service manager that hears its READY and its pings; it is killed on the way out."""

    def __init__(
        self, command: Sequence[str], environ: Mapping[str, str], *, watchdog_seconds: float = 0, log: str = os.devnull
    ) -> None:
        self._command, self._environ, self._log = command, dict(environ), log
        if watchdog_seconds:
            self._environ["WATCHDOG_USEC"] = str(int(watchdog_seconds * 1e6))
        self.ready_at = 0.0
        self.heard: list[tuple[float, bytes]] = []  # what it told the service manager, and when
        self.usage: Usage | None = None
        self._threads = self._memory = 0  # the most of them; ru_maxrss would know the memory of the bench too

    def __enter__(self) -> Self:
        self._open = contextlib.ExitStack()
        directory = self._open.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        self._socket = self._open.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK))
        address = os.path.join(directory, "notify")
        self._socket.bind(address)
        with open(self._log, "ab") as log:
            self.began_at = time.monotonic()
            self._process = subprocess.Popen(
                self._command,
                env=self._environ | {"NOTIFY_SOCKET": address},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._pidfd = os.pidfd_open(self._process.pid)
        self._open.callback(os.close, self._pidfd)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        if self.usage is None:
            os.waitpid(self._process.pid, 0)
            self._process.returncode = -signal.SIGKILL
        self._open.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait_for(
        self, condition: Callable[[], _T], what: str, seconds: float, between: float = _BETWEEN_LOOKS_SECONDS
    ) -> _T:
        """What the condition gives once it holds. Raises TooSlowError, also where the process ends before."""
        deadline = time.monotonic() + seconds
        while not (seen := condition()):
            if time.monotonic() > deadline:
                raise TooSlowError(f"in vain for {seconds:g} s: {what}")
            if self._has_ended(between):
                raise TooSlowError(f"it ended before: {what}")
        return seen

    def wait_ready(self, seconds: float) -> float:
        """The seconds from its start to its READY."""
        self.wait_for(lambda: self.ready_at, "READY", seconds)
        return self.ready_at - self.began_at

    def heard_after(self, word: bytes, since: float) -> float:
        """When it first said this after that time; 0 if it has not."""
        return next((at for at, text in self.heard if at > since and word in text), 0.0)

    def watch(self, seconds: float) -> None:
        """Hear it for so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._has_ended(min(left, _BETWEEN_LOOKS_SECONDS))

    def end(self, seconds: float) -> Usage:
        """What it used, once it has ended by itself. Raises TooSlowError."""
        deadline = time.monotonic() + seconds
        while not self._has_ended(_BETWEEN_LOOKS_SECONDS):
            if time.monotonic() > deadline:
                raise TooSlowError(f"it did not end within {seconds:g} s")
        ended_at = time.monotonic()
        self._hear()
        _, status, used = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self.usage = Usage(
            status=self._process.returncode,
            seconds=ended_at - self.began_at,
            ready_seconds=(self.ready_at or self.began_at) - self.began_at,
            processor_seconds=used.ru_utime + used.ru_stime,
            memory_mb=self._memory / 1024,
            threads=self._threads,
        )
        return self.usage

    def processor_seconds(self) -> float:
        """The processor time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self, peak: bool = False) -> float:
        """The resident memory now, or the most that it was."""
        return self._status("VmHWM" if peak else "VmRSS") / 1024

    def longest_silence(self, since: float, until: float) -> float:
        """The longest time in which nothing was heard of it, between these two times."""
        heard = [since, *(at for at, _ in self.heard if since < at < until), until]
        return max(after - before for before, after in itertools.pairwise(heard))

    def _has_ended(self, seconds: float) -> bool:
        """Hear it until it says something or ends, at most so long."""
        readable, _, _ = select.select([self._socket.fileno(), self._pidfd], [], [], seconds)
        if self._pidfd in readable:
            return True
        self._hear()
        with contextlib.suppress(OSError, StopIteration):
            self._threads = max(self._threads, self._status("Threads"))
            self._memory = max(self._memory, self._status("VmHWM"))
        return False

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while text := self._socket.recv(65536):
                now = time.monotonic()
                self.heard.append((now, text))
                if b"READY=1" in text and not self.ready_at:
                    self.ready_at = now

    def _status(self, name: str) -> int:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1])
