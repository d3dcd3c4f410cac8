"""The recordings of one route where they lie, compared with what was taken of them.

A recording is known by its fingerprint or, where somebody has only touched it, by its bytes. Everything here runs on
the threads of its inbox.
"""

import os
from dataclasses import replace

from transcribed import files
from transcribed.folders import Anchors
from transcribed.inbox import RecordingFolder, audio_of, hash_of_address
from transcribed.job import Fingerprint, Job, State, is_link
from transcribed.worker.access import access_of
from transcribed.worker.people import result_notes
from transcribed.worker.plan import Route

BLOCK_BYTES = 1 << 20


class Recordings:
    """The recordings of one route, in its inbox, its archive and its failed folder."""

    def __init__(self, route: Route, anchors: Anchors) -> None:
        self._route = route
        self._anchors = anchors
        self.inbox = RecordingFolder(route.inbox, lane=route.lane, ground=anchors.of("inbox"))
        put_away = {"archive": route.archive, "failed": route.failed}
        self._put_away = [
            RecordingFolder(folder, lane=route.lane, ground=anchors.of(role)) for role, folder in put_away.items()
        ]

    def source(self, job: Job) -> tuple[RecordingFolder, bytes, Fingerprint]:
        """The job's recording as it lies now: in the inbox, or where it was put away (a retried one still lies there).

        A rename changes ctime, and a move between file systems the inode: there, size and mtime must do.
        """
        for folder in self._put_away:
            if job.place is not None and job.place.startswith(folder.root + b"/"):
                path = job.place[len(folder.root) + 1 :]
                return folder, path, replace(job.fingerprint, ctime_ns=None, inode=None)
        return self.inbox, job.path, job.fingerprint

    def hashes(self, job: Job, lies: Fingerprint | None = None) -> files.Hashes:
        """The hashes of the recording, which looks like `lies`, or as it did. Raises as `RecordingFolder.open` does."""
        folder, path, fingerprint = self.source(job)
        with folder.reading(path, lies or fingerprint) as file:
            hashes = files.Hashes(audio_of(file, (lies or fingerprint).size))
            while block := file.read(BLOCK_BYTES):
                hashes.add(block)
        return hashes

    def has_its_bytes(self, job: Job, lies: Fingerprint) -> bool:
        """True if what looks like `lies` has the bytes that were taken, or their audio. Raises as `hashes` does."""
        is_mp3 = job.audio_hash is not None
        if job.content_hash is None or (lies.size != job.fingerprint.size and not is_mp3):
            return False
        folder, path, _ = self.source(job)
        if is_link(path):
            return hash_of_address(folder.address(path, lies)) == job.content_hash
        hashes = self.hashes(job, lies)
        return hashes.whole == job.content_hash or (is_mp3 and hashes.part == job.audio_hash)

    def has_grown(self, job: Job, lies: Fingerprint) -> bool:
        """True if what looks like `lies` begins with all bytes that were taken, and goes on. Raises as `hashes`."""
        folder, path, _ = self.source(job)
        if job.content_hash is None or lies.size <= job.fingerprint.size or is_link(path):
            return False
        hashes = files.Hashes(range(job.fingerprint.size))
        with folder.reading(path, lies) as file:
            while block := file.read(BLOCK_BYTES):
                hashes.add(block)
        return hashes.part == job.content_hash

    def tell_of_change(self, job: Job, lies: Fingerprint, then: str) -> None:
        """Say beside the transcript that other bytes lie there than were transcribed, and what is done. Raises Blocked.

        `then`: one of the sentences of result_notes.
        """
        if job.state is State.DELIVERED and job.stem is not None:  # else nothing was delivered for it
            said = [result_notes.of_changed(job, lies.size, then)]
            with self._anchors.opened(self._route.outbox) as outbox:
                result_notes.tell(job, said, root=outbox, access=access_of(self._route))


def place_for(folder: files.Root, path: bytes) -> bytes:
    """A free path for a file that is to lie at `path` in the open `folder`."""
    stem, suffix = os.path.join(folder.path, path).rsplit(b".", 1)
    number = files.free_number(lambda n: [files.output_name(stem, n, b"." + suffix)], is_there=folder.has)
    return files.output_name(stem, number, b"." + suffix)
