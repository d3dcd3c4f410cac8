"""The uploads and transcripts that the local API keeps, each a file in one directory.

Rules: a file appears whole or not at all (temp, fsync, rename), so everything that was acknowledged survives a crash.
"processing" is never written to disk, so after a restart an unfinished transcript is queued. Only one server at a time
uses the directory. Lists are answered from memory, which holds a few lines for each transcript; the words stay on
disk. The time is an argument.
"""

import errno
import fcntl
import json
import os
import re
import threading
import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from transcribed.errors import ConfigError, Stopped

#: An upload that no waiting transcript needs is deleted after a day, as at AssemblyAI (assemblyai-api.md 2).
UNUSED_UPLOAD_SECONDS = 24 * 3600
CROWDED_UPLOAD_SECONDS = 3600  #: the same, where there is no room for more
#: What all uploads together may take of the disk: twenty of the largest. Chosen.
MOST_UPLOADS_BYTES = 20 * 2_200_000_000

STATUSES = ("queued", "processing", "completed", "error")

_DELETED_URL = "http://deleted_by_user"
_UPLOAD_URL = re.compile(r"http://(?:127(?:\.\d+){3}|localhost|\[::1\])(?::\d+)?/upload/([0-9a-f]{32})")
_TEMPORARY = b".incoming-"


def lock(directory: bytes) -> int:
    """Create the directory and lock it until the returned descriptor is closed. Raises ConfigError if it cannot."""
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError([f"cannot use the directory {os.fsdecode(directory)!r}: {error.strerror}"]) from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(held)
        raise ConfigError(
            [f"{os.fsdecode(directory)!r} is in use by another local API: stop that one, or choose another directory"]
        ) from error
    return held


class Uploads:
    """The uploaded recordings, each under a name of 32 hexadecimal digits that is never used twice."""

    def __init__(self, directory: bytes, now: Callable[[], float], most_bytes: int = MOST_UPLOADS_BYTES) -> None:
        self._directory = _made(directory)
        self._now = now
        self._lock = threading.Lock()
        self._left_bytes = most_bytes - sum(entry.stat().st_size for entry in os.scandir(self._directory))
        self._few_bytes = most_bytes // 4

    def is_full(self) -> bool:
        """True if there is little room for more."""
        return self._left_bytes < self._few_bytes

    def incoming(self) -> "Incoming":
        """Begin a new upload, to be written and then kept or discarded."""
        return Incoming(self._directory, self._take)

    def _take(self, size: int) -> None:
        """Count so many bytes more, or fewer. Raises OSError (EDQUOT) where there is no room for more."""
        with self._lock:
            if size > self._left_bytes and size > 0:
                raise OSError(errno.EDQUOT, "the uploads that wait take all of their room")
            self._left_bytes -= size

    def path(self, audio_url: str) -> bytes | None:
        """The path of the upload with this `audio_url`; None if it is not one of ours, or is gone."""
        path = self._path(audio_url)
        return path if path and os.path.exists(path) else None

    def remove(self, audio_url: str) -> None:
        """Delete the upload with this `audio_url`, if there is one."""
        path = self._path(audio_url)
        if path:
            self._remove(path)

    def sweep(self, needed: Collection[str], unused_seconds: float = UNUSED_UPLOAD_SECONDS) -> None:
        """Delete the uploads that are older than a day (or so), except those whose audio_url is in `needed`."""
        kept = {self._path(audio_url) for audio_url in needed}
        for name in os.listdir(self._directory):
            path = os.path.join(self._directory, name)
            if path not in kept and self._now() - _modified_at(path) > unused_seconds:
                self._remove(path)

    def _remove(self, path: bytes) -> None:
        try:
            size = os.stat(path).st_size
            os.unlink(path)
        except FileNotFoundError:
            return
        self._take(-size)

    def _path(self, audio_url: str) -> bytes | None:
        found = _UPLOAD_URL.fullmatch(audio_url)
        return os.path.join(self._directory, found[1].encode()) if found else None


class Incoming:
    """One upload that is arriving. `keep` and `discard` close its file."""

    def __init__(self, directory: bytes, take: Callable[[int], None]) -> None:
        self._directory = directory
        self._take = take
        self._name = uuid.uuid4().hex
        self._temporary = os.path.join(directory, _TEMPORARY + self._name.encode())
        self._file = open(self._temporary, "xb")  # noqa: SIM115  closed by keep or discard
        self.size = 0

    def write(self, chunk: bytes) -> None:
        """Append a piece. Raises OSError, also where the uploads take all of their room."""
        self._take(len(chunk))
        self.size += len(chunk)
        self._file.write(chunk)

    def keep(self) -> str:
        """Make the upload durable and return its name."""
        _publish(self._file, self._temporary, os.path.join(self._directory, self._name.encode()))
        return self._name

    def discard(self) -> None:
        """Delete it, unless it was kept."""
        self._file.close()
        if os.path.lexists(self._temporary):
            os.unlink(self._temporary)
            self._take(-self.size)


@dataclass
class Item:
    """A transcript as the list shows it. `number` is its place in the order of creation.

    `progress`: the seconds that were heard, of how many; the second is None where nobody knows.
    """

    id: str
    number: int
    status: str
    created: str
    completed: str | None
    audio_url: str
    error: str | None
    progress: tuple[float, float | None] = (0.0, None)

    def under_way(self) -> dict[str, Any]:
        """The field that a transcript has only while it is made: how much of its recording was heard."""
        if self.status != "processing":
            return {}
        heard, of = self.progress
        return {"progress": {"heard_seconds": round(heard, 1), "of_seconds": of and round(of, 1)}}


class Transcripts:
    """Every transcript, oldest first. Safe to call from many threads. An unknown id raises KeyError."""

    def __init__(self, directory: bytes, now: Callable[[], float]) -> None:
        self._directory = _made(directory)
        self._now = now
        self._lock = threading.Lock()
        read = sorted(self._read_all(), key=lambda item: item.number)
        self._items = {item.id: item for item in read}

    def create(self, transcript: dict[str, Any]) -> dict[str, Any]:
        """Store a queued transcript under a new id, durably, and return it."""
        fresh = {"id": str(uuid.uuid4()), "status": "queued", **transcript}
        with self._lock:
            newest = next(reversed(self._items.values()), None)
            number = newest.number + 1 if newest else 1
            item = Item(fresh["id"], number, "queued", self._time(), None, fresh["audio_url"], None)
            self._write(item, fresh)
            self._items[item.id] = item
        return fresh

    def get(self, transcript_id: str) -> dict[str, Any]:
        """The whole transcript."""
        item = self._items[transcript_id]
        transcript = self._kept(transcript_id)
        if transcript["status"] == "queued":
            transcript |= {"status": item.status, **item.under_way()}
        return transcript

    def _kept(self, transcript_id: str) -> dict[str, Any]:
        with open(self._path(transcript_id), "rb") as file:
            transcript: dict[str, Any] = json.load(file)["transcript"]
        return transcript

    def begin(self, transcript_id: str) -> str:
        """Mark it as being processed, in memory only, and return its audio_url."""
        with self._lock:
            item = self._items[transcript_id]
            item.status, item.progress = "processing", (0.0, None)
            return item.audio_url

    def progressed(self, transcript_id: str, progress: tuple[float, float | None]) -> None:
        """So much of its recording was heard; kept in memory only. Raises Stopped where it was deleted meanwhile."""
        item = self._items[transcript_id]
        if item.audio_url == _DELETED_URL:
            raise Stopped("the transcript was deleted")
        item.progress = progress

    def end(self, transcript_id: str, **result: Any) -> None:
        """Give the transcript this result (`status` and its other fields), unless it was deleted meanwhile."""
        with self._lock:
            item = self._items[transcript_id]
            if item.audio_url != _DELETED_URL:
                self._change(item, self._kept(transcript_id) | result)

    def delete(self, transcript_id: str) -> tuple[str, dict[str, Any]]:
        """Empty the transcript as documented; return the audio_url it had, and what is left of it."""
        with self._lock:
            item = self._items[transcript_id]
            had = item.audio_url
            emptied = dict.fromkeys(self._kept(transcript_id)) | {
                "id": transcript_id,
                "status": "completed",
                "text": "Deleted by user.",
                "audio_url": _DELETED_URL,
            }
            emptied.pop("error", None)
            self._change(item, emptied)
        return had, emptied

    def items(self) -> list[Item]:
        """All transcripts, oldest first."""
        with self._lock:
            return list(self._items.values())

    def unfinished(self) -> list[Item]:
        """The transcripts that wait or are being processed, oldest first."""
        return [item for item in self.items() if item.status in STATUSES[:2]]

    def _change(self, item: Item, transcript: dict[str, Any]) -> None:
        changed = Item(
            item.id,
            item.number,
            transcript["status"],
            item.created,
            self._time() if transcript["status"] == "completed" else None,
            transcript["audio_url"],
            transcript.get("error"),
        )
        self._write(changed, transcript)
        self._items[item.id] = changed

    def _time(self) -> str:
        """The time as the list shows it: in UTC, without a time zone (assemblyai-api.md 4)."""
        return datetime.fromtimestamp(self._now(), UTC).replace(tzinfo=None).isoformat(timespec="microseconds")

    def _path(self, transcript_id: str) -> bytes:
        return os.path.join(self._directory, transcript_id.encode() + b".json")

    def _write(self, item: Item, transcript: dict[str, Any]) -> None:
        record = {
            "number": item.number,
            "created": item.created,
            "completed": item.completed,
            "transcript": transcript,
        }
        path = self._path(item.id)
        temporary = os.path.join(self._directory, _TEMPORARY + item.id.encode())
        with open(temporary, "wb") as file:
            file.write(json.dumps(record, allow_nan=False).encode())
            _publish(file, temporary, path)

    def _read_all(self) -> Iterator[Item]:
        for name in os.listdir(self._directory):
            path = os.path.join(self._directory, name)
            try:
                yield _read(path)
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
                why = f"{os.fsdecode(path)!r} is not a transcript of the local API: move it away"
                raise ConfigError([why]) from error


def _read(path: bytes) -> Item:
    with open(path, "rb") as file:
        record = json.load(file)
    transcript = record["transcript"]
    kinds = {type(text) for text in (transcript["id"], transcript["status"], record["created"])}
    if kinds != {str} or not isinstance(record["number"], int):
        raise TypeError("a field that the list shows is of another type")
    return Item(
        transcript["id"],
        record["number"],
        transcript["status"],
        record["created"],
        record["completed"],
        transcript["audio_url"],
        transcript.get("error"),
    )


def _made(directory: bytes) -> bytes:
    """Create the directory, and delete the temporary files in it: a crash left them before they were acknowledged."""
    os.makedirs(directory, mode=0o700, exist_ok=True)
    for name in os.listdir(directory):
        if name.startswith(_TEMPORARY):
            _unlink(os.path.join(directory, name))
    return directory


def _publish(file: Any, temporary: bytes, path: bytes) -> None:
    """Move the file that was written to `path`, durably."""
    with file:
        file.flush()
        os.fsync(file.fileno())
    os.rename(temporary, path)
    directory = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _modified_at(path: bytes) -> float:
    return os.stat(path).st_mtime


def _unlink(path: bytes) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
