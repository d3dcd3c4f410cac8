"""The daemon's own recogniser: the local API as a process of the daemon, started, watched and ended by it.

Rules: it listens at a socket that the daemon made and keeps, so a call waits while it is started again. Nobody but the
two knows its key, which is a new one at each start of the daemon. It ends with the daemon, however that ends, for a
pipe closes then. A recording that kills a recogniser is that API's business, which has each in a process of its own.
"""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import structlog

from transcribed import local, service
from transcribed.errors import API, Blocked, ConfigError, Stopped
from transcribed.job import LOCAL, Account, printable

log = structlog.get_logger()

#: The account in the journal: the same whatever port and key it has today, and never that of another API.
ACCOUNT = Account.of(LOCAL, LOCAL)

READY_SECONDS = 60.0  # a call waits so long for one that starts, as for any answer: a slow disk reads a model
_QUICKEST_SECONDS, _SLOWEST_SECONDS = 1.0, 60.0  # between an end and the next start; doubled each time
_FAREWELL_SECONDS = 5.0  # a stop takes two
_SAID_CHARACTERS = 500


class OwnApi:
    """The process and its address. `wait_until_ready` may be called from any thread, the rest from the daemon's own."""

    def __init__(self, directory: str, stop: threading.Event, **options: str | int | None) -> None:
        """`options` are those of `transcribed local-api`, by their names; None is its default. Raises ConfigError."""
        if found := problems(**options):
            raise ConfigError(found)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.key = secrets.token_urlsafe(32)
        given = (f"--{name.replace('_', '-')}={value}" for name, value in options.items() if value is not None)
        self._arguments = [f"--directory={directory}", *given]
        self._stop = stop
        self._ready = threading.Event()
        self._why = ""  # the last one ended before it was ready
        self._said = "it is starting"
        self._ending = threading.Event()
        self._changing = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._tell_ready: Callable[[], None] = lambda: None
        self._watcher = threading.Thread(target=self._watch, name="local-api", daemon=True)

    def start(self, tell_ready: Callable[[], None] = lambda: None) -> None:
        """Start it, and again each time that it ends. Returns at once.

        `tell_ready` is called each time that it answers, from another thread: nobody waits longer than it takes.
        """
        self._tell_ready = tell_ready
        self._watcher.start()

    def wait_until_ready(self) -> None:
        """Return once it answers. Raises Blocked where it does not start, Stopped once the daemon stops."""
        until = time.monotonic() + READY_SECONDS
        while not self._ready.wait(0.2):
            if self._stop.is_set():
                raise Stopped("the daemon is stopping", refused=True)
            if self._why or time.monotonic() > until:
                why = self._why or f"it is not ready: {self._said}"
                hint = "it is started again by itself; the log has what it said"
                raise Blocked(f"the recogniser on this machine: {why}", lane=API, hint=hint, refused=True)

    def end(self) -> None:
        """End it, and let nothing of it be left."""
        with self._changing:
            self._ending.set()
            process = self._process
        if process is not None:
            _hang_up(process)
        if self._watcher.is_alive():
            self._watcher.join(_FAREWELL_SECONDS)
        if process is not None and self._watcher.is_alive():
            _kill_all_of(process)
            self._watcher.join()
        self._listening.close()

    def _watch(self) -> None:
        pause_seconds = _QUICKEST_SECONDS
        while (process := self._started()) is not None:
            began = time.monotonic()
            reader = threading.Thread(target=self._listen, args=(process,), name="local-api-says", daemon=True)
            reader.start()
            status = _end_of(process)
            reader.join()
            if self._ending.is_set():
                return
            self._tell_end(status)
            if time.monotonic() - began > _SLOWEST_SECONDS:
                pause_seconds = _QUICKEST_SECONDS
            self._ending.wait(pause_seconds)
            pause_seconds = min(2 * pause_seconds, _SLOWEST_SECONDS)

    def _started(self) -> "subprocess.Popen[bytes] | None":
        """A new process; None once none is wanted any more."""
        while not self._ending.is_set():
            with self._changing:
                if self._ending.is_set():
                    return None
                try:
                    self._process = self._spawned()
                except OSError as error:  # no memory, or too many processes
                    self._why = f"it cannot be started: {error.strerror}"
                else:
                    return self._process
            self._ending.wait(_SLOWEST_SECONDS)
        return None

    def _spawned(self) -> "subprocess.Popen[bytes]":
        descriptor = self._listening.fileno()
        command = [sys.executable, "-P", "-m", "transcribed", "local-api", "--child", str(descriptor)]
        process = subprocess.Popen(  # noqa: S603  this program itself; -P: nothing from the working directory
            [*command, *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[descriptor],
            env=service.environment_of_our_own(os.environ),
            process_group=0,  # Ctrl-C is for the daemon, which ends it
        )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended already
            process.stdin.write(f"{self.key}\n".encode())
            process.stdin.flush()
        return process

    def _listen(self, process: "subprocess.Popen[bytes]") -> None:
        """Hear all that it says: its address once it answers, and lines for people."""
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                text = printable(line.decode("utf-8", "replace").rstrip())[:_SAID_CHARACTERS]
                if text == self.base_url:
                    self._why = ""
                    self._ready.set()
                    log.info("recogniser.started", pid=process.pid)
                    self._tell_ready()
                elif text:
                    self._said = self._said if text.startswith(" ") else text  # no hint, and no part of a traceback
                    log.info("recogniser.said", text=text)

    def _tell_end(self, status: int) -> None:
        was_ready = self._ready.is_set()
        self._ready.clear()
        how = signal.strsignal(-status) if status < 0 else f"status {status}"
        if not was_ready:
            self._why = f"it ended ({how}): {self._said}"
        log.error("recogniser.ended", how=how, last_said=self._said)


def problems(**options: Any) -> list[str]:
    """All that keeps a recogniser with these options of `transcribed local-api` from running here."""
    engine = options["engine"]
    return local.problems(local.Options(options["model"], engine and local.Elsewhere(engine), options["workers"]))


def _end_of(process: "subprocess.Popen[bytes]") -> int:
    """The status of a process once it has ended; the processes that it left behind are ended too."""
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # until it is reaped, nobody else has its number
    _kill_all_of(process)
    _hang_up(process)
    return process.wait()


def _hang_up(process: "subprocess.Popen[bytes]") -> None:
    """Close its pipe: it ends by itself. (A signal from here would reap it where it has ended already.)"""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()


def _kill_all_of(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
