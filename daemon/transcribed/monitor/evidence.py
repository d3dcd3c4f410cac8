"""All that a stranger to the daemon's process can see of it: its status file, its lock, and its journal's name.

Few imports, see `monitor`. Nothing is waited for, and nothing is written.
"""

import errno
import fcntl
import json
import os
import stat
from collections.abc import Mapping
from typing import Any

from transcribed import places
from transcribed.monitor.health import Evidence
from transcribed.places import JOURNAL, LOCK

LARGEST_BYTES = 64 << 20  # a status of 500 jobs with the longest names is far smaller
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def seen_of(directory: str, environ: Mapping[str, str]) -> Evidence:
    """All that can be seen of the daemon with this state directory."""
    fields, status_at, touched_at, problem = _status(directory, environ)
    is_locked, locked_at, why_not = _lock(directory)
    return Evidence(
        fields,
        max(status_at, touched_at),
        status_at,
        is_locked,
        locked_at,
        has_process=_is_process((fields or {}).get("pid")),
        has_journal=os.path.lexists(os.path.join(directory, JOURNAL)),
        problem=problem or why_not,
    )


def is_locked(directory: str) -> bool:
    """True if a daemon holds the lock of this state directory. It is tried, and let go at once. Raises OSError."""
    return _locked(directory)[0]


def _lock(directory: str) -> tuple[bool | None, float, str]:
    try:
        return *_locked(directory), ""
    except OSError as error:
        return None, 0.0, f"{os.path.join(directory, LOCK)}: {error.strerror}"


def _locked(directory: str) -> tuple[bool, float]:
    """If the lock is held, and the time of the start that took it. Raises OSError."""
    try:
        lock = os.open(os.path.join(directory, LOCK), _FLAGS)
    except FileNotFoundError:
        return False, 0.0
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno != errno.EWOULDBLOCK:
            raise
        return True, os.fstat(lock).st_mtime
    finally:
        os.close(lock)
    return False, 0.0


def _status(directory: str, environ: Mapping[str, str]) -> tuple[dict[str, Any] | None, float, float, str]:
    """The status that was written last, its time, when its file was touched, and why it cannot be read."""
    problem = ""
    for path in places.status_places(directory, environ):
        try:
            content, touched_at = _content(path)
            fields = json.loads(content)
        except FileNotFoundError:
            continue
        except (OSError, ValueError, RecursionError) as error:
            problem = f"{path}: {getattr(error, 'strerror', None) or 'it is not a valid status file'}"
            continue
        if isinstance(fields, dict):
            at = fields.get("updated_at")
            return fields, float(at) if isinstance(at, int | float) else 0.0, touched_at, ""
        problem = f"{path}: it is not a valid status file"
    return None, 0.0, 0.0, problem


def _content(path: str) -> tuple[bytes, float]:
    """The file's content, and when it was written or touched. Raises OSError."""
    file = os.open(path, _FLAGS)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        with os.fdopen(os.dup(file), "rb") as content:
            return content.read(LARGEST_BYTES), status.st_mtime
    finally:
        os.close(file)


def _is_process(pid: object) -> bool:
    """True if there is such a process, of whatever user."""
    if not isinstance(pid, int) or not 0 < pid < 1 << 31:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True
