"""The one wall round all work off the loop: whatever becomes of a piece of work, the loop is answered.

A piece of work ends with its result, with an error of `errors`, or with a defect of ours. A defect is logged here with
its traceback and costs that one piece of work one attempt, never the daemon.
"""

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from transcribed import errors
from transcribed.folders import share_of
from transcribed.worker.plan import Executor, Mailbox

log = structlog.get_logger()

T = TypeVar("T")

MORE_THREADS = "let the daemon have more memory and tasks (systemd: MemoryMax, TasksMax; a container: its limits)"
CALLS = 8  # at once of submits, and of fetches: each is short
AUDIO_CALLS = 2  # of fetches that bring a redacted recording too: each may take hours


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """The end of a piece of work: its result, or the problem that kept it from one."""

    result: T | None = None
    problem: errors.TranscribedError | None = None


@dataclass(frozen=True, slots=True)
class WorkEnded:
    """A piece of work has ended that nobody waits for; `doing` names it."""

    doing: str
    problem: errors.TranscribedError | None = None


class Background:
    """Hands work to threads, and posts to the mailbox how it ended.

    `executors` gives so many threads for a kind of work, by its name.
    """

    def __init__(self, mailbox: Mailbox, executors: Callable[[str, int], Executor], stop: threading.Event) -> None:
        self.stop = stop  #: set once the daemon stops
        self._mailbox = mailbox
        self._folders: dict[str, bytes] = {}
        self.executor = functools.cache(executors)  #: by its name and its threads, the same one each time
        self.state = self.executor("state", 1)  #: for the files of the state directory
        self.fetches = self.executor("fetches", CALLS)  #: of transcripts, of which more stand ready
        self.calls = self.executor("api", CALLS + AUDIO_CALLS + 2)  #: a poll and a probe beside the other steps

    def met_in(self, lane: str, folder: bytes) -> None:
        """An error in the folders of this lane that names no path was met in this one."""
        self._folders[lane] = folder

    def ask(
        self,
        executor: Executor,
        work: Callable[[], T],
        answer: Callable[[Outcome[T]], object],
        *,
        doing: str,
        lane: str = errors.STATE,
    ) -> None:
        """Do `work` on `executor`; the message that `answer` makes of its end is posted. `lane`: as for `tried`."""
        try:
            executor.submit(functools.partial(self._answer, work, answer, doing, lane))
        except RuntimeError as error:
            problem = errors.Blocked(f"{doing}: no thread can be started ({error})", lane=lane, hint=MORE_THREADS)
            self._mailbox.put(answer(Outcome(problem=problem)))

    def do(self, executor: Executor, work: Callable[[], object], *, doing: str, lane: str = errors.STATE) -> None:
        """Do `work` of which only a failure is of interest."""
        self.ask(executor, work, lambda outcome: WorkEnded(doing, outcome.problem), doing=doing, lane=lane)

    def _answer(self, work: Callable[[], T], answer: Callable[[Outcome[T]], object], doing: str, lane: str) -> None:
        self._mailbox.put(answer(tried(work, doing=doing, lane=lane, folder=self._folders.get(lane))))


def tried(work: Callable[[], T], *, doing: str, lane: str, folder: bytes | None = None) -> Outcome[T]:
    """The end of `work`, whatever it is. An error of the system speaks of the folders of `lane`, met while `doing`.

    `folder`: the one in which it was met, if the error names no path.
    """
    try:
        return Outcome(work())
    except errors.TranscribedError as error:
        return Outcome(problem=error)
    except OSError as error:
        return Outcome(problem=errors.from_os_error(error, lane=lane, doing=doing, share=share_of(error, folder)))
    except Exception as error:  # the only one in the program
        log.exception("background.crashed", doing=doing)
        return Outcome(problem=errors.Defect(error))
