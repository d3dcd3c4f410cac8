"""The first look into a file: is it audio at all, and how long does it play? Before anything is sent or paid.

A recording that is refused wrongly is worse than one that the API refuses, so any of three signs will do: tinytag
knows a length, two MPEG frames follow one another, or it begins as a container of sound or film does that tinytag does
not know. The length is a hint for people; nothing depends on it. A name proves nothing, so it is not asked.
"""

import io
import re
from dataclasses import dataclass
from typing import BinaryIO

from tinytag import TinyTag, TinyTagException

_MIB = 1 << 20
#: tinytag searches all of a file for a frame, four bytes at a time: minutes for a gigabyte of anything else. What it
#: needs of a true recording is 30 seconds of frames, which are about 1200 reads, and some tags.
_MOST_READS = 50_000
_MOST_BYTES = 16 * _MIB
_TAIL = 4096
_MOST_TITLE = 200

#: MPEG audio header, ISO/IEC 11172-3 section 2.4.2.3 and 13818-3: kbit/s by (whether version 1, layer), and Hz.
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
#: What may be a header: sync, a version and a layer that exist, then a bit rate and a sample rate that do. As a look
#: ahead, for headers may overlap in what is none; in C, for a file made of near misses would take seconds otherwise.
_HEADER = re.compile(
    rb"(?=\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff][%b].)"
    % b"".join(b"\\x%x0-\\x%xb" % (bit_rate, bit_rate) for bit_rate in range(1, 15)),
    re.DOTALL,
)


#: How containers begin that tinytag does not know, and where: Matroska and WebM (RFC 8794), AMR (RFC 4867, section 5),
#: ADTS (ISO/IEC 13818-7), FLV, AVI, 3GPP and MP4 without a length (ISO/IEC 14496-12), CAF, AC-3, DSF, AU, MPEG program
#: and transport streams (ISO/IEC 13818-1).
_CONTAINERS = (
    *(
        (0, b"\x1a\x45\xdf\xa3"),
        (0, b"#!AMR"),
        (0, b"\xff\xf1"),
        (0, b"\xff\xf9"),
        (0, b"FLV\x01"),
        (8, b"AVI "),
        (4, b"ftyp"),
    ),
    *((0, b"caff"), (0, b"\x0b\x77"), (0, b"DSD "), (0, b".snd"), (0, b"\x00\x00\x01\xba"), (8, b"AIF")),
)
_TRANSPORT_PACKET = 188  # bytes, each packet beginning with 0x47
_UNCOMPRESSED = (b"RIFF", b"RF64", b"FORM", b".snd", b"caff")  # where silence is zeros


@dataclass(frozen=True, slots=True)
class Probe:
    """The result for a file. `reason` says why it is not audio; it is empty if it is.

    `hollow`: its beginning or its end is all zeros, so perhaps its bytes are still on their way.
    """

    audio: bool
    hollow: bool = False
    duration_seconds: float | None = None
    title: str | None = None
    reason: str = ""
    warnings: tuple[str, ...] = ()


def probe(file: BinaryIO, size: int) -> Probe:
    """Looks at the first `size` bytes of `file`, of which it reads a few MiB at most, and leaves it at its beginning.

    Raises OSError where the file cannot be read.
    """
    if size == 0:
        return Probe(audio=False, reason="the file is empty")
    try:
        tag, hollow = _tag(file, size), _is_hollow(file, size)
        if tag.duration_seconds is None and not _has_frames(file, size) and not _is_container(file):
            return Probe(audio=False, hollow=hollow, reason="it is no recording: no audio was recognised in it")
        warnings = ("it begins or ends in zeros: perhaps it was not copied whole",) if hollow else ()
        return Probe(True, hollow, tag.duration_seconds, tag.title, warnings=warnings)
    finally:
        file.seek(0)


@dataclass(frozen=True, slots=True)
class _Tag:
    duration_seconds: float | None = None
    title: str | None = None


def _tag(file: BinaryIO, size: int) -> _Tag:
    """The tag that tinytag reads. It is given no name, because it would believe the extension."""
    try:
        tag = TinyTag.get(file_obj=_Bounded(file, size))
    except TinyTagException as error:  # whatever its parsers stumble over in hostile bytes comes wrapped in this
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from None
        return _Tag()
    seconds = tag.duration
    known = seconds is not None and 0 < seconds < float("inf")
    return _Tag(seconds if known else None, tag.title[:_MOST_TITLE] if tag.title else None)


class _Bounded(io.BytesIO):
    """`size` bytes of a file, of which only so much can be read. Seeking before the beginning ends there."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        super().__init__()
        self._file = file
        self._size = size
        self._at = 0
        self._reads = 0
        self._bytes = 0

    def read(self, wanted: int | None = -1, /) -> bytes:
        self._reads += 1
        if self._reads > _MOST_READS or self._bytes > _MOST_BYTES:
            raise EOFError("enough was read to know what this is not")
        self._file.seek(self._at)
        left = max(0, self._size - self._at)
        data = self._file.read(min(left, _MIB, left if wanted is None or wanted < 0 else wanted))
        self._at += len(data)
        self._bytes += len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def tell(self) -> int:
        return self._at


def _has_frames(file: BinaryIO, size: int) -> bool:
    """True if two MPEG audio frames follow one another in the first MiB behind an ID3v2 tag."""
    file.seek(_behind_id3(file, size))
    data = file.read(_MIB)
    for match in _HEADER.finditer(data):
        at = match.start()
        header = int.from_bytes(data[at : at + 4], "big")
        behind = at + _frame_length(header)
        if (header ^ int.from_bytes(data[behind : behind + 4], "big")) & _SAME_STREAM == 0:
            return True
    return False


def _behind_id3(file: BinaryIO, size: int) -> int:
    """The first byte of audio (id3.org, ID3v2.4.0 structure, section 3.1): a picture may fill many MiB before it."""
    file.seek(0)
    head = file.read(10)
    if len(head) < 10 or not head.startswith(b"ID3"):
        return 0
    behind = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    return behind if behind < size else 0


def _frame_length(header: int) -> int:
    """The bytes of the MPEG audio frame with this header of 32 bits, which matches _HEADER."""
    version, layer = header >> 19 & 3, 4 - (header >> 17 & 3)
    bits = 1000 * _BIT_RATES[version == 3, layer][header >> 12 & 15]
    hertz = _SAMPLE_RATES[version][header >> 10 & 3]
    padding = header >> 9 & 1
    if layer == 1:
        return (12 * bits // hertz + padding) * 4
    samples = 576 if layer == 3 and version != 3 else 1152
    return samples // 8 * bits // hertz + padding


def _is_container(file: BinaryIO) -> bool:
    file.seek(0)
    head = file.read(_TRANSPORT_PACKET + 1)
    return any(head.startswith(mark, at) for at, mark in _CONTAINERS) or head[::_TRANSPORT_PACKET] == b"GG"


def _is_hollow(file: BinaryIO, size: int) -> bool:
    file.seek(0)
    head = file.read(min(_TAIL, size))
    if head.startswith(_UNCOMPRESSED):
        return False
    file.seek(max(0, size - _TAIL))
    return not (any(head) and any(file.read(_TAIL)))
