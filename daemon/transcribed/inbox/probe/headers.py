"""Kinds whose length stands in a few numbers of their header: ASF (WMA), Monkey's Audio, WavPack, TTA, VOC; and AMR."""

import struct
from collections.abc import Iterator

from transcribed.inbox.probe.extent import Extent
from transcribed.inbox.probe.facts import FILM, LOSSLESS, SAMPLES, SOUND, SPEECH, Facts, missing

_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_STREAM_PROPERTIES = bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365")
_PICTURE = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")
_LIVE = 1
_MOST_OBJECTS = 200


def asf(whole: Extent) -> Facts:
    """ASF, as Windows Media writes it (Advanced Systems Format, sections 3.2 and 3.3). A live one tells no length."""
    kind, seconds, lacks = SOUND, None, ""
    for name, at in _asf_objects(whole):
        if name == _STREAM_PROPERTIES and whole.has(_PICTURE, at):
            kind = FILM
        elif name == _FILE_PROPERTIES:
            size, _, _, length, _, preroll, flags = struct.unpack("<QQQQQQI", whole.at(at + 16, 52))
            if not flags & _LIVE:
                seconds, lacks = length / 1e7 - preroll / 1e3, missing(size, whole.size)
    return Facts(kind, seconds, lacks)


def _asf_objects(whole: Extent) -> Iterator[tuple[bytes, int]]:
    """The objects of the header: the name of each, and where its content begins."""
    at, end = 30, min(whole.size, whole.number(16, 8, "little"))
    for _ in range(_MOST_OBJECTS):
        head = whole.some(at, 24)
        if at >= end or len(head) < 24:
            return
        yield head[:16], at + 24
        at += max(24, int.from_bytes(head[16:], "little"))


def monkey(whole: Extent) -> Facts:
    """Monkey's Audio 3.98 and later: a descriptor says where the numbers stand."""
    begin = whole.number(8, 4, "little")
    per_frame, last, count, _, _, hertz = struct.unpack("<IIIHHI", whole.at(begin + 4, 20))
    return Facts(LOSSLESS, ((count - 1) * per_frame + last) / hertz if count and hertz else None)


_WAVPACK_HERTZ = (6000, 8000, 9600, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000, 192000)


def wavpack(whole: Extent) -> Facts:
    """WavPack: each block says how many samples the file has."""
    samples, flags = whole.number(12, 4, "little"), whole.number(24, 4, "little")
    rate = flags >> 23 & 15
    is_told = samples != 0xFFFFFFFF and rate < len(_WAVPACK_HERTZ)
    return Facts(LOSSLESS, samples / _WAVPACK_HERTZ[rate] if is_told else None)


def true_audio(whole: Extent) -> Facts:
    """TTA."""
    hertz, samples = struct.unpack("<II", whole.at(10, 8))
    return Facts(LOSSLESS, samples / hertz if hertz else None)


def voc(whole: Extent) -> Facts:
    """Creative Voice: the first block of sound says the rate of all."""
    begin = whole.number(20, 2, "little")
    kind = whole.number(begin, 1)
    bytes_per_second = 0.0
    if kind == 1:
        bytes_per_second = 1e6 / (256 - whole.number(begin + 4, 1))
    elif kind == 9:
        hertz, bits, channels = struct.unpack("<IBB", whole.at(begin + 4, 6))
        bytes_per_second = hertz * bits * channels / 8
    return Facts(SAMPLES, (whole.size - begin) / bytes_per_second if bytes_per_second else None, begin=begin)


_AMR_SECONDS = 0.02
_AMR_SIZES = (13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1)
_AMR_WIDE_SIZES = (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 0, 0, 0, 0, 1, 1)
_AMR_LOOKED_AT = 256 << 10


def amr(whole: Extent) -> Facts:
    """AMR (RFC 4867, section 5): frames of 20 ms; the mean size of the first ones speaks for all."""
    is_wide = whole.has(b"#!AMR-WB\n")
    sizes, at = (_AMR_WIDE_SIZES, 9) if is_wide else (_AMR_SIZES, 6)
    data = whole.some(at, _AMR_LOOKED_AT)
    end, count = 0, 0
    while end < len(data) and (size := sizes[data[end] >> 3 & 15]):
        end, count = end + size, count + 1
    return Facts(SPEECH, (whole.size - at) / end * count * _AMR_SECONDS if end else None, begin=at)
