"""What the stand-in of AssemblyAI knows: uploads, transcripts, their list, and counts and times of what it was asked.

Each answer costs the same, however many transcripts there are. Times are monotonic, which all processes of a machine
share; only what the API says of a time is of the wall's clock.
"""

import heapq
import json
import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True, slots=True)
class Transcript:
    """A transcript from its submit on; it is completed at `done_at` (monotonic)."""

    id: str
    audio_url: str
    created: str
    completed: str
    done_at: float


class Account:
    """An account whose transcripts take `processing_seconds` each, at most `slots` of them at once (0: any number)."""

    def __init__(self, base_url: str, *, processing_seconds: float, slots: int, words: int) -> None:
        self.base_url = base_url
        self.counts: Counter[str] = Counter()
        #: begin, upload, submit, fetch or list; when; the bytes of the recording
        self.events: list[tuple[str, float, int]] = []
        self._processing_seconds = processing_seconds
        self._slots = slots
        self._free: list[float] = []  # when each busy slot is free
        self._prefix = f"{os.urandom(4).hex()}-{os.urandom(2).hex()}-4000-8000-"
        self._sizes: dict[str, int] = {}
        self._transcripts: list[Transcript] = []
        self._places: dict[str, int] = {}
        self._result = _result_of(words)

    def take_upload(self, size: int) -> bytes:
        url = f"{self.base_url}/upload/{self._prefix}{len(self._sizes):012x}"
        self._sizes[url] = size
        self._happened("upload", size)
        return json.dumps({"upload_url": url}).encode()

    def take_submit(self, body: bytes) -> bytes:
        url = json.loads(body)["audio_url"]
        place = len(self._transcripts)
        created, now = datetime.now(UTC), time.monotonic()
        done_at = self._done_at(now)
        times = (_of_api(created), _of_api(created + timedelta(seconds=done_at - now)))
        made = Transcript(f"{self._prefix}{place:012x}", url, *times, done_at)
        self._transcripts.append(made)
        self._places[made.id] = place
        self._happened("submit", self._sizes.get(url, 0))
        return self._whole(made)

    def one(self, transcript_id: str) -> bytes | None:
        """The transcript; None if it is unknown here."""
        place = self._places.get(transcript_id)
        if place is None:
            return None
        found = self._transcripts[place]
        if _status(found) == "completed":
            self._happened("fetch", self._sizes.get(found.audio_url, 0))
        else:
            self.counts["look"] += 1
        return self._whole(found)

    def listed(self, limit: int, before_id: str | None) -> bytes:
        """A page of the list, newest first."""
        self._happened("list", 0)
        end = len(self._transcripts) if before_id is None else self._places.get(before_id, 0)
        page = self._transcripts[max(end - limit, 0) : end][::-1]
        here = f"{self.base_url}/v2/transcript?limit={limit}"
        details = {
            "limit": limit,
            "result_count": len(page),
            "current_url": here,
            "prev_url": f"{here}&before_id={page[-1].id}" if end > limit else None,
            "next_url": f"{here}&after_id={page[0].id}" if page else None,
        }
        return json.dumps({"page_details": details, "transcripts": [self._item(found) for found in page]}).encode()

    def figures(self) -> Mapping[str, Any]:
        return {"counts": self.counts, "events": self.events, "processor_seconds": time.process_time()}

    def begins(self, size: int) -> None:
        """An upload of so many bytes begins (0: it does not say how many)."""
        self._happened("begin", size)

    def _happened(self, what: str, size: int) -> None:
        self.counts[what] += 1
        self.events.append((what, time.monotonic(), size))

    def _done_at(self, now: float) -> float:
        """A transcript that comes now is done at this time: at once it begins, or when a slot is free."""
        begins = heapq.heappop(self._free) if self._slots and len(self._free) >= self._slots else now
        done_at = max(begins, now) + self._processing_seconds
        if self._slots:
            heapq.heappush(self._free, done_at)
        return done_at

    def _item(self, found: Transcript) -> dict[str, Any]:
        return {
            "id": found.id,
            "resource_url": f"{self.base_url}/v2/transcript/{found.id}",
            "status": _status(found),
            "created": found.created,
            "completed": found.completed if _status(found) == "completed" else None,
            "audio_url": found.audio_url,
            "error": None,
        }

    def _whole(self, found: Transcript) -> bytes:
        status = _status(found)
        result = self._result if status == "completed" else b'"text": null, "words": null'
        return b'{"id": "%s", "status": "%s", "audio_url": "%s", "error": null, "language_code": "en", %s}' % (
            found.id.encode(),
            status.encode(),
            found.audio_url.encode(),
            result,
        )


def _of_api(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds")


def _status(found: Transcript) -> str:
    return "completed" if time.monotonic() >= found.done_at else "processing"


def _result_of(words: int) -> bytes:
    """The fields of what was heard: so many words of two speakers, and a full stop after each tenth."""
    said = [f"{_WORDS[n % 10]}." if n % 10 == 9 else _WORDS[n % 10] for n in range(words)]
    spoken = [
        {"text": text, "start": 400 * n, "end": 400 * n + 350, "confidence": 0.93, "speaker": "AB"[n // 50 % 2]}
        for n, text in enumerate(said)
    ]
    turns = [
        {
            **{key: turn[0][key] for key in ("start", "speaker", "confidence")},
            "end": turn[-1]["end"],
            "text": " ".join(str(word["text"]) for word in turn),
            "words": turn,
        }
        for turn in (spoken[first : first + 50] for first in range(0, words, 50))
    ]
    heard = {
        "text": " ".join(said),
        "words": spoken,
        "utterances": turns,
        "confidence": 0.93,
        "audio_duration": max(words * 2 // 5, 1),
        "speech_model_used": "assemblyai-stt-3-7",
    }
    return json.dumps(heard).encode()[1:-1]
