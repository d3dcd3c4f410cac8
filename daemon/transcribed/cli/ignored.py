"""What lies in an inbox and is never taken, and the rule that says so.

What this module does not know: what becomes of a recording that is taken.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from transcribed import inbox
from transcribed.inbox.names import ignored_folder
from transcribed.job import shown

_NAMES_SHOWN = 20
_DEEPEST = 64  # as inbox.folder goes
_EXTENSION = b".mp3"


def why_not_taken(root: bytes, path: bytes) -> str | None:
    """Why the file at `path` below the inbox `root` is never taken, whatever it holds; None where it is."""
    if rule := inbox.ignored(path):
        return rule
    if os.path.splitext(path)[1].lower() != _EXTENSION:
        return f"not a recording (its name does not end in {_EXTENSION.decode()})"
    try:
        mode = os.lstat(os.path.join(root, path)).st_mode
    except OSError:
        return None
    return None if stat.S_ISREG(mode) else "no regular file (put the recording itself here)"


@dataclass(slots=True)
class Ignored:
    """What lies in an inbox and is not taken, by the rule that says so."""

    root: bytes
    folders: int = 1
    _rules: dict[str, list[str]] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def look(self, label: str) -> Iterator[str]:
        """One sentence for each rule, with the first names."""
        for path, inner, names in os.walk(self.root):
            below = path[len(self.root) :].lstrip(b"/")
            for name in sorted({*names} - {inbox.ANCHOR}):
                self._note(below, name, why_not_taken(self.root, os.path.join(below, name)))
            for name in sorted(inner):
                self._note(below, name + b"/", ignored_folder(name))
            deep = below.count(b"/") >= _DEEPEST - 1
            inner[:] = [] if deep else [name for name in inner if ignored_folder(name) is None]
            self.folders += len(inner)
        for rule, told in self._rules.items():
            count = self._counts[rule]
            more = f" and {count - len(told)} more" if count > len(told) else ""
            yield f"{label}: {count} ignored, {rule}: {', '.join(told)}{more}"

    def _note(self, below: bytes, name: bytes, rule: str | None) -> None:
        if rule is None:
            return
        names = self._rules.setdefault(rule, [])
        self._counts[rule] = self._counts.get(rule, 0) + 1
        if len(names) < _NAMES_SHOWN:
            names.append(shown(os.path.join(below, name)))
