"""The properties and the analyses of a transcript in Markdown, read back by PyYAML and a Markdown parser."""

import datetime as dt
import json

import markdown_it
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from spoken import example, rendered, say, utterance
from transcribed.formats import FORMATS, SHOWING, render, unseen


def properties(transcript, title="Talk.mp3", **style):
    return yaml.safe_load(rendered("md", transcript, title, **style).split("---\n")[1])


def sections(transcript, **style):
    """The headings but the transcript's, each with its paragraphs or points as they are shown."""
    found, heading = {}, None
    inline = None
    for token in markdown_it.MarkdownIt("commonmark").parse(rendered("md", transcript, **style).split("\n---\n", 1)[1]):
        if token.type == "heading_open":
            heading = None
            inline = "heading"
        elif token.type == "inline":
            text = "".join(child.content for child in token.children)
            if inline == "heading":
                heading, inline = text, None
                found[heading] = []
            elif heading:
                found[heading].append(text)
    found.pop("Transcript", None)
    return found


# --- properties --------------------------------------------------------------------------------------------------


def test_the_properties_are_yaml_with_what_is_known():
    answer = {
        "utterances": [utterance("A", "Hello."), utterance("B", "Hi.", 2000)],
        "audio_duration": 75,
        "language_code": "en_us",
    }
    assert properties(answer, speakers={"A": "Ana: the boss"}, recording="Talk 1.mp3", date="2026-11-23") == {
        "title": "Talk",
        "date": dt.date(2026, 11, 23),
        "source": "Talk 1.mp3",
        "duration": "00:01:15",
        "language": "en-US",
        "speakers": ["Ana: the boss", "Speaker B"],
    }


def test_no_date_is_given_that_nobody_gave():
    assert properties({}) == {"title": "Talk", "source": "Talk.mp3"}


def test_a_date_that_is_none_is_shown_as_it_is():
    assert properties({}, date="in: May")["date"] == "in: May"


@settings(deadline=None, max_examples=150)
@given(text=st.text(), language=st.text())
def test_properties_hold_any_text(text, language):
    found = properties({"language_code": language, "words": say("Hi.", speaker=text)}, text)
    assert set(found) <= {"title", "source", "language", "speakers"}
    assert all(isinstance(value, str) for key, value in found.items() if key != "speakers")


# --- analyses ----------------------------------------------------------------------------------------------------


def test_an_answer_without_analyses_has_no_sections():
    assert sections({"text": "Hello.", "words": say("Hello."), "chapters": None, "entities": []}) == {}


def test_a_summary_of_several_lines_is_a_list():
    assert sections({"summary": "- One.\n- Two."}) == {"Summary": ["One.", "Two."]}
    assert "\n- One.\n- Two.\n" in rendered("md", {"summary": "- One.\n- Two."})


def test_a_chapter_has_its_time_its_headline_and_its_summary():
    chapter = {"headline": "The start", "gist": "g", "summary": "They meet.", "start": 61_000}
    assert sections({"chapters": [chapter]}) == {"Chapters": ["[00:01:01] The start: They meet."]}
    chapter["headline"] = "It began."
    assert sections({"chapters": [chapter]}) == {"Chapters": ["[00:01:01] It began: They meet."]}


def test_highlights_come_by_weight_with_how_often_they_were_said():
    results = [
        {"text": "rain", "rank": 0.02, "timestamps": [{"start": 3000}]},
        {"text": "climate change", "rank": 0.05, "timestamps": [{"start": 1000}, {"start": 9000}]},
    ]
    assert sections({"auto_highlights_result": {"results": results}}) == {
        "Highlights": ["[00:00:01] climate change (2 times)", "[00:00:03] rain"]
    }


def test_topics_come_by_relevance_without_those_that_have_none():
    summary = {"Home&Garden>IndoorEnvironmentalQuality": 0.3, "News>Weather": 1.0, "Hobbies": 0.01, "Broken": "x"}
    assert sections({"iab_categories_result": {"summary": summary}}) == {
        "Topics": ["News > Weather: 100%", "Home & Garden > Indoor Environmental Quality: 30%"]
    }


def test_entities_come_by_kind():
    entities = [
        {"entity_type": "person_name", "text": "Ann"},
        {"entity_type": "location", "text": "Maine"},
        {"entity_type": "person_name", "text": "Ann"},
        {"entity_type": "person_name", "text": "Bo"},
    ]
    assert sections({"entities": entities}) == {"Entities": ["person name: Ann (2), Bo", "location: Maine"]}


def test_sentences_with_a_sentiment_are_shown_and_the_others_counted():
    results = [
        {"text": "Fine.", "sentiment": "NEUTRAL", "start": 0},
        {"text": "Great!", "sentiment": "POSITIVE", "start": 1000, "speaker": "A"},
        {"text": "So.", "sentiment": "NEUTRAL", "start": None},
        {"text": "Awful.", "sentiment": "NEGATIVE", "start": None},
    ]
    assert sections({"sentiment_analysis_results": results}, speakers={"A": "Ana"}) == {
        "Sentiment": [
            "2 neutral, 1 positive, 1 negative",
            "[00:00:01] Positive, Ana: Great!",
            "Negative: Awful.",
        ]
    }


def test_unsafe_content_is_named_with_its_places():
    labels = {
        "summary": {"health_issues": 0.2, "disasters": 0.99},
        "results": [{"labels": [{"label": "disasters"}], "timestamp": {"start": 62_000}}],
    }
    assert sections({"content_safety_labels": labels}) == {
        "Content safety": ["disasters: 99%, at 00:01:02", "health issues: 20%"]
    }


def test_a_translation_is_by_turns_where_the_turns_are_translated():
    turn = {**utterance("A", "Hello."), "translated_texts": {"es": "Hola."}}
    answer = {"utterances": [turn], "translated_texts": {"es": "Hola a todos.", "de": "Hallo."}}
    assert sections(answer, speakers={"A": "Ana"}) == {
        "Translation (es)": ["[00:00:00] Ana: Hola."],
        "Translation (de)": ["Hallo."],
    }


def test_a_translation_of_some_turns_does_not_hide_that_of_the_whole():
    turns = [
        {**utterance("A", "Hello."), "translated_texts": {"es": "Hola.", "fr": "Bonjour."}},
        utterance("B", "Bye."),
    ]
    answer = {"utterances": turns, "translated_texts": {"es": "Hola. Adiós.", "de": "Hallo. Tschüss."}}
    assert sections(answer, speakers={"A": "Ana"}) == {
        "Translation (es)": ["Hola. Adiós."],
        "Translation (de)": ["Hallo. Tschüss."],
        "Translation (fr)": ["[00:00:00] Ana: Bonjour."],
    }


def test_summaries_and_action_items_of_speech_understanding_are_shown_whatever_their_fields():
    response = {
        "summarization": {"summary": [{"text": "They meet."}], "status": "success"},
        "action_items": {"items": [{"who": "Ana", "what": "Call Bo"}, "Pay."], "status": "success"},
    }
    assert sections({"speech_understanding": {"response": response}}) == {
        "Summary": ["They meet."],
        "Action items": ["Call Bo (who: Ana)", "Pay."],
    }


def test_a_summary_by_sections_has_the_whole_the_times_the_headlines_and_every_point():
    summarization = {
        "status": "success",
        "summary_type": "bullets",
        "block_summary": "All went well.",
        "summary": [
            {"start": 0, "end": 5000, "headline": "The quarter", "bullets": ["Revenue rose by 14%.", "Costs rose."]},
            {"start": 5000, "end": 9000, "headline": "Only", "text": "Paragraph text."},
        ],
    }
    assert sections({"speech_understanding": {"response": {"summarization": summarization}}}) == {
        "Summary": [
            "All went well.",
            "[00:00:00] The quarter: Revenue rose by 14%. Costs rose.",
            "[00:00:05] Only: Paragraph text.",
        ]
    }


def test_an_action_item_names_its_fields_and_loses_no_list():
    item = {"assignee": "Maria", "task": "Ask the agency", "due_date": "next week", "subtasks": ["Call.", "Write."]}
    assert sections({"speech_understanding": {"response": {"action_items": {"items": [item]}}}}) == {
        "Action items": ["Ask the agency (assignee: Maria; due date: next week; subtasks: Call. Write.)"]
    }


def test_a_text_in_forms_of_ones_own_is_shown_where_it_is_another():
    understood = {"response": {"custom_formatting": {"formatted_text": "Call me on 555."}}}
    answer = {"text": "Call me on five five five.", "speech_understanding": understood}
    assert sections(answer) == {"In your own forms": ["Call me on 555."]}
    assert sections({**answer, "text": "Call me on 555."}) == {}


def test_the_summary_the_chapters_and_what_is_to_be_done_stand_before_the_transcript():
    answer = {
        "text": "Hello.",
        "summary": "A greeting.",
        "chapters": [{"headline": "Start", "start": 0}],
        "auto_highlights_result": {"results": [{"text": "Hello"}]},
    }
    headings = [line for line in rendered("md", answer).splitlines() if line.startswith("## ")]
    assert headings == ["## Summary", "## Chapters", "## Transcript", "## Highlights"]


def test_a_long_translation_has_paragraphs():
    answer = {"text": "Hello.", "translated_texts": {"de": "Das ist ein Satz mit genau acht Wörtern. " * 16}}
    assert [len(part.split()) for part in sections(answer)["Translation (de)"]] == [64, 64]


SUMMARY = {"text": "Hello.", "summary": "They greet one another."}


@pytest.mark.parametrize("name", FORMATS)
def test_the_formats_that_show_analyses_are_those_that_are_said_to(name):
    assert (b"They greet one another." in render(name, SUMMARY, title="Talk.mp3")) == (name in SHOWING)


@pytest.mark.parametrize(
    ("parameters", "chosen", "sentence"),
    [
        (
            {"summarization": True, "summary_model": "informative", "sentiment_analysis": True},
            ("txt", "srt"),
            "summarization and sentiment_analysis are asked for and paid, and txt and srt show nothing of them",
        ),
        (
            {"speech_understanding": {"request": {"action_items": {}, "speaker_identification": {}}}},
            ("txt",),
            "action_items is asked for and paid, and txt shows nothing of it",
        ),
        ({"summarization": True}, ("txt", "docx"), ""),
        ({"summarization": False, "speaker_labels": True}, ("txt",), ""),
        ({"speech_understanding": [1]}, ("txt",), ""),
    ],
)
def test_an_analysis_that_is_paid_for_and_shown_in_no_format_is_named(parameters, chosen, sentence):
    assert unseen(parameters, chosen) == sentence


def test_the_severity_of_unsafe_content_is_told():
    labels = [{"label": "hate_speech", "confidence": 0.9, "severity": severity} for severity in (0.1, 0.4)]
    results = [{"labels": [label], "timestamp": {"start": 0}} for label in labels]
    answer = {"content_safety_labels": {"summary": {"hate_speech": 0.9}, "results": results}}
    assert sections(answer) == {"Content safety": ["hate speech: 90%, severity up to 40%, at 00:00:00, 00:00:00"]}


def test_the_documented_transcript_has_a_section_for_each_analysis_that_it_holds():
    found = sections(example("Transcript"))
    assert list(found) == ["Highlights", "Topics", "Entities", "Content safety"]
    assert found["Highlights"][0] == "[00:00:03] air quality alerts"
    assert found["Topics"][0] == "News And Politics > Weather: 100%"
    assert found["Entities"][0] == "location: Canada, the US (2), Maine, Maryland, Minnesota"
    assert found["Content safety"][0] == "disasters: 99%, severity up to 41%, at 00:00:00"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
KEYS = ["text", "start", "label", "labels", "timestamp", "timestamps", "rank", "sentiment", "entity_type", "summary"]
KEYS += ["block_summary", "bullets", "custom_formatting", "formatted_text", "severity"]
KEYS += ["results", "items", "translated_texts", "speaker", "headline", "response", "summarization", "action_items"]
INNER = st.dictionaries(st.sampled_from(KEYS), ANYTHING, max_size=4)
NESTED = st.dictionaries(st.sampled_from(KEYS), ANYTHING | INNER | st.lists(INNER, max_size=3), max_size=4)
FOUND = ["auto_highlights_result", "iab_categories_result", "content_safety_labels", "translated_texts"]
LISTS = ["chapters", "entities", "sentiment_analysis_results", "utterances"]
ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys([*FOUND, "speech_understanding"], NESTED | ANYTHING),
        **dict.fromkeys(LISTS, st.lists(NESTED, max_size=3) | ANYTHING),
    },
)


@settings(deadline=None, max_examples=300)
@given(answer=ANSWERS)
def test_no_analysis_however_broken_stops_a_rendering(answer):
    for name in FORMATS:
        render(name, answer, title="Talk.mp3")


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", "# no heading", "- no point\n\n---\n", "[x](http://y)"]
)
def test_nothing_in_an_analysis_is_taken_for_markdown(hostile):
    answer = {
        "summary": hostile,
        "chapters": [{"headline": hostile, "summary": hostile}],
        "auto_highlights_result": {"results": [{"text": hostile}]},
        "iab_categories_result": {"summary": {hostile: 1.0}},
        "entities": [{"entity_type": hostile, "text": hostile}],
        "sentiment_analysis_results": [{"sentiment": hostile, "text": hostile, "speaker": hostile}],
        "content_safety_labels": {"summary": {hostile: 1.0}},
        "translated_texts": {hostile: hostile},
    }
    tokens = markdown_it.MarkdownIt("commonmark").parse(rendered("md", answer).split("\n---\n", 1)[1])
    kinds = {token.type for token in tokens} | {child.type for token in tokens for child in token.children or []}
    assert kinds.isdisjoint({"html_block", "html_inline", "link_open", "hr", "code_block", "fence", "code_inline"})
    assert [t.markup for t in tokens if t.type == "heading_open"] == ["##"] * 9


def test_the_answer_itself_is_not_changed():
    answer = example("Transcript")
    before = json.dumps(answer)
    for name in FORMATS:
        render(name, answer, title="Talk.mp3")
    assert json.dumps(answer) == before
