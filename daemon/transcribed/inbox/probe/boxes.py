"""The boxes of MP4 and QuickTime: each has a size and a name, and may hold others (ISO/IEC 14496-12, section 4.2)."""

from collections.abc import Iterator
from typing import NamedTuple

from transcribed.inbox.probe.extent import Extent

_MOST_BOXES = 9000


class Box(NamedTuple):
    """A box: `at` and `end` bound its content."""

    name: bytes
    at: int
    end: int


def boxes(whole: Extent, at: int, end: int) -> Iterator[Box]:
    """The boxes from `at` on, as far as they can be followed. The last one may end behind the file."""
    for _ in range(_MOST_BOXES):
        head = whole.some(at, 16)
        if at + 8 > end or len(head) < 8 or not all(32 <= byte < 127 or byte == 0xA9 for byte in head[4:8]):
            return
        size, header = int.from_bytes(head[:4], "big"), 8
        if size == 1:
            size, header = int.from_bytes(head[8:16], "big"), 16
        elif size == 0:
            size = end - at
        if size < header:
            return
        yield Box(head[4:8], at + header, at + size)
        at += size


def inside(whole: Extent, outer: Box, *names: bytes) -> Iterator[Box]:
    """The boxes of these names in another one; of several names, each inside the one before."""
    for box in boxes(whole, outer.at, outer.end):
        if box.name != names[0]:
            continue
        if names[1:]:
            yield from inside(whole, box, *names[1:])
        else:
            yield box
