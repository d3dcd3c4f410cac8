"""Recordings that are known already, where nothing is delivered twice: the first delivery, and the first copy.

A second copy of what lies in the archive stays in the inbox: a mirror finds it there, and does not send it again. Moved
away, it would be sent each night, and the archive grow each time. So nothing has to be deleted either.
"""

from collections.abc import Iterable

from transcribed import files
from transcribed.job import Job, State
from transcribed.worker import outputs
from transcribed.worker.plan import Route

KEPT = "the same lies in the archive, of job {}, and a mirror that finds it here does not send it again"


def delivered(job: Job, earlier: Iterable[Job], route: Route, outbox: files.Root) -> Job | None:
    """The earlier job by which all that is wanted of `job` lies in its outbox, as it was published. Raises OSError."""
    return next((each for each in earlier if _is_still_there(job, each, route, outbox)), None)


def _is_still_there(job: Job, other: Job, route: Route, outbox: files.Root) -> bool:
    is_delivered = other.state is State.DELIVERED and other.transcript_id == job.transcript_id
    if not is_delivered or other.number is None or not (other.stem or b"").startswith(route.outbox + b"/"):
        return False
    hashes = dict(other.renderings or ())
    wanted = route.settings_of(job).formats
    return all(name in hashes and outbox.sha256(outputs.output(other, name)) == hashes[name] for name in wanted)


def archived(job: Job, earlier: Iterable[Job], archive: files.Root) -> Job | None:
    """The earlier job whose recording lies in the archive, the same as that of `job`, which lies in the inbox."""
    return next((each for each in earlier if job.place is None and _is_archived(job, each, archive)), None)


def _is_archived(job: Job, other: Job, archive: files.Root) -> bool:
    """Its size must do, for nothing is lost where it is wrong: the one in the inbox stays."""
    place = other.place or b""
    if not place.startswith(archive.path + b"/") or other.content_hash != job.content_hash:
        return False
    try:
        status = archive.status(place)
    except OSError:
        return False
    return status is not None and status.st_size == job.fingerprint.size
