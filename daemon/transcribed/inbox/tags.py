"""The place of an MP3's audio between its tags, found by a few seeks however large the tags are.

Players skip the same: ID3v2 and APEv2 before the audio, and a first frame that only counts the others, which
programs make again when they copy; behind it APEv2, ID3v1, Lyrics3v2 and ID3v2 with a footer, any number of them in any
order. A tag is believed by its own marks, and its size only within the file.
"""

import re
from typing import BinaryIO

#: The bytes below which nothing is compared: four seconds at the lowest bit rate that MPEG audio has.
SHORTEST_AUDIO = 4096
#: Layer III (ISO/IEC 11172-3, section 2.4.2.3, and 13818-3): kbit/s by (whether version 1), and Hz of version 1.
_LAYER_3 = 1
_BIT_RATES = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = (44100, 48000, 32000)
_MOST_TAGS = 64  # at either end; no file that people made has as many
_ID3V1, _ID3V1_MORE, _ID3V2, _APE, _LYRICS_END = 128, 227, 10, 32, 15
_APE_HAS_HEADER, _APE_IS_HEADER = 1 << 31, 1 << 29


def audio_of(file: BinaryIO, size: int) -> range | None:
    """The bytes of an MP3 without its tags, of the first `size` bytes of `file`, which is left at its beginning.

    None where it does not begin as MPEG audio behind its tags, or is too short. Raises OSError where it cannot be read.
    """
    try:
        start = _behind_tags(file, size)
        if not _is_frame(_read(file, start, 4)):
            return None
        start = _behind_counts(file, start)
        audio = range(start, _before_tags(file, start, size))
    finally:
        file.seek(0)
    return audio if len(audio) >= SHORTEST_AUDIO else None


def _read(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)


def _is_frame(head: bytes) -> bool:
    """True if a frame of MPEG audio begins so (ISO/IEC 11172-3, section 2.4.2.3): no value of it is reserved."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer, bit_rate, sample_rate = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer != 0 and bit_rate not in (0, 15) and sample_rate != 3


def _behind_counts(file: BinaryIO, at: int) -> int:
    """The place behind a first frame of no sound, which counts the others (LAME, "MP3 header format"; VBRI)."""
    head = _read(file, at, 40)
    if head[1] >> 1 & 3 != _LAYER_3 or not (re.search(b"Xing|Info", head) or head[36:] == b"VBRI"):
        return at
    behind = at + _frame_length(head)
    return behind if _is_frame(_read(file, behind, 4)) else at


def _frame_length(head: bytes) -> int:
    """The bytes of the frame of Layer III that begins so."""
    version, padding = head[1] >> 3 & 3, head[2] >> 1 & 1
    hertz = _SAMPLE_RATES[head[2] >> 2 & 3] >> {3: 0, 2: 1, 0: 2}[version]
    bits = 1000 * _BIT_RATES[version == 3][head[2] >> 4]
    return (144 if version == 3 else 72) * bits // hertz + padding


# -- before the audio -------------------------------------------------------------------------------------------------


def _behind_tags(file: BinaryIO, size: int) -> int:
    at = 0
    for _ in range(_MOST_TAGS):
        length = _length_of_first(_read(file, at, _APE))
        if length == 0 or at + length > size:
            break
        at += length
    return at


def _length_of_first(head: bytes) -> int:
    """The length of the tag that begins so; 0 where none does."""
    if head.startswith(b"ID3") and (size := _id3_size(head)) is not None:
        has_footer = head[3] == 4 and head[5] & 0x10
        return _ID3V2 + size + (_ID3V2 if has_footer else 0)
    if head.startswith(b"APETAGEX") and len(head) == _APE and _ape_flags(head) & _APE_IS_HEADER:
        return _APE + _ape_size(head)
    return 0


def _id3_size(head: bytes) -> int | None:
    """The size in an ID3v2 header or footer (id3.org, ID3v2.4.0 structure, section 3.1); None where it is none."""
    size = head[6:10]
    if len(size) < 4 or 0xFF in head[3:5] or max(size) > 0x7F:
        return None
    return size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3]


def _ape_size(mark: bytes) -> int:
    """The size of an APEv2 tag with its footer, without its header (hydrogenaudio, APEv2 specification)."""
    return int.from_bytes(mark[12:16], "little")


def _ape_flags(mark: bytes) -> int:
    return int.from_bytes(mark[20:24], "little")


# -- behind the audio -------------------------------------------------------------------------------------------------


def _before_tags(file: BinaryIO, start: int, size: int) -> int:
    end = size
    for _ in range(_MOST_TAGS):
        length = _length_of_last(file, end)
        if length == 0 or end - length < start:
            break
        end -= length
    return end


def _length_of_last(file: BinaryIO, end: int) -> int:
    """The length of the tag that ends at `end`; 0 where none does."""
    tail = _read(file, max(end - _ID3V1, 0), min(end, _ID3V1))
    lengths = (_id3v1(file, end, tail), _ape(file, end, tail), _lyrics(file, end, tail), _id3v2(file, end, tail))
    return max(lengths)


def _id3v1(file: BinaryIO, end: int, tail: bytes) -> int:
    if len(tail) < _ID3V1 or not tail.startswith(b"TAG"):
        return 0
    return _ID3V1 + (_ID3V1_MORE if _begins(file, end - _ID3V1 - _ID3V1_MORE, b"TAG+") else 0)


def _ape(file: BinaryIO, end: int, tail: bytes) -> int:
    footer = tail[-_APE:]
    if not footer.startswith(b"APETAGEX") or _ape_flags(footer) & _APE_IS_HEADER or _ape_size(footer) < _APE:
        return 0
    length = _ape_size(footer) + (_APE if _ape_flags(footer) & _APE_HAS_HEADER else 0)
    is_whole = not _ape_flags(footer) & _APE_HAS_HEADER or _begins(file, end - length, b"APETAGEX")
    return length if is_whole else 0


def _lyrics(file: BinaryIO, end: int, tail: bytes) -> int:
    """Lyrics3v2 (id3.org): its size, in six digits, counts neither itself nor the mark behind it."""
    digits = tail[-_LYRICS_END:-9]
    if not tail.endswith(b"LYRICS200") or len(digits) < 6 or not digits.isdigit():
        return 0
    length = int(digits) + _LYRICS_END
    return length if _begins(file, end - length, b"LYRICSBEGIN") else 0


def _id3v2(file: BinaryIO, end: int, tail: bytes) -> int:
    footer = tail[-_ID3V2:]
    size = _id3_size(footer) if footer.startswith(b"3DI") else None
    if size is None:
        return 0
    length = size + 2 * _ID3V2
    return length if _begins(file, end - length, b"ID3") else 0


def _begins(file: BinaryIO, at: int, mark: bytes) -> bool:
    return at >= 0 and _read(file, at, len(mark)) == mark
