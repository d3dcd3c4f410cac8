"""The REST API: AssemblyAI's pre-recorded Speech-to-Text, version 2, as the daemon uses it.

Rules: every call ends (in bounded time and memory) with a checked value or with one error of errors.py, chosen here,
where the evidence is. A submit is one POST, and never a second one unless nothing of the first was sent.
Nothing that the server says is trusted: identifiers and addresses are checked before anyone uses them. The bytes of a
transcript are kept as they came, and unknown fields and statuses are not errors. Nothing here writes a log.
"""

from transcribed.assemblyai.answers import DELETED_URL, Answer, Listed, Progress, Sent, Unreadable, one_line
from transcribed.assemblyai.client import PAGE_ITEMS, AssemblyAI
from transcribed.assemblyai.download import HINT_AT_STORAGE, LARGEST_AUDIO_BYTES
from transcribed.assemblyai.failures import ListTooLong, Throttled, UnknownTranscript, outcome_error
from transcribed.assemblyai.limits import SMALLEST_BYTES, refusal
from transcribed.assemblyai.rate import Rate

__all__ = [
    "DELETED_URL",
    "HINT_AT_STORAGE",
    "LARGEST_AUDIO_BYTES",
    "PAGE_ITEMS",
    "SMALLEST_BYTES",
    "Answer",
    "AssemblyAI",
    "ListTooLong",
    "Listed",
    "Progress",
    "Rate",
    "Sent",
    "Throttled",
    "UnknownTranscript",
    "Unreadable",
    "one_line",
    "outcome_error",
    "refusal",
]
