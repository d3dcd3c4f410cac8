"""MPEG audio, of which MP3 is Layer III: its frames, and the header in the first one that counts them."""

import re
from dataclasses import replace
from functools import cache

from transcribed.inbox.probe.extent import Extent
from transcribed.inbox.probe.facts import MPEG, SLACK, Facts, Measured, missing

#: ISO/IEC 11172-3 section 2.4.2.3 and 13818-3: kbit/s by (whether version 1, layer), and Hz by version.
_BIT_RATES = {
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_SAME_STREAM = 0xFFFE0C00  # the bits that all frames of one stream share: sync, version, layer, sample rate
#: What may be a header: sync, a version and a layer that exist, then a bit rate and a sample rate that do.
BEGINS = re.compile(
    rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff][%b]"
    % b"".join(b"\\x%x0-\\x%xb" % (bit_rate, bit_rate) for bit_rate in range(1, 15)),
)
#: A count that differs more from what was seen at several places of the file is not believed.
_CLOSE = 0.1
#: Where more bytes than that follow those that a first frame counts, it counts only the first of several parts.
_MORE = 0.01


def frame(header: bytes) -> tuple[int, float, int] | None:
    """The length, the seconds and the stream of the frame that begins so; None where none does."""
    if len(header) < 4 or not BEGINS.match(header):
        return None
    number = int.from_bytes(header, "big")
    length, seconds = _measures(number >> 9 & 0x7FFF)
    return length, seconds, number & _SAME_STREAM


@cache  # of 15 bits
def _measures(bits: int) -> tuple[int, float]:
    """The bytes and the seconds of a frame whose header has these bits, from the version to the padding."""
    version, layer = bits >> 10 & 3, 4 - (bits >> 8 & 3)
    rate, hertz = 1000 * _BIT_RATES[version == 3, layer][bits >> 3 & 15], _SAMPLE_RATES[version][bits >> 1 & 3]
    samples = 384 if layer == 1 else 576 if layer == 3 and version != 3 else 1152
    slot = 4 if layer == 1 else 1
    return (samples // 8 // slot * rate // hertz + (bits & 1)) * slot, samples / hertz


def told(sound: Extent, begin: int, measured: Measured) -> Facts:
    """The facts of a stretch with frames from `begin` on, which were measured.

    A count in its first frame is more exact than some places, but believed only where it fits to them.
    """
    frames, promised = _counts(sound, begin)
    first = frame(sound.some(begin, 4))
    of_count = first[1] if first and (frames or promised) else 0.0  # a frame that counts is not heard
    is_counted = measured.sure == 0
    seconds = measured.seconds - of_count if is_counted else measured.certain
    facts = Facts(MPEG, seconds, begin=begin, end=sound.size, guess=measured.seconds)
    if not of_count:
        return facts
    said, there = frames * of_count, sound.size - begin
    facts = replace(facts, whole=0 < promised <= there)
    lacks = missing(sound.begin + begin + promised, sound.end)
    if lacks and frames:  # both of its counts must say so
        more = (promised - there) / there
        lacks = lacks if said - measured.seconds > more * measured.seconds / 2 else ""
    is_joined = bool(promised) and there > promised * (1 + _MORE) + SLACK
    is_close = abs(said - measured.seconds) <= max(_CLOSE, 3 * measured.spread) * measured.seconds
    if is_counted or lacks or is_joined or not is_close:
        return replace(facts, lacks=lacks)
    return replace(facts, seconds=said)


def end_of_frames(sound: Extent, begin: int) -> int:
    """The end of the last frame where the first one counts them, and nothing but zeros follows; else that of all."""
    _, promised = _counts(sound, begin)
    end = begin + promised
    behind = sound.some(end, 2 * SLACK) if promised else b""
    more = len(behind.rstrip(b"\0"))  # a count may leave out its own frame
    is_padded = more < min(len(behind), SLACK) and not any(sound.some(max(end + more, sound.size - SLACK), SLACK))
    return end + more if is_padded and any(sound.some(max(0, end - SLACK), SLACK)) else sound.size


def _counts(sound: Extent, begin: int) -> tuple[int, int]:
    """The frames and the bytes that the first frame says follow; 0 where it says nothing of them.

    Source: "MP3 header format" of LAME and Xing; VBRI of Fraunhofer, which stands 36 bytes behind the frame's begin.
    """
    head = sound.some(begin, 200)
    if len(head) < 200:
        return 0, 0
    if head[36:40] == b"VBRI":
        return int.from_bytes(head[50:54], "big"), int.from_bytes(head[46:50], "big")
    match = re.search(rb"Xing|Info", head[:48])
    if match is None:
        return 0, 0
    flags, at, counts = head[match.end() + 3], match.end() + 4, []
    for flag in (1, 2):
        counts.append(int.from_bytes(head[at : at + 4], "big") if flags & flag else 0)
        at += 4 if flags & flag else 0
    return counts[0], counts[1]
