"""Sound that is frames one behind the other with no container around them: MPEG audio, ADTS, LOAS, AC-3.

A header of a frame is so short that any bytes may hold one, so only some that follow one another count. They are
searched at several places of the file: what lies before them may be a cover, zeros or a half frame. The mean of those
places says how long the sound is, whatever a header at the beginning says: joined files have one for their first part.
"""

import re
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from transcribed.inbox.probe import mpeg
from transcribed.inbox.probe.extent import Extent
from transcribed.inbox.probe.facts import MPEG, SOUND, Facts, Kind, Measured

WHOLE, _SMALL = 1 << 20, 64 << 10  # bytes of a stretch that is looked at whole: if it must be, and in any case
_AT_EACH, _FEW, _MANY = 16 << 10, 4, 32
_ENOUGH = 3  # frames in a row: by chance (17 equal bits each) once in some 10^14 bytes of anything else
#: Standard errors, as parts: by many places the length is right within 5 %, 19 times in 20. A few agree by chance.
_SURE, _SURE_OF_FEW = 0.025, 0.002
_BYTES_PER_TRY = 64  # of a file that is made of near misses; in others some thousands of bytes hold one
_FEWEST_TRIES = 100


class Frame(NamedTuple):
    """One frame: `stream` is equal in all frames of one stream."""

    length: int
    seconds: float
    stream: int


class Scheme(NamedTuple):
    """One way to write frames: what may begin one, and what its header of so many bytes says, None if it is none."""

    kind: Kind
    begins: re.Pattern[bytes]
    header: int
    frame: Callable[[bytes], Frame | None]


@dataclass(frozen=True, slots=True)
class Run:
    """Frames that follow one another, from `begin` to `end`."""

    begin: int
    end: int
    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Place:
    """A part of the file that was read, and the frames in it."""

    at: int
    data: bytes
    runs: list[Run]


def look(sound: Extent) -> Facts | None:
    """The facts of a stretch that holds frames; None where there are none. Raises Ended, or OSError.

    A few places are enough where they agree, or where a count in the first frame fits to them: each costs a seek.
    """
    if sound.size > _SMALL:
        facts = _looked(sound, list(_places(sound, _FEW)))
        if facts is not None and facts.seconds is not None:
            return facts
    return _looked(sound, list(_places(sound, _MANY)) if sound.size > WHOLE else [(0, sound.at(0, sound.size))])


def _looked(sound: Extent, read: list[tuple[int, bytes]]) -> Facts | None:
    """The facts by some places that were read."""
    for scheme in SCHEMES:
        places = [Place(at, data, list(_runs(data, scheme))) for at, data in read]
        if (number := next((number for number, place in enumerate(places) if place.runs), None)) is None:
            continue
        if number:  # what is before the frames would count as if it were sound
            return _behind(sound, _begin(sound, scheme, places[number - 1], places[number]))
        begin = places[0].runs[0].begin
        if scheme.kind is MPEG and (end := mpeg.end_of_frames(sound, begin)) < sound.size:
            return (facts := look(sound.part(0, end))) and replace(facts, padded=True)
        measured = _measured(sound.size - begin, places)
        if scheme.kind is MPEG:
            return mpeg.told(sound, begin, measured)
        return Facts(scheme.kind, measured.certain, begin=begin, end=sound.size, guess=measured.seconds or None)
    return None


def _places(sound: Extent, count: int) -> Iterator[tuple[int, bytes]]:
    """So many places, from the beginning to the end, each as far from the next."""
    step = (sound.size - _AT_EACH) // (count - 1)
    for number in range(count):
        yield number * step, sound.at(number * step, _AT_EACH)


def _begin(sound: Extent, scheme: Scheme, before: Place, first: Place) -> int:
    """The first byte of the first frame, which may stand behind the last place that has none."""
    between = max(before.at, first.at - WHOLE)
    data = sound.at(between, first.at + len(first.data) - between)
    return between + next(_runs(data, scheme)).begin


def _behind(sound: Extent, begin: int) -> Facts | None:
    facts = look(sound.part(begin))
    return facts and replace(facts, begin=begin + facts.begin, end=sound.size)


def _measured(size: int, places: list[Place]) -> Measured:
    """The length of a stretch of so many bytes, by the frames that were seen at its places."""
    seconds = [sum(run.seconds for run in place.runs) for place in places]
    if len(places) == 1:
        return Measured(seconds[0], 0.0, 0.0)
    rates = [each / _covered(len(place.data), place.runs) for each, place in zip(seconds, places, strict=True)]
    mean = statistics.fmean(rates)
    spread = statistics.stdev(rates) / len(rates) ** 0.5 / mean if mean else 0.0
    return Measured(size * mean, spread, _SURE if len(places) == _MANY else _SURE_OF_FEW)


def _covered(length: int, runs: list[Run]) -> int:
    """The bytes of a place that its frames speak for: a frame is cut at either end of it."""
    return runs[-1].end - runs[0].begin if runs else length


def _runs(data: bytes, scheme: Scheme) -> Iterator[Run]:
    at = 0
    for _ in range(_FEWEST_TRIES + len(data) // _BYTES_PER_TRY):
        match = scheme.begins.search(data, at)
        if match is None:
            return
        run = _run(data, match.start(), scheme)
        if run.count >= _ENOUGH or (run.count == _ENOUGH - 1 and run.end == len(data)):
            yield run
            at = run.end
        else:
            at = match.start() + 1


def _run(data: bytes, begin: int, scheme: Scheme) -> Run:
    """The frames from here on, as far as they follow one another; a last one may be cut."""
    at, count, seconds, stream = begin, 0, 0.0, None
    while (frame := scheme.frame(data[at : at + scheme.header])) is not None and stream in (None, frame.stream):
        if at + frame.length > len(data):
            break
        at, count, seconds, stream = at + frame.length, count + 1, seconds + frame.seconds, frame.stream
    return Run(begin, at, count, seconds)


@lru_cache(maxsize=1024)  # the frames of one stream have few headers
def _mpeg(header: bytes) -> Frame | None:
    return Frame(*fields) if (fields := mpeg.frame(header)) else None


_ADTS_HERTZ = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)


def _adts(header: bytes) -> Frame | None:
    """ISO/IEC 13818-7, section 6.2."""
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return None
    rate = header[2] >> 2 & 15
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    if rate >= len(_ADTS_HERTZ) or length < 7:
        return None
    stream = header[1] << 16 | header[2] & 0xFD << 8 | header[3] & 0xC0
    return Frame(length, 1024 * ((header[6] & 3) + 1) / _ADTS_HERTZ[rate], stream)


def _loas(header: bytes) -> Frame | None:
    """ISO/IEC 14496-3, section 1.7.2. It tells no length: a frame has 1024 samples of a rate that stands elsewhere."""
    if len(header) < 3 or header[0] != 0x56 or header[1] & 0xE0 != 0xE0:
        return None
    length = (header[1] & 0x1F) << 8 | header[2]
    return Frame(length + 3, 0.0, 0) if length else None


_AC3_KBITS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_AC3_HERTZ = (48000, 44100, 32000)


def _ac3(header: bytes) -> Frame | None:
    """ATSC A/52, sections 5.4.1 and E.1.3.1 (E-AC-3)."""
    if len(header) < 6 or header[:2] != b"\x0b\x77" or header[4] >> 6 == 3:
        return None
    hertz, version, code = _AC3_HERTZ[header[4] >> 6], header[5] >> 3, header[4] & 63
    if 10 < version <= 16:
        blocks = (1, 2, 3, 6)[header[4] >> 4 & 3]
        return Frame(2 * ((header[2] & 7) << 8 | header[3]) + 2, 256 * blocks / hertz, header[4] & 0xF0)
    if version > 10 or code >> 1 >= len(_AC3_KBITS):
        return None
    words = _AC3_KBITS[code >> 1] * 96_000 // hertz + (code & 1 if hertz == 44100 else 0)
    return Frame(2 * words, 1536 / hertz, header[4] & 0xFE)


#: What may begin a frame is searched in C: each is a mark of some bits that no other scheme has.
SCHEMES = (
    Scheme(MPEG, mpeg.BEGINS, 4, _mpeg),
    Scheme(SOUND, re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"), 7, _adts),
    Scheme(SOUND, re.compile(rb"\x0b\x77"), 6, _ac3),
    Scheme(SOUND, re.compile(rb"\x56[\xe0-\xff]"), 3, _loas),
)
