"""The REST API: AssemblyAI's pre-recorded Speech-to-Text, version 2, as the daemon uses it.

Rules: every call ends (in bounded time and memory) with a checked value or with one error of errors.py, chosen here,
where the evidence is. A submit is one POST and never a second one, unless nothing of the first was sent.
Whatever the server says is a stranger's word: identifiers and addresses are checked before anyone uses them,
a transcript's bytes are kept as they came, and unknown fields and statuses are no error.

This package knows no job, no journal and no folder, and it writes no log.
"""

from transcribed.assemblyai.answers import Answer, Listed, Sent
from transcribed.assemblyai.client import AssemblyAI
from transcribed.assemblyai.failures import UnknownTranscript, outcome_error
from transcribed.assemblyai.limits import refusal

__all__ = ["Answer", "AssemblyAI", "Listed", "Sent", "UnknownTranscript", "outcome_error", "refusal"]
