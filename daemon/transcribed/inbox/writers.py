"""Has a program a recording open for writing? The kernel is asked, on a device where it knows all writers."""

import os
from collections import defaultdict
from collections.abc import Collection
from contextlib import suppress
from io import BufferedReader

from transcribed.errors import Transient
from transcribed.files import Writing, descend, open_regular, writing
from transcribed.inbox.scan import folder_of
from transcribed.job import shown

#: The reason for which such a recording waits, in all that is shown of it.
WRITTEN = "a program has it open for writing"


def writing_below(root: int, paths: Collection[bytes], device: int) -> dict[bytes, Writing]:
    """The answer for each of these files below the open root; those that have gone are left out."""
    in_folders: dict[bytes, list[bytes]] = defaultdict(list)
    for path in paths:
        in_folders[folder_of(path)].append(path)
    answers: dict[bytes, Writing] = {}
    for above, within in in_folders.items():
        with suppress(OSError):
            answers |= _writing_in(root, above, within, device)
    return answers


def _writing_in(root: int, above: bytes, paths: Collection[bytes], device: int) -> dict[bytes, Writing]:
    """The answer for these files in one folder. Raises OSError for the folder."""
    folder, answers = descend(root, above.split(b"/")[:-1]), {}
    try:
        for path in paths:
            with suppress(FileNotFoundError):
                answers[path] = writing_by_name(folder, path[len(above) :], device)
        return answers
    finally:
        os.close(folder)


def writing_by_name(folder: int, name: bytes, device: int | None) -> Writing:
    """The answer for the file `name` in an open folder. Raises FileNotFoundError where it has gone."""
    try:
        with open_regular(name, within=folder) as file:
            return writing_of_open(file, device)
    except BlockingIOError:  # a file server has it open with a lease of its own, and is told to let others in
        return Writing.SOMEBODY
    except FileNotFoundError:
        raise
    except OSError:
        return Writing.UNKNOWN


def writing_of_open(file: BufferedReader, device: int | None) -> Writing:
    """The answer for an open file; unknown where it lies on another device than this one, or where that is None."""
    return writing(file.fileno()) if os.fstat(file.fileno()).st_dev == device else Writing.UNKNOWN


def written(path: bytes) -> Transient:
    """The error that stands for such a file."""
    return Transient(f"{shown(path)}: {WRITTEN}", hint="nothing: it goes on once that program has closed the file")
