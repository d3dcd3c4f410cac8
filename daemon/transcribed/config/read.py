"""A small file, read whole: the configuration, or a secret."""

import errno
import os
import stat

from transcribed.errors import ConfigError
from transcribed.job import printable

_FIXES = {errno.ENOENT: ": write it, or name another", errno.EACCES: ": let the daemon's user read it"}


def contents(path: str, limit_bytes: int) -> tuple[bytes, os.stat_result]:
    """The content of a regular file, and its status. A link is followed, because mounted secrets are links.

    Raises ConfigError if the file cannot be read, is longer than `limit_bytes`, or is not a regular file: a FIFO or a
    device is refused, not waited for.
    """
    shown = printable(path)
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            status = os.fstat(file.fileno())
            content = file.read(limit_bytes + 1) if stat.S_ISREG(status.st_mode) else None
    except OSError as error:
        raise ConfigError([f"{shown}: {error.strerror}{_FIXES.get(error.errno or 0, '')}"]) from error
    except ValueError as error:  # a NUL, or characters that the file system's encoding lacks
        raise ConfigError([f"{shown}: this cannot be the name of a file ({error})"]) from error
    if content is None:
        raise ConfigError([f"{shown}: this is not a regular file"])
    if len(content) > limit_bytes:
        raise ConfigError([f"{shown}: this is larger than {limit_bytes} bytes: is it the right file?"])
    return content, status
