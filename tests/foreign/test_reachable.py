"""Each page that people read can be used by everybody: on a phone, in the dark, by the keyboard, as axe-core judges."""

import functools
import http.server
import json
import shutil
import threading
import time
from pathlib import Path

import pytest

from abilities import needs_chromium
from browser import browser
from search_share import Writing
from spoken import rendered, utterance
from transcribed import overview
from transcribed.worker.people.pages import MARK

RECORDING = Path(__file__).parents[2] / "daemon" / "transcribed" / "demo" / "recording.mp3"

#: Names and texts as strangers give them: mark-up, a script, one word without an end, and Hebrew.
EVIL = '"\'></script><script>document.title="pwned"</script><img src=//127.0.0.1:9/x onerror=document.title="pwned">'
LONG = "Protokoll" * 25
RTL = "פגישה עם Anna (סופי).mp3"
NAMES = (EVIL, LONG, RTL, "Talk #1.mp3")

BUSY = overview.Overview(
    title=f"Transcripts: {EVIL}",
    blocks=[overview.Block("2026-11-27 21:02", f"the account {EVIL} {LONG} has no money", EVIL, EVIL)],
    under_way=[overview.Row(name, f"waits: {EVIL}", EVIL, "since 21:02", 40) for name in NAMES],
    open_count=120,
    lying=[overview.Row(name, EVIL) for name in NAMES],
    failed=[overview.Row(name, f"{EVIL} {LONG}", LONG, "2026-11-27 20:11") for name in NAMES],
    delivered=[
        overview.Delivered(name, "2026-11-27 20:05", (("txt", f"{number}.txt"), ("srt", f"{number}.srt")), "1 h 20 min")
        for number, name in enumerate(NAMES)
    ],
    month=overview.Month(f"November {EVIL}", tuple(0.5 * (day % 7) for day in range(27)), "12.30 USD"),
)
TURNS = [utterance(EVIL, f"budget {EVIL}"), utterance("B", f"{LONG} {RTL}", 2000)]
SPOKEN = {
    "text": EVIL,
    "language_code": "en_us",
    "audio_duration": 12,
    "utterances": TURNS,
    "summary": f"{EVIL} {LONG}",
    "chapters": [{"headline": EVIL, "summary": LONG, "start": 0}, {"headline": RTL, "start": 2000}],
    "entities": [{"entity_type": EVIL, "text": RTL}],
    "translated_texts": {"he": RTL},
}
PAGES = ("_transcribed.html", "_search.html", "Talk.html")
#: Where the keyboard has to stop, in this order.
STOPS = "a[href], button, input:not([type=file]), audio[controls]"


@pytest.fixture(scope="module")
def share(tmp_path_factory):
    """An outbox with the three pages, and all that they lead to."""
    folder = tmp_path_factory.mktemp("share")
    (folder / "_transcribed.html").write_bytes(
        MARK.signed(overview.html(BUSY, written_at=time.time() - 9000, written="2026-11-27 21:05"))
    )
    writing = Writing(folder, lambda name: [("html", "Talk.html"), ("txt", f"{NAMES.index(name)}.txt")])
    words = json.dumps({"words": [word for each in TURNS for word in each["words"]]}).encode()
    writing.put({number + 1: (name, words) for number, name in enumerate(NAMES)})
    for number in range(len(NAMES)):
        (folder / f"{number}.txt").write_text(f"the text {number}")
    writing.show(f"Search: {EVIL}")
    (folder / "Talk.html").write_text(rendered("html", SPOKEN, recording="Talk.mp3", date=EVIL), encoding="utf-8")
    shutil.copy(RECORDING, folder / "Talk.mp3")
    return folder


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        """Tell nobody."""


@pytest.fixture(scope="module")
def served(share):
    """The address of a web server that serves the folder."""
    handler = functools.partial(_Quiet, directory=str(share))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(params=["a folder", "a web server"])
def address(request, share, served):
    return share.as_uri() if request.param == "a folder" else served


def opened(window, address, page):
    """The page, with something found where it searches."""
    window.log("browser")
    window.requested()
    window.open(f"{address}/{page}")
    window.wait_for("return document.readyState === 'complete'")
    if page == "_search.html":
        window.type("//input", "budget")
        window.wait_for(f"return document.querySelectorAll('li').length === {len(NAMES)}")
    if page == "Talk.html":
        window.wait_for("return document.querySelector('audio').duration > 3")


@needs_chromium
@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_no_finding_of_axe_is_no_wider_than_the_screen_runs_nothing_and_asks_nobody(window, address, page):
    window.resize(390, 800)
    window.emulate(scheme="light")
    opened(window, address, page)
    for width in (390, 1280):
        for scheme in ("light", "dark"):
            window.resize(width, 800)
            window.emulate(scheme=scheme)
            assert window.judged() == [], (width, scheme)
            assert window.run("return document.documentElement.scrollWidth <= innerWidth"), (width, scheme)
    window.resize(390, 800)
    window.run("document.documentElement.style.fontSize = '200%'")
    assert window.run("return document.documentElement.scrollWidth <= innerWidth"), "with letters twice as large"
    assert window.run("return document.querySelectorAll('img').length") == 0
    assert "pwned" in window.run("return document.body.innerText")
    assert window.run("return document.title") != "pwned"
    assert [each for each in window.requested() if not each.startswith(f"{address}/")] == []
    assert window.log("browser") == []


#: The next Tab goes to the first stop, whatever had the focus.
FROM_THE_TOP = """
document.body.tabIndex = -1;
document.body.focus();
document.body.removeAttribute("tabindex");
"""
#: The place of what has the focus among all that must have it, and how it is marked. The browser's player marks inside.
FOCUSED = f"""
const at = document.activeElement;
const all = [...document.querySelectorAll("{STOPS}")].filter(each => each.checkVisibility());
const {{ outlineStyle, outlineWidth }} = getComputedStyle(at);
const box = at.getBoundingClientRect();
const is_marked = at.matches("audio, :focus-visible") && (outlineStyle !== "none" || at.matches("audio"));
return {{ at: all.indexOf(at), of: all.length, is_marked, is_seen: box.top >= 0 && box.bottom <= innerHeight }};
"""


def pressed_tab(window):
    window.press("Tab")
    return window.run(FOCUSED)


@needs_chromium
@pytest.mark.parametrize("page", PAGES)
def test_the_tab_key_stops_at_all_that_can_be_used_in_the_order_of_the_page_and_shows_where(window, share, page):
    window.resize(390, 800)
    opened(window, share.as_uri(), page)
    window.run(FROM_THE_TOP)
    stops = []
    while (stop := pressed_tab(window))["at"] >= 0:
        stops.append(stop["at"])
        assert stop["is_marked"], stop
        assert stop["is_seen"], stop
    assert list(dict.fromkeys(stops)) == list(range(window.run(FOCUSED)["of"]))  # the player has some inside
    assert len(stops) > 3


@needs_chromium
def test_a_search_is_done_by_the_keyboard_from_its_labelled_field_to_the_text(window, share):
    opened(window, share.as_uri(), "_search.html")
    window.open(f"{share.as_uri()}/_search.html")
    assert window.run("return document.querySelector('label').control.type") == "search"
    window.press("Tab")
    window.write("protokoll*")
    window.wait_for("return document.querySelector('output').textContent.startsWith('Found in')")
    window.press("Tab")
    window.press("Tab")
    window.press("Enter")
    window.wait_for("return document.body.innerText.startsWith('the text')")


@needs_chromium
def test_the_enter_key_opens_a_transcript_and_plays_from_a_time(window, share):
    opened(window, share.as_uri(), "_transcribed.html")
    window.press("Tab")
    window.press("Enter")
    window.wait_for("return document.body.innerText === 'the text 0'")
    opened(window, share.as_uri(), "Talk.html")
    window.run("[...document.querySelectorAll('button')].at(-1).focus()")
    window.press("Enter")
    window.wait_for("return document.querySelector('audio').currentTime >= 2")
