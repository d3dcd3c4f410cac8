"""Where sentences end and where spaces stand, in many scripts: one row of a table for each sentence."""

# ruff: noqa: RUF001 - the signs of many scripts are meant

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoken import rendered, say
from transcribed.formats import Style
from transcribed.formats.content import Content
from transcribed.formats.wrapping import columns


def rows(text, language="en_us", words=None):
    said = [{"text": word, "start": 200 * i, "end": 200 * i + 150} for i, word in enumerate(words or text.split())]
    answer = {"text": text, "words": said, "language_code": language}
    return [line.split("\t")[2] for line in rendered("tsv", answer).splitlines()[1:]]


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        (
            "en_us",
            [
                "I spoke to Dr. Smith.",
                "He lives at No. 5 St. James Street, in Washington, D.C.",
                "Mr. Jones came on Oct. 3 from the U.S. Army.",
            ],
        ),
        ("en", ["It is 5 p.m. Eastern.", "See e.g. Berlin."]),
        ("en", ["J. K. Rowling wrote it.", "I said no.", "Then she left."]),
        ("en", ["Do you think so?", "Yes!", "It was version 2.5 of it."]),
        ("de", ["Am 3. Oktober kam Prof. Dr. Müller, wie z. B. Anna sagte.", "Das war im 2. Weltkrieg."]),
        ("de", ["Er sagte: „Ich komme.“", "Dann ging er."]),
        ("fr", ["M. Dupont et Mme. Martin sont là.", "Ils partent."]),
        ("fr", ["Selon l’art. 5 de la loi.", "Puis l'art. 7 aussi."]),
        ("nl", ["Dhr. Jansen en mevr. De Vries.", "Klaar."]),
        ("ru", ["Это ул. им. Пушкина.", "Он ушёл."]),
        ("es", ["El Sr. García vino.", "Luego se fue."]),
        ("ur", ["آج موسم اچھا ہے۔", "ہم باہر جائیں گے۔", "کیا آپ آئیں گے؟"]),
        ("ar", ["هل أنت بخير؟", "نعم."]),
        ("hi", ["यह अच्छा है।", "मेरा नाम डॉ. राम है।", "हम चलें।"]),
        ("hy", ["Բարեւ։", "Ինչպես ես։"]),
        ("am", ["ሰላም።", "እንዴት ነህ።"]),
        ("km", ["សួស្តី។", "អ្នកសុខសប្បាយ។"]),
        ("my", ["မင်္ဂလာပါ၊ နေကောင်းလား။", "ဟုတ်ကဲ့။"]),
        ("el", ["Πού είσαι;", "Εδώ."]),
    ],
)
def test_a_row_is_a_sentence_and_no_name_or_date_is_broken(language, sentences):
    assert rows(" ".join(sentences), language) == sentences


def test_an_ordinal_ends_no_sentence_in_a_language_that_is_not_known():
    assert rows("Am 2. Januar. Nun ja.", "") == ["Am 2. Januar.", "Nun ja."]


def test_an_abbreviation_before_a_pause_ends_its_sentence():
    words = [*say("They moved to the U.S."), *say("Nobody came.", start=5000)]
    answer = {"text": "They moved to the U.S. Nobody came.", "words": words, "language_code": "en"}
    assert rendered("txt", answer) == "They moved to the U.S.\n\nNobody came.\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("今日はAssemblyAIのAPIです。2026年", ["今日", "は", "AssemblyAI", "の", "API", "です。", "2026", "年"]),
        ("สวัสดีครับวันนี้", ["สวัสดี", "ครับ", "วันนี้"]),
        ("AssemblyAI", list("AssemblyAI")),
        ("你好 hello 世界", ["你", "好", "hello", "世", "界"]),
        ("C’est sûr\u202f! Oui.", ["C’est", "sûr\u202f!", "Oui."]),
    ],
)
def test_the_space_between_two_words_is_the_one_that_the_text_has(text, words):
    said = [{"text": word, "start": 200 * i, "end": 200 * i + 150} for i, word in enumerate(words)]
    answer = {"text": text, "words": said}
    assert rendered("txt", answer) == f"{text}\n"
    shown = [line for line in rendered("srt", answer).splitlines() if "-->" not in line and not line.isdigit()]
    assert "".join(shown) == text


def test_a_sign_that_closes_belongs_to_the_word_before_it():
    words = ["「", "これ", "は", "すごい", "。", "」", "と", "言いました", "。", "次", "です", "。"]
    found = rows("「これはすごい。」と言いました。次です。", "ja", words)
    assert found == ["「これはすごい。」", "と言いました。", "次です。"]


def test_hungarian_and_unknown_words_do_not_move_the_spaces_of_the_others():
    assert rows("one two three.", "en", ["one", "TWO", "three."]) == ["one TWO three."]


@pytest.mark.parametrize(
    ("text", "width"),
    [("नमस्ते", 4), ("ที่นี้", 2), ("e\u0301", 1), ("👨‍👩‍👧‍👦", 2), ("한국어", 6), ("今日は", 6), ("Müller", 6)],
)
def test_a_text_is_as_wide_as_it_is_shown(text, width):
    assert columns(text) == width


def test_subtitles_break_a_line_before_a_preposition():
    text = "We went to the house in the hills, where the rain came down on us"
    assert "We went to the house in the hills,\nwhere the rain" in rendered("srt", {"text": text, "words": say(text)})


def test_what_players_take_for_markup_is_written_as_what_it_looks_like():
    text = r"No {\an8} <i>tag</i> here, 3 < 4."
    assert "No (\\an8) ‹i›tag‹/i› here, 3 < 4.\n" in rendered("srt", {"text": text, "words": say(text)})


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text("aB.「」。 !ا1", min_size=1, max_size=6), max_size=30), st.sampled_from(["", "en", "ja", "de"]))
def test_no_word_is_lost_whatever_the_spaces_and_the_language(texts, language):
    words = [{"text": text, "start": 100 * i, "end": 100 * i + 90} for i, text in enumerate(texts)]
    content = Content({"words": words, "language_code": language}, "Talk", Style())
    kept = "".join(word.text for turn in content.turns for word in turn)
    assert "".join(kept.split()) == "".join("".join(texts).split())
