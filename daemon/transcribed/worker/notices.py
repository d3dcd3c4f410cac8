"""The note in the outbox for people who have only the share: what their recordings wait for, while a lane is blocked.

It is `_transcribed.txt`, one for each outbox, and goes away by itself. A file of that name that is not ours stays as it
is. What cannot be written is not worth a wait: the log and the status say the same.
"""

import contextlib
import os
import time
from collections import defaultdict
from collections.abc import Mapping

from transcribed import errors, outbox
from transcribed.job import printable
from transcribed.worker.arrivals import Arrivals
from transcribed.worker.folders import Folders
from transcribed.worker.lanes import Lane, Lanes
from transcribed.worker.notes import begins_with
from transcribed.worker.plan import Clock

NAME = b"_transcribed.txt"
MARK = b"transcribed waits.\n"
AFTER_SECONDS = 60.0  # a block that ends sooner is nobody's business, and a note that comes and goes is noise


class Notices:
    """The notes as they were last written. All of it belongs to the loop's thread; writing is done by the inboxes'."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._written: dict[bytes, bytes | None] = {}

    def keep(self, lanes: Lanes, inboxes: Mapping[str, Arrivals]) -> None:
        """Let each outbox say what is true now; at the first time this takes away what an earlier process left."""
        sharing: dict[bytes, list[Arrivals]] = defaultdict(list)
        for arrivals in inboxes.values():
            sharing[arrivals.route.outbox].append(arrivals)
        for folder, users in sharing.items():
            text = self._text(lanes, users)
            if folder not in self._written or self._written[folder] != text:
                self._written[folder] = text
                mine = users[0].folders
                users[0].executor.submit(lambda f=mine, t=text: _write(f, t))  # type: ignore[misc]

    def _text(self, lanes: Lanes, users: list[Arrivals]) -> bytes | None:
        concerned = {errors.API, errors.SUBMIT, errors.STATE}
        concerned |= {lane for user in users for lane in (user.route.lane, user.route.parameters_lane)}
        long_ago = self._clock.wall() - AFTER_SECONDS
        waits = [_wait(lane) for lane in lanes.all() if lane.name in concerned and lane.since <= long_ago]
        if not waits:
            return None
        end = "Nothing is lost: the recordings wait where they are. This note goes away when the wait is over."
        return MARK + "\n".join(["", *waits, end, ""]).encode()


def _wait(lane: Lane) -> str:
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(lane.since))
    mend = f"What to do: {printable(lane.hint)}\n" if lane.hint else ""
    return f"Since {since}: {printable(lane.reason)}\n{mend}"


def _write(folders: Folders, text: bytes | None) -> None:
    """On the inbox's thread: put the note there, or take it away; not in what is not the outbox that is remembered."""
    root = folders.route.outbox
    path = os.path.join(root, NAME)
    with contextlib.suppress(OSError, outbox.NameTaken, errors.TranscribedError):
        folders.anchors.need(root)
        if begins_with(path, MARK):
            os.unlink(path)
        if text is not None:
            outbox.publish(path, text, root=root, access=folders.access)
