"""A transcript as rows for other programs: .tsv, .csv, Podcasting 2.0's JSON and Audacity's labels.

Rules: a row is one speaker's words up to the end of a sentence, or to a pause. Rows are ordered by their start and have
the true times of their first and last word, so they overlap where people talk at once. Each format is exactly what the
programs that read it document: nothing is added.
"""

import csv as rows_of_csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from transcribed.formats.style import Style
from transcribed.formats.transcript import Turn, Word, clock, ends_sentence, join, said_or_guessed, turns

#: A silence that ends a row within a sentence.
PAUSE_MS = 1500

#: Without the end of a sentence, a row ends after this many words: the length of a long sentence.
WORDS = 40

#: The beginning of a cell that a spreadsheet takes for a formula, in full width too, and also after white space and
#: quotes. Where a comma is the decimal sign, a semicolon begins a new cell.
_FORMULA = re.compile(r"(^|;)(?=[\s\"]*[=+\-@＝＋－＠])")  # noqa: RUF001 - these signs are meant


@dataclass(frozen=True, slots=True)
class Row:
    """Some words of one speaker, such as a sentence, and their time."""

    start_ms: int
    end_ms: int
    speaker: str
    text: str

    @property
    def named_text(self) -> str:
        """The text with its speaker's name before it, if that is known."""
        return f"{self.speaker}: {self.text}" if self.speaker else self.text


def tsv(transcript: Mapping[str, Any], _title: str, style: Style) -> bytes:
    """The transcript as Whisper's command line writes it: start, end (milliseconds) and text, separated by tabs."""
    lines = [f"{row.start_ms}\t{row.end_ms}\t{row.named_text}\n" for row in _rows(transcript, style)]
    return "".join(["start\tend\ttext\n", *lines]).encode()


def csv(transcript: Mapping[str, Any], _title: str, style: Style) -> bytes:
    """The transcript for a spreadsheet: RFC 4180, with the byte order mark by which Excel recognises UTF-8.

    A cell that a spreadsheet would run as a formula gets an apostrophe before it. Unknown times are empty.
    """
    text = io.StringIO()
    writer = rows_of_csv.writer(text, quoting=rows_of_csv.QUOTE_ALL)
    writer.writerow(["start", "end", "speaker", "text"])
    timed = bool(turns(transcript, style.speakers))
    for row in _rows(transcript, style):
        times = [clock(row.start_ms), clock(row.end_ms)] if timed else ["", ""]
        writer.writerow([*times, _defused(row.speaker), _defused(row.text)])
    return text.getvalue().encode("utf-8-sig")


def podcast(transcript: Mapping[str, Any], _title: str, style: Style) -> bytes:
    """The transcript as the JSON of Podcasting 2.0 (podcast-namespace, Transcript File Format Details)."""
    segments = [_segment(row) for row in _rows(transcript, style)]
    return json.dumps({"version": "1.0.0", "segments": segments}, ensure_ascii=False, indent=1).encode() + b"\n"


def labels(transcript: Mapping[str, Any], _title: str, style: Style) -> bytes:
    """The transcript as a label track of Audacity: start, end (seconds) and text, separated by tabs."""
    lines = [
        f"{row.start_ms / 1000:.6f}\t{row.end_ms / 1000:.6f}\t{row.named_text}\n" for row in _rows(transcript, style)
    ]
    return "".join(lines).encode()


def _segment(row: Row) -> dict[str, object]:
    speaker = {"speaker": row.speaker} if row.speaker else {}
    return {**speaker, "startTime": row.start_ms / 1000, "endTime": row.end_ms / 1000, "body": row.text}


def _defused(cell: str) -> str:
    return _FORMULA.sub(r"\1'", cell)


def _rows(transcript: Mapping[str, Any], style: Style) -> list[Row]:
    rows = [
        Row(words[0].start_ms, words[-1].end_ms, words[0].speaker, join(word.text for word in words))
        for turn in said_or_guessed(transcript, style.speakers)
        for words in _sentences(turn)
    ]
    return sorted(rows, key=lambda row: row.start_ms)


def _sentences(turn: Turn) -> Iterator[list[Word]]:
    sentence: list[Word] = []
    for word in turn:
        if sentence and _parted(sentence, word):
            yield sentence
            sentence = []
        sentence.append(word)
    yield sentence


def _parted(sentence: list[Word], word: Word) -> bool:
    last = sentence[-1]
    paused = word.start_ms - last.end_ms > PAUSE_MS
    return paused or len(sentence) >= WORDS or ends_sentence(last.text, word.text)
