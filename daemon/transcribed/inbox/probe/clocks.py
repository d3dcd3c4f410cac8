"""Streams with a clock in them: MPEG transport and program streams (ISO/IEC 13818-1), and Flash video.

Their length is the difference of the first and the last time that they show.
"""

import re
from collections.abc import Iterator

from transcribed.inbox.probe.extent import Extent
from transcribed.inbox.probe.facts import FILM, Facts

_LOOKED_AT = 256 << 10  # at either end: a clock is shown at least ten times a second
_HERTZ = 90_000
_WRAPS = 1 << 33
PACKETS = ((188, 0), (192, 4))  #: the sizes of packets, and where in each its mark 0x47 stands
_IN_A_ROW = 5


def packets(whole: Extent) -> tuple[int, int] | None:
    """The size of the packets of a transport stream, and where their marks stand; None for another file."""
    for size, mark in PACKETS:
        marks = whole.some(mark, size * (_IN_A_ROW - 1) + 1)[::size]
        if set(marks) == {0x47} and len(marks) == min(_IN_A_ROW, -(-(whole.size - mark) // size)) > 1:
            return size, mark
    return None


def transport(whole: Extent) -> Facts:
    """A transport stream; the cameras' packets (AVCHD, .m2ts) have four bytes more."""
    size, mark = packets(whole) or PACKETS[0]
    count = _LOOKED_AT // size
    last = max(0, whole.size // size - count)
    first = next(_clocks(whole.some(0, count * size), size, mark), None)
    if first is None:
        return Facts(FILM)
    of_same = (time for pid, time in _clocks(whole.some(last * size, count * size), size, mark) if pid == first[0])
    return Facts(FILM, _between(first[1], list(of_same)))


def _clocks(data: bytes, size: int, mark: int) -> Iterator[tuple[int, int]]:
    """The clock of each program, and its time."""
    for at in range(mark, len(data) - 11, size):
        if data[at] == 0x47 and data[at + 3] & 0x20 and data[at + 4] >= 7 and data[at + 5] & 0x10:
            pid = (data[at + 1] & 0x1F) << 8 | data[at + 2]
            yield pid, int.from_bytes(data[at + 6 : at + 11], "big") >> 7


def _between(first: int, times: list[int]) -> float | None:
    return (times[-1] - first) % _WRAPS / _HERTZ or None if times else None


_PACK = re.compile(rb"\x00\x00\x01\xba(.{6})", re.DOTALL)


def program(whole: Extent) -> Facts:
    """A program stream."""
    first = _PACK.search(whole.some(0, _LOOKED_AT))
    times = [_pack_time(found) for found in _PACK.findall(whole.some(max(0, whole.size - _LOOKED_AT), _LOOKED_AT))]
    return Facts(FILM, _between(_pack_time(first[1]), times) if first else None)


def _pack_time(data: bytes) -> int:
    """The system clock reference of a pack: MPEG-2 writes two more mark bits before it than MPEG-1."""
    number = int.from_bytes(data, "big")
    if data[0] >> 6 == 1:
        return (number >> 43 & 7) << 30 | (number >> 27 & 0x7FFF) << 15 | number >> 11 & 0x7FFF
    return (number >> 41 & 7) << 30 | (number >> 25 & 0x7FFF) << 15 | number >> 9 & 0x7FFF


def flash(whole: Extent) -> Facts:
    """Flash video: the last four bytes are the size of its last tag, which has a time (Adobe, FLV 10.1)."""
    size = whole.number(whole.size - 4, 4)
    head = whole.some(whole.size - 4 - size, 11)
    if len(head) < 11 or head[0] & 0x1F not in (8, 9, 18) or int.from_bytes(head[1:4], "big") + 11 != size:
        return Facts(FILM)
    return Facts(FILM, (head[7] << 24 | int.from_bytes(head[4:7], "big")) / 1000)
