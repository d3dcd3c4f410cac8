"""Renderings for other programs (lrc, tsv, csv, podcast, labels), read back by parsers that are not ours."""

import csv
import io
import json
import re

import av
import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoken import example, examples, rendered, say, utterance
from transcribed.formats import FORMATS, Style, render

TALK = {
    "text": "Good morning, everyone. We begin. Fine & good.",
    "audio_duration": 12,
    "utterances": [
        utterance("A", "Good morning, everyone. We begin.", 250),
        utterance("B", "Fine & good.", 7000),
    ],
}

#: Podcasting 2.0, Transcript File Format Details, JSON: "version", "segments" and what a segment holds.
PODCAST = {
    "type": "object",
    "required": ["version", "segments"],
    "additionalProperties": False,
    "properties": {
        "version": {"const": "1.0.0"},
        "segments": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["startTime", "endTime", "body"],
                "additionalProperties": False,
                "properties": {
                    "speaker": {"type": "string", "minLength": 1},
                    "startTime": {"type": "number", "minimum": 0},
                    "endTime": {"type": "number", "minimum": 0},
                    "body": {"type": "string", "minLength": 1},
                },
            },
        },
    },
}


def lrc_lines(transcript, title="Talk.mp3"):
    """(milliseconds, text) of every line, as FFmpeg reads them."""
    with av.open(io.BytesIO(render("lrc", transcript, title=title)), format="lrc") as lyrics:
        packets = [packet for packet in lyrics.demux() if packet.size]
        return [
            (round((packet.pts or 0) * packet.time_base * 1000), bytes(packet).decode().rstrip("\n"))
            for packet in packets
        ]


def csv_rows(transcript):
    text = render("csv", transcript, title="Talk.mp3").decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def tabbed(name, transcript):
    return list(csv.reader(io.StringIO(rendered(name, transcript)), delimiter="\t", quoting=csv.QUOTE_NONE))


def segments(transcript):
    found = json.loads(rendered("podcast", transcript))
    jsonschema.validate(found, PODCAST)
    return found["segments"]


# --- what is written ---------------------------------------------------------------------------------------------


def test_a_player_shows_each_line_of_lyrics_at_its_time_and_names_who_begins():
    assert lrc_lines(TALK) == [
        (250, "Speaker A: Good morning, everyone."),
        (1850, "We begin."),
        (7000, "Speaker B: Fine & good."),
    ]


def test_lyrics_begin_with_their_title_and_length_and_go_beyond_an_hour():
    answer = {"words": say("Late.", start=5_999_990), "audio_duration": 6000.6}
    assert rendered("lrc", answer, "a/Talk [1].mp3") == "[ti:Talk (1)]\n[length:100:01]\n[99:59.99]Late.\n"


def test_a_line_of_lyrics_is_no_longer_than_a_line_of_a_subtitle():
    lines = [text for _, text in lrc_lines({"words": say("and on it went " * 10, step=100, length=90)})]
    assert max(map(len, lines)) <= 42
    assert " ".join(lines) == ("and on it went " * 10).strip()


def test_a_time_that_was_said_is_no_time_of_the_lyrics():
    answer = {"words": say("[00:09.00] at <00:08.00> [sic] <b>")}
    assert lrc_lines(answer) == [(0, "(00:09.00) at \u203900:08.00\u203a [sic] <b>")]


def test_a_line_that_begins_with_a_bracket_is_shown_all_the_same():
    assert lrc_lines({"words": say("[Applause]")}) == [(0, "(Applause)")]
    assert lrc_lines({"words": say("[PERSON_NAME] called.")}) == [(0, "(PERSON_NAME) called.")]


def test_tsv_is_what_whispers_command_line_writes():
    assert rendered("tsv", {"words": say("One two. Three.", start=1250)}) == (
        "start\tend\ttext\n1250\t1950\tOne two.\n2050\t2350\tThree.\n"
    )


def test_a_label_track_has_seconds_with_six_decimals():
    assert rendered("labels", TALK) == (
        "0.250000\t1.350000\tSpeaker A: Good morning, everyone.\n"
        "1.450000\t2.150000\tSpeaker A: We begin.\n"
        "7.000000\t8.100000\tSpeaker B: Fine & good.\n"
    )


def test_a_spreadsheet_has_a_row_for_each_sentence():
    assert csv_rows(TALK) == [
        {"start": "00:00:00.250", "end": "00:00:01.350", "speaker": "Speaker A", "text": "Good morning, everyone."},
        {"start": "00:00:01.450", "end": "00:00:02.150", "speaker": "Speaker A", "text": "We begin."},
        {"start": "00:00:07.000", "end": "00:00:08.100", "speaker": "Speaker B", "text": "Fine & good."},
    ]


def test_excel_knows_by_a_mark_that_a_spreadsheet_is_utf8_and_finds_its_line_ends():
    content = render("csv", {"words": say("Zoë")}, title="Talk.mp3")
    assert content == b'\xef\xbb\xbf"start","end","speaker","text"\r\n"00:00:00.000","00:00:00.300","","Zo\xc3\xab"\r\n'


def test_a_podcast_app_gets_speakers_times_and_text():
    assert segments(TALK) == [
        {"speaker": "Speaker A", "startTime": 0.25, "endTime": 1.35, "body": "Good morning, everyone."},
        {"speaker": "Speaker A", "startTime": 1.45, "endTime": 2.15, "body": "We begin."},
        {"speaker": "Speaker B", "startTime": 7.0, "endTime": 8.1, "body": "Fine & good."},
    ]


def test_a_podcast_app_gets_no_speaker_where_none_is_known():
    assert segments({"words": say("Hello.")}) == [{"startTime": 0.0, "endTime": 0.3, "body": "Hello."}]


# --- where rows end ----------------------------------------------------------------------------------------------


def test_a_pause_ends_a_row_within_a_sentence_and_a_short_one_does_not():
    words = [*say("So we"), *say("went", start=2000), *say("home.", start=4000)]
    assert [row[2] for row in tabbed("tsv", {"words": words})[1:]] == ["So we went", "home."]


def test_a_text_without_sentences_still_has_rows():
    assert [len(row[2].split()) for row in tabbed("tsv", {"words": say("on " * 100)})[1:]] == [40, 40, 20]


def test_a_row_of_words_at_one_moment_lasts_as_long_as_a_word():
    words = [{"text": text, "start": 5000, "end": 5000} for text in ("Well,", "no.")]
    assert [(row["startTime"], row["endTime"]) for row in segments({"words": words})] == [(5.0, 5.3)]


def test_people_who_talk_at_once_keep_their_own_times():
    turns = [utterance("1", "I think so."), utterance("2", "Do you?", 500)]
    found = [(row["speaker"], row["startTime"], row["endTime"]) for row in segments({"utterances": turns})]
    assert found == [("Speaker 1", 0.0, 1.1), ("Speaker 2", 0.5, 1.2)]


# --- what is missing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [{}, {"text": ""}, {"text": None, "words": None, "utterances": None}])
def test_a_recording_without_speech_has_files_without_rows(answer):
    assert rendered("lrc", answer) == "[ti:Talk]\n"
    assert rendered("tsv", answer) == "start\tend\ttext\n"
    assert rendered("labels", answer) == ""
    assert segments(answer) == []
    assert csv_rows(answer) == []


def test_a_text_without_words_is_spread_over_the_recording_but_a_spreadsheet_claims_no_time_for_it():
    answer = {"text": "One two. Three four.", "audio_duration": 4}
    assert [(s["startTime"], s["endTime"], s["body"]) for s in segments(answer)] == [
        (0.0, 2.0, "One two."),
        (2.0, 4.0, "Three four."),
    ]
    assert [(row["start"], row["end"], row["text"]) for row in csv_rows(answer)] == [
        ("", "", "One two."),
        ("", "", "Three four."),
    ]


def test_words_without_times_follow_the_word_before():
    words = [*say("Hello", start=1000), {"text": "there.", "start": None, "end": None}]
    assert tabbed("tsv", {"words": words})[1:] == [["1000", "1600", "Hello there."]]


# --- scripts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lrc", "tsv", "labels"])
@pytest.mark.parametrize("text", ["مرحبا بكم. كيف الحال؟", "שלום לכולם."])
def test_text_from_right_to_left_stays_in_the_order_in_which_it_was_said(name, text):
    assert [word for word in re.findall(r"[^\s\d\W]+", rendered(name, {"words": say(text)})) if not word.isascii()] == [
        re.sub(r"\W", "", word) for word in text.split()
    ]


def test_a_script_without_spaces_gets_none():
    words = [{"text": text, "start": i * 100, "end": i * 100 + 90} for i, text in enumerate("今日は。晴れ。")]
    assert [row[2] for row in tabbed("tsv", {"words": words})[1:]] == ["今日は。", "晴れ。"]


# --- formulas ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ['=HYPERLINK("http://x")', "+1", "-1+1", "@SUM(A1)", "\uff1d1", '"=1', "so;=1", "so;+1", "'=1"]
)
def test_no_cell_begins_as_a_formula_does(text):
    answer = {"words": say(text, speaker=text)}
    for row in csv_rows(answer):
        for cell in row.values():
            assert not re.search(r"(^|;)[\s\"]*[=+\-@\uff1d]", cell)
        assert row["text"].replace("'", "") == text.replace("'", "")


def test_a_sign_within_a_sentence_is_left_alone():
    (row,) = csv_rows({"words": say("a = b, c-d; e@f")})
    assert row["text"] == "a = b, c-d; e@f"


# --- all of it ---------------------------------------------------------------------------------------------------

TOKENS = st.text("ab1,.!?\"';:=+-@[]<>|&日本。ש", min_size=1, max_size=10)


@st.composite
def spoken(draw):
    """Words in order, by speakers, with silences; a few without a time."""
    words, now = [], draw(st.integers(0, 5000))
    for text in draw(st.lists(TOKENS.filter(str.strip), max_size=60)):
        end = now + draw(st.integers(0, 2500))
        word = {"text": text, "start": now, "end": end, "speaker": draw(st.sampled_from([None, "A", "Ann Lee"]))}
        words.append(word | draw(st.sampled_from([{}, {}, {}, {"start": None}])))
        now = end + draw(st.sampled_from([0, 50, 900, 3000]))
    return {"words": words}


def squeezed(texts):
    return "".join("".join(texts).split())


@settings(deadline=None, max_examples=80)
@given(answer=spoken())
def test_no_row_loses_a_word_or_a_time(answer):
    said = squeezed(word["text"] for word in answer["words"])
    rows = segments(answer)
    assert squeezed(row["body"] for row in rows) == said
    starts = {word["start"] for word in answer["words"]}
    for row in rows:
        assert row["startTime"] < row["endTime"]
    if None not in starts:
        ends = {word["end"] for word in answer["words"]}
        assert {round(row["startTime"] * 1000) for row in rows} <= starts
        lasting = [row for row in rows if round((row["endTime"] - row["startTime"]) * 1000) != 300]
        assert {round(row["endTime"] * 1000) for row in lasting} <= ends


@settings(deadline=None, max_examples=80)
@given(answer=spoken())
def test_all_tables_have_the_same_rows(answer):
    wanted = [
        (
            round(s["startTime"] * 1000),
            round(s["endTime"] * 1000),
            f"{s['speaker']}: {s['body']}" if "speaker" in s else s["body"],
        )
        for s in segments(answer)
    ]
    wanted = [(start, end, text.replace("'", "")) for start, end, text in wanted]
    rows = [(int(start), int(end), text.replace("'", "")) for start, end, text in tabbed("tsv", answer)[1:]]
    labels = tabbed("labels", answer)
    assert rows == wanted
    assert [(round(float(a) * 1000), round(float(b) * 1000), c.replace("'", "")) for a, b, c in labels] == wanted
    assert len(csv_rows(answer)) == len(wanted)


@settings(deadline=None, max_examples=80)
@given(answer=spoken())
def test_lyrics_are_in_order_and_whole(answer):
    lines = lrc_lines(answer)
    assert [at for at, _ in lines] == sorted(at for at, _ in lines)
    # What could be taken for a time is written as what it looks like, and marks give the direction of a line.
    texts = [re.sub("^(\u202b?)(Speaker A|Ann Lee):( |$)", "", text) for _, text in lines]
    plain = str.maketrans("[<\u2039]>\u203a", "((()))", "\u202b\u202c")
    assert squeezed(texts).translate(plain) == squeezed(word["text"] for word in answer["words"]).translate(plain)


# --- AssemblyAI's own examples -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("body", examples())
def test_every_body_of_the_api_reference_renders_in_every_format(body, name):
    assert isinstance(render(name, example(body), title=body), bytes)


def test_the_documented_transcript_keeps_its_words_and_times():
    answer = example("Transcript")
    words = answer["utterances"][0]["words"]
    answer["text"] = " ".join(word["text"] for word in words)
    (row,) = segments(answer)
    assert row == {"speaker": "Speaker A", "startTime": 0.25, "endTime": 6.382, "body": answer["text"]}


@pytest.mark.parametrize("name", ["tsv", "labels"])
def test_a_speakers_name_begins_no_formula_in_a_cell_of_tsv_or_of_labels(name):
    style = Style(speakers={"A": '=HYPERLINK("http://evil")'})
    answer = {"words": [{**word, "speaker": "A"} for word in say("One.")]}
    text = render(name, json.dumps(answer).encode(), title="Talk.mp3", style=style).decode()
    assert text.splitlines()[-1].split("\t")[2].startswith("'=HYPERLINK")
