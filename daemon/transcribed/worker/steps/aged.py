"""The end of a recording in the archive, where its inbox keeps recordings there for some days only.

It is deleted only if it is surely the one that was transcribed (all of its bytes are read for that), nobody has it open
for writing, and its transcript is safe: kept here, or in the outbox as it was published. Anything else stays.
"""

from transcribed import errors, files, formats
from transcribed.folders import Anchors
from transcribed.job import Fingerprint, Job, is_link
from transcribed.job.events import Retired
from transcribed.journal import Transcripts
from transcribed.worker import outputs
from transcribed.worker.access import access_of
from transcribed.worker.plan import Route
from transcribed.worker.steps.places import REFUSED
from transcribed.worker.steps.recordings import Recordings

_GONE = "it was no longer in the archive"


def deleted(job: Job, route: Route, anchors: Anchors, kept: Transcripts) -> Retired | str:
    """Delete the archived recording of a job; a sentence on why it stays where it does. On a thread of its inbox.

    Raises Blocked, Transient or OSError where the folder as a whole cannot be worked in: then it is to be tried again.
    """
    folder, path, fingerprint = (recordings := Recordings(route, anchors)).source(job)
    try:
        lies = folder.found(path, fingerprint)
        if why := _why_kept(job, lies, recordings, route, anchors, kept):
            return why
        with folder.reaching(path) as (directory, name):
            folder.refuse_written(directory, name)
            if folder.found(path, fingerprint) != lies:
                return "it is being changed"
            files.remove(directory, name, access=access_of(route))
    except (errors.Gone, FileNotFoundError):
        return Retired(None, _GONE, gone=True)
    except (errors.Withdrawn, errors.Transient) as error:  # another file is there, or a program writes it
        return error.message
    except OSError as error:
        if error.errno not in REFUSED:
            raise
        return f"it cannot be deleted: {error.strerror}"
    return Retired(None, f"deleted from the archive after {route.archive_days:g} days, as configured", gone=True)


def _why_kept(
    job: Job, lies: Fingerprint, recordings: Recordings, route: Route, anchors: Anchors, kept: Transcripts
) -> str:
    """The reason why it must stay; empty where there is none."""
    if job.content_hash is None or not _is_what_was_taken(job, lies, recordings):
        return "it is not what was transcribed, byte for byte"
    if _is_kept(job, kept) or _is_in_outbox(job, route, anchors):
        return ""
    return "its transcript is neither kept nor in the outbox as it was delivered"


def _is_what_was_taken(job: Job, lies: Fingerprint, recordings: Recordings) -> bool:
    if is_link(job.path):
        return recordings.has_its_bytes(job, lies)
    return lies.size == job.fingerprint.size and recordings.hashes(job, lies).whole == job.content_hash


def _is_kept(job: Job, kept: Transcripts) -> bool:
    """True if the whole transcript is kept here: a file of its name may have been damaged, or be another's."""
    answer = None if job.transcript_id is None else kept.read(job.transcript_id)
    try:
        said = formats.skim(answer or b"{}")
    except ValueError:
        return False
    return said.get("id") == job.transcript_id and said.get("status") == "completed"


def _is_in_outbox(job: Job, route: Route, anchors: Anchors) -> bool:
    published = job.renderings or ()
    if job.stem is None or not job.stem.startswith(route.outbox + b"/"):
        return False
    with anchors.opened(route.outbox) as outbox:
        return bool(published) and all(outbox.sha256(outputs.output(job, name)) == known for name, known in published)
