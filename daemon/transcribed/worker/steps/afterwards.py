"""The look at recordings that were put away: was one of them written on since?

A writer that paused may go on in the file that was moved from under its hands: a rename keeps the file. What changed is
told beside its transcript, and moved back into the inbox: there it is looked at, hashed and named like any other, so
nothing of it is lost, and no content is paid for twice.

Where the kernel said that nobody had it open as it was moved, no such writer is there. Then what has grown at its end
comes back too, for a program may open it again to go on; any other change is an edit, which is told and left.
"""

import contextlib
import os
import stat
from collections.abc import Iterable

from transcribed import errors, files
from transcribed.folders import Anchors
from transcribed.job import Fingerprint, Job, State
from transcribed.job.events import Altered, Returned
from transcribed.worker.access import access_of
from transcribed.worker.messages import PutAway
from transcribed.worker.people import failure_notes
from transcribed.worker.people.result_notes import EDITED, GOES_ON, LEFT
from transcribed.worker.plan import Route
from transcribed.worker.steps.recordings import Recordings, place_for


def other_than_they_were(recordings: Iterable[PutAway]) -> list[PutAway]:
    """Those that look different now. One that is not there was taken away, or its share was."""
    return [each for each in recordings if _is_other(each)]


def _is_other(was: PutAway) -> bool:
    with contextlib.suppress(OSError):
        status = files.status_as_listed(was.path)
        return stat.S_ISREG(status.st_mode) and (status.st_size, status.st_mtime_ns) != (was.size, was.mtime_ns)
    return False


def look_closely(
    job: Job, route: Route, anchors: Anchors, *, returns: bool, closed: bool
) -> Returned | Altered | Fingerprint | None:
    """Look into a recording that looks different, and bring it back if it is. On the thread that looks at the inbox.

    Its fingerprint where it has its bytes still; None where it is not there; Altered where it is only told of, as it
    never `returns`, or was edited. `closed`: nobody had it open for writing as it was moved.
    Raises Blocked, Transient, or OSError: then it is to be looked at again.
    """
    recordings = Recordings(route, anchors)
    folder, path, fingerprint = recordings.source(job)
    try:
        lies = folder.found(path, fingerprint)
        known = job.content_hash is not None or lies.size != fingerprint.size
        if lies == fingerprint or not known or recordings.has_its_bytes(job, lies):
            return lies
        is_edit = closed and job.state is State.DELIVERED and not recordings.has_grown(job, lies)
        then = EDITED if is_edit else GOES_ON if returns else LEFT
        recordings.tell_of_change(job, lies, then)
        if then is not GOES_ON:
            return Altered(lies, fingerprint.size, then)
        if job.place is None:
            return Returned(job.path, lies.size, fingerprint.size)
        with folder.reaching(path) as (directory, name):
            back = brought_back(directory, name, job, route, anchors)
        if job.state is State.FAILED:
            with contextlib.suppress(OSError, errors.Blocked):  # it has moved, and a note that stays does no harm
                failure_notes.take_back(job, route, anchors)
        return Returned(back, lies.size, fingerprint.size)
    except errors.Gone:
        return None
    except errors.Withdrawn as error:
        raise errors.Transient(error.message) from error


def brought_back(directory: int, name: bytes, job: Job, route: Route, anchors: Anchors) -> bytes:
    """Move it to a free name in the inbox; the name. It may grow meanwhile: whoever writes it goes on there."""
    with anchors.opened(route.inbox) as inbox:
        target = place_for(inbox, job.path)
        try:
            files.move(directory, name, target, root=inbox, access=access_of(route))
        except files.NameTaken as error:
            raise errors.Transient("another file took its name in the inbox first") from error
    return os.path.relpath(target, route.inbox)
