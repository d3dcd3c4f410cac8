"""Tags before and behind the sound, each skipped by its own size: ID3v2, APEv2, ID3v1, Lyrics3v2, however many.

A tag is believed by its own marks, and its size only within the file.
Sources: id3.org, ID3v2.4.0 structure, sections 3.1 and 3.4; APEv2 specification, "APE Tags Header"; ID3v1, 128 bytes.
"""

from transcribed.inbox.probe.extent import Extent

_MOST_TAGS = 64
_APE = b"APETAGEX"
_APE_HEADER, _ID3_HEADER, _ID3V1, _ID3V1_MORE, _LYRICS_END = 32, 10, 128, 227, 15
_APE_HAS_HEADER, _APE_IS_HEADER = 0x80, 0x20
_LYRICS_BEGIN = b"LYRICSBEGIN"
_MOST_FIELDS = 64
_LONGEST_KEY = 256


def front(whole: Extent) -> int:
    """The first byte behind the tags at the beginning. A tag that would end behind the file is not believed."""
    at = 0
    for _ in range(_MOST_TAGS):
        size = _id3_size(whole, at) or _ape_size(whole, at)
        if not size or at + size > whole.size:
            break
        at += size
    return at


def back(whole: Extent, begin: int) -> int:
    """The end of what lies before the tags at the end, and not before `begin`."""
    end = whole.size
    for _ in range(_MOST_TAGS):
        size = _last_size(whole, end)
        if not size or end - size < begin:
            break
        end -= size
    return end


def overlong(whole: Extent) -> int:
    """The end of a first tag that would end behind the file, as that of a cut file does; else 0."""
    size = _id3_size(whole, 0)
    return size if size > whole.size else 0


def _id3_size(whole: Extent, at: int, mark: bytes = b"ID3") -> int:
    """The size of an ID3v2 tag whose header, or footer (`mark` 3DI), stands at `at`; 0 where none does."""
    head = whole.some(at, _ID3_HEADER)
    if len(head) < _ID3_HEADER or not head.startswith(mark) or 0xFF in head[3:5] or max(head[6:]) > 0x7F:
        return 0
    body = sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    has_footer = head[3] == 4 and head[5] & 0x10
    return body + _ID3_HEADER * (2 if has_footer or mark == b"3DI" else 1)


def _ape_size(whole: Extent, at: int) -> int:
    """The size of an APEv2 tag whose header stands at `at`; 0 where none does."""
    head = whole.some(at, _APE_HEADER)
    is_header = len(head) == _APE_HEADER and head.startswith(_APE) and head[23] & _APE_IS_HEADER
    return int.from_bytes(head[12:16], "little") + _APE_HEADER if is_header else 0


def _last_size(whole: Extent, end: int) -> int:
    """The size of the tag that ends at `end`, at whose begin its mark stands too; 0 where none does."""
    if whole.has(b"TAG", end - _ID3V1):
        return _ID3V1 + (_ID3V1_MORE if whole.has(b"TAG+", end - _ID3V1 - _ID3V1_MORE) else 0)
    foot = whole.some(end - _APE_HEADER, _APE_HEADER)
    if foot.startswith(_APE):
        return _last_ape_size(whole, end, foot)
    size, mark = _id3_size(whole, end - _ID3_HEADER, b"3DI"), b"ID3"
    if not size:
        size, mark = _lyrics_size(whole, end), _LYRICS_BEGIN
    return size if size and whole.has(mark, end - size) else 0


def _last_ape_size(whole: Extent, end: int, foot: bytes) -> int:
    """The size of an APEv2 or APEv1 tag with this footer; one without a header is believed if its items fill it."""
    size, flags = int.from_bytes(foot[12:16], "little"), foot[23] if len(foot) == _APE_HEADER else _APE_IS_HEADER
    if flags & _APE_IS_HEADER or size < _APE_HEADER:
        return 0
    if flags & _APE_HAS_HEADER:
        return size + _APE_HEADER if whole.has(_APE, end - size - _APE_HEADER) else 0
    return size if _are_items(whole, end - size, end - _APE_HEADER) else 0


def _are_items(whole: Extent, at: int, end: int) -> bool:
    """True if the items of an APE tag (the size of the value, flags, a key that ends with 0, the value) lie here."""
    for _ in range(_MOST_FIELDS):
        head = whole.some(at, 8 + _LONGEST_KEY)
        key = head[8:].partition(b"\0")[0]
        if at >= end or not key.isascii() or not 2 <= len(key) < _LONGEST_KEY:
            break
        at += 8 + len(key) + 1 + int.from_bytes(head[:4], "little")
    return at == end


def _lyrics_size(whole: Extent, end: int) -> int:
    """The size of Lyrics3v2 (id3.org, Lyrics3v2): six digits before its last nine bytes, which its fields fill."""
    foot = whole.some(end - _LYRICS_END, _LYRICS_END)
    if not (foot.endswith(b"LYRICS200") and foot[:6].isdigit()):
        return 0
    size = int(foot[:6])
    begin = end - _LYRICS_END - size
    at = begin + len(_LYRICS_BEGIN)
    for _ in range(_MOST_FIELDS):
        head = whole.some(at, 8)
        if at + 8 > begin + size or not (head[:3].isalnum() and head[3:].isdigit()):
            break
        at += 8 + int(head[3:])
    return size + _LYRICS_END if at == begin + size else 0
