"""The steps that touch an inbox's folders, run on threads of that inbox, so that a share that hangs stalls only it.

A recording is retired on one thread, hashed on another, and the rest is done on a third: each step of a kind is alone.

Like all steps they are functions Job -> Event and hold no journal. A recording leaves the inbox last of all, and
nothing that the daemon did not write is replaced.
"""

import contextlib
import functools
import json
import os
from collections.abc import Callable, Collection, Iterator, Sequence

from transcribed import errors, files, formats
from transcribed.folders import Anchors
from transcribed.inbox import RecordingFolder
from transcribed.job import Fingerprint, Job, State, shown
from transcribed.job.events import Delivered, Event, Hashed, Missing, Rendered, Retired, Skipped
from transcribed.journal import Transcripts
from transcribed.worker import outputs
from transcribed.worker.access import access_of
from transcribed.worker.people import failure_notes, result_notes
from transcribed.worker.plan import Route
from transcribed.worker.steps import companions, duplicates, leaving
from transcribed.worker.steps.naming import NAME_REFUSED, Naming, hashes_of
from transcribed.worker.steps.places import REFUSED, of_one_job
from transcribed.worker.steps.recordings import Recordings

ATTEMPTS_AT_A_NAME = 5


class FolderSteps:
    """The folders of one route, and the steps that are done in them."""

    def __init__(self, route: Route, anchors: Anchors, kept: Transcripts) -> None:
        self._route = route
        self._anchors = anchors
        self._kept = kept
        self._naming = Naming(route, anchors, kept)
        self._access = access_of(route)
        self._recordings = Recordings(route, anchors)

    def source(self, job: Job) -> tuple[RecordingFolder, bytes, Fingerprint]:
        """The job's recording as it lies now."""
        return self._recordings.source(job)

    def hash(self, job: Job) -> Event:
        """Read the recording once to know whether its content is known. Raises as `RecordingFolder.open` does."""
        hashes = self._recordings.hashes(job)
        return Hashed(hashes.whole, hashes.part)

    def stem(self, job: Job) -> bytes:
        """The stem of its outputs, as far as it is known without its transcript."""
        return self._naming.called(job)[0]

    def name(self, job: Job, taken: Collection[int], earlier: Collection[Job] = ()) -> Event:
        """Choose the names of its files, unless those of an `earlier` job are the same and still there.

        `taken` are numbers of other jobs.
        """
        if job.state is State.TRANSCRIBED and earlier:
            stem, lane = self._naming.called(job)[0], self._route.lane
            with self._anchors.opened(self._route.outbox) as outbox, of_one_job(outbox, stem, lane):
                other = duplicates.delivered(job, earlier, self._route, outbox)
            if other is not None:
                return Skipped(other.id)
        return self._naming.name(job, taken)

    def deliver(self, job: Job, taken: Collection[int], doubts: Sequence[str] = ()) -> Event:
        """Render the kept transcript in each format and publish each. A name taken meanwhile: the next number.

        The `doubts` about it are said in a note beside them.
        """
        with self._anchors.opened(self._route.outbox) as outbox:
            return self._deliver(job, taken, doubts, outbox)

    def _deliver(self, job: Job, taken: Collection[int], doubts: Sequence[str], outbox: files.Root) -> Event:
        assert job.transcript_id is not None
        assert job.number is not None
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
        with of_one_job(outbox, job.stem or b"", self._route.lane):
            ours = _published(job, outbox)
        hashes = dict(hashes_of(rendered)) | ours
        if hashes != dict(job.renderings or ()):
            return Rendered(tuple(hashes.items()))
        try:
            self._publish(job, {name: data for name, data in rendered.items() if name not in ours}, audio, outbox)
            self._sync_names(job, ours, outbox)
        except files.NameTaken:
            return self.name(job, {job.number, *taken})
        except OSError as error:
            if self._naming.called(job, answer) != (job.stem, job.tail) and error.errno in NAME_REFUSED:
                return self.name(job, taken)  # by names that were asked for since
            raise self._naming.judged(error, outbox, job.stem or b"", job) from error
        self._naming.published(job)
        said = [result_notes.of_doubt(doubt) for doubt in doubts]
        result_notes.tell(job, said, root=outbox, access=self._access)
        return Delivered(delete_remote=self._route.delete_remote, warnings=self._unseen(job))

    def _unseen(self, job: Job) -> tuple[str, ...]:
        """The warning that something was paid for, and that nobody sees it in these files."""
        parameters = json.loads(self._route.settings_of(job).parameters)
        if said := formats.unseen(parameters, job.formats):
            return (f"{said}: `transcribed render {job.id} --format {formats.SHOWING[0]}` does, at no cost",)
        return ()

    def _publish(
        self, job: Job, rendered: dict[str, bytes], audio: tuple[str, bytes] | None, outbox: files.Root
    ) -> None:
        if audio is not None:
            files.publish_copy(outputs.output(job, audio[0]), audio[1], root=outbox, access=self._access)
        if rendered:
            paths = {outputs.output(job, name): data for name, data in rendered.items()}
            files.publish_each(paths, root=outbox, access=self._access)

    def _sync_names(self, job: Job, ours: Collection[str], outbox: files.Root) -> None:
        """Make the names of renderings durable that were published before a crash; their bytes are."""
        for name in list(ours)[:1]:
            with outbox.holding(outputs.output(job, name)) as (folder, _):
                self._access.sync(folder)

    def retire(self, job: Job, taken: Collection[int] = (), earlier: Collection[Job] = ()) -> Event:
        """The recording leaves the inbox: to the archive once delivered, to `failed` with a note beside it if not.

        One that was not delivered again has no names, and is named first where it needs any; `taken` and `earlier` are
        as for `name`.
        """
        if job.state is State.FAILED:
            return self._set_aside(job)
        retired = self._put_away(job, taken, earlier)
        if job.number is not None:
            failure_notes.take_back(job, self._route, self._anchors)
        return retired

    def _put_away(self, job: Job, taken: Collection[int], earlier: Collection[Job]) -> Event:
        if self._route.after == "archive":
            return self._archive(job, taken, earlier)
        try:
            with self._holding(job) as (directory, name, lies):
                if self._route.after == "keep":
                    return Retired(job.place, "kept in the inbox" if job.place is None else "kept where it is")
                companions.remove(directory, name, access=self._access)
                hidden = leaving.name_for(job)
                files.remove(directory, name, leaving=hidden, access=self._access)
                leaving.let_go(self._recordings.inbox, directory, hidden, lies, access=self._access)
        except errors.Withdrawn as withdrawn:
            return _not_there(withdrawn)
        except OSError as error:
            raise _unmovable(error, error, "deleted") from error
        return Retired(None, "deleted after delivery, as configured", gone=True)

    def _archive(self, job: Job, taken: Collection[int], earlier: Collection[Job]) -> Event:
        with self._anchors.opened(self._route.archive) as archive:
            if (other := duplicates.archived(job, earlier, archive)) is not None:
                return Retired(None, duplicates.KEPT.format(other.id))
            if job.number is not None:
                return self._move(job, outputs.place(archive.path, job, self._route), archive)
        return self.name(job, taken)

    @contextlib.contextmanager
    def _holding(
        self, job: Job, arrived: Callable[[], int | None] = lambda: None
    ) -> Iterator[tuple[int, bytes, Fingerprint]]:
        """The job's recording, to be put away: its folder, its name there, and what it looks like now.

        One whose time or rights were changed is known by its bytes. `arrived` is the size of what lies where it is to
        be. Raises Withdrawn where it is not there, or lies there already, moved before a crash, or where other bytes
        lie in its place than were transcribed: people are told of that beside the transcript. Raises Transient while a
        program has it open for writing.
        """
        folder, path, fingerprint = self._recordings.source(job)
        lies = folder.found(path, fingerprint)
        if lies != fingerprint and arrived() == job.fingerprint.size:
            raise errors.Withdrawn("it was moved already, and another one lies in its place")
        if lies != fingerprint and not self._recordings.has_its_bytes(job, lies):
            self._recordings.tell_of_change(job, lies, result_notes.GOES_ON)
            raise errors.Withdrawn(result_notes.changed(job, lies.size))
        with folder.holding(path, lies) as (directory, name):
            folder.refuse_written(directory, name)
            yield directory, name, lies

    def _set_aside(self, job: Job) -> Event:
        with self._anchors.opened(self._route.failed) as failed:
            target = outputs.place(failed.path, job, self._route)
            retired = Retired(target) if job.place == target else self._move(job, target, failed)
            if retired.place is not None:
                path, text = outputs.note(job, self._route), failure_notes.note(job)
                with of_one_job(failed, path, self._route.lane):
                    failure_notes.write_note(path, text, root=failed, access=self._access)
            return retired

    def _move(self, job: Job, target: bytes, root: files.Root) -> Retired:
        """Move the recording to `target`; gone from its source, it may be there already, moved before a crash."""
        size = functools.partial(_size, root, target)
        try:
            with self._holding(job, size) as (directory, name, lies):
                companions.bring_along(directory, name, target, root=root, access=self._access)
                hidden, folder = leaving.name_for(job), self._recordings.source(job)[0]
                closed = folder.refuse_written(directory, name)
                place = _moved(directory, name, target, lies, hidden, root=root, access=self._access)
                leaving.let_go(self._recordings.inbox, directory, hidden, lies, access=self._access)
                return Retired(place, closed=closed)
        except errors.Withdrawn as withdrawn:
            return Retired(target) if size() == job.fingerprint.size else _not_there(withdrawn)
        except OSError as error:
            meaning = self._naming.judged(error, root, target, job)
            raise _unmovable(error, meaning, f"moved to {shown(target)}") from error


def _published(job: Job, outbox: files.Root) -> dict[str, str]:
    """The renderings of this job that are in the outbox already, by the hashes that were committed before."""
    committed = job.renderings or ()
    return {name: known for name, known in committed if outbox.sha256(outputs.output(job, name)) == known}


def _not_there(withdrawn: errors.Withdrawn) -> Retired:
    """The recording is not where it was; what lies in its place, if anything does, is new."""
    return Retired(None, withdrawn.message, gone=True)


def _unmovable(error: OSError, meaning: Exception, what: str) -> Exception:
    """The meaning of a refusal to take a recording out of its folder: that one stays, and the inbox goes on."""
    if error.errno not in REFUSED or isinstance(meaning, errors.Blocked):
        return meaning
    hint = 'let the daemon\'s user write to both folders and take the file away, or set after = "keep" for this inbox'
    return errors.Transient(f"the recording cannot be {what}: {error.strerror}", hint=hint)


def _moved(
    directory: int,
    name: bytes,
    target: bytes,
    lies: Fingerprint,
    hidden: bytes | None,
    *,
    root: files.Root,
    access: files.Access,
) -> bytes:
    """Move the file to `target` or, where somebody has put another one there meanwhile, to the next free name."""
    stem, suffix = os.path.splitext(target)
    was = lies.size, lies.mtime_ns
    for _ in range(ATTEMPTS_AT_A_NAME):
        try:
            files.move(directory, name, target, root=root, was=was, leaving=hidden, access=access)
        except files.NameTaken:
            number = files.free_number(lambda n: [files.output_name(stem, n, suffix)], is_there=root.has)
            target = files.output_name(stem, number, suffix)
        else:
            return target
    raise errors.Transient(f"others take each free name for {shown(os.path.basename(target))} first")


def _size(root: files.Root, path: bytes) -> int | None:
    try:
        status = root.status(path)
    except OSError:
        return None
    return None if status is None else status.st_size
