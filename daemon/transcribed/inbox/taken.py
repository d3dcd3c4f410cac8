"""The one rule by which a file in an inbox is taken or not, in words for a person: by its path, then by what it is.

`Names.is_taken` gives the same answer for a name without its file, quickly: a look asks it of a hundred thousand files.
"""

import os
import stat

from transcribed.files import is_consent
from transcribed.inbox.beside import FOLDERS_FILE, SUFFIX
from transcribed.inbox.names import Names
from transcribed.job import is_link, shown

#: Each level holds a descriptor and a few stack frames; no shared folder that people made is as deep.
DEEPEST = 64
OTHER_ENDING = "not a recording by its name"  #: so begins the rule against a file for its ending


def path_refusal(names: Names, path: bytes) -> str | None:
    """The reason why no file at `path`, relative to the inbox, is taken; None where a file there may be."""
    if rule := names.ignored(path):
        return rule
    if path.count(b"/") > DEEPEST:
        return f"more than {DEEPEST} folders deep (move it up)"
    return None if names.is_recording(path) else _other_kind(names, path)


def _other_kind(names: Names, path: bytes) -> str:
    """The kind of a file that is not a recording by its name."""
    if names.is_marker(path):
        return "a marker (it says when the recording beside it is taken)"
    if os.path.basename(path) == FOLDERS_FILE:
        return "a settings file (for the recordings in its folder and below)"
    if path.endswith(SUFFIX) and names.is_recording(path.removesuffix(SUFFIX)):
        return "a settings file (for the recording beside it)"
    if names.is_order(os.path.basename(path), path):
        return "an order (about the transcript of the recording of its name)"
    if is_consent(os.path.basename(path)):
        return "a consent (it answers what transcribed asks about the inbox)"
    if is_link(path):
        return "a link, and links = false (drop the recording itself)"
    return f"{OTHER_ENDING} (it does not end in {shown(b' '.join(names.extensions))})"


def file_refusal(status: os.stat_result, *, hardlinks: bool, what: str = "recording") -> str | None:
    """The reason why a file with this status is not taken, whatever its name; None where it is.

    `what` should lie there.
    """
    if stat.S_ISREG(status.st_mode):
        if hardlinks or status.st_nlink == 1:
            return None
        return "a file with other names (hard links), and hardlinks = false (put a copy here)"
    kind = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "not a regular file"
    return f"{kind} (put the {what} itself here)"
