"""The search for a submit whose answer was lost, in the API's own list. If it is found there, the job adopts it."""

from collections.abc import Collection, Mapping, Sequence

from transcribed.assemblyai import DELETED_URL, AssemblyAI, Listed, ListTooLong
from transcribed.job import Job, is_link
from transcribed.job.events import Event, Failed, Submitted, Unlisted

LOOK_BACK_SECONDS = 3600.0  # before submit_sent_at: our clock and AssemblyAI's need not agree
CLOCKS_APART_SECONDS = 300.0  # by so much they may differ where neither is wrong outright; chosen


def look_up(job: Job, client: AssemblyAI, ours: Mapping[str, str], answered: Collection[str]) -> Event:
    """Look for a submit in doubt in the API's list. `ours`: upload_url by transcript_id, of recent jobs not in doubt.

    `answered`: transcript ids that already belong to other submits of this content, so they cannot be this one.
    Where the list shows for one of ours another audio_url than we sent, or one that is no more, or the account is
    another one, not finding it proves nothing: then a person decides, for a second submit might be a second payment.
    """
    assert job.submit_sent_at is not None
    listed, too_long = _listed(job, client)
    found = [item for item in listed if item.audio_url == job.upload_url and item.transcript_id not in answered]
    if is_link(job.path):
        found, too_old = _since(found, job.submit_sent_at - CLOCKS_APART_SECONDS)
    else:
        found, too_old = found[::-1], []  # the oldest first: one of this upload_url can only be this job's
    alive = [item for item in found if item.status != "error"] or found
    if alive:
        return Submitted(alive[0].transcript_id, adopted=True)
    if too_long:
        return _question(f"{too_long}, too many to look through")
    if job.account != client.account:
        return _question("it was sent with another key or to another region")
    if any(item.status != "error" for item in too_old):
        return _question("AssemblyAI's list shows a transcript of the link's address that seems to be older than it")
    if any(differs(item, ours) for item in listed):
        return _question("AssemblyAI's list does not show the audio_url that was sent, so it cannot be found there")
    if any(item.audio_url == DELETED_URL and item.transcript_id not in {*ours, *answered} for item in listed):
        return _question("a transcript of that time was deleted at AssemblyAI, and may have been this one")
    return Unlisted()


def _listed(job: Job, client: AssemblyAI) -> tuple[Sequence[Listed], str]:
    """The list back to the submit and, where it is longer than what is walked, that it is."""
    try:
        return client.list_back_to(looks_back_to(job), job.upload_url), ""
    except ListTooLong as error:
        return error.listed, error.message


def looks_back_to(job: Job) -> float:
    """The time back to which the list is read for a submit in doubt (seconds since the epoch)."""
    assert job.submit_sent_at is not None
    return job.submit_sent_at - LOOK_BACK_SECONDS


def _since(found: Sequence[Listed], at: float) -> tuple[list[Listed], list[Listed]]:
    """Those of an address that were made since `at`, and the older ones, newest first.

    An upload_url belongs to one submit, but anybody may have this address transcribed. The newest is most likely the
    submit in doubt, because the look follows it closely. An older one belongs to somebody else, or is ours and a clock
    is wrong: then a second submit would be a second payment, and a person decides.
    """
    young = [item for item in found if item.created_at is None or item.created_at >= at]
    return young, [item for item in found if item not in young]


def differs(item: Listed, ours: Mapping[str, str]) -> bool:
    """True if the list shows one of our transcripts with another audio_url than its job sent."""
    sent = ours.get(item.transcript_id)
    return sent is not None and item.audio_url not in (None, DELETED_URL, sent)


def _question(why: str) -> Failed:
    return Failed(
        f"a submit was sent and its answer was lost; {why}. It may have been paid for",
        "look for it in AssemblyAI's dashboard; `transcribed retry --pay-again` submits it again",
    )
