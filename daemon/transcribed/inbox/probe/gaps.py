"""Bytes that have not arrived: a hole in a file, or zeros where no sound is written as zeros."""

import errno
import io
import os

from transcribed.inbox.probe.extent import Ended, Extent

_EDGE = 4096
_PLACES = 8
#: Zeros that are no padding: some packets and boxes are filled up with a few KiB of them. Chosen.
_MANY = 32 << 10


ENDS = "it ends in zeros"


def at_edges(whole: Extent) -> str:
    """Says in words which end of the file is all zeros; empty where none is."""
    if not any(whole.some(0, _EDGE)):
        return "it begins in zeros"
    return "" if any(whole.some(max(0, whole.size - _EDGE), _EDGE)) else ENDS


def within(media: Extent) -> str:
    """Says in words where compressed media lack bytes: a hole, or zeros at one of some places; empty where nowhere."""
    try:
        return _within(media)
    except Ended:
        return ""


def _within(media: Extent) -> str:
    if (hole := _hole(media)) is not None:
        return f"its bytes from {hole.start:,} to {hole.stop:,} were never written"
    step = media.size // (_PLACES + 1)
    if step < _EDGE:
        return ""
    for at in (number * step for number in range(1, _PLACES + 1)):
        if not any(media.some(at, _EDGE)) and _zeros_around(media, at) >= _MANY:
            return f"it holds only zeros at byte {media.begin + at:,}"
    return ""


def _zeros_around(media: Extent, at: int) -> int:
    """The number of zeros in a row that the byte at `at` is one of, as far as is of interest."""
    before, behind = media.some(max(0, at - _MANY), min(at, _MANY)), media.some(at, _MANY)
    left, right = len(before) - len(before.rstrip(b"\0")), len(behind) - len(behind.lstrip(b"\0"))
    return left + right


def is_blank(whole: Extent) -> bool:
    """True if all bytes are equal wherever it is looked at."""
    if len(set(whole.some(0, _EDGE))) > 1:
        return False
    step = max(_EDGE, whole.size // _PLACES)
    places = [whole.some(at, _EDGE) for at in range(0, whole.size, step)]
    places.append(whole.some(max(0, whole.size - _EDGE), _EDGE))
    return len(set().union(*places)) == 1


def _hole(media: Extent) -> range | None:
    """The first large hole that the file system knows of. Files that are no files of a file system have none."""
    try:
        descriptor = media.file.fileno()
    except io.UnsupportedOperation:
        return None
    before = os.lseek(descriptor, 0, os.SEEK_CUR)
    try:
        return _first_hole(descriptor, media.begin, media.end)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENXIO):
            return None
        raise
    finally:
        os.lseek(descriptor, before, os.SEEK_SET)


def _first_hole(descriptor: int, at: int, end: int) -> range | None:
    for _ in range(_PLACES):
        begin = os.lseek(descriptor, at, os.SEEK_HOLE)
        if begin >= end:
            return None
        at = min(end, _behind_hole(descriptor, begin))
        if at - begin >= _MANY:
            return range(begin, at)
    return None


def _behind_hole(descriptor: int, begin: int) -> int:
    """The first byte behind a hole, which may be the end of the file."""
    try:
        return os.lseek(descriptor, begin, os.SEEK_DATA)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return os.fstat(descriptor).st_size
