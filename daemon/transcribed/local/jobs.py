"""The work on a transcript between its submit and its result.

Rules: transcripts are worked on in the order of their submits, as many at a time as there are workers. Trouble of the
machine (a full disk, no memory for a recogniser, an engine that is away) is not the transcript's fault: it waits and is
tried again. After a stop it is still queued.
"""

import contextlib
import functools
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from transcribed.errors import Permanent, Stopped, Transient
from transcribed.local import wishes
from transcribed.local.recognise.recogniser import Recognised, Recognisers
from transcribed.local.store import Transcripts, Uploads

_TROUBLE_SECONDS = 5.0
_SWEEP_SECONDS = 3600.0


class Jobs:
    """Take transcripts by their ids and bring each to its end, in threads that wait for the recognisers."""

    def __init__(
        self,
        uploads: Uploads,
        transcripts: Transcripts,
        recognisers: Recognisers,
        workers: int,
        say: Callable[[str], None],
    ) -> None:
        self._uploads = uploads
        self._transcripts = transcripts
        self._recognisers = recognisers
        self._say = say
        self._said = ""
        self._stopping = threading.Event()
        self._threads = ThreadPoolExecutor(workers, "transcript")
        self._sweeper = threading.Thread(target=self._sweep, name="sweeper")

    def start(self) -> None:
        """Start a recogniser, and take what an earlier run left unfinished. Raises Transient if none starts."""
        self._recognisers.warm()
        for item in self._transcripts.unfinished():
            self.take(item.id)
        self._sweeper.start()

    def take(self, transcript_id: str) -> None:
        """Bring the transcript to its end, after those that were taken before it. Returns at once."""
        future = self._threads.submit(self._finish, transcript_id)
        future.add_done_callback(lambda done: self._end_by_defect(transcript_id, done))

    def stop(self) -> None:
        """Stop all work, and end the recognisers' processes."""
        self._stopping.set()
        self._recognisers.stop()
        self._threads.shutdown(cancel_futures=True)
        if self._sweeper.is_alive():
            self._sweeper.join()

    def _finish(self, transcript_id: str) -> None:
        while not self._stopping.is_set():
            try:
                self._transcripts.end(transcript_id, **self._result(transcript_id))
            except Stopped:
                return
            except (Transient, OSError) as error:
                self._tell(str(error))
                self._stopping.wait(_TROUBLE_SECONDS)
            else:
                return

    def _result(self, transcript_id: str) -> dict[str, Any]:
        audio_url = self._transcripts.begin(transcript_id)
        path = self._uploads.path(audio_url)
        if path is None:
            why = "Please make sure the file exists and is accessible from the internet."
            return {"status": "error", "error": f"Download error, unable to download {audio_url}. {why}"}
        parameters = self._transcripts.get(transcript_id)
        tell = functools.partial(self._transcripts.progressed, transcript_id)
        try:
            recognised = self._recognisers.transcribe(path, wishes.asked(parameters), tell)
            return completed(recognised, parameters)
        except Permanent as error:
            return {"status": "error", "error": error.message}

    def _tell(self, trouble: str) -> None:
        """Say what a transcript waits for, unless that was said last."""
        if trouble != self._said:
            self._said = trouble
            self._say(f"a transcript waits, and is tried again each {_TROUBLE_SECONDS:.0f} s: {trouble}")

    def _sweep(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(OSError):  # trouble with the disk is reported by the next upload or submit
                self._uploads.sweep([item.audio_url for item in self._transcripts.unfinished()])
            self._stopping.wait(_SWEEP_SECONDS)

    def _end_by_defect(self, transcript_id: str, done: "Future[None]") -> None:
        """End the transcript with AssemblyAI's text for a defect of the server, and raise, so that it is shown."""
        if not done.cancelled() and (defect := done.exception()):
            self._transcripts.end(transcript_id, status="error", error="Server error, developers have been alerted")
            raise defect


def completed(recognised: Recognised, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The result that a transcript with these parameters gets when its recording was recognised. Raises Permanent."""
    language, sure, warnings = recognised.heard
    if (error := wishes.below_threshold(parameters, language, sure)) is not None:
        raise Permanent(error)
    words = wishes.written(recognised.words, parameters)
    confidence = sum(word["confidence"] for word in words) / len(words) if words else 0.0
    said = [*(parameters.get("metadata") or {}).get("warnings", ()), *({"message": text} for text in warnings)]
    return {
        "status": "completed",
        "text": wishes.text(words, language),
        "words": words,
        "confidence": round(confidence, 5),
        "audio_duration": max(1, round(recognised.seconds)),
        "language_code": parameters.get("language_code") or language,
        "language_confidence": sure,
        **({"metadata": {"warnings": said}} if said else {}),
    }
