"""A lost journal, made again from the kept transcripts: they were paid for, and are not paid for again.

Of a rebuilt job the content, the request and the transcript are known. The places of its recording and its outputs are
not, so it counts as delivered and put away. A recording that still lies in an inbox comes as a new job, meets its
content here, and is delivered from the kept transcript at no cost. Jobs that were in flight at the loss are not known
here: nothing is submitted until a person accepts that it may be paid for again. What the file of payments knows is in
the journal already (`ledger`).
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import structlog

from transcribed import errors
from transcribed.job import Fingerprint, Job, State, canonical
from transcribed.job.events import Event, Received
from transcribed.journal.store import Journal
from transcribed.journal.transcripts import Transcripts

log = structlog.get_logger()

MARK = "the journal was lost: this job was made again from its kept transcript"


def rebuild(journal: Journal, directory: str, now: float) -> None:
    """Take the kept transcripts that the journal lacks into it, if it says that it lost something.

    Raises Blocked(state) where they cannot be read, or the journal not be written; then nothing was taken.
    """
    loss = journal.loss()
    if not loss:
        return
    unread: list[None] = []
    try:
        taken = journal.rebuild(_jobs(Transcripts(directory).described(), now, lambda: unread.append(None)))
    except OSError as error:
        raise errors.from_os_error(error, lane=errors.STATE, doing="reading the kept transcripts") from error
    log.error("journal.lost", reason=loss, rebuilt=taken, unread=len(unread), hint=unaccepted(loss).hint)


def unaccepted(loss: str) -> errors.Blocked:
    """The block that a loss puts on submits, until a person accepts it."""
    return errors.Blocked(
        f"{loss}: what was being transcribed then may have been paid for",
        lane=errors.SUBMIT,
        hint="the person who runs transcribed restores a newer backup, or goes on by `transcribed accept --loss`, "
        "which may pay again for a few",
        exit_status=errors.Exit.AGAIN,
        by_person=True,
    )


def _jobs(
    described: Iterable[Mapping[str, Any]], now: float, unread: Callable[[], None]
) -> Iterator[tuple[Job, Event]]:
    """A job for each description that can be read; `unread` is called for each that is damaged."""
    for meta in described:
        try:
            job = job_of(meta, now)
        except (KeyError, TypeError, ValueError):
            unread()
            continue
        yield job, Received(job.fingerprint.size, (MARK,))


def job_of(meta: Mapping[str, Any], now: float) -> Job:
    """The job that a kept transcript's description tells of. Raises KeyError, TypeError or ValueError."""
    parameters = dict(meta["request"])
    upload_url = parameters.pop("audio_url")
    audio_hash = meta.get("audio_hash")
    for each in (meta["content_hash"], *([] if audio_hash is None else [audio_hash])):
        if not re.fullmatch("[0-9a-f]{64}", each):
            raise ValueError("no content hash")
    if type(meta["size"]) is not int or not 0 <= meta["size"] < 2**63:
        raise ValueError("no size")
    sent_at, key = meta.get("submit_sent_at"), meta.get("key_fingerprint")
    return Job(
        id=0,
        inbox=_text(meta["inbox"]),
        path=os.fsencode(_text(meta["path"])),
        fingerprint=Fingerprint(meta["size"], 0),
        state=State.DELIVERED,
        received_at=now,
        changed_at=now,
        due_at=now,
        content_hash=meta["content_hash"],
        audio_hash=audio_hash,
        parameters=canonical(parameters),
        upload_url=_text(upload_url),
        base_url=_text(meta["base_url"]),
        key_fingerprint=None if key is None else _text(key),
        submit_sent_at=float(sent_at) if sent_at is not None else now,
        transcript_id=_text(meta["transcript_id"]),
        place=b"",
        retired_at=now,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value
