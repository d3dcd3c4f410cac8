"""The signals of the daemon: caught from its first moment on, and told at once, whatever the main thread does.

Python runs a signal's handler in the main thread alone, between two of its steps: one that comes just before that
thread blocks in a call is heard when the call has ended. So these handlers do nothing. The kernel calls the C code in
front of them, which writes the signal's number into a pipe, and a thread waits there. No signal is blocked or ignored
and the pipe is closed by exec, so a child begins without any of it.

It imports nothing large: until it is there, a hangup ends the process.
"""

import functools
import os
import signal
import threading
from collections.abc import Callable


class Signals:
    """SIGTERM and SIGINT, which stop, SIGHUP, which reloads, and SIGUSR1; `caught` makes the only one.

    Until somebody is told, a stop ends the process at once: whatever it does by then bears a kill. A reload is kept.
    """

    def __init__(self) -> None:
        self._told = threading.Lock()
        self._stop: Callable[[], None] = _leave
        self._reload: Callable[[], None] | None = None
        self._debug: Callable[[], None] = _nobody
        self._reload_came = False
        numbers, wake_up = os.pipe()
        os.set_blocking(wake_up, False)
        signal.set_wakeup_fd(wake_up, warn_on_full_buffer=False)  # full of 65,536 signals that nobody has heard yet
        threading.Thread(target=self._listen, args=(numbers,), name="signals", daemon=True).start()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, _nothing)

    def tell(
        self, stop: Callable[[], None], reload: Callable[[], None], debug: Callable[[], None] | None = None
    ) -> None:
        """Call one of these, on a thread of its own, for each signal from now on, and for a reload that came."""
        with self._told:
            self._stop, self._reload, self._debug = stop, reload, debug or _nobody
            if self._reload_came:
                reload()

    def _listen(self, numbers: int) -> None:
        while True:
            for number in os.read(numbers, 4096):
                self._heard(number)

    def _heard(self, number: int) -> None:
        with self._told:
            if number == signal.SIGUSR1:
                self._debug()
            elif number != signal.SIGHUP:
                self._stop()
            elif self._reload is not None:
                self._reload()
            else:
                self._reload_came = True


@functools.cache
def caught() -> Signals:
    """The signals of this process, caught from the first call on."""
    return Signals()


def _leave() -> None:
    os._exit(0)


def _nobody() -> None:
    """Nobody is to be told yet."""


def _nothing(_number: int, _frame: object) -> None:
    """A handler of Python's: without one there is no C code in front of it."""
