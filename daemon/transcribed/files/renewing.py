"""The replacement of a file that a person may edit meanwhile.

A look at the file and then a rename over it would lose what is saved in between. So the new file is durable first, then
the old one loses its name, and is looked at where no program that saves under the name can reach it. What is no longer
ours gets its name back. What remains: a program that opened the file before, and writes into it without a new opening
after the look. Where the kernel tells of writers (`lease`), such a one is seen, and keeps its file.
"""

import hashlib
import os
from collections.abc import Collection
from contextlib import suppress
from itertools import count

from transcribed.files.access import Access
from transcribed.files.durable import NameTaken, publish
from transcribed.files.hidden import temporary_name
from transcribed.files.lease import Writing, writing
from transcribed.files.names import output_name
from transcribed.files.opening import NotRegular, open_regular
from transcribed.files.rename import rename_no_replace
from transcribed.files.root import Root


def renew(path: bytes, data: bytes, ours: Collection[str], *, root: Root, access: Access) -> None:
    """The file `path` with `data`, in place of one whose SHA-256 is in `ours`.

    Raises NameTaken where another file lies there; OSError. A crash leaves the old file, the new one, or none: then the
    old one has a temporary's name, and the new one appears by `publish`.
    """
    new = temporary_name()
    publish(os.path.join(os.path.dirname(path), new), data, root=root, access=access)
    with root.holding(path) as (folder, name):
        try:
            _exchange(folder, name, new, path, ours)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(new, dir_fd=folder)
        access.sync(folder)


def _exchange(folder: int, name: bytes, new: bytes, path: bytes, ours: Collection[str]) -> None:
    """Give `name` to the file `new`, where the one that has it is ours; nobody's bytes are lost if not."""
    old = temporary_name()
    rename_no_replace(folder, name, folder, old)
    is_ours = False
    try:
        is_ours = _is_ours(folder, old, ours)
        if not is_ours:
            raise NameTaken(path)
        rename_no_replace(folder, new, folder, name)
    except FileExistsError as error:  # somebody saved a new file under the name: theirs stays
        raise NameTaken(path) from error
    finally:
        if is_ours and _is_there(folder, name):
            os.unlink(old, dir_fd=folder)
        else:
            _put_back(folder, old, name)


def _put_back(folder: int, old: bytes, name: bytes) -> None:
    """The old file gets its name again; where a new one has that by now, the next with a number."""
    stem, suffix = os.path.splitext(name)
    for number in count(1):
        with suppress(FileExistsError):
            rename_no_replace(folder, old, folder, output_name(stem, number, suffix))
            return


def _is_ours(folder: int, name: bytes, ours: Collection[str]) -> bool:
    """True if the bytes are ours, and nobody has the file open for writing as far as the kernel tells."""
    try:
        with open_regular(name, within=folder) as file:
            if writing(file.fileno()) is Writing.SOMEBODY:
                return False
            return hashlib.file_digest(file, "sha256").hexdigest() in ours
    except NotRegular:
        return False


def _is_there(folder: int, name: bytes) -> bool:
    with suppress(FileNotFoundError):
        os.lstat(name, dir_fd=folder)
        return True
    return False
