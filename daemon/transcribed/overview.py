"""The page in the share: how things are with the recordings of one outbox, for people who have only the share.

Rules: values in, bytes out: no clock, no I/O. The page loads nothing, and its policy (Content-Security-Policy) allows
only the script and the style sheet of this module, by their hashes. Each name and each reason is escaped. It holds
nothing but what its outbox's own inboxes have. It can be read without JavaScript, and on paper.

Its last line is the mark by which the file is known as ours, so the last end tags are left out, as HTML allows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from transcribed.formats.page import beside, hash_source

SILENT_MINUTES = 30  #: a page of work under way that is older than this says so
_MOST_NAMED = 50

_STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; background: Canvas; color: CanvasText; }
body { max-width: 52rem; margin: 1.5rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
h1, h2 { line-height: 1.25; }
.small, footer, time, dt { color: color-mix(in srgb, CanvasText 72%, Canvas); font-size: .85rem; }
.state { font-size: 1.1rem; margin: .25rem 0; }
.block { border-left: .3rem solid #b35900; padding: .25rem .75rem; margin: 1rem 0; }
.block p { margin: .25rem 0; }
ul { list-style: none; padding: 0; margin: 0; }
li { padding: .5rem 0; border-top: 1px solid color-mix(in srgb, CanvasText 18%, Canvas); }
li p { margin: 0; }
.name { font-weight: 600; }
progress { width: 8rem; vertical-align: middle; }
a, li .small { margin-right: .75rem; }
time { display: inline-block; }
svg { width: 100%; max-width: 36rem; height: auto; display: block; }
rect { fill: #2b6cb0; }
svg text, svg line { fill: CanvasText; stroke: none; font: 10px system-ui, sans-serif; }
svg line { stroke: color-mix(in srgb, CanvasText 40%, Canvas); }
footer, details { margin-top: 2rem; }
@media screen and (prefers-color-scheme: dark) { rect { fill: #7fb2e5; } .block { border-color: #f0a050; } }
@media print { body { max-width: none; margin: 0; } li, .block { break-inside: avoid; } h2 { break-after: avoid; } }
"""

_SCRIPT = """
"use strict";
const page = document.querySelector("main");
const look = () => {
  const minutes = (Date.now() / 1000 - Number(page.dataset.written)) / 60;
  const isSilent = page.dataset.busy === "yes" && minutes > Number(page.dataset.silent);
  document.getElementById("silent").hidden = !isSilent;
};
look();
setInterval(look, 30000);
const isInUse = () => document.activeElement !== document.body || getSelection().toString() !== "";
setInterval(() => { if (!document.hidden && !isInUse()) location.reload(); }, 60000);
"""

_POLICY = (
    f"default-src 'none'; style-src {hash_source(_STYLE)}; script-src {hash_source(_SCRIPT)}; base-uri 'none'; "
    "form-action 'none'"
)
_SILENT = (
    f"There was no word from transcribed for {SILENT_MINUTES} minutes, though it had work: it may not be running. "
    "Nothing is lost. Tell the person who runs it."
)


@dataclass(frozen=True, slots=True)
class Block:
    """Something that recordings wait for: since when, why, what is to be done, and when it goes on."""

    since: str
    reason: str
    hint: str = ""
    again: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One recording, and how it is with it. `percent`: of what it is at; None where nobody knows."""

    file: str
    words: str
    hint: str = ""
    at: str = ""
    percent: int | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """One recording that was delivered. `links`: the words and the path of each file, below the folder of the page."""

    file: str
    at: str
    links: tuple[tuple[str, str], ...] = ()
    length: str = ""


@dataclass(frozen=True, slots=True)
class Month:
    """The hours of audio that were paid for on each day of a month so far; in words the questions, and the price."""

    name: str
    hours: tuple[float, ...]
    money: str = ""
    asked: str = ""


@dataclass(frozen=True, slots=True)
class Overview:
    """All that a page shows. `open_count` counts the recordings on their way, also those that no row names.

    `asked`: questions about transcripts that wait for a person, `asked_count` of them.
    """

    title: str
    blocks: Sequence[Block] = ()
    under_way: Sequence[Row] = ()
    open_count: int = 0
    lying: Sequence[Row] = ()
    failed: Sequence[Row] = ()
    delivered: Sequence[Delivered] = ()
    month: Month | None = None
    may_ask: bool = False  #: people at the share may have questions asked, which are paid for
    search_page: str = ""  #: the path of the page for searches, from here; empty where none is wanted
    asked: Sequence[Row] = ()
    asked_count: int = 0

    @property
    def is_busy(self) -> bool:
        """True while something is on its way, or waits: then the page is written again though nothing has changed."""
        return bool(self.open_count or self.lying or self.blocks)


def html(overview: Overview, *, written_at: float, written: str) -> bytes:
    """The page but for its mark. `written_at`: seconds since the epoch; `written`: the same, for people."""
    title = escape(overview.title)
    busy = "yes" if overview.is_busy else "no"
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>",
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
        f'<main data-written="{written_at:.0f}" data-busy="{busy}" data-silent="{SILENT_MINUTES}">',
        f'<h1 dir="auto">{title}</h1>',
        f'<p class="state">{_state(overview)}</p>',
        f'<p class="block" id="silent" role="alert" hidden>{_SILENT}</p>',
        *_search(overview.search_page),
        *map(_block, overview.blocks),
        *_section("On the way", [*map(_row, overview.under_way)], overview.open_count),
        *_section("Not taken yet", [*map(_row, overview.lying)]),
        *_section("Failed", [*map(_row, overview.failed)]),
        *_section("Questions that wait for a person", [*map(_row, overview.asked)], overview.asked_count),
        *_section("Delivered last", [*map(_delivered, overview.delivered)]),
        *_month(overview.month),
        _orders(may_ask=overview.may_ask),
        "</main>",
        f"<script>{_SCRIPT}</script>",
        "<footer>",
        f"<p>Written at {escape(written)}. {_WHEN}</p>",
        "<p>",
    ]
    return "\n".join([*lines, ""]).encode("utf-8", "backslashreplace")


_WHEN = (
    "This page is written when something changes. A recording that was dropped some minutes ago and that is not here "
    "was not seen: then transcribed may not be running."
)


_ASKING = (
    '<li><p><span class="name">Talk.understand.toml</span>: <code>summary = true</code> for a summary, or '
    '<code>translate = ["de"]</code> for a translation. This is paid for.</p></li>'
)


def _orders(*, may_ask: bool) -> str:
    """The things that people can do without a command; docs/corrections.md has all of them."""
    return (
        "<details><summary>What you can do here</summary>"
        "<p>Put a small text file into the inbox, in the folder where the recording lay. For a recording "
        'Talk.mp3:</p><ul><li><p><span class="name">Talk.speakers.toml</span>: a line such as '
        '<code>A = "Anna Berg"</code> for each speaker. All files have the names then.</p></li>'
        '<li><p><span class="name">Talk.corrected.txt</span>: a copy of Talk.txt in which you corrected words. '
        f"All files have them then.</p></li>{_ASKING if may_ask else ''}</ul>"
        "<p>To try a recording again that failed, put it back into the inbox. To cancel one that is not sent yet, "
        "take it out of the inbox.</p></details>"
    )


def _search(path: str) -> Iterator[str]:
    if path:
        yield f'<p><a href="{beside(path)}">Search in the transcripts</a></p>'


def _state(overview: Overview) -> str:
    count = overview.open_count
    if overview.blocks:
        return "Recordings wait. Nothing is lost: they wait where they are."
    if count:
        return f"{count} recording{'s are' if count > 1 else ' is'} on the way."
    return "Some files are not taken yet." if overview.lying else "Nothing waits."


def _block(block: Block) -> str:
    hint = f"<p>What to do: {escape(block.hint)}</p>" if block.hint else ""
    again = f"<p>{escape(block.again)}</p>" if block.again else ""
    return f'<div class="block"><p>Since {escape(block.since)}: {escape(block.reason)}</p>{hint}{again}</div>'


def _section(title: str, rows: list[str], count: int = 0) -> Iterator[str]:
    """A list under a title; nothing where it is empty. `count`: of all, where the rows are only the first."""
    if not (rows or count):
        return
    shown = rows[:_MOST_NAMED]
    yield f"<section><h2>{title}</h2>"
    yield from ("<ul>", *shown, "</ul>") if shown else ()
    if (more := max(count, len(rows)) - len(shown)) > 0:
        yield f'<p class="small">and {more} more</p>'
    yield "</section>"


def _row(row: Row) -> str:
    at = f" <time>{escape(row.at)}</time>" if row.at else ""
    bar = "" if row.percent is None else f' <progress max="100" value="{row.percent}">{row.percent} %</progress>'
    hint = f"<p>What to do: {escape(row.hint)}</p>" if row.hint else ""
    return f'<li><p class="name" dir="auto">{escape(row.file)}</p><p>{escape(row.words)}{bar}{at}</p>{hint}</li>'


def _delivered(each: Delivered) -> str:
    of = escape(f" of {each.file}")
    links = "".join(
        f'<a href="{beside(path)}" aria-label="{escape(words)}{of}">{escape(words)}</a>' for words, path in each.links
    )
    length = f"{escape(each.length)} " if each.length else ""
    return (
        f'<li><p class="name" dir="auto">{escape(each.file)}</p><p>{links}'
        f'<span class="small">{length}</span><time>{escape(each.at)}</time></p></li>'
    )


def _month(month: Month | None) -> Iterator[str]:
    """The hours of the month as a plot, and in words."""
    if month is None or not (any(month.hours) or month.asked):
        return
    total, name = sum(month.hours), escape(month.name)
    asked = f", {escape(month.asked)} answered" if month.asked else ""
    money = f", {escape(month.money)}" if month.money else ""
    yield f"<section><h2>{name}</h2>"
    yield f"<p>{total:.1f} hours of audio were transcribed{asked}{money}. Today: {month.hours[-1]:.1f} hours.</p>"
    yield f'<svg viewBox="0 0 310 70" role="img" aria-label="Hours on each day of {name}">'
    most = max(month.hours) or 1.0
    for number, hours in enumerate(month.hours):
        height = 50 * hours / most
        title = f"<title>{number + 1}: {hours:.1f} hours</title>"
        yield f'<rect x="{10 * number + 1}" y="{55 - height:.1f}" width="8" height="{height:.1f}">{title}</rect>'
    yield '<line x1="0" y1="55.5" x2="310" y2="55.5"/>'
    yield from (f'<text x="{10 * day - 9}" y="67">{day}</text>' for day in (1, 8, 15, 22, 29))
    yield "</svg></section>"
