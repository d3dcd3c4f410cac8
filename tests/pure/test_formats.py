"""Renderings of a transcript, read back by parsers that are not ours."""

import html
import json
import math
import re
from itertools import pairwise

import markdown_it
import pytest
import wcwidth
import webvtt
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spoken import rendered, say, shown, srt_cues, utterance, vtt_cues
from transcribed.formats import FORMATS, Style, parse, render, render_each, skim
from transcribed.formats.content import Content
from transcribed.formats.cues import parted
from transcribed.formats.style import PLAIN

#: csv has the mark and the line ends that spreadsheets want; docx is no text; json is what the API sent.
TEXT_FORMATS = [name for name in FORMATS if name not in {"csv", "docx", "json"}]


# --- the table ---------------------------------------------------------------------------------------------------


def test_the_formats_are_known_by_name_in_a_fixed_order_and_each_has_its_suffix():
    assert {name: kind.suffix for name, kind in FORMATS.items()} == {
        "txt": ".txt",
        "md": ".md",
        "srt": ".srt",
        "vtt": ".vtt",
        "lrc": ".lrc",
        "tsv": ".tsv",
        "csv": ".csv",
        "podcast": ".podcast.json",
        "labels": ".labels.txt",
        "html": ".html",
        "docx": ".docx",
        "json": ".json",
    }
    assert list(FORMATS) == [
        "txt",
        "md",
        "srt",
        "vtt",
        "lrc",
        "tsv",
        "csv",
        "podcast",
        "labels",
        "html",
        "docx",
        "json",
    ]


def test_an_unknown_format_is_refused_with_the_one_that_was_meant():
    with pytest.raises(ValueError, match=r"no format 'vt': did you mean vtt\? \(known: txt, md, srt, vtt, .*json\)"):
        render("vt", {}, title="Talk.mp3")


# --- the answer --------------------------------------------------------------------------------------------------


def test_json_is_the_answer_to_the_byte_even_where_it_is_no_json():
    answer = b'\xef\xbb\xbf{"text" :\t"a\xff" }\n'
    assert render("json", answer, title="Talk.mp3") == answer


def test_json_of_a_mapping_is_compact_and_keeps_what_utf8_cannot_say():
    assert render("json", {"text": "\ud800", "words": []}, title="") == b'{"text":"\\ud800","words":[]}'


def test_an_answer_with_a_byte_order_mark_and_a_broken_byte_still_gives_its_text():
    assert parse(b'\xef\xbb\xbf{"text": "gr\xfc\xc3\x9f"}') == {"text": "gr\ufffdß"}


def test_a_number_beyond_floats_is_no_reason_to_refuse_an_answer():
    assert parse(b'{"audio_duration": 1e999}') == {"audio_duration": math.inf}


@pytest.mark.parametrize(
    "answer",
    [b"", b"[1]", b"null", b"<html>", b'{"a":' * 200_000, b"[" * 200_000, b'{"a":' + b"9" * 5000 + b"}"],
    ids=["nothing", "list", "null", "page", "deep objects", "deep lists", "endless number"],
)
def test_what_is_no_transcript_is_a_value_error_that_says_so(answer):
    with pytest.raises(ValueError, match="the answer is not a transcript"):
        render("txt", answer, title="Talk.mp3")


def test_an_answer_is_skimmed_without_its_words_and_with_all_else():
    words = say("Zoë said.")
    answer = {"id": "x", "text": "Zoë said.", "words": words, "chapters": [{"start": 1, "gist": "a"}], "start": 1}
    more = {"metadata": {"warnings": [{"message": "b"}]}, "audio_duration": 3, "utterances": None}
    skimmed = skim(json.dumps(answer | more).encode())
    assert skimmed == answer | more | {"words": [None, None], "chapters": [None]}


@pytest.mark.parametrize("answer", [b"", b"[1]", b'{"start": 1}', b'{"a":' * 200_000], ids=len)
def test_what_is_no_transcript_is_not_skimmed_either(answer):
    with pytest.raises(ValueError, match="the answer is not a transcript"):
        skim(answer)


class Counted(bytes):
    """An answer that counts how often it is decoded."""

    decoded = 0

    def decode(self, *arguments):
        self.decoded += 1
        return super().decode(*arguments)


def test_several_formats_of_one_answer_are_as_each_alone_and_cost_one_reading():
    answer = Counted(json.dumps({"text": "Zoë said.", "words": say("Zoë said.")}, indent=1).encode())
    found = render_each(FORMATS, answer, title="Talk")
    assert answer.decoded == 1
    assert found == {name: render(name, bytes(answer), title="Talk") for name in FORMATS}


class Asked(dict):
    """A transcript that counts how often its words and its turns are asked for."""

    asked = 0

    def get(self, key, default=None):
        self.asked += key in ("words", "utterances")
        return super().get(key, default)


def test_what_the_formats_share_is_worked_out_once_for_all_of_them():
    words = say("Zoë said.")
    transcript = Asked(text="Zoë said.", words=words, utterances=[{"speaker": "A", "words": words}])
    content = Content(transcript, "Talk", Style())
    for name in FORMATS:
        FORMATS[name].render(content)
    assert transcript.asked == 2, "the turns once for what was said, and once for what is translated"


def test_several_formats_of_what_is_no_transcript_are_refused_and_json_by_itself_is_not():
    assert render_each(["json"], b"<html>", title="Talk") == {"json": b"<html>"}
    with pytest.raises(ValueError, match="the answer is not a transcript"):
        render_each(["json", "txt"], b"<html>", title="Talk")


# --- txt ---------------------------------------------------------------------------------------------------------


def test_text_breaks_into_paragraphs_where_a_sentence_and_a_silence_end_together():
    words = [*say("One two. Three"), *say("four five.", start=3000), *say("Six.", start=6000)]
    text = "One two. Three four five. Six."
    assert rendered("txt", {"text": text, "words": words}) == "One two. Three four five.\n\nSix.\n"


def test_the_first_sentence_that_makes_sixty_words_ends_the_paragraph_of_someone_who_never_pauses():
    text = "Here it is now, I say. " * 12
    paragraphs = rendered("txt", {"text": text, "words": say(text)}).split("\n\n")
    assert [paragraph.count(".") for paragraph in paragraphs] == [10, 2]


def test_five_short_sentences_are_no_paragraph_of_their_own():
    text = "Yeah. Right. Mhm. Okay. Exactly. So we go on."
    assert rendered("txt", {"text": text, "words": say(text)}) == f"{text}\n"


def test_text_without_punctuation_still_gets_paragraphs():
    text = "on and on " * 80
    paragraphs = rendered("txt", {"text": text, "words": say(text)}).split("\n\n")
    assert [len(paragraph.split()) for paragraph in paragraphs] == [120, 120]


def test_text_without_punctuation_breaks_where_people_pause():
    words = [word for start in range(0, 40_000, 10_000) for word in say("one two three four five", start=start)]
    answer = {"text": " ".join(word["text"] for word in words), "words": words}
    assert rendered("txt", answer) == "\n\n".join(["one two three four five"] * 4) + "\n"


def test_a_paragraph_that_is_full_is_cut_at_the_longest_pause_of_its_last_sixty_words():
    words = [*say("on and " * 35, step=100), *say("then " * 100, start=7500, step=100)]
    answer = {"text": " ".join(word["text"] for word in words), "words": words}
    assert [len(part.split()) for part in rendered("txt", answer).split("\n\n")] == [70, 100]


def test_a_small_letter_says_that_the_sentence_goes_on():
    words = [*say("In the U.S."), *say("it rains.", start=3000)]
    assert rendered("txt", {"text": "In the U.S. it rains.", "words": words}) == "In the U.S. it rains.\n"


def test_each_turn_begins_with_its_speaker():
    turns = [utterance("A", "Hello there."), utterance("B", "Good morning.", 2000), utterance("A", "So.", 4000)]
    answer = {"text": "Hello there. Good morning. So.", "utterances": turns}
    expected = "Speaker A: Hello there.\n\nSpeaker B: Good morning.\n\nSpeaker A: So.\n"
    assert rendered("txt", answer) == expected


def test_speakers_of_channels_have_their_channel_and_named_speakers_their_name():
    turns = [utterance("1A", "One."), utterance("Ann Lee", "Two.", 2000), utterance(None, "Three.", 4000)]
    turns[2]["channel"] = "2"
    expected = "Speaker 1A: One.\n\nAnn Lee: Two.\n\nSpeaker 2: Three.\n"
    assert rendered("txt", {"text": "One. Two. Three.", "utterances": turns}) == expected


def test_speakers_are_known_from_the_words_where_there_are_no_utterances():
    words = [*say("Yes.", speaker="A"), *say("No.", start=900, speaker="B")]
    assert rendered("txt", {"text": "Yes. No.", "words": words}) == "Speaker A: Yes.\n\nSpeaker B: No.\n"


def test_utterances_that_lose_some_of_the_text_are_not_used():
    answer = {"text": "Yes. No.", "words": say("Yes. No.", speaker="B"), "utterances": [utterance("A", "Yes.")]}
    assert rendered("txt", answer) == "Speaker B: Yes. No.\n"


def test_utterances_may_begin_with_a_capital_where_the_text_has_none():
    answer = {"text": "Well, so we went.", "utterances": [utterance("A", "Well."), utterance("B", "So we went.", 900)]}
    assert rendered("txt", answer) == "Speaker A: Well.\n\nSpeaker B: So we went.\n"


def test_utterances_keep_people_apart_whose_words_are_mixed():
    turns = [utterance("1", "I think so."), utterance("2", "So do I.", 200)]
    words = sorted((word for turn in turns for word in turn["words"]), key=lambda word: word["start"])
    answer = {"text": "I So think do so. I.", "words": words, "utterances": turns}
    assert rendered("txt", answer) == "Speaker 1: I think so.\n\nSpeaker 2: So do I.\n"


def test_successive_utterances_of_one_speaker_have_one_name():
    turns = [utterance("A", "One."), utterance("A", "Two.", 9000), utterance("B", "Three.", 12_000)]
    assert rendered("txt", {"utterances": turns}) == "Speaker A: One.\n\nTwo.\n\nSpeaker B: Three.\n"


def test_only_the_first_paragraph_of_a_turn_has_the_name():
    turn = utterance("A", "On and on. " * 21)
    assert rendered("txt", {"utterances": [turn]}) == "Speaker A:" + " On and on." * 20 + "\n\nOn and on.\n"


def test_words_that_lose_some_of_the_text_leave_it_to_the_text():
    assert rendered("txt", {"text": "One two three.", "words": say("One three.")}) == "One two three.\n"


@pytest.mark.parametrize("words", [None, [], "words", [None, 7, {}, {"text": None}]])
def test_a_text_without_words_is_still_the_text(words):
    assert rendered("txt", {"text": " All of it.\nIndeed. ", "words": words}) == "All of it. Indeed.\n"


@pytest.mark.parametrize("answer", [{}, {"text": ""}, {"text": None, "words": None}, {"text": "", "words": []}])
def test_an_empty_transcript_says_that_nobody_spoke(answer):
    assert rendered("txt", answer) == "(no speech was recognised)\n"
    assert rendered("md", answer).endswith("---\n\n(no speech was recognised)\n")
    assert rendered("srt", answer) == "1\n00:00:00,000 --> 00:00:00,001\n\n"
    assert rendered("vtt", answer) == "WEBVTT\n"


def test_words_stand_apart_but_not_within_scripts_that_know_no_spaces():
    words = [{"text": text, "start": 0, "end": 1} for text in ["今天", "用", "Python", "3", "写", "。"]]
    assert rendered("txt", {"words": words}) == "今天用 Python 3 写。\n"


def test_a_sentence_without_spaces_that_came_as_one_word_is_shown_on_lines_like_any_other():
    said = "それでは今日は天気がいいので、散歩に行きましょうと彼女は言ったのですが、私は家にいたかったので断りました。"
    word = {"text": said, "start": 0, "end": 9000}
    for answer in ({"text": said, "words": [word]}, {"text": said, "utterances": [word]}):
        found = srt_cues({**answer, "language_code": "ja"})
        assert "".join(shown(found)).replace(" ", "") == said
        assert max(wcwidth.wcswidth(line) for _, _, lines in found for line in lines) <= 42


# --- srt and vtt -------------------------------------------------------------------------------------------------

TALK = {
    "text": "Good morning, everyone. We begin. Fine & good.",
    "utterances": [
        utterance("A", "Good morning, everyone. We begin.", 250),
        utterance("B", "Fine & good.", 7000),
    ],
}


def test_a_subtitle_file_is_numbered_and_names_a_speaker_where_the_speaker_changes():
    assert rendered("srt", TALK) == (
        "1\n00:00:00,250 --> 00:00:01,850\nSpeaker A: Good morning, everyone.\n\n"
        "2\n00:00:01,850 --> 00:00:02,850\nWe begin.\n\n"
        "3\n00:00:07,000 --> 00:00:08,352\nSpeaker B: Fine & good.\n"
    )


def test_a_webvtt_file_has_a_voice_in_every_cue_and_escapes_its_text():
    assert rendered("vtt", TALK) == (
        "WEBVTT\n\n00:00:00.250 --> 00:00:01.850\n<v Speaker A>Good morning, everyone.\n\n"
        "00:00:01.850 --> 00:00:02.850\n<v Speaker A>We begin.\n\n"
        "00:00:07.000 --> 00:00:08.352\n<v Speaker B>Fine &amp; good.\n"
    )


def test_a_player_hears_the_voices():
    voices = [cue.voice for cue in webvtt.from_string(rendered("vtt", TALK)).captions]
    assert voices == ["Speaker A", "Speaker A", "Speaker B"]


def test_a_speaker_cannot_break_out_of_the_voice_tag():
    answer = {"utterances": [utterance("Eve><b>\n\n00:01.000 --> 00:02.000", "Hello.")]}
    assert "<v Eve&gt;&lt;b&gt; 00:01.000 --&gt; 00:02.000>Hello.\n" in rendered("vtt", answer)


@pytest.mark.parametrize("cues", [srt_cues, vtt_cues])
def test_a_pause_ends_a_cue(cues):
    words = [*say("we were"), *say("thinking", start=1500)]
    assert cues({"words": words}) == [(0, 1000, ["we were"]), (1500, 2500, ["thinking"])]


@pytest.mark.parametrize("cues", [srt_cues, vtt_cues])
def test_a_word_that_hangs_for_a_minute_is_shown_for_seven_seconds(cues):
    assert cues({"words": [{"text": "Ommm", "start": 0, "end": 60_000}]}) == [(0, 7000, ["Ommm"])]


@pytest.mark.parametrize("cues", [srt_cues, vtt_cues])
def test_no_cue_lasts_longer_than_seven_seconds(cues):
    lengths = [end - start for start, end, _ in cues({"words": say("so " * 20, step=2000, length=1900)})]
    assert len(lengths) > 1
    assert max(lengths) <= 7000


@pytest.mark.parametrize("cues", [srt_cues, vtt_cues])
def test_sentences_too_short_to_be_read_share_a_cue(cues):
    assert cues({"words": say("Yes. No. Perhaps. Why?", step=350)}) == [
        (0, 1050, ["Yes. No. Perhaps."]),
        (1050, 2050, ["Why?"]),
    ]


@pytest.mark.parametrize("cues", [srt_cues, vtt_cues])
@pytest.mark.parametrize(("length", "lines"), [(21, 1), (22, 2)])
def test_a_line_has_42_characters_and_not_one_more(cues, length, lines):
    found = cues({"words": say("x" * 20 + " " + "y" * length)})
    assert [len(shown) for _, _, shown in found] == [lines]


@pytest.mark.parametrize("cues", [srt_cues, vtt_cues])
def test_a_cue_that_is_too_long_ends_after_a_comma(cues):
    text = "When the rain came down over the hills behind the town, nobody who lived there was surprised by it"
    first, second = cues({"words": say(text, step=200, length=150)})
    assert " ".join(first[2]).endswith("town,")
    assert " ".join(second[2]).startswith("nobody")


@pytest.mark.parametrize("cues", [srt_cues, vtt_cues])
def test_a_cue_that_is_too_long_leaves_no_word_or_two_behind(cues):
    text = "this one is exactly as long as two full lines can be and then there are some more words left"
    assert [len(" ".join(lines).split()) for _, _, lines in cues({"words": say(text, step=200)})] == [11, 9]


@pytest.mark.parametrize("cues", [srt_cues, vtt_cues])
def test_an_arrow_that_was_said_does_not_end_a_cue(cues):
    ((_, _, lines),) = cues({"words": say("go --> there <-- now")})
    assert lines in (["go --> there <-- now"], ["go → there <-- now"])


@pytest.mark.parametrize("name", ["srt", "vtt"])
def test_only_a_timing_line_has_an_arrow(name):
    answer = {"words": say("00:00:01,000 --> 00:00:02,000\n\n2 --> --->", speaker="a --> b")}
    assert re.findall(".*-->.*", rendered(name, answer)) == re.findall(
        "^00:00:00.*-->.*", rendered(name, answer), re.MULTILINE
    )


@pytest.mark.parametrize("cues", [srt_cues, vtt_cues])
def test_people_who_talk_at_once_are_shown_one_after_the_other_long_enough_to_be_read(cues):
    turns = [utterance("1", "I think that. We should go."), utterance("2", "Wait a bit.", 600)]
    found = cues({"text": "I think that. We should go. Wait a bit.", "utterances": turns})
    assert [(start, end) for start, end, _ in found] == [(0, 1200), (1200, 2300), (2300, 3711)], (
        "the names are read too: 20 characters a second, and 17 where nobody waits"
    )


def test_a_cue_that_begins_late_is_shown_in_the_silence_after_it_for_as_long_as_it_takes_to_read():
    turns = [utterance("1", "We could do that."), utterance("2", "Wait a bit, all of you.", 1000)]
    (_, late) = srt_cues({"utterances": turns})
    assert late[:2] == (1400, 3400), "34 characters with the name"


def test_a_late_cue_leaves_the_next_one_time_to_be_read_before_the_third():
    turns = [
        utterance("A", "I think that all of us should go there now, shall we?"),
        {**utterance("B", "No."), "words": [{"text": "No.", "start": 1790, "end": 1990}]},
        {**utterance("C", "Thanks a lot."), "words": say("Thanks a lot, that is a great help.", start=1800, step=250)},
    ]
    (_, no, _) = srt_cues({"utterances": turns})
    assert no[1] - no[0] >= 834


def test_a_word_within_crosstalk_is_shown_long_enough_to_be_read():
    turns = [
        utterance("A", "Who is going to do that?"),
        {**utterance("B", "Me."), "words": [{"text": "Me.", "start": 1790, "end": 1990}]},
        {**utterance("C", "Thanks a lot."), "words": say("Thanks a lot, that is a great help.", start=1800, step=250)},
    ]
    (_, me, _) = srt_cues({"utterances": turns})
    assert me[2] == ["Speaker B: Me."]
    assert me[1] - me[0] >= 300


def test_a_cue_is_shown_for_as_long_as_it_takes_to_read_where_there_is_silence_and_short_gaps_are_closed():
    fast = say("Everybody understands extraordinarily complicated considerations.", step=300)
    (first, second) = srt_cues({"words": [*fast, *say("Yes.", start=4500), *say("No, never again.", start=5800)]})[:2]
    assert first[:2] == (0, 2000), "half a second longer than the words, of 3.9 s that it takes to read"
    assert second[:2] == (4500, 5716), "two frames before the next"


def test_a_cue_that_was_interrupted_names_its_speaker_again():
    turns = [utterance("1", "I think that. We should go."), utterance("2", "Wait a bit.", 600)]
    found = srt_cues({"text": "I think that. We should go. Wait a bit.", "utterances": turns})
    assert shown(found) == ["Speaker 1: I think that.", "Speaker 2: Wait a bit.", "Speaker 1: We should go."]


@pytest.mark.parametrize("cues", [srt_cues, vtt_cues])
def test_times_that_are_missing_follow_from_the_word_before(cues):
    words = [{"text": "one", "start": 5000, "end": 6200}, {"text": "two"}, {"text": "three.", "start": None, "end": 5}]
    assert cues({"words": words}) == [(5000, 6800, ["one two three."])]


@pytest.mark.parametrize("cues", [srt_cues, vtt_cues])
def test_a_text_without_words_is_spread_over_the_recording(cues):
    found = cues({"text": "word " * 100, "audio_duration": 60})
    assert found[0][0] == 0
    assert found[-1][1] == 60_000
    assert " ".join(shown(found)) == "word " * 99 + "word"


@pytest.mark.parametrize("cues", [srt_cues, vtt_cues])
def test_an_utterance_without_words_is_spread_over_its_time(cues):
    turn = {"speaker": None, "text": "One two.", "start": 4000, "end": 6000, "words": None}
    assert cues({"text": "One two.", "utterances": [turn]}) == [(4000, 6000, ["One two."])]


# No digits: pysubs2 takes a last line that is a number for the number of a next subtitle.
TOKENS = st.text("ab,.!?日本。&-<>'", min_size=1, max_size=12) | st.just("x" * 60)
LABELS = st.sampled_from([None, "A", "B", "Dr. Ann-Katherine Applewhite of Somewhere"])
TIMES = st.integers(0, 30_000) | st.sampled_from([None, -1, math.nan, math.inf, "7", True, 10**40])


@st.composite
def spoken(draw):
    """Words as they should come: in order, one after another, each with its length, some after a silence."""
    words, now = [], draw(st.integers(0, 5000))
    for text in draw(st.lists(TOKENS, min_size=1, max_size=60)):
        end = now + draw(st.integers(1, 2500))
        words.append({"text": text, "start": now, "end": end, "speaker": draw(LABELS)})
        now = end + draw(st.sampled_from([0, 50, 300, 900]))
    return {"words": words}


def broken():
    """Words with times of any kind, in any order."""
    word = st.fixed_dictionaries({"text": TOKENS, "start": TIMES, "end": TIMES, "speaker": LABELS})
    return st.fixed_dictionaries({"words": st.lists(word, max_size=60)})


def unnamed(lines):
    return [re.sub(r"^(Speaker [AB]|Dr\. Ann.* Somewhere):( |$)", "", line) for line in lines]


def squeezed(texts):
    return "".join("".join(texts).split()).replace("-->", "→").translate(str.maketrans("\u2039\u203a", "<>"))


@pytest.mark.parametrize("cues", [srt_cues, vtt_cues])
@settings(deadline=None, max_examples=60)
@given(answer=spoken() | broken())
def test_cues_begin_in_order_never_overlap_and_always_last(cues, answer):
    found = cues(answer)
    assert all(start < end for start, end, _ in found)
    assert all(end <= following for (_, end, _), (following, _, _) in pairwise(found))


@pytest.mark.parametrize("cues", [srt_cues, vtt_cues])
@settings(deadline=None, max_examples=60)
@given(answer=spoken() | broken())
def test_every_word_is_shown_once_and_in_order(cues, answer):
    said = squeezed(word["text"] for word in answer["words"])
    assert squeezed(unnamed(shown(cues(answer)))) == said


@pytest.mark.parametrize("cues", [srt_cues, vtt_cues])
@settings(deadline=None, max_examples=60)
@given(answer=spoken() | broken())
def test_a_cue_is_two_lines_of_42_characters_unless_a_word_or_a_name_is_longer(cues, answer):
    for _, _, lines in cues(answer):
        assert len(lines) <= 2
        assert all(len(line) <= 42 or " " not in line or line.startswith("Dr. Ann") for line in lines)
        assert all(lines)


@settings(deadline=None, max_examples=100)
@given(answer=spoken() | broken())
def test_each_cue_can_be_read_unless_three_begin_within_a_second_and_a_half(answer):
    content = Content(answer, "Talk", PLAIN)
    begun = sorted(words[0].start_ms for words in parted(content.turns, PLAIN))
    for cue, spoken_ms in zip(content.cues, begun, strict=True):
        near = [other for other in begun if abs(other - spoken_ms) <= 1500]
        assert cue.end_ms - cue.start_ms >= (834 if len(near) < 3 else 300)
        assert cue.start_ms >= spoken_ms


@settings(deadline=None, max_examples=60)
@given(answer=spoken())
def test_a_cue_lasts_until_its_last_word_where_there_is_time(answer):
    content = Content(answer, "Talk", PLAIN)
    for cue, words in zip(content.cues, parted(content.turns, PLAIN), strict=True):
        assert cue.end_ms >= min(words[-1].end_ms, cue.start_ms + 7000, *later(content.cues, cue))


def later(cues, cue):
    return [other.start_ms for other in cues[cues.index(cue) + 1 :]]


# --- md ----------------------------------------------------------------------------------------------------------


def test_markdown_has_its_properties_first_and_a_time_for_each_turn():
    answer = {
        **TALK,
        "audio_duration": 3725,
        "language_code": "en_us",
        "summary": "They meet.",
        "chapters": [
            {"headline": "The start", "gist": "g", "start": 250},
            {"gist": "End", "start": None},
            {"start": 7},
        ],
    }
    assert rendered("md", answer, "talks/Monday 1.5.MP3") == (
        '---\ntitle: "Monday 1.5"\nsource: "Monday 1.5.MP3"\nduration: "01:02:05"\nlanguage: "en-US"\n'
        'speakers: ["Speaker A", "Speaker B"]\n---\n\n'
        "## Summary\n\nThey meet.\n\n"
        "## Chapters\n\n- [00:00:00] The start\n- End\n\n"
        "## Transcript\n\n"
        "[00:00:00] **Speaker A:** Good morning, everyone. We begin.\n\n"
        "[00:00:07] **Speaker B:** Fine & good.\n"
    )


def test_markdown_names_no_speaker_where_none_is_known():
    content = rendered("md", {"words": say("Hello there.", start=61_000)})
    assert content == '---\ntitle: "Talk"\nsource: "Talk.mp3"\n---\n\n[00:01:01] Hello there.\n'


def test_markdown_gives_no_time_that_nobody_knows():
    assert rendered("md", {"text": "Hello."}).endswith("---\n\nHello.\n")


@settings(deadline=None, max_examples=100)
@given(title=st.text("ab: #'\"\\{}[]&*!|>%@`-?,\n\r\t\u2028日😀"))
def test_no_title_can_break_out_of_its_property(title):
    lines = rendered("md", {}, title).split("\n")
    keys = [line.partition(":")[0] for line in lines]
    assert keys == ["---", "title", "source", "---", "", "(no speech was recognised)", ""]
    scalar = lines[2].removeprefix("source: ")  # in double quotes, where JSON is YAML
    assert json.loads(scalar) == " ".join(title.split())


def test_markdown_means_nothing_in_obsidian_and_pandoc_either():
    """A formula, a tag, a highlight, a comment that is hidden, a superscript."""
    body = rendered("md", {"text": "$a$ #budget ==x== %%x%% x^2^"}).split("\n---\n\n", 1)[1]
    assert body == "\\$a\\$ \\#budget \\==x\\== \\%%x\\%% x\\^2\\^\n"


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a. First", "a\\. First"),
        ("iv) Then", "iv\\) Then"),
        ("(2) So", "(2\\) So"),
        ("(@) It", "(@\\) It"),
        ("| x", "\\| x"),
        (": x", "\\: x"),
    ],
)
def test_markdown_begins_no_list_in_pandoc_either(text, escaped):
    """Its lists may have letters, Roman numbers and names; its lines may begin with a bar."""
    assert rendered("md", {"text": text}).endswith(f"---\n\n{escaped}\n")


@settings(deadline=None, max_examples=300)
@example(text="__b__ _a_ a_b")
@example(text="1986. A year")
@given(text=st.text("ab1 \\`*_#-+>.)~[](){}!<&;=|:\"'lt", min_size=1))
def test_markdown_shows_what_was_said_as_it_was_said(text):
    said = " ".join(text.split())
    body = rendered("md", {"text": text}).split("\n---\n\n", 1)[1]
    tokens = markdown_it.MarkdownIt("commonmark").enable(["strikethrough", "table"]).parse(body)
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert {child.type for child in tokens[1].children} <= {"text", "text_special"}
    assert "".join(child.content for child in tokens[1].children) == (said or "(no speech was recognised)")


@settings(deadline=None, max_examples=60)
@given(answer=spoken() | broken())
def test_no_word_is_lost_in_what_people_read(answer):
    said = "".join("".join(word["text"] for word in answer["words"]).split()) or "(nospeechwasrecognised)"
    for word in answer["words"]:
        word.pop("speaker")
    body = rendered("md", answer).split("\n---\n", 1)[1]
    inline = [token for token in markdown_it.MarkdownIt("commonmark").parse(body) if token.type == "inline"]
    shown_by_md = ["".join(child.content for child in token.children) for token in inline]
    untimed = [re.sub(r"^\[[0-9:]{8}\] ", "", paragraph) for paragraph in shown_by_md]
    assert "".join("".join(untimed).split()) == said
    assert "".join(rendered("txt", answer).split()) == said
    words = re.findall(r"<span data-t=\d+>(.*?)</span>", rendered("html", answer))
    assert "".join(html.unescape("".join(words)).split()) == (said if answer["words"] else "")


# --- hostile answers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TEXT_FORMATS)
def test_no_control_character_or_direction_mark_gets_into_a_file_of_text(name):
    evil = "".join(map(chr, [*range(9), *range(0x0B, 0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F)]))
    evil += "".join(map(chr, range(0x2066, 0x206A)))
    text = f"a\x1b[31m{evil}b"
    answer = {
        "text": f"{text} {text} {text}",
        "words": say(text),
        "utterances": [utterance(text, text)],
        "language_code": text,
        "summary": text,
        "chapters": [{"headline": text}],
    }
    assert not set(rendered(name, answer, text)) & set(evil)


@pytest.mark.parametrize("name", TEXT_FORMATS)
def test_half_a_surrogate_pair_becomes_the_replacement_character(name):
    answer = rb'{"text": "a\ud800b", "words": [{"text": "a\ud800b", "start": 0, "end": 1}]}'
    assert "a\ufffdb" in render(name, answer, title="\udcff").decode()


@pytest.mark.parametrize("name", TEXT_FORMATS)
def test_every_file_of_text_is_utf8_without_a_mark_and_ends_its_lines_with_a_line_feed(name):
    content = render(name, {"text": "Zoë\r\nsaid"}, title="Zoë")
    assert not content.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in content
    assert content.endswith(b"\n")
    assert not content.endswith(b"\n\n")
    assert "Zoë" in content.decode("utf-8")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def documented(keys, **nested):
    return st.fixed_dictionaries({}, optional={**dict.fromkeys(keys, ANYTHING), **nested})


WORDS = st.lists(documented(["text", "start", "end", "speaker", "channel"]) | ANYTHING, max_size=4) | ANYTHING
UTTERANCES = st.lists(documented(["text", "start", "end", "speaker", "channel"], words=WORDS) | ANYTHING, max_size=4)
CHAPTERS = st.lists(documented(["headline", "gist", "summary", "start", "end"]) | ANYTHING, max_size=3)
ANSWERS = documented(
    ["text", "audio_duration", "language_code", "summary"],
    words=WORDS,
    utterances=UTTERANCES | ANYTHING,
    chapters=CHAPTERS | ANYTHING,
)


@settings(deadline=None, max_examples=200)
@given(answer=ANSWERS, title=st.text())
def test_no_answer_however_broken_stops_a_rendering(answer, title):
    for name in FORMATS:
        content = render(name, answer, title=title)
        assert name == "docx" or isinstance(content.decode("utf-8"), str)
