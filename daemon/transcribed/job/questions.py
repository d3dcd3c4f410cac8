"""A question about a transcript that is there already, as AssemblyAI takes it (OpenAPI of 2026-08-18).

Each part of it is paid for, so a question has a bound.
"""

import re
from collections.abc import Sequence
from typing import Any

from transcribed.job.account import is_free
from transcribed.job.model import Job, State

MOST_LANGUAGES = 20
MOST_NAMES = 50
MOST_LETTERS = 35  #: of a name, as AssemblyAI says
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,3}")


def request_for(languages: Sequence[str], *, summary: bool, speakers: Sequence[str] | None) -> dict[str, Any]:
    """The request: translations into `languages`, a summary, who of `speakers` speaks when. Empty where none is asked.

    Raises ValueError, which says what should be there.
    """
    request: dict[str, Any] = {}
    if not all(map(_LANGUAGE.fullmatch, languages)) or len(languages) > MOST_LANGUAGES:
        raise ValueError(f"translate needs codes of languages, as in de, and at most {MOST_LANGUAGES} of them")
    if languages:
        request["translation"] = {"target_languages": list(dict.fromkeys(languages))}
    if summary:
        request["summarization"] = {"summary_type": "paragraph"}
    if speakers is not None:
        request["speaker_identification"] = {"speaker_type": "name", "known_values": _names(speakers)}
    return request


def _names(speakers: Sequence[str]) -> list[str]:
    names = [name.strip() for name in speakers if name.strip()]
    if not 0 < len(names) <= MOST_NAMES or not all(len(name) <= MOST_LETTERS and name.isprintable() for name in names):
        most = f"at most {MOST_NAMES} names of at most {MOST_LETTERS} letters"
        raise ValueError(f'speakers needs {most}, as in "Anna Berg, Ben Frei"')
    return names


def can_be_asked(job: Job) -> bool:
    """True if AssemblyAI has a transcript of this job to ask about."""
    return job.state is State.DELIVERED and bool(job.transcript_id) and not is_free(job.base_url, job.upload_url)
