"""A stretch of a file, of which only so much can be read, however hostile its bytes are."""

from dataclasses import dataclass, field
from typing import BinaryIO, Literal

MOST_BYTES = 6 << 20
MOST_READS = 20_000
HELD_BYTES = 256 << 10  # a file up to this size is read at once: that takes less than some dozens of seeks


class Ended(EOFError):
    """The stretch, or what may be read of the file, is at its end."""


@dataclass(slots=True)
class _Allowance:
    bytes_left: int = MOST_BYTES
    reads_left: int = MOST_READS
    held: bytes | None = None  # all of a small file

    def take(self, count: int) -> None:
        self.reads_left -= 1
        self.bytes_left -= count
        if self.reads_left < 0 or self.bytes_left < 0:
            raise Ended("enough was read")


@dataclass(frozen=True, slots=True)
class Extent:
    """The bytes of `file` from `begin` up to `end`. Offsets count from its own beginning.

    All parts of one extent share what may be read. Every method raises OSError where the disk does.
    """

    file: BinaryIO
    begin: int
    end: int
    _allowance: _Allowance = field(default_factory=_Allowance)

    @classmethod
    def of(cls, file: BinaryIO, size: int) -> "Extent":
        """The first `size` bytes of a file, which is at its beginning; those of a small file are read once."""
        return cls(file, 0, size, _Allowance(held=file.read(size) if size <= HELD_BYTES else None))

    @property
    def size(self) -> int:
        """The number of its bytes."""
        return self.end - self.begin

    def some(self, offset: int, count: int) -> bytes:
        """The bytes at `offset`, at most `count`: fewer at the end. Raises Ended where enough was read."""
        count = min(count, self.size - offset)
        if offset < 0 or count <= 0:
            return b""
        self._allowance.take(count)
        at, held = self.begin + offset, self._allowance.held
        if held is not None:
            return held[at : at + count]
        self.file.seek(at)
        return self.file.read(count)

    def at(self, offset: int, count: int) -> bytes:
        """The `count` bytes at `offset`. Raises Ended where there are not so many."""
        data = self.some(offset, count)
        if len(data) < count:
            raise Ended("there are fewer bytes")
        return data

    def number(self, offset: int, count: int, order: Literal["big", "little"] = "big") -> int:
        """The number of `count` bytes at `offset`. Raises Ended where there are not so many."""
        return int.from_bytes(self.at(offset, count), order)

    def has(self, mark: bytes, offset: int = 0) -> bool:
        """True if these bytes lie at `offset`."""
        return self.some(offset, len(mark)) == mark

    def part(self, begin: int, end: int | None = None) -> "Extent":
        """The stretch from `begin` on, up to `end` where that is given and lies within."""
        stop = self.size if end is None else min(end, self.size)
        return Extent(self.file, self.begin + min(begin, stop), self.begin + stop, self._allowance)
