"""The choices of people for a rendering: names of speakers, the size and the time of a subtitle."""

import csv
import io
import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoken import rendered, say, shown, srt_cues, utterance, vtt_cues
from transcribed.formats import FORMATS, Style, render

TALK = {
    "text": "Good morning, everyone. Fine, and you?",
    "utterances": [utterance("A", "Good morning, everyone."), utterance("B", "Fine, and you?", 3000)],
}
LONG = "When the rain came down over the hills behind the town, nobody who lived there was surprised by it."

both = pytest.mark.parametrize("cues", [srt_cues, vtt_cues])


# --- names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in {"docx", "json"}])
def test_a_speaker_has_the_name_that_was_given_in_every_format(name):
    content = render(name, TALK, title="Talk.mp3", style=Style(speakers={"A": "Ana María"})).decode("utf-8-sig")
    assert "Speaker A" not in content
    assert "Ana María" in content
    assert "Speaker B" in content


def test_a_label_of_a_channel_can_have_a_name():
    turns = [utterance("1A", "One."), utterance("2A", "Two.", 2000)]
    turns.append({**utterance(None, "Three.", 4000), "channel": 2})
    answer = {"text": "One. Two. Three.", "utterances": turns}
    names = {"1A": "Ana", "2A": "Bo", "2": "Cy"}
    assert rendered("txt", answer, speakers=names) == "Ana: One.\n\nBo: Two.\n\nCy: Three.\n"


def test_one_person_behind_two_labels_is_one_speaker():
    words = [*say("Yes.", speaker="A"), *say("Yes!", start=400, speaker="C")]
    assert rendered("txt", {"words": words}, speakers={"A": "Ana", "C": "Ana"}) == "Ana: Yes. Yes!\n"


def test_a_name_that_is_nothing_but_space_is_no_name():
    assert rendered("txt", {"words": say("Yes.", speaker="A")}, speakers={"A": " \n"}) == "Speaker A: Yes.\n"


def test_a_name_cannot_break_a_subtitle():
    name = "Ana\n\n2\n00:00:01,000 --> 00:00:02,000"
    lines = rendered("srt", {"words": say("Yes.", speaker="A")}, speakers={"A": name}).split("\n")
    assert [line for line in lines if "-->" in line] == ["00:00:00,000 --> 00:00:01,000"]


def test_webvtt_can_have_its_names_in_the_text_too_for_players_draw_no_voices():
    assert "<v Ana>Ana: Good morning, everyone.\n" in rendered("vtt", TALK, speakers={"A": "Ana"}, vtt_names=True)
    words = [*say("One. Two.", step=1200, speaker="A"), *say("Three.", start=9000, speaker="B")]
    assert shown(vtt_cues({"words": words}, vtt_names=True)) == ["Speaker A: One.", "Two.", "Speaker B: Three."]


# --- times and signs ---------------------------------------------------------------------------------------------


def test_each_paragraph_of_plain_text_can_begin_with_its_time():
    expected = "[00:00:00] Speaker A: Good morning, everyone.\n\n[00:00:03] Speaker B: Fine, and you?\n"
    assert rendered("txt", TALK, txt_times=True) == expected
    assert rendered("txt", {"text": "Nobody knows when."}, txt_times=True) == "Nobody knows when.\n"


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_spreadsheet_can_have_another_separator(separator):
    text = render("csv", {"words": say("a; b, c")}, title="", style=Style(csv_separator=separator)).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    assert rows == [["start", "end", "speaker", "text"], ["00:00:00.000", "00:00:01.100", "", "a; b, c"]]


# --- size --------------------------------------------------------------------------------------------------------


@both
def test_podcasts_may_have_lines_of_32_characters(cues):
    lines = shown(cues({"words": say(LONG)}, line_length=32))
    assert max(map(len, lines)) <= 32
    assert " ".join(lines) == LONG


@both
def test_a_subtitle_may_have_one_line_only(cues):
    assert {len(lines) for _, _, lines in cues({"words": say(LONG)}, lines=1)} == {1}


@both
def test_a_subtitle_of_three_lines_has_them_of_about_one_length(cues):
    ((_, _, lines),) = cues({"words": say(LONG, step=50, length=50)}, lines=3)
    assert len(lines) == 3
    assert max(map(len, lines)) - min(map(len, lines)) < 10


@both
def test_a_subtitle_has_no_more_lines_than_it_needs(cues):
    assert [len(lines) for _, _, lines in cues({"words": say("It rained.")}, lines=4)] == [1]


@both
def test_the_signs_of_chinese_are_as_wide_as_two_letters(cues):
    words = [{"text": sign, "start": i * 100, "end": i * 100 + 90} for i, sign in enumerate("雨" * 60)]
    lines = shown(cues({"words": words}))
    assert max(map(len, lines)) <= 21
    assert sum(map(len, lines)) == 60


def test_a_name_leaves_a_single_line_to_the_word_behind_it():
    answer = {"words": say("Yes. " + "x" * 30, speaker="A")}
    lines = [cue[2] for cue in srt_cues(answer, lines=1, line_length=32)]
    assert lines == [["Speaker A: Yes."], ["x" * 30]]


# --- time --------------------------------------------------------------------------------------------------------


@both
def test_a_subtitle_lasts_as_long_as_the_style_says(cues):
    words = say(LONG, step=900, length=800)
    assert max(end - start for start, end, _ in cues({"words": words}, longest_seconds=3)) <= 3000
    assert min(end - start for start, end, _ in cues({"words": say("No.")}, shortest_seconds=2.5)) == 2500


@both
def test_a_subtitle_is_never_longer_shown_than_until_the_next(cues):
    words = [*say("No."), *say("Yes.", start=1200)]
    assert [end for _, end, _ in cues({"words": words}, shortest_seconds=5)] == [1200, 6200]


STYLES = st.fixed_dictionaries(
    {
        "line_length": st.integers(10, 60),
        "lines": st.integers(1, 4),
        "shortest_seconds": st.floats(0.01, 2),
        "longest_seconds": st.floats(2, 9),
        "speakers": st.sampled_from([{}, {"A": "Ana"}]),
        "vtt_names": st.booleans(),
    }
)
TOKENS = st.text("ab,.!?日本。&'-", min_size=1, max_size=10) | st.just("x" * 70)


@st.composite
def spoken(draw):
    words, now = [], 0
    for text in draw(st.lists(TOKENS, max_size=50)):
        end = now + draw(st.integers(0, 2500))
        words.append({"text": text, "start": now, "end": end, "speaker": draw(st.sampled_from([None, "A"]))})
        now = end + draw(st.sampled_from([0, 50, 900]))
    return {"words": words}


def width(line):
    return sum(2 if sign in "日本。" else 1 for sign in line)


@both
@settings(deadline=None, max_examples=150)
@given(answer=spoken(), style=STYLES)
def test_whatever_the_style_cues_grow_never_overlap_and_lose_no_word(cues, answer, style):
    found = cues(answer, **style)
    assert all(start < end for start, end, _ in found)
    assert all(end - start <= round(style["longest_seconds"] * 1000) for start, end, _ in found)
    assert all(end <= following for (_, end, _), (following, _, _) in pairwise(found))
    texts = [re.sub("^(Speaker A|Ana):( |$)", "", line) for line in shown(found)]
    assert "".join("".join(texts).split()) == "".join(word["text"] for word in answer["words"])


@both
@settings(deadline=None, max_examples=150)
@given(answer=spoken(), style=STYLES)
def test_whatever_the_style_no_line_is_too_long_unless_a_word_is(cues, answer, style):
    for _, _, lines in cues(answer, **style):
        named = re.match("(Speaker A|Ana):$", lines[0])
        assert len(lines) <= style["lines"] + bool(named)
        for line in lines:
            assert width(line) <= style["line_length"] or " " not in line


# --- what cannot be followed -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"line_length": 9}, "line_length should be 10 to 200 characters, not 9"),
        ({"lines": 0}, "lines should be 1 to 4, not 0"),
        ({"csv_separator": "|"}, "csv_separator should be a comma, a semicolon or a tab"),
        ({"shortest_seconds": 8}, "shortest_seconds should be above 0 and at most longest_seconds"),
        ({"longest_seconds": 61}, "which should be at most 60"),
        ({"shortest_seconds": float("nan")}, "shortest_seconds should be above 0"),
    ],
)
def test_a_style_that_cannot_be_followed_is_refused_with_what_it_should_be(chosen, sentence):
    with pytest.raises(ValueError, match=sentence):
        Style(**chosen)


def test_a_style_can_be_part_of_a_value_that_is_hashed():
    assert hash(Style(speakers={"A": "Ana"})) == hash(Style(speakers={"A": "Ana"}))
