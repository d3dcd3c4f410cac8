"""AssemblyAI's findings in a transcript besides its words, as sections that a person can read.

Rules: there is a section for each analysis in the answer, and for no other. A section is the same in every format.
Unlikely topics are left out (see `LEAST`). So are the sentences without a sentiment, which are most.

The fields are those of AssemblyAI's `Transcript` schema: summary, chapters, auto_highlights_result,
iab_categories_result, entities, sentiment_analysis_results, content_safety_labels, translated_texts, and
speech_understanding. The summaries and action items of the last have no documented fields: all their texts are taken.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from transcribed.formats.style import Style
from transcribed.formats.transcript import hms, milliseconds, objects, share, speaker_of, text_of, tokens

#: The relevance from which a topic is shown: the answer names hundreds that are near zero.
LEAST = 0.05


@dataclass(frozen=True, slots=True)
class Entry:
    """One finding: its text, and its kind and its time if they are known."""

    text: str
    label: str = ""
    start_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """The findings of one analysis, at least one; `listed` is True if each is a list item, not a paragraph."""

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
    """The summary; if it has several lines, each is a list item."""
    summary = transcript.get("summary")
    for line in summary.splitlines() if isinstance(summary, str) else []:
        text = " ".join(tokens(line))
        yield Entry(text.removeprefix("- ").removeprefix("• "))


def _texts(value: object) -> Iterator[Entry]:
    """One entry for each object of a list, with all its texts: the objects may have any fields."""
    for item in value if isinstance(value, list) else []:
        parts = item.values() if isinstance(item, Mapping) else [item]
        yield Entry(", ".join(filter(None, (" ".join(tokens(part)) for part in parts))))


def _chapter(chapter: Mapping[str, Any]) -> Entry:
    texts = (text_of(chapter, key) for key in ("headline", "gist"))
    headline, summary = next(filter(None, texts), ""), text_of(chapter, "summary")
    start_ms = milliseconds(chapter.get("start"))
    return Entry(summary, headline, start_ms) if summary and headline else Entry(headline or summary, "", start_ms)


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
            yield Entry(_percent(relevance), label.replace(">", " > "))


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
    """The labels of the whole recording, the most certain first, with their times."""
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
    """The translation into each language: by turns if all turns are translated, or if there is no translated whole."""
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
    """The labels with their shares, the greatest first."""
    known = [(" ".join(tokens(label)), share(value)) for label, value in summary.items()]
    return sorted(((a, b) for a, b in known if a and b is not None), key=lambda pair: pair[1], reverse=True)


def _percent(part: float) -> str:
    return f"{part:.0%}"


def _words_of(name: str) -> str:
    return name.replace("_", " ")


def _object(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = holder.get(key)
    return value if isinstance(value, Mapping) else {}
