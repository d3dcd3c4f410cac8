"""The look of a rendering, as far as the person who runs the daemon can choose it.

Rules: the defaults are those of the usual guides for subtitlers (Netflix's Timed Text Style Guide: 42 characters, two
lines, seven seconds). A style that cannot be followed is refused here, so that no rendering has to check it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

#: What spreadsheets take for the end of a cell, each in its country.
SEPARATORS = (",", ";", "\t")


def are_speakers(names: Mapping[str, str]) -> bool:
    """True if these may be labels of speakers and their names."""
    # The two joiners are not letters, but some scripts need them within a name.
    plain = [text.replace("\u200c", "").replace("\u200d", "") for pair in names.items() for text in pair]
    return all(text.isprintable() and text.strip() and len(text) <= 64 for text in plain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """The look of renderings, and facts of the recording that its transcript does not have.

    `speakers` gives names to the labels of the answer: {"A": "Ana"}, with several channels {"1A": "Ana"}. In
    `line_length`, a sign of Chinese, Japanese and the like counts as two. `vtt_names` and `txt_times` put names and
    times into the text of these formats. `recording` is the name by which a page finds the recording, `source` the
    file's name where a page cannot find it, `date` its day; an empty one is left out.
    Raises ValueError if the style cannot be followed.
    """

    speakers: Mapping[str, str] = field(default_factory=dict, hash=False)
    line_length: int = 42
    lines: int = 2
    longest_seconds: float = 7.0
    shortest_seconds: float = 1.0
    vtt_names: bool = False
    txt_times: bool = False
    csv_separator: str = ","
    recording: str = ""
    source: str = ""
    date: str = ""

    def __post_init__(self) -> None:
        if not 10 <= self.line_length <= 200:
            raise ValueError(f"line_length should be 10 to 200 characters, not {self.line_length}")
        if not 1 <= self.lines <= 4:
            raise ValueError(f"lines should be 1 to 4, not {self.lines}")
        if self.csv_separator not in SEPARATORS:
            raise ValueError(f"csv_separator should be a comma, a semicolon or a tab, not {self.csv_separator!r}")
        if not 0 < self.shortest_seconds <= self.longest_seconds <= 60:
            given = f"not {self.shortest_seconds} and {self.longest_seconds}"
            raise ValueError(
                f"shortest_seconds should be above 0 and at most longest_seconds, which should be at most 60, {given}"
            )

    @property
    def longest_ms(self) -> int:
        """The longest time that a cue is shown."""
        return round(self.longest_seconds * 1000)

    @property
    def shortest_ms(self) -> int:
        """The shortest time that a cue is shown, unless the next one begins earlier."""
        return max(1, round(self.shortest_seconds * 1000))


#: The style if nothing was chosen.
PLAIN = Style()
