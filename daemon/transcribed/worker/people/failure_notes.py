"""The notes for people who have only the share: beside a failed recording, and beside a file of settings that is wrong.

Each begins with a line by which it is known for ours: what begins otherwise is a stranger's, and is left as it is.
What this module does not know: when a note is due, and where a recording lies.
"""

import contextlib
import os
import time
from collections.abc import Sequence

from transcribed import files
from transcribed.job import Job, printable, shown
from transcribed.worker.outputs import NOTE_SUFFIX

_MARK = b"transcribed could not deliver this recording.\n"
_WRONG_MARK = b"transcribed cannot use the file beside this note. The recordings that it speaks of wait.\n"
_WRONG_END = b"\nThis note goes away when that is mended.\n"


def note(job: Job) -> bytes:
    """What a person at the share reads beside a failed recording: what, when, what to do."""
    lines = [
        f"Recording: {shown(job.path)}",
        f"When: {time.strftime('%Y-%m-%d %H:%M:%S %z', time.localtime(job.changed_at))}",
        f"What happened: {printable(job.reason)}",
        f"What to do: {printable(job.hint or 'look at the recording; if it plays, try again')}",
        "To try again: drag the recording back into the inbox. This note goes away when it succeeds.",
        f"For the administrator: transcribed explain {job.id}",
    ]
    return _MARK + "\n".join(lines).encode() + b"\n"


def is_note(path: bytes) -> bool:
    """Whether a note of ours about a failed recording lies there."""
    return files.begins_with(path, _MARK)


def take_back(path: bytes) -> None:
    """Remove the note of an earlier failure, where ours lies at `path`. Raises OSError."""
    if is_note(path):
        os.unlink(path)


def write_note(path: bytes, text: bytes, *, root: bytes, access: files.Access) -> None:
    """Put the note `path` there: in place of our own of an earlier failure, else under a name that is free."""
    if is_note(path):
        files.replace(path, text, access=access)
        return
    stem = path.removesuffix(NOTE_SUFFIX)
    number = files.free_number(lambda n: [files.output_name(stem, n, NOTE_SUFFIX)])
    files.publish(files.output_name(stem, number, NOTE_SUFFIX), text, root=root, access=access)


def tell_beside(path: bytes, problems: Sequence[str], *, root: bytes, access: files.Access) -> None:
    """Say beside the file `path` what is wrong with it, or take that back; where nothing can be written, not.

    Nothing is written twice: each write in an inbox is an event, and that a look, which tries again.
    """
    note_path = path + NOTE_SUFFIX
    text = _WRONG_MARK + "\n".join(map(printable, problems)).encode() + _WRONG_END if problems else b""
    if files.begins_with(note_path, text or _WRONG_MARK) == bool(text):
        return
    with contextlib.suppress(OSError, files.NameTaken):  # the status and the log say the same
        if files.begins_with(note_path, _WRONG_MARK):
            os.unlink(note_path)
        if text:
            files.publish(note_path, text, root=root, access=access)
