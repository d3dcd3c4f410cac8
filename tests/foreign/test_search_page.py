"""The page for searches, in a real browser and opened from a folder."""

# ruff: noqa: RUF001  the letters of many languages, some of which look alike

import json
import random
import unicodedata

import pytest

import search_share as share
from abilities import needs_chromium
from browser import browser
from transcribed import search
from transcribed.formats import finding
from transcribed.formats.transcript import clean, hms

EVIL = '"\'></script><script>document.title="pwned"</script><img src=x onerror=document.title="pwned">'


def spoken(text):
    words = [{"text": each, "start": 1000 * i, "end": 1000 * i + 900} for i, each in enumerate(text.split())]
    return {"text": text, "words": words}


SPOKEN = {
    "Talk.mp3": "So then we approved the budget of Mr. Müller, and nobody said a word against it, as far as I know.",
    "Walk.mp3": "It rained. The Budget was not approved: don't ask.",
    "Tokyo.mp3": "今日は会議です。",
    f"{EVIL}.mp3": f"evil {EVIL} \u2028 words",
}


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    folder = tmp_path_factory.mktemp("share")
    writing = share.Writing(folder)
    for number, (name, text) in enumerate(SPOKEN.items(), 1):
        writing.put({number: (name, json.dumps(spoken(text)).encode())})
    writing.show(f"Search: {EVIL}")
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        opened.resize(390, 800)
        opened.open((folder / "_search.html").as_uri())
        yield opened


@needs_chromium
@pytest.mark.parametrize(
    "query",
    [
        *("budget", "BUDGET muller", "approved budget", '"approved the budget"', '"the budget approved"', "appr*"),
        *("appr", "会", "don't", '"', '"budget', "(rained) OR -x"),
    ],
)
def test_the_page_finds_what_the_rules_of_the_command_line_find(window, query):
    terms = finding.terms(query)
    places = {
        name: [finding.place(spoken(text), [term]).at_ms for term in terms] for name, text in SPOKEN.items() if terms
    }
    assert share.found(window, query) == {name for name, each in places.items() if None not in each}


@needs_chromium
def test_the_page_shows_the_moment_the_words_around_and_a_link_that_plays_from_there(window):
    share.found(window, "nobody")
    assert window.run("return document.querySelector('li time').textContent") == "00:00:10"
    assert window.run("return document.querySelector('li a').getAttribute('href')") == "./Talk.mp3.html#t=10"
    snippet = window.run("return document.querySelector('li p:last-child').textContent")
    assert snippet == finding.place(spoken(SPOKEN["Talk.mp3"]), finding.terms("nobody")).snippet


@needs_chromium
def test_a_hostile_text_is_shown_and_does_not_run_and_nothing_comes_from_elsewhere(window):
    assert share.found(window, "evil") == {f"{EVIL}.mp3"}
    assert window.run("return document.title") == f"Search: {EVIL}"
    assert window.run("return document.querySelectorAll('img').length") == 0
    assert all(address.startswith("file:") for address in window.requested())
    assert window.run("return document.documentElement.scrollWidth <= 390")
    assert window.log("browser") == []


#: Words that are names in JavaScript, and letters that languages treat differently.
ODD = [
    *("constructor", "__proto__", "toString", "hasOwnProperty", "ΟΔΟΣ", "Straße", "STRASSE", "İstanbul", "ısı"),
    *("हिन्दी", "회의록", "ﬁne", "Ｆｕｌｌ", "𐐀𐐁", "𝒜bc", "naïve", "e\u0301te\u0301", "ภาษาไทย"),
    *("株式会社", "½", "２０２６", "\uffebx", "z", "\U0001d7d8", "x" * 500, "</script>"),
]
QUERIES = [
    *("constructor", "__proto__", "proto", "tostr*", "hasownproperty", "οδοσ", "οδος", "οδ*", "strasse", "straße"),
    *("istanbul", "ISI", "हिन्दी", "회의*", "회의", "회*", "fine", "full", "𐐨𐐩", "abc", "naive", "été", "ไทย"),
    *("会社", "½", "2026", "z", "z*", "x" * 500, "x" * 400 + "*", "script", "w1 w2", '"w1 w2"', '"w2 w1 w3"', "w1*"),
    *('"w1 w1*"', "w40", "nothing", "w1 nothing", '"w3 w1" w20', "*", "w\u202a1", "W7"),
]


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A share with 300 recordings, some of which are gone again, and the command's index of them."""
    folder = tmp_path_factory.mktemp("many")
    chosen, names = random.Random(18), [f"w{rank}" for rank in range(1, 400)]
    weights = [1 / rank for rank in range(1, 400)]
    answers = {
        number: json.dumps(spoken(" ".join([*chosen.choices(names, weights, k=60), *chosen.sample(ODD, 2)]))).encode()
        for number in range(1, 301)
    }
    writing, index = share.Writing(folder), search.Index(str(folder), lambda known: {"": answers[int(known)]})
    for start in range(1, 301, 7):
        some = [number for number in range(start, start + 7) if number in answers]
        writing.put({number: (f"{number}", answers[number]) for number in some})
    index.put([str(number) for number in answers])
    gone = list(range(5, 301, 11))
    writing.take_out(gone)
    index.take_out([str(number) for number in gone])
    writing.show("Many")
    return folder, answers


@pytest.fixture(scope="module")
def many_window(many, tmp_path_factory):
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        opened.open((many[0] / "_search.html").as_uri())
        yield opened


@needs_chromium
def test_of_many_recordings_the_page_finds_the_same_as_the_command(many, many_window):
    folder, answers = many
    counts = {}
    for query in QUERIES:
        of_index = set(search.ranked(str(folder), query, 1000)) if finding.terms(query) else set()
        assert share.found(many_window, query) == of_index, query
        counts[query] = len(of_index)
        first = many_window.run("return document.querySelector('li .name')?.textContent")
        if first is not None:
            place = finding.place(json.loads(answers[int(first)]), finding.terms(query))
            assert many_window.run("return document.querySelector('li p:last-child').textContent") == place.snippet
            moment = many_window.run("return document.querySelector('li time').textContent")
            assert moment == hms(place.at_ms or 0), query
    assert sum(count > 20 for count in counts.values()) > 5
    assert {query for query, count in counts.items() if not count} == {"회의", "nothing", "w1 nothing", "*"}


@needs_chromium
def test_each_sign_of_unicode_is_read_by_the_page_as_by_the_command(many_window):
    """But for those that are new in Unicode, and those that are taken out of any text."""
    signs = map(chr, range(0x20000))
    texts = [f"a{sign}b" for sign in signs if unicodedata.category(sign) not in ("Cn", "Cs", "Co") and clean(sign)]
    read = many_window.run("return arguments[0].map((text) => tokens(text).join(' '))", texts)
    of_command = [finding.searched({"text": text}) for text in texts]
    assert [each for each in zip(texts, read, of_command, strict=True) if each[1] != each[2]] == []


@needs_chromium
def test_a_part_that_cannot_be_loaded_is_told_and_is_asked_for_again(many, many_window):
    folder, _ = many
    pieces = [*(folder / "_search").glob("w-*.js")]
    many_window.run("held.clear()")
    for path in pieces:
        path.rename(path.with_suffix(".away"))
    assert "reload the page" in share.said(many_window, "w20")
    assert many_window.run("return document.querySelectorAll('li').length") == 0
    assert not many_window.run("return document.querySelector('#reload').hidden")
    for path in pieces:
        path.with_suffix(".away").rename(path)
    assert share.said(many_window, "w20").startswith("Found in")
    assert many_window.run("return document.querySelector('#reload').hidden")


@needs_chromium
def test_a_page_that_is_older_than_its_folder_says_so_and_one_that_waits_for_recordings_too(tmp_path_factory):
    folder = tmp_path_factory.mktemp("older")
    writing = share.Writing(folder)
    answer = json.dumps(spoken("We approved the budget.")).encode()
    writing.put({1: ("1", answer), 2: ("2", answer)})
    writing.show("Older", waiting=7)
    with browser(tmp_path_factory.mktemp("browser")) as window:
        window.open((folder / "_search.html").as_uri())
        assert share.said(window, "rained") == "Nothing was found. 7 more are not searched yet."
        writing.take_out([2])
        assert "reload the page" in share.said(window, "budget")
        writing.show("Newer")
        window.click("//button[@id='reload']")
        window.wait_for("return document.title === 'Newer'")
        assert share.found(window, "budget") == {"1"}
