"""Texts from right to left, beside names and words from left to right, in each format."""

import pytest

from spoken import rendered, say
from transcribed.formats.direction import is_rtl

#: It begins with a name that runs from left to right.
HEBREW = "Anna אמרה שלום לכולם."
ARABIC = "AssemblyAI هي الشركة التي نستخدمها."

both = pytest.mark.parametrize("text", [HEBREW, ARABIC])


def answer(text, **more):
    return {"text": text, "words": say(text, speaker="A"), **more}


@pytest.mark.parametrize(
    ("text", "language", "rtl"),
    [
        (HEBREW, "", True),
        (ARABIC, "", True),
        ("Anna אמרה", "", False),
        ("Anna אמרה", "he", True),
        ("Microsoft Teams.", "he", False),
        ("Anna said שלום.", "en_us", False),
        ("123 …", "ar", False),
    ],
)
def test_the_letters_of_a_text_give_its_direction_and_its_language_decides_where_they_are_few(text, language, rtl):
    assert is_rtl(text, language) == rtl


@both
@pytest.mark.parametrize("name", ["srt", "lrc"])
def test_a_line_says_its_direction_to_players_that_lay_out_from_the_left_whoever_speaks(name, text):
    whole = rendered(name, answer(text), speakers={"A": "A very long name from left to right"}, line_length=80)
    (line,) = [line for line in whole.splitlines() if text in line]
    assert line.partition("]")[2].partition("\u202b")[2] == f"A very long name from left to right: {text}\u202c" or (
        line == f"\u202bA very long name from left to right: {text}\u202c"
    )


def test_each_line_of_a_cue_has_its_direction_a_latin_one_too():
    text = "שלום לכולם וברוכים הבאים לפגישה הזאת של Google Israel and Microsoft."
    lines = rendered("srt", {"text": text, "words": say(text)}).splitlines()[2:]
    assert len(lines) == 2
    assert all(line.startswith("\u202b") and line.endswith("\u202c") for line in lines)


@both
def test_a_webvtt_cue_begins_with_a_mark_that_says_its_direction(text):
    assert f"\n<v Speaker A>\u200f{text}" in rendered("vtt", answer(text))


@both
def test_plain_text_begins_with_a_mark_that_says_its_direction(text):
    assert rendered("txt", answer(text)) == f"\u200fSpeaker A: {text}\n"
    assert rendered("txt", answer(text), txt_times=True) == f"\u200f[00:00:00] Speaker A: {text}\n"


@both
def test_a_paragraph_of_markdown_begins_with_a_mark_that_says_its_direction(text):
    assert f"\n\u200f[00:00:00] **Speaker A:** {text}\n" in rendered("md", answer(text))
    assert f"\n\u200f{text}\n" in rendered("md", {"text": "Hello.", "translated_texts": {"he": text}})


@both
@pytest.mark.parametrize("language", ["", "ar", "he_il", "en_us"])
def test_a_paragraph_of_a_page_has_its_direction_whatever_it_begins_with(text, language):
    page = rendered("html", answer(text, language_code=language, summary=text))
    assert page.count('<p dir="rtl">') == 2
    assert '<label lang="en" dir="ltr" hidden>' in page, "the page's own words are English"
    assert ('dir="rtl">\n<head>' in page) == (language in {"ar", "he_il"})


def test_a_paragraph_from_left_to_right_has_no_mark_and_its_own_direction():
    text = "שלום is what Anna said to everyone."
    assert rendered("txt", answer(text)) == f"Speaker A: {text}\n"
    assert '<p dir="ltr">' in rendered("html", answer(text, language_code="en"))
