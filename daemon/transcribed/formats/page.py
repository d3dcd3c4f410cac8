"""A transcript as one page for a browser (.html): the text, its speakers, and the recording to listen to.

Rules: the page is complete and loads only the recording, whose place beside it is in the style. Its policy
(Content-Security-Policy) allows only the script and the style sheet of this module, by their hashes: a script in a
transcript could not run even if the escaping failed. A click on a word plays from there. If the recording is not where
the page expects it, the reader can open it from a disk. The text can be read without JavaScript, and on paper.

A paragraph is marked as Podcasting 2.0 asks (cite, time, p).
"""

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from urllib.parse import quote

from transcribed.formats.content import TRANSCRIPT, Content
from transcribed.formats.direction import is_rtl, runs_leftward
from transcribed.formats.findings import Entry, Section
from transcribed.formats.languages import tag_of
from transcribed.formats.paragraphs import Paragraph, about
from transcribed.formats.transcript import hms, plain_title
from transcribed.formats.words import Word

_STYLE = """
:root { color-scheme: light dark; font: 1.05rem/1.6 system-ui, sans-serif; background: Canvas; color: CanvasText; }
body { max-width: 44rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: break-word; }
h1, h2 { line-height: 1.25; }
html { scroll-padding-top: 5rem; }
.player { position: sticky; top: 0; background: Canvas; padding: .5rem 0; }
.player:has(label:not([hidden])) { position: static; }
header p, time, button { color: color-mix(in srgb, CanvasText 70%, Canvas); font-size: .8rem; }
audio { width: 100%; }
label { font-size: .8rem; }
cite { font-style: normal; font-weight: bold; }
button { border: 0; padding: 0; background: none; font-family: inherit; cursor: pointer; }
p { margin: .25rem 0 1rem; }
[data-t] { cursor: pointer; }
span[data-t]:hover { text-decoration: underline; }
.now { background: Highlight; color: HighlightText; }
@media (max-height: 30rem) { .player { position: static; } html { scroll-padding-top: 0; } }
@media print {
  body { max-width: none; margin: 0; }
  .player { display: none; }
  main > div, li { break-inside: avoid; }
  .now { background: none; color: inherit; }
  h2 { break-after: avoid; }
}
"""

_SCRIPT = """
"use strict";
const audio = document.querySelector("audio");
const chooser = document.querySelector("label");
const words = [...document.querySelectorAll("span[data-t]")].sort((a, b) => a.dataset.t - b.dataset.t);
let now = null;
let follows = true;  // until the reader scrolls away, and again from where a time was chosen
const show = () => {
  if (now === null) return;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  now.scrollIntoView({ block: "center", behavior: still ? "auto" : "smooth" });
};
for (const gesture of ["wheel", "touchmove"]) addEventListener(gesture, () => { follows = false; }, { passive: true });
addEventListener("keydown", (event) => {
  if (["PageUp", "PageDown", "Home", "End", "ArrowUp", "ArrowDown"].includes(event.key)) follows = false;
});
const play = (seconds) => {
  audio.currentTime = seconds;
  follows = true;
  audio.play().catch(() => {});
};
document.addEventListener("click", (event) => {
  const word = event.target.closest("[data-t]");
  if (word === null || getSelection().toString() !== "") return;
  play(word.dataset.t / 1000);
});
const linked = () => {
  const moment = /^#t=([0-9]+([.][0-9]+)?)$/.exec(location.hash);
  if (moment === null) return;
  audio.currentTime = Number(moment[1]);
  mark(Number(moment[1]));
};
const mark = (seconds) => {
  let low = 0;
  let high = words.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (words[middle].dataset.t <= seconds * 1000) low = middle + 1;
    else high = middle;
  }
  const next = low > 0 ? words[low - 1] : null;
  if (next === now) return;
  if (now !== null) now.classList.remove("now");
  now = next;
  if (now !== null) now.classList.add("now");
  if (follows) show();
};
audio.addEventListener("timeupdate", () => mark(audio.currentTime));
addEventListener("hashchange", linked);
audio.addEventListener("loadedmetadata", linked, { once: true });
linked();
const ask = () => { chooser.hidden = false; };
audio.addEventListener("error", ask);
if (audio.error !== null || !audio.hasAttribute("src")) ask();
chooser.addEventListener("change", (event) => {
  audio.src = URL.createObjectURL(event.target.files[0]);
  chooser.hidden = true;
});
"""


def hash_source(text: str) -> str:
    """The hash by which a policy allows a script or a style sheet in the page (CSP Level 3, 2.3.1, hash-source)."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


#: The recording may be beside the page on a server ('self') or on a disk (file:), or be opened by the reader (blob:).
_POLICY = (
    f"default-src 'none'; style-src {hash_source(_STYLE)}; script-src {hash_source(_SCRIPT)}; "
    "media-src 'self' file: blob:; base-uri 'none'; form-action 'none'"
)


def html(content: Content) -> bytes:
    """The transcript as a page. It plays the recording that the style names, or one that the reader opens."""
    title, style = plain_title(content.title), content.style
    lines = [
        "<!DOCTYPE html>",
        f"<html{_language(content.language)}>",
        *_head(title),
        "<body>",
        *_header(title, about(content.transcript, style), style.recording),
        "<main>",
        *(line for section in content.leading_sections for line in _section(section)),
        *([f"<h2>{TRANSCRIPT}</h2>"] if content.sections else []),
        *(_paragraph(paragraph, content.language) for paragraph in content.paragraphs),
        *(line for section in content.other_sections for line in _section(section)),
        "</main>",
        f"<script>{_SCRIPT}</script>",
        "</body>",
        "</html>",
    ]
    return "\n".join([*lines, ""]).encode()


def _language(code: str) -> str:
    direction = ' dir="rtl"' if runs_leftward(code) else ""
    return f' lang="{tag}"{direction}' if (tag := tag_of(code)) else ""


def _head(title: str) -> list[str]:
    return [
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        "</head>",
    ]


#: The page's own words are English, in whatever direction it runs.
_OPEN = 'The recording is not here. Open it: <input type="file" accept="audio/*,video/*">'


def _header(title: str, facts: list[str], recording: str) -> list[str]:
    source = f' src="{beside(recording)}"' if recording else ""
    return [
        "<header>",
        f'<h1 dir="auto">{escape(title)}</h1>',
        *([f"<p><bdi>{escape(' · '.join(facts))}</bdi></p>"] if facts else []),
        "</header>",
        '<div class="player" role="region" aria-label="Recording">',
        f'<audio controls preload="metadata"{source}></audio>',
        f'<label lang="en" dir="ltr" hidden>{_OPEN}</label>',
        "</div>",
    ]


def beside(recording: str) -> str:
    """The relative address of any name: never another host or `javascript:`. The name's bytes need not be UTF-8."""
    return "./" + quote(recording, errors="surrogateescape")


def _paragraph(paragraph: Paragraph, language: str) -> str:
    name = f'<cite dir="auto">{escape(paragraph.speaker)}</cite> ' if paragraph.speaker else ""
    text = _words(paragraph.words) if paragraph.words else escape(paragraph.text)
    return f"<div>{name}{_time(paragraph.start_ms)}<p{_direction(paragraph.text, language)}>{text}</p></div>"


def _direction(text: str, language: str = "") -> str:
    """The direction of a text, for browsers go by its first letter."""
    return f' dir="{"rtl" if is_rtl(text, language) else "ltr"}"'


def _words(words: tuple[Word, ...]) -> str:
    """The words, each with its time, with the spaces that stand between them."""
    return "".join([(" " if word.spaced else "") + _word(word) for word in words]).lstrip()


def _word(word: Word) -> str:
    return f"<span data-t={word.start_ms}>{escape(word.text)}</span>"


def _time(start_ms: int | None) -> str:
    """A time that can be clicked, or reached by the keyboard."""
    if start_ms is None:
        return ""
    return f'<button type="button" data-t="{start_ms}"><time>{hms(start_ms)}</time></button> '


def _section(section: Section) -> Iterator[str]:
    language = f' lang="{tag}"' if (tag := tag_of(section.language)) else ""
    yield f"<section{language}>"
    yield f'<h2 dir="auto">{escape(section.title)}</h2>'
    if section.whole:
        yield f"<p{_direction(section.whole)}>{escape(section.whole)}</p>"
    if section.listed and section.entries:
        yield "<ul>"
        yield from (_entry(entry, "li", section.language) for entry in section.entries)
        yield "</ul>"
    else:
        yield from (_entry(entry, "p", section.language) for entry in section.entries)
    yield "</section>"


def _entry(entry: Entry, tag: str, language: str) -> str:
    label = f"<b>{escape(entry.label)}:</b> " if entry.label else ""
    text = f"{_time(entry.start_ms)}{label}{escape(entry.text)}"
    return f"<{tag}{_direction(entry.text, language)}>{text}</{tag}>"
