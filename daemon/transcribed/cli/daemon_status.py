"""The daemon beside the command line: is it running, and the status that it wrote last."""

import errno
import fcntl
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from transcribed import daemon, errors, files
from transcribed.worker.people.status import STEADY_SECONDS, Status, fields_of, from_json

_SILENT_SECONDS = 3 * STEADY_SECONDS
_LARGEST_BYTES = 64 << 20  # a status of 500 jobs with the longest names is far smaller
_STATE_HOME, _RUNTIME_HOME = "/var/lib/", "/run/"

T = TypeVar("T")


def status_places(directory: str, environ: Mapping[str, str]) -> list[str]:
    """The paths at which a status may be, likeliest first.

    A person's shell has no $RUNTIME_DIRECTORY. A unit gives RuntimeDirectory= the name of its StateDirectory=, and
    systemd takes it away when the service stops: what is there is never older than what is in the state directory.
    """
    written = daemon.status_path(directory, environ)
    if environ.get("RUNTIME_DIRECTORY") or not directory.startswith(_STATE_HOME):
        return [written]
    return [os.path.join(_RUNTIME_HOME, directory.removeprefix(_STATE_HOME), daemon.STATUS), written]


def read_status(directory: str, environ: Mapping[str, str]) -> Status | None:
    """The status that the daemon wrote last; None where it never ran. Raises TranscribedError."""
    written = _written(directory, environ)
    return None if written is None else _understood(written, from_json)


def read_fields(directory: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """The same as it is written, of whatever version; empty where the daemon never ran. Raises TranscribedError."""
    written = _written(directory, environ)
    return {} if written is None else _understood(written, fields_of)


def _written(directory: str, environ: Mapping[str, str]) -> tuple[str, bytes] | None:
    """The path and the content of the status file; None where there is none. Raises TranscribedError."""
    for path in status_places(directory, environ):
        try:
            return path, files.read_regular(os.fsencode(path), _LARGEST_BYTES)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise errors.from_os_error(error, lane=errors.STATE, doing=f"reading {path}") from error
    return None


def seems_alive(directory: str, environ: Mapping[str, str]) -> bool:
    """True if a daemon is running: by its lock, or, for those who may not look there, by a status of these minutes.

    The service's status is where everyone can read it, and a stop takes it away. Raises Blocked where neither tells.
    """
    try:
        return is_alive(directory)
    except errors.Blocked:
        written = _written(directory, environ)
        if written is None:
            raise
        return time.time() - _understood(written, from_json).updated_at < _SILENT_SECONDS


def _understood(written: tuple[str, bytes], read: Callable[[bytes], T]) -> T:
    path, content = written
    try:
        return read(content)
    except ValueError as error:
        hint = "a running daemon writes it again within a minute; restart a daemon of another version"
        raise errors.TranscribedError(f"{path} is not a valid status file: {error}", hint=hint) from error


def is_alive(directory: str) -> bool:
    """True if a daemon holds the lock of this state directory. The lock is tried, and let go at once.

    Raises Blocked where only the daemon's user may look.
    """
    path = os.path.join(directory, "lock")
    try:
        lock = files.open_regular(os.fsencode(path))
    except FileNotFoundError:
        return False
    except OSError as error:
        why = f"cannot find out whether the daemon is running: {path}: {error.strerror}"
        raise errors.Blocked(
            why, lane=errors.STATE, hint="run this as the daemon's user", exit_status=errors.Exit.PERMISSION
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno != errno.EWOULDBLOCK:
                raise
            return True
    return False
