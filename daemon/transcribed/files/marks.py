"""Marks: a small text of ours among the files of strangers is known again by its last line, whatever the text says.

The last line is a format and never changes. Before there were marks, a text was known by its first sentence; those
sentences are read for ever.
"""

import re
from dataclasses import dataclass

from transcribed.files.root import Root

_LARGEST_BYTES = 1 << 20  # no text of ours is longer
_LAST_LINE = re.compile(rb"\n\[transcribed: [a-z ]+\]\n\Z")


@dataclass(frozen=True, slots=True)
class Mark:
    """The mark of one kind of text. `older` are the beginnings by which older versions knew theirs."""

    kind: str
    older: tuple[bytes, ...]

    @property
    def _line(self) -> bytes:
        return b"\n[transcribed: %b]\n" % self.kind.encode()

    def signed(self, text: bytes) -> bytes:
        """The text with the mark, as it is written. `text` ends with a line feed."""
        return text + self._line

    def is_at(self, root: Root, path: bytes) -> bool:
        """True if a text of this kind is at `path`; False too where the file cannot be read."""
        content = _read(root, path)
        return content.endswith(self._line) or content.startswith(self.older)

    def text_at(self, root: Root, path: bytes) -> bytes:
        """The text of this kind at `path`, without its mark; empty where there is none."""
        content = _read(root, path)
        return content.removesuffix(self._line) if content.endswith(self._line) else b""

    def says(self, root: Root, path: bytes, text: bytes) -> bool:
        """True if exactly this text, signed, is at `path`."""
        return _read(root, path) == self.signed(text)

    def take_back(self, root: Root, path: bytes) -> None:
        """Remove the text of this kind at `path`; anything else stays. Raises OSError."""
        if self.is_at(root, path):
            root.forget(path)


def is_marked(content: bytes) -> bool:
    """True if this is a text of ours, of any kind."""
    return _LAST_LINE.search(content[-100:]) is not None


def _read(root: Root, path: bytes) -> bytes:
    try:
        with root.open(path) as file:
            return file.read(_LARGEST_BYTES)
    except OSError:
        return b""
