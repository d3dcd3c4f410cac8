"""What can be believed of an answer: words with times, grouped into turns.

Rules: every field is looked at before it is used, and what is missing or broken is left out or mended: a word without
text is no word; a time that is no time follows from the word before; start times never go back within a turn. All
text passes `clean`, so nothing that leaves here can move a cursor, turn the reading direction or fail to encode.

The fields are those of AssemblyAI's `Transcript`, `TranscriptUtterance` and `TranscriptWord` schemas. Times are
milliseconds from the recording's start. This module knows no format.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeAlias

#: Beyond this a time is taken for garbage. Below it there is room to push cues apart before SubRip's 100 hours end.
LATEST_MS = 99 * 3600 * 1000

#: How long a word lasts that has no times: 200 words a minute, the pace of brisk speech.
WORD_MS = 300

#: Control characters but tab and line feed, and marks that turn the reading direction: a transcript shown in a
#: terminal must not be able to do anything there. The last two are no characters at all, and YAML refuses them.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")

#: Scripts written without spaces between words: kana, ideographs, and the full-width signs that go with them.
CJK = "\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
_SPACE_WITHIN_CJK = re.compile(f"(?<=[{CJK}]) (?=[{CJK}])")

#: Text without words is cut at its white space, and within scripts that have none at each character.
_PIECES = re.compile(rf"[{CJK}]|[^\s{CJK}]+")

#: The end of a sentence, with the quotes and brackets that may close after it.
_SENTENCE_END = re.compile(r"[.!?…。！？؟।][\"'”’»)\]」』]*$")  # noqa: RUF001 - other scripts end sentences too

_MP3 = re.compile(r"\.mp3$", re.IGNORECASE)

#: A speaker that has a label and no name: A, B; with several channels 1A, 2B; 1, 2 where only channels are known.
_LABEL = re.compile(r"\d{1,3}|\d{0,3}[A-Z]{1,2}")


@dataclass(frozen=True, slots=True)
class Word:
    """One word as it was said; `speaker` is the name to show, or empty where nobody knows."""

    text: str
    start_ms: int
    end_ms: int
    speaker: str


#: What one speaker says until another does: words in order, at least one.
Turn: TypeAlias = list[Word]


def turns(transcript: Mapping[str, Any], names: Mapping[str, str]) -> list[Turn]:
    """What was said and when, by turns; empty where the answer has neither words nor utterances.

    `names` are those of speakers, by their labels. Utterances are preferred, for they keep two people apart who talk at
    once; but only where they lose nothing of the text. Nothing but timed words is in here: see `covers`.
    """
    utterances = _utterances(transcript, names)
    words = _grouped(_words(transcript.get("words"), names))
    text = text_of(transcript) or words_of(words)
    if utterances and covers(utterances, text):
        return utterances
    return words or utterances


def said_or_guessed(transcript: Mapping[str, Any], names: Mapping[str, str]) -> list[Turn]:
    """The turns, else the text spread over the recording: better read at the wrong second than lost."""
    pieces = _PIECES.findall(text_of(transcript))
    return turns(transcript, names) or ([spread(pieces, 0, duration_ms(transcript))] if pieces else [])


def covers(said: list[Turn], text: str) -> bool:
    """Whether `said` loses no letter of `text`; punctuation, case and order are free.

    Utterances may be ordered and capitalised in another way than the text is, so their letters are counted.
    """
    if not said:
        return not text
    return _letters(text) <= _letters(words_of(said))


def words_of(said: list[Turn]) -> str:
    """All words of some turns as one text."""
    return join(word.text for turn in said for word in turn)


def speaker_of(entry: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """The speaker to show for a word or an utterance, else its channel's; empty where neither is known."""
    for value in (entry.get("speaker"), entry.get("channel")):
        label = str(value) if type(value) is int and abs(value) < 1000 else " ".join(tokens(value))
        if label:
            given = " ".join(tokens(names.get(label)))
            return given or (f"Speaker {label}" if _LABEL.fullmatch(label) else label)
    return ""


def text_of(holder: Mapping[str, Any], key: str = "text") -> str:
    """A text in an answer, clean and on one line; empty where there is none."""
    return " ".join(tokens(holder.get(key)))


def tokens(value: object) -> list[str]:
    """The parts of a text between its white space, clean; none where the value is no text."""
    if not isinstance(value, str):
        return []
    return clean(" ".join(value.split())).split()


def clean(text: str) -> str:
    """`text` without what could act on a terminal or turn the reading direction, and encodable as UTF-8."""
    return _SURROGATE.sub("\ufffd", _UNSAFE.sub("", text))


def join(texts: Iterable[str]) -> str:
    """Words as a line of text: with spaces, but for scripts that know none."""
    return _SPACE_WITHIN_CJK.sub("", " ".join(texts))


def ends_sentence(text: str, following: str) -> bool:
    """Whether a sentence ends between two words; a small letter after "a.m." says that it does not."""
    return bool(_SENTENCE_END.search(text)) and not following[:1].islower()


def share(value: object) -> float | None:
    """A part of one in the answer (a confidence, a relevance), or None where it cannot be one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        return None
    return float(value)


def milliseconds(value: object) -> int | None:
    """A time of the answer, or None where it cannot be one (null, NaN, negative, text, beyond all reason)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= LATEST_MS:
        return None
    return round(value)


def duration_ms(transcript: Mapping[str, Any]) -> int | None:
    """How long the recording is (`audio_duration`, which is in seconds), or None where nobody says."""
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
    """The recording's name as it was given, clean and without its folder."""
    return " ".join(tokens(title.rpartition("/")[2]))


def objects(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list in an answer; none where it is no list."""
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def spread(texts: list[str], start_ms: int, end_ms: int | None, speaker: str = "") -> list[Word]:
    """Words spread evenly from one time to another; at WORD_MS each where no end after the start is known."""
    if end_ms is None or end_ms < start_ms:
        end_ms = start_ms + WORD_MS * len(texts)
    edges = [start_ms + (end_ms - start_ms) * i // max(1, len(texts)) for i in range(len(texts) + 1)]
    return [Word(text, edges[i], edges[i + 1], speaker) for i, text in enumerate(texts)]


def _utterances(transcript: Mapping[str, Any], names: Mapping[str, str]) -> list[Turn]:
    found: list[Turn] = []
    for entry in objects(transcript.get("utterances")):
        speaker = speaker_of(entry, names)
        turn = _words(entry.get("words"), names, speaker)
        if not turn:
            start_ms = milliseconds(entry.get("start"))
            if start_ms is None:
                start_ms = found[-1][-1].end_ms if found else 0
            turn = spread(tokens(entry.get("text")), start_ms, milliseconds(entry.get("end")), speaker)
        found += [turn] if turn else []
    return found


def _words(entries: object, names: Mapping[str, str], speaker: str = "") -> list[Word]:
    found: list[Word] = []
    earliest_ms = next_ms = 0  # where the last word began, and where it ended
    for entry in objects(entries):
        texts = tokens(entry.get("text"))
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
    return Counter(filter(str.isalnum, text.casefold()))
