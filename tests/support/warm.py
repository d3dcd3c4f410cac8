"""A daemon's process that is at work at once: forked from one that has imported everything already.

Most of a short life is the start of Python and its imports, and a sweep has hundreds of such lives; each is a process
of its own that does what `python -m transcribed` does.
"""

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import wait
from pathlib import Path

from waiting import wait_for

_SERVER = multiprocessing.get_context("forkserver")
_LOADED = ["transcribed.cli.app", "transcribed.cli.run", "transcribed.journal.migrations", __name__]
_SERVER.set_forkserver_preload(_LOADED)
_ONE_AT_A_TIME = threading.Lock()  # a status can be fetched once, and any start asks for those of all others


def transcribed() -> None:
    """The command line."""
    from transcribed.cli import main  # noqa: PLC0415 - the tests' own process has no use for it

    main()


def opened(most_bytes: int) -> None:
    """A program, no file of which may grow larger: it opens the journal of a directory, and says what became of it."""
    from transcribed.errors import Blocked  # noqa: PLC0415 - as above
    from transcribed.journal import Journal  # noqa: PLC0415 - as above

    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    try:
        Journal.open(sys.argv[1]).close()
    except Blocked as error:
        sys.stdout.write(f"{error.lane} {error.hint}")
    else:
        sys.stdout.write("opened")


class Warm:
    """The part of Popen that a Daemon needs. `traced`: the process does nothing before strace is attached to it."""

    def __init__(
        self,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        log: Path,
        *,
        main: Callable[[], None] = transcribed,
        traced: bool = False,
    ) -> None:
        life = (arguments, dict(environ), log, main, traced)
        self._process = _SERVER.Process(target=_live, args=life, daemon=True)
        with _ONE_AT_A_TIME:
            self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        with _ONE_AT_A_TIME:
            return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        wait([self._process.sentinel], timeout)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired("transcribed", timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        with _ONE_AT_A_TIME:
            self._process.kill()


def _live(
    arguments: Sequence[str], environ: Mapping[str, str], log: Path, main: Callable[[], None], traced: bool
) -> None:
    """In the new process: what `python -m transcribed` does."""
    said = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.close(said)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = ["transcribed", *arguments]
    if traced:
        wait_for(_is_traced, "strace")
    main()


def _is_traced() -> bool:
    return "\nTracerPid:\t0\n" not in Path("/proc/self/status").read_text()
