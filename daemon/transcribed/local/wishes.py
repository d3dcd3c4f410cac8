"""The wishes of a request, as far as they can be met here. Pure.

Rules: what changes how the recording is heard is for the recogniser (`asked`); what changes how the words are written
is done to them afterwards (`written`); what has no effect is named, so that nobody waits for it in vain.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from transcribed.local.recognise.engine import Asked

Word = dict[str, Any]

#: These have an effect, are answered by us, or choose among models of AssemblyAI: nobody needs a warning about them.
_KNOWN = frozenset(
    {
        *("audio_url", "speech_model", "speech_models", "webhook_auth"),
        *("language_code", "language_detection", "language_confidence_threshold", "prompt", "keyterms_prompt"),
        *("word_boost", "custom_spelling", "disfluencies", "filter_profanity", "punctuate", "format_text"),
    }
)

#: Sounds that people make while they think, and that AssemblyAI leaves out unless `disfluencies` asks for them.
_FILLERS = frozenset({"um", "umm", "uh", "uhh", "uhm", "erm", "er", "hm", "hmm", "mm", "mhm"})

_PROFANE = re.compile(
    r"\b(?:(?:mother)?fuck\w*|(?:bull)?shit\w*|bitch\w*|cunts?|assholes?|arseholes?|bastards?|dick(?:head)?s?|pricks?"
    r"|wank\w*|bollocks|twats?|nigg\w*|faggots?|whores?|sluts?)\b",
    re.IGNORECASE,
)

_SIGNS = ".,;:!?…。，、！？；："  # noqa: RUF001  those of Chinese and Japanese, too

#: Languages without spaces, by Whisper's codes.
_UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "yue", "km"})

#: Spellings that one request may ask for.
_MOST_SPELLINGS = 1000


def asked(parameters: Mapping[str, Any]) -> Asked:
    """The wishes that concern the recogniser. Without a `language_code` it finds out the language."""
    code, prompt = parameters.get("language_code"), parameters.get("prompt")
    given = isinstance(code, str) and code and not parameters.get("language_detection")
    terms = [*_texts(parameters.get("keyterms_prompt")), *_texts(parameters.get("word_boost"))]
    return Asked(
        language=code.partition("_")[0].lower() if given and isinstance(code, str) else None,
        prompt=prompt if isinstance(prompt, str) and prompt else None,
        terms=tuple(terms),
    )


def in_vain(parameters: Mapping[str, Any]) -> list[str]:
    """The names of the parameters that ask for something and have no effect here."""
    return sorted(name for name, value in parameters.items() if value and name not in _KNOWN)


def below_threshold(parameters: Mapping[str, Any], language: str | None, confidence: float | None) -> str | None:
    """The error of a recording whose language is less certain than the request wants it to be."""
    threshold = parameters.get("language_confidence_threshold")
    if confidence is None or not isinstance(threshold, int | float) or confidence >= threshold:
        return None
    return (
        f"detected language '{language}', confidence {confidence}, is below the requested confidence threshold value "
        f"of '{threshold}'"
    )


def written(words: Iterable[Word], parameters: Mapping[str, Any]) -> list[Word]:
    """The words as the request wants them written."""
    found = list(words)
    if not parameters.get("disfluencies"):
        found = [word for word in found if bare(word["text"]) not in _FILLERS]
    found = _respelled(found, parameters.get("custom_spelling"))
    if parameters.get("filter_profanity"):
        found = [word | {"text": _PROFANE.sub(_masked, word["text"])} for word in found]
    if parameters.get("punctuate") is False:
        found = [word | {"text": word["text"].strip(_SIGNS) or word["text"]} for word in found]
    if parameters.get("format_text") is False:
        found = [word | {"text": word["text"].lower()} for word in found]
    return found


def text(words: Iterable[Word], language: str | None) -> str:
    """The words as one text: with spaces, except in languages that are written without."""
    return ("" if language in _UNSPACED else " ").join(word["text"] for word in words)


def bare(text: str) -> str:
    """A word as it is compared: without case and punctuation."""
    return re.sub(r"[^\w']", "", text).lower()


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str) and text] if isinstance(value, list) else []


def _masked(found: re.Match[str]) -> str:
    return found[0][0] + "*" * (len(found[0]) - 1)


def _respelled(words: list[Word], spellings: Any) -> list[Word]:
    """The words with each `from` (of one word or several) written as its `to`; signs after it stay."""
    wanted = dict(_spellings(spellings))
    longest = max(map(len, wanted), default=0)
    found: list[Word] = []
    at = 0
    while at < len(words):
        for count in range(min(longest, len(words) - at), 0, -1):
            said = words[at : at + count]
            if (text := wanted.get(tuple(bare(word["text"]) for word in said))) is not None:
                found.append(_as_one(said, text))
                at += count
                break
        else:
            found.append(words[at])
            at += 1
    return found


def _spellings(given: Any) -> Iterable[tuple[tuple[str, ...], str]]:
    for spelling in given[:_MOST_SPELLINGS] if isinstance(given, list) else ():
        if isinstance(spelling, dict) and isinstance(text := spelling.get("to"), str):
            for phrase in _texts(spelling.get("from")):
                if words := tuple(map(bare, phrase.split())):
                    yield words, text


def _as_one(said: list[Word], text: str) -> Word:
    sign = re.search(rf"[{re.escape(_SIGNS)}]*$", said[-1]["text"])
    confidence = min(word["confidence"] for word in said)
    return said[0] | {"text": text + (sign[0] if sign else ""), "end": said[-1]["end"], "confidence": confidence}
