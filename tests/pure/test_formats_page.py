"""docs/formats.md shows each format as it comes out.

After a wanted change: `PYTHONPATH=daemon:tests/support python tests/pure/test_formats_page.py` writes the examples
again; read the diff.
"""

import re
from pathlib import Path

from spoken import rendered, utterance
from transcribed.formats import FORMATS

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
BLOCK = re.compile(r"<!-- (\w+) -->\n````\n(.*?)````\n", re.DOTALL)
TALK = {
    "text": "Shall we begin with the budget? Fine by me.",
    "language_code": "en_us",
    "audio_duration": 5,
    "summary": "They begin with the budget.",
    "utterances": [
        utterance("A", "Shall we begin with the budget?", 400),
        utterance("B", "Fine by me.", 3100),
    ],
}


def example(name):
    return rendered(name, TALK, "Monday.mp3", speakers={"A": "Ana"}, date="2026-11-23").replace("\ufeff", "")


def test_the_page_of_formats_names_each_and_shows_those_that_are_text_as_they_come_out():
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in FORMATS if f"## {name}\n" not in page] == []
    shown = dict(BLOCK.findall(page))
    assert set(shown) == set(FORMATS) - {"docx", "html", "json"}
    for name, text in shown.items():
        assert text.splitlines() == example(name).splitlines()


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    again = BLOCK.sub(lambda found: f"<!-- {found[1]} -->\n````\n{example(found[1]).rstrip()}\n````\n", page)
    PAGE.write_text(again, encoding="utf-8")
