"""The note beside a transcript that a person is to look at: perhaps it is not whole, or its recording changed since.

It lies beside the renderings, whatever their formats are, so that no program that reads those meets a line that is not
of the recording. It has a mark (files.Mark): a file without it belongs to a stranger and is left as it is.
"""

import contextlib
import os

from transcribed import files
from transcribed.job import Job, State, printable, shown
from transcribed.worker import outputs

MARK = files.Mark("about a transcript", ())
GOES_ON = "What lies there now is transcribed as a recording of its own."
LEFT = "A recording of its name changed before, so this one is left as it is. Drop it again to have it transcribed."
STAYS = (
    "A recording of its name changed before, so this one is left as it is. Some minutes after it was put away it lies "
    "under a free name in the archive, or in the failed folder where recordings are deleted. Drop it again to have it "
    "transcribed."
)
LIES = "A recording of its name changed before, so this one lies now as {}. Drop it again to have it transcribed."
EDITED = (
    "Nobody was writing it when it was put away, so this is an edit, of its tags perhaps, and it is left as it is. If "
    "its words have changed, drop it into the inbox again to have it transcribed."
)


def changed(job: Job, size: int) -> str:
    """The sentence on a recording that was written on since: `size` bytes lie there now."""
    done = "taken" if job.state is State.FAILED else "transcribed"
    if size == job.fingerprint.size:
        return f"it was written over since: other bytes lie there now than were {done}"
    return f"it was written on since: {size:,} bytes now, {job.fingerprint.size:,} {done}"


def of_changed(job: Job, size: int, then: str) -> str:
    """The paragraph for people about the same. `then`: one of the sentences above on what is done about it."""
    return f"The recording: {changed(job, size)}. {then}"


def of_doubt(doubt: str) -> str:
    """The paragraph for people about a doubt."""
    return f"Perhaps it is not whole: {printable(doubt)}."


def tell(job: Job, paragraphs: list[str], *, root: files.Root, access: files.Access) -> None:
    """Add these paragraphs to the note beside the job's renderings, where they are not in it yet.

    A note that cannot be written is left out: the log and `transcribed explain` say the same.
    """
    with contextlib.suppress(OSError, files.NameTaken):
        path, said = _place(job, root)
        new = [each for each in paragraphs if each not in said]
        if not new:
            return
        text = MARK.signed("\n\n".join([*(said or [_head(job)]), *new]).encode() + b"\n")
        if said:
            files.replace(path, text, root=root, access=access)
        else:
            files.publish(path, text, root=root, access=access)


def _head(job: Job) -> str:
    return f"About the transcript of {shown(os.path.basename(job.path))} in this folder. You can delete this note."


def _place(job: Job, root: files.Root) -> tuple[bytes, list[str]]:
    """The path of the note, and the paragraphs that our own note of this recording has there already."""
    path = outputs.remark(job)
    said = MARK.text_at(root, path).rstrip().decode("utf-8", "replace").split("\n\n")
    if said[0] == _head(job):
        return path, said
    number = files.free_number(lambda n: [outputs.remark(job, n)], is_there=root.has)
    return outputs.remark(job, number), []
