"""AssemblyAI's findings in a transcript besides its words, as sections that a person can read.

Rules: there is a section for each analysis in the answer, and for no other. A section is the same in every format.
Unlikely topics are left out (see `LEAST`). So are the sentences without a sentiment, which are most.

The fields are those of AssemblyAI's `Transcript` schema: summary, chapters, auto_highlights_result,
iab_categories_result, entities, sentiment_analysis_results, content_safety_labels, translated_texts, and
speech_understanding (see `understanding`).
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from transcribed.formats import understanding
from transcribed.formats.findings import Entry, Section
from transcribed.formats.paragraphs import text_as_paragraphs
from transcribed.formats.style import Style
from transcribed.formats.transcript import hms, milliseconds, objects, share, speaker_of, text_of, tokens

#: The relevance from which a topic is shown: the answer names hundreds that are near zero.
LEAST = 0.05

#: Between two words that were written as one: before a capital after a small letter, and around an ampersand.
_SEAM = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=\w)(?=&)|(?<=&)(?=\w)")


def sections(transcript: Mapping[str, Any], style: Style) -> list[Section]:
    """A section for each analysis in the answer that found something."""
    understood = _object(_object(transcript, "speech_understanding"), "response")
    whole, parts = understanding.summary(_object(understood, "summarization"))
    first = {
        "Summary": [*_summary(transcript), *parts],
        "Chapters": list(map(_chapter, objects(transcript.get("chapters")))),
        "Action items": list(understanding.action_items(_object(understood, "action_items"))),
    }
    later = {
        "Highlights": list(_highlights(_object(transcript, "auto_highlights_result"))),
        "Topics": list(_topics(_object(_object(transcript, "iab_categories_result"), "summary"))),
        "Entities": list(_entities(objects(transcript.get("entities")))),
        "Sentiment": list(_sentiment(objects(transcript.get("sentiment_analysis_results")), style)),
        "Content safety": list(_safety(_object(transcript, "content_safety_labels"))),
    }
    return [
        *_made(first, leads=True, whole=whole),
        *_made(later),
        *_formatted(_object(understood, "custom_formatting"), transcript),
        *_translations(transcript, style),
    ]


def _made(found: Mapping[str, list[Entry]], *, leads: bool = False, whole: str = "") -> Iterator[Section]:
    for title, entries in found.items():
        said = tuple(entry for entry in entries if entry.text)
        before = whole if title == "Summary" else ""
        if said or before:
            is_one = title == "Summary" and not before and len(said) == 1 and said[0].start_ms is None
            yield Section(title, said, not is_one, before, leads)


def _formatted(result: Mapping[str, Any], transcript: Mapping[str, Any]) -> Iterator[Section]:
    """The text in forms of one's own, where they changed something."""
    text = text_of(result, "formatted_text")
    if text and text != text_of(transcript):
        parts = text_as_paragraphs(text, text_of(transcript, "language_code"))
        yield Section("In your own forms", tuple(map(Entry, parts)), listed=False)


def _summary(transcript: Mapping[str, Any]) -> Iterator[Entry]:
    """The summary; if it has several lines, each is a list item."""
    summary = transcript.get("summary")
    for line in summary.splitlines() if isinstance(summary, str) else []:
        text = " ".join(tokens(line))
        yield Entry(text.removeprefix("- ").removeprefix("• "))


def _chapter(chapter: Mapping[str, Any]) -> Entry:
    texts = (text_of(chapter, key) for key in ("headline", "gist"))
    headline, summary = next(filter(None, texts), ""), text_of(chapter, "summary")
    start_ms = milliseconds(chapter.get("start"))
    if not (summary and headline):
        return Entry(headline or summary, "", start_ms)
    return Entry(summary, headline.removesuffix("."), start_ms)


def _highlights(result: Mapping[str, Any]) -> Iterator[Entry]:
    """The highlights by their rank, the highest first, each at the time when it was first said."""
    found = objects(result.get("results"))
    for highlight in sorted(found, key=lambda found: share(found.get("rank")) or 0.0, reverse=True):
        text, times = text_of(highlight), objects(highlight.get("timestamps"))
        often = f" ({len(times)} times)" if text and len(times) > 1 else ""
        yield Entry(text + often, "", milliseconds(times[0].get("start")) if times else None)


def _topics(summary: Mapping[str, Any]) -> Iterator[Entry]:
    for label, relevance in _ranked(summary):
        if relevance >= LEAST:
            yield Entry(_percent(relevance), " > ".join(map(_in_words, label.split(">"))))


def _entities(entities: list[Mapping[str, Any]]) -> Iterator[Entry]:
    """The entities of each kind, in the order of their first mention."""
    kinds: dict[str, Counter[str]] = {}
    for entity in entities:
        if text := text_of(entity):
            kinds.setdefault(_words_of(text_of(entity, "entity_type")), Counter())[text] += 1
    for kind, texts in kinds.items():
        yield Entry(", ".join(f"{text} ({n})" if n > 1 else text for text, n in texts.items()), kind)


def _sentiment(results: list[Mapping[str, Any]], style: Style) -> Iterator[Entry]:
    """The number of sentences with each sentiment, then the sentences that are not neutral."""
    known = [(text_of(result, "sentiment").lower(), result) for result in results]
    counts = Counter(sentiment for sentiment, _ in known if sentiment)
    yield Entry(", ".join(f"{n} {sentiment}" for sentiment, n in counts.most_common()))
    for sentiment, result in known:
        if sentiment not in {"", "neutral"}:
            speaker = speaker_of(result, style.speakers)
            label = f"{sentiment.capitalize()}, {speaker}" if speaker else sentiment.capitalize()
            yield Entry(text_of(result), label, milliseconds(result.get("start")))


def _safety(labels: Mapping[str, Any]) -> Iterator[Entry]:
    """The labels of the whole recording, the most certain first, with their times and how severe they are at most."""
    places: dict[str, list[str]] = {}
    severities: dict[str, float] = {}
    for result in objects(labels.get("results")):
        start_ms = milliseconds(_object(result, "timestamp").get("start"))
        for found in objects(result.get("labels")):
            label = text_of(found, "label")
            places.setdefault(label, []).extend([hms(start_ms)] if start_ms is not None else [])
            severities[label] = max(severities.get(label, 0.0), share(found.get("severity")) or 0.0)
    for label, confidence in _ranked(_object(labels, "summary")):
        times, severity = ", ".join(places.get(label, [])), severities.get(label, 0.0)
        severe = f", severity up to {_percent(severity)}" if severity else ""
        yield Entry(_percent(confidence) + severe + (f", at {times}" if times else ""), _words_of(label))


def _translations(transcript: Mapping[str, Any], style: Style) -> Iterator[Section]:
    """The translation into each language: by turns if all turns are translated, or if there is no translated whole."""
    by_turns: dict[str, list[Entry]] = {}
    spoken = 0
    for utterance in objects(transcript.get("utterances")):
        spoken += bool(text_of(utterance))
        for language, text in _translated(utterance):
            speaker, start_ms = speaker_of(utterance, style.speakers), milliseconds(utterance.get("start"))
            by_turns.setdefault(language, []).append(Entry(text, speaker, start_ms))
    whole = {
        language: list(map(Entry, text_as_paragraphs(text, language))) for language, text in _translated(transcript)
    }
    for language, turns in (whole | by_turns).items():
        entries = turns if len(turns) >= spoken else whole.get(language, turns)
        yield Section(f"Translation ({language})", tuple(entries), listed=False, language=language)


def _translated(holder: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for language, text in _object(holder, "translated_texts").items():
        code, words = " ".join(tokens(language)), " ".join(tokens(text))
        if code and words:
            yield code, words


def _ranked(summary: Mapping[str, Any]) -> list[tuple[str, float]]:
    """The labels with their shares, the greatest first."""
    known = [(" ".join(tokens(label)), share(value)) for label, value in summary.items()]
    return sorted(((a, b) for a, b in known if a and b is not None), key=lambda pair: pair[1], reverse=True)


def _in_words(name: str) -> str:
    """A name of IAB's taxonomy as people write it: `Home&Garden` is "Home & Garden"."""
    return _SEAM.sub(" ", name.strip())


def _percent(part: float) -> str:
    return f"{part:.0%}"


def _words_of(name: str) -> str:
    return name.replace("_", " ")


def _object(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = holder.get(key)
    return value if isinstance(value, Mapping) else {}
