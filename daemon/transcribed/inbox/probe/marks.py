"""The marks by which each kind of recording is known: its first bytes, and who reads the rest of its header."""

from collections.abc import Callable
from typing import NamedTuple

from transcribed.inbox.probe import chunks, clocks, frames, headers, matroska, mp4, pages
from transcribed.inbox.probe.extent import Ended, Extent
from transcribed.inbox.probe.facts import FILM, FILM_WITH_SAMPLES, LOSSLESS, SAMPLES, SOUND, SPEECH, Facts, Kind

_Reader = Callable[[Extent], Facts | None]


class Mark(NamedTuple):
    """These bytes, at this place, begin a recording of a kind; `read` finds out more of it."""

    bytes: bytes
    kind: Kind
    read: _Reader | None = None
    at: int = 0


#: Sources: RFC 9559 (Matroska, WebM), RFC 4867 (AMR), RFC 3533 (Ogg), RFC 9639 (FLAC), RFC 3625 (QCP), ISO/IEC 14496-12
#: and Apple's QuickTime File Format (boxes; before 2005 without ftyp), ISO/IEC 13818-1 (pack header), SMPTE 377-1
#: (MXF), ATSC A/52 (AC-3), Microsoft's ASF and RIFF, Sony's Wave64 and DSF, EA IFF 85, WavPack 4, and what FFmpeg looks
#: for in TTA, VOC, Monkey's Audio, Musepack, NIST SPHERE and DSS (whose first byte is a version).
MARKS = (
    Mark(b"\x1a\x45\xdf\xa3", FILM, matroska.look),
    *(
        Mark(box, FILM, mp4.look, at=4)
        for box in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"moof", b"styp")
    ),
    *(Mark(mark, SAMPLES, chunks.wave) for mark in (b"RF64", b"BW64")),
    Mark(b"RIFF", FILM_WITH_SAMPLES, chunks.riff),
    Mark(bytes.fromhex("726966662e91cf11a5d628db04c10000"), SAMPLES, chunks.wave64),
    Mark(b"FORM", SAMPLES, chunks.form),
    Mark(b"caff", SAMPLES, chunks.caf),
    Mark(b".snd", SAMPLES, chunks.au),
    Mark(b"DSD ", SAMPLES),
    Mark(b"Creative Voice File\x1a", SAMPLES, headers.voc),
    Mark(b"NIST_1A", SAMPLES),
    Mark(b"OggS", SOUND, pages.ogg),
    Mark(b"fLaC", LOSSLESS, pages.flac),
    Mark(b"MAC ", LOSSLESS, headers.monkey),
    Mark(b"wvpk", LOSSLESS, headers.wavpack),
    Mark(b"TTA1", LOSSLESS, headers.true_audio),
    *(Mark(mark, SOUND) for mark in (b"MPCK", b"MP+")),
    Mark(bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), FILM, headers.asf),
    Mark(b"#!AMR", SPEECH, headers.amr),
    *(Mark(mark, SPEECH) for mark in (b"QLCM", b"\x02#!SILK_V3", b"#!SILK_V3")),
    *(Mark(bytes((version,)) + b"dss", SPEECH) for version in (1, 2, 3, 6)),
    Mark(b"FLV\x01", FILM, clocks.flash),
    Mark(b"\x00\x00\x01\xba", FILM, clocks.program),
    Mark(b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02", FILM_WITH_SAMPLES),
    Mark(b"\xff\xf1", SOUND, frames.look),
    Mark(b"\xff\xf9", SOUND, frames.look),
    Mark(b"\x0b\x77", SOUND, frames.look),
)
_LONGEST = max(len(mark.bytes) + mark.at for mark in MARKS)


def look(whole: Extent) -> Facts | None:
    """The facts of a file that begins as a recording does; None where it does not. Raises OSError."""
    head = whole.some(0, _LONGEST)
    mark = next((mark for mark in MARKS if head.startswith(mark.bytes, mark.at)), None)
    if mark is not None:
        return _read(whole, mark)
    return clocks.transport(whole) if clocks.packets(whole) else None


def _read(whole: Extent, mark: Mark) -> Facts:
    """The facts in its header; where that is not whole, its kind alone."""
    try:
        return (mark.read(whole) if mark.read else None) or Facts(mark.kind)
    except Ended:
        return Facts(mark.kind)
