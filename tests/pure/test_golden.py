"""Renderings as a person would look at them: tests/golden holds each in full.

After a change that is wanted: `PYTHONPATH=daemon python tests/pure/test_golden.py` writes them again; read the diff.
"""

import json
from io import BytesIO
from pathlib import Path

import docx
import pytest

from transcribed.formats import FORMATS, Style, render

HERE = Path(__file__).parents[1]
STYLES = {
    "meeting": Style(speakers={"A": "Ana", "B": "Bo"}, recording="Monday 1.mp3", date="2026-11-23"),
    "call": Style(),
}
GOLDEN = [(answer, name) for answer in STYLES for name in FORMATS if name != "json"]


def content(answer, name):
    """A rendering as a person reads it: of a document, its paragraphs."""
    parsed = json.loads((HERE / "data" / f"{answer}.json").read_text(encoding="utf-8"))
    rendering = render(name, parsed, title=f"{answer.capitalize()}.mp3", style=STYLES[answer])
    return (
        rendering.decode()
        if name != "docx"
        else "".join(f"{p.text}\n" for p in docx.Document(BytesIO(rendering)).paragraphs)
    )


def path(answer, name):
    return HERE / "golden" / f"{answer}{FORMATS[name].suffix}{'.txt' if name == 'docx' else ''}"


@pytest.mark.parametrize(("answer", "name"), GOLDEN)
def test_a_rendering_is_what_it_was_when_a_person_read_it(answer, name):
    assert content(answer, name) == path(answer, name).read_bytes().decode()


if __name__ == "__main__":
    for golden in GOLDEN:
        path(*golden).write_bytes(content(*golden).encode())
