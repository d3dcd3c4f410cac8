"""The files that lie in an inbox and are not taken, for people: in the status, and in the notice in the outbox.

Some are recordings that are left alone for their names, some cannot be read.
"""

import itertools
from collections.abc import Collection, Iterable, Mapping

from transcribed.inbox import Names
from transcribed.job import printable, shown
from transcribed.worker.people.status import WaitingFile
from transcribed.worker.plan import Clock, Route

MOST_NAMED = 20
_RENAME = "What to do: give it a name that is taken, or take it away."
_EXTEND = (
    " For those who run transcribed: add its ending to\nextensions, if such files are to be transcribed and paid for."
)
_REPAIR = (
    "What to do: if a settings file is named, fix that. Else let everybody read the recording (its permissions), or\n"
    "take it away and drop a copy of it."
)
AFTER_SECONDS = 60.0  # many programs give a file its rights last of all


class LeftLying:
    """Such files of one inbox, with the time since when each could not be read."""

    def __init__(self, route: Route, clock: Clock) -> None:
        self._route = route
        self._clock = clock
        self._names = Names(route.extensions, route.ignore, route.links, route.bins)
        self._since: dict[bytes, float] = {}

    def rows(self, passed_over: Iterable[bytes]) -> list[WaitingFile]:
        """The first of the recordings that are left alone for their names, each with the reason."""
        first = itertools.islice(passed_over, MOST_NAMED)
        return [WaitingFile(shown(path), self._why(path)) for path in first]

    def _why(self, path: bytes) -> str:
        return self._names.passed_over(path.rpartition(b"/")[2], path) or ""

    def told(self, passed_over: Collection[bytes], unread: Mapping[bytes, str]) -> str:
        """The paragraphs for people with only the share; empty where all is well."""
        now = self._clock.monotonic()
        self._since = {path: self._since.get(path, now) for path in unread}
        long = [why for path, why in unread.items() if now - self._since[path] >= AFTER_SECONDS]
        return "\n".join(filter(None, [self._of_unread(long), self._of_passed_over(passed_over)]))

    def _of_unread(self, whys: Collection[str]) -> str:
        if not whys:
            return ""
        return _paragraph(self._head(whys, "cannot be taken"), [printable(why) for why in whys], _REPAIR)

    def _of_passed_over(self, paths: Collection[bytes]) -> str:
        if not paths:
            return ""
        lines = [f"{row.file} ({printable(row.why)})" for row in self.rows(paths)]
        has_other = not all(self._names.is_recording(path) for path in paths)  # else its ending is taken already
        to_do = _RENAME + (_EXTEND if has_other else "")
        return _paragraph(self._head(paths, "will not be transcribed, because of the name"), lines, to_do, len(paths))

    def _head(self, files: Collection[object], what: str) -> str:
        count = "1 recording" if len(files) == 1 else f"{len(files)} recordings"
        return f'In the inbox "{printable(self._route.name)}" {count} {what}:'


def _paragraph(head: str, lines: list[str], to_do: str, count: int | None = None) -> str:
    more = (len(lines) if count is None else count) - min(len(lines), MOST_NAMED)
    and_more = [f"  and {more} more"] if more else []
    return "\n".join([head, *(f"  {line}" for line in lines[:MOST_NAMED]), *and_more, to_do]) + "\n"
