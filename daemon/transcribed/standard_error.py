"""Standard error, where log lines go: one that hangs or is full loses lines, and never holds the program.

A pipe whose reader hangs, a terminal that was stopped and a service manager's socket take nothing more once they are
full. Then a line waits for a moment, and those after it do not wait: they are counted, and how many there were is told
as soon as lines are read again.

Where it is a file, lines are appended to it, and `reopen` goes on in a new one after the old one was renamed.
"""

import contextlib
import functools
import logging
import os
import select
import stat
from fcntl import F_GETFL, F_SETFL, fcntl

import structlog

PATIENCE_MILLISECONDS = 1000  # for a reader that is slow; the host's watchdog waits longer
_STDOUT, _STDERR = 1, 2


class Handler(logging.Handler):
    """Writes each record to standard error."""

    def __init__(self) -> None:
        super().__init__()
        self._lost = 0
        self._is_torn = False  # the last line has no end
        with contextlib.suppress(OSError):
            _append()

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, or count it as lost."""
        self.write(self.format(record))

    def write(self, text: str) -> None:
        """Write one line, or count it as lost."""
        try:
            start = "\n" if self._is_torn else ""
            is_whole = self._written(f"{start}{text}\n".encode(errors="backslashreplace"))
        except OSError:  # a full disk, a reader that has gone
            is_whole = False
        if not is_whole:
            self._lost += 1
        elif self._lost:
            self._tell()

    def _tell(self) -> None:
        """Say how many lines were lost."""
        lost, self._lost = self._lost, 0
        structlog.get_logger().warning("log.lost", lines=lost)
        if self._lost:  # that line was too
            self._lost = lost

    def _written(self, data: bytes) -> bool:
        """True if all of it was taken. A pipe that is ready takes PIPE_BUF bytes at once: pipe(7)."""
        for start in range(0, len(data), select.PIPE_BUF):
            if not _is_ready(0 if self._lost else PATIENCE_MILLISECONDS):
                return False
            _write(data[start : start + select.PIPE_BUF])
            self._is_torn = start + select.PIPE_BUF < len(data)
        return True


def _is_ready(patience_milliseconds: int) -> bool:
    """True if it takes bytes, or refuses them, without a wait. A file always does."""
    poll = select.poll()
    poll.register(_STDERR, select.POLLOUT)
    return bool(poll.poll(patience_milliseconds))


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(_STDERR, data) :]


def _append() -> None:
    """Append to standard error where it is a file: after `copytruncate`, what is not appended leaves a hole."""
    if _log_file() is not None:
        fcntl(_STDERR, F_SETFL, fcntl(_STDERR, F_GETFL) | os.O_APPEND)


@functools.cache
def _log_file() -> bytes | None:
    """The path of the file that standard error was at the start; None where it is none."""
    if not stat.S_ISREG(os.fstat(_STDERR).st_mode):
        return None
    return os.readlink(b"/proc/self/fd/%d" % _STDERR)


def reopen() -> None:
    """Go on in a new file of the same name and mode, where standard error's file was renamed. Raises OSError."""
    path = _log_file()
    if path is None:
        return
    old = os.fstat(_STDERR)
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(os.stat(path), old):
            return
    new = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, stat.S_IMODE(old.st_mode))
    try:
        if os.path.samestat(os.fstat(_STDOUT), old):
            os.dup2(new, _STDOUT)
        os.dup2(new, _STDERR)
    finally:
        os.close(new)
