"""An answer with what was asked of it afterwards: summary, action items, translations, and names of speakers.

The answers are untrusted as the transcript is: what is of another shape is passed over, and what is of the right one
goes where the formats look for it in a transcript that was submitted with that request.
"""

from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import Any

from transcribed.formats.transcript import label_of, milliseconds, objects

_MOST_LETTERS = 100  # of a name


def understood(transcript: Mapping[str, Any], answers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The transcript with each of the answers in it, the last one of a kind."""
    whole = dict(transcript)
    for answer in answers:
        found = _object(_object(answer, "speech_understanding"), "response")
        known = _object(whole, "speech_understanding")
        response = {**_object(known, "response"), **found}
        whole["speech_understanding"] = {**known, "response": response}
        whole["translated_texts"] = {**_object(whole, "translated_texts"), **_object(answer, "translated_texts")}
        pairs = _pairs(whole, answer)
        if pairs:
            whole["utterances"] = [_translated(ours, theirs) for ours, theirs in pairs]
    return whole


def names_in(transcript: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, str]:
    """The names that an answer gives to the speakers of a transcript, by their labels."""
    names: dict[str, str] = {}
    for ours, theirs in _pairs(transcript, answer):
        label, name = label_of(ours), label_of(theirs)
        if label and name and name != label and len(name) <= _MOST_LETTERS:
            names.setdefault(label, name)
    return names


def _translated(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Mapping[str, Any]:
    texts = {**_object(ours, "translated_texts"), **_object(theirs, "translated_texts")}
    return {**ours, "translated_texts": texts} if texts else ours


def _pairs(transcript: Mapping[str, Any], answer: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], Any]]:
    """Each utterance with its own in the answer; empty where they are not the same, one by one."""
    pairs = list(zip_longest(objects(transcript.get("utterances")), objects(answer.get("utterances"))))
    same = all(ours and theirs and _start(ours) == _start(theirs) for ours, theirs in pairs)
    return pairs if same else []


def _start(utterance: Mapping[str, Any]) -> float | None:
    return milliseconds(utterance.get("start"))


def _object(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = holder.get(key)
    return found if isinstance(found, Mapping) else {}
