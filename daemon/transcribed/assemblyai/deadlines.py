"""The time that a call may take: the limits of its phases, and a deadline for its whole answer."""

import socket
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The longest that each phase of a call may take, in seconds.

    The deadline is for the whole answer, once the request is sent. It is also the read time-out of an upload.
    """

    connect_seconds: float = 10
    write_stall_seconds: float = 60
    read_seconds: float = 60
    deadline_seconds: float = 300


class Deadlines:
    """Hangs up on each call that waits too long for its answer: one thread, however many calls there are."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._changed = threading.Condition()
        self._waiting: dict[Line, tuple[float, socket.socket]] = {}  # in the order of their deadlines
        self._thread: threading.Thread | None = None
        self._is_idle = False  # it waits for a call, not for a time

    def begin(self, line: "Line", sock: socket.socket) -> None:
        """The deadline of this call runs from now on."""
        with self._changed:
            self._waiting.pop(line, None)  # or a renewed deadline would keep its place
            self._waiting[line] = time.monotonic() + self._seconds, sock
            if self._thread is None:
                (thread := threading.Thread(target=self._watch, name="deadlines", daemon=True)).start()
                self._thread = thread  # where it cannot be started now, the next call tries again
            if self._is_idle:  # else it wakes at an earlier deadline, and looks then
                self._changed.notify()

    def over(self, line: "Line") -> None:
        """Returns when this deadline can no longer hang up: the connection may be used again."""
        with self._changed:
            self._waiting.pop(line, None)

    def _watch(self) -> None:
        with self._changed:
            while True:
                if not self._waiting:
                    self._is_idle = True
                    self._changed.wait()
                    self._is_idle = False
                    continue
                line, (at, sock) = next(iter(self._waiting.items()))
                if at > time.monotonic():
                    self._changed.wait(at - time.monotonic())
                else:
                    del self._waiting[line]
                    line.hang_up(sock)


class Line:
    """The call that a thread is making: whether anything was sent, and whether its time is up."""

    def __init__(self, limits: Limits, deadlines: Deadlines) -> None:
        self.limits = limits
        self.is_sent = self.is_expired = False
        self._deadlines = deadlines
        self._sock: socket.socket | None = None
        self._outer: BaseException | None = None

    def begin(self) -> None:
        """Nothing of this call is sent yet."""
        self.is_sent = self.is_expired = False
        self._outer = sys.exception()

    def root_of(self, error: BaseException) -> BaseException:
        """The first cause of `error` within this call, not an error that the caller was already handling."""
        while error.__context__ is not None and error.__context__ is not self._outer:
            error = error.__context__
        return error

    def await_answer(self, sock: socket.socket) -> None:
        """The request is sent: the deadline runs from now on."""
        self._sock = sock
        self._deadlines.begin(self, sock)

    def renew(self) -> None:
        """A part of the answer came: the deadline runs from now on."""
        assert self._sock is not None
        self._deadlines.begin(self, self._sock)

    def over(self) -> None:
        """Returns when the deadline can no longer hang up: the connection may be used again."""
        self._deadlines.over(self)

    def hang_up(self, sock: socket.socket) -> None:
        """The time is up."""
        self.is_expired = True
        with suppress(OSError):
            # The plain shutdown, also of a TLS socket: its own shutdown would touch state that the reader uses.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
