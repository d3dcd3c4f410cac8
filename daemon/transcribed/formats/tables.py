"""A transcript as rows for other programs: .tsv, .csv, Podcasting 2.0's JSON and Audacity's labels.

Rules: each format is exactly what the programs that read it document: nothing is added.
"""

import csv as rows_of_csv
import io
import json
import re

from transcribed.formats.content import Content
from transcribed.formats.rows import Row
from transcribed.formats.transcript import clock

#: The beginning of a cell that a spreadsheet takes for a formula, in full width too, and also after white space and
#: quotes. Where a comma is the decimal sign, a semicolon begins a new cell.
_FORMULA = re.compile(r"(^|;)(?=[\s\"]*[=+\-@＝＋－＠])")  # noqa: RUF001 - these signs are meant


def tsv(content: Content) -> bytes:
    """The transcript as Whisper's command line writes it: start, end (milliseconds) and text, separated by tabs."""
    lines = [f"{row.start_ms}\t{row.end_ms}\t{_named(row)}\n" for row in content.rows]
    return "".join(["start\tend\ttext\n", *lines]).encode()


def csv(content: Content) -> bytes:
    """The transcript for a spreadsheet: RFC 4180, with the byte order mark by which Excel recognises UTF-8.

    Where a comma is the decimal sign, spreadsheets expect another separator, which the style gives. A cell that a
    spreadsheet would run as a formula gets an apostrophe before it. Unknown times are empty.
    """
    text = io.StringIO()
    writer = rows_of_csv.writer(text, quoting=rows_of_csv.QUOTE_ALL, delimiter=content.style.csv_separator)
    writer.writerow(["start", "end", "speaker", "text"])
    for row in content.rows:
        times = [clock(row.start_ms), clock(row.end_ms)] if content.turns else ["", ""]
        writer.writerow([*times, defused(row.speaker), defused(row.text)])
    return text.getvalue().encode("utf-8-sig")


def podcast(content: Content) -> bytes:
    """The transcript as the JSON of Podcasting 2.0 (podcast-namespace, Transcript File Format Details)."""
    segments = [_segment(row) for row in content.rows]
    return json.dumps({"version": "1.0.0", "segments": segments}, ensure_ascii=False, indent=1).encode() + b"\n"


def labels(content: Content) -> bytes:
    """The transcript as a label track of Audacity: start, end (seconds) and text, separated by tabs."""
    lines = [f"{row.start_ms / 1000:.6f}\t{row.end_ms / 1000:.6f}\t{_named(row)}\n" for row in content.rows]
    return "".join(lines).encode()


def _named(row: Row) -> str:
    """The text with its speaker's name before it. A name is people's choice, and no cell may begin as a formula."""
    return f"{defused(row.speaker)}: {row.text}" if row.speaker else row.text


def _segment(row: Row) -> dict[str, object]:
    speaker = {"speaker": row.speaker} if row.speaker else {}
    return {**speaker, "startTime": row.start_ms / 1000, "endTime": row.end_ms / 1000, "body": row.text}


def defused(cell: str) -> str:
    """A cell as a spreadsheet shows it and does not compute it."""
    return _FORMULA.sub(r"\1'", cell)
