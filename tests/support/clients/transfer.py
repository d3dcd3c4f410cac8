"""A client at work: it can be stopped and let go on, as a sleeping laptop does, and be cut off."""

import contextlib
import signal
import subprocess
import threading
from pathlib import Path
from typing import IO

from clients.senders import RATE, Command
from clients.serving import end, program, signal_group

BLOCK = 15_000
BOUND_SECONDS = 900.0  #: of one client that does not end by itself


class Transfer:
    """A client's process and what was said by it. `sleeper` stops in its place where another process sends."""

    def __init__(self, command: Command, log: Path, sleeper: subprocess.Popen[bytes] | None = None) -> None:
        path = program(command.argv[0])
        assert path, f"{command.argv[0]} is not installed"
        with log.open("ab") as said:
            said.write(b"$ " + repr(command.argv).encode()[:400] + b"\n")
            self._process = subprocess.Popen(
                [path, *command.argv[1:]],
                stdin=subprocess.PIPE if command.fed else subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        self._sleeper = sleeper or self._process
        self._running = threading.Event()
        self._running.set()
        if command.fed and self._process.stdin:
            what = (command.fed.read_bytes(), self._process.stdin)
            threading.Thread(target=self._feed, args=what, daemon=True).start()

    def _feed(self, data: bytes, sink: IO[bytes]) -> None:
        """On a thread of its own: the file into the client's standard input, at the rate, while the client runs."""
        with contextlib.suppress(OSError), sink:
            for at in range(0, len(data), BLOCK):
                self._running.wait()
                sink.write(data[at : at + BLOCK])
                sink.flush()
                threading.Event().wait(BLOCK / RATE)

    @property
    def is_at_work(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        self._running.clear()
        signal_group(self._sleeper, signal.SIGSTOP)

    def go_on(self) -> None:
        signal_group(self._sleeper, signal.SIGCONT)
        self._running.set()

    def cut(self) -> None:
        """The client is gone at once, if it is not yet; its server finds out by the connection."""
        if self.is_at_work:  # else its number may be another's by now
            signal_group(self._process, signal.SIGKILL)
            self._process.wait()
        self._running.set()

    def wait(self) -> int:
        """Return its status, once it has ended; one that does not end is killed."""
        try:
            return self._process.wait(BOUND_SECONDS)
        finally:
            end(self._process)
