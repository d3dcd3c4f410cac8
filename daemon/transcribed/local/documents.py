"""A transcript's words as sentences, paragraphs, captions and search results. Pure.

Rules: sentences end where the formats end them, by the language's own rules. A paragraph ends at a long pause, or after
five sentences. The shapes are those of assemblyai-examples/SentencesResponse.json,
ParagraphsResponse.json and WordSearchResponse.json.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from transcribed.formats import sentences as ends
from transcribed.formats import words as timed

Word = dict[str, Any]

_PARAGRAPH_PAUSE_MS = 2_000
_PARAGRAPH_SENTENCES = 5


def sentences(words: list[Word], language: str = "") -> Iterator[Word]:
    """The sentences in `words`, each with its own words. `language` is a code; empty if it is not known."""
    said = [timed.Word(word["text"], word["start"], word["end"], "") for word in words]
    current: list[Word] = []
    known = ends.with_ends([said] if said else [], language)
    for word, seen in zip(words, (word for turn in known for word in turn), strict=True):
        current.append(word)
        if seen.ends:
            yield {**_part(current), "speaker": None}
            current = []
    if current:
        yield {**_part(current), "speaker": None}


def paragraphs(words: list[Word], language: str = "") -> Iterator[Word]:
    """The paragraphs in `words`, each with its own words."""
    current: list[Word] = []
    for sentence in sentences(words, language):
        paused = current and sentence["start"] - current[-1]["end"] >= _PARAGRAPH_PAUSE_MS
        if paused or len(current) == _PARAGRAPH_SENTENCES:
            yield _joined(current)
            current = []
        current.append(sentence)
    if current:
        yield _joined(current)


def matches(words: list[Word], phrases: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The places of each phrase, ignoring case and punctuation; phrases that are not found are left out."""
    spoken = [_bare(word["text"]) for word in words]
    for phrase in phrases:
        sought = [_bare(part) for part in phrase.split()]
        places = [at for at in range(len(spoken)) if sought and spoken[at : at + len(sought)] == sought]
        if places:
            times = [[words[at]["start"], words[at + len(sought) - 1]["end"]] for at in places]
            yield {"text": " ".join(sought), "count": len(places), "timestamps": times, "indexes": places}


def captions(words: list[Word], most_characters: int, language: str = "") -> Iterator[Word]:
    """Words to show at once: of one sentence, and within `most_characters` unless a single word is longer."""
    for sentence in sentences(words, language):
        current: list[Word] = []
        for word in sentence["words"]:
            if current and len(_text([*current, word])) > most_characters:
                yield _part(current)
                current = []
            current.append(word)
        yield _part(current)


def _joined(several: list[Word]) -> Word:
    return _part([word for one in several for word in one["words"]])


def _part(words: list[Word]) -> Word:
    confidence = sum(word["confidence"] for word in words) / len(words)
    return {
        "text": _text(words),
        "start": words[0]["start"],
        "end": words[-1]["end"],
        "confidence": round(confidence, 5),
        "words": words,
    }


def _text(words: list[Word]) -> str:
    return " ".join(word["text"] for word in words)


def _bare(text: str) -> str:
    return re.sub(r"[^\w']", "", text).lower()
