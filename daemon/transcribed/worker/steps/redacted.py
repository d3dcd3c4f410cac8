"""The redacted copy of a recording, kept beside its transcript until that is delivered.

It comes from an address in an answer, so its bytes are a stranger's: they are kept only where they are known as a
recording, and are no more than a copy of this one can have. Without it the transcript is delivered all the same.
"""

import json
import os
from collections.abc import Mapping
from typing import BinaryIO

from transcribed import errors
from transcribed.assemblyai import HINT_AT_STORAGE, LARGEST_AUDIO_BYTES, AssemblyAI
from transcribed.inbox import probe
from transcribed.job import Job
from transcribed.journal import AUDIO, Transcripts
from transcribed.worker.steps.doubts import heard_seconds

TRIES = 10  # with growing waits an hour and a half; then the transcript is delivered without it
BYTES_PER_SECOND, HEADER_BYTES = 768_000, 1_000_000  # two channels of 96 kHz with 32 bits: more than any WAV of speech


def keep_audio(job: Job, client: AssemblyAI, kept: Transcripts, transcript: Mapping[str, object]) -> tuple[str, ...]:
    """Keep the redacted audio if it was asked for. After the last try, return the reason why there is none."""
    assert job.transcript_id is not None
    asked = json.loads(job.parameters or "{}")
    asked |= {key: value for key, value in transcript.items() if value is not None}
    if asked.get("redact_pii_audio") is not True or kept.audio(job.transcript_id) is not None:
        return ()
    name = AUDIO[asked.get("redact_pii_audio_quality") == "wav"]
    try:
        _fetch(job.transcript_id, client, kept, name, _most_bytes(job, transcript))
    except (errors.Permanent, errors.Transient) as error:
        if isinstance(error, errors.Transient) and job.attempts < TRIES:
            raise
        return (f"there is no redacted audio: {'; '.join(filter(None, (error.message, error.hint)))}",)
    return ()


def _most_bytes(job: Job, transcript: Mapping[str, object]) -> int:
    """The size that no copy of this recording has. Our own measure counts before the answer's word."""
    seconds = job.duration_seconds or heard_seconds(transcript)
    if seconds is None:
        return LARGEST_AUDIO_BYTES
    return min(LARGEST_AUDIO_BYTES, HEADER_BYTES + int(BYTES_PER_SECOND * seconds))


def _fetch(transcript_id: str, client: AssemblyAI, kept: Transcripts, name: str, most_bytes: int) -> None:
    url = client.redacted_audio(transcript_id)
    if url is None:
        raise errors.Transient("AssemblyAI is still making the redacted audio")
    try:
        with kept.keeping_audio(transcript_id, name) as file:
            client.download(url, file, most_bytes)
            _need_recording(file)
    except OSError as error:
        raise errors.from_os_error(error, lane=errors.STATE, doing="keeping the redacted audio") from error


def _need_recording(file: BinaryIO) -> None:
    """Raises Transient where these bytes are not known as a recording: nothing else lies at the share by its name."""
    seen = probe(file, file.seek(0, os.SEEK_END))
    if not (seen.audio and seen.recognised):
        why = seen.reason or "no kind of recording was recognised in it"
        raise errors.Transient(f"what came in its place was not kept: {why}", hint=HINT_AT_STORAGE)
