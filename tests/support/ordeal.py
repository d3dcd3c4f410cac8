"""A daemon, its API, what was dropped into its inbox, and what must be true of all three, always and at the end.

All of it is looked at from outside: the folders, and the API's ledger.
"""

import contextlib
import hashlib
import itertools
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from fake_account import words_of
from fake_assemblyai import FakeAssemblyAI
from straced import Straced
from transcribed import errors
from transcribed.job import Job, State
from world import link, mp3

TEMPORARY = ".transcribed-"
LONGEST_WAIT_SECONDS = 4000.0  # a job that failed often waits up to an hour, in peace too


class Ordeal(Straced):
    """A daemon, its API, what was dropped, and what must be true of all three."""

    def __init__(self, directory: Path, api: FakeAssemblyAI, **inbox: Any) -> None:
        super().__init__(directory, api.base_url, delete_remote=True, **inbox)
        self.config["api"] |= {"poll_seconds": 0.05, "reconcile_seconds": 0.3}
        self.api = api
        self.dropped: dict[str, bytes] = {}  # recordings and links by name
        self.addresses: dict[bytes, str] = {}  # where a link leads, by its bytes
        self.junk: dict[str, bytes] = {}  # what is no recording

    def drop(self, name: str, data: bytes) -> None:
        self.dropped[name] = data
        super().drop(name, data)

    def drop_link(self, name: str, address: str) -> None:
        data = link(address)
        if data not in self.addresses:
            self.addresses[data] = address
            self.api.put_elsewhere(address)
        self.drop(name, data)

    def drop_the_usual(self) -> None:
        """Two recordings, one of them below a folder; a copy; a link; and what is no recording and must fail."""
        self.drop("Talk.mp3", mp3("Talk"))
        self.drop("a/Other.mp3", mp3("Other", frames=60))
        self.drop("Copy.mp3", mp3("Talk"))
        self.drop_link("Link.url", "https://example.org/Link.mp3")
        self.junk["junk.mp3"] = b"no recording\n" * 500
        super().drop("junk.mp3", self.junk["junk.mp3"])

    # What must be true.

    def broken(self) -> list[str]:
        """List what must never be, and is."""
        wanted = Counter(map(_hash, [*self.dropped.values(), *self.junk.values()]))
        found = Counter(itertools.chain.from_iterable(map(self._hashes, ("inbox", "archive", "failed"))))
        wrong = [f"{self._names(sha)} is there {found[sha]} times" for sha in wanted if found[sha] != wanted[sha]]
        wrong += [f"{self._names(sha)} was paid for {n} times" for sha, n in self.api.paid().items() if n > 1]
        return wrong + [
            f"{name} in the outbox is not whole" for name in self._seen_in_the_outbox() if not self._is_whole(name)
        ]

    def unfinished(self) -> list[str]:
        """List what must not be at the end, and is."""
        stems = {os.path.splitext(name)[0] for name in self.dropped}
        wanted = {
            "inbox": set(),
            "outbox": {f"{stem}.{suffix}" for stem in stems for suffix in ("txt", "srt")},
            "archive": set(self.dropped),
            "failed": {*self.junk, *(f"{name}.error.txt" for name in self.junk)},
        }
        wrong = [f"{name} is missing in {place}" for place in wanted for name in wanted[place] - self._files(place)]
        wrong += [f"{name} is too much in {place}" for place in wanted for name in self._files(place) - wanted[place]]
        wrong += [f"job {job.id} still waits, {job.state}: {job.reason}" for job in self.jobs() if job.unfinished]
        wrong += [f"{one} is not deleted" for one in self._delivered() if not self._is_deleted(one)]
        return wrong + [f"{path} was left" for path in self.directory.rglob(f"{TEMPORARY}*")]

    def _is_deleted(self, transcript_id: str | None) -> bool:
        found = self.api.find(transcript_id or "")
        return found is not None and found.deleted

    def _delivered(self) -> set[str | None]:
        return {job.transcript_id for job in self.jobs() if job.state is State.DELIVERED}

    def jobs(self) -> list[Job]:
        """None where the daemon was killed before it had a journal."""
        with contextlib.suppress(errors.TranscribedError):
            return super().jobs()
        return []

    def _files(self, folder: str) -> set[str]:
        return set(self.files(folder))

    def _seen_in_the_outbox(self) -> list[str]:
        return [name for name in self._files("outbox") if not os.path.basename(name).startswith(TEMPORARY)]

    def _hashes(self, folder: str) -> Iterator[str]:
        for name in self._files(folder):
            if not os.path.basename(name).startswith(TEMPORARY) and not name.endswith(".error.txt"):
                yield _hash((self.folders[folder] / name).read_bytes())

    def _names(self, sha: str) -> str:
        names = [
            n for n, data in {**self.dropped, **self.junk}.items() if sha in (_hash(data), self._transcribed(data))
        ]
        return " = ".join(names) or "a stranger"

    def _transcribed(self, data: bytes) -> str:
        """The hash of what is transcribed: of the bytes, or of the address where they are a link."""
        return _hash(self.addresses[data].encode()) if data in self.addresses else _hash(data)

    def _is_whole(self, name: str) -> bool:
        """True if it holds all the words of the recording that it is named after, and only those."""
        stem, suffix = os.path.splitext(name)
        stem = re.sub(r" \(\d+\)$", "", stem)
        data = self.dropped.get(f"{stem}.mp3", self.dropped.get(f"{stem}.url"))
        lines = (self.folders["outbox"] / name).read_text().splitlines()
        if suffix == ".srt":
            lines = [line for line in lines if "-->" not in line and not line.isdigit()]
        said = " ".join(" ".join(lines).split())
        return data is not None and said == " ".join(word["text"] for word in words_of(self._transcribed(data)))

    # What is done to it.

    def finish(self) -> list[str]:
        """Let the daemon come to an end in peace; what is wrong then."""
        self.api.clear()
        self.api.release()
        for _ in range(3):
            self.start("--once")
            status = self.wait(LONGEST_WAIT_SECONDS)
            if status in (0, 1):
                return self.broken() + self.unfinished()
        return [f"`run --once` still ends with {status}", *self.broken(), *self.unfinished()]

    def lives(self, seconds: float) -> bool:
        """True if the daemon is still there after so long."""
        assert self.process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=seconds)
        return self.process.poll() is None

    def told(self, calls: Sequence[str], slow_seconds: float) -> IO[bytes]:
        """Start `run --once` under strace; what it says, each call as soon as it waits to begin, for so long."""
        named = ",".join(calls)
        slow = f"inject={named}:delay_enter={slow_seconds * 1e6:.0f}"
        self.trace, self.strace_arguments = Path("/dev/stdout"), ["-y", "-s", "0", "-e", f"trace={named}", "-e", slow]
        self.start("--once")
        self.strace_arguments = []
        assert self.strace is not None
        assert self.strace.stdout is not None
        return self.strace.stdout


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
