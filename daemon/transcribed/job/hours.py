"""The hours of the day in which recordings are uploaded, as the configuration has them: "22:00-06:00, 12:00-13:00"."""

import re

_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|(24):(00))")
_DAY = 24 * 60

#: Spans of minutes since midnight, each with its end; one whose end comes first goes on over midnight.
Hours = tuple[tuple[int, int], ...]


def hours_in(text: str) -> Hours:
    """The spans that `text` names. Raises ValueError."""
    found = [_SPAN.fullmatch(part.strip()) for part in text.split(",")]
    spans = [_minutes(*(int(number) for number in each.groups() if number)) for each in found if each]
    if len(spans) < len(found) or any(begin == end for begin, end in spans):
        raise ValueError('hours of the day as in "22:00-06:00", several with commas between them; no line: all day')
    return tuple(spans)


def _minutes(hour: int, minute: int, end_hour: int, end_minute: int) -> tuple[int, int]:
    return 60 * hour + minute, 60 * end_hour + end_minute


def is_within(hours: Hours, minute: int) -> bool:
    """True if this minute of the day is in one of the spans."""
    return any((minute - begin) % _DAY < (end - begin) % _DAY or end - begin == _DAY for begin, end in hours)
