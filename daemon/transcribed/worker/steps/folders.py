"""The steps that touch an inbox's folders, run on threads of that inbox, so that a share that hangs stalls only it.

A recording is retired on one thread, hashed on another, and the rest is done on a third: each step of a kind is alone.

Like all steps they are functions Job -> Event and hold no journal. A recording leaves the inbox last of all, and
nothing that the daemon did not write is replaced.
"""

import errno
import os
from collections.abc import Collection
from dataclasses import replace

from transcribed import errors, files
from transcribed.folders import Anchors
from transcribed.inbox import RecordingFolder, audio_of
from transcribed.job import Fingerprint, Job, State, shown
from transcribed.job.events import Delivered, Event, Hashed, Missing, Rendered, Retired, Skipped
from transcribed.journal import Transcripts
from transcribed.worker import outputs
from transcribed.worker.access import access_of
from transcribed.worker.people import failure_notes
from transcribed.worker.plan import Route
from transcribed.worker.steps import companions, duplicates
from transcribed.worker.steps.naming import NAME_REFUSED, Naming, hashes_of

BLOCK_BYTES = 1 << 20
ATTEMPTS_AT_A_NAME = 5
_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class FolderSteps:
    """The folders of one route, and the steps that are done in them."""

    def __init__(self, route: Route, anchors: Anchors, kept: Transcripts) -> None:
        self._route = route
        self._anchors = anchors
        self._kept = kept
        self._naming = Naming(route, anchors, kept)
        self._access = access_of(route)
        self._inbox = RecordingFolder(route.inbox, lane=route.lane, ground=anchors.of("inbox"))
        self._failed = RecordingFolder(route.failed, lane=route.lane, ground=anchors.of("failed"))

    def source(self, job: Job) -> tuple[RecordingFolder, bytes, Fingerprint]:
        """The job's recording as it lies now: in the inbox or, for a retried one, still in the failed folder.

        A rename changes ctime, and a move between file systems the inode: there, size and mtime must do.
        """
        root = self._route.failed + b"/"
        if job.place is not None and job.place.startswith(root):
            return self._failed, job.place[len(root) :], replace(job.fingerprint, ctime_ns=None, inode=None)
        return self._inbox, job.path, job.fingerprint

    def hash(self, job: Job) -> Event:
        """Read the recording once to know whether its content is known. Raises as `RecordingFolder.open` does."""
        folder, path, fingerprint = self.source(job)
        with folder.reading(path, fingerprint) as file:
            hashes = files.Hashes(audio_of(file, fingerprint.size))
            while block := file.read(BLOCK_BYTES):
                hashes.add(block)
        return Hashed(hashes.whole, hashes.part)

    def stem(self, job: Job) -> bytes:
        """The stem of its outputs, as far as it is known without its transcript."""
        return self._naming.called(job)[0]

    def name(self, job: Job, taken: Collection[int], earlier: Collection[Job] = ()) -> Event:
        """Choose the names of its files, unless those of an `earlier` job are the same and still there.

        `taken` are numbers of other jobs.
        """
        other = duplicates.delivered(job, earlier, self._route) if job.state is State.TRANSCRIBED else None
        if other is not None:
            return Skipped(other.id)
        return self._naming.name(job, taken)

    def deliver(self, job: Job, taken: Collection[int]) -> Event:
        """Render the kept transcript in each format and publish each. A name taken meanwhile: the next number."""
        assert job.transcript_id is not None
        assert job.number is not None
        self._anchors.need(self._route.outbox)
        answer = self._kept.read(job.transcript_id)
        if answer is None:
            return Missing()
        if not (job.stem or b"").startswith(self._route.outbox + b"/"):
            return self.name(job, taken)  # the inbox has another outbox since
        try:
            rendered = self._naming.renderings(job, answer)
        except ValueError:
            return Missing()  # damaged since it was kept: fetching again is free
        audio = self._kept.audio(job.transcript_id) if len(rendered) < len(job.formats) else None
        if len(rendered) < len(job.formats) and audio is None:
            return self.name(job, taken)  # it was taken from where it was kept: there is no other
        ours = _published(job)
        hashes = dict(hashes_of(rendered)) | ours
        if hashes != dict(job.renderings or ()):
            return Rendered(tuple(hashes.items()))
        try:
            self._publish(job, {name: data for name, data in rendered.items() if name not in ours}, audio)
            self._sync_names(job, ours)
        except files.NameTaken:
            return self.name(job, {job.number, *taken})
        except OSError as error:
            if self._naming.called(job, answer) != (job.stem, job.tail) and error.errno in NAME_REFUSED:
                return self.name(job, taken)  # by names that were asked for since
            raise self._naming.judged(error, self._route.outbox, job) from error
        self._naming.published(job)
        return Delivered(delete_remote=self._route.delete_remote)

    def _publish(self, job: Job, rendered: dict[str, bytes], audio: tuple[str, bytes] | None) -> None:
        root, access = self._route.outbox, self._access
        if audio is not None:
            files.publish_copy(outputs.output(job, audio[0]), audio[1], root=root, access=access)
        if rendered:
            paths = {outputs.output(job, name): data for name, data in rendered.items()}
            files.publish_each(paths, root=root, access=access)

    def _sync_names(self, job: Job, ours: Collection[str]) -> None:
        """Make the names of renderings durable that were published before a crash; their bytes are."""
        for name in list(ours)[:1]:
            with files.opened_root(os.path.dirname(outputs.output(job, name))) as folder:
                self._access.sync(folder)

    def retire(self, job: Job, taken: Collection[int] = (), earlier: Collection[Job] = ()) -> Event:
        """The recording leaves the inbox: to the archive once delivered, to `failed` with a note beside it if not.

        One that was not delivered again has no names, and is named first where it needs any; `taken` and `earlier` are
        as for `name`.
        """
        if job.state is State.FAILED:
            return self._set_aside(job, outputs.place(self._route.failed, job, self._route))
        retired = self._put_away(job, taken, earlier)
        if job.number is not None:
            failure_notes.FAILED.take_back(outputs.note(job, self._route))
        return retired

    def _put_away(self, job: Job, taken: Collection[int], earlier: Collection[Job]) -> Event:
        if self._route.after == "archive":
            if (other := duplicates.archived(job, earlier, self._route)) is not None:
                return Retired(None, duplicates.KEPT.format(other.id))
            if job.number is None:
                return self.name(job, taken)
            return self._move(job, outputs.place(self._route.archive, job, self._route), self._route.archive)
        if self._route.after == "keep" and job.place is None:
            return Retired(None, "kept in the inbox")
        if self._route.after == "keep":
            return Retired(job.place, "kept where it is")
        folder, path, fingerprint = self.source(job)
        try:
            with folder.holding(path, fingerprint) as (directory, name):
                folder.refuse_written(directory, name)
                companions.remove(directory, name, access=self._access)
                files.remove(directory, name, access=self._access)
        except errors.Withdrawn as withdrawn:
            return _not_there(withdrawn)
        except OSError as error:
            raise _unmovable(error, "deleted") from error
        return Retired(None, "deleted after delivery, as configured", gone=True)

    def _set_aside(self, job: Job, target: bytes) -> Event:
        self._anchors.need(self._route.failed)
        retired = Retired(target) if job.place == target else self._move(job, target, self._route.failed)
        if retired.place is not None:
            path, text = outputs.note(job, self._route), failure_notes.note(job)
            failure_notes.write_note(path, text, root=self._route.failed, access=self._access)
        return retired

    def _move(self, job: Job, target: bytes, root: bytes) -> Retired:
        """Move the recording to `target`; gone from its source, it may be there already, moved before a crash."""
        folder, path, fingerprint = self.source(job)
        self._anchors.need(root)
        try:
            with folder.holding(path, fingerprint) as (directory, name):
                folder.refuse_written(directory, name)
                companions.bring_along(directory, name, target, root=root, access=self._access)
                return Retired(_moved(directory, name, target, root, self._access))
        except errors.Withdrawn as withdrawn:
            return Retired(target) if _size(target) == job.fingerprint.size else _not_there(withdrawn)
        except OSError as error:
            if error.errno in _REFUSED:
                files.probe_write(root)  # where nothing can be written it is the folder that waits, with all its jobs
            raise _unmovable(self._naming.judged(error, root, job), f"moved to {shown(target)}") from error


def _published(job: Job) -> dict[str, str]:
    """The renderings of this job that are in the outbox already, by the hashes that were committed before."""
    committed = job.renderings or ()
    return {name: known for name, known in committed if files.sha256(outputs.output(job, name)) == known}


def _not_there(withdrawn: errors.Withdrawn) -> Retired:
    """The recording is not where it was. Where another lies in its place, that may be itself, touched."""
    return Retired(None, withdrawn.message, gone=isinstance(withdrawn, errors.Gone))


def _unmovable(error: Exception, what: str) -> Exception:
    """The meaning of a refusal to take a recording out of its folder: that one stays, and the inbox goes on."""
    if not isinstance(error, OSError) or error.errno not in _REFUSED:
        return error
    hint = 'let the daemon\'s user write to both folders and take the file away, or set after = "keep" for this inbox'
    return errors.Transient(f"the recording cannot be {what}: {error.strerror}", hint=hint)


def _moved(directory: int, name: bytes, target: bytes, root: bytes, access: files.Access) -> bytes:
    """Move the file to `target` or, where somebody has put another one there meanwhile, to the next free name."""
    stem, suffix = os.path.splitext(target)
    for _ in range(ATTEMPTS_AT_A_NAME):
        try:
            files.move(directory, name, target, root=root, access=access)
        except files.NameTaken:
            number = files.free_number(lambda n: [files.output_name(stem, n, suffix)])
            target = files.output_name(stem, number, suffix)
        else:
            return target
    raise errors.Transient(f"others take each free name for {shown(os.path.basename(target))} first")


def _size(path: bytes) -> int | None:
    try:
        return os.lstat(path).st_size
    except OSError:
        return None
