"""A transcript as files that people and players can use.

Rules: a format is one function and one row in FORMATS. A rendering is made only from its arguments, so it can be made
again at any time, with the same bytes. An answer is untrusted: any field may be missing, null, of another type or
hostile, and the rendering is still readable. Text formats are UTF-8 without a byte order mark, with line feeds, and
safe to show in a terminal; csv is written as spreadsheets need it. `json` is AssemblyAI's answer and nothing else.
"""

from typing import TYPE_CHECKING

from transcribed import loading
from transcribed.formats.parsing import parse, skim
from transcribed.formats.suffixes import SUFFIXES
from transcribed.formats.understood import names_in, understood

if TYPE_CHECKING:
    from transcribed.formats.asked import SHOWING, unseen
    from transcribed.formats.corrections import Correction, as_json, corrected, speakers_in
    from transcribed.formats.edited import EDITABLE, MOST_BYTES
    from transcribed.formats.known import FORMATS, Format, is_silent, render, render_each
    from transcribed.formats.strict import TooLargeError, checked
    from transcribed.formats.style import Style, are_speakers
    from transcribed.formats.tables import defused
else:
    __getattr__ = loading.on_demand(
        __name__,
        {
            "asked": ("SHOWING", "unseen"),
            "corrections": ("Correction", "as_json", "corrected", "speakers_in"),
            "edited": ("EDITABLE", "MOST_BYTES"),
            "known": ("FORMATS", "Format", "is_silent", "render", "render_each"),
            "strict": ("TooLargeError", "checked"),
            "style": ("Style", "are_speakers"),
            "tables": ("defused",),
        },
    )

__all__ = [
    "EDITABLE",
    "FORMATS",
    "MOST_BYTES",
    "SHOWING",
    "SUFFIXES",
    "Correction",
    "Format",
    "Style",
    "TooLargeError",
    "are_speakers",
    "as_json",
    "checked",
    "corrected",
    "defused",
    "is_silent",
    "names_in",
    "parse",
    "render",
    "render_each",
    "skim",
    "speakers_in",
    "understood",
    "unseen",
]
