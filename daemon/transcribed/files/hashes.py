"""The hashes of a file as its bytes pass: of all of them, and of a part alone."""

import hashlib
from collections.abc import Callable

Block = bytes | memoryview
Add = Callable[[Block], None]


class Hashes:
    """The SHA-256 of a file, and of the `part` of it that is asked for, whose bounds are known before.

    `each` takes the next bytes of the file for one hash: they may run on threads of their own. Where the part begins
    with the file, as in an MP3 without a tag before its audio, one hash is made for both.
    """

    def __init__(self, part: range | None = None) -> None:
        self._part = part or range(0)
        self._whole, self._whole_at = hashlib.sha256(), 0
        self._alone, self._alone_at = hashlib.sha256(), 0
        whole, both = (self._add_to_whole,), (self._add_to_whole, self._add_to_part)
        self.each: tuple[Add, ...] = both if self._part.start else whole

    def add(self, block: Block) -> None:
        """The next bytes of the file, for each hash."""
        for add in self.each:
            add(block)

    def _add_to_whole(self, block: Block) -> None:
        """The hash of the part is that of the whole up to its end, where both begin together."""
        at, self._whole_at = self._whole_at, self._whole_at + len(block)
        end = self._part.stop - at
        if self._part.start or not 0 < end <= len(block):
            self._whole.update(block)
            return
        self._whole.update(block[:end])
        self._alone, self._alone_at = self._whole.copy(), self._part.stop
        self._whole.update(block[end:])

    def _add_to_part(self, block: Block) -> None:
        at, self._alone_at = self._alone_at, self._alone_at + len(block)
        begin, end = (max(bound - at, 0) for bound in (self._part.start, self._part.stop))
        self._alone.update(block[begin:end])

    @property
    def whole(self) -> str:
        """The hash of all bytes so far, in hex."""
        return self._whole.hexdigest()

    @property
    def part(self) -> str | None:
        """The hash of the part, in hex; None where none was asked for, or it has not passed whole."""
        return self._alone.hexdigest() if self._part and self._alone_at >= self._part.stop else None
