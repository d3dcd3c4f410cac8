"""The files of settings beside recordings: `transcribed.toml` in a folder, and `Talk.mp3.toml` beside Talk.mp3.

A stranger put them there: they are opened by their folder's descriptor, no link is followed, no pipe is waited for, and
only a limited number of bytes is read. A file that cannot be read so is a problem of that file.
"""

import errno
from collections.abc import Iterator
from dataclasses import dataclass

from transcribed.files import NotRegular, read_regular

FOLDERS_FILE = b"transcribed.toml"  #: speaks of what lies below its folder
SUFFIX = b".toml"  #: of a file that speaks of the recording after which it is named
MOST_BYTES = 64 * 1024
#: The errors of opening that are about the file itself; any other is about the disk or the share.
_UNFIT = {
    errno.ELOOP: "it is a symbolic link, which is not followed: put the file itself here",
    errno.EACCES: "permission is denied: let the daemon's user read it",
    errno.EPERM: "permission is denied: let the daemon's user read it",
}


@dataclass(frozen=True, slots=True)
class Said:
    """One such file: its path below the inbox, and its content or the reason why it cannot be read.

    `of_recording`: it speaks of a single recording. `denied`: it may not be read now, which may pass by itself. A
    content of more than MOST_BYTES is cut one byte behind that.
    """

    path: bytes
    content: bytes = b""
    problem: str = ""
    of_recording: bool = False
    denied: bool = False


def places(path: bytes) -> Iterator[bytes]:
    """The paths of all the files that could speak of the recording at `path`, the most general first."""
    *folders, _ = path.split(b"/")
    for depth in range(len(folders) + 1):
        yield b"/".join([*folders[:depth], FOLDERS_FILE])
    yield path + SUFFIX


def said_in(folder: int, name: bytes, path: bytes, *, of_recording: bool = False) -> Said | None:
    """The file `name` in the open folder, whose path is `path`; None if there is none. Raises OSError."""
    try:
        return Said(path, read_regular(name, MOST_BYTES + 1, within=folder), of_recording=of_recording)
    except FileNotFoundError:
        return None
    except NotRegular as error:
        return Said(path, problem=str(error.strerror), of_recording=of_recording)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return None  # no file can have this name: the recording's own is as long as may be
        if error.errno not in _UNFIT:
            raise
        denied = error.errno in (errno.EACCES, errno.EPERM)
        return Said(path, problem=_UNFIT[error.errno], of_recording=of_recording, denied=denied)
