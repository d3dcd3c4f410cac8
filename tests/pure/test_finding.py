"""Any text that people type finds its words, and none is an error of syntax."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribed.formats import finding

SPOKEN = "Good morning. The Müller budget is approved, and 会議は明日です in Zürich."


def said(text):
    """An answer with each word a second after the one before."""
    words = [{"text": each, "start": 1000 * i, "end": 1000 * i + 900} for i, each in enumerate(text.split())]
    return {"text": text, "words": words}


@pytest.fixture(scope="module")
def finds():
    """True if a query finds the spoken text in FTS5."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE words USING fts5 (t, content='', tokenize='ascii')")
    connection.execute("INSERT INTO words (rowid, t) VALUES (1, ?)", (finding.searched(said(SPOKEN)),))

    def ask(query):
        expression = " AND ".join(term.expression for term in finding.terms(query))
        return bool(expression) and bool(
            connection.execute("SELECT 1 FROM words WHERE words MATCH ?", (expression,)).fetchall()
        )

    yield ask
    connection.close()


@pytest.mark.parametrize(
    ("query", "found", "at_ms"),
    [
        ("budget", True, 4000),
        ("MULLER", True, 3000),
        ('"budget is approved"', True, 4000),
        ('"approved budget"', False, None),
        ("budget approved", True, 4000),
        ("budget tomorrow", False, 4000),
        ("appr*", True, 6000),
        ("appr", False, None),
        ("明日", True, 8000),
        ("日明", False, None),
        ('"budget', True, 4000),
        ("budget AND", True, 4000),
    ],
)
def test_what_is_found_and_when_it_was_said(finds, query, found, at_ms):
    assert finds(query) is found
    assert finding.place(said(SPOKEN), finding.terms(query)).at_ms == at_ms


@given(st.text(alphabet='ab"*()^-+:{}~ \x00\ud800é会NEAROT', max_size=40))
def test_no_query_is_an_error_of_syntax(finds, query):
    finds(query)
    finding.place(said(SPOKEN), finding.terms(query))


def test_a_snippet_has_the_words_around_the_place_and_says_where_it_was_cut():
    text = " ".join(f"w{i}" for i in range(100))
    place = finding.place(said(text), finding.terms("w50"))
    assert place.snippet.startswith("… w44 ")
    assert place.snippet.endswith(" w61 …")


@pytest.mark.parametrize("answer", [{}, {"text": 7, "words": [{"text": None}, 3]}, {"text": "alone"}])
def test_an_answer_without_words_has_no_moment(answer):
    assert finding.place(answer, finding.terms("alone")).at_ms is None
