"""What AssemblyAI found in a transcript besides its words, as sections that a person can read.

Rules: a section for each analysis that the answer has, none for one that it has not. A section is said in one way,
whatever shows it. What is unlikely is left out (see `LEAST`), and so are sentences without a sentiment, which are most.

The fields are those of AssemblyAI's `Transcript` schema: summary, chapters, auto_highlights_result,
iab_categories_result, entities, sentiment_analysis_results, content_safety_labels, translated_texts, and
speech_understanding, whose summaries and action items have no documented fields: their texts are taken as they come.
This module knows no format.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from transcribed.formats.style import Style
from transcribed.formats.transcript import hms, milliseconds, objects, share, speaker_of, text_of, tokens

#: How relevant a topic must be to be shown: the answer names hundreds that are near zero.
LEAST = 0.05


@dataclass(frozen=True, slots=True)
class Entry:
    """One finding: what it says, what kind it is of, and when it was said; the last two where they are known."""

    text: str
    label: str = ""
    start_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """The findings of one analysis, at least one; `listed` where each is a point of its own, not a paragraph."""

    title: str
    entries: tuple[Entry, ...]
    listed: bool = True


def sections(transcript: Mapping[str, Any], style: Style) -> list[Section]:
    """A section for each analysis in the answer that found something."""
    understood = _object(_object(transcript, "speech_understanding"), "response")
    summary = [*_summary(transcript), *_texts(_object(understood, "summarization").get("summary"))]
    found = {
        "Summary": summary,
        "Chapters": list(map(_chapter, objects(transcript.get("chapters")))),
        "Action items": list(_texts(_object(understood, "action_items").get("items"))),
        "Highlights": list(_highlights(_object(transcript, "auto_highlights_result"))),
        "Topics": list(_topics(_object(_object(transcript, "iab_categories_result"), "summary"))),
        "Entities": list(_entities(objects(transcript.get("entities")))),
        "Sentiment": list(_sentiment(objects(transcript.get("sentiment_analysis_results")), style)),
        "Content safety": list(_safety(_object(transcript, "content_safety_labels"))),
    }
    said = [(title, tuple(entry for entry in entries if entry.text)) for title, entries in found.items()]
    listed = [Section(title, entries, title != "Summary" or len(entries) > 1) for title, entries in said if entries]
    return [*listed, *_translations(transcript, style)]


def _summary(transcript: Mapping[str, Any]) -> Iterator[Entry]:
    """The summary; where it is of several lines, each is a point."""
    summary = transcript.get("summary")
    for line in summary.splitlines() if isinstance(summary, str) else []:
        text = " ".join(tokens(line))
        yield Entry(text.removeprefix("- ").removeprefix("• "))


def _texts(value: object) -> Iterator[Entry]:
    """The texts of a list whose objects may have any fields."""
    for item in value if isinstance(value, list) else []:
        parts = item.values() if isinstance(item, Mapping) else [item]
        yield Entry(", ".join(filter(None, (" ".join(tokens(part)) for part in parts))))


def _chapter(chapter: Mapping[str, Any]) -> Entry:
    texts = (text_of(chapter, key) for key in ("headline", "gist"))
    headline, summary = next(filter(None, texts), ""), text_of(chapter, "summary")
    start_ms = milliseconds(chapter.get("start"))
    return Entry(summary, headline, start_ms) if summary and headline else Entry(headline or summary, "", start_ms)


def _highlights(result: Mapping[str, Any]) -> Iterator[Entry]:
    """The highlights, the weightiest first, each at the first time that it was said."""
    found = objects(result.get("results"))
    for highlight in sorted(found, key=lambda found: share(found.get("rank")) or 0.0, reverse=True):
        text, times = text_of(highlight), objects(highlight.get("timestamps"))
        often = f" ({len(times)} times)" if text and len(times) > 1 else ""
        yield Entry(text + often, "", milliseconds(times[0].get("start")) if times else None)


def _topics(summary: Mapping[str, Any]) -> Iterator[Entry]:
    for label, relevance in _ranked(summary):
        if relevance >= LEAST:
            yield Entry(_percent(relevance), label.replace(">", " > "))


def _entities(entities: list[Mapping[str, Any]]) -> Iterator[Entry]:
    """The entities of each kind, in the order in which they are first named."""
    kinds: dict[str, Counter[str]] = {}
    for entity in entities:
        if text := text_of(entity):
            kinds.setdefault(_words_of(text_of(entity, "entity_type")), Counter())[text] += 1
    for kind, texts in kinds.items():
        yield Entry(", ".join(f"{text} ({n})" if n > 1 else text for text, n in texts.items()), kind)


def _sentiment(results: list[Mapping[str, Any]], style: Style) -> Iterator[Entry]:
    """How many sentences have each sentiment, then those that have one."""
    known = [(text_of(result, "sentiment").lower(), result) for result in results]
    counts = Counter(sentiment for sentiment, _ in known if sentiment)
    yield Entry(", ".join(f"{n} {sentiment}" for sentiment, n in counts.most_common()))
    for sentiment, result in known:
        if sentiment not in {"", "neutral"}:
            speaker = speaker_of(result, style.speakers)
            label = f"{sentiment.capitalize()}, {speaker}" if speaker else sentiment.capitalize()
            yield Entry(text_of(result), label, milliseconds(result.get("start")))


def _safety(labels: Mapping[str, Any]) -> Iterator[Entry]:
    """What was found in the whole, the surest first, and where."""
    found = objects(labels.get("results"))
    for label, confidence in _ranked(_object(labels, "summary")):
        starts = [
            milliseconds(_object(result, "timestamp").get("start"))
            for result in found
            if any(text_of(inner, "label") == label for inner in objects(result.get("labels")))
        ]
        times = ", ".join(hms(start_ms) for start_ms in starts if start_ms is not None)
        yield Entry(_percent(confidence) + (f", at {times}" if times else ""), _words_of(label))


def _translations(transcript: Mapping[str, Any], style: Style) -> Iterator[Section]:
    """The whole in each other language, by turns where all turns are translated, or nothing else is."""
    by_turns: dict[str, list[Entry]] = {}
    spoken = 0
    for utterance in objects(transcript.get("utterances")):
        spoken += bool(text_of(utterance))
        for language, text in _translated(utterance):
            speaker, start_ms = speaker_of(utterance, style.speakers), milliseconds(utterance.get("start"))
            by_turns.setdefault(language, []).append(Entry(text, speaker, start_ms))
    whole = {language: [Entry(text)] for language, text in _translated(transcript)}
    for language, turns in (whole | by_turns).items():
        entries = turns if len(turns) >= spoken else whole.get(language, turns)
        yield Section(f"Translation ({language})", tuple(entries), listed=False)


def _translated(holder: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for language, text in _object(holder, "translated_texts").items():
        code, words = " ".join(tokens(language)), " ".join(tokens(text))
        if code and words:
            yield code, words


def _ranked(summary: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Labels with their shares, the greatest first."""
    known = [(" ".join(tokens(label)), share(value)) for label, value in summary.items()]
    return sorted(((a, b) for a, b in known if a and b is not None), key=lambda pair: pair[1], reverse=True)


def _percent(part: float) -> str:
    return f"{part:.0%}"


def _words_of(name: str) -> str:
    return name.replace("_", " ")


def _object(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = holder.get(key)
    return value if isinstance(value, Mapping) else {}
