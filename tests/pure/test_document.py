"""The document that is made of a transcript, read back by python-docx."""

import datetime as dt
import io
import zipfile

import docx
import pytest
from docx.oxml.ns import qn
from hypothesis import given, settings
from hypothesis import strategies as st

from spoken import example, examples, say, utterance
from transcribed.formats import Style, render

TALK = {
    "text": "Good morning, everyone. Fine & <good>.",
    "audio_duration": 12,
    "language_code": "en_us",
    "utterances": [utterance("A", "Good morning, everyone."), utterance("B", "Fine & <good>.", 2000)],
}


def document(transcript, title="Talk.mp3", **style):
    return docx.Document(io.BytesIO(render("docx", transcript, title=title, style=Style(**style))))


def shown(transcript, **style):
    """(style, text) of every paragraph."""
    return [(p.style.name, p.text) for p in document(transcript, **style).paragraphs]


def test_a_document_has_its_title_and_its_turns():
    assert shown(TALK, speakers={"A": "Ana"}, date="2026-11-23") == [
        ("Heading 1", "Talk"),
        ("Normal", "2026-11-23 · 00:00:12 · English (US)"),
        ("Normal", "[00:00:00] Ana: Good morning, everyone."),
        ("Normal", "[00:00:02] Speaker B: Fine & <good>."),
    ]


def test_a_speaker_is_bold_and_what_is_said_is_not():
    runs = document(TALK).paragraphs[2].runs
    assert [(run.text, bool(run.bold)) for run in runs] == [
        ("[00:00:00] ", False),
        ("Speaker A: ", True),
        ("Good morning, everyone.", False),
    ]


def test_each_analysis_has_a_heading_that_word_finds():
    answer = {"text": "Hi.", "chapters": [{"headline": "The start", "start": 61_000}], "summary": "They meet."}
    assert shown(answer) == [
        ("Heading 1", "Talk"),
        ("Heading 2", "Summary"),
        ("Normal", "They meet."),
        ("Heading 2", "Chapters"),
        ("Normal", "• [00:01:01] The start"),
        ("Heading 2", "Transcript"),
        ("Normal", "Hi."),
    ]


@pytest.mark.parametrize(("language", "inches"), [("en_us", 8.5), ("de", 8.27), ("", 8.27)])
def test_the_paper_is_that_of_the_languages_country_and_the_pages_have_numbers(language, inches):
    found = document({"text": "Hi.", "language_code": language})
    section = found.sections[0]
    assert round(section.page_width.inches, 2) == inches
    assert " PAGE " in section.footer._element.xml
    assert found.core_properties.title == "Talk"
    assert found.core_properties.language == {"en_us": "en-US"}.get(language, language)


def test_the_file_was_made_on_the_recordings_day_as_far_as_that_is_known():
    assert document(TALK, date="2026-11-23").core_properties.created.date() == dt.date(2026, 11, 23)
    assert document(TALK, date="in May").core_properties.created is None


def test_word_opens_the_document_without_its_compatibility_mode():
    mode = document(TALK).settings.element.xpath(".//w:compatSetting[@w:name='compatibilityMode']")
    assert [each.get(qn("w:val")) for each in mode] == ["15"]


def test_a_word_processor_proofs_the_text_in_its_language():
    assert 'w:lang w:val="de-CH"' in document({"text": "Hoi.", "language_code": "de_ch"}).styles.element.xml


def test_a_speaker_with_a_latin_name_does_not_turn_a_text_in_hebrew():
    (talk,) = document({"text": "Anna שלום לכולם.", "words": say("Anna שלום לכולם.", speaker="A")}).paragraphs[1:]
    assert talk._p.xpath("./w:pPr/w:bidi")
    assert len(talk._p.xpath("./w:r/w:rPr/w:rtl")) == len(talk._p.xpath("./w:r"))


def test_a_recording_without_speech_is_a_document_that_says_so():
    assert shown({}) == [("Heading 1", "Talk"), ("Normal", "(no speech was recognised)")]


@pytest.mark.parametrize(
    ("text", "rtl"), [("שלום לכולם.", True), ("مرحبا بكم", True), ("Hello שלום", False), ("…", False)]
)
def test_a_paragraph_runs_from_right_to_left_where_its_first_letter_does(text, rtl):
    paragraph = document({"words": say(text)}).paragraphs[-1]
    assert (paragraph._p.pPr.find(qn("w:bidi")) is not None) == rtl
    assert [run.font.rtl for run in paragraph.runs[1:]] == [rtl or None]


def test_the_same_transcript_is_the_same_bytes_whenever_and_wherever():
    content = render("docx", TALK, title="Talk.mp3")
    assert content == render("docx", TALK, title="Talk.mp3")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        found = {(entry.date_time[0], entry.compress_type, entry.create_system) for entry in archive.infolist()}
        assert found == {(1980, zipfile.ZIP_STORED, 3)}
        assert archive.namelist()[0] == "[Content_Types].xml"  # by which file(1) knows the kind


@settings(deadline=None, max_examples=60)
@given(text=st.text(min_size=1), name=st.text(max_size=8))
def test_a_document_holds_any_text(text, name):
    answer = {"words": [{"text": text, "start": 0, "end": 1, "speaker": name}], "summary": text}
    document(answer, text, date=name)


@settings(deadline=None, max_examples=60)
@given(words=st.lists(st.text("ab<>&\"'日本ש.", min_size=1, max_size=6), min_size=1, max_size=40))
def test_no_word_is_lost(words):
    answer = {"words": [{"text": word, "start": i * 400, "end": i * 400 + 300} for i, word in enumerate(words)]}
    said = "".join(text.removeprefix("[").partition("] ")[2] for _, text in shown(answer)[1:])
    assert "".join(said.split()) == "".join(words)


@pytest.mark.parametrize("body", examples())
def test_every_body_of_the_api_reference_is_a_document_that_opens(body):
    assert document(example(body), body).paragraphs[0].text == body
