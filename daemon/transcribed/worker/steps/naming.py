"""Choosing the names of a job's files: one number that is free in every folder, chosen before the first is written."""

import contextlib
import errno
import hashlib
from collections.abc import Collection
from dataclasses import replace

from transcribed import errors, files, formats
from transcribed.folders import Anchors
from transcribed.job import Job, State, shown
from transcribed.job.events import Event, Named
from transcribed.journal import AUDIO, Transcripts
from transcribed.worker import outputs
from transcribed.worker.people import failure_notes
from transcribed.worker.plan import Route
from transcribed.worker.steps import amended
from transcribed.worker.steps.places import OpenFolders, judged, opened_each

#: The errors with which vfat, exFAT, CIFS and FUSE refuse a name that they cannot hold: they do not agree.
NAME_REFUSED = frozenset({errno.EINVAL, errno.EILSEQ, errno.ENOENT})

KEPT, KEPT_BYTES = 32, 16_000_000  # renderings that are not published yet: of as many as rooms lets be named at once


class Naming:
    """The names of one route's files."""

    def __init__(self, route: Route, anchors: Anchors, kept: Transcripts) -> None:
        self._route = route
        self._anchors = anchors
        self._kept = kept
        self._twins = files.Twins()
        self._rendered: dict[int, tuple[Job, dict[str, bytes]]] = {}  # the last ones, by job, until they are published

    def name(self, job: Job, taken: Collection[int]) -> Event:
        """Choose the one number that is free in outbox, archive and failed, and in the journal.

        Raises Permanent where nothing was said in the recording, and that is to fail it.
        """
        answer = self._kept.read(job.transcript_id) if job.transcript_id else None
        if job.state is State.TRANSCRIBED and self._route.silence == "fail" and answer is not None:
            _refuse_silence(answer)
        stem, tail = self.called(job, answer)
        named = replace(job, stem=stem, tail=tail, formats=self._formats(job))
        with opened_each(self._anchors, self._route.outbox, self._route.archive, self._route.failed) as folders:
            number = self._free_number(named, answer, taken, folders)
        return Named(stem, number, named.formats, tail, self._hashes(replace(named, number=number), answer))

    def _free_number(self, named: Job, answer: bytes | None, taken: Collection[int], folders: OpenFolders) -> int:
        def in_the_way(number: int) -> list[bytes]:
            return self._in_the_way(replace(named, number=number), answer, folders)

        at = named.stem or b""

        def is_there(path: bytes) -> bool:
            nonlocal at
            at = path
            return folders.has(path)

        try:
            number = files.free_number(in_the_way, taken, self._twins.has_one, is_there)
        except OSError as error:
            root = folders.of(at)
            raise error if root is None else self.judged(error, root, at, named) from error
        for path in in_the_way(number):
            self._twins.add(path)
        return number

    def renderings(self, job: Job, answer: bytes) -> dict[str, bytes]:
        """Each rendering of a job whose names are chosen, by format. Raises ValueError where the answer is damaged.

        They are made when the names are chosen, for their hashes, and kept until they are published. Raises Transient
        too, where another process makes them.
        """
        known = self._rendered.pop(job.id, None)
        if known is not None and _is_same(known[0], job):
            self._rendered[job.id] = known
            return known[1]
        names = [name for name in job.formats if name not in AUDIO]
        made = amended.render_each(names, job, answer, self._route, self._kept)
        self._rendered[job.id] = job, made
        self._make_room()
        return made

    def published(self, job: Job) -> None:
        """The renderings of this job are published, or are not needed."""
        self._rendered.pop(job.id, None)

    def _make_room(self) -> None:
        """Let go of the oldest: some are kept for as many as are named before the first of them is published."""
        sizes = {number: sum(map(len, made.values())) for number, (_, made) in self._rendered.items()}
        for number in list(sizes)[:-1]:
            if len(self._rendered) > KEPT or sum(sizes.values()) > KEPT_BYTES:
                del self._rendered[number], sizes[number]

    def _hashes(self, job: Job, answer: bytes | None) -> tuple[tuple[str, str], ...] | None:
        """The hash of each rendering; what was published before stays as it is."""
        if answer is None or job.state is not State.TRANSCRIBED:
            return job.renderings
        try:
            return hashes_of(self.renderings(job, answer))
        except ValueError:  # damaged since it was kept, which the delivery finds
            return None

    def called(self, job: Job, answer: bytes | None = None) -> tuple[bytes, bytes]:
        """The stem and the tail of its outputs; `answer` is its transcript, where there is one."""
        return outputs.called(job, self._route, self._route.settings_of(job).output_name, answer)

    def judged(self, error: OSError, root: files.Root, path: bytes, job: Job) -> Exception:
        """The meaning of an error met at `path` below `root`.

        It speaks of the name where `root` itself takes another one, and of a sub-folder where only that refuses.
        """
        unfit = self._route.names == "exact" and files.portable(job.path) != job.path
        if error.errno not in NAME_REFUSED or not unfit:
            return judged(error, root, path, self._route.lane)
        files.probe_write(root)
        why = f"the file system of {shown(root.path)} refuses the name {shown(job.path)}: {error.strerror}"
        return errors.Transient(why, hint='set names = "portable" for this inbox')

    def _formats(self, job: Job) -> tuple[str, ...]:
        """Its renderings, and the redacted audio where there is one; once it is delivered, what it has."""
        if job.state is State.DELIVERED:
            return job.formats
        audio = self._kept.audio(job.transcript_id) if job.transcript_id and job.state is State.TRANSCRIBED else None
        return (*self._route.settings_of(job).formats, *(() if audio is None else (audio[0],)))

    def _in_the_way(self, job: Job, answer: bytes | None, folders: OpenFolders) -> list[bytes]:
        """The paths that must be free for its number: its own recording, note and renderings are not in its way."""
        strange = [
            outputs.output(job, name) for name in job.formats if not self._is_delivered(job, name, answer, folders)
        ]
        places = [outputs.place(folder, job, self._route) for folder in (self._route.archive, self._route.failed)]
        note, failed = outputs.note(job, self._route), folders.of(places[1])
        is_ours = failed is not None and failure_notes.FAILED.is_at(failed, note)
        all_of_them = [*strange, *places, *([] if is_ours else [note])]
        return [path for path in all_of_them if path != job.place]

    def _is_delivered(self, job: Job, name: str, answer: bytes | None, folders: OpenFolders) -> bool:
        """True if this very rendering is there: a journal that was lost since knew who had delivered it."""
        path = outputs.output(job, name)
        root = folders.of(path)
        if answer is None or job.state is State.FAILED or root is None or not root.has(path):
            return False  # what failed because it was rendered is not rendered for its names
        if name in AUDIO:
            audio = self._kept.audio(job.transcript_id or "")
            return audio is not None and root.sha256(path) == _sha256_of(audio[1])
        try:
            data = self.renderings(job, answer)[name]
        except ValueError:
            return False
        return root.holds(path, data)


def hashes_of(renderings: dict[str, bytes]) -> tuple[tuple[str, str], ...]:
    """Each format and the SHA-256 of its rendering."""
    return tuple((name, hashlib.sha256(data).hexdigest()) for name, data in renderings.items())


def _sha256_of(ours: bytes) -> str:
    with files.open_regular(ours) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_same(made: Job, job: Job) -> bool:
    """True if the renderings that were made for `made` are those of `job`: its names and its settings are the same."""
    facts = ("id", "transcript_id", "stem", "tail", "number", "formats", "settings", "fingerprint", "path")
    return all(getattr(made, fact) == getattr(job, fact) for fact in facts)


def _refuse_silence(answer: bytes) -> None:
    with contextlib.suppress(ValueError):  # damaged since it was kept, which the delivery finds
        if formats.is_silent(answer):
            hint = 'listen to it; its transcript is kept, so silence = "empty" and a retry deliver its empty transcript'
            raise errors.Permanent("nothing was said in this recording", hint=hint)
