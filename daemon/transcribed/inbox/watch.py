"""A hint that it is time to look: what the kernel reports of the folders, on which nothing depends.

No path travels: only which root was touched. What is written can be asked for (see `written`). Events get lost (a full
queue, a network share, a limit of the kernel), and the listing finds every file without them; so a folder that cannot
be watched is a sentence, never an error.
"""

import contextlib
import errno
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.inotify import InotifyObserver  # never its poller: our own listing does that, and better

from transcribed.inbox.written import Written
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
#: One for each write, or nearly: only where the kernel does not answer when it is asked who writes.
_WRITES: list[type[FileSystemEvent]] = [FileModifiedEvent]
#: The only place where watchdog 7.1 tells that events were lost.
_OVERFLOWS = logging.getLogger("watchdog.observers.inotify_c")
#: A thread that hangs in a dead share must not hold up the end of the process.
_JOIN_SECONDS = 5.0
#: A folder that could not be watched (a limit of the kernel) is tried again after this time: each try walks the tree.
_AGAIN_SECONDS = 300.0
_NOWHERE = (-1, -1)


@dataclass(slots=True)
class _Watched:
    """The knowledge of one root: its folder, its watch or the reason why it has none, and the time of the last try.

    `written`: the files that are written, where they were asked for.
    """

    identity: tuple[int, int]
    tried_at: float
    written: Written | None = None
    watch: "ObservedWatch | None" = None
    problem: str = ""


class Watch:
    """All watched folders, on one inotify instance. `look` gets the root that was touched, on a thread of its own.

    `lost` is called when the kernel dropped events: then all roots are looked at, and watched again.
    """

    def __init__(self, look: Callable[[bytes], None], lost: Callable[[], None] = lambda: None) -> None:
        self._look = look
        self._lost = lost
        self._roots: dict[bytes, _Watched] = {}
        self._with_writes: set[bytes] = set()  # roots of which it was asked what is written
        self._overflow = _Overflow(self._look_everywhere)
        self._observer: InotifyObserver | None = None
        self._no_observer = ""
        self._is_stopped = False
        self._beginning = threading.Lock()
        self._begin()
        if self._observer is not None:
            _OVERFLOWS.addHandler(self._overflow)

    def _begin(self) -> None:
        """Start watchdog's threads, where the kernel's limits allow it."""
        try:
            self._observer = InotifyObserver()
        except OSError as error:
            self._observer, self._no_observer = None, _sentence(error)
            return
        self._observer.start()

    def _begin_again_if_dead(self) -> None:
        """Start watchdog's threads once more where they have died; what they watched is looked at, and watched again.

        Without it every look would be a defect, or none would come for minutes.
        """
        with self._beginning:
            if self._observer is None or self._observer.is_alive() or self._is_stopped:
                return
            self._observer.stop()
            self._begin()
        for root in list(self._roots):
            self._ask(root)

    def tend(self, root: bytes) -> bool:
        """Watches `root` and all below it, unless that is so already; whether it is watched.

        Anew where the root is another folder than before, its watch has died, or events were lost: to the kernel, what
        went and came is another, and folders that came meanwhile have no watch. Walks the tree where it does, so it
        belongs in the thread of that folder. Raises nothing; see `problems`.
        """
        self._begin_again_if_dead()
        identity, now = _identity(root), time.monotonic()
        known = self._roots.get(root)
        if known is not None and known.identity == identity and not self._is_to_be_tried(root, known, now):
            return not known.problem
        if known is not None and known.watch is not None and self._observer is not None:
            with contextlib.suppress(KeyError):  # of threads that died
                self._observer.unschedule(known.watch)
        self._roots[root] = new = _Watched(identity, now, Written(root) if root in self._with_writes else None)
        new.watch, new.problem = self._watched(root, new.written)
        return not new.problem

    def written(self, root: bytes) -> dict[bytes, bool]:
        """The files below a root that were seen written, each True until it is closed; `tend` begins to watch for that.

        The first time nothing is known.
        """
        self._with_writes.add(root)
        known = self._roots.get(root)
        return {} if known is None or known.written is None else known.written.known()

    def _is_to_be_tried(self, root: bytes, known: _Watched, now: float) -> bool:
        if known.problem:
            return now - known.tried_at >= _AGAIN_SECONDS
        return not self._is_alive(known) or (known.written is None and root in self._with_writes)

    def _watched(self, root: bytes, written: Written | None) -> "tuple[ObservedWatch | None, str]":
        if self._observer is None:
            return None, f"{shown(root)} is not watched: {self._no_observer}"
        touched, kinds = _Touched(lambda: self._ask(root), written), _EVENTS + (_WRITES if written else [])
        try:
            watch = self._observer.schedule(touched, os.fsdecode(root), recursive=True, event_filter=kinds)
        except OSError as error:
            return None, f"{shown(root)} is not watched: {_sentence(error)}"
        return watch, ""

    def renew(self, root: bytes) -> None:
        """Lets the next `tend` watch `root` again: folders may have been missed."""
        if (known := self._roots.get(root)) is not None:
            known.identity = _NOWHERE

    def alive(self) -> bool:
        """True if every folder that was added is still watched; False also once one of them was removed."""
        return self._observer is not None and all(self._is_alive(known) for known in list(self._roots.values()))

    def _is_alive(self, known: _Watched) -> bool:
        if self._observer is None or known.problem or not self._observer.is_alive():
            return False
        return any(emitter.watch == known.watch and emitter.is_alive() for emitter in set(self._observer.emitters))

    def problems(self) -> tuple[str, ...]:
        """One sentence for each folder whose files are found only by listings."""
        return tuple(known.problem for known in list(self._roots.values()) if known.problem)

    def stop(self) -> None:
        """Ends the threads. No look is asked for any more."""
        self._is_stopped = True
        _OVERFLOWS.removeHandler(self._overflow)
        if self._observer is not None:
            self._observer.stop()
            self._observer.join(_JOIN_SECONDS)

    def _look_everywhere(self) -> None:
        for root, known in list(self._roots.items()):
            if known.written is not None:
                known.written.forget()
            self.renew(root)
            self._ask(root)
        self._lost()

    def _ask(self, root: bytes) -> None:
        try:
            self._look(root)
        except Exception as error:  # noqa: BLE001  # it would end watchdog's thread while the process lived on, unwatched
            if (known := self._roots.get(root)) is not None:
                known.problem = f"{shown(root)} is not watched: {error!r}"


class _Touched(FileSystemEventHandler):
    def __init__(self, touched: Callable[[], None], written: Written | None) -> None:
        self._touched = touched
        self._written = written

    def on_any_event(self, event: FileSystemEvent) -> None:
        if self._written is not None:
            self._written.take_in(event)
        if not isinstance(event, FileModifiedEvent):  # a look for each write would be too many
            self._touched()


class _Overflow(logging.Handler):
    def __init__(self, look_everywhere: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._look_everywhere = look_everywhere

    def emit(self, record: logging.LogRecord) -> None:
        self._look_everywhere()


def _identity(root: bytes) -> tuple[int, int]:
    try:
        status = os.stat(root)
    except OSError:
        return _NOWHERE
    return status.st_dev, status.st_ino


def _sentence(error: OSError) -> str:
    """Watchdog raises ENOSPC and EMFILE for the kernel's two limits (inotify(7)); their own words would mislead."""
    limits = {errno.ENOSPC: "max_user_watches", errno.EMFILE: "max_user_instances"}
    if limit := limits.get(error.errno or 0):
        return f"the kernel's limit is reached; raise it with `sysctl fs.inotify.{limit}=…`"
    return error.strerror or str(error)
