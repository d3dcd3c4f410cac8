"""A small file, read whole. What this module does not know: what it holds."""

import errno
import os
import stat

from transcribed.errors import ConfigError
from transcribed.job import printable

_MENDS = {errno.ENOENT: ": write it, or name another", errno.EACCES: ": let the daemon's user read it"}


def contents(path: str, limit_bytes: int) -> tuple[bytes, os.stat_result]:
    """What a regular file holds, and its status; a link is followed, for mounted secrets are links.

    ConfigError where it cannot be read, is longer than `limit_bytes`, or is no regular file: a FIFO or a device is
    refused, never waited for.
    """
    shown = printable(path)
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            status = os.fstat(file.fileno())
            content = file.read(limit_bytes + 1) if stat.S_ISREG(status.st_mode) else None
    except OSError as error:
        raise ConfigError([f"{shown}: {error.strerror}{_MENDS.get(error.errno or 0, '')}"]) from error
    except ValueError as error:  # a NUL, or what the file system's encoding cannot carry
        raise ConfigError([f"{shown}: this cannot be the name of a file ({error})"]) from error
    if content is None:
        raise ConfigError([f"{shown}: this is not a regular file"])
    if len(content) > limit_bytes:
        raise ConfigError([f"{shown}: this is larger than {limit_bytes} bytes: is it the right file?"])
    return content, status
