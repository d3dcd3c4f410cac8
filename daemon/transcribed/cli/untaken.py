"""The files in an inbox that are not taken, and by which rule, for `check` and `explain`.

A file that no rule is against may be taken already, settle, or wait.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from transcribed import config
from transcribed.config import samba
from transcribed.folders import ANCHOR, OWNER
from transcribed.inbox import DEEPEST, OTHER_ENDING, SOUND_ENDINGS, Names, file_refusal, path_refusal
from transcribed.job import shown

_NAMES_SHOWN = 20
_LINKED_FOLDER = "a symbolic link to a folder, which is not looked into (put the folder itself here)"


def names_of(inbox: config.Inbox) -> Names:
    """The names that this inbox takes."""
    extensions = tuple(map(os.fsencode, inbox.extensions))
    return Names(extensions, inbox.ignore, inbox.links, samba.bins_of(inbox.path))


def why_not_taken(inbox: config.Inbox, path: bytes) -> str | None:
    """The reason why the file at `path` below the inbox is never taken, whatever it holds; None where it is."""
    if rule := _against_its_name(inbox, names_of(inbox), path):
        return rule
    try:
        status = os.lstat(os.path.join(os.fsencode(inbox.path), path))
    except OSError:
        return None
    return file_refusal(status, hardlinks=inbox.hardlinks)


def _against_its_name(inbox: config.Inbox, names: Names, path: bytes) -> str | None:
    whole = os.path.join(os.fsencode(inbox.path), path)
    rule = path_refusal(names, path)
    is_linked_folder = rule and rule.startswith(OTHER_ENDING) and os.path.islink(whole) and os.path.isdir(whole)
    return _LINKED_FOLDER if is_linked_folder else rule


@dataclass(slots=True)
class Untaken:
    """The files of an inbox that are not taken for their names, by the rule; `folders` counts those looked into.

    What has a good name and is no recording, as a link, is told by the listing. `endings` are those of sound and film
    that it does not take.
    """

    inbox: config.Inbox
    folders: int = 1
    endings: set[bytes] = field(default_factory=set)
    _rules: dict[str, list[str]] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def look(self) -> Iterator[str]:
        """One sentence for each rule, with the first names."""
        root, names = os.fsencode(self.inbox.path), names_of(self.inbox)
        for path, inner, files in os.walk(root):
            below = path[len(root) :].lstrip(b"/")
            self._note_files(below, files, names)
            rules = {name: names.ignored_folder(name, os.path.join(below, name)) for name in inner}
            self._note_folders(below, rules)
            deep = below.count(b"/") >= DEEPEST - 1
            inner[:] = [] if deep else [name for name in inner if rules[name] is None]
            self.folders += len(inner)
        yield from self._sentences()

    def _note_files(self, below: bytes, files: Iterable[bytes], names: Names) -> None:
        for name in sorted(set(files) - {ANCHOR, OWNER}):
            rule = _against_its_name(self.inbox, names, os.path.join(below, name))
            self._note(below, name, rule)
            if rule and rule.startswith(OTHER_ENDING):
                self.endings |= {os.path.splitext(name.lower())[1]} & SOUND_ENDINGS

    def _note_folders(self, below: bytes, rules: Mapping[bytes, str | None]) -> None:
        for name in sorted(rules):
            self._note(below, name + b"/", rules[name])

    def _note(self, below: bytes, name: bytes, rule: str | None) -> None:
        if rule is None:
            return
        names = self._rules.setdefault(rule, [])
        self._counts[rule] = self._counts.get(rule, 0) + 1
        if len(names) < _NAMES_SHOWN:
            names.append(shown(os.path.join(below, name)))

    def _sentences(self) -> Iterator[str]:
        for rule, names in self._rules.items():
            count = self._counts[rule]
            more = f" and {count - len(names)} more" if count > len(names) else ""
            yield f"{count} ignored, {rule}: {', '.join(names)}{more}"
