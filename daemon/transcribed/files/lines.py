"""A file of lines that only grows. Each line that was appended is durable, and no crash leaves half a line to read."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress

from transcribed.files.opening import NotRegular, fsync_folder, open_regular

LONGEST_LINE = 1 << 20
_OWN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_BLOCK = 1 << 16


class Lines:
    """The lines of the file at `path`, which is made where it is missing. One process at a time appends to it."""

    def __init__(self, path: bytes) -> None:
        """Opens it, and cuts off what a crash left of a last line. Raises OSError."""
        self.path = path
        self._file = os.open(path, _OWN, 0o600)
        try:
            _require_regular(self._file, path)
            self.end = self._whole_end()  #: the length of all whole lines, in bytes
            self._cut()
            if self.end == 0:
                fsync_folder(os.path.dirname(path))  # it may be new
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def append(self, data: bytes) -> None:
        """Append whole lines, durably. Raises OSError: then it is as if nothing had been appended."""
        try:
            self._cut()
            left, at = memoryview(data), self.end
            while left:
                written = os.pwrite(self._file, left, at)
                left, at = left[written:], at + written
            os.fdatasync(self._file)
        except OSError:
            with suppress(OSError):  # else the next one does
                self._cut()
            raise
        self.end = at

    def since(self, offset: int) -> Iterator[tuple[bytes, int]]:
        """Each whole line from this place on, and the place of its end. Raises OSError."""
        with open_regular(self.path) as file:
            file.seek(offset)
            while offset < self.end and (line := file.readline(LONGEST_LINE)):
                offset += len(line)
                yield line, offset

    def _cut(self) -> None:
        if os.fstat(self._file).st_size > self.end:
            os.ftruncate(self._file, self.end)

    def _whole_end(self) -> int:
        end = os.fstat(self._file).st_size
        while end > 0:
            start = max(0, end - _BLOCK)
            last = os.pread(self._file, end - start, start).rfind(b"\n")
            if last >= 0:
                return start + last + 1
            end = start
        return 0


def _require_regular(file: int, path: bytes) -> None:
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise NotRegular(path)
