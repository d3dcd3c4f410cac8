"""Matroska and WebM: elements inside one another, each with its number and size (RFC 8794, RFC 9559)."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from transcribed.inbox.probe.extent import Extent
from transcribed.inbox.probe.facts import FILM, SOUND, Facts, missing

_SEGMENT, _INFO, _TRACKS, _CLUSTER = 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
_SCALE, _DURATION, _TRACK, _TRACK_TYPE, _TIME = 0x2AD7B1, 0x4489, 0xAE, 0x83, 0xE7
_PICTURE, _SOUND = 1, 2
_MOST_ELEMENTS = 1000
_TAIL = 1 << 20
_USUAL_SCALE = 1_000_000


class _Element(NamedTuple):
    number: int
    at: int  #: of its content
    size: int | None  #: None: it was not known when it was written


def look(whole: Extent) -> Facts:
    """The facts of a Matroska file. Raises Ended, or OSError."""
    head = next(_elements(whole, 0, whole.size), None)
    segment = (
        None if head is None or head.size is None else next(_elements(whole, head.at + head.size, whole.size), None)
    )
    if segment is None or segment.number != _SEGMENT:
        return Facts(FILM)
    lacks = "" if segment.size is None else missing(segment.at + segment.size, whole.size)
    seconds, types, begin = _described(whole, segment)
    return Facts(
        FILM if _PICTURE in types or not types else SOUND,
        seconds,
        lacks,
        silent=_PICTURE in types and _SOUND not in types,
        begin=begin,
    )


def _described(whole: Extent, segment: _Element) -> tuple[float | None, list[int], int]:
    """The length, the types of the tracks, and the beginning of the media."""
    scale, length = _USUAL_SCALE, 0.0
    types: list[int] = []
    for element in _elements(whole, segment.at, whole.size):
        if element.number == _CLUSTER or element.size is None:
            seconds = length * scale / 1e9 or _last_time(whole) * scale / 1e9
            return seconds or None, types, element.at
        if element.number == _INFO:
            scale, length = _info(whole, element)
        elif element.number == _TRACKS:
            types = [_type(whole, track) for track in _inside(whole, element) if track.number == _TRACK]
    return length * scale / 1e9 or None, types, segment.at


def _info(whole: Extent, info: _Element) -> tuple[int, float]:
    scale, length = _USUAL_SCALE, 0.0
    for element in _inside(whole, info):
        if element.number == _SCALE and element.size:
            scale = whole.number(element.at, min(element.size, 8))
        elif element.number == _DURATION and element.size in (4, 8):
            length = float(struct.unpack(">f" if element.size == 4 else ">d", whole.at(element.at, element.size))[0])
    return scale, length


def _type(whole: Extent, track: _Element) -> int:
    found = (element for element in _inside(whole, track) if element.number == _TRACK_TYPE)
    return next((whole.number(element.at, 1) for element in found), 0)


def _last_time(whole: Extent) -> int:
    """The time of the last cluster, for a recorder that writes no length."""
    begin = max(0, whole.size - _TAIL)
    at = whole.some(begin, _TAIL).rfind(_CLUSTER.to_bytes(4, "big"))
    if at < 0:
        return 0
    cluster = next(_elements(whole, begin + at, whole.size), None)
    first = next(_elements(whole, cluster.at, whole.size), None) if cluster else None
    if first is None or first.number != _TIME or not first.size or first.size > 8:
        return 0
    return whole.number(first.at, first.size)


def _inside(whole: Extent, outer: _Element) -> Iterator[_Element]:
    return _elements(whole, outer.at, outer.at + (outer.size or 0))


def _elements(whole: Extent, at: int, end: int) -> Iterator[_Element]:
    """The elements from `at` on, as far as they can be followed."""
    for _ in range(_MOST_ELEMENTS):
        head = whole.some(at, 12)
        if at >= end or not head or (wide := _width(head[0])) > 4 or wide >= len(head):
            return
        of_size = _width(head[wide])
        field = head[wide : wide + of_size]
        if of_size > 8 or len(field) < of_size:
            return
        size = int.from_bytes(field, "big") & ((1 << 7 * of_size) - 1)
        known = None if size == (1 << 7 * of_size) - 1 else size
        yield _Element(int.from_bytes(head[:wide], "big"), at + wide + of_size, known)
        at += wide + of_size + size


def _width(first: int) -> int:
    """The bytes of a number of variable size, by its first byte; 9 for none."""
    return 9 - first.bit_length()
