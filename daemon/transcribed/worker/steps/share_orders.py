"""An order of people at the share, obeyed; and its file put away, as a recording is.

A crash in between leaves the file, and it is obeyed again, which does no more than once. What was obeyed is the file as
it settled: one that has changed since is another order.
"""

import functools
import os
from collections.abc import Mapping

from transcribed import errors, files, formats, rendering
from transcribed.folders import Anchors
from transcribed.inbox import CORRECTED_MD, MOST_BYTES, SPEAKERS
from transcribed.job import Job, canonical, printable, shown
from transcribed.journal import Transcripts
from transcribed.worker.access import access_of
from transcribed.worker.messages import ShareOrder
from transcribed.worker.people import result_notes
from transcribed.worker.plan import Host, Route
from transcribed.worker.steps import amending
from transcribed.worker.steps.recordings import Recordings, place_for

ATTEMPTS_AT_A_NAME = 5
_THE_FILE = "the file"  # where its name is told, beside each reason


def obey(order: ShareOrder, job: Job, route: Route, anchors: Anchors, kept: Transcripts, host: Host) -> list[bytes]:
    """Keep what the order says of a delivered job, and make its files again; those that a person edited, and stay.

    Raises Withdrawn where its file has changed, Permanent where it cannot be obeyed, and other errors of ours; OSError.
    """
    answer = amending.answer_of(job, kept)
    content = _content(order, route, anchors, MOST_BYTES if order.kind == SPEAKERS else formats.MOST_BYTES)
    try:
        if order.kind == SPEAKERS:
            saying = functools.partial(_speakers, host.speakers(content, _THE_FILE))
        else:
            kept_at = kept.path(job.transcript_id or "")
            saying = functools.partial(_corrected, kept_at, content, is_md=order.kind == CORRECTED_MD)
        with amending.alone(job, kept):
            amending.keep(job, route, kept, answer, saying)
            left = amending.all_renewed(job, route, anchors, kept, answer)
    except errors.ConfigError as error:
        raise errors.Permanent("; ".join(error.problems)) from error
    except ValueError as error:
        raise errors.Permanent(printable(str(error))) from error
    if left:
        with anchors.opened(route.outbox) as outbox:
            result_notes.tell(job, [_of_left(order, left)], root=outbox, access=access_of(route))
    return left


def question(order: ShareOrder, route: Route, anchors: Anchors, host: Host) -> str:
    """The question that the order asks, as canonical JSON. Raises as `obey` does."""
    content = _content(order, route, anchors, MOST_BYTES)
    try:
        return canonical(host.question(content, _THE_FILE))
    except errors.ConfigError as error:
        raise errors.Permanent("; ".join(error.problems)) from error


def tell_left(order: ShareOrder, job: Job, why: str, route: Route, anchors: Anchors) -> None:
    """Say beside the transcript which files were not made again with an answer. Raises Blocked, or OSError."""
    with anchors.opened(route.outbox) as outbox:
        said = [f"When {shown(order.path)} was obeyed: {printable(why)}."]
        result_notes.tell(job, said, root=outbox, access=access_of(route))


def _speakers(given: Mapping[str, str], answer: bytes, known: Mapping[str, str]) -> amending.Words:
    return amending.Words(amending.by_label(given, answer, known))


def _corrected(
    kept_at: bytes, edited: bytes, answer: bytes, known: Mapping[str, str], *, is_md: bool
) -> amending.Words:
    words, speakers = rendering.corrected(answer, kept_at, edited, known, is_md=is_md)
    return amending.Words(speakers, words)


def _content(order: ShareOrder, route: Route, anchors: Anchors, most_bytes: int) -> bytes:
    """All of the file. Raises as `RecordingFolder.reading` does, and Permanent where it is too large."""
    with Recordings(route, anchors).inbox.reading(order.path, order.fingerprint) as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise errors.Permanent(f"{shown(order.path)} has more than {most_bytes >> 10} KiB")
    return content


def _of_left(order: ShareOrder, left: list[bytes]) -> str:
    """The paragraph for people on files that somebody edited, and that were not made again."""
    names = ", ".join(shown(os.path.basename(path)) for path in left)
    return f"Edited by a person, and left as they are when {shown(order.path)} was obeyed: {names}."


def put_away(order: ShareOrder, route: Route, anchors: Anchors) -> None:
    """The file of an obeyed order leaves the inbox, as a recording does that is delivered.

    Raises Withdrawn where it has changed, Transient while a program writes it, Blocked, or OSError.
    """
    inbox = Recordings(route, anchors).inbox
    try:
        with inbox.holding(order.path, order.fingerprint) as (folder, name):
            inbox.refuse_written(folder, name)
            if route.after == "archive":
                with anchors.opened(route.archive) as archive:
                    _archive(order, folder, name, archive, route)
            elif route.after == "delete":
                files.remove(folder, name, access=access_of(route))
    except (errors.Gone, FileNotFoundError):
        pass  # before a crash, or by a person


def _archive(order: ShareOrder, folder: int, name: bytes, archive: files.Root, route: Route) -> None:
    """Move it to its own path in the archive; where another file lies there, to the next free name."""
    path = files.portable(order.path) if route.names == "portable" else order.path
    target, was = os.path.join(archive.path, path), (order.fingerprint.size, order.fingerprint.mtime_ns)
    for _ in range(ATTEMPTS_AT_A_NAME):
        try:
            files.move(folder, name, target, root=archive, was=was, access=access_of(route))
        except files.NameTaken:
            target = place_for(archive, path)
        else:
            return
    raise errors.Transient(f"others take each free name for {shown(name)} first")
