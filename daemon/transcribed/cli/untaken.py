"""What lies in an inbox and is not taken, and by which rule: what `check` and `explain` say of it.

What this module does not know: jobs. A file that no rule is against may be taken, settle, or wait.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from transcribed import config
from transcribed.folders import ANCHOR
from transcribed.inbox import FOLDERS_FILE, SUFFIX, Names
from transcribed.job import is_link, shown

_NAMES_SHOWN = 20
_DEEPEST = 64  # as inbox.scan goes


def names_of(inbox: config.Inbox) -> Names:
    """The names that this inbox takes."""
    return Names(tuple(map(os.fsencode, inbox.extensions)), inbox.ignore, inbox.links)


def why_not_taken(inbox: config.Inbox, path: bytes) -> str | None:
    """Why the file at `path` below the inbox is never taken, whatever it holds; None where it is."""
    names = names_of(inbox)
    if rule := names.ignored(path):
        return rule
    if names.is_marker(path):
        return "a marker (it says when the recording beside it is taken)"
    if (of := _spoken_of(path, names)) is not None:
        return f"a file of settings (it speaks of {of})"
    if not names.is_recording(path) and is_link(path):
        return "a link, and links = false (drop the recording itself)"
    if not names.is_recording(path):
        return f"not a recording (its name does not end in {' '.join(inbox.extensions)})"
    return _unfit(inbox, os.path.join(os.fsencode(inbox.path), path))


def _spoken_of(path: bytes, names: Names) -> str | None:
    """What a file at this path speaks of; None where it is none that is read."""
    if os.path.basename(path) == FOLDERS_FILE:
        return "the recordings below its folder"
    stem = path.removesuffix(SUFFIX)
    return "the recording beside it" if stem != path and names.is_recording(stem) else None


def _unfit(inbox: config.Inbox, path: bytes) -> str | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return "no regular file (put the recording itself here)"
    linked = status.st_nlink > 1 and not inbox.hardlinks
    return "a file that has other names too, and hardlinks = false (put a copy here)" if linked else None


@dataclass(slots=True)
class Untaken:
    """What lies in an inbox and is not taken, by the rule that says so; `folders` are those that were looked into."""

    inbox: config.Inbox
    folders: int = 1
    _rules: dict[str, list[str]] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def look(self) -> Iterator[str]:
        """One sentence for each rule, with the first names."""
        root, names = os.fsencode(self.inbox.path), names_of(self.inbox)
        for path, inner, files in os.walk(root):
            below = path[len(root) :].lstrip(b"/")
            for name in sorted(set(files) - {ANCHOR}):
                self._note(below, name, why_not_taken(self.inbox, os.path.join(below, name)))
            rules = {name: names.ignored_folder(name, os.path.join(below, name)) for name in inner}
            for name in sorted(inner):
                self._note(below, name + b"/", rules[name])
            deep = below.count(b"/") >= _DEEPEST - 1
            inner[:] = [] if deep else [name for name in inner if rules[name] is None]
            self.folders += len(inner)
        for rule, told in self._rules.items():
            count = self._counts[rule]
            more = f" and {count - len(told)} more" if count > len(told) else ""
            yield f"{count} ignored, {rule}: {', '.join(told)}{more}"

    def _note(self, below: bytes, name: bytes, rule: str | None) -> None:
        if rule is None:
            return
        names = self._rules.setdefault(rule, [])
        self._counts[rule] = self._counts.get(rule, 0) + 1
        if len(names) < _NAMES_SHOWN:
            names.append(shown(os.path.join(below, name)))
