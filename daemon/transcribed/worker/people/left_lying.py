"""The files that lie in an inbox and are not taken, for people: in the status, and in the notice in the outbox.

Some are recordings that are left alone for their names, some cannot be read, and some entries are no files, or could
not be looked at.
"""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence

from transcribed.inbox import Names
from transcribed.job import printable, shown
from transcribed.worker.people.amounts import recordings
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
_COPY = """\
What to do: copy the recording itself into the inbox. A folder must be one that everybody may open; where a name is
the reason, rename it."""
AFTER_SECONDS = 60.0  # many programs give a file its rights last of all


class LeftLying:
    """Such files of one inbox, with the time since when each could not be read or looked at."""

    def __init__(self, route: Route, clock: Clock) -> None:
        self._route = route
        self._clock = clock
        self._names = Names(route.extensions, route.ignore, route.links, route.bins)
        self._since: dict[bytes | str, float] = {}  # by the path of an unread file, or the sentence on an entry

    def rows(self, passed_over: Iterable[bytes]) -> list[WaitingFile]:
        """The first of the recordings that are left alone for their names, each with the reason."""
        first = itertools.islice(passed_over, MOST_NAMED)
        return [WaitingFile(shown(path), self._why(path)) for path in first]

    def _why(self, path: bytes) -> str:
        return self._names.passed_over(path.rpartition(b"/")[2], path) or ""

    def told(self, passed_over: Collection[bytes], unread: Mapping[bytes, str], problems: Sequence[str]) -> str:
        """The paragraphs for people with only the share; empty where all is well.

        `problems`: a sentence for each entry that could not be judged.
        """
        now = self._clock.monotonic()
        every: tuple[bytes | str, ...] = (*unread, *problems)
        self._since = {each: self._since.get(each, now) for each in every}
        long = {each for each, since in self._since.items() if now - since >= AFTER_SECONDS}
        whys = [why for path, why in unread.items() if path in long]
        entries = [problem for problem in problems if problem in long and problem not in whys]
        return "\n".join(
            filter(None, [self._of_unread(whys), self._of_entries(entries), self._of_passed_over(passed_over)])
        )

    def _of_entries(self, problems: Sequence[str]) -> str:
        if not problems:
            return ""
        more = "and more" if len(problems) > MOST_NAMED else ""
        head = f'Left alone in the inbox "{printable(self._route.name)}":'
        return _paragraph(head, [printable(each) for each in problems[:MOST_NAMED]], more, _COPY)

    def _of_unread(self, whys: Sequence[str]) -> str:
        if not whys:
            return ""
        lines = [printable(why) for why in whys[:MOST_NAMED]]
        return _paragraph(self._head(whys, "cannot be taken"), lines, _more(whys), _REPAIR)

    def _of_passed_over(self, paths: Collection[bytes]) -> str:
        if not paths:
            return ""
        lines = [f"{row.file} ({printable(row.why)})" for row in self.rows(paths)]
        has_other = not all(self._names.is_recording(path) for path in paths)  # else its ending is taken already
        to_do = _RENAME + (_EXTEND if has_other else "")
        head = self._head(paths, "will not be transcribed, because of the name")
        return _paragraph(head, lines, _more(paths), to_do)

    def _head(self, files: Collection[object], what: str) -> str:
        return f'In the inbox "{printable(self._route.name)}" {recordings(len(files))} {what}:'


def _more(files: Collection[object]) -> str:
    return f"and {len(files) - MOST_NAMED} more" if len(files) > MOST_NAMED else ""


def _paragraph(head: str, lines: Sequence[str], more: str, to_do: str) -> str:
    return "\n".join([head, *(f"  {line}" for line in (*lines, more) if line), to_do]) + "\n"
