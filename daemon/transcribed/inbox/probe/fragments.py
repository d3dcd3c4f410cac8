"""An MP4 in fragments, as recorders and players on the web write it: the last fragment says when it ends.

Source: ISO/IEC 14496-12, sections 8.8.3 (trex), 8.8.7 (tfhd), 8.8.8 (trun) and 8.8.12 (tfdt).
"""

from collections.abc import Mapping

from transcribed.inbox.probe.boxes import Box, boxes, inside
from transcribed.inbox.probe.extent import Extent

_MOST_SAMPLES = 20_000


def usual_ticks(whole: Extent, moov: Box) -> dict[int, int]:
    """The ticks that a sample of each track lasts where its fragments do not say."""
    found = inside(whole, moov, b"mvex", b"trex")
    return {whole.number(box.at + 4, 4): whole.number(box.at + 12, 4) for box in found}


def ends_at(whole: Extent, moof: Box, scales: Mapping[int, int], usual: Mapping[int, int]) -> float:
    """The time at which a fragment ends, in seconds; `scales` are the ticks in a second of each track that counts."""
    times = [0.0]
    for track in inside(whole, moof, b"traf"):
        parts = {box.name: box for box in boxes(whole, track.at, track.end)}
        if b"tfhd" not in parts or b"tfdt" not in parts:
            continue
        number = whole.number(parts[b"tfhd"].at + 4, 4)
        if scale := scales.get(number):
            ticks = _ticks(whole, parts[b"tfhd"], usual.get(number, 0))
            lasts = sum(_lasts(whole, box, ticks) for box in inside(whole, track, b"trun"))
            times.append((_begins(whole, parts[b"tfdt"]) + lasts) / scale)
    return max(times)


def _begins(whole: Extent, tfdt: Box) -> int:
    return whole.number(tfdt.at + 4, 8 if whole.has(b"\x01", tfdt.at) else 4)


def _ticks(whole: Extent, tfhd: Box, usual: int) -> int:
    """The ticks that a sample of this fragment lasts."""
    flags = whole.number(tfhd.at, 4)
    if not flags & 0x08:
        return usual
    return whole.number(tfhd.at + 8 + (8 if flags & 0x01 else 0) + (4 if flags & 0x02 else 0), 4)


def _lasts(whole: Extent, trun: Box, ticks: int) -> int:
    """The ticks that the samples of a run last: each says so, or all are alike."""
    flags, count = whole.number(trun.at, 4), whole.number(trun.at + 4, 4)
    if not flags & 0x100:
        return count * ticks
    wide = 4 * (flags >> 8 & 0xF).bit_count()
    data = whole.some(
        trun.at + 8 + (4 if flags & 0x01 else 0) + (4 if flags & 0x04 else 0), wide * min(count, _MOST_SAMPLES)
    )
    return sum(int.from_bytes(data[at : at + 4], "big") for at in range(0, len(data), wide))
