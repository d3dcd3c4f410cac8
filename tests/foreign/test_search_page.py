"""The page for searches, in a real browser and opened from a folder."""

import pytest

from abilities import needs_chromium
from browser import browser
from transcribed import search_page
from transcribed.formats import finding

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
    (folder / search_page.FOLDER).mkdir()
    for number, (name, text) in enumerate(SPOKEN.items()):
        script = search_page.piece(spoken(text), file=name, day="2026-11-27", links=[("html", f"{name}.html")])
        (folder / search_page.FOLDER / f"{number}.js").write_bytes(script)
    names = [f"{number}.js" for number in range(len(SPOKEN))]
    (folder / "_search.html").write_bytes(search_page.html(f"Search: {EVIL}", names, is_cut=False))
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        opened.resize(390, 800)
        opened.open((folder / "_search.html").as_uri())
        yield opened


def found(window, query):
    """The names of the recordings that the page shows for a query."""
    window.run(
        "const field = document.querySelector('input'); field.value = arguments[0];"
        "field.dispatchEvent(new Event('input')); document.querySelector('output').textContent = 'wait';",
        query,
    )
    window.wait_for("return document.querySelector('output').textContent !== 'wait'")
    return set(window.run("return [...document.querySelectorAll('li .name')].map((each) => each.textContent)"))


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
    assert found(window, query) == {name for name, each in places.items() if None not in each}


@needs_chromium
def test_the_page_shows_the_moment_the_words_around_and_a_link_that_plays_from_there(window):
    found(window, "nobody")
    assert window.run("return document.querySelector('li time').textContent") == "00:00:10"
    assert window.run("return document.querySelector('li a').getAttribute('href')") == "./Talk.mp3.html#t=10"
    snippet = window.run("return document.querySelector('li p:last-child').textContent")
    assert snippet == finding.place(spoken(SPOKEN["Talk.mp3"]), finding.terms("nobody")).snippet


@needs_chromium
def test_a_hostile_text_is_shown_and_does_not_run_and_nothing_comes_from_elsewhere(window):
    assert found(window, "evil") == {f"{EVIL}.mp3"}
    assert window.run("return document.title") == f"Search: {EVIL}"
    assert window.run("return document.querySelectorAll('img').length") == 0
    assert all(address.startswith("file:") for address in window.requested())
    assert window.run("return document.documentElement.scrollWidth <= 390")
    assert window.log("browser") == []
