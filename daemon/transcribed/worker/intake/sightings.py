"""The files of one inbox as they were seen: one record for each path, and what can be answered from it.

A look reports only what has changed, so what it reported is remembered here until it is a job's. Most records are of
files that jobs have taken and that lie still: an index of those that do not keeps the cost of a look from growing with
them. Pure: no clock, no I/O.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from transcribed.job import Fingerprint


@dataclass(frozen=True, slots=True)
class Sighting:
    """Everything that is known of one path in the inbox."""

    job: int | None = None  #: the job that took the file here
    taken: Fingerprint | None = None  #: that file, as it was taken
    is_gone: bool = False  #: True if that file was seen to be gone
    pending: Fingerprint | None = None  #: the file that lies here now and is no job's yet
    inspecting: bool = False  #: True while that file is being looked into
    unread: str = ""  #: the reason why that file could not be read
    missed: bool = False  #: True if that file was listed, and was not there when it was to be read
    again: bool = False  #: True if the next look must report the path even if nothing has changed

    @property
    def restless(self) -> bool:
        """True if the next look must pay attention to this path."""
        return bool(self.again or self.inspecting or self.unread)


_UNSEEN = Sighting()


class Sightings:
    """The sightings of one inbox, by path. `taken`: the job of each file that jobs have taken, and the file."""

    def __init__(self, taken: Mapping[bytes, tuple[int, Fingerprint]]) -> None:
        self._all = {path: Sighting(job, fingerprint) for path, (job, fingerprint) in taken.items()}
        self._pending: dict[bytes, Sighting] = {}  # in the order in which they came
        self._restless: dict[bytes, Sighting] = {}

    def _at(self, path: bytes) -> Sighting:
        return self._all.get(path, _UNSEEN)

    def _put(self, path: bytes, sighting: Sighting) -> None:
        """The one place that writes: the indexes cannot differ from the records."""
        _keep(self._all, path, sighting, when=sighting != _UNSEEN)
        _keep(self._pending, path, sighting, when=sighting.pending is not None)
        _keep(self._restless, path, sighting, when=sighting.restless)

    # -- what is known

    def pending(self) -> dict[bytes, Fingerprint]:
        """The files that are no job's yet, in the order in which they came."""
        return {path: each.pending for path, each in self._pending.items() if each.pending is not None}

    def is_pending(self, path: bytes) -> bool:
        """True if a file lies here that is no job's yet."""
        return path in self._pending

    def again(self) -> frozenset[bytes]:
        """The paths that the next look must report even if nothing has changed."""
        return frozenset(path for path, each in self._restless.items() if each.again)

    def watched(self) -> frozenset[bytes]:
        """The paths whose files may be written over in place, and must be seen to be."""
        return frozenset(path for path, each in self._restless.items() if each.inspecting or each.unread)

    def paths(self) -> frozenset[bytes]:
        """Every path of which anything is known. The one answer that costs as much as all that is known."""
        return frozenset(self._all)

    def unread(self) -> dict[bytes, str]:
        """The files that cannot be read, and why."""
        return {path: each.unread for path, each in self._restless.items() if each.unread}

    def missed_again(self, paths: Iterable[bytes]) -> list[bytes]:
        """Those of the files that were missed before, and were listed again since, as they were."""
        return [path for path in paths if self._at(path).missed and self._at(path).pending is not None]

    def is_inspecting(self, path: bytes | None = None) -> bool:
        """True if this file, or without a path any file, is being looked into."""
        seen = self._restless.values() if path is None else [self._at(path)]
        return any(each.inspecting for each in seen)

    def inspecting(self) -> dict[bytes, Fingerprint]:
        """The files that are being looked into, or are admitted and no job's yet."""
        return {path: each.pending for path, each in self._restless.items() if each.inspecting and each.pending}

    def job_of(self, path: bytes, fingerprint: Fingerprint) -> int | None:
        """The job that took this very file; None where none did, or where it has changed since."""
        sighting = self._at(path)
        return sighting.job if sighting.taken == fingerprint else None

    def has_lost(self, path: bytes, job: int, size: int) -> bool:
        """True if the file of this size that this job took was seen to be gone, or written over by one of another size.

        Of one of the same size nobody knows before it is hashed: it may be that file, touched.
        """
        sighting = self._at(path)
        is_later = sighting.job is not None and sighting.job > job
        is_another = is_later and sighting.taken is not None and sighting.taken.size != size
        return is_another or (sighting.is_gone and sighting.job == job)

    # -- what happens

    def listed(self, files: Mapping[bytes, Fingerprint], gone: Iterable[bytes], again: Iterable[bytes]) -> list[int]:
        """A look reported these files, and these that have gone; the paths `again` were reported as they had to be.

        Returns the jobs whose files have gone.
        """
        lost = []
        for path in again:
            self._put(path, replace(self._at(path), again=False))
        for path, fingerprint in files.items():
            sighting = self._at(path)
            missed = sighting.missed and sighting.pending == fingerprint
            self._put(path, replace(sighting, pending=fingerprint, missed=missed, is_gone=False))
        for path in gone:
            sighting = self._at(path)
            is_lost = sighting.job is not None
            self._put(path, replace(sighting, pending=None, unread="", missed=False, is_gone=is_lost))
            if sighting.job is not None:
                lost.append(sighting.job)
        return lost

    def inspect(self, paths: Iterable[bytes]) -> None:
        """These files are being looked into from now on."""
        for path in paths:
            self._put(path, replace(self._at(path), inspecting=True))

    def inspected(
        self,
        paths: Iterable[bytes],
        unread: Mapping[bytes, str],
        again: Collection[bytes],
        missed: Collection[bytes] = (),
    ) -> None:
        """These files were looked into: some cannot be read, and of some the next look must report what lies there.

        Those that were `missed` were not there.
        """
        for path in paths:
            sighting = self._at(path)
            why = unread.get(path, "") if sighting.pending is not None else ""
            again_too = sighting.again or path in again
            self._put(path, replace(sighting, inspecting=False, unread=why, missed=path in missed, again=again_too))

    def take(self, path: bytes, job: int, fingerprint: Fingerprint) -> None:
        """This file is the job's now. A newer one at its path stays pending."""
        sighting = replace(self._at(path), job=job, taken=fingerprint)
        self._put(path, sighting)
        if sighting.pending == fingerprint:
            self.pass_over(path)

    def pass_over(self, path: bytes) -> None:
        """The file that lies here is not to be taken: it is a job's already."""
        self._put(path, replace(self._at(path), pending=None, unread="", missed=False))

    def adopt(self, path: bytes, job: int, fingerprint: Fingerprint) -> None:
        """The file that lies here, taken by a later job, is that of this one."""
        self._put(path, replace(self._at(path), job=job, taken=fingerprint))

    def forget(self, path: bytes, job: int) -> None:
        """The file here is this job's no more: what lies here is new, and must be reported."""
        sighting = self._at(path)
        if sighting.job == job:
            self._put(path, replace(sighting, job=None, taken=None, is_gone=False, again=True))


def _keep(index: dict[bytes, Sighting], path: bytes, sighting: Sighting, *, when: bool) -> None:
    if when:
        index[path] = sighting
    elif index.pop(path, None) is not None and not index:
        index.clear()  # or the room that a hundred thousand took is kept for ever
