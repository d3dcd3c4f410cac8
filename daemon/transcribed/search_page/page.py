"""The page for searches, and what was said in each recording.

The page's policy (Content-Security-Policy) allows its own script by its hash, and scripts from where it lies.
"""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

from transcribed.formats import finding
from transcribed.formats.page import beside, hash_source
from transcribed.search_page.pieces import script
from transcribed.search_page.script import SCRIPT

LARGEST_BYTES = 1 << 20  #: of a recording's words: of a longer talk the end is found, but not shown

_STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; background: Canvas; color: CanvasText; }
body { max-width: 52rem; margin: 1.5rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; line-height: 1.25; margin: 0 0 1rem; }
button { font: inherit; padding: .5rem 1rem; }
input { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; }
.small, footer, time { color: color-mix(in srgb, CanvasText 72%, Canvas); font-size: .85rem; }
ul { list-style: none; padding: 0; margin: 0; }
li { padding: .5rem 0; border-top: 1px solid color-mix(in srgb, CanvasText 18%, Canvas); }
li p { margin: 0; }
.name { font-weight: 600; }
a, time { margin-right: .75rem; }
footer { margin-top: 2rem; }
"""

#: The pieces lie beside the page, on a server ('self') or on a disk (file:).
_POLICY = (
    f"default-src 'none'; style-src {hash_source(_STYLE)}; script-src {hash_source(SCRIPT)} 'self' file:; "
    "base-uri 'none'; form-action 'none'"
)


def html(title: str, segments: Sequence[str], *, held: int, waiting: int, is_cut: bool) -> bytes:
    """The page but for its mark, of these segments by their names, with so many recordings.

    `waiting`: so many are still to be put in. `is_cut`: older recordings are left out.
    """
    about = f"{held} recordings can be found here." if held != 1 else "1 recording can be found here."
    about += f" {waiting} more are being put in." if waiting else ""
    about += " Older ones cannot." if is_cut else ""
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f"<script>{SCRIPT}</script>",
        "</head>",
        "<body>",
        f'<main data-segments="{escape(" ".join(segments))}" data-waiting="{waiting or ""}">',
        f'<h1 dir="auto">{escape(title)}</h1>',
        '<label for="words">Words; "a phrase" in quotes; the beginning of a word with *</label>',
        '<input id="words" type="search" autocomplete="off">',
        '<p><output aria-live="polite"></output></p>',
        "<noscript><p>This page needs JavaScript.</p></noscript>",
        '<p><button type="button" id="reload" hidden>Reload the page</button></p>',
        "<ul></ul>",
        '<p><button type="button" id="more" hidden>Show more</button></p>',
        "</main>",
        f"<footer><p>{about}</p></footer>",
    ]
    return "\n".join([*lines, ""]).encode("utf-8", "backslashreplace")


def piece(transcript: Mapping[str, Any], *, file: str, day: str, links: Sequence[tuple[str, str]]) -> bytes:
    """The words of one recording, as a script. `links`: words and path of each file, below the page's folder."""
    words = finding.timed(transcript)
    about = {"file": file, "day": day, "links": [(said, beside(path)) for said, path in links]}
    while len(content := _script(about, words)) > LARGEST_BYTES:
        words = words[: len(words) * LARGEST_BYTES // len(content) - 1]
    return content


def _script(about: Mapping[str, Any], words: Sequence[tuple[str, int | None]]) -> bytes:
    """The times are whole seconds since the word before; none where no word has a time."""
    seconds = [0, *((at_ms or 0) // 1000 for _, at_ms in words)]
    times = [later - earlier for earlier, later in pairwise(seconds)] if any(at for _, at in words) else []
    value = {**about, "words": " ".join(text for text, _ in words), "times": times}
    return script(value)
