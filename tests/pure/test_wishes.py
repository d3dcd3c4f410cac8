"""What a request asks of the local API, as far as it can be met there."""

import pytest

from transcribed.local import wishes
from transcribed.local.recognise.engine import Asked


def said(text):
    times = ({"start": 100 * at, "end": 100 * at + 90, "confidence": 0.9} for at in range(100))
    return [{"text": word, **time} for word, time in zip(text.split(), times, strict=False)]


def written(text, **parameters):
    return " ".join(word["text"] for word in wishes.written(said(text), parameters))


@pytest.mark.parametrize(
    ("parameters", "asked"),
    [
        ({}, Asked()),
        ({"language_code": "en_us"}, Asked("en")),
        ({"language_code": "de"}, Asked("de")),
        ({"language_code": "de", "language_detection": True}, Asked()),
        ({"prompt": "A sermon.", "keyterms_prompt": ["Elinor", 7, ""]}, Asked(None, "A sermon.", ("Elinor",))),
        ({"language_code": 7, "prompt": [], "keyterms_prompt": "x"}, Asked()),
    ],
)
def test_the_recogniser_is_asked_what_the_request_asks(parameters, asked):
    assert wishes.asked(parameters) == asked


def test_only_what_asks_for_something_and_has_no_effect_is_in_vain():
    asked = {"speaker_labels": True, "summarization": False, "prompt": "x", "auto_chapters": True, "audio_url": "y"}
    assert wishes.in_vain(asked) == ["auto_chapters", "speaker_labels"]


def test_fillers_are_left_out_unless_they_are_asked_for():
    assert written("Um, we uh went.") == "we went."
    assert written("Um, we uh went.", disfluencies=True) == "Um, we uh went."


def test_profanity_is_masked_but_for_its_first_letter():
    assert written("Oh shit, Scunthorpe!", filter_profanity=True) == "Oh s***, Scunthorpe!"
    assert written("Oh shit!") == "Oh shit!"


def test_signs_and_capitals_go_where_they_are_not_wanted():
    assert written("Yes, Mr. Dashwood.", punctuate=False) == "Yes Mr Dashwood"
    assert written("Yes, Mr. Dashwood.", format_text=False) == "yes, mr. dashwood."


def test_a_phrase_is_spelt_as_it_is_wanted_and_keeps_its_times_and_signs():
    spelling = [{"from": ["see quell", "sequel"], "to": "SQL"}]
    words = wishes.written(said("We use See quell. Sequel, too."), {"custom_spelling": spelling})
    assert [word["text"] for word in words] == ["We", "use", "SQL.", "SQL,", "too."]
    assert (words[2]["start"], words[2]["end"]) == (200, 390)


@pytest.mark.parametrize("given", [7, [7], [{"from": 1, "to": "a"}], [{"from": ["a"], "to": None}], [{"from": [" "]}]])
def test_a_spelling_that_cannot_be_meant_changes_nothing(given):
    assert written("A word.", custom_spelling=given) == "A word."


def test_a_language_that_is_less_certain_than_wanted_is_an_error():
    wanted = {"language_confidence_threshold": 0.8}
    assert wishes.below_threshold(wanted, "de", 0.66) == (
        "detected language 'de', confidence 0.66, is below the requested confidence threshold value of '0.8'"
    )
    assert wishes.below_threshold(wanted, "de", 0.9) is None
    assert wishes.below_threshold(wanted, "en", None) is None
    assert wishes.below_threshold({}, "de", 0.1) is None


def test_languages_without_spaces_are_written_without():
    assert wishes.text(said("今日 は"), "ja") == "今日は"
    assert wishes.text(said("good day"), "en") == "good day"
