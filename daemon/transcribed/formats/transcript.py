"""The usable content of an answer: words with times, grouped into turns.

Rules: every field is checked before it is used, and a missing or broken one is left out or repaired. A word without
text is left out. An unusable time is replaced by the end of the word before. Start times never go back within a turn.
All text passes `clean`, so no text from here can move a cursor, turn the reading direction or fail to encode.

The fields are those of AssemblyAI's `Transcript`, `TranscriptUtterance` and `TranscriptWord` schemas. Times are
milliseconds from the recording's start.
"""

import re
from collections import Counter
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from transcribed.formats.spacing import spaced
from transcribed.formats.words import CJK, Turn, Word, spread

#: A later time is garbage. Up to here there is room to move cues apart within SubRip's 100 hours.
LATEST_MS = 99 * 3600 * 1000

#: Control characters except tab and line feed, and marks that turn the reading direction: a transcript must not be able
#: to control the terminal that shows it. The last two are not characters at all, and YAML refuses them.
UNSAFE_SIGNS = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff"
_UNSAFE = re.compile(f"[{UNSAFE_SIGNS}]")
_SPACES = re.compile(r"[^\S\u00a0\u202f]+")  #: those that bind two words (U+00A0, U+202F) do not part them
_SURROGATE = re.compile("[\ud800-\udfff]")

#: A longer word of a script without white space is a phrase, and is cut as such text is.
_LONGEST_WORD = 20
_SIGNS = re.compile(rf"[{CJK}]|[^{CJK}]+")

#: Text without timed words is cut at its white space, and in scripts without white space at each character.
_PIECES = re.compile(rf"[{CJK}]|[^\s{CJK}]+")

#: A title may be a whole file name, or what is left of one such as Talk.mp3.mp3 or Talk.mp3.wav.
_MP3 = re.compile(r"\.mp3$", re.IGNORECASE)

#: A speaker with a label and no name: A, B; with several channels 1A, 2B; 1, 2 if only channels are known.
_LABEL = re.compile(r"\d{1,3}|\d{0,3}[A-Z]{1,2}")


def turns(transcript: Mapping[str, Any], names: Mapping[str, str]) -> list[Turn]:
    """The timed words of the answer, by turns; empty if it has neither words nor utterances.

    `names` are those of speakers, by their labels. Utterances are preferred, because they separate two people who talk
    at once, but only if they contain the whole text. The turns may contain less than the text: see `covers`.
    """
    utterances, text = _utterances(transcript, names), text_of(transcript)
    if utterances and text and covers(utterances, text):  # so the words, which are the same again, are not read
        return utterances
    words = _grouped(spaced(_words(transcript.get("words"), names), text))
    if utterances and not text and covers(utterances, words_of(words)):
        return utterances
    return words or utterances


def guessed(transcript: Mapping[str, Any]) -> list[Turn]:
    """The text spread over the recording: better shown at the wrong second than lost. Empty if there is no text."""
    text = text_of(transcript)
    pieces = _PIECES.findall(text)
    return [spaced(spread(pieces, 0, duration_ms(transcript)), text)] if pieces else []


def covers(said: list[Turn], text: str) -> bool:
    """True if `said` contains every letter of `text`; punctuation, case and order may differ.

    Utterances may have another order and other capitals than the text, so their letters are counted.
    """
    if not said:
        return not text
    return _letters(text) <= _letters(words_of(said))


def words_of(said: list[Turn]) -> str:
    """All words of the turns as one text."""
    return "".join(word.piece for turn in said for word in turn)


def speaker_of(entry: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """The speaker to show for a word or an utterance, or else its channel; empty if neither is known."""
    label = label_of(entry)
    return (" ".join(tokens(names.get(label))) or called(label)) if label else ""


def called(label: str) -> str:
    """A speaker without a name, by its label."""
    return f"Speaker {label}" if _LABEL.fullmatch(label) else label


def label_of(entry: Mapping[str, Any]) -> str:
    """The label of the speaker of a word or an utterance, or else its channel; empty if neither is known."""
    for value in (entry.get("speaker"), entry.get("channel")):
        label = str(value) if type(value) is int and abs(value) < 1000 else " ".join(tokens(value))
        if label:
            return label
    return ""


def text_of(holder: Mapping[str, Any], key: str = "text") -> str:
    """A text in an answer, clean and on one line; empty if there is none."""
    return " ".join(tokens(holder.get(key)))


def tokens(value: object) -> list[str]:
    """The parts of a text between its white space, clean; none if the value is not a text."""
    if not isinstance(value, str):
        return []
    if value.isprintable():  # then there is nothing to clean, and this is nearly each word
        return value.split()
    return [part for part in _SPACES.split(clean(" ".join(_SPACES.split(value)))) if part.strip()]


def _said(value: object) -> list[str]:
    """The words of a text. A phrase of a script without white space is parted at each character."""
    found = tokens(value)
    if len(found) == 1 and len(found[0]) <= _LONGEST_WORD:  # as nearly each word is
        return found
    return [part for text in found for part in (_SIGNS.findall(text) if len(text) > _LONGEST_WORD else [text])]


def clean(text: str) -> str:
    """`text` without signs that could control a terminal or turn the reading direction, and encodable as UTF-8."""
    return _SURROGATE.sub("\ufffd", _UNSAFE.sub("", text))


def share(value: object) -> float | None:
    """A number from 0 to 1 in the answer (a confidence, a relevance), or None if it is not one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        return None
    return float(value)


def milliseconds(value: object) -> int | None:
    """A time in the answer, or None if it is not usable (null, NaN, negative, a text, absurdly late)."""
    if type(value) is int:
        return value if 0 <= value <= LATEST_MS else None
    if not isinstance(value, float) or not 0 <= value <= LATEST_MS:
        return None
    return round(value)


def duration_ms(transcript: Mapping[str, Any]) -> int | None:
    """The length of the recording (`audio_duration`, which is in seconds), or None if it is not known."""
    seconds = milliseconds(transcript.get("audio_duration"))
    return None if seconds is None else milliseconds(seconds * 1000)


def hms(ms: int) -> str:
    """A time as hh:mm:ss."""
    seconds = ms // 1000
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def clock(ms: int, point: str = ".") -> str:
    """A time as hh:mm:ss.mmm."""
    return f"{hms(ms)}{point}{ms % 1000:03}"


def plain_title(title: str) -> str:
    """The recording's name as a title: clean, without its folder and without .mp3."""
    return _MP3.sub("", source_name(title))


def source_name(title: str) -> str:
    """The recording's name as it is, clean and without its folder."""
    return " ".join(tokens(title.rpartition("/")[2]))


def objects(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list in an answer; none if it is not a list."""
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def _utterances(transcript: Mapping[str, Any], names: Mapping[str, str]) -> list[Turn]:
    found: list[Turn] = []
    for entry in objects(transcript.get("utterances")):
        speaker = speaker_of(entry, names)
        turn = _words(entry.get("words"), names, speaker)
        if not turn:
            start_ms = milliseconds(entry.get("start"))
            if start_ms is None:
                start_ms = found[-1][-1].end_ms if found else 0
            turn = spread(_said(entry.get("text")), start_ms, milliseconds(entry.get("end")), speaker)
        found += [spaced(turn, text_of(entry))] if turn else []
    return found


def _words(entries: object, names: Mapping[str, str], speaker: str = "") -> list[Word]:
    found: list[Word] = []
    earliest_ms = next_ms = 0  # the last word's start and end
    for entry in objects(entries):
        texts = _said(entry.get("text"))
        if not texts:
            continue
        start_ms = milliseconds(entry.get("start"))
        start_ms = max(earliest_ms, next_ms if start_ms is None else start_ms)
        found += spread(texts, start_ms, milliseconds(entry.get("end")), speaker or speaker_of(entry, names))
        earliest_ms, next_ms = found[-1].start_ms, found[-1].end_ms
    return found


def _grouped(words: list[Word]) -> list[Turn]:
    return [list(turn) for _, turn in groupby(words, key=lambda word: word.speaker)]


def _letters(text: str) -> Counter[str]:
    return Counter({sign: n for sign, n in Counter(text.casefold()).items() if sign.isalnum()})
