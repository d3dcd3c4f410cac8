"""The steps that talk to the API: functions Job -> Event, run on a pool, with no journal to write to.

A step that fails raises a class of `errors`. Nothing here decides when a step runs or whether it may.
"""

import json
from collections.abc import Callable, Mapping

from transcribed import errors, formats
from transcribed.assemblyai import Answer, AssemblyAI, UnknownTranscript, Unreadable, one_line, outcome_error
from transcribed.inbox import RecordingFolder, audio_of, hash_of_address
from transcribed.job import Fingerprint, Job, is_link, printable, shown
from transcribed.job.events import Event, Failed, Linked, Lost, Submitted, Transcribed, Uploaded
from transcribed.journal import Transcripts
from transcribed.worker.steps.doubts import doubts, heard_seconds, losses
from transcribed.worker.steps.redacted import keep_audio

BYTES_PER_SECOND = 600  # of the longest answers: 20 MB for ten hours, with all that can be asked for
BYTES_OF_ONE, ROOM_BYTES = 250_000, 1_000_000  # of a short answer; and a reserve, for the journal
LONGEST_WORD = 64  # characters of a model's name; no real one is half as long
TRIES_AT_UNKNOWN = 10  # the same, where the account's list is empty; chosen
TRIES_AT_ANOTHER_KEY = 80  # the same: three days; chosen, for a weekend may pass before somebody sees a wrong key
TRIES_AT_UNREADABLE = 10  # the same, at an answer that is no transcript; chosen
MOST_WARNINGS = 20  # of one transcript; nobody reads more


def upload(
    job: Job,
    client: AssemblyAI,
    source: tuple[RecordingFolder, bytes, Fingerprint],
    progress: Callable[[int], None],
) -> Event:
    """Send the recording, hashed as it passes. One that changed meanwhile is Withdrawn: the upload is dropped, free."""
    folder, path, fingerprint = source
    with folder.reading(path, fingerprint) as file:
        size = job.fingerprint.size
        sent = client.upload(file, size, progress, audio_of(file, size))
    folder.refuse_changed(path, fingerprint)
    return Uploaded(sent.upload_url, sent.content_hash, client.base_url, client.key_fingerprint, sent.audio_hash)


def link(client: AssemblyAI, source: tuple[RecordingFolder, bytes, Fingerprint]) -> Event:
    """Read the address that a link leads to; it stands for the content, which nobody here ever sees."""
    folder, path, fingerprint = source
    address = folder.address(path, fingerprint)
    return Linked(address, hash_of_address(address), client.base_url, client.key_fingerprint)


def submit(job: Job, client: AssemblyAI, kept: Transcripts, lane: str, *, waiting: int) -> Event:
    """Ask for the transcript: the one step that costs money. The intent is in the journal already.

    Nothing is asked for while there is no room to keep the answer, beside those of so many that are `waiting`.

    If the API refuses for good here, that can only be because of the parameters: it has not looked at the audio yet. It
    would refuse every recording of the inbox, so the inbox's `lane` is blocked until the configuration is changed. If
    files at the share set the parameters of this recording, only it fails. So does a link: its address may be refused.
    """
    _need_room(job, kept, waiting)
    try:
        return Submitted(client.submit(job.request()))
    except errors.Permanent as error:
        if job.settings is not None:
            hint = f"look at the files that set it for this recording (`transcribed explain {job.id}` names them)"
            raise errors.Permanent(error.message, hint=hint, refused=error.refused) from error
        if is_link(job.path):
            hint = f"see that the link leads to the recording itself; if it does, {error.hint}"
            raise errors.Permanent(error.message, hint=hint, refused=error.refused) from error
        hint = f"{error.hint}; then `systemctl reload transcribed`, or start it again"
        raise errors.Blocked(
            error.message,
            lane=lane,
            hint=hint,
            refused=error.refused,
            exit_status=errors.Exit.CONFIGURATION,
            by_person=True,
        ) from error


def _need_room(job: Job, kept: Transcripts, waiting: int) -> None:
    """Raises Blocked where the disk of the state directory has too little room, for its size or that of the answers."""
    seconds = job.duration_seconds or 0.0
    needed = ROOM_BYTES + waiting * BYTES_OF_ONE + max(BYTES_OF_ONE, BYTES_PER_SECOND * seconds)
    try:
        free = kept.free_bytes()
    except OSError as error:
        raise errors.from_os_error(error, lane=errors.STATE, doing="looking for room for transcripts") from error
    if free is not None and free < needed:
        why = f"the state directory has room for no more transcripts: {free // 1_000_000} MB are free"
        hint = f"free some space on its disk: {needed / 1e6:.0f} MB are needed; then it goes on by itself"
        raise errors.Blocked(why, lane=errors.SUBMIT, hint=hint, refused=True, exit_status=errors.Exit.AGAIN)


def fetch(
    job: Job, client: AssemblyAI, kept: Transcripts, payer: Job | None, *, erased: bool, was_fetched: bool
) -> Event | None:
    """Fetch a transcript that has ended and keep it; None where it has not ended after all.

    `payer`: the job that paid for it, as far as that is known still. `erased`: it was deleted at AssemblyAI, as was
    wanted. `was_fetched`: it was here before.

    One that is kept already is not asked for again: AssemblyAI may have deleted it since. `completed` is not enough: a
    deleted one is no transcript. One that ended in an error was not paid for.
    """
    assert job.transcript_id is not None
    if (known := _kept_before(job.transcript_id, kept)) is not None:
        return _transcribed(job, client, kept, known)
    if erased:
        raise _gone("it was deleted there after its delivery, as delete_remote has it")
    try:
        answer = _asked(job, job.transcript_id, client, kept)
    except UnknownTranscript as error:
        if _is_of(client, payer) and (was_fetched or kept.was_kept(job.transcript_id)):
            raise _gone("it was deleted there since") from error
        if payer is None or payer.account != client.account:
            raise _elsewhere(job, error) from error
        raise _unknown(job, job.transcript_id, client, error) from error
    if answer.status not in ("completed", "error"):
        return None
    linked = is_link(job.path)
    failure = outcome_error(answer, linked=linked)
    if isinstance(failure, errors.Lost):
        return Lost(failure.message, transcript_id=job.transcript_id, hint=failure.hint if linked else "")
    if failure is not None:
        void = answer.status == "error"
        return Failed(failure.message, failure.hint, void=void, transcript_id=job.transcript_id)
    try:
        kept.keep(job.transcript_id, answer.body, _meta(payer or job))
    except OSError as error:
        raise errors.from_os_error(error, lane=errors.STATE, doing="keeping a transcript") from error
    return _transcribed(job, client, kept, answer.transcript)


def _asked(job: Job, transcript_id: str, client: AssemblyAI, kept: Transcripts) -> Answer:
    """The transcript as AssemblyAI has it. One that stays unreadable is set aside: Permanent, and a person decides."""
    try:
        return client.fetch(transcript_id)
    except Unreadable as error:
        if job.attempts < TRIES_AT_UNREADABLE:
            raise
        raise _set_aside(transcript_id, kept, error) from error


def _set_aside(transcript_id: str, kept: Transcripts, error: Unreadable) -> errors.Permanent:
    """The end of waiting for a better answer: its bytes are kept, for a person to look at."""
    try:
        path = kept.set_aside(transcript_id, error.body)
    except OSError as failure:
        raise errors.from_os_error(failure, lane=errors.STATE, doing="setting an answer aside") from failure
    hint = f"its bytes are kept in {shown(path)}; `transcribed retry` asks for it again, and pays nothing"
    return errors.Permanent(error.message, hint=hint)


def _unknown(
    job: Job, transcript_id: str, client: AssemblyAI, error: UnknownTranscript
) -> errors.Permanent | errors.Transient:
    """A transcript that this very account paid for, and is asked for in vain: no other one waits for it.

    A person decides where the account answers for others, or did not in so many tries.
    """
    is_listed = bool(client.find([transcript_id]))
    if is_listed or not (client.lists_any() or job.attempts >= TRIES_AT_UNKNOWN):
        return errors.Transient(error.message, hint="it is asked for again", refused=True)
    hint = "`transcribed retry` asks for it again; `transcribed retry --pay-again` has it transcribed, and paid, again"
    return errors.Permanent(f"{error.message}, though this account paid for it", hint=hint, refused=True)


def _elsewhere(job: Job, error: UnknownTranscript) -> errors.Permanent | errors.Transient:
    """A transcript that another key paid for, and this one does not know: it waits for that key, alone."""
    if job.attempts < TRIES_AT_ANOTHER_KEY:
        return errors.Transient(error.message, hint=error.hint, refused=True)
    hint = f"{error.hint}, and `transcribed retry` asks for it; `retry --pay-again` has it transcribed, and paid, again"
    return errors.Permanent(error.message, hint=hint, refused=True)


def _is_of(client: AssemblyAI, payer: Job | None) -> bool:
    """True if the account that is asked can have made the payer's transcript. A rebuilt job lacks the key."""
    return payer is not None and client.account.may_have(payer.base_url, payer.key_fingerprint)


def _transcribed(job: Job, client: AssemblyAI, kept: Transcripts, transcript: Mapping[str, object]) -> Event:
    """Keep its redacted audio too, or warn why there is none. Raises an error where the job has to wait."""
    audio = keep_audio(job, client, kept, transcript)
    warnings = (*doubts(job, transcript), *_warnings(transcript), *audio)
    language = _word(transcript, "language_code")
    return Transcribed(warnings, model_of(transcript), language, heard_seconds(transcript), losses(job, transcript))


def model_of(transcript: Mapping[str, object]) -> str | None:
    """The model that made it, as far as the answer tells."""
    return _word(transcript, "speech_model_used")


def _word(transcript: Mapping[str, object], field: str) -> str | None:
    """A short text of the answer, as it may be shown; None where there is none."""
    value = transcript.get(field)
    return printable(value[:LONGEST_WORD]) if isinstance(value, str) and value else None


def _gone(why: str) -> errors.Permanent:
    """A transcript that was paid for, and is neither here nor at AssemblyAI any more: a person decides."""
    what = f"the recording was transcribed before, and its transcript is no longer kept here or at AssemblyAI: {why}"
    return errors.Permanent(what, hint="`transcribed retry --pay-again` has it transcribed, and paid, again")


def _kept_before(transcript_id: str, kept: Transcripts) -> Mapping[str, object] | None:
    """The transcript, if a whole answer is kept; one that was damaged since is fetched again."""
    answer = kept.read(transcript_id)
    try:
        return None if answer is None else formats.skim(answer) or None
    except ValueError:
        return None


def _meta(job: Job) -> dict[str, object]:
    """Enough to rebuild a journal from."""
    return {
        "content_hash": job.content_hash,
        "audio_hash": job.audio_hash,
        "request": job.request() if job.upload_url and job.parameters else None,
        "upload_url": job.upload_url,
        "base_url": job.base_url,
        "key_fingerprint": job.key_fingerprint,
        "inbox": job.inbox,
        "path": job.path.decode("utf-8", "surrogateescape"),
        "size": job.fingerprint.size,
        "submit_sent_at": job.submit_sent_at,
    }


def _warnings(transcript: Mapping[str, object]) -> tuple[str, ...]:
    """The warnings that AssemblyAI gives only in a transcript's `metadata.warnings` (assemblyai-api.md, 4)."""
    metadata = transcript.get("metadata")
    listed = metadata.get("warnings") if isinstance(metadata, dict) else None
    if not isinstance(listed, list):
        return ()
    texts = [item.get("message") if isinstance(item, dict) else item for item in listed[:MOST_WARNINGS]]
    more = [f"and {len(listed) - MOST_WARNINGS:,} more"] if len(listed) > MOST_WARNINGS else []
    return (*(one_line(text if isinstance(text, str) else json.dumps(text)) for text in texts), *more)
