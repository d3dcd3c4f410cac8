"""From queued to an end: what happens to a transcript between its submit and its result.

Rules: as many at a time as there are cores to run on, in the order of their coming. Trouble of the machine (a full
disk, no memory for a recogniser) is no transcript's fault: it waits and is tried again. A stop leaves it queued.
This module knows no HTTP.
"""

import contextlib
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from transcribed.errors import Permanent, Stopped, Transient
from transcribed.local.recogniser import Hearing, Recognisers
from transcribed.local.store import Transcripts, Uploads

_TROUBLE_SECONDS = 5.0
_SWEEP_SECONDS = 3600.0


class Work:
    """Takes transcripts by their ids and brings each to its end, in threads that wait for the recognisers."""

    def __init__(self, uploads: Uploads, transcripts: Transcripts, recognisers: Recognisers) -> None:
        self._uploads = uploads
        self._transcripts = transcripts
        self._recognisers = recognisers
        self._stopping = threading.Event()
        self._threads = ThreadPoolExecutor(len(os.sched_getaffinity(0)), "transcript")
        self._sweeper = threading.Thread(target=self._sweep, name="sweeper")

    def start(self) -> None:
        """A recogniser is ready, and what an earlier run left unfinished is taken. Raises Transient if none starts."""
        self._recognisers.warm()
        for item in self._transcripts.unfinished():
            self.take(item.id)
        self._sweeper.start()

    def take(self, transcript_id: str) -> None:
        """The transcript will be brought to its end, after those that were taken before it."""
        future = self._threads.submit(self._bring_to_end, transcript_id)
        future.add_done_callback(lambda done: self._own_up(transcript_id, done))

    def stop(self) -> None:
        """Nothing is being worked on any more, and no recogniser's process is left."""
        self._stopping.set()
        self._recognisers.stop()
        self._threads.shutdown(cancel_futures=True)
        if self._sweeper.is_alive():
            self._sweeper.join()

    def _bring_to_end(self, transcript_id: str) -> None:
        while not self._stopping.is_set():
            try:
                self._transcripts.end(transcript_id, **self._result(transcript_id))
            except Stopped:
                return
            except (Transient, OSError):
                self._stopping.wait(_TROUBLE_SECONDS)
            else:
                return

    def _result(self, transcript_id: str) -> dict[str, Any]:
        audio_url = self._transcripts.begin(transcript_id)
        path = self._uploads.path(audio_url)
        if path is None:
            why = "Please make sure the file exists and is accessible from the internet."
            return {"status": "error", "error": f"Download error, unable to download {audio_url}. {why}"}
        try:
            return completed(self._recognisers.hear(path))
        except Permanent as error:
            return {"status": "error", "error": error.message}

    def _sweep(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(OSError):  # the disk's trouble is met, and told, where something is written
                self._uploads.sweep([item.audio_url for item in self._transcripts.unfinished()])
            self._stopping.wait(_SWEEP_SECONDS)

    def _own_up(self, transcript_id: str, done: "Future[None]") -> None:
        """A mistake in this program ends the transcript with AssemblyAI's words for one, and is shown in full."""
        if not done.cancelled() and (mistake := done.exception()):
            self._transcripts.end(transcript_id, status="error", error="Server error, developers have been alerted")
            raise mistake


def completed(hearing: Hearing) -> dict[str, Any]:
    """What a transcript says of a recording that was heard."""
    words = hearing.words
    confidence = sum(word["confidence"] for word in words) / len(words) if words else 0.0
    return {
        "status": "completed",
        "text": " ".join(word["text"] for word in words),
        "words": words,
        "confidence": round(confidence, 5),
        "audio_duration": max(1, round(hearing.seconds)),
    }
