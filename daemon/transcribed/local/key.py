"""The key of the local API, where none is given: made once, in its directory, for its owner alone.

Other users of this machine reach loopback too, and would else read and delete what was said.
"""

import os
import secrets
import stat

from transcribed import files
from transcribed.errors import ConfigError
from transcribed.job import checked_key, shown

_PRIVATE = files.Access(file_mode=0o600)
_LIMIT_BYTES = 4096


def path(directory: bytes) -> bytes:
    """The file of the key, for `api.key_file` of the daemon."""
    return os.path.join(directory, b"key")


def own(directory: bytes) -> str:
    """The key in that file; makes the file if there is none. Raises ConfigError if it cannot be used."""
    place = path(directory)
    try:
        if not os.path.lexists(place):
            files.publish(place, secrets.token_urlsafe(32).encode() + b"\n", root=directory, access=_PRIVATE)
        with files.open_regular(place) as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ConfigError([f"{shown(place)}: others can read the key in it: chmod 600 {shown(place)}"])
            return checked_key(file.read(_LIMIT_BYTES).decode("ascii").strip())
    except (OSError, ValueError) as error:
        raise ConfigError([f"{shown(place)}: {error}: remove it, and a new key is made at the next start"]) from error
