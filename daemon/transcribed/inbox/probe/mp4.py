"""MP4 and QuickTime: a list of boxes, of which `moov` is the index and `mdat` holds the media (ISO/IEC 14496-12).

A recorder writes the index last, so a file without one is still being written, or its recorder was killed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from transcribed.inbox.probe import fragments
from transcribed.inbox.probe.boxes import Box, boxes, inside
from transcribed.inbox.probe.extent import Extent
from transcribed.inbox.probe.facts import FILM, FILM_WITH_SAMPLES, SOUND, Facts, Kind, missing

_NO_INDEX = "its index (moov), which is written last, is not there"
_ROOM, _HOLD_TAGS = (b"free", b"skip"), (b"moov", b"udta", b"meta")
_DEEPEST = len(_HOLD_TAGS) + 1
_TERMINATOR = 4  # bytes of zeros that may end QuickTime's user data
_SAMPLES = (b"sowt", b"twos", b"lpcm", b"raw ", b"in24", b"in32", b"fl32", b"fl64", b"NONE", b"ipcm", b"fpcm")


class _Track(NamedTuple):
    number: int
    kind: bytes  #: soun, vide ...
    codec: bytes
    ticks: int  #: its length
    scale: int  #: the ticks in a second


@dataclass(slots=True)
class _Outline:
    """The boxes of a file that matter. `fragment` is the last whole one; `end` is where the `last` box of all ends."""

    moov: Box | None = None
    media: range | None = None
    fragment: Box | None = None
    lacks: str = ""
    end: int = 0
    last: Box | None = None


def look(whole: Extent) -> Facts:
    """The facts of a file of boxes. Raises Ended, or OSError."""
    outline = _outline(whole)
    media = outline.media or range(whole.size)
    if outline.moov is None:
        return Facts(FILM, lacks=outline.lacks or _NO_INDEX, begin=media.start, end=media.stop)
    tracks = list(_tracks(whole, outline.moov))
    kinds = {track.kind for track in tracks}
    return Facts(
        _kind(tracks),
        _seconds(whole, outline, outline.moov, tracks),
        outline.lacks,
        silent=b"vide" in kinds and b"soun" not in kinds and all(kinds),
        begin=media.start,
        end=media.stop,
        whole=outline.end == whole.size and outline.media is not None,
        padded=outline.end == whole.size and _is_padding(whole, outline.last),
    )


def _is_padding(whole: Extent, box: Box | None) -> bool:
    """True if this box ends in one that is only there to be filled, as programs leave room for tags."""
    for _ in range(_DEEPEST):
        if box is None or box.name in _ROOM:
            break
        within = box.at + (4 if box.name == b"meta" and whole.has(bytes(4), box.at) else 0)
        inner = list(boxes(whole, within, box.end)) if box.name in _HOLD_TAGS else []
        box = inner[-1] if inner and box.end - _TERMINATOR <= inner[-1].end <= box.end else None
    return box is not None and box.name in _ROOM


def _outline(whole: Extent) -> _Outline:
    outline = _Outline()
    for box in boxes(whole, 0, whole.size):
        outline.lacks, outline.end, outline.last = outline.lacks or missing(box.end, whole.size), box.end, box
        if box.name == b"moov":
            outline.moov = outline.moov or box
        elif box.name == b"mdat":
            outline.media = range(outline.media.start if outline.media else box.at, min(box.end, whole.size))
        elif box.name == b"moof" and box.end <= whole.size:
            outline.fragment = box
    return outline


def _kind(tracks: list[_Track]) -> Kind:
    if any(track.codec in _SAMPLES for track in tracks):
        return FILM_WITH_SAMPLES
    return FILM if any(track.kind == b"vide" for track in tracks) else SOUND


def _seconds(whole: Extent, outline: _Outline, moov: Box, tracks: list[_Track]) -> float | None:
    """The length of its sound, or else of all of it; None where more fragments follow than were looked at."""
    sound = [track for track in tracks if track.kind == b"soun"] or tracks
    if outline.fragment is not None:
        if outline.end < whole.size:
            return None
        scales = {track.number: track.scale for track in sound}
        return fragments.ends_at(whole, outline.fragment, scales, fragments.usual_ticks(whole, moov)) or None
    told = [track.ticks / track.scale for track in sound if track.scale and track.ticks]
    movie = (_length(whole, box) for box in inside(whole, moov, b"mvhd"))
    return max(told, default=next((ticks / scale for ticks, scale in movie if scale), None))


def _tracks(whole: Extent, moov: Box) -> Iterator[_Track]:
    for track in inside(whole, moov, b"trak"):
        number = (
            whole.number(box.at + (20 if whole.has(b"\x01", box.at) else 12), 4)
            for box in inside(whole, track, b"tkhd")
        )
        kind = (whole.some(box.at + 8, 4) for box in inside(whole, track, b"mdia", b"hdlr"))
        codec = (whole.some(box.at + 12, 4) for box in inside(whole, track, b"mdia", b"minf", b"stbl", b"stsd"))
        length = (_length(whole, box) for box in inside(whole, track, b"mdia", b"mdhd"))
        yield _Track(next(number, 0), next(kind, b""), next(codec, b""), *next(length, (0, 0)))


def _length(whole: Extent, header: Box) -> tuple[int, int]:
    """The length in mvhd or mdhd, in ticks, and the ticks in a second; 0 where it says none."""
    wide = 8 if whole.has(b"\x01", header.at) else 4
    scale, ticks = whole.number(header.at + 4 + 2 * wide, 4), whole.number(header.at + 8 + 2 * wide, wide)
    return (0, scale) if ticks == (1 << 8 * wide) - 1 else (ticks, scale)
