"""The second host of the API: it answers questions about a transcript that is there already (A3, assemblyai-now.md)."""

import json
from urllib.parse import urlsplit

from transcribed.assemblyai.answers import error_text_in
from transcribed.errors import Transient

PATH = "/v1/understanding"
LARGEST_BYTES = 8 << 20  #: of an answer that is kept: as much as a translation of 100 hours into a dozen languages
_GATEWAYS = {
    "api.assemblyai.com": "https://llm-gateway.assemblyai.com",
    "api.eu.assemblyai.com": "https://llm-gateway.eu.assemblyai.com",
}


def gateway_of(base_url: str) -> str:
    """The address for questions by the region of this base_url; the base_url itself, if it is not AssemblyAI's."""
    return _GATEWAYS.get(urlsplit(base_url).hostname or "", base_url)


def refusal_in(body: bytes) -> str | None:
    """The gateway's own text in an answer outside 2xx; None where it has no text.

    It has another envelope than the API where it looked at the request: a message, and a list of errors.
    """
    try:
        said = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not isinstance(said.get("message"), str):
        return error_text_in(body)
    metadata = said.get("metadata")
    found = metadata.get("errors") if isinstance(metadata, dict) else None
    wrong = [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
    return ": ".join([said["message"], *(["; ".join(wrong)] if wrong else [])])


def understood_in(body: bytes) -> bytes:
    """The answer, if it is one. Raises Transient, not `refused`: it may have been paid.

    It tells no price and no tokens: what is paid goes by the length of the recording (docs/understanding.md).
    """
    if len(body) > LARGEST_BYTES:
        raise _unusable(f"it has more than {LARGEST_BYTES >> 20} MiB")
    try:
        found = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise _unusable("it is not JSON") from None
    understanding = found.get("speech_understanding") if isinstance(found, dict) else None
    if not isinstance(understanding, dict) or not isinstance(understanding.get("response"), dict):
        raise _unusable("there is no speech_understanding.response in it")
    return body


def _unusable(why: str) -> Transient:
    return Transient(f"the answer to the question cannot be used: {why}")
