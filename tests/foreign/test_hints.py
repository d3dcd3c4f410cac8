"""Hints lead Whisper to words that nobody said: what it makes of them is scripted here, as it was seen to answer."""

from types import SimpleNamespace

import pytest

from transcribed.errors import Permanent
from transcribed.local.recognise.engine import Asked, Word
from transcribed.local.recognise.whisper import WhispersEar

SECOND = bytes(32_000)
ENGLISH = Asked("en")


class ScriptedModel:
    """In the place of faster-whisper's model: one answer for each hearing, and what it was asked with."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.hints = []

    def transcribe(self, _samples, *, initial_prompt, hotwords, **_):
        self.hints.append((initial_prompt, hotwords))
        return self._answers.pop(0), SimpleNamespace(language="en", language_probability=1.0)


def segment(*words, seconds=1.0, likely=-0.2):
    found = [SimpleNamespace(word=f" {text}", start=start, end=end, probability=0.9) for text, start, end in words]
    judged = {"avg_logprob": likely, "no_speech_prob": 0.0, "compression_ratio": 1.0}
    return SimpleNamespace(start=0.0, end=seconds, words=found, **judged)


def ear_of(model, asked=ENGLISH, *, english_only=False):
    return WhispersEar(model, asked, english_only=english_only)


def test_words_that_begin_where_the_sound_ends_are_not_passed_on():
    model = ScriptedModel([segment(("Good", 0.1, 0.4), ("day", 0.5, 0.9), ("Kubernetes", 1, 1), ("Helm", 1.4, 1.9))])
    assert [word.text for word in ear_of(model).words(SECOND)] == ["Good", "day"]


def test_a_word_of_no_length_at_the_end_is_not_passed_on_and_one_in_the_middle_is():
    model = ScriptedModel([segment(("Good", 0.5, 0.5), ("Helm", 0.98, 0.98))])
    assert ear_of(model).words(SECOND) == [Word("Good", 500, 500, 0.9)]


def test_where_hints_leave_no_word_a_window_is_heard_again_without_them_and_the_answer_says_so():
    model = ScriptedModel([], [segment(("Good", 0.1, 0.4))])
    ear = ear_of(model, Asked("en", "A talk.", ("Helm",)))
    assert [word.text for word in ear.words(SECOND)] == ["Good"]
    assert model.hints == [("A talk.", "Helm"), (None, None)]
    assert "without prompt and keyterms_prompt" in ear.heard().warnings[0]


def test_without_hints_a_window_without_words_is_heard_once():
    model = ScriptedModel([])
    assert ear_of(model).words(SECOND) == []
    assert len(model.hints) == 1


def test_hints_that_are_too_long_for_whisper_are_cut_at_a_word_and_the_answer_says_so():
    model = ScriptedModel([segment(("Good", 0.1, 0.4))])
    ear = ear_of(model, Asked("en", "spoken " * 100, tuple(f"term{number}" for number in range(1000))))
    ear.words(SECOND)
    ((prompt, terms),) = model.hints
    assert prompt == " ".join(["spoken"] * 28)
    assert terms == ", ".join(f"term{number}" for number in range(26))
    assert "200 characters" in ear.heard().warnings[0]


def test_almost_no_words_for_much_speech_are_another_language():
    model = ScriptedModel([segment(("Good", 0.1, 0.4), likely=-0.1)])
    ear = ear_of(model, Asked(), english_only=True)
    ear.words(12 * SECOND)
    with pytest.raises(Permanent, match="does not sound like English"):
        ear.heard()


def test_few_words_for_a_moment_of_speech_are_english():
    ear = ear_of(ScriptedModel([segment(("Good", 0.1, 0.4))]), Asked(), english_only=True)
    ear.words(3 * SECOND)
    assert ear.heard().language == "en"
