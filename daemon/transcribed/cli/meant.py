"""The jobs and the files that a person means by a number, a path or a name."""

import os
from collections.abc import Iterator, Sequence

from transcribed import config, errors
from transcribed.job import Job, printable
from transcribed.journal import Journal
from transcribed.worker.outputs import outputs

_MOST_NAMED = 10  # of jobs that one name might mean


def jobs_meant(journal: Journal, settled: config.Config, what: str) -> list[Job]:
    """The jobs that `what` means, oldest first: all of one recording's path. Raises TranscribedError for several."""
    if (job := _numbered(journal, what)) is not None:
        return [job]
    every = [(job, _paths(job, settled)) for job in journal.all()]
    meant = set(_meant(settled, what))
    found = [job for job, paths in every if meant & paths]
    if not found and "/" not in what:
        name = os.fsencode(what)
        found = [job for job, paths in every if any(os.path.basename(path) == name for path in paths)]
    _refuse_several(found, what)
    return found


def _numbered(journal: Journal, what: str) -> Job | None:
    """The job of this number; None where it is no number, or no job's."""
    is_number = what.isascii() and what.isdecimal() and len(what) < 19
    return journal.job(int(what)) if is_number else None


def _refuse_several(found: Sequence[Job], what: str) -> None:
    if len({(job.inbox, job.path) for job in found}) < 2:
        return
    numbers = ", ".join(str(job.id) for job in found[:_MOST_NAMED]) + (" ..." if found[_MOST_NAMED:] else "")
    why = f"{printable(what)} is the name of several recordings: jobs {numbers}"
    raise errors.TranscribedError(why, hint="name one by its number, or by its complete path")


def files_meant(settled: config.Config, what: str, found: Sequence[Job]) -> list[bytes]:
    """The files that `what` means and that none of these jobs is about.

    They were never taken, or were dropped where the recording of an earlier job was.
    """
    paths = [path for path in dict.fromkeys(_meant(settled, what)) if os.path.lexists(path)]
    if not found:
        return paths
    inboxes = tuple(os.fsencode(inbox.path) + b"/" for inbox in settled.inboxes)
    return [path for path in paths if path.startswith(inboxes) and not any(_is_of(job, path) for job in found)]


def _is_of(job: Job, path: bytes) -> bool:
    """True if the file at `path` looks like this job's recording."""
    status = os.lstat(path)
    return (status.st_size, status.st_mtime_ns) == (job.fingerprint.size, job.fingerprint.mtime_ns)


def roots(settled: config.Config) -> Iterator[bytes]:
    """The folders of all inboxes."""
    for inbox in settled.inboxes:
        yield from map(os.fsencode, (inbox.path, inbox.outbox, inbox.archive, inbox.failed))


def _meant(settled: config.Config, what: str) -> list[bytes]:
    """The absolute paths that `what` may stand for: from here, or from one of the folders."""
    name = os.fsencode(what)
    here = os.path.abspath(name)
    real = os.path.join(os.path.realpath(os.path.dirname(here)), os.path.basename(here))
    return [here, real, *(os.path.normpath(os.path.join(root, name)) for root in roots(settled))]


def _paths(job: Job, settled: config.Config) -> set[bytes]:
    """Every absolute path at which a file of this job is, or was."""
    paths = {os.path.join(os.fsencode(x.path), job.path) for x in settled.inboxes if x.name == job.inbox}
    if job.place:
        paths.add(job.place)
    return paths.union(outputs(job))
