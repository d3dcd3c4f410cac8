"""The reasons to look at a finished transcript again. None of them fails it, because it is paid. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from transcribed.job import Job
from transcribed.job.events import Received

SHORTEST_LOSS_SECONDS, SMALLEST_LOSS = 10.0, 0.1  # a probe's length is an estimate; no source says how good
SILENT = "no speech was recognised in it"


def doubts(job: Job, transcript: Mapping[str, object]) -> tuple[str, ...]:
    """One sentence for each reason; `transcript` is AssemblyAI's answer, of which the words need not be there."""
    return (*losses(job, transcript), *([] if transcript.get("text") else [SILENT]))


def told_doubts(story: Iterable[Mapping[str, Any]], of_payer: Iterable[Mapping[str, Any]]) -> list[str]:
    """The doubts that people are to read beside a transcript: about the file, and about what is missing in the text.

    They are told by the story of the job and, for the text, by that of the job that paid for it. That nothing was said
    stands in the renderings themselves.
    """
    told = list(story)
    of_file = [doubt for each in told if each["event"] == Received.name() for doubt in each.get("warnings", ())]
    of_text = [doubt for each in (*of_payer, *told) for doubt in each.get("doubts", ())]
    return list(dict.fromkeys([*of_file, *of_text]))


def losses(job: Job, transcript: Mapping[str, object]) -> tuple[str, ...]:
    """The reasons to believe that a part of the recording is not in it."""
    heard = heard_seconds(transcript)
    if heard is None or job.duration_seconds is None:
        return ()
    if job.duration_seconds - heard <= max(SHORTEST_LOSS_SECONDS, SMALLEST_LOSS * job.duration_seconds):
        return ()
    return (f"AssemblyAI heard {heard:.0f} s of a recording of about {job.duration_seconds:.0f} s",)


def heard_seconds(transcript: Mapping[str, object]) -> float | None:
    """The length of what AssemblyAI heard. Bounded, because JSON has whole numbers that no float can hold."""
    heard = transcript.get("audio_duration")
    return float(heard) if isinstance(heard, int | float) and 0 <= heard < 1e9 else None
