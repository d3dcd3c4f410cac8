"""Recordings that are leaving: copied to another device, or delivered and to be deleted, they lie under a hidden name.

Where the kernel says that nobody writes one, it goes at once. Else a writer that paused may go on in it, as on a share,
so it stays for the looks of `second_looks`. What changed comes back as a new recording; what did not is removed by the
last look. The hidden name holds the job's number: a look at the inbox finds it, whatever happened in between.
"""

import contextlib
import hashlib
import os

from transcribed import errors, files
from transcribed.folders import Anchors
from transcribed.inbox import RecordingFolder
from transcribed.job import Fingerprint, Job, State, is_link, shown
from transcribed.job.events import Altered, Returned
from transcribed.worker.access import access_of
from transcribed.worker.messages import PutAway
from transcribed.worker.people.result_notes import GOES_ON, LIES, STAYS
from transcribed.worker.plan import Route
from transcribed.worker.steps.afterwards import brought_back
from transcribed.worker.steps.recordings import Recordings, place_for


def name_for(job: Job) -> bytes | None:
    """The hidden name for the recording of a job; None for a link, and for one that was put away long since."""
    return None if is_link(job.path) or job.place is not None else files.leaving_name(job.id)


def let_go(
    folder: RecordingFolder, directory: int, hidden: bytes | None, was: Fingerprint, *, access: files.Access
) -> None:
    """Remove the file `hidden` now, where nobody can write to it any more and it is as it `was`.

    It is not there if the recording was renamed to where it lies now. What cannot be removed waits for the last look.
    """
    with contextlib.suppress(OSError):
        if hidden is not None and folder.is_unwritten(directory, hidden):
            status = files.status_of(hidden, within=directory)
            if (status.st_size, status.st_mtime_ns) == (was.size, was.mtime_ns):
                files.remove(directory, hidden, access=access)


def look(
    job: Job, recording: PutAway, route: Route, anchors: Anchors, *, returns: bool, is_last: bool
) -> Returned | Altered | Fingerprint | None:
    """Look into a recording that is leaving. On the thread that looks at the inbox.

    One that changed comes back; Altered if it never `returns`. Its fingerprint where it stays for another look as it
    was; None where it is not there any more, or was removed by the last one. Raises Blocked, Transient, or OSError.
    """
    recordings = Recordings(route, anchors)
    inbox, path = recordings.inbox, os.path.relpath(recording.path, route.inbox)
    try:
        lies = inbox.found(path, Fingerprint(recording.size, recording.mtime_ns))
        changed = not _is_as_taken(job, inbox, path, lies, route, anchors)
        if changed:
            recordings.tell_of_change(job, lies, GOES_ON if returns else STAYS)
        elif not is_last:
            return lies
        with inbox.reaching(path) as (directory, name):
            if changed and returns:
                back = brought_back(directory, name, job, route, anchors)
                return Returned(back, lies.size, job.fingerprint.size, job.place)
            if not is_last:
                return Altered(lies, job.fingerprint.size, STAYS)
            inbox.refuse_written(directory, name)
            if changed:
                kept = _keep(directory, name, job, route, anchors)
                return Altered(lies, job.fingerprint.size, LIES.format(shown(kept)))
            files.remove(directory, name, access=access_of(route))
    except (errors.Gone, FileNotFoundError):
        pass
    except errors.Withdrawn as error:
        raise errors.Transient(error.message) from error
    return None


def _is_as_taken(
    job: Job, folder: RecordingFolder, path: bytes, lies: Fingerprint, route: Route, anchors: Anchors
) -> bool:
    """True if its bytes are those that were taken. Raises as `RecordingFolder.open` does."""
    if lies.size != job.fingerprint.size:
        return False
    if lies.mtime_ns == job.fingerprint.mtime_ns:
        return True
    known = job.content_hash or _hash_of_copy(job, route, anchors)
    with folder.reading(path, lies) as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == known


def _hash_of_copy(job: Job, route: Route, anchors: Anchors) -> str | None:
    """The hash of the copy that was put away; None where no copy lies. Raises Blocked, or OSError."""
    place = job.place or b""
    folder = next((each for each in (route.archive, route.failed) if place.startswith(each + b"/")), None)
    if folder is None:
        return None
    with anchors.opened(folder) as root:
        return root.sha256(place)


def _keep(directory: int, name: bytes, job: Job, route: Route, anchors: Anchors) -> bytes:
    """Move one that changed, and came back before, to a free name beside those that were put away; its path."""
    is_archived = job.state is State.DELIVERED and route.after == "archive"
    with anchors.opened(route.archive if is_archived else route.failed) as root:
        try:
            place = place_for(root, job.path)
            files.move(directory, name, place, root=root, access=access_of(route))
        except files.NameTaken as error:
            raise errors.Transient("another file took its name first") from error
        return place
