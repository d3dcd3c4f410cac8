"""The folders of an inbox as they may be used: only as they are remembered, and with the modes that are set.

A file system's refusal of a mode or a group is said once, in the log.
"""

import functools
import os
from collections.abc import Callable, Iterable, Mapping

import structlog

from transcribed import files
from transcribed.folders import Anchors, Claim, Places, known_as
from transcribed.job import shown
from transcribed.worker.plan import Route

log = structlog.get_logger()

HINT = "nothing is lost by it: set what you need where the share is mounted (uid=, gid=, file_mode=, dir_mode=)"


def anchors_of(
    route: Route, remembered: Mapping[str, str], claim: Claim, state: bytes, former: Iterable[str] = ()
) -> Anchors:
    """The folders of this route as they are `remembered`, also by the names that it had.

    `claim` is to the inbox. `state` is the state directory.
    """
    places = Places(route.inbox, route.outbox, route.archive, route.failed)
    uses = {"archives": route.after == "archive", "by_consent": route.accept_at_share}
    known = known_as(route.name, former, remembered)
    return Anchors(route.name, places, access_of(route), known, claim, **uses, apart=state)


@functools.lru_cache(maxsize=256)  # so that whoever writes for this route, what was said is not said again
def access_of(route: Route) -> files.Access:
    """The access to new files of this route. A refusal is logged once for each file system."""
    return files.Access(route.file_mode, route.dir_mode, route.group, refused=_once(route))


def _once(route: Route) -> Callable[[int, str, str], None]:
    said: set[tuple[int, str]] = set()

    def refused(device: int, what: str, why: str) -> None:
        if (device, what) not in said:
            said.add((device, what))
            log.warning(
                "outbox.permissions", inbox=route.name, folder=_on(device, route), refused=what, reason=why, hint=HINT
            )

    return refused


def _on(device: int, route: Route) -> str:
    """The first folder of the route on this device; none where it is mounted below one of them."""
    for folder in (route.outbox, route.archive, route.failed, route.inbox):
        try:
            if os.stat(folder).st_dev == device:
                return shown(folder)
        except OSError:
            continue
    return ""
