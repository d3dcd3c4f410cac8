"""The notes for people who have only the share: beside a failed recording, and beside a settings file that is wrong.

Each carries a mark by which it is known again as ours (files.Mark). A file without it belongs to a stranger and is left
as it is.
"""

import contextlib
import time
from collections.abc import Sequence

from transcribed import files
from transcribed.folders import Anchors
from transcribed.job import Job, printable, shown
from transcribed.worker import outputs
from transcribed.worker.outputs import NOTE_SUFFIX
from transcribed.worker.plan import Route

FAILED = files.Mark("a recording failed", (b"transcribed could not deliver this recording.\n",))
WRONG = files.Mark(
    "a settings file is wrong",
    (b"transcribed cannot use the file beside this note. The recordings that it speaks of wait.\n",),
)


def note(job: Job) -> bytes:
    """The text beside a failed recording: what happened, when, and what to do."""
    lines = [
        "transcribed could not deliver this recording.",
        f"Recording: {shown(job.path)}",
        f"When: {time.strftime('%Y-%m-%d %H:%M:%S %z', time.localtime(job.changed_at))}",
        f"What happened: {printable(job.reason)}",
        f"What to do: {printable(job.hint or 'look at the recording; if it plays, try again')}",
        "To try again: drag the recording back into the inbox. This note goes away when it succeeds.",
        f"For the administrator: transcribed explain {job.id}",
    ]
    return FAILED.signed("\n".join(lines).encode() + b"\n")


def write_note(path: bytes, text: bytes, *, root: files.Root, access: files.Access) -> None:
    """Put the note `path` there: in place of our own of an earlier failure, else under a name that is free."""
    if FAILED.is_at(root, path):
        files.replace(path, text, root=root, access=access)
        return
    stem = path.removesuffix(NOTE_SUFFIX)
    number = files.free_number(lambda n: [files.output_name(stem, n, NOTE_SUFFIX)], is_there=root.has)
    files.publish(files.output_name(stem, number, NOTE_SUFFIX), text, root=root, access=access)


def take_back(job: Job, route: Route, anchors: Anchors) -> None:
    """Remove the note about a failure of this job, which is over. Raises Blocked, or OSError."""
    with anchors.opened_if_there(route.failed) as failed:
        if failed is not None:
            FAILED.take_back(failed, outputs.note(job, route))


def tell_beside(path: bytes, problems: Sequence[str], *, root: files.Root, access: files.Access) -> None:
    """Say beside the file `path` what is wrong with it, or take that back. A note that cannot be written is left out.

    Nothing is written twice: each write in an inbox is an event, which leads to a look, which tries again.
    """
    note_path, text = path + NOTE_SUFFIX, _wrong(problems)
    if WRONG.says(root, note_path, text) if problems else not WRONG.is_at(root, note_path):
        return
    with contextlib.suppress(OSError, files.NameTaken):  # the status and the log say the same
        WRONG.take_back(root, note_path)
        if problems:
            files.publish(note_path, WRONG.signed(text), root=root, access=access)


def _wrong(problems: Sequence[str]) -> bytes:
    lines = [
        "transcribed cannot use the file beside this note. The recordings that it is for wait.",
        *map(printable, problems),
        "This note goes away when that is fixed.",
    ]
    return "\n".join(lines).encode() + b"\n"
