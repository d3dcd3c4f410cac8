"""AssemblyAI's parameters: those refused before a byte is sent, and one set of them laid over another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostile import examples
from transcribed.config.parameters.request import over, wrong_parameters, wrong_together
from transcribed.config.parameters.values import PARAMETERS


def problems(parameters):
    """All that is wrong with one mapping of parameters."""
    alone = [f"{path} {sentence}" for path, sentence in wrong_parameters(parameters)]
    return alone + [sentence for _, sentence in wrong_together(parameters)]


@pytest.mark.parametrize(
    ("key", "mend"),
    [
        ("audio_url", "is set by the daemon"),
        ("speech_model", "write speech_models"),
        ("word_boost", "write keyterms_prompt"),
        ("boost_param", "write keyterms_prompt"),
        ("dual_channel", "write multichannel"),
        ("custom_topics", "has no effect"),
        ("topics", "has no effect"),
        ("speed_boost", "has no effect"),
        ("acoustic_model", "speech_models"),
        ("language_model", "speech_models"),
    ],
)
def test_a_dead_parameter_is_an_error_that_names_its_successor_or_says_that_it_has_no_effect(key, mend):
    [found] = problems({key: True})
    assert found.startswith(f"{key} ")
    assert mend in found


REQUEST = "speech_understanding.request"


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("auto_highlights", "yes", 'true or false, not "yes"'),
        ("sentiment_analysis", 1, "true or false, not 1"),
        ("language_code", 5, "text in quotes"),
        ("language_codes", ["es", "de"], '"en" among them'),
        ("language_codes", "en", '"en" among them'),
        ("language_confidence_threshold", 1.5, "a number from 0 to 1, not 1.5"),
        ("speech_threshold", -0.1, "a number from 0 to 1"),
        ("temperature", True, "a number from 0 to 1"),
        ("content_safety_confidence", 24, "a whole number from 25 to 100, not 24"),
        ("content_safety_confidence", 101, "a whole number from 25 to 100, not 101"),
        ("content_safety_confidence", 50.0, "a whole number from 25 to 100"),
        ("audio_start_from", -1, "a whole number of milliseconds"),
        ("audio_end_at", 1.5, "a whole number of milliseconds"),
        ("prompt", "word " * 1501, "at most 1500 words"),
        ("keyterms_prompt", ["one two three four five six seven"], "at most six words"),
        ("keyterms_prompt", ["a"] * 1001, "at most 1000 texts"),
        ("keyterms_prompt", "a", "a list of at most 1000 texts"),
        ("custom_spelling", [{"from": ["a"], "to": "two words"}], "one word in to"),
        ("custom_spelling", [{"from": ["a b c d e f"], "to": "b"}], "at most five words"),
        ("custom_spelling", [{"from": "a", "to": "b"}], "a list of { from = [...]"),
        ("custom_spelling", {"from": ["a"], "to": "b"}, "a list of { from = [...]"),
        ("redact_pii_policies", "person_name", "a list of texts"),
        ("redact_static_entities", {"a/b": ["x"]}, "at most 100 labels"),
        ("redact_static_entities", {"A": ["x" * 201]}, "at most 200 terms"),
        ("redact_static_entities", {"A": ["x"] * 201}, "at most 200 terms"),
        ("redact_static_entities", {f"A{n}": ["x"] for n in range(101)}, "at most 100 labels"),
        ("speaker_options", {"min_speakers_expected": 3, "max_speakers_expected": 2}, "not above"),
        ("speaker_options.max_speakers_expected", 0, "1 or more, not 0"),
        ("speakers_expected", 0, "1 or more, not 0"),
        ("speakers_expected", True, "1 or more, not true"),
        ("speech_models", [], "not empty (leave it out"),
        ("language_detection_options", {"on_no_speech_detected": "fallback"}, "needs a fallback_language"),
        ("language_detection_options.code_switching_confidence_threshold", 2, "from 0 to 1, not 2"),
        ("language_detection_options.localization", ["en_us"], "en and en_us are not variants"),
        ("language_detection_options.localization", ["en_au", "en_uk"], "one variant for each language"),
        ("language_detection_options.expected_languages", "en", "a list of texts"),
        ("webhook_url", "nas.lan/hook", "an address, https:// or http://"),
        ("webhook_auth_header_name", "X Header", "1 to 1000 letters, digits"),
        ("webhook_auth_header_value", "a\r\nX-Other: b", "on one line"),
        ("speech_understanding", {"translation": {}}, "holds a table request"),
        (f"{REQUEST}.translation", {"formal": True}, "target_languages"),
        (f"{REQUEST}.speaker_identification", {"speaker_type": "role"}, "known_values or speakers"),
        (f"{REQUEST}.speaker_identification", {"known_values": ["A"]}, "speaker_type"),
        (f"{REQUEST}.summarization", {"effort": "low"}, "summary_type"),
    ],
)
def test_a_value_that_no_model_takes_is_named_with_what_it_should_be(path, value, expected):
    key, *inner = path.split(".")
    for part in reversed(inner):
        value = {part: value}
    [(found, sentence)] = wrong_parameters({key: value})
    assert found == path
    assert sentence.startswith("should be ")
    assert expected in sentence


def test_a_role_or_a_name_of_a_speaker_is_at_most_35_characters():
    asked = {"speaker_identification": {"speaker_type": "name", "known_values": ["x" * 36]}}
    [found] = problems({"speech_understanding": {"request": asked}})
    assert found.startswith(f"{REQUEST}.speaker_identification.known_values should be a list of texts of at most 35")


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"language_code": "en", "language_detection": True}, "exclude each other"),
        ({"language_code": "en", "language_confidence_threshold": 0.5}, "exclude each other"),
        ({"speaker_labels": True, "speakers_expected": 2, "speaker_options": {}}, "exclude each other"),
        ({"auto_chapters": True, "summarization": True}, "exclude each other"),
        ({"auto_chapters": True, "punctuate": False}, "auto_chapters needs punctuate"),
        ({"summarization": True, "format_text": False}, "summarization needs format_text"),
        ({"summarization": True, "punctuate": False}, "summarization needs punctuate"),
        ({"sentiment_analysis": True, "punctuate": False}, "sentiment_analysis needs punctuate"),
        ({"redact_pii": True, "format_text": False}, "redact_pii needs format_text"),
        ({"redact_pii_audio": True}, "redact_pii_audio needs redact_pii"),
        ({"redact_pii_return_unredacted": True, "redact_pii": False}, "redact_pii_return_unredacted needs redact_pii"),
        ({"redact_static_entities": {"A": ["a"]}}, "redact_static_entities needs redact_pii"),
        ({"speaker_options": {}}, "speaker_options needs speaker_labels"),
        ({"summary_model": "catchy"}, "summary_model needs summary_type"),
        ({"summary_type": "gist"}, "summary_type needs summary_model"),
        ({"summary_type": "bullets", "summary_model": "catchy"}, "the summary_model catchy makes gist, headline"),
        ({"language_detection": False}, "needs a language_code"),
        ({"audio_start_from": 9, "audio_end_at": 9}, "audio_start_from is not before audio_end_at"),
        (
            {"webhook_url": "https://a", "webhook_auth_header_name": "X"},
            "webhook_auth_header_name needs webhook_auth_header_value",
        ),
        (
            {"webhook_url": "https://a", "webhook_auth_header_value": "X"},
            "webhook_auth_header_value needs webhook_auth_header_name",
        ),
    ],
)
def test_parameters_that_are_refused_together_are_one_sentence(parameters, problem):
    [found] = problems(parameters)
    assert problem in found


@pytest.mark.parametrize(
    "parameters",
    [
        {"language_code": "en", "language_detection": False},
        {"language_codes": ["en", "es"], "language_detection": False},
        {"speaker_labels": True, "speaker_options": {"min_speakers_expected": 2, "max_speakers_expected": 2}},
        {"auto_chapters": True, "summarization": False},
        {"summarization": True, "summary_model": "informative", "summary_type": "bullets"},
        {"summary_model": "of next year", "summary_type": "haiku"},
        {"language_detection_options": {"on_no_speech_detected": "fallback", "fallback_language": "en"}},
        {"content_safety_confidence": 25, "temperature": 1, "speech_threshold": 0},
        {"speech_models": ["next-year"], "brand_new": [1, {"of": ["it", 0.5]}]},
        {"auto_highlights": {"of": "next year"}},
        {"redact_pii": True, "redact_pii_policies": ["of_next_year"], "redact_static_entities": {"IN-1 x": ["Bear"]}},
        {"webhook_url": "https://a", "webhook_auth_header_name": "X", "webhook_auth_header_value": "s"},
    ],
)
def test_what_may_be_taken_is_left_to_assemblyai(parameters):
    assert problems(parameters) == []


@pytest.mark.parametrize(
    ("general", "particular", "expected"),
    [
        ({"a": 1, "b": {"x": 1}}, {"b": {"y": 2}}, {"a": 1, "b": {"y": 2}}),
        ({"language_detection": True, "language_confidence_threshold": 0.5}, {"language_code": "de"}, {}),
        ({"language_detection_options": {"code_switching": True}}, {"language_code": "de"}, {}),
        ({"language_code": "en"}, {"language_detection": True}, {}),
        ({"language_code": "en"}, {"language_detection": False}, {"language_code": "en"}),
        ({"speaker_labels": True, "speakers_expected": 2}, {"speaker_options": {}}, {"speaker_labels": True}),
        ({"speaker_labels": True, "speakers_expected": 2}, {"speaker_labels": False}, {}),
        ({"redact_pii": True, "redact_pii_audio": True, "redact_pii_sub": "hash"}, {"redact_pii": False}, {}),
        ({"summarization": True, "summary_model": "catchy", "summary_type": "gist"}, {"auto_chapters": True}, {}),
        ({"auto_chapters": True}, {"summarization": False}, {"auto_chapters": True}),
        ({"speaker_labels": True}, {"punctuate": False}, {"speaker_labels": True}),
    ],
)
def test_the_particular_goes_over_the_general_and_takes_out_what_it_makes_void(general, particular, expected):
    assert over(general, particular) == expected | particular


VALUES = st.sampled_from([True, False, 0, 1, "en", ["en"], {}])
SETS = st.dictionaries(st.sampled_from(sorted(PARAMETERS)), VALUES, max_size=6)


@examples(100)
@given(general=SETS, particular=SETS)
def test_the_particular_always_stands_and_nothing_comes_from_elsewhere(general, particular):
    merged = over(general, particular)
    assert merged | particular == merged
    assert merged.keys() <= general.keys() | particular.keys()
    assert all(merged[key] == general[key] for key in merged.keys() - particular.keys())


RIVALS = st.fixed_dictionaries(
    {},
    optional={
        "language_code": st.just("de"),
        "language_detection": st.just(True),
        "speaker_labels": st.just(True),
        "speakers_expected": st.just(2),
        "speaker_options": st.just({}),
        "auto_chapters": st.just(True),
        "summarization": st.just(True),
        "summary_model": st.just("catchy"),
        "summary_type": st.just("gist"),
    },
).filter(lambda parameters: not problems(parameters))


@examples(100)
@given(general=RIVALS, particular=RIVALS)
def test_two_sets_that_are_right_by_themselves_are_right_one_over_the_other(general, particular):
    assert problems(over(general, particular)) == []
