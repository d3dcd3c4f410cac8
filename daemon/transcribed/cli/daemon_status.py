"""The daemon beside the command line: is it running, and the status that it wrote last."""

import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from transcribed import errors, files, places
from transcribed.monitor import evidence
from transcribed.monitor.health import RUNNING, SILENT, STARTING, life_of

if TYPE_CHECKING:
    from transcribed.worker.people.status import Status

ALIVE = frozenset({RUNNING, STARTING, SILENT})

T = TypeVar("T")


def read_status(directory: str, environ: Mapping[str, str]) -> "Status | None":
    """The status that the daemon wrote last; None where it never ran. Raises TranscribedError."""
    from transcribed.worker.people.status import from_json  # noqa: PLC0415  pydantic: who asks for life needs none

    written = _written(directory, environ)
    return None if written is None else _understood(written, from_json)


def read_fields(directory: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """The same as it is written, of whatever version; empty where the daemon never ran. Raises TranscribedError."""
    from transcribed.worker.people.status import fields_of  # noqa: PLC0415  as above

    written = _written(directory, environ)
    return {} if written is None else _understood(written, fields_of)


def _written(directory: str, environ: Mapping[str, str]) -> tuple[str, bytes] | None:
    """The path and the content of the status file; None where there is none. Raises TranscribedError."""
    for path in places.status_places(directory, environ):
        try:
            return path, files.read_regular(os.fsencode(path), evidence.LARGEST_BYTES)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise errors.from_os_error(error, lane=errors.STATE, doing=f"reading {path}") from error
    return None


def life(directory: str, environ: Mapping[str, str]) -> str:
    """One of the words of `monitor.health.LIVES`. Raises Blocked where neither lock nor status tell it.

    The service's status is where everyone can read it, and a stop takes it away.
    """
    seen = evidence.seen_of(directory, environ)
    if seen.is_locked is None and seen.fields is None:
        is_alive(directory)  # which says why it cannot be seen
    return life_of(seen, time.time())[0]


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
    try:
        return evidence.is_locked(directory)
    except OSError as error:
        path = os.path.join(directory, places.LOCK)
        why = f"cannot find out whether the daemon is running: {path}: {error.strerror}"
        raise errors.Blocked(
            why, lane=errors.STATE, hint="run this as the daemon's user", exit_status=errors.Exit.PERMISSION
        ) from error
