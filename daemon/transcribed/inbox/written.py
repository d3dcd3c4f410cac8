"""The files that the kernel's events show to be written, for a folder where it does not tell it when asked (a lease).

A file that was seen written, and not closed since, has a writer. This is the one thing for which paths travel with
events: no listing shows it. It is evidence, on which nothing depends: it is gone with the process, and once events were
lost.
"""

import os
import threading

from watchdog.events import (
    FileClosedEvent,
    FileCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
)

#: Files come and go, and no event tells of each that went. Where so many are known, all of them are forgotten.
_MOST_FILES = 10_000


class Written:
    """The files below one root by their relative paths: True while one is open for writing, False once it was closed.

    Events come from watchdog's thread, and the question from the thread of the folder.
    """

    def __init__(self, root: bytes) -> None:
        self._above = len(root.rstrip(b"/")) + 1
        self._open: dict[bytes, bool] = {}
        self._lock = threading.Lock()

    def known(self) -> dict[bytes, bool]:
        """The files as they are known now."""
        with self._lock:
            return dict(self._open)

    def forget(self) -> None:
        """Nothing is known any more: events were lost."""
        with self._lock:
            self._open.clear()

    def take_in(self, event: FileSystemEvent) -> None:
        """An event of a file. One that came under its name by a link or a rename has no writer that we know."""
        path = self._relative(event.src_path)
        with self._lock:
            match event:
                case FileModifiedEvent():
                    self._note_written(path)
                case FileClosedEvent() if path in self._open:
                    self._open[path] = False
                case FileCreatedEvent():
                    self._open.pop(path, None)
                case FileMovedEvent():
                    self._move(path, self._relative(event.dest_path))

    def _relative(self, path: bytes | str) -> bytes:
        return os.fsencode(path)[self._above :]

    def _note_written(self, path: bytes) -> None:
        if len(self._open) >= _MOST_FILES:
            self._open.clear()
        self._open[path] = True

    def _move(self, path: bytes, target: bytes) -> None:
        is_open = self._open.pop(path, None)
        self._open.pop(target, None)
        if is_open is not None:
            self._open[target] = is_open
