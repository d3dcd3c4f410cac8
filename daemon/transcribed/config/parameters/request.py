"""The parameters of a request to AssemblyAI: what is surely wrong with them, and how one set of them goes over another.

Only what no account and no model accepts is refused here: the parameters change faster than this program, and an
unknown one passes through. Source: AssemblyAI's API reference and OpenAPI document (Submit a transcript).
Each check is a function of one mapping: of an inbox, of a file at the share, or of all of them together.
"""

import datetime as dt
import difflib
import math
from collections.abc import Iterator, Mapping
from typing import Any

from transcribed.config.model import Api, Inbox, Log, State
from transcribed.config.parameters.values import PARAMETERS, misfits
from transcribed.config.problems import KEY_IN_FILE, KEY_NAMES, given

#: AssemblyAI's deepest parameter (speech_understanding) has five levels.
DEEPEST = 16
_OUR_KEYS = {key for table in (Api, Inbox, Log, State) for key in table.model_fields}
#: Parameters that are no longer of any use, each with what to write instead.
REFUSED = {
    "audio_url": "is set by the daemon for each recording: leave it out",
    "speech_model": 'is refused by AssemblyAI: write speech_models = ["..."], a list',
    "word_boost": "is refused by AssemblyAI: write keyterms_prompt",
    "boost_param": "is refused by AssemblyAI: write keyterms_prompt in place of word_boost and boost_param",
    "dual_channel": "is no longer known to AssemblyAI: write multichannel",
    "custom_topics": "has no effect at AssemblyAI: leave it out (iab_categories finds topics of a fixed list)",
    "topics": "has no effect at AssemblyAI: leave it out (iab_categories finds topics of a fixed list)",
    "speed_boost": "has no effect at AssemblyAI: leave it out",
    "acoustic_model": "has no effect at AssemblyAI: leave it out, or name speech_models",
    "language_model": "has no effect at AssemblyAI: leave it out, or name speech_models",
}
_EXCLUDES = (
    ("language_code", "language_detection"),
    ("language_code", "language_confidence_threshold"),
    ("speakers_expected", "speaker_options"),
    ("auto_chapters", "summarization"),
)
_ON_BY_DEFAULT = {"punctuate", "format_text"}
_NEEDS = {
    "auto_chapters": ("punctuate",),
    "redact_pii": ("format_text",),
    "sentiment_analysis": ("punctuate",),
    "speaker_labels": ("punctuate",),
    "summarization": ("punctuate", "format_text"),
    "speaker_options": ("speaker_labels",),
    "speakers_expected": ("speaker_labels",),
    "summary_model": ("summary_type",),
    "summary_type": ("summary_model",),
    "webhook_auth_header_name": ("webhook_url", "webhook_auth_header_value"),
    "webhook_auth_header_value": ("webhook_url", "webhook_auth_header_name"),
    "redact_pii_audio": ("redact_pii",),
    "redact_pii_audio_options": ("redact_pii",),
    "redact_pii_audio_quality": ("redact_pii",),
    "redact_pii_policies": ("redact_pii",),
    "redact_pii_return_unredacted": ("redact_pii",),
    "redact_pii_sub": ("redact_pii",),
    "redact_static_entities": ("redact_pii",),
}
_SUMMARIES = {
    "catchy": {"gist", "headline"},
    "informative": {"headline", "paragraph", "bullets", "bullets_verbose"},
    "conversational": {"headline", "paragraph", "bullets", "bullets_verbose"},
}
#: The parameters that a more particular set removes from a more general one: someone who names a language for one
#: recording need not know that its inbox asks for detection.
_DISPLACES = {
    "language_code": ("language_detection", "language_confidence_threshold", "language_detection_options"),
    "language_detection": ("language_code",),
    "speakers_expected": ("speaker_options",),
    "speaker_options": ("speakers_expected",),
    "auto_chapters": ("summarization",),
    "summarization": ("auto_chapters",),
}
#: Options that are not switches cannot be set to false; they are dropped together with the feature they belong to.
_OPTION_OF = {key: set(needed) - _ON_BY_DEFAULT for key, needed in _NEEDS.items()} | {
    "summary_model": {"summarization"},
    "summary_type": {"summarization"},
}


def wrong_parameters(written: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The parameters in one `transcript` table that cannot be sent, whatever the others are, each with its fix."""
    for key, value in written.items():
        if key.lower() in KEY_NAMES:
            yield key, f"does not belong here: {KEY_IN_FILE}"
        elif key in _OUR_KEYS:
            yield key, "is a key of transcribed, not of AssemblyAI: move it out of this table, above its header"
        elif key in REFUSED:
            yield key, REFUSED[key]
        elif unfit := _not_json(value):
            yield key, unfit
        else:
            for path, expected, found in misfits(key, value):
                yield path, f"should be {expected}, not {given(found)}"


def unlikely(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each parameter that is not known and nearly has the name of one that is, with that name: it may be a slip.

    It is sent all the same: AssemblyAI may have a new one, and most of what it does not know it passes over in silence.
    """
    for key in parameters:
        if key not in PARAMETERS and (near := difflib.get_close_matches(key, PARAMETERS, 1, 0.8)):
            yield key, near[0]


def wrong_together(parameters: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """The problems of a whole request that AssemblyAI refuses: for each, its parameters and one sentence."""
    on = {key for key, value in parameters.items() if value is not False} | (_ON_BY_DEFAULT - parameters.keys())
    for pair in _EXCLUDES:
        if on.issuperset(pair):
            yield pair, f"{pair[0]} and {pair[1]} exclude each other: leave one out"
    for key, all_needed in _NEEDS.items():
        for needed in all_needed:
            if key in on and needed not in on:
                yield (key, needed), f"{key} needs {needed}: set {needed} too, or leave {key} out"
    if parameters.get("language_detection") is False and not {"language_code", "language_codes"} & on:
        sentence = "language_detection = false needs a language_code: name it, or leave language_detection out"
        yield ("language_detection",), sentence
    yield from _wrong_values_together(parameters)


def _wrong_values_together(parameters: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    model, kind = parameters.get("summary_model"), parameters.get("summary_type")
    if isinstance(model, str) and isinstance(kind, str) and kind not in _SUMMARIES.get(model, {kind}):
        kinds = ", ".join(sorted(_SUMMARIES[model]))
        yield ("summary_model", "summary_type"), f"the summary_model {model} makes {kinds}: write one as summary_type"
    start, end = parameters.get("audio_start_from"), parameters.get("audio_end_at")
    if isinstance(start, int) and isinstance(end, int) and start >= end:
        sentence = "audio_start_from is not before audio_end_at: nothing is left between the two"
        yield ("audio_start_from", "audio_end_at"), sentence


def over(general: Mapping[str, Any], particular: Mapping[str, Any]) -> dict[str, Any]:
    """Return `general` with `particular` over it, key by key, and without what `particular` makes void.

    Void are the other of two that exclude each other, and an option of a feature that `particular` switches off.
    """
    inherited = general.keys() - particular.keys()
    off = {key for key, value in particular.items() if value is False}
    void = inherited & {other for key in particular.keys() - off for other in _DISPLACES.get(key, ())}
    void |= {key for key in inherited if _OPTION_OF.get(key, set()) & (off | void)}
    return {key: value for key, value in general.items() if key not in void} | dict(particular)


def _not_json(value: Any, depth: int = 1) -> str:
    """The reason why TOML's `value` cannot be written as JSON; empty if it can."""
    if depth > DEEPEST:
        return "is nested too deeply"
    if isinstance(value, dt.date | dt.time):
        return f"holds the date or time {value}, which JSON does not have: put it in quotes"
    if isinstance(value, float) and not math.isfinite(value):
        return f"holds {value}, which JSON does not have"
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "holds a number of more than 64 bits"
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next(filter(None, (_not_json(item, depth + 1) for item in inner)), "")
