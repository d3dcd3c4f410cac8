"""Ogg and FLAC, which say themselves how long they are: Ogg in its pages (RFC 3533), FLAC in its header (RFC 9639)."""

from dataclasses import replace
from typing import NamedTuple

from transcribed.inbox.probe.extent import Extent
from transcribed.inbox.probe.facts import FILM, LOSSLESS, SOUND, Facts

_TAIL = 128 << 10  # more than the largest page and, but for many channels, the largest frame
_OGG_HEADER, _LARGEST_HEAD, _MOST_STREAMS = 27, 27 + 255 + 64, 16
_FIRST = 2
_NO_TIME = (1 << 64) - 1


class _Page(NamedTuple):
    flags: int
    time: int
    stream: bytes
    begin: int
    content: int
    end: int


def ogg(whole: Extent) -> Facts:
    """The length is the time of the last page of a stream that began at the beginning.

    The mark of a last page proves nothing where it is missing: Telegram and Android's own writer set none
    (ekhodzitsky/gigastt, pull request 218; chenxiaolong/BCR, pull request 922).
    """
    rates, has_picture = _streams(whole)
    begin = max(0, whole.size - _TAIL)
    pages = _pages(whole.some(begin, _TAIL), begin)
    kind = FILM if has_picture else SOUND
    if not pages:
        return Facts(kind, lacks="it ends where an Ogg file does not")
    is_cut = pages[-1].end > whole.size
    lacks = f"its last page ends at {pages[-1].end:,} bytes, {whole.size:,} are there" if is_cut else ""
    times = [_time(page, rates) for page in pages if _tells(page, rates, whole.size)]
    return Facts(kind, max(times, default=None), lacks)


def _tells(page: _Page, rates: dict[bytes, tuple[float, int]], size: int) -> bool:
    """True if it is a whole page of a stream of sound, and a packet ends in it."""
    return page.stream in rates and page.time != _NO_TIME and page.end <= size


def _time(page: _Page, rates: dict[bytes, tuple[float, int]]) -> float:
    hertz, skipped = rates[page.stream]
    return (page.time - skipped) / hertz


def _streams(whole: Extent) -> tuple[dict[bytes, tuple[float, int]], bool]:
    """The streams of sound: the rate of each, and the samples that are skipped at its beginning. And is it a film?"""
    rates, has_picture, at = {}, False, 0
    for _ in range(_MOST_STREAMS):
        page = _page(whole.some(at, _LARGEST_HEAD), 0, at)
        if page is None or not page.flags & _FIRST:
            break
        head = whole.some(page.content, 64).ljust(64, b"\0")
        has_picture = has_picture or head.startswith((b"\x80theora", b"BBCD", b"OVP80"))
        if (rate := _rate(head)) and rate[0] > 0:
            rates[page.stream] = rate
        at = page.end
    return rates, has_picture


def _rate(head: bytes) -> tuple[float, int] | None:
    """Of Opus (RFC 7845), Vorbis I, Speex and FLAC in Ogg."""
    if head.startswith(b"OpusHead"):
        return 48_000.0, int.from_bytes(head[10:12], "little")
    if head.startswith(b"\x01vorbis"):
        return float(int.from_bytes(head[12:16], "little")), 0
    if head.startswith(b"Speex   "):
        return float(int.from_bytes(head[36:40], "little")), 0
    return (float(int.from_bytes(head[27:30], "big") >> 4), 0) if head.startswith(b"\x7fFLAC") else None


def _pages(data: bytes, begin: int) -> list[_Page]:
    pages, at = [], data.find(b"OggS")
    while at >= 0:
        page = _page(data, at, begin)
        if page is not None:
            pages.append(page)
        at = data.find(b"OggS", max(at + 4, page.end - begin if page else 0))
    return pages


def _page(data: bytes, at: int, begin: int) -> _Page | None:
    """The page whose header stands in `data` at `at`, where `data` begin at `begin` of the file."""
    head = data[at : at + _OGG_HEADER]
    if len(head) < _OGG_HEADER or not head.startswith(b"OggS\0"):
        return None
    content = at + _OGG_HEADER + head[26]
    end = content + sum(data[at + _OGG_HEADER : content])
    time = int.from_bytes(head[6:14], "little")
    return _Page(head[5], time, head[14:18], begin + at, begin + content, begin + end)


# -- FLAC


class _Stream(NamedTuple):
    block: int
    hertz: int
    samples: int


def flac(whole: Extent) -> Facts:
    """The number of samples stands in the header, and each frame says which samples it holds."""
    info = whole.at(8, 34)
    bits = int.from_bytes(info[10:18], "big")
    stream = _Stream(int.from_bytes(info[:2], "big"), bits >> 44, bits & ((1 << 36) - 1))
    begin = _behind_metadata(whole)
    if not stream.hertz:
        return Facts(LOSSLESS, begin=begin)
    tail = max(begin, whole.size - _TAIL)
    ends_at = _last_sample(whole.some(tail, _TAIL), stream)
    facts = Facts(LOSSLESS, (stream.samples or ends_at) / stream.hertz or None, begin=begin)
    if stream.samples and ends_at and stream.samples - ends_at > stream.block:
        said, is_there = stream.samples / stream.hertz, ends_at / stream.hertz
        return replace(facts, lacks=f"its header says {said:,.0f} s, and its last frame ends at {is_there:,.0f} s")
    return facts


def _behind_metadata(whole: Extent) -> int:
    at = 4
    for _ in range(200):
        head = whole.at(at, 4)
        at += 4 + int.from_bytes(head[1:], "big")
        if head[0] & 0x80:
            break
    return at


def _last_sample(data: bytes, stream: _Stream) -> int:
    """The number of the sample behind the last frame in `data`; 0 where no frame is found."""
    at = len(data)
    while (at := data.rfind(b"\xff", 0, at)) >= 0:
        if data[at + 1 : at + 2] in (b"\xf8", b"\xf9") and (sample := _frame_end(data[at : at + 16], stream)):
            return sample
    return 0


def _frame_end(head: bytes, stream: _Stream) -> int:
    """The number of the sample behind the frame that begins so; 0 where none does (its header has a checksum)."""
    if len(head) < 16 or head[2] >> 4 == 0 or head[3] & 1 or head[4] == 0xFF:
        return 0
    more = _continued(head[4])
    at = 5 + more
    number = head[4] & (0x7F if more == 0 else 0x3F >> more)
    for byte in head[5:at]:
        number = number << 6 | byte & 0x3F
    code = head[2] >> 4
    extra, block = _block(code, head[at : at + 2])
    at += extra + {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if _crc8(head[:at]) != head[at]:
        return 0
    return number + block if head[1] & 1 else number * stream.block + block


def _continued(first: int) -> int:
    """The bytes that follow the first one of a number written as UTF-8 writes characters."""
    ones = 8 - (~first & 0xFF).bit_length()
    return max(0, ones - 1)


def _block(code: int, behind: bytes) -> tuple[int, int]:
    """The bytes behind the number that the size of a block takes, and that size."""
    if code == 6:
        return 1, behind[0] + 1
    if code == 7:
        return 2, int.from_bytes(behind, "big") + 1
    return 0, 192 if code == 1 else 576 << (code - 2) if code < 6 else 256 << (code - 8)


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc
