"""A hint that it is time to look: what the kernel reports of the folders, on which nothing depends.

No path travels: only which root was touched. Events get lost (a full queue, a network share, a limit of the kernel),
and the listing finds every file without them; so a folder that cannot be watched is a sentence, never an error.
"""

import errno
import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.inotify import InotifyObserver  # never its poller: our own listing does that, and better

from transcribed.job import shown

if TYPE_CHECKING:
    from watchdog.observers.api import ObservedWatch

#: The fewer kinds the kernel reports, the later its queue overflows. A file renamed or linked in is only "created".
_EVENTS: list[type[FileSystemEvent]] = [
    FileClosedEvent,
    FileMovedEvent,
    FileCreatedEvent,
    DirCreatedEvent,
    DirMovedEvent,
]
#: The only place where watchdog 7.1 tells that events were lost.
_OVERFLOWS = logging.getLogger("watchdog.observers.inotify_c")
#: A thread that hangs in a dead share must not hold up the end of the process.
_JOIN_SECONDS = 5.0


class Watch:
    """All watched folders, on one inotify instance. `look` gets the root that was touched, on a thread of its own."""

    def __init__(self, look: Callable[[bytes], None]) -> None:
        self._look = look
        self._watches: dict[bytes, ObservedWatch] = {}
        self._problems: dict[bytes, str] = {}
        self._overflow = _Overflow(self._look_everywhere)
        self._observer: InotifyObserver | None = None
        self._no_observer = ""
        try:
            self._observer = InotifyObserver()
        except OSError as error:
            self._no_observer = _sentence(error)
            return
        self._observer.start()
        _OVERFLOWS.addHandler(self._overflow)

    def add(self, root: bytes) -> None:
        """Watches `root` and all below it, anew if it was watched before: to the kernel, what went and came is another.

        Walks the tree once, so it belongs in the thread of that folder. Raises nothing; see `problems`.
        """
        self._problems.pop(root, None)
        if self._observer is None:
            self._problems[root] = f"{shown(root)} is not watched: {self._no_observer}"
            return
        if root in self._watches:
            self._observer.unschedule(self._watches.pop(root))
        touched = _Touched(lambda: self._ask(root))
        try:
            watch = self._observer.schedule(touched, os.fsdecode(root), recursive=True, event_filter=_EVENTS)
        except OSError as error:
            self._problems[root] = f"{shown(root)} is not watched: {_sentence(error)}"
        else:
            self._watches[root] = watch

    def alive(self) -> bool:
        """Whether every folder that was added is still watched; False also once one of them was removed."""
        if self._observer is None or self._problems:
            return False
        return self._observer.is_alive() and all(emitter.is_alive() for emitter in set(self._observer.emitters))

    def problems(self) -> tuple[str, ...]:
        """One sentence for each folder that is found by listings alone."""
        return tuple(self._problems.values())

    def stop(self) -> None:
        """Ends the threads. No look is asked for any more."""
        _OVERFLOWS.removeHandler(self._overflow)
        if self._observer is not None:
            self._observer.stop()
            self._observer.join(_JOIN_SECONDS)

    def _look_everywhere(self) -> None:
        for root in list(self._watches):
            self._ask(root)

    def _ask(self, root: bytes) -> None:
        try:
            self._look(root)
        except Exception as error:  # noqa: BLE001  # it would end watchdog's thread while the process lived on, unwatched
            self._problems[root] = f"{shown(root)} is not watched: {error!r}"


class _Touched(FileSystemEventHandler):
    def __init__(self, touched: Callable[[], None]) -> None:
        self._touched = touched

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._touched()


class _Overflow(logging.Handler):
    def __init__(self, look_everywhere: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._look_everywhere = look_everywhere

    def emit(self, record: logging.LogRecord) -> None:
        self._look_everywhere()


def _sentence(error: OSError) -> str:
    """Watchdog raises ENOSPC and EMFILE for the kernel's two limits (inotify(7)); their own words would mislead."""
    limits = {errno.ENOSPC: "max_user_watches", errno.EMFILE: "max_user_instances"}
    if limit := limits.get(error.errno or 0):
        return f"the kernel's limit is reached; raise it with `sysctl fs.inotify.{limit}=…`"
    return error.strerror or str(error)
