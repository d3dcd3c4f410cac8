"""The page for searches in the share, and the pieces that it loads: what was said in each recording, as a script.

Rules: values in, bytes out: no clock, no I/O. A page that was opened from a folder may load scripts but no other files,
so a piece is a script that hands over one value. The page's policy (Content-Security-Policy) allows its own script by
its hash, and scripts from where it lies; every text is shown as text, never read as HTML. Words are found by the rules
of `formats.finding`.
"""

import json
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

from transcribed.formats import finding
from transcribed.formats.page import beside, hash_source

FOLDER = "_search"
BEGINNING = b"/* transcribed: a piece of _search.html */"  #: of each piece, by which it is known as ours
LARGEST_BYTES = 1 << 20  #: of a piece: a longer talk is cut at its end

_STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; background: Canvas; color: CanvasText; }
body { max-width: 52rem; margin: 1.5rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; line-height: 1.25; margin: 0 0 1rem; }
input { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; }
.small, footer, time { color: color-mix(in srgb, CanvasText 72%, Canvas); font-size: .85rem; }
ul { list-style: none; padding: 0; margin: 0; }
li { padding: .5rem 0; border-top: 1px solid color-mix(in srgb, CanvasText 18%, Canvas); }
li p { margin: 0; }
.name { font-weight: 600; }
a, time { margin-right: .75rem; }
footer { margin-top: 2rem; }
"""

_SCRIPT = r"""
"use strict";
const most = 50;
const recordings = [];
const transcribed = (recording) => recordings.push(recording);
const unspaced = /[UNSPACED]/gu;
const plain = (text) => text.replace(unspaced, " $& ").toLowerCase().replaceAll("ß", "ss").normalize("NFKD")
  .replace(/\p{M}/gu, "");
const tokens = (text) => plain(text).match(/[\p{L}\p{N}]+/gu) ?? [];
const terms = (query) => [...query.matchAll(/"([^"]*)"?(\*?)|([^\s"]+)/g)].map(([, phrase, star, word]) => ({
  words: tokens(phrase || word || ""), isPrefix: star === "*" || (word ?? "").endsWith("*"),
})).filter((term) => term.words.length > 0).slice(0, MOST_TERMS);
const prepared = (recording) => {
  recording.plain ??= plain(recording.words);
  return recording;
};
const parted = (words) => {
  const [all, at] = [[], []];
  words.split(" ").forEach((word, number) => {
    for (const token of tokens(word)) {
      all.push(token);
      at.push(number);
    }
  });
  return { all, at };
};
const places = (recording, term) => {
  const { all, at: numbers } = recording.tokens ??= parted(recording.words);
  const last = term.words.length - 1;
  const fits = (token, at) => token === term.words[at]
    || (at === last && term.isPrefix && token.startsWith(term.words[at]));
  const found = [];
  for (let from = 0; from + last < all.length; from += 1) {
    if (term.words.every((_, at) => fits(all[from + at], at))) found.push(numbers[from]);
  }
  return found;
};
const hit = (recording, sought) => {
  if (!sought.every((term) => term.words.every((word) => prepared(recording).plain.includes(word)))) return null;
  const found = sought.map((term) => places(recording, term));
  if (found.some((each) => each.length === 0)) return null;
  return { recording, at: found[0][0], count: found.reduce((sum, each) => sum + each.length, 0) };
};
const seconds = (recording, at) => recording.times.length === 0 ? null
  : recording.times.slice(0, at + 1).reduce((sum, each) => sum + each, 0);
const two = (number) => String(number).padStart(2, "0");
const hms = (at) => [Math.floor(at / 3600), Math.floor(at / 60) % 60, at % 60].map(two).join(":");
const made = (name, text, kind) => {
  const element = document.createElement(name);
  element.textContent = text;
  if (kind) element.className = kind;
  return element;
};
const shown = ({ recording, at }) => {
  const row = document.createElement("li");
  const name = made("p", recording.file, "name");
  name.dir = "auto";
  const about = document.createElement("p");
  const moment = seconds(recording, at);
  if (moment !== null) about.append(made("time", hms(moment)));
  for (const [words, address] of recording.links) {
    const link = made("a", words);
    link.href = words === "html" && moment !== null ? `${address}#t=${moment}` : address;
    link.setAttribute("aria-label", `${words} of ${recording.file}`);
    about.append(link);
  }
  about.append(made("span", recording.day, "small"));
  const words = recording.words.split(" ");
  const first = Math.max(0, at - 6);
  const text = words.slice(first, at + 12).join(" ");
  const snippet = made("p", (first ? "… " : "") + text + (at + 12 < words.length ? " …" : ""));
  snippet.dir = "auto";
  row.append(name, about, snippet);
  return row;
};
const said = (count) => count === 0 ? "Nothing was found." : `Found in ${count} recording${count > 1 ? "s" : ""}.`;
const search = () => {
  const sought = terms(document.querySelector("input").value);
  const hits = sought.length === 0 ? [] : recordings.map((each) => hit(each, sought)).filter((each) => each !== null);
  hits.sort((one, other) => other.count - one.count);
  document.querySelector("output").textContent = sought.length === 0 ? "" : said(hits.length)
    + (hits.length > most ? ` The first ${most} are shown.` : "");
  document.querySelector("ul").replaceChildren(...hits.slice(0, most).map(shown));
};
let waiting = 0;
addEventListener("DOMContentLoaded", () => {
  document.querySelector("input").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 150);
  });
  search();
});
""".replace("UNSPACED", finding.UNSPACED_SIGNS).replace("MOST_TERMS", str(finding.MOST_TERMS))

#: The pieces lie beside the page, on a server ('self') or on a disk (file:).
_POLICY = (
    f"default-src 'none'; style-src {hash_source(_STYLE)}; script-src {hash_source(_SCRIPT)} 'self' file:; "
    "base-uri 'none'; form-action 'none'"
)


def html(title: str, pieces: Sequence[str], *, is_cut: bool) -> bytes:
    """The page but for its mark, of these pieces by their names. `is_cut`: older recordings are left out."""
    cut = f" It searches the newest {len(pieces)} recordings." if is_cut else ""
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f"<script>{_SCRIPT}</script>",
        *(f'<script src="./{FOLDER}/{escape(name)}" defer></script>' for name in pieces),
        "</head>",
        "<body>",
        "<main>",
        f'<h1 dir="auto">{escape(title)}</h1>',
        '<label for="words">Words; "a phrase" in quotes; the beginning of a word with *</label>',
        '<input id="words" type="search" autocomplete="off">',
        '<p><output aria-live="polite"></output></p>',
        "<noscript><p>This page needs JavaScript.</p></noscript>",
        "<ul></ul>",
        "</main>",
        f"<footer><p>What was delivered here can be found here.{cut}</p></footer>",
    ]
    return "\n".join([*lines, ""]).encode("utf-8", "backslashreplace")


def piece(transcript: Mapping[str, Any], *, file: str, day: str, links: Sequence[tuple[str, str]]) -> bytes:
    """The words of one recording, as a script. `links`: words and path of each file, below the page's folder."""
    words = finding.timed(transcript)
    about = {"file": file, "day": day, "links": [(said, beside(path)) for said, path in links]}
    while len(script := _script(about, words)) > LARGEST_BYTES:
        words = words[: len(words) * LARGEST_BYTES // len(script) - 1]
    return script


def _script(about: Mapping[str, Any], words: Sequence[tuple[str, int | None]]) -> bytes:
    """The times are whole seconds since the word before; none where no word has a time."""
    seconds = [0, *((at_ms or 0) // 1000 for _, at_ms in words)]
    times = [later - earlier for earlier, later in pairwise(seconds)] if any(at for _, at in words) else []
    value = {**about, "words": " ".join(text for text, _ in words), "times": times}
    return BEGINNING + b"\ntranscribed(" + json.dumps(value, separators=(",", ":")).encode() + b");\n"
