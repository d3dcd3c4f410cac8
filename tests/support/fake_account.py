"""One AssemblyAI project, without HTTP: uploads, transcripts, the list, and a ledger of what would be paid.

Of an upload only the SHA-256 and the size are kept; what was heard in it is made from its hash. Time is a clock that a
test may hold. Fields that nobody knows yet and nulls are among the answers, to keep clients tolerant.
"""

import hashlib
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

NO_ACCESS = "Download error, unable to download {}. Please make sure the file exists and is accessible."
NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven"),
    *("eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen"),
)


@dataclass(frozen=True)
class Upload:
    upload_url: str
    sha256: str
    size: int


@dataclass
class Submit:
    """A transcript from its submit on. `end_error`: the text it ends in error with, None for a good end."""

    id: str
    upload_url: str
    sha256: str | None
    created: float
    request: dict[str, Any]
    end_error: str | None = None
    deleted: bool = False


@dataclass(frozen=True)
class Question:
    """A question about a transcript that was answered, and so is paid for, by the seconds of its recording."""

    transcript_id: str
    request: dict[str, Any]
    seconds: float | None


class FakeAccount:
    """The project. Its lists are for reading; `changed` is the lock that guards them while they grow."""

    def __init__(self, base_url: str, *, processing_seconds: float, clock: Callable[[], float] = time.time) -> None:
        self.base_url = base_url
        self.uploads_at = "https://cdn.assemblyai.com/upload"  # as AssemblyAI has it
        self.clock = clock
        self.processing_seconds = processing_seconds
        self.list_lag_seconds: float = 0
        self.under_way: Mapping[str, Any] = {}  # what the list shows besides of one that is made
        self.results: Mapping[str, Any] = {}  # what every transcript has besides, or instead
        self.duration_of: Callable[[Upload], float | None] = _heard
        self.uploads: list[Upload] = []
        self.elsewhere: list[Upload] = []  # what can be fetched from other servers
        self.submits: list[Submit] = []
        self.questions: list[Question] = []
        self.changed = threading.Condition()
        self._ends: deque[str] = deque()

    def end_with_error(self, text: str, n: int = 1) -> None:
        """The transcripts of the next `n` submits end in error with `text`, and are free."""
        with self.changed:
            self._ends.extend([text] * n)

    def put_elsewhere(self, url: str) -> None:
        """A recording lies on another server at this address: a submit of it can be transcribed."""
        with self.changed:
            self.elsewhere.append(Upload(url, hashlib.sha256(url.encode()).hexdigest(), 5_000_000_000))

    def paid(self) -> Counter[str]:
        """The number of submits of each content (its SHA-256) that did not end in error: more than one is a waste."""
        with self.changed:
            return Counter(s.sha256 for s in self.submits if s.end_error is None and s.sha256 is not None)

    def take_upload(self, sha256: str, size: int) -> dict[str, Any]:
        with self.changed:
            self.uploads.append(Upload(f"{self.uploads_at}/{uuid.uuid4().hex}", sha256, size))
            return {"upload_url": self.uploads[-1].upload_url}

    def take_submit(self, request: dict[str, Any]) -> dict[str, Any]:
        with self.changed:
            url = request["audio_url"]
            upload = self._upload_at(url)
            error = self._ends.popleft() if self._ends else None if upload else NO_ACCESS.format(url)
            made = Submit(str(uuid.uuid4()), url, upload.sha256 if upload else None, self.clock(), request, error)
            self.submits.append(made)
            return self._transcript(made)

    def take_question(self, submit: Submit, request: dict[str, Any]) -> dict[str, Any]:
        with self.changed:
            transcript = self._transcript(submit)
            self.questions.append(Question(submit.id, request, transcript["audio_duration"]))
            return {"request_id": str(uuid.uuid4()), **_understood(transcript, request)}

    def find(self, transcript_id: str) -> Submit | None:
        with self.changed:
            return next((s for s in self.submits if s.id == transcript_id), None)

    def transcript(self, submit: Submit) -> dict[str, Any]:
        with self.changed:
            return self._transcript(submit)

    def listed(self, limit: int, before_id: str | None) -> dict[str, Any]:
        with self.changed:
            shown = [s for s in reversed(self.submits) if s.created <= self.clock() - self.list_lag_seconds]
            ids = [s.id for s in shown]
            start = ids.index(before_id) + 1 if before_id in ids else 0
            page = shown[start : start + limit]
            return {"page_details": self._page_details(limit, shown, page), "transcripts": [*map(self._item, page)]}

    def _page_details(self, limit: int, shown: list[Submit], page: list[Submit]) -> dict[str, Any]:
        here = f"{self.base_url}/v2/transcript?limit={limit}"
        is_last = not page or page[-1] is shown[-1]
        return {
            "limit": limit,
            "result_count": len(page),
            "current_url": here,
            "prev_url": None if is_last else f"{here}&before_id={page[-1].id}",
            "next_url": f"{here}&after_id={page[0].id}" if page else None,
        }

    def _upload_at(self, url: str) -> Upload | None:
        return next((u for u in (*self.uploads, *self.elsewhere) if u.upload_url == url), None)

    def _status(self, submit: Submit) -> str:
        if self.clock() - submit.created < self.processing_seconds:
            return "processing"
        return "error" if submit.end_error else "completed"

    def _item(self, submit: Submit) -> dict[str, Any]:
        status = self._status(submit)
        return {
            "id": submit.id,
            "resource_url": f"{self.base_url}/v2/transcript/{submit.id}",
            "status": status,
            "created": _written(submit.created),
            "completed": _written(submit.created + self.processing_seconds) if status == "completed" else None,
            "audio_url": "http://deleted_by_user" if submit.deleted else submit.upload_url,
            "error": submit.end_error if status == "error" else None,
            **(self.under_way if status == "processing" else {}),
        }

    def _transcript(self, submit: Submit) -> dict[str, Any]:
        status = self._status(submit)
        whole = {
            **submit.request,
            "id": submit.id,
            "status": status,
            "audio_url": submit.upload_url,
            "error": submit.end_error if status == "error" else None,
            "text": None,
            "words": None,
            "utterances": None,
            "confidence": None,
            "audio_duration": None,
            "language_code": None,
            "webhook_status_code": None,
            "throttled": False,
            "acoustic_model": "assemblyai_default",
            "project_id": 1,
            "a_field_of_next_year": {"nested": [None]},
        }
        if submit.deleted:
            return whole | {"text": "Deleted by user.", "audio_url": "http://deleted_by_user", "is_deleted": True}
        return whole | self._result(submit) if status == "completed" else whole

    def _result(self, submit: Submit) -> dict[str, Any]:
        upload = self._upload_at(submit.upload_url)
        assert upload, "only what was uploaded or lies elsewhere completes"
        words = words_of(upload.sha256)
        return {
            "text": " ".join(word["text"] for word in words),
            "words": words,
            "confidence": 0.93,
            "audio_duration": self.duration_of(upload),
            "language_code": "en",
            "speech_model_used": submit.request.get("speech_models", ["assemblyai-stt-3-7"])[0],
            "metadata": {"domain_used": None, "warnings": []},
            **(_by_speakers(words) if submit.request.get("speaker_labels") else {}),
            **self.results,
        }


def _understood(transcript: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked for of a transcript: as the gateway answers it."""
    response: dict[str, Any] = {}
    utterances = [dict(each) for each in transcript["utterances"] or ()]
    answer: dict[str, Any] = {"speech_understanding": {"request": request, "response": response}}
    if "summarization" in request:
        response["summarization"] = {"summary": [{"headline": "Numbers.", "text": "Somebody counts."}]}
    if "action_items" in request:
        response["action_items"] = {"items": [{"text": "Count on."}]}
    if "translation" in request:
        response["translation"] = {"status": "success"}
        languages = request["translation"]["target_languages"]
        answer["translated_texts"] = {each: f"{each}: {transcript['text']}" for each in languages}
    if "speaker_identification" in request:
        known = request["speaker_identification"].get("known_values") or ["Anna Berg", "Ben Frei"]
        response["speaker_identification"] = {"status": "success"}
        names = dict(zip("AB", known, strict=False))
        answer["utterances"] = [{**each, "speaker": names.get(each["speaker"], "?")} for each in utterances]
    return answer


def words_of(sha256: str) -> list[dict[str, Any]]:
    """The words heard in a content: one for each of the first eight digits of its hash, one second apart."""
    return [
        {
            "text": NUMBERS[int(digit, 16)].capitalize() if n == 0 else NUMBERS[int(digit, 16)],
            "start": 1000 * n,
            "end": 1000 * n + 800,
            "confidence": 0.93,
            "speaker": None,
        }
        for n, digit in enumerate(sha256[:8])
    ]


def _by_speakers(words: list[dict[str, Any]]) -> dict[str, Any]:
    """The same words, the first half said by A and the rest by B."""
    half = len(words) // 2
    turns = {"A": words[:half], "B": words[half:]}
    said = {label: [{**word, "speaker": label} for word in turn] for label, turn in turns.items()}
    utterances = [
        {"speaker": label, "text": " ".join(word["text"] for word in turn), "start": turn[0]["start"]}
        | {"end": turn[-1]["end"], "confidence": 0.93, "words": turn}
        for label, turn in said.items()
    ]
    return {"words": [word for turn in said.values() for word in turn], "utterances": utterances}


def _written(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def _heard(upload: Upload) -> float:
    """The seconds that a recording of 128 kbit/s of this size has; of a small one some more, which no test minds."""
    return max(10.0, upload.size / 16_000)
