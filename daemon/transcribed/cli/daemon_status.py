"""The daemon beside the command line: is it alive, and its last word about itself."""

import errno
import fcntl
import json
import os
from collections.abc import Mapping
from typing import Any

from transcribed import config, daemon, errors

_STATE_HOME, _RUNTIME_HOME = "/var/lib/", "/run/"


def status_places(settled: config.Config, environ: Mapping[str, str]) -> list[str]:
    """Where a status may be, likeliest first.

    A person's shell has no $RUNTIME_DIRECTORY. A unit gives RuntimeDirectory= the name of its StateDirectory=, and
    systemd takes it away when the service stops: what is there is never older than what is in the state directory.
    """
    written = daemon.status_path(settled, environ)
    directory = settled.state.directory
    if environ.get("RUNTIME_DIRECTORY") or not directory.startswith(_STATE_HOME):
        return [written]
    return [os.path.join(_RUNTIME_HOME, directory.removeprefix(_STATE_HOME), daemon.STATUS), written]


def read_status(settled: config.Config, environ: Mapping[str, str]) -> dict[str, Any] | None:
    """What the daemon last said of itself (worker.status); None where it never ran. Raises what keeps it from us."""
    for path in status_places(settled, environ):
        try:
            with open(path, "rb") as file:
                status = json.load(file)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise errors.from_os_error(error, lane=errors.STATE, doing=f"reading {path}") from error
        except (ValueError, RecursionError):
            status = None
        if not isinstance(status, dict):
            raise errors.TranscribedError(f"{path} is no status of the daemon", hint="it is written anew each minute")
        return status
    return None


def is_alive(directory: str) -> bool:
    """Whether a daemon holds this state directory, by trying its lock for no longer than the trial takes.

    Raises Blocked where only the daemon's user may look.
    """
    path = os.path.join(directory, "lock")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    except OSError as error:
        why = f"whether the daemon lives cannot be seen: {path}: {error.strerror}"
        raise errors.Blocked(why, lane=errors.STATE, hint="run this as the daemon's user", exit_status=77) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno != errno.EWOULDBLOCK:
            raise
        return True
    finally:
        os.close(descriptor)
    return False
