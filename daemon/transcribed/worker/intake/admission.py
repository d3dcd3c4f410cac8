"""A settled file becomes a job: a new one, or the failed job whose recording was moved back into the inbox."""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from transcribed.inbox import Found
from transcribed.job import Fingerprint, Job, State, is_link, resumption
from transcribed.job.events import Received, Touched
from transcribed.worker.book import Book
from transcribed.worker.intake.candidates import verdict
from transcribed.worker.intake.looking import SECONDS_OF_A_LINK
from transcribed.worker.messages import Candidate
from transcribed.worker.plan import Route


class Admitted(NamedTuple):
    """The job that a file has become. `earlier`: the failed job that it was, before it was tried again."""

    job: Job
    earlier: Job | None = None


def admit(candidate: Candidate, inbox: str, book: Book, *, is_known: bool = False) -> Admitted:
    """Write the file into the journal; one that `is_known` counts for no hours. Raises Blocked(state).

    What is not a recording fails in the same transaction: a crash in between must not have it sent and paid for.
    """
    return _dragged_back(candidate, inbox, book) or _new(candidate, inbox, book, is_known=is_known)


def to_hash(found: Iterable[Found], inbox: str, book: Book) -> frozenset[bytes]:
    """The paths of the files that look like a failed recording whose content is known."""
    alike = ((each.path, book.failed_like(inbox, each.fingerprint)) for each in found)
    return frozenset(path for path, failed in alike if any(job.content_hash for job in failed))


def retire_again(number: int, fingerprint: Fingerprint, route: Route, book: Book) -> None:
    """The recording of a job that had given it up as taken away lies in the inbox: it is to be put away."""
    job = book.job(number)
    if job is None or job.place is not None or job.state not in (State.DELIVERED, State.FAILED):
        return
    is_duplicate = job.state is State.DELIVERED and job.reused_from is not None
    if not (is_duplicate and route.duplicates == "skip"):  # such a one was left here on purpose
        book.record(job, Touched(fingerprint))


def _new(candidate: Candidate, inbox: str, book: Book, *, is_known: bool) -> Admitted:
    now, found, probe = book.now(), candidate.found, candidate.probe
    job = Job(
        id=0,
        inbox=inbox,
        path=found.path,
        fingerprint=found.fingerprint,
        state=State.RECEIVED,
        received_at=now,
        changed_at=now,
        due_at=now,
        duration_seconds=probe.duration_seconds,
        settings=candidate.settings,
    )
    seconds = SECONDS_OF_A_LINK if is_link(found.path) else round(probe.reckoned_seconds, 1)
    received = Received(found.fingerprint.size, probe.warnings, 0.0 if is_known else seconds)
    return Admitted(book.add(job, received, *verdict(candidate)))


def _dragged_back(candidate: Candidate, inbox: str, book: Book) -> Admitted | None:
    """The failed job whose recording this is, moved back into the inbox: dragging it back is the retry.

    It does what `retry` does: a person who drags it back insists that it is a recording, and it is sent. Size and time
    do for one that was never read whole, and so is not at AssemblyAI; of any other, the content decides.
    """
    found = candidate.found
    for job in reversed(book.failed_like(inbox, found.fingerprint)):
        if job.content_hash in (None, candidate.content_hash) and job.place is not None and job.retired_at is not None:
            event = replace(
                resumption(job, book.now()),
                path=found.path,
                fingerprint=found.fingerprint,
                settings=candidate.settings,
            )
            failures = verdict(candidate, insisted=True) if event.to is State.RECEIVED else ()
            again = book.record(job, event, *failures)
            return Admitted(again, job)
    return None
