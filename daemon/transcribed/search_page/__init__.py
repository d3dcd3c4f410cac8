"""The page for searches in the share, and the pieces that it loads: what was said in each recording, and an index.

Rules: values in, bytes out: no clock, no I/O. A page that was opened from a folder may load scripts but no other files,
so a piece is a script that hands over one value.
"""

from transcribed.search_page.page import html, piece
from transcribed.search_page.pieces import BEGINNING, FOLDER, named
from transcribed.search_page.segments import (
    Row,
    Segment,
    directory,
    mergeable,
    merged_rows,
    pieces,
    read_directory,
    read_rows,
    rows_of,
)

__all__ = [
    "BEGINNING",
    "FOLDER",
    "Row",
    "Segment",
    "directory",
    "html",
    "mergeable",
    "merged_rows",
    "named",
    "piece",
    "pieces",
    "read_directory",
    "read_rows",
    "rows_of",
]
