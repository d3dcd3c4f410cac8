"""The times of cues, so that each can be read.

Rules: cues begin in order and never overlap. Silence after a cue is used for reading, and a gap too short to be seen as
one is closed. Where people talk at once, a cue begins late rather than that the one before is cut off too early to be
read: by up to 1.5 s (BBC Subtitle Guidelines, "Synchronise with speech"), and later only where else one would flash. A
late cue is shown so much longer where there is time, and leaves the next one time to be read.

Numbers: Netflix Timed Text Style Guide (5/6 s at least; gaps under half a second are closed to two frames); 17
characters a second are comfortable, 20 the limit.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from transcribed.formats.style import Style

COMFORTABLE_CPS, QUICKEST_CPS = 17, 20
SHORTEST_MS, FLASH_MS = 834, 300
LATE_MS = 1500
GAP_MS, FRAMES_MS = 500, 84
LINGER_MS = 500  #: how much longer than its words a cue is shown for comfort

#: The time of a cue and the number of its characters: start, end, characters.
Said = tuple[int, int, int]


def apart(said: Sequence[Said], style: Style) -> Iterator[tuple[int, int]]:
    """The final start and end of each cue; `said` are those of its words, in the order of their starts."""
    starts = [start_ms for start_ms, _, _ in said]
    free_ms = 0
    for index, one in enumerate(said):
        start_ms = max(one[0], free_ms)
        is_crowded = bisect_right(starts, one[0] + LATE_MS) - bisect_left(starts, one[0] - LATE_MS) > 2
        shortest_ms = min(FLASH_MS if is_crowded else SHORTEST_MS, style.longest_ms)
        free_ms = _end(start_ms, one, starts[index + 1 : index + 3], style, shortest_ms)
        yield start_ms, free_ms


def _end(start_ms: int, said: Said, following: Sequence[int], style: Style, shortest_ms: int) -> int:
    """The end of a cue; `following` are the starts of the next two."""
    longest = start_ms + style.longest_ms
    spoken_ms, spoken_end_ms, characters = said
    lingered_ms = spoken_end_ms + (start_ms - spoken_ms) + LINGER_MS
    comfortable_ms = min(start_ms + characters * 1000 // COMFORTABLE_CPS, lingered_ms)
    wanted_ms = min(max(spoken_end_ms, comfortable_ms, start_ms + max(style.shortest_ms, shortest_ms)), longest)
    if not following:
        return wanted_ms
    next_ms = following[0]
    if next_ms - wanted_ms >= GAP_MS:
        return wanted_ms
    if wanted_ms < next_ms - FRAMES_MS:
        return min(next_ms - FRAMES_MS, longest)
    if wanted_ms <= next_ms:
        return wanted_ms
    latest_ms = LATE_MS + min([next_ms, *(after_ms - SHORTEST_MS for after_ms in following[1:])])
    readable_ms = start_ms + max(SHORTEST_MS, characters * 1000 // QUICKEST_CPS)
    late_ms = min(readable_ms, wanted_ms, latest_ms)
    return min(max(next_ms, late_ms, start_ms + shortest_ms), longest)
