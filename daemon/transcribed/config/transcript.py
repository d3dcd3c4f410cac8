"""What is surely wrong with the parameters that are sent to AssemblyAI.

Only what no account and no model accepts is refused here: the parameters change faster than this program, and one
that is unknown here passes through. Source: AssemblyAI's API reference and OpenAPI document (Submit a transcript).
"""

import datetime as dt
import math
from collections.abc import Iterator, Mapping
from typing import Any

from transcribed.config.model import Api, Inbox, Log, State
from transcribed.config.problems import KEY_IN_FILE, KEY_NAMES

#: AssemblyAI's deepest parameter (speech_understanding) has five levels.
_DEPTH = 16
_OUR_KEYS = {key for table in (Api, Inbox, Log, State) for key in table.model_fields}
_REFUSED = {
    "audio_url": "is set by the daemon for each recording: leave it out",
    "speech_model": 'is refused by AssemblyAI: write speech_models = ["..."], a list',
    "word_boost": "is refused by AssemblyAI: write keyterms_prompt",
    "boost_param": "is refused by AssemblyAI: write keyterms_prompt in place of word_boost and boost_param",
}
_EXCLUDES = (
    ("language_code", "language_detection"),
    ("speakers_expected", "speaker_options"),
    ("auto_chapters", "summarization"),
)
_NEEDS = {
    "speakers_expected": "speaker_labels",
    "speaker_labels": "punctuate",
    "sentiment_analysis": "punctuate",
    "redact_pii": "format_text",
    "summary_model": "summary_type",
    "summary_type": "summary_model",
    "webhook_auth_header_name": "webhook_url",
    "webhook_auth_header_value": "webhook_url",
    "redact_pii_audio": "redact_pii",
    "redact_pii_audio_options": "redact_pii",
    "redact_pii_audio_quality": "redact_pii",
    "redact_pii_policies": "redact_pii",
    "redact_pii_return_unredacted": "redact_pii",
    "redact_pii_sub": "redact_pii",
    "redact_static_entities": "redact_pii",
}
_ON_BY_DEFAULT = {"punctuate", "format_text"}


def wrong_parameters(written: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The parameters in one `transcript` table that cannot be sent whatever stands beside them, each with its mend."""
    for key, value in written.items():
        if key.lower() in KEY_NAMES:
            yield key, f"does not belong here: {KEY_IN_FILE}"
        elif key in _OUR_KEYS:
            yield key, "is a key of transcribed, not of AssemblyAI: move it out of this table, above its header"
        elif key in _REFUSED:
            yield key, _REFUSED[key]
        elif key == "speech_models" and not _is_list_of_text(value):
            yield key, "should be a list of models that is not empty; leave it out for AssemblyAI's own choice"
        elif unfit := _not_json(value):
            yield key, unfit


def wrong_together(parameters: Mapping[str, Any]) -> Iterator[str]:
    """What AssemblyAI refuses about a whole request, one sentence each."""
    on = {key for key, value in parameters.items() if value is not False} | (_ON_BY_DEFAULT - parameters.keys())
    for one, other in _EXCLUDES:
        if {one, other} <= on:
            yield f"{one} and {other} exclude each other: leave one out"
    for key, needed in _NEEDS.items():
        if key in on and needed not in on:
            yield f"{key} needs {needed}: set {needed} too, or leave {key} out"
    if parameters.get("language_detection") is False and not {"language_code", "language_codes"} & on:
        yield "language_detection = false needs a language_code: name it, or leave language_detection out"


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


def _not_json(value: Any, depth: int = 1) -> str:
    """Why TOML's `value` has no like in JSON; empty where it has one."""
    if depth > _DEPTH:
        return "is nested too deeply"
    if isinstance(value, dt.date | dt.time):
        return f"holds the date or time {value}, which JSON does not have: put it in quotes"
    if isinstance(value, float) and not math.isfinite(value):
        return f"holds {value}, which JSON does not have"
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "holds a number of more than 64 bits"
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next(filter(None, (_not_json(item, depth + 1) for item in inner)), "")
