"""The recordings that are left alone for their names, for people: in the status, and in the notice in the outbox."""

import itertools
from collections.abc import Collection

from transcribed.inbox import Names
from transcribed.job import printable, shown
from transcribed.worker.people.status import WaitingFile
from transcribed.worker.plan import Route

MOST_NAMED = 20


def rows(route: Route, paths: Collection[bytes]) -> list[WaitingFile]:
    """The first of these files, each with the reason."""
    names = Names(route.extensions, route.ignore, route.links, route.bins)
    first = itertools.islice(paths, MOST_NAMED)
    return [WaitingFile(shown(path), names.passed_over(path.rpartition(b"/")[2], path) or "") for path in first]


def paragraph(route: Route, paths: Collection[bytes]) -> str:
    """The paragraph on these files for people with only the share; empty where there are none."""
    if not paths:
        return ""
    what = "1 recording" if len(paths) == 1 else f"{len(paths)} recordings"
    lines = [f"  {row.file} ({printable(row.why)})" for row in rows(route, paths)]
    more = [f"  and {len(paths) - MOST_NAMED} more"] if len(paths) > MOST_NAMED else []
    said = [
        f"In the inbox {printable(route.name)} {what} will not be transcribed, because of the name:",
        *lines,
        *more,
        "What to do: give it a name that is taken, or take it away. For those who run transcribed: add its ending to",
        "extensions, if such files are to be transcribed and paid for.",
    ]
    return "\n".join(said) + "\n"
