"""The host is kept informed: alive at each pass, and the status when it has changed or grown old."""

import functools
import threading
from collections.abc import Callable
from dataclasses import replace

from transcribed.worker.background import Background
from transcribed.worker.people import status
from transcribed.worker.plan import Clock, Host

LAST_WORD_SECONDS = 1.0  # for the status that is written last


class Heartbeat:
    """The signs of life. All of it belongs to the loop's thread; the status is written on the state's.

    `show` is told of each status that is written.
    """

    def __init__(self, host: Host, background: Background, clock: Clock, show: Callable[[status.Status], None]) -> None:
        self._host = host
        self._background = background
        self._report = status.Report(clock)
        self._show = show

    def beat(self, snapshot: Callable[[], status.Status]) -> None:
        """We are alive; the status is written where that is due."""
        self._host.notify(WATCHDOG="1")
        if (due := self._report.due(snapshot)) is not None:
            self._show(due)
            self._host.notify(STATUS=due.line())
            self._host.show(data := status.to_json(due))
            publish = functools.partial(self._host.publish, data)
            self._background.do(self._background.state, publish, doing="writing the status")

    def next_at(self) -> float:
        """The time (monotonic) from which a change of the status is written."""
        return self._report.next_at()

    def last(self, snapshot: status.Status) -> None:
        """Write the last status, after one that is being written still: its temporary must not stay."""
        said = threading.Event()
        say = functools.partial(self._say_last, status.to_json(replace(self._report.now(snapshot), ended=True)), said)
        self._background.do(self._background.state, say, doing="writing the last status")
        said.wait(LAST_WORD_SECONDS)

    def _say_last(self, snapshot: bytes, said: threading.Event) -> None:
        """On the state's thread: a last word that a full disk does not take is no reason to stop unwell."""
        try:
            self._host.publish(snapshot)
        finally:
            said.set()
