"""The page that is made of a transcript, in a real browser."""

import re
import shutil
from pathlib import Path

import pytest

from abilities import needs_chromium
from browser import browser
from spoken import rendered, say, utterance
from waiting import wait_for

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


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        opened.resize(1280, 800)
        yield opened


def opened(window, folder, transcript, recording=NAME, **style):
    """The page of a transcript in the browser, from a disk, beside its recording."""
    content = rendered("html", transcript, recording=recording.decode(errors="surrogateescape"), **style)
    (folder / "Talk.html").write_text(content, encoding="utf-8")
    window.log("browser")
    window.requested()
    window.open((folder / "Talk.html").as_uri())


def refused(window):
    """The messages of the console, without those about a recording that is not there."""
    return [message for message in window.log("browser") if "ERR_FILE_NOT_FOUND" not in message]


@needs_chromium
def test_a_click_on_a_word_plays_the_recording_from_there_and_loads_nothing_from_elsewhere(window, tmp_path):
    shutil.copy(bytes(RECORDING), bytes(tmp_path) + b"/" + NAME)
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
    assert style(window, ".player", "position") == "static", "with the question in it, it is too high to stay"

    window.type("//input", str(RECORDING))

    window.wait_for("return document.querySelector('audio').duration > 3")
    window.click("//span[text()='Fine']")
    assert window.wait_for("return document.querySelector('audio').currentTime") >= 2.0
    assert style(window, ".player", "position") == "sticky"
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
def test_on_paper_there_is_no_player_and_no_paragraph_is_parted_from_its_name(window, tmp_path):
    opened(window, tmp_path, TALK)
    window.emulate(media="print")
    assert style(window, ".player", "display") == "none"
    assert style(window, "main > div", "breakInside") == "avoid"
    window.emulate()


@needs_chromium
def test_a_link_to_a_moment_shows_it_and_the_page_follows_what_plays(window, tmp_path):
    turns = [utterance("AB"[number % 2], f"Sentence {number}.", number * 1000) for number in range(200)]
    opened(window, tmp_path, {"utterances": turns})
    window.run("location.hash = '#t=150'")
    seen = "const at = document.querySelector('.now').getBoundingClientRect(); return [at.top, innerHeight]"
    top, height = wait_for(lambda: window.run(f"if (document.querySelector('.now')) {{ {seen} }}"), "a word is marked")
    wait_for(lambda: 0 < window.run(seen)[0] < window.run(seen)[1], f"it is seen, not at {top} of {height}")


@needs_chromium
def test_a_click_on_a_chapters_time_shows_the_place_where_it_begins(window, tmp_path):
    shutil.copy(RECORDING, tmp_path / "Talk.mp3")
    turns = [utterance("AB"[number % 2], f"Sentence{number}", number * 100) for number in range(101)]
    chapters = [{"headline": "The end", "start": 10_000}]
    opened(window, tmp_path, {"utterances": turns, "chapters": chapters}, b"Talk.mp3")
    window.wait_for("return document.querySelector('audio').duration > 3")
    assert not window.run(IN_SIGHT, "Sentence100")
    window.click("//li//time")
    window.wait_for(f"return (() => {{ {IN_SIGHT.replace('arguments[0]', repr('Sentence100'))} }})()")


@needs_chromium
@pytest.mark.parametrize(("width", "height", "position"), [(390, 844, "sticky"), (844, 390, "static")])
def test_on_a_phone_the_player_leaves_most_of_the_window_to_the_text(window, tmp_path, width, height, position):
    window.resize(width, height)
    shutil.copy(RECORDING, tmp_path / "Talk.mp3")
    opened(window, tmp_path, TALK, b"Talk.mp3")
    assert style(window, ".player", "position") == position
    assert window.run("return document.querySelector('.player').offsetHeight") < 0.25 * height or position == "static"
    assert window.run("return document.documentElement.scrollWidth <= innerWidth")
    window.resize(1280, 800)


@needs_chromium
def test_all_of_a_page_is_in_a_landmark(window, tmp_path):
    opened(window, tmp_path, {**TALK, "chapters": [{"headline": "The start", "start": 0}]})
    assert window.run("return [...document.querySelectorAll('section')].every(each => each.closest('main'))")
    parts = "[...document.body.children].filter(each => each.matches(':not(script)'))"
    assert window.run(f"return {parts}.map(each => each.getAttribute('role') ?? each.localName)") == [
        "header",
        "region",
        "main",
    ]


@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_small_print_stands_out_from_its_ground(window, tmp_path, scheme):
    """WCAG 2.2, 1.4.3: 4.5 to 1."""
    opened(window, tmp_path, TALK)
    window.emulate(scheme=scheme)
    ground = brightness(style(window, ":root", "backgroundColor"))
    for part in ("time", "header p"):
        darker, lighter = sorted([ground, brightness(style(window, part, "color"))])
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5
    window.emulate()


#: True if the element with this text is to be seen.
IN_SIGHT = """
const found = [...document.querySelectorAll("span")].find(each => each.textContent === arguments[0]);
const {top, bottom} = found.getBoundingClientRect();
return top >= 0 && bottom <= innerHeight;
"""


def style(window, part, name):
    return window.run(f"return getComputedStyle(document.querySelector(arguments[0])).{name}", part)


def brightness(color):
    """The relative luminance of a colour: `rgb(0, 0, 0)`, or `color(srgb 0.3 0.3 0.3)` as mixed ones are given."""
    parts = [float(part) for part in re.findall(r"[0-9.]+", color)][:3]
    shares = parts if color.startswith("color(") else [part / 255 for part in parts]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
