"""Files that are a list of chunks, each with its name and size: the WAV family, AIFF, 8SVX, CAF, AVI; and AU.

A size of 0, or one as large as its field can hold, was written into a pipe, or by a recorder that was killed or still
works: it says nothing, and the data go on to the end of the file, which may not be reached yet. Sources: RIFF (IBM and
Microsoft, 1991), EBU Tech 3306 (RF64), ITU-R BS.2088 (BW64), Sony Wave64, EA IFF 85, AIFF 1.3, Apple CAF 1.0, Sun .au.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Literal, NamedTuple

from transcribed.inbox.probe import frames
from transcribed.inbox.probe.extent import Ended, Extent
from transcribed.inbox.probe.facts import FILM_WITH_SAMPLES, SAMPLES, SLACK, Facts, missing

_MOST_CHUNKS = 1000
_SAYS_NOTHING = 0x7FFF0000  # so many bytes and more are nobody's: sox writes 0x7ffff000 into a pipe, others 0xffffffff
_NO_SOUND = "nothing follows its header"  # as a recorder leaves it that writes on once it has begun
_OPEN = "its header does not say where its sound ends"  # a recorder writes that once it has ended
_Order = Literal["big", "little"]


class Layout(NamedTuple):
    """The way of writing chunks: sizes, and names of so many bytes; `own`: the size counts the chunk's header too."""

    order: _Order
    first: int = 12
    name: int = 4
    size: int = 4
    own: bool = False
    align: int = 2


class _Chunk(NamedTuple):
    name: bytes
    at: int  #: of its content
    size: int


def _chunks(whole: Extent, layout: Layout) -> Iterator[_Chunk]:
    """The chunks, as far as they can be followed."""
    at, header = layout.first, layout.name + layout.size
    for _ in range(_MOST_CHUNKS):
        head = whole.some(at, header)
        if len(head) < header:
            return
        size = int.from_bytes(head[layout.name :], layout.order) - (header if layout.own else 0)
        yield _Chunk(head[: layout.name], at + header, size)
        if size < 0:
            return
        at += header + size + -size % layout.align


def _until(whole: Extent, layout: Layout, *last: bytes) -> dict[bytes, _Chunk]:
    """The chunks up to one of these names, by their names."""
    found: dict[bytes, _Chunk] = {}
    for chunk in _chunks(whole, layout):
        found.setdefault(chunk.name, chunk)
        if chunk.name in last:
            break
    return found


def _told(whole: Extent, data: _Chunk, bytes_per_second: float, size: int | None = None) -> Facts:
    """The facts of uncompressed sound in `data`, whose size stands elsewhere if it is given."""
    said = data.size if size is None else size
    is_there = said > 0 and abs(data.at + said - whole.size) <= SLACK  # then it is true, however large
    is_told = is_there or 0 < said < (_SAYS_NOTHING if size is None else 1 << 62)
    end = data.at + said if is_told else whole.size
    there = min(end, whole.size) - data.at
    seconds = there / bytes_per_second if bytes_per_second > 0 else None
    lacks = missing(end, whole.size) or (_NO_SOUND if there <= 0 else "" if is_told else _OPEN)
    return Facts(SAMPLES, seconds, lacks, begin=data.at)


def riff(whole: Extent) -> Facts:
    """RIFF: a wave, a film, or another kind that only its mark tells."""
    form = whole.some(8, 4)
    return wave(whole) if form == b"WAVE" else avi(whole) if form == b"AVI " else Facts(FILM_WITH_SAMPLES)


def form(whole: Extent) -> Facts:
    """EA's IFF: AIFF, 8SVX, or another kind that only its mark tells."""
    kind = whole.some(8, 4)
    return voice8(whole) if kind == b"8SVX" else aiff(whole) if kind.startswith(b"AIF") else Facts(SAMPLES)


_LITTLE = Layout("little")
_MPEG_IN_WAVE = (0x50, 0x55)
_IN_BLOCKS = (0x02, 0x11, 0x31)  # Microsoft's and IMA's ADPCM, and GSM, say how many samples a block has


def wave(whole: Extent) -> Facts:
    """RIFF, RF64 and BW64."""
    found = _until(whole, _LITTLE, b"data")
    if (data := found.get(b"data")) is None:
        return Facts(SAMPLES)
    size = whole.number(found[b"ds64"].at + 8, 8, "little") if b"ds64" in found else None
    return _of_format(whole, found.get(b"fmt "), data, size)


_GUIDS = Layout("little", first=40, name=16, size=8, own=True, align=8)


def wave64(whole: Extent) -> Facts:
    """Sony Wave64: chunks are named by GUIDs that begin as those of RIFF do."""
    found: dict[bytes, _Chunk] = {}
    for chunk in _chunks(whole, _GUIDS):
        found[chunk.name[:4]] = chunk
        if chunk.name.startswith(b"data"):
            return _of_format(whole, found.get(b"fmt "), chunk, chunk.size)
    return Facts(SAMPLES)


def _of_format(whole: Extent, described: _Chunk | None, data: _Chunk, size: int | None) -> Facts:
    """The facts by a description as in Microsoft's WAVEFORMAT. What it says of PCM must agree with itself."""
    if described is None:
        return replace(_told(whole, data, 0.0, size), seconds=None)
    tag, _, hertz, per_second, block = struct.unpack("<HHIIH", whole.at(described.at, 14))
    if tag in _MPEG_IN_WAVE and (inner := frames.look(whole.part(data.at))) is not None:
        lacks = _told(whole, data, 0.0, size).lacks
        return replace(inner, lacks=lacks, begin=data.at + inner.begin, end=whole.size)
    if tag in (1, 3):
        per_second = hertz * block
    elif tag in _IN_BLOCKS and (samples := whole.number(described.at + 18, 2, "little")):
        per_second = hertz * block / samples
    return _told(whole, data, per_second, size)


_BIG = Layout("big")
#: Bits of a sample in AIFF-C, where they differ from what its COMM says (Apple, AIFF-C 1.0, and QuickTime's).
_AIFC_BITS: Mapping[bytes, float] = {b"ima4": 34 * 8 / 64, b"ulaw": 8, b"ULAW": 8, b"alaw": 8, b"ALAW": 8}


def aiff(whole: Extent) -> Facts:
    """AIFF and AIFF-C."""
    found = _until(whole, _BIG, b"SSND")
    data, described = found.get(b"SSND"), found.get(b"COMM")
    if data is None or described is None:
        return Facts(SAMPLES)
    channels, _, bits = struct.unpack(">HIH", whole.at(described.at, 8))
    kind = whole.some(described.at + 18, 4) if described.size >= 22 else b""
    return _told(
        whole, data, _extended(whole.at(described.at + 8, 10)) * channels * _AIFC_BITS.get(kind, -(-bits // 8) * 8) / 8
    )


def _extended(data: bytes) -> float:
    """A number of 80 bits (IEEE 754 extended), which AIFF writes its sample rate in; 0 for one that no rate is."""
    exponent, mantissa = struct.unpack(">HQ", data)
    return mantissa * 2.0 ** (exponent - 16383 - 63) if 16383 <= exponent < 16383 + 32 else 0.0


def voice8(whole: Extent) -> Facts:
    """8SVX: a byte is a sample, unless it is compressed to half a byte."""
    found = _until(whole, _BIG, b"BODY")
    data, described = found.get(b"BODY"), found.get(b"VHDR")
    if data is None or described is None:
        return Facts(SAMPLES)
    hertz, _, packed = struct.unpack(">HBB", whole.at(described.at + 12, 4))
    return _told(whole, data, hertz / 2 if packed else hertz)


_CAF = Layout("big", first=8, size=8, align=1)


def caf(whole: Extent) -> Facts:
    """Apple's Core Audio Format: its packets have a fixed size, or a table says how many samples there are."""
    found = _until(whole, _CAF, b"data")
    data, described = found.get(b"data"), found.get(b"desc")
    if data is None or described is None:
        return Facts(SAMPLES)
    hertz, _, _, per_packet, samples = struct.unpack(">d4sIII", whole.at(described.at, 24))
    if per_packet and samples:
        return _told(whole, data, hertz * per_packet / samples, data.size)
    if (table := found.get(b"pakt")) is None:
        return replace(_told(whole, data, 0.0, data.size), seconds=None)
    return replace(
        _told(whole, data, 0.0, data.size), seconds=whole.number(table.at + 8, 8) / hertz if hertz > 0 else None
    )


_AU_BITS: Mapping[int, int] = {1: 8, 2: 8, 3: 16, 4: 24, 5: 32, 6: 32, 7: 64, 23: 4, 27: 8}


def au(whole: Extent) -> Facts:
    """Sun and NeXT: a header of six numbers."""
    begin, size, encoding, hertz, channels = struct.unpack(">IIIII", whole.at(4, 20))
    return _told(whole, _Chunk(b"", begin, size), hertz * channels * _AU_BITS.get(encoding, 0) / 8)


def avi(whole: Extent) -> Facts:
    """AVI: its first list holds the number of frames, which is of its first part only where there are several."""
    size = whole.number(4, 4, "little")
    lacks = missing(size + 8, whole.size) if 0 < size < _SAYS_NOTHING else ""
    try:
        per_frame, total = whole.number(32, 4, "little"), whole.number(48, 4, "little")
    except Ended:
        return Facts(FILM_WITH_SAMPLES, lacks=lacks)
    is_one = size + 8 >= whole.size
    has_header = whole.has(b"avih", 24)
    return Facts(FILM_WITH_SAMPLES, per_frame * total / 1e6 if is_one and has_header else None, lacks)
