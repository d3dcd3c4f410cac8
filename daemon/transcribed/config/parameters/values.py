"""The rules for the value of each of AssemblyAI's parameters, whatever the others are.

A rule is here only if AssemblyAI's description of 2026-08-18 (or, for what it lacks, its own SDKs) says "must", "at
most" or a range, so that no account and no model takes anything else. Lists of names that grow (models, languages,
policies) are not here. A switch may one day take a table: only text and numbers are refused for it.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

#: A check that a value fits, and the text after "should be".
Rule: TypeAlias = tuple[Callable[[Any], bool], str]

_ABSENT = object()


def misfits(key: str, value: Any) -> Iterator[tuple[str, str, Any]]:
    """Each misfit in the `value` of one parameter: its dotted path, what should be there, and what is there."""
    for path in _BELOW.get(key, ()):
        found = _at(value, path.split(".")[1:])
        fits, expected = _RULES[path]
        if found is not _ABSENT and not fits(found):
            yield path, expected, found


def _at(value: Any, path: list[str]) -> Any:
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return _ABSENT
        value = value[key]
    return value


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_some_texts(value: Any) -> bool:
    return _is_texts(value) and bool(value)


def _is_switch(value: Any) -> bool:
    return isinstance(value, bool) or not isinstance(value, str | int | float)


def _is_whole(value: Any, least: int = 0, most: float = float("inf")) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _is_short(text: str, words: int) -> bool:
    return 0 < len(text.split()) <= words


def _is_keyterms(value: Any) -> bool:
    return _is_texts(value) and len(value) <= 1000 and all(_is_short(term, 6) for term in value)


def _is_spelling(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_respelled, value))


def _is_respelled(entry: Any) -> bool:
    if not isinstance(entry, dict) or not _is_text(entry.get("to")) or not _is_some_texts(entry.get("from")):
        return False
    return _is_short(entry["to"], 1) and all(_is_short(phrase, 5) for phrase in entry["from"])


def _is_entities(value: Any) -> bool:
    return isinstance(value, dict) and len(value) <= 100 and all(map(_is_entity, value, value.values()))


def _is_entity(label: str, terms: Any) -> bool:
    named = re.fullmatch(r"[\w -]{1,80}", label)
    return bool(named) and _is_texts(terms) and len(terms) <= 200 and all(len(term) <= 200 for term in terms)


def _is_locales(value: Any) -> bool:
    languages = [locale.partition("_")[0] for locale in value] if _is_texts(value) else []
    return _is_texts(value) and len(set(languages)) == len(languages) and not {"en", "en_us"} & set(value)


def _is_range(value: Any) -> bool:
    if not _is_table(value):
        return False
    least, most = value.get("min_speakers_expected"), value.get("max_speakers_expected")
    return not (_is_whole(least) and _is_whole(most) and least > most)


def _falls_back(value: Any) -> bool:
    if not _is_table(value):
        return False
    silent, fallback = value.get("on_no_speech_detected"), value.get("fallback_language", "auto")
    return not (silent == "fallback" and fallback == "auto")


def _is_identification(value: Any) -> bool:
    if not _is_table(value) or "speaker_type" not in value:
        return False
    return bool(value["speaker_type"] != "role") or "known_values" in value or "speakers" in value


def _is_header_name(value: Any) -> bool:
    return _is_text(value) and bool(re.fullmatch(r"[A-Za-z0-9_-]{1,1000}", value))


def _is_header_value(value: Any) -> bool:
    return _is_text(value) and bool(re.fullmatch(r"[^\r\n]{1,1000}", value))


def _is_url(value: Any) -> bool:
    return _is_text(value) and bool(re.match(r"https?://[^/\s]", value))


_SWITCHES = """
auto_chapters auto_highlights content_safety custom_topics disfluencies entity_detection filter_profanity format_text
iab_categories language_detection multichannel punctuate redact_pii redact_pii_audio redact_pii_return_unredacted
sentiment_analysis speaker_labels summarization language_detection_options.code_switching
redact_pii_audio_options.return_redacted_no_speech_audio
"""
_TEXTS = """
domain language_code language_detection_options.fallback_language redact_pii_audio_quality redact_pii_sub
remove_audio_tags summary_model summary_type
"""
_SHARE: Rule = (_is_share, "a number from 0 to 1")
_LIST: Rule = (_is_texts, "a list of texts, in brackets")
_TABLE: Rule = (_is_table, "a table")
_SPEAKERS: Rule = (lambda value: _is_whole(value, 1), "a whole number, 1 or more")
_REQUEST = "speech_understanding.request"
_RULES: dict[str, Rule] = {
    **dict.fromkeys(_SWITCHES.split(), (_is_switch, "true or false")),
    **dict.fromkeys(_TEXTS.split(), (_is_text, "text in quotes")),
    "audio_start_from": (_is_whole, "a whole number of milliseconds"),
    "audio_end_at": (_is_whole, "a whole number of milliseconds"),
    "content_safety_confidence": (lambda value: _is_whole(value, 25, 100), "a whole number from 25 to 100"),
    "custom_spelling": (
        _is_spelling,
        'a list of { from = [...], to = "..." }, at most five words in each text of from and one word in to',
    ),
    "keyterms_prompt": (_is_keyterms, "a list of at most 1000 texts of at most six words"),
    "keyterms_prompt_options": _TABLE,
    "language_codes": (lambda value: _is_texts(value) and "en" in value, 'a list of languages, "en" among them'),
    "language_confidence_threshold": _SHARE,
    "language_detection_options": (
        _falls_back,
        'a table, in which on_no_speech_detected = "fallback" needs a fallback_language that is not "auto"',
    ),
    "language_detection_options.code_switching_confidence_threshold": _SHARE,
    "language_detection_options.expected_languages": _LIST,
    "language_detection_options.localization": (
        _is_locales,
        "a list with one variant for each language, as in en_au; en and en_us are not variants",
    ),
    "prompt": (lambda value: _is_text(value) and len(value.split()) <= 1500, "text in quotes, at most 1500 words"),
    "redact_pii_audio_options": _TABLE,
    "redact_pii_policies": _LIST,
    "redact_static_entities": (
        _is_entities,
        "a table of at most 100 labels (letters, digits, spaces, _ and -), each with at most 200 terms in a list",
    ),
    "speaker_options": (_is_range, "a table in which min_speakers_expected is not above max_speakers_expected"),
    "speaker_options.min_speakers_expected": _SPEAKERS,
    "speaker_options.max_speakers_expected": _SPEAKERS,
    "speakers_expected": _SPEAKERS,
    "speech_models": (
        _is_some_texts,
        "a list of models that is not empty (leave it out for AssemblyAI's own choice)",
    ),
    "speech_threshold": _SHARE,
    "speech_understanding": (
        lambda value: _is_table(value) and _is_table(value.get("request")),
        "a table that holds a table request, as in speech_understanding.request.translation = { ... }",
    ),
    f"{_REQUEST}.translation": (
        lambda value: _is_table(value) and _is_some_texts(value.get("target_languages")),
        'a table with target_languages, as in ["de"]',
    ),
    f"{_REQUEST}.speaker_identification": (
        _is_identification,
        'a table with speaker_type; "role" needs known_values or speakers too',
    ),
    f"{_REQUEST}.speaker_identification.known_values": (
        lambda value: _is_texts(value) and all(len(name) <= 35 for name in value),
        "a list of texts of at most 35 characters",
    ),
    f"{_REQUEST}.summarization": (
        lambda value: _is_table(value) and "summary_type" in value,
        "a table with summary_type",
    ),
    "temperature": _SHARE,
    "webhook_auth_header_name": (_is_header_name, "1 to 1000 letters, digits, - and _"),
    "webhook_auth_header_value": (_is_header_value, "text in quotes, 1 to 1000 characters on one line"),
    "webhook_url": (_is_url, "an address, https:// or http:// and a host"),
}
_BELOW: dict[str, list[str]] = {}
for _path in _RULES:
    _BELOW.setdefault(_path.partition(".")[0], []).append(_path)

#: AssemblyAI's parameters that this program knows by name; there may be others.
PARAMETERS = frozenset(_BELOW)
