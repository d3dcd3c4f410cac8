"""The hidden names that we give: of temporaries, and of recordings that are leaving.

A recording that was copied to another file system, or is deleted, may still have a writer, who goes on in the file,
whatever its name. So it loses its name, and not yet its bytes: it is leaving until it was looked at for the last time.
"""

import errno
import os
import re
import secrets

from transcribed.files.rename import rename_no_replace

TEMPORARY = b".transcribed-"
LEAVING = TEMPORARY + b"leaving-"

_LEAVING = re.compile(re.escape(LEAVING) + rb"([0-9]{1,18})-[0-9a-f]{16}")
#: By these a file system says that it knows no such rename, or no such name.
_IMPOSSIBLE = frozenset(
    {errno.EPERM, errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENAMETOOLONG, errno.EXDEV}
)


def temporary_name() -> bytes:
    """A new name for a file that is not complete yet."""
    return TEMPORARY + secrets.token_hex(8).encode()


def leaving_name(number: int) -> bytes:
    """A new name for the recording of the job with this number, while it is leaving."""
    return LEAVING + b"%d-%b" % (number, secrets.token_hex(8).encode())


def leaves_for(name: bytes) -> int | None:
    """The number of the job whose recording is leaving under this name; None for any other name."""
    found = _LEAVING.fullmatch(name)
    return None if found is None else int(found[1])


def leave(folder: int, name: bytes, hidden: bytes) -> None:
    """Rename the file `name` of an open folder to `hidden`, or remove it where that is not possible. Raises OSError."""
    try:
        rename_no_replace(folder, name, folder, hidden)
    except OSError as error:
        if error.errno not in _IMPOSSIBLE:
            raise
        os.unlink(name, dir_fd=folder)
