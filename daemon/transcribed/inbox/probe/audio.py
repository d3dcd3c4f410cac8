"""The place of an MP3's audio between its tags, found by a few seeks however large the tags are.

Players skip the same: all tags, and a first frame of Layer III that only counts the others, which programs make again
when they copy.
"""

import re
from typing import BinaryIO

from transcribed.inbox.probe import mpeg, tags
from transcribed.inbox.probe.extent import Ended, Extent

#: The bytes below which nothing is compared: four seconds at the lowest bit rate that MPEG audio has.
SHORTEST_AUDIO = 4096
_LAYER_3 = 1  # the two bits of the layer in a header


def audio_of(file: BinaryIO, size: int) -> range | None:
    """The bytes of an MP3 without its tags, of the first `size` bytes of `file`, which is left at its beginning.

    None where it does not begin as MPEG audio behind its tags, or is too short. Raises OSError where it cannot be read.
    """
    whole = Extent(file, 0, size)
    try:
        begin = tags.front(whole)
        if mpeg.frame(whole.some(begin, 4)) is None:
            return None
        begin = _behind_counts(whole, begin)
        audio = range(begin, tags.back(whole, begin))
    except Ended:
        return None
    finally:
        file.seek(0)
    return audio if len(audio) >= SHORTEST_AUDIO else None


def _behind_counts(whole: Extent, at: int) -> int:
    """The place behind a first frame of no sound, which counts the others (LAME, "MP3 header format"; VBRI)."""
    head = whole.some(at, 40)
    first = mpeg.frame(head[:4])
    is_count = head[1] >> 1 & 3 == _LAYER_3 and (re.search(b"Xing|Info", head) or head[36:] == b"VBRI")
    if first is None or not is_count:
        return at
    behind = at + first[0]
    return behind if mpeg.frame(whole.some(behind, 4)) else at
