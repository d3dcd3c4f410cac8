"""The daemon's threads: one pool with a bound, in which each kind of work has a share of its own.

A share of the file system that hangs keeps only the threads of its own kind. A thread without work ends, so a large
drop leaves nothing behind.
"""

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

Work = Callable[[], None]

MOST_THREADS = 160  # with watchdog's, the hooks' and the interpreter's below TasksMax=256 of the shipped unit
OWN_THREADS = 24  # of them for what touches no inbox: however many shares hang, they cannot keep these
OWN = frozenset({"api", "fetches", "state", "notify", "hooks"})  #: the kinds of work that touch no inbox
IDLE_SECONDS = 30.0


@dataclass(slots=True, eq=False)
class _Kind:
    """One kind of work: what waits, and how much of it may run and does run at once."""

    name: str
    at_once: int
    waiting: deque[Work] = field(default_factory=deque)
    running: int = 0

    @property
    def may_run(self) -> bool:
        return bool(self.waiting) and self.running < self.at_once


class Threads:
    """The pool: `most` threads, each of which ends after `idle_seconds` without work. Any thread may submit work."""

    def __init__(self, most: int, idle_seconds: float) -> None:
        self._most = most
        self._idle_seconds = idle_seconds
        self._changed = threading.Condition()
        self._ready: deque[_Kind] = deque()  # the kinds that may run, in turns; each once
        self._threads = self._idle = 0

    def share(self, name: str, at_once: int) -> "Share":
        """A share of the pool for one kind of work, `at_once` of it."""
        return Share(self, _Kind(name, at_once))

    def submit(self, kind: _Kind, work: Work) -> None:
        """Run `work` soon. Raises RuntimeError where no thread can be started, and none will come to it."""
        with self._changed:
            kind.waiting.append(work)
            try:
                self._call_for(kind)
            except RuntimeError:
                if kind.running:
                    return
                kind.waiting.remove(work)
                self._ready.remove(kind)
                raise

    def _call_for(self, kind: _Kind) -> None:
        """Have a thread come to this kind of work, if it may run. Raises RuntimeError where none can be started."""
        if not kind.may_run:
            return
        if kind not in self._ready:
            self._ready.append(kind)
        elif len(self._ready) <= self._idle:
            return  # one was called, and calls the next: short work is done before many have come
        if len(self._ready) <= self._idle:  # one that was called is idle until it has taken something
            self._changed.notify()
        elif self._threads < self._most:
            threading.Thread(target=self._work, name="transcribed-work", daemon=True).start()
            self._threads += 1
            self._idle += 1

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            kind, work = taken
            threading.current_thread().name = kind.name  # the kernel's name stays: it has room for 15 bytes
            try:
                work()
            finally:
                self._done(kind)

    def _take(self) -> tuple[_Kind, Work] | None:
        """The next piece of work, of the kind whose turn it is; None where none has come for long."""
        with self._changed:
            has_come = self._changed.wait_for(lambda: self._ready, self._idle_seconds)
            self._idle -= 1
            if not has_come:
                self._threads -= 1
                return None
            kind = self._ready.popleft()
            kind.running += 1
            work = kind.waiting.popleft()
            with contextlib.suppress(RuntimeError):  # then this thread comes to it
                self._call_for(kind)
            return kind, work

    def _done(self, kind: _Kind) -> None:
        with self._changed:
            self._idle += 1
            kind.running -= 1
            if kind.may_run and kind not in self._ready:
                self._ready.append(kind)  # this thread is free for it


@dataclass(frozen=True, slots=True)
class Share:
    """The threads for one kind of work."""

    threads: Threads
    kind: _Kind

    def submit(self, work: Work) -> None:
        """Run `work` soon; it posts its own result. Raises RuntimeError where no thread can be started."""
        self.threads.submit(self.kind, work)


class Pools:
    """The threads of the daemon: some for what touches no inbox, all the others for the folders of inboxes."""

    def __init__(self) -> None:
        self._own = Threads(OWN_THREADS, IDLE_SECONDS)
        self._of_inboxes = Threads(MOST_THREADS - OWN_THREADS, IDLE_SECONDS)

    def share(self, name: str, at_once: int) -> Share:
        """A share for one kind of work, `at_once` of it."""
        pool = self._own if name in OWN else self._of_inboxes
        return pool.share(name, at_once)
