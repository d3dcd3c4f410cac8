"""The page that is made of a transcript: its mark-up."""

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example as tried
from hypothesis import given, settings
from hypothesis import strategies as st

from spoken import example, examples, rendered, say, utterance

TALK: dict[str, Any] = {
    "text": "Good morning, everyone. Fine & good.",
    "audio_duration": 12,
    "language_code": "en_us",
    "utterances": [utterance("A", "Good morning, everyone."), utterance("B", "Fine & good.", 2000)],
}


class Page(HTMLParser):
    """The elements of a page, the text of its body, and the words with their times."""

    def __init__(self, content):
        super().__init__()
        self.elements, self.text, self.words, self._open = [], "", [], []
        self.feed(content)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in {"meta", "input"}:
            self._open.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        tag, attributes = self._open[-1] if self._open else ("", {})
        if tag in {"style", "script", "title"}:
            return
        self.text += data
        if tag == "span":
            self.words.append((int(attributes["data-t"]), data))


def page(transcript, title="Talk.mp3", **style):
    return Page(rendered("html", transcript, title, **style))


# --- mark-up -----------------------------------------------------------------------------------------------------


def test_the_page_holds_every_word_with_its_time_and_every_speaker():
    found = page(TALK, speakers={"A": "Ana"})
    assert found.words == [(word["start"], word["text"]) for turn in TALK["utterances"] for word in turn["words"]]
    assert " ".join(found.text.split()).endswith("Ana 00:00:00 Good morning, everyone. Speaker B 00:00:02 Fine & good.")
    assert ("html", {"lang": "en-US"}) in found.elements


def test_words_of_scripts_without_spaces_stand_together():
    words = [{"text": sign, "start": i, "end": i + 1} for i, sign in enumerate("今日は。OK")]
    assert page({"words": words}).text.split()[-3:] == ["今日は。", "O", "K"]


def test_a_title_and_a_name_find_their_own_direction():
    found = page({"words": say("שלום לכולם.", speaker="A")}, title="שלום.mp3")
    assert [attributes for tag, attributes in found.elements if tag in {"h1", "cite"}] == [{"dir": "auto"}] * 2


def test_a_translation_says_its_language():
    found = page({"text": "Hello.", "translated_texts": {"de": "Hallo."}})
    assert ("section", {"lang": "de"}) in found.elements


def test_a_text_without_words_is_shown_without_times():
    found = page({"text": "All of it."})
    assert found.words == []
    assert "All of it." in found.text
    assert "(no speech was recognised)" in page({}).text


def test_chapters_stand_above_the_text():
    found = page({**TALK, "chapters": [{"headline": "The start", "summary": "They meet.", "start": 2000}]})
    assert " ".join(found.text.split()).endswith("Speaker B 00:00:02 Fine & good.")
    assert "Chapters 00:00:02 The start: They meet. Transcript Speaker A" in " ".join(found.text.split())


def test_what_is_known_of_the_recording_stands_above_it():
    found = page(TALK, date="2026-11-23")
    assert "Talk\n2026-11-23 · 00:00:12 · English (US)\n" in found.text


def test_the_recording_is_named_so_that_it_is_always_beside_the_page():
    name = "javascript:alert(1)//http://x/?a#b \"' \udcff.mp3"
    (source,) = [attributes["src"] for tag, attributes in page(TALK, recording=name).elements if tag == "audio"]
    assert source == "./javascript%3Aalert%281%29//http%3A//x/%3Fa%23b%20%22%27%20%FF.mp3"


def attributes_of(found):
    return {(tag, name) for tag, attributes in found.elements for name in attributes}


@settings(deadline=None, max_examples=100)
@given(text=st.text("ab <>&\"'/=!-;#`\\scriptonerror", min_size=1))
@tried("ps")  # a language that is written from right to left
def test_no_text_becomes_mark_up(text):
    answer = {
        "words": say(text, speaker=text),
        "summary": text,
        "language_code": text,
        "chapters": [{"headline": text}],
    }
    plain = {"words": say("a", speaker="A"), "summary": "a", "chapters": [{"headline": "a"}]}
    found, wanted = page(answer, text, date=text), page(plain, date="a")
    assert attributes_of(found) <= attributes_of(wanted) | {("html", "lang"), ("html", "dir")}
    said = " ".join(text.split())
    assert said == "" or said in " ".join(found.text.split())


@pytest.mark.parametrize("body", examples())
def test_every_body_of_the_api_reference_is_a_page_that_parses(body):
    page(example(body), body)
