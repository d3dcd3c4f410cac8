"""The page that is made of a transcript: its mark-up, and what a real browser does with it."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abilities import needs_chromium
from browser import browser
from spoken import example, examples, rendered, say, utterance

RECORDING = Path(__file__).parents[2] / "daemon" / "transcribed" / "demo" / "recording.mp3"
#: A name that is no address: of a scheme, with a query and a fragment, quotes, and a byte that is no UTF-8.
NAME = b'x: 100%? "it\'s" #1 \xff.mp3'
EVIL = '"\'><script>document.title="pwned"</script><img src=x onerror=document.title="pwned"><a href=javascript:0>'

TALK = {
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
    assert ("html", {"lang": "en-us"}) in found.elements


def test_words_of_scripts_without_spaces_stand_together():
    words = [{"text": sign, "start": i, "end": i + 1} for i, sign in enumerate("今日は。OK")]
    assert page({"words": words}).text.split()[-3:] == ["今日は。", "O", "K"]


def test_each_paragraph_finds_its_own_direction():
    found = page({"words": say("שלום לכולם.", speaker="A")}, title="שלום.mp3")
    assert [attributes for tag, attributes in found.elements if tag in {"p", "h1", "cite"}] == [{"dir": "auto"}] * 3


def test_a_text_without_words_is_shown_without_times():
    found = page({"text": "All of it."})
    assert found.words == []
    assert "All of it." in found.text
    assert "(no speech was recognised)" in page({}).text


def test_analyses_stand_below_the_text():
    found = page({**TALK, "chapters": [{"headline": "The start", "summary": "They meet.", "start": 2000}]})
    assert " ".join(found.text.split()).endswith("Fine & good. Chapters 00:00:02 The start: They meet.")


def test_what_is_known_of_the_recording_stands_above_it():
    found = page(TALK, date="2026-11-23")
    assert "Talk\n2026-11-23 · 00:00:12 · en_us\n" in found.text


def test_the_recording_is_named_so_that_it_is_always_beside_the_page():
    name = "javascript:alert(1)//http://x/?a#b \"' \udcff.mp3"
    (source,) = [attributes["src"] for tag, attributes in page(TALK, recording=name).elements if tag == "audio"]
    assert source == "./javascript%3Aalert%281%29//http%3A//x/%3Fa%23b%20%22%27%20%FF.mp3"


def attributes_of(found):
    return {(tag, name) for tag, attributes in found.elements for name in attributes}


@settings(deadline=None, max_examples=100)
@given(text=st.text("ab <>&\"'/=!-;#`\\scriptonerror", min_size=1))
def test_no_text_becomes_mark_up(text):
    answer = {
        "words": say(text, speaker=text),
        "summary": text,
        "language_code": text,
        "chapters": [{"headline": text}],
    }
    plain = {"words": say("a", speaker="A"), "summary": "a", "chapters": [{"headline": "a"}]}
    found, wanted = page(answer, text, date=text), page(plain, date="a")
    assert attributes_of(found) <= attributes_of(wanted) | {("html", "lang")}
    said = " ".join(text.split())
    assert said == "" or said in " ".join(found.text.split())


@pytest.mark.parametrize("body", examples())
def test_every_body_of_the_api_reference_is_a_page_that_parses(body):
    page(example(body), body)


# --- in a browser ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


def opened(window, folder, transcript, recording=NAME, **style):
    """The page of a transcript in the browser, from a disk, beside its recording."""
    content = rendered("html", transcript, recording=recording.decode(errors="surrogateescape"), **style)
    (folder / "Talk.html").write_text(content, encoding="utf-8")
    window.log("browser")
    window.requested()
    window.open((folder / "Talk.html").as_uri())


def refused(window):
    """What the console says but for a recording that is not there."""
    return [message for message in window.log("browser") if "ERR_FILE_NOT_FOUND" not in message]


@needs_chromium
def test_a_click_on_a_word_plays_the_recording_from_there_and_loads_nothing_from_elsewhere(window, tmp_path):
    shutil.copy(RECORDING, bytes(tmp_path) + b"/" + NAME)
    opened(window, tmp_path, TALK)
    window.wait_for("return document.querySelector('audio').duration > 3")
    window.run(
        "const audio = document.querySelector('audio'); audio.onseeking = () => { window.at ??= audio.currentTime; }"
    )

    window.click("//span[text()='Fine']")

    assert window.wait_for("return window.at") == 2.0
    window.wait_for("return !document.querySelector('audio').paused")
    assert window.wait_for("return document.querySelector('.now')?.textContent") in {"Fine", "&", "good."}
    assert "Good morning, everyone." in window.run("return document.body.innerText")
    assert not window.run("return document.querySelector('label').checkVisibility()")
    assert {re.sub(r"[^/]*$", "", address) for address in window.requested()} == {tmp_path.as_uri() + "/"}
    assert refused(window) == []


@needs_chromium
def test_the_time_of_a_paragraph_plays_from_there_too(window, tmp_path):
    shutil.copy(RECORDING, tmp_path / "Talk.mp3")
    opened(window, tmp_path, TALK, b"Talk.mp3")
    window.wait_for("return document.querySelector('audio').duration > 3")
    window.click("//time[text()='00:00:02']")
    assert window.wait_for("return document.querySelector('audio').currentTime") >= 2.0


@needs_chromium
def test_a_recording_that_is_elsewhere_can_be_opened_by_the_reader(window, tmp_path):
    opened(window, tmp_path, TALK, b"gone.mp3")
    window.wait_for("return document.querySelector('label').checkVisibility()")

    window.type("//input", str(RECORDING))

    window.wait_for("return document.querySelector('audio').duration > 3")
    window.click("//span[text()='Fine']")
    assert window.wait_for("return document.querySelector('audio').currentTime") >= 2.0
    assert refused(window) == []


@needs_chromium
def test_no_script_from_a_transcript_runs(window, tmp_path):
    answer = {
        "text": EVIL,
        "words": say(EVIL, speaker=EVIL),
        "language_code": EVIL,
        "summary": EVIL,
        "chapters": [{"headline": EVIL, "summary": EVIL}],
        "entities": [{"entity_type": EVIL, "text": EVIL}],
        "translated_texts": {EVIL: EVIL},
    }
    opened(window, tmp_path, answer, date=EVIL)
    window.wait_for("return document.readyState === 'complete'")

    assert window.run("return document.title") == "Talk"
    assert window.run("return document.querySelectorAll('img, a, script').length") == 1  # the page's own script
    assert EVIL in window.run("return document.body.innerText")
    assert refused(window) == []


@needs_chromium
def test_even_mark_up_that_got_past_the_escaping_could_neither_run_nor_load(window, tmp_path):
    opened(window, tmp_path, TALK)
    content = (tmp_path / "Talk.html").read_text(encoding="utf-8")
    hostile = "<script>document.title = 'pwned'</script><img src='http://127.0.0.1:9/x' onerror='document.title = 1'>"
    (tmp_path / "Talk.html").write_text(content.replace("<main>", f"<main>{hostile}"), encoding="utf-8")
    window.open((tmp_path / "Talk.html").as_uri())
    window.wait_for("return document.readyState === 'complete'")

    assert window.run("return document.title") == "Talk"
    assert [address for address in window.requested() if address.startswith("http")] == []
    assert len([message for message in window.log("browser") if "Content Security Policy" in message]) >= 2


@needs_chromium
def test_on_paper_there_is_text_and_no_player(window, tmp_path):
    opened(window, tmp_path, TALK)
    assert "@media print" in (tmp_path / "Talk.html").read_text(encoding="utf-8")
    rules = "[...document.styleSheets[0].cssRules].find(rule => rule.media?.mediaText === 'print').cssRules"
    player = f"[...{rules}].find(rule => rule.selectorText.includes('audio'))"
    assert "display: none" in window.run(f"return {player}.cssText")
