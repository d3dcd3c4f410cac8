"""The names of renderings: templates, and what their fields can never do."""

import os
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transcribed import files
from transcribed.formats import FORMATS
from transcribed.formats.naming import DEFAULT, FIELDS, Fields, language, parts, problems

TALK = Fields(stem=b"Talk", job="17", lang="en", date="2026-11-23")


def name(template, suffix=".srt", **fields):
    return b"".join(parts(template, Fields(**{"stem": b"Talk", "job": "17", **fields}), suffix))


# --- names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{stem}.{ext}", b"Talk.srt"),
        ("{stem}.{lang}.{ext}", b"Talk.en.srt"),
        ("{date} ({job}).{ext}", b"2026-11-23 (17).srt"),
        ("transcript of {stem}.{ext}", b"transcript of Talk.srt"),
        ("été-{stem}.{ext}", "été-Talk.srt".encode()),
    ],
)
def test_a_template_is_filled_with_what_is_known(template, expected):
    assert problems(template) == []
    assert b"".join(parts(template, TALK, ".srt")) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{stem}.{lang}.{ext}", b"Talk.srt"),
        ("{stem} - {lang}.{ext}", b"Talk.srt"),
        ("{stem} ({lang}).{ext}", b"Talk.srt"),
        ("{stem} [{date}] {lang}.{ext}", b"Talk.srt"),
        ("{date} - {stem}.{ext}", b"Talk.srt"),
        ("{date}{lang}_{stem}.{ext}", b"Talk.srt"),
        ("{stem}-{lang}{date}.{ext}", b"Talk.srt"),
        ("{lang}.{date}.{job}.{ext}", b"17.srt"),
        ("of{lang}{stem}.{ext}", b"ofTalk.srt"),
    ],
)
def test_a_field_that_is_empty_leaves_nothing_behind(template, expected):
    assert problems(template) == []
    assert name(template) == expected


def test_a_number_goes_behind_the_stem_as_it_does_in_the_archive():
    assert parts("{stem}.{lang}.{ext}", TALK, ".srt") == (b"Talk", b".en.srt")
    assert parts("{date} {stem}.{ext}", TALK, ".srt") == (b"2026-11-23 Talk", b".srt")
    assert parts("{job}.{lang}.{ext}", TALK, ".srt") == (b"17.en", b".srt")


def test_the_default_names_renderings_as_they_always_were():
    for kind in FORMATS.values():
        head, tail = parts(DEFAULT, TALK, kind.suffix)
        assert files.output_name(b"a/" + head, 2, tail) == files.output_name(b"a/Talk", 2, kind.suffix.encode())


def test_a_stem_that_is_not_utf8_or_has_dots_stays_what_it_is():
    assert name("{stem}.{ext}", stem=b"a..b\xff.") == b"a..b\xff..srt"


def test_a_text_is_cut_at_a_character():
    assert name("{date} {stem}.{ext}", date="é" * 200) == "é".encode() * 10 + b" Talk.srt"


def test_a_text_with_a_slash_keeps_its_words():
    assert name("{stem} {date}.{ext}", date="AC/DC\\live") == b"Talk AC-DC-live.srt"


@pytest.mark.parametrize(
    ("code", "expected"),
    [("en_us", "en"), ("en", "en"), ("zh-Hans", "zh"), ("haw", "haw"), ("EN_GB", "en"), ("english", "")],
)
def test_a_language_is_the_first_part_of_its_code(code, expected):
    assert language({"language_code": code}) == expected


@pytest.mark.parametrize("answer", [{}, {"language_code": None}, {"language_code": 7}, {"language_code": "../x"}])
def test_a_language_that_is_not_known_is_empty(answer):
    assert language(answer) == ""


# --- what no field can do ----------------------------------------------------------------------------------------

LITERALS = st.text("ab ._-()[]é", max_size=6)
NASTY = st.text("a./\\\0\n\x1b\x7f\u202e\ud800 é-~", max_size=30) | st.sampled_from(["..", ".", "/", ".transcribed-1"])
NASTY |= st.just("long " * 100)
FIELDS_OF_ANY_KIND = st.builds(
    Fields,
    stem=st.binary(max_size=40) | NASTY.map(lambda text: text.encode("utf-8", "surrogatepass")),
    job=NASTY,
    lang=NASTY,
    date=NASTY,
)


@st.composite
def templates(draw):
    """Templates without problems."""
    names = draw(st.lists(st.sampled_from([n for n in FIELDS if n != "ext"]), min_size=1, max_size=5, unique=True))
    template = "".join(f"{draw(LITERALS)}{{{n}}}" for n in names) + draw(LITERALS) + ".{ext}"
    template = template.lstrip(".")
    return template if not problems(template) else "{stem}.{ext}"


@settings(deadline=None, max_examples=150)
@given(template=templates(), fields=FIELDS_OF_ANY_KIND, number=st.sampled_from([1, 2, 10_000]))
def test_a_name_stays_in_its_folder_whatever_its_fields_hold(template, fields, number):
    for kind in FORMATS.values():
        head, tail = parts(template, fields, kind.suffix)
        for found in (head + tail, files.output_name(b"a/" + head, number, tail).removeprefix(b"a/")):
            assert not re.search(rb"[\x00/]", found)
            assert not found.startswith((b".", files.TEMPORARY))
            assert found.endswith(kind.suffix.encode())
            assert os.path.normpath(b"/outbox/" + found) == b"/outbox/" + found
        assert len(files.output_name(b"a/" + head, number, tail)) <= 2 + 255


@settings(deadline=None, max_examples=100)
@given(template=templates(), fields=FIELDS_OF_ANY_KIND, number=st.sampled_from([1, 2, 10_000]))
def test_two_formats_of_one_recording_never_have_one_name(template, fields, number):
    names = []
    for kind in FORMATS.values():
        head, tail = parts(template, fields, kind.suffix)
        names.append(files.folded(files.output_name(head, number, tail)))
    assert len(set(names)) == len(names)


# --- what a template may not be ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        (
            "{stem}.{langg}.{ext}",
            "{langg} is not a field: did you mean {lang}? (known: {stem} {lang} {ext} {job} {date}",
        ),
        ("{stem}{job!r}.{ext}", "{job!r} is not a field: did you mean {job}?"),
        ("{}{stem}.{ext}", "{} is not a field: (known:"),
        ("{stem}.txt", "it should end with .{ext}, which tells people and programs what a file is"),
        ("{ext}.{stem}", "it should end with .{ext}"),
        ("{date}.{ext}", "it should have {stem} or {job}: else all recordings get the same name"),
        ("{stem}{stem}.{ext}", "it should have {stem} only once"),
        ("{lang}/{stem}.{ext}", "it should have no /: the folders are those of the inbox"),
        (".{stem}.{ext}", "it should not begin with a dot: such files are hidden"),
        ("{stem}}.{ext}", "it should have braces only around its fields"),
        ("{{stem}}.{ext}", "it should have braces only around its fields"),
        ("{stem}\n.{ext}", "it should have no characters that cannot be printed"),
        ("{stem}\ud800.{ext}", "it should have no characters that cannot be printed"),
        ("{stem}" + "x" * 60 + ".{ext}", "it should have at most 60 bytes besides its fields"),
    ],
)
def test_a_template_that_cannot_be_used_says_what_it_should_be(template, sentence):
    (found,) = problems(template)
    assert found.startswith(sentence)


def test_all_that_is_wrong_with_a_template_is_said_at_once():
    assert len(problems("./{stm}.txt")) == 5


@settings(deadline=None, max_examples=100)
@given(template=st.text("{}stemxlang.ext/ \n\ud800", max_size=30))
def test_any_template_is_judged(template):
    assert all(sentence.isascii() or template for sentence in problems(template))
