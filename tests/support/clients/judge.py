"""The judge: what must have come of what a client did, and what came of it. Pure."""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

OK, WHOLE_LATER, EARLY, FAILED, STUCK = "ok", "early, then whole", "early", "FAILED", "stuck"
TWICE, UNWANTED, LATE, UNTOLD = "twice", "taken though deleted", "late", "early, then whole, untold"


@dataclass(frozen=True)
class Wish:
    """The contents (by SHA-256) that must be transcribed, once each, and those that may be.

    `names` are those that the recording had in the inbox. `is_archived`: each content of `wanted` lies in the archive.
    """

    names: tuple[str, ...]
    wanted: tuple[str, ...]
    maybe: tuple[str, ...] = ()
    is_archived: bool = True


@dataclass(frozen=True)
class Taken:
    """A recording that became a job."""

    name: str
    content: str | None
    has_failed: bool


@dataclass(frozen=True)
class Evidence:
    """What is seen of an inbox from outside. `known`: the contents that were ever sent whole, to any inbox."""

    known: Collection[str]
    paid: Mapping[str, int]
    jobs: Sequence[Taken] = ()
    archived: Mapping[str, str] = field(default_factory=dict)  #: the content of each recording, by its path
    failed: Sequence[str] = ()  #: paths
    notes: Sequence[str] = ()  #: paths, in the outbox


def is_fulfilled(wish: Wish, paid: Mapping[str, int], archived: Iterable[str]) -> bool:
    lies = set(archived)
    return all(paid.get(one, 0) and (one in lies or not wish.is_archived) for one in wish.wanted)


def verdict(wish: Wish, seen: Evidence) -> str:
    """One word for it, the worst that is true."""
    jobs = [job for job in seen.jobs if job.name in wish.names]
    contents = {job.content for job in jobs if job.content is not None and seen.paid.get(job.content, 0)}
    parts = contents - {*seen.known}
    if any(job.has_failed for job in jobs) or any(name in seen.failed for name in wish.names):
        return FAILED
    if not is_fulfilled(wish, seen.paid, seen.archived.values()):
        return EARLY if parts else STUCK
    if contents and not wish.wanted:
        return UNWANTED
    if parts:
        return WHOLE_LATER if any(_is_of(wish, note) for note in seen.notes) else UNTOLD
    lies = Counter(seen.archived.values())
    is_twice = any(seen.paid.get(one, 0) > 1 or lies[one] > 1 for one in (*wish.wanted, *wish.maybe))
    return TWICE if is_twice else OK


def _is_of(wish: Wish, note: str) -> bool:
    return any(note.startswith(os.path.splitext(name)[0]) for name in wish.names)
