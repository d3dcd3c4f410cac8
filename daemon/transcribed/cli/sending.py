"""An order is left for the daemon. Few imports: see `early`."""

import os
from collections.abc import Mapping
from typing import Any

from transcribed import errors
from transcribed.cli import daemon_status, early
from transcribed.cli.lines import say
from transcribed.journal import reading
from transcribed.worker.dropped import ORDERS, drop


def answered_early(option: str | None, verb: str) -> int:
    """Leave the order of this name, which is about all inboxes; the exit status. Raises TranscribedError."""
    send(early.state_directory(option), of_all(verb))
    return errors.Exit.DONE


def of_all(verb: str) -> dict[str, Any]:
    """The order to scan, pause or resume all inboxes."""
    inboxes = {"scan": {}, "resume": {"inbox": None}, "pause": {"inbox": None, "until": None}}
    return {"order": verb, **inboxes[verb]}


def send(directory: str, order: Mapping[str, Any]) -> None:
    """Leave an order in this state directory. Raises TranscribedError."""
    # Where no daemon ever ran, the folder of orders would be ours, and the daemon could not use it.
    reading.opened(directory).close()
    try:
        drop(directory, order)
    except OSError as error:
        doing = f"leaving the order in {os.path.join(directory, ORDERS)}"
        raise errors.from_os_error(error, lane=errors.STATE, doing=doing) from error
    if daemon_status.is_alive(directory):
        say("sent: the daemon is running and will act on it", stderr=True)
    else:
        say("sent: no daemon is running, so the order waits until one starts", stderr=True)
