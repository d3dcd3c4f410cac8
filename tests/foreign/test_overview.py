"""The page in the share, in a real browser."""

import time

import pytest

from abilities import needs_chromium
from browser import browser
from transcribed.overview import SILENT_MINUTES, Block, Delivered, Month, Overview, Row, html
from transcribed.worker.people.pages import MARK

EVIL = '"\'><script>document.title="pwned"</script><img src=x onerror=document.title="pwned"><a href=javascript:0>'
WHOLE = Overview(
    title=f"Transcripts: {EVIL}",
    blocks=[Block("2026-11-27 21:02", EVIL, EVIL, EVIL)],
    under_way=[Row(EVIL, EVIL, EVIL, EVIL, 40), Row("x" * 200, "waits")],
    open_count=12,
    lying=[Row(EVIL, EVIL)],
    failed=[Row(EVIL, EVIL, EVIL, EVIL)],
    delivered=[Delivered(EVIL, EVIL, ((EVIL, EVIL), ("txt", "a b/Talk #1.txt")), EVIL)],
    month=Month(EVIL, (0.0, 2.5, 1.0), EVIL),
    may_ask=True,
    search_page="_search.html",
)


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


def opened(window, folder, overview=WHOLE, *, minutes_ago=0.0):
    """The page in the browser, from a disk, as it was written so long ago."""
    page = folder / "_transcribed.html"
    page.write_bytes(MARK.signed(html(overview, written_at=time.time() - 60 * minutes_ago, written="just now")))
    window.log("browser")
    window.requested()
    window.open(page.as_uri())
    window.wait_for("return document.readyState === 'complete'")


@needs_chromium
def test_no_script_from_a_name_or_a_reason_runs_and_nothing_is_loaded(window, tmp_path):
    opened(window, tmp_path)
    assert window.run("return document.title") == WHOLE.title
    assert window.run("return document.querySelectorAll('script').length") == 1
    assert window.run("return document.querySelectorAll('img').length") == 0
    hrefs = window.run("return [...document.querySelectorAll('a')].map(link => link.href)")
    assert all(each.startswith(tmp_path.as_uri() + "/") for each in hrefs)
    assert window.requested() == [(tmp_path / "_transcribed.html").as_uri()]
    assert window.log("browser") == []


@needs_chromium
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_as_wide_as_the_screen_and_no_wider(window, tmp_path, width):
    window.resize(width, 800)
    opened(window, tmp_path)
    assert window.run("return document.documentElement.scrollWidth <= innerWidth")


@needs_chromium
def test_a_link_opens_the_transcript_beside_the_page(window, tmp_path):
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "Talk #1.txt").write_text("Good morning.")
    opened(window, tmp_path)
    window.click("//a[text()='txt']")
    window.wait_for("return document.body.innerText.includes('Good morning.')")


@needs_chromium
@pytest.mark.parametrize(
    ("overview", "minutes_ago", "is_told"),
    [(WHOLE, 0, False), (WHOLE, SILENT_MINUTES + 1, True), (Overview("Talks"), 10 * SILENT_MINUTES, False)],
)
def test_an_old_page_says_that_the_daemon_is_silent_where_it_had_work(window, tmp_path, overview, minutes_ago, is_told):
    opened(window, tmp_path, overview, minutes_ago=minutes_ago)
    assert window.run("return document.getElementById('silent').checkVisibility()") == is_told


@needs_chromium
def test_a_date_is_not_parted_at_the_end_of_a_line(window, tmp_path):
    rows = [Row("Talk.mp3", "x" * length, at="since 2026-11-27 09:02") for length in range(40)]
    window.resize(390, 800)
    opened(window, tmp_path, Overview("Talks", under_way=rows))
    assert window.run("return new Set([...document.querySelectorAll('time')].map(each => each.offsetHeight)).size") == 1


@needs_chromium
def test_on_paper_the_plot_has_the_colours_for_white_though_the_screen_is_dark(window, tmp_path):
    opened(window, tmp_path)
    fill = "return getComputedStyle(document.querySelector('rect')).fill"
    on_white = window.run(fill)
    window.emulate(scheme="dark")
    assert window.run(fill) != on_white
    window.emulate(media="print", scheme="dark")
    assert window.run(fill) == on_white
    window.emulate()


@needs_chromium
def test_the_mark_of_the_file_is_small_print_in_the_footer(window, tmp_path):
    opened(window, tmp_path)
    assert window.run("return document.querySelector('footer').textContent").strip().endswith("[transcribed: overview]")
