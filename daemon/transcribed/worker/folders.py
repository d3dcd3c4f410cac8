"""The steps that touch an inbox's folders, run on that inbox's one thread, so that a share that hangs stalls it alone.

Like all steps they are functions Job -> Event and hold no journal. A recording leaves the inbox last of all, and
nothing that the daemon did not write is replaced.
"""

import contextlib
import errno
import filecmp
import hashlib
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from transcribed import errors, formats, outbox
from transcribed.inbox import READY, SUFFIX, Found, Inbox, Listing, Names, Probe, Said, is_local, probe
from transcribed.job import Fingerprint, Job, State, is_link, shown
from transcribed.job.events import Delivered, Event, Hashed, Missing, Named, Retired
from transcribed.worker import notes, outputs
from transcribed.worker.access import access_of
from transcribed.worker.anchors import Anchors
from transcribed.worker.kept import AUDIO, Kept
from transcribed.worker.own import wanted
from transcribed.worker.plan import Route

BYTES_PER_SECOND = 16_000.0  # of an MP3 at 128 kbit/s: a length for files that no probe can read
SECONDS_OF_A_LINK = 3600.0  # nobody knows before it is fetched; chosen as the length of a long meeting
BLOCK_BYTES = 1 << 20
ATTEMPTS_AT_A_NAME = 5
COMPANIONS = (READY, SUFFIX)  #: what may lie beside a recording, named after it, and travels with it
_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
#: What vfat, exFAT, CIFS and FUSE say of a name that they cannot hold: they do not agree.
_NAME_REFUSED = frozenset({errno.EINVAL, errno.EILSEQ, errno.ENOENT})


class Folders:
    """The folders of one route and what is done in them."""

    def __init__(self, route: Route, remembered: Mapping[str, str]) -> None:
        self.route = route
        self.access = access_of(route)
        self.anchors = Anchors(route, self.access, remembered)
        names, ground = Names(route.extensions, route.ignore, route.links), self.anchors.of("inbox")
        self._inbox = Inbox(route.inbox, lane=route.lane, names=names, hardlinks=route.hardlinks, ground=ground)
        self._failed = Inbox(route.failed, lane=route.lane, ground=self.anchors.of("failed"))

    def check(self) -> None:
        """Whether the inbox can be listed and what is in use beside it can be written. Raises Blocked, or OSError."""
        self.anchors.try_again()
        self._inbox.listing()
        for folder in self._beside():
            outbox.probe_write(folder)

    def _beside(self) -> list[bytes]:
        """The folders that deliveries go to; `failed` only where it is there, for it may never be needed."""
        used = [self.route.outbox, *([self.route.archive] if self.route.after == "archive" else [])]
        return [*used, *([self.route.failed] if os.path.isdir(self.route.failed) else [])]

    def sweep(self, started_at: float) -> None:
        """Remove what a crash left half-written before `started_at`; what is not there has nothing to sweep."""
        for folder in (self.route.outbox, self.route.archive, self.route.failed):
            with contextlib.suppress(OSError):
                outbox.sweep(folder, started_at, older_than_seconds=0.0)
        with contextlib.suppress(OSError):  # an inbox holds nothing of ours but its anchor
            outbox.sweep(self.route.inbox, started_at, older_than_seconds=0.0, deepest=0)

    def wants_events(self) -> bool:
        """Whether folder events are to be asked for: they tell only of what is done through this kernel."""
        if self.route.watch != "auto":
            return self.route.watch == "events"
        try:
            return is_local(self.route.inbox)
        except OSError:
            return False

    def look(
        self, *, whole: bool, again: Collection[bytes], watched: Collection[bytes], expected: Collection[bytes]
    ) -> Listing:
        """What has changed in the inbox. Raises Blocked."""
        return self._inbox.look(whole=whole, again=again, watched=watched, expected=expected)

    def survey(self, files: Mapping[bytes, Fingerprint]) -> float:
        """How many hours of audio these files hold, as far as a look at each can tell."""
        return sum(self._seconds(Found(path, fingerprint)) for path, fingerprint in files.items()) / 3600

    def _seconds(self, found: Found) -> float:
        if is_link(found.path):
            return SECONDS_OF_A_LINK
        try:
            seconds = self.probe(found).duration_seconds
        except (errors.TranscribedError, OSError):
            seconds = None
        return found.fingerprint.size / BYTES_PER_SECOND if seconds is None else seconds

    def probe(self, found: Found) -> Probe:
        """What the file seems to be. Raises Withdrawn, Blocked, Transient, or OSError."""
        if is_link(found.path):
            return Probe(audio=True)  # somewhere else, where nobody has looked yet
        with self._inbox.open(found.path, found.fingerprint) as file:
            return probe(file, found.fingerprint.size)

    def address(self, found: Found) -> str:
        """Where the link leads to. Raises as `probe` does, and Permanent where it holds no address of use."""
        return self._inbox.address(found.path, found.fingerprint)

    def said(self, path: bytes) -> list[Said]:
        """What files at the share say of the recording at this path. Raises as `probe` does."""
        return self._inbox.said(path)

    def tell_beside(self, path: bytes, problems: Sequence[str]) -> None:
        """Say beside a file in the inbox what is wrong with it, or take that back."""
        where = os.path.join(self.route.inbox, path)
        notes.tell_beside(where, problems, root=self.route.inbox, access=self.access)

    def source(self, job: Job) -> tuple[Inbox, bytes, Fingerprint]:
        """Where the job's recording is now: in the inbox or, for a retried one, still in the failed folder.

        A rename changes ctime, and a move between file systems the inode: there, size and mtime must do.
        """
        root = self.route.failed + b"/"
        if job.place is not None and job.place.startswith(root):
            return self._failed, job.place[len(root) :], replace(job.fingerprint, ctime_ns=None, inode=None)
        return self._inbox, job.path, job.fingerprint

    def hash(self, job: Job) -> Event:
        """Read the recording once to know whether its content is known. Raises as `probe` does."""
        folder, path, fingerprint = self.source(job)
        digest = hashlib.sha256()
        with folder.open(path, fingerprint) as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
            if not folder.unchanged(file, fingerprint):
                raise errors.Withdrawn("the recording changed while it was being read")
        return Hashed(digest.hexdigest())

    def called(self, job: Job, answer: bytes | None = None) -> tuple[bytes, bytes]:
        """The stem and the tail of its outputs; `answer` is its transcript, where there is one."""
        stem = os.path.splitext(self._below(self.route.outbox, job))[0]
        called = outputs.called(job, stem, wanted(job, self.route).output_name, answer)
        return outputs.portable(*called) if self.route.names == "portable" else called

    def _below(self, folder: bytes, job: Job) -> bytes:
        """Where the job's recording would lie in `folder`, named as its people asked."""
        return os.path.join(folder, outbox.portable(job.path) if self.route.names == "portable" else job.path)

    def name(self, job: Job, taken: Collection[int], kept: Kept) -> Event:
        """Choose the one number that is free in outbox, archive and failed, and in the journal.

        Raises Permanent where nothing was said in the recording, and that is to fail it.
        """
        answer = kept.read(job.transcript_id) if job.transcript_id else None
        if job.state is State.TRANSCRIBED and self.route.silence == "fail" and answer is not None:
            self._refuse_silence(answer)
        self.anchors.need(self.route.outbox)
        stem, tail = self.called(job, answer)
        named = replace(job, stem=stem, tail=tail, formats=self._formats(job, kept))
        try:
            number = outbox.free_number(lambda n: self._names(replace(named, number=n), answer, kept), taken)
        except OSError as error:
            raise self._judged(error, self._holder(error.filename), job) from error
        return Named(stem, number, named.formats, tail)

    def _formats(self, job: Job, kept: Kept) -> tuple[str, ...]:
        """What is delivered of it: its renderings, and the redacted audio where there is one."""
        audio = kept.audio(job.transcript_id) if job.transcript_id and job.state is State.TRANSCRIBED else None
        return (*wanted(job, self.route).formats, *(() if audio is None else (audio[0],)))

    def _refuse_silence(self, answer: bytes) -> None:
        with contextlib.suppress(ValueError):  # damaged since it was kept, which the delivery finds
            if formats.is_silent(answer):
                hint = 'listen to it; it is paid for, so silence = "empty" and a retry deliver its empty transcript'
                raise errors.Permanent("nothing was said in this recording", hint=hint)

    def _holder(self, path: object) -> bytes:
        """The one of our folders that a path lies below."""
        folders = (self.route.outbox, self.route.archive, self.route.failed)
        below = (folder for folder in folders if isinstance(path, bytes) and path.startswith(folder + b"/"))
        return next(below, self.route.outbox)

    def _names(self, job: Job, answer: bytes | None, kept: Kept) -> Iterable[bytes]:
        """What must be free for its number: its own recording, note and renderings do not stand in its way."""
        strange = [outputs.output(job, name) for name in job.formats if not self._is_delivered(job, name, answer, kept)]
        places = [self._place(self.route.archive, job), self._place(self.route.failed, job)]
        note_path = self._note(job)
        all_of_them = [*strange, *places, *([] if notes.is_note(note_path) else [note_path])]
        return [path for path in all_of_them if path != job.place]

    def _is_delivered(self, job: Job, name: str, answer: bytes | None, kept: Kept) -> bool:
        """Whether this very rendering is there: a journal that was lost since knew who had delivered it."""
        path = outputs.output(job, name)
        if answer is None or not os.path.isfile(path):
            return False
        if name in AUDIO:
            audio = kept.audio(job.transcript_id or "")
            return audio is not None and filecmp.cmp(path, audio[1], shallow=False)
        try:
            data = formats.render(name, answer, title=outputs.title_of(job), style=self._style(job))
        except ValueError:
            return False
        return os.path.getsize(path) == len(data) and notes.begins_with(path, data)

    def deliver(self, job: Job, kept: Kept, taken: Collection[int]) -> Event:
        """Render the kept transcript in each format and publish each. A name taken meanwhile: the next number."""
        assert job.transcript_id is not None
        assert job.number is not None
        self.anchors.need(self.route.outbox)
        answer = kept.read(job.transcript_id)
        if answer is None:
            return Missing()
        title, style = outputs.title_of(job), self._style(job)
        try:
            renderings = [name for name in job.formats if name not in AUDIO]
            rendered = {name: formats.render(name, answer, title=title, style=style) for name in renderings}
        except ValueError:
            return Missing()  # damaged since it was kept: fetching again is free
        audio = kept.audio(job.transcript_id) if len(renderings) < len(job.formats) else None
        if len(renderings) < len(job.formats) and audio is None:
            return self.name(job, taken, kept)  # it was taken from where it was kept: there is no other
        try:
            if audio is not None:
                path = outputs.output(job, audio[0])
                outbox.publish_copy(path, audio[1], root=self.route.outbox, access=self.access)
            for name, data in rendered.items():
                outbox.publish(outputs.output(job, name), data, root=self.route.outbox, access=self.access)
        except outbox.NameTaken:
            return self.name(job, {job.number, *taken}, kept)
        except OSError as error:
            if self.called(job, answer) != (job.stem, job.tail) and error.errno in _NAME_REFUSED:
                return self.name(job, taken, kept)  # by names that were asked for since
            raise self._judged(error, self.route.outbox, job) from error
        return Delivered(delete_remote=self.route.delete_remote)

    def _style(self, job: Job) -> formats.Style:
        """How its renderings look; the recording is told where it will be, seen from them.

        A link is no recording that a page could play.
        """
        assert job.stem is not None
        place = {
            "archive": self._place(self.route.archive, job),
            "keep": os.path.join(self.route.inbox, job.path),
        }.get("" if is_link(job.path) else self.route.after)
        own = wanted(job, self.route)
        return formats.Style(
            speakers=own.speakers,
            line_length=own.line_length,
            lines=own.lines,
            recording="" if place is None else os.fsdecode(os.path.relpath(place, os.path.dirname(job.stem))),
            date=outputs.day_of(job.fingerprint),
        )

    def _judged(self, error: OSError, root: bytes, job: Job) -> Exception:
        """What an error met below `root` means: it speaks of the name where `root` itself takes another one."""
        unfit = self.route.names == "exact" and outbox.portable(job.path) != job.path
        if error.errno not in _NAME_REFUSED or not unfit:
            return error
        outbox.probe_write(root)
        why = f"the file system of {shown(root)} refuses the name {shown(job.path)}: {error.strerror}"
        return errors.Transient(why, hint='set names = "portable" for this inbox')

    def retire(self, job: Job) -> Event:
        """The recording leaves the inbox: to the archive once delivered, to `failed` with a note beside it if not."""
        if job.state is State.FAILED:
            return self._set_aside(job, self._place(self.route.failed, job))
        place, why = self._put_away(job, self._place(self.route.archive, job))
        self.take_back_note(job)
        return Retired(place, why)

    def _put_away(self, job: Job, target: bytes) -> tuple[bytes | None, str]:
        if self.route.after == "archive":
            return self._move(job, target, self.route.archive)
        if self.route.after == "keep" and job.place is None:
            return None, "kept in the inbox"
        if self.route.after == "keep":
            return job.place, "kept where it is"
        folder, path, fingerprint = self.source(job)
        try:
            with folder.holding(path, fingerprint) as (directory, name):
                outbox.remove(directory, name, access=self.access)
        except errors.Withdrawn as gone:
            return None, gone.message
        except OSError as error:
            raise _unmovable(error, "deleted") from error
        return None, "deleted after delivery, as configured"

    def _set_aside(self, job: Job, target: bytes) -> Event:
        self.anchors.need(self.route.failed)
        place, why = (job.place, "") if job.place == target else self._move(job, target, self.route.failed)
        if place is not None:
            notes.write_note(self._note(job), notes.note(job), root=self.route.failed, access=self.access)
        return Retired(place, why)

    def _move(self, job: Job, target: bytes, root: bytes) -> tuple[bytes | None, str]:
        """Move the recording to `target`; gone from its source, it may be there already, moved before a crash."""
        folder, path, fingerprint = self.source(job)
        self.anchors.need(root)
        try:
            with folder.holding(path, fingerprint) as (directory, name):
                self._bring_along(directory, name, target, root)
                return _moved(directory, name, target, root, self.access), ""
        except errors.Withdrawn as gone:
            if _size(target) == job.fingerprint.size:
                return target, ""
            return None, gone.message
        except OSError as error:
            if error.errno in _REFUSED:
                outbox.probe_write(root)  # where nothing can be written it is the folder that waits, with all its jobs
            raise _unmovable(self._judged(error, root, job), f"moved to {shown(target)}") from error

    def _bring_along(self, directory: int, name: bytes, target: bytes, root: bytes) -> None:
        """A marker goes where its recording goes, and first: left behind, it would release the next of that name."""
        for ending in COMPANIONS:
            with contextlib.suppress(OSError, outbox.NameTaken):
                outbox.move(directory, name + ending, target + ending, root=root, access=self.access)

    def _place(self, folder: bytes, job: Job) -> bytes:
        assert job.number is not None
        stem, suffix = os.path.splitext(self._below(folder, job))
        return outbox.output_name(stem, job.number, suffix)

    def _note(self, job: Job) -> bytes:
        place = self._place(self.route.failed, job)
        return outbox.output_name(place, 1, notes.SUFFIX)

    def take_back_note(self, job: Job) -> None:
        """Remove the note of an earlier failure, beside the recording's place in `failed`."""
        path = self._note(job)
        if notes.is_note(path):
            os.unlink(path)


def _unmovable(error: Exception, what: str) -> Exception:
    """What a refusal to take a recording out of its folder means: that one stays, and the inbox goes on."""
    if not isinstance(error, OSError) or error.errno not in _REFUSED:
        return error
    hint = 'let the daemon\'s user write to both folders and take the file away, or set after = "keep" for this inbox'
    return errors.Transient(f"the recording cannot be {what}: {error.strerror}", hint=hint)


def _moved(directory: int, name: bytes, target: bytes, root: bytes, access: outbox.Access) -> bytes:
    """Move the file to `target` or, where somebody has put another one there meanwhile, to the next free name."""
    stem, suffix = os.path.splitext(target)
    for _ in range(ATTEMPTS_AT_A_NAME):
        try:
            outbox.move(directory, name, target, root=root, access=access)
        except outbox.NameTaken:
            number = outbox.free_number(lambda n: [outbox.output_name(stem, n, suffix)])
            target = outbox.output_name(stem, number, suffix)
        else:
            return target
    raise errors.Transient(f"others take each free name for {shown(os.path.basename(target))} first")


def _size(path: bytes) -> int | None:
    try:
        return os.lstat(path).st_size
    except OSError:
        return None
