"""The hashes of a file as its bytes pass: of all of them, and of a part alone."""

import hashlib


class Hashes:
    """The SHA-256 of a file, and of the `part` of it that is asked for, whose bounds are known before.

    Where the part begins with the file, as in an MP3 without a tag before its audio, one hash is made for both.
    """

    def __init__(self, part: range | None = None) -> None:
        self._part = part
        self._whole = hashlib.sha256()
        self._alone = hashlib.sha256()
        self._passed = 0

    def add(self, block: bytes | memoryview) -> None:
        """The next bytes of the file."""
        at, self._passed = self._passed, self._passed + len(block)
        if self._part is None:
            self._whole.update(block)
            return
        begin, end = (max(bound - at, 0) for bound in (self._part.start, self._part.stop))
        if self._part.start > 0:
            self._whole.update(block)
            self._alone.update(block[begin:end])
            return
        self._whole.update(block[:end])
        if at < self._part.stop <= self._passed:
            self._alone = self._whole.copy()
        self._whole.update(block[end:])

    @property
    def whole(self) -> str:
        """The hash of all bytes so far, in hex."""
        return self._whole.hexdigest()

    @property
    def part(self) -> str | None:
        """The hash of the part, in hex; None where none was asked for, or it has not passed whole."""
        is_whole = self._part is not None and self._passed >= self._part.stop
        return self._alone.hexdigest() if is_whole else None
