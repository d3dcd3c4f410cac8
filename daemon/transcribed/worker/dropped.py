"""The orders of people: small files dropped into `commands/` of the state directory, the way mail is delivered.

An order is one JSON object that says so, in a file `N.order`: no rendering has such a name. It is written whole
(temporary name, fsync, rename), so it survives a restart and waits where there is no daemon; the daemon removes it once
it is carried out (`orders`). Few imports: the command line that drops one needs nothing else of the worker.
"""

import json
import os
import secrets
import time
from collections.abc import Mapping
from typing import Any

from transcribed import files

ORDERS = "commands"
LARGEST_BYTES = 1 << 20
PRIVATE = files.Access(dir_mode=0o700)
_ENDING, _MAGIC = b".order", {"transcribed order": 1}
_VERBS = frozenset({"retry", "cancel", "accept", "scan", "pause", "resume", "understand", "corrected"})


def drop(directory: str, order: Mapping[str, Any]) -> bytes:
    """Leave an order for the daemon whose state directory this is; returns its path. Raises OSError."""
    folder = os.path.join(os.fsencode(directory), ORDERS.encode())
    files.make_folder(folder, access=PRIVATE)
    name = f"{time.time():.6f}-{secrets.token_hex(4)}".encode() + _ENDING  # in order of time, and nobody else's
    path = os.path.join(folder, name)
    data = json.dumps(_MAGIC | dict(order)).encode()
    with files.opened_as_named(folder) as root:
        access = _for_daemon(root)
        try:
            files.publish(path, data, root=root, access=access)
        except FileNotFoundError:  # a daemon that started just now took our temporary for what a crash left
            files.publish(path, data, root=root, access=access)
    return path


def _for_daemon(folder: files.Root) -> files.Access:
    """The access that lets the daemon read an order whoever gives it, and whatever the umask: others cannot go in."""
    owner = os.fstat(folder.descriptor).st_uid if os.geteuid() == 0 else None
    return files.Access(file_mode=0o644, owner=owner)


def waiting(directory: bytes) -> tuple[tuple[bytes, Mapping[str, Any] | None], ...]:
    """The orders that wait, oldest first; what is no order is an empty one, None cannot be opened.

    Raises OSError.
    """
    files.make_folder(directory, access=PRIVATE)
    names = sorted(name for name in os.listdir(directory) if not name.startswith(b"."))
    return tuple((name, _read(os.path.join(directory, name)) if name.endswith(_ENDING) else {}) for name in names)


def _read(path: bytes) -> Mapping[str, Any] | None:
    """The order in this file; None where it cannot be opened, which must not keep the others waiting."""
    try:
        order = json.loads(files.read_regular(path, LARGEST_BYTES))
    except OSError:
        return None
    except (ValueError, RecursionError):
        return {}
    if not (isinstance(order, dict) and _MAGIC.items() <= order.items() and _is_verb(order.get("order"))):
        return {}
    return {key: value for key, value in order.items() if key not in _MAGIC}


def _is_verb(named: object) -> bool:
    return isinstance(named, str) and named in _VERBS


def numbers(order: Mapping[str, Any]) -> list[int]:
    """The jobs that an order names; what is no number of a job is left out."""
    named = order.get("jobs")
    return [n for n in named if type(n) is int and 0 < n < 2**63] if isinstance(named, list) else []  # SQLite's own
