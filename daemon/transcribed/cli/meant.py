"""The jobs and the files that a person means by a number, a path or a name."""

import os
from collections.abc import Iterator, Sequence

from transcribed import config, errors
from transcribed.cli import terminal
from transcribed.cli.shares import Shares, roots
from transcribed.job import Job, printable
from transcribed.journal import Journal
from transcribed.worker.outputs import outputs

_MOST_NAMED = 10  # of jobs that one name might mean


def shares_of(settled: config.Config, whats: Sequence[str]) -> Shares:
    """The answers of all folders that these words may be about."""
    here = (os.fsencode(os.path.dirname(terminal.absolute(what))) for what in whats)
    return Shares([*roots(settled), *here])


def jobs_meant(journal: Journal, settled: config.Config, what: str, shares: Shares) -> list[Job]:
    """The jobs that `what` means, oldest first: all of one recording's path. Raises TranscribedError for several.

    A folder that does not answer is not looked into.
    """
    if (job := _numbered(journal, what)) is not None:
        return [job]
    meant = set(_meant(settled, what, shares))
    recordings = {(each.name, below) for each in settled.inboxes for below in _below(each, meant)}
    stems = {stem for path in meant for stem in _stems(path)}
    found = [job for job in journal.search.about(recordings, stems) if meant & _paths(job, settled)]
    found = found or _searched(journal, settled, what, meant, shares) or _forgotten(journal, settled, what, meant)
    _refuse_several(found, what)
    return found


def _below(inbox: config.Inbox, meant: set[bytes]) -> Iterator[bytes]:
    """Those of these paths that are in the inbox, or where recordings go from it, as paths below it."""
    for folder in map(os.fsencode, (inbox.path, inbox.archive, inbox.failed)):
        yield from (path.removeprefix(folder + b"/") for path in meant if path.startswith(folder + b"/"))


def _stems(path: bytes) -> Iterator[bytes]:
    """Each stem that the path of an output may have: its beginnings, but for its folder."""
    folder, name = os.path.split(path)
    return (os.path.join(folder, name[:length]) for length in range(1, len(name)))


def _searched(journal: Journal, settled: config.Config, what: str, meant: set[bytes], shares: Shares) -> list[Job]:
    """The jobs that are found by a look at the names of every job: by the place of a recording, or by a mere name."""
    name = os.fsencode(what) if "/" not in what else None

    def may_be_meant(path: bytes, place: bytes | None, stem: bytes | None) -> bool:
        if place in meant:
            return True
        if name is None:
            return False
        return name in (os.path.basename(path), os.path.basename(place or b"")) or _begins(name, stem)

    if name is None and any(shares.has(path) and _in_an_inbox(settled, path) for path in meant):
        return []  # a file that is no job yet: its path was looked for already
    found = [(job, _paths(job, settled)) for job in journal.search.with_names(may_be_meant)]
    exact = [job for job, paths in found if meant & paths]
    return exact or [job for job, paths in found if any(os.path.basename(path) == name for path in paths)]


def _forgotten(journal: Journal, settled: config.Config, what: str, meant: set[bytes]) -> list[Job]:
    """The forgotten jobs that are found by a look at what each has paid."""
    name = None if "/" in what else os.fsencode(what)
    found = ((job, _paths(job, settled)) for job in journal.forgotten.all())
    return [job for job, paths in found if meant & paths or any(os.path.basename(path) == name for path in paths)]


def _begins(name: bytes, stem: bytes | None) -> bool:
    return stem is not None and name.startswith(os.path.basename(stem))


def _in_an_inbox(settled: config.Config, path: bytes) -> bool:
    return path.startswith(tuple(os.fsencode(inbox.path) + b"/" for inbox in settled.inboxes))


def _numbered(journal: Journal, what: str) -> Job | None:
    """The job of this number; None where it is no number, or no job's."""
    is_number = what.isascii() and what.isdecimal() and len(what) < 19
    return journal.job(int(what)) or journal.forgotten.numbered(int(what)) if is_number else None


def _refuse_several(found: Sequence[Job], what: str) -> None:
    if len({(job.inbox, job.path) for job in found}) < 2:
        return
    numbers = ", ".join(str(job.id) for job in found[:_MOST_NAMED]) + (" ..." if found[_MOST_NAMED:] else "")
    why = f"{printable(what)} is the name of several recordings: jobs {numbers}"
    raise errors.TranscribedError(why, hint="name one by its number, or by its complete path")


def files_meant(settled: config.Config, what: str, found: Sequence[Job], shares: Shares) -> list[bytes]:
    """The files that `what` means and that none of these jobs is about.

    They were never taken, or were dropped where the recording of an earlier job was. Where no job was found, a path
    whose share does not answer, or whose folder this user may not enter, is one of them.
    """
    meant = dict.fromkeys(_meant(settled, what, shares))
    paths = [path for path in meant if shares.has(path)]
    if not found:
        return paths or [path for path in meant if shares.silence(path) or shares.locked(path)]
    return [path for path in paths if _in_an_inbox(settled, path) and not any(_is_of(job, path) for job in found)]


def _is_of(job: Job, path: bytes) -> bool:
    """True if the file at `path` looks like this job's recording."""
    status = os.lstat(path)
    return (status.st_size, status.st_mtime_ns) == (job.fingerprint.size, job.fingerprint.mtime_ns)


def _meant(settled: config.Config, what: str, shares: Shares) -> list[bytes]:
    """The absolute paths that `what` may stand for: from here, or from one of the folders."""
    name = os.fsencode(what)
    here = os.fsencode(terminal.absolute(what))
    folder = os.path.dirname(here)
    real = os.path.join(folder if shares.silence(folder) else os.path.realpath(folder), os.path.basename(here))
    return [here, real, *(os.path.normpath(os.path.join(root, name)) for root in roots(settled))]


def _paths(job: Job, settled: config.Config) -> set[bytes]:
    """Every absolute path at which a file of this job is, or was."""
    paths = {os.path.join(os.fsencode(x.path), job.path) for x in settled.inboxes if x.name == job.inbox}
    if job.place:
        paths.add(job.place)
    return paths.union(outputs(job))
