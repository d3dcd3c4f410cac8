"""MP4 and QuickTime: a list of boxes, of which `moov` is the index and `mdat` holds the media (ISO/IEC 14496-12).

A recorder writes the index last, so a file without one is still being written, or its recorder was killed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from transcribed.inbox.probe.extent import Extent
from transcribed.inbox.probe.facts import FILM, FILM_WITH_SAMPLES, SOUND, Facts, Kind, missing

_MOST_BOXES = 4000
_NO_INDEX = "its index (moov), which is written last, is not there"
_SAMPLES = (b"sowt", b"twos", b"lpcm", b"raw ", b"in24", b"in32", b"fl32", b"fl64", b"NONE", b"ipcm", b"fpcm")


class _Box(NamedTuple):
    name: bytes
    at: int  #: of its content
    end: int


@dataclass(slots=True)
class _Track:
    kind: bytes = b""  #: soun, vide ...
    seconds: float = 0.0
    codec: bytes = b""


@dataclass(slots=True)
class _Index:
    """The index: `fragments` says that media follow it in parts of their own."""

    seconds: float = 0.0
    fragments: bool = False
    tracks: list[_Track] = field(default_factory=list)


def look(whole: Extent) -> Facts:
    """The facts of a file of boxes. Raises Ended, or OSError."""
    index: _Index | None = None
    media: range | None = None
    lacks, fragments = "", False
    for box in _boxes(whole, 0, whole.size):
        lacks = lacks or missing(box.end, whole.size)
        if box.name == b"moov":
            index = index or _index(whole, box)
        elif box.name == b"mdat":
            media = range(media.start if media else box.at, min(box.end, whole.size))
        fragments = fragments or box.name == b"moof"
    begin, end = (media.start, media.stop) if media else (0, whole.size)
    if index is None:
        return Facts(FILM, lacks=lacks or _NO_INDEX, begin=begin, end=end)
    kinds = {track.kind for track in index.tracks}
    sound = [track for track in index.tracks if track.kind == b"soun"]
    return Facts(
        _kind(kinds, sound),
        None
        if index.fragments and fragments
        else max((track.seconds for track in sound), default=0.0) or index.seconds,
        lacks,
        silent=b"vide" in kinds and not sound and all(kinds),
        begin=begin,
        end=end,
    )


def _kind(kinds: set[bytes], sound: list[_Track]) -> Kind:
    if any(track.codec in _SAMPLES for track in sound):
        return FILM_WITH_SAMPLES
    return FILM if b"vide" in kinds else SOUND


def _boxes(whole: Extent, at: int, end: int) -> Iterator[_Box]:
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
        yield _Box(head[4:8], at + header, at + size)
        at += size


def _index(whole: Extent, moov: _Box) -> _Index:
    index = _Index()
    for box in _boxes(whole, moov.at, moov.end):
        if box.name == b"mvhd":
            index.seconds = _seconds(whole, box)
        elif box.name == b"trak":
            index.tracks.append(_track(whole, box))
        index.fragments = index.fragments or box.name == b"mvex"
    return index


def _track(whole: Extent, trak: _Box) -> _Track:
    track = _Track()
    for media in _inside(whole, trak, b"mdia"):
        for box in _boxes(whole, media.at, media.end):
            if box.name == b"hdlr":
                track.kind = whole.some(box.at + 8, 4)
            elif box.name == b"mdhd":
                track.seconds = _seconds(whole, box)
            elif box.name == b"minf":
                track.codec = _codec(whole, box)
    return track


def _codec(whole: Extent, minf: _Box) -> bytes:
    """The name of the first kind of sample in a track."""
    for table in _inside(whole, minf, b"stbl"):
        for described in _inside(whole, table, b"stsd"):
            return whole.some(described.at + 12, 4)
    return b""


def _inside(whole: Extent, outer: _Box, name: bytes) -> Iterator[_Box]:
    return (box for box in _boxes(whole, outer.at, outer.end) if box.name == name)


def _seconds(whole: Extent, header: _Box) -> float:
    """The length in mvhd or mdhd; 0 where it says none."""
    wide = 8 if whole.has(b"\x01", header.at) else 4
    scale, length = whole.number(header.at + 4 + 2 * wide, 4), whole.number(header.at + 8 + 2 * wide, wide)
    is_told = scale and length != (1 << 8 * wide) - 1
    return length / scale if is_told else 0.0
