"""A daemon as it is installed, the API's stand-in, and the places of all rows; the desk at which one case is tried."""

import contextlib
import hashlib
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from clients import recordings
from clients.judge import Evidence, Taken, Wish
from clients.rows import Place, Row, files
from clients.senders import Client, Command
from clients.transfer import Transfer
from daemon_process import Daemon
from fake_account import words_of
from fake_assemblyai import FakeAssemblyAI
from transcribed.job import Job, State
from waiting import wait_for

PROCESSING_SECONDS = 4.0
PATIENCE_SECONDS = 150.0  #: with what was sent whole, while no more of it comes into the archive
END_SECONDS = 30.0  #: for what a mount writes back late, and for the ends of jobs
_FOLDERS = {"path": "inbox", "outbox": "outbox", "archive": "archive", "failed": "failed"}


class Trial:
    """One daemon with an inbox for each row. Nothing of it is left when it is closed."""

    def __init__(self, rows: Sequence[Row], *, settle_seconds: float = 5.0) -> None:
        self._settle_seconds = settle_seconds
        self.rows = rows
        self.known: set[str] = set()  #: the contents that were ever sent whole
        self.places: list[Place] = []
        self._transfers: list[Transfer] = []
        self._is_over = False
        self._up = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as up:
            self.home = Path(up.enter_context(tempfile.TemporaryDirectory(prefix="clients-")))
            self.home.chmod(0o755)
            self.api = up.enter_context(FakeAssemblyAI(processing_seconds=PROCESSING_SECONDS))
            self.api.duration_of = lambda upload: upload.size / recordings.BYTES_A_SECOND
            self.places = [up.enter_context(self._made(row)) for row in self.rows]
            self.daemon = up.enter_context(self._daemon())
            self.daemon.start()
            wait_for(self.daemon.status, "the daemon's first status")
            self._up = up.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        for transfer in self._transfers:  # also those that are stopped just now
            transfer.cut()
        self._up.close()

    def _made(self, row: Row) -> contextlib.AbstractContextManager[Place]:
        top = self._home_of(row) / "top"
        for name in _FOLDERS.values():
            (top / name).mkdir(parents=True)
        return row.make(self._home_of(row) / "servers", top)

    def _home_of(self, row: Row) -> Path:
        return self.home / f"row-{self.rows.index(row)}"

    def _daemon(self) -> Daemon:
        daemon = Daemon(self.home / "daemon", self.api.base_url)
        daemon.is_cold = True
        del daemon.config["api"]["poll_seconds"], daemon.config["api"]["reconcile_seconds"]
        daemon.config["inbox"] = [
            {"name": f"row-{n}", "settle_seconds": self._settle_seconds}
            | {key: str(place.seen / folder) for key, folder in _FOLDERS.items()}
            for n, place in enumerate(self.places)
        ]
        return daemon

    def desk(self, row: Row) -> "Desk":
        """The desk for one case of a row."""
        place = self.places[self.rows.index(row)]
        (sources := self._home_of(row) / "sources").mkdir(exist_ok=True)
        return Desk(self, row, place, sources, self._home_of(row) / "clients.log")

    def send(self, command: Command, log: Path, place: Place) -> Transfer:
        """A client at work, which does not outlive the trial."""
        assert not self._is_over, "the trial is over"
        self._transfers.append(Transfer(command, log, place.sleeper))
        return self._transfers[-1]

    def restart(self, number: signal.Signals) -> None:
        """The daemon ends by this signal, and is started again."""
        self.daemon.signal(number)
        self.daemon.wait()
        (self.daemon.state / "status.json").unlink(missing_ok=True)
        self.daemon.start()
        wait_for(self.daemon.status, "the daemon's next status")

    def evidence(self) -> dict[Row, Evidence]:
        """All that is seen from outside, now."""
        paid, jobs = self.api.paid(), self.daemon.jobs()
        return {
            row: Evidence(
                self.known,
                paid,
                [_taken(job) for job in jobs if job.inbox == f"row-{n}"],
                self.places[n].archived(),
                [name for name in files(self.places[n].top / "failed") if not name.endswith(".error.txt")],
                [name for name in files(self.places[n].top / "outbox") if name.endswith(".note.txt")],
            )
            for n, row in enumerate(self.rows)
        }

    def audit(self) -> list[str]:
        """All that is wrong in the end, over all inboxes, whoever sent it; what is about to end is waited for."""
        waited_out(lambda: [*self._wrong()], END_SECONDS)
        return [*self._wrong()]

    def _wrong(self) -> Iterator[str]:
        paid = self.api.paid()
        yield from (f"{content[:8]} was paid for {n} times" for content, n in paid.items() if n > 1)
        for row, place in zip(self.rows, self.places, strict=True):
            for name, content in place.archived().items():
                if content not in paid:
                    yield f"{row.name}: archive/{name} was never transcribed as it is"
                elif not _fits(place.top / "outbox" / (os.path.splitext(name)[0] + ".txt"), content):
                    yield f"{row.name}: the text of archive/{name} is of another content"
            yield from (f"{row.name}: failed/{name}" for name in files(place.top / "failed"))
        yield from (f"job {j.id} still waits, {j.path!r}: {j.reason}" for j in self.daemon.jobs() if j.unfinished)
        for row, inbox in zip(self.rows, self.daemon.status()["inboxes"], strict=True):
            yield from (f"{row.name}: {file['file']} is not taken: {file['why']}" for file in inbox["unsettled"])
        yield from (f"{lane['lane']} is blocked: {lane}" for lane in self.daemon.status().get("blocked", []))


def _taken(job: Job) -> Taken:
    return Taken(os.fsdecode(job.path), job.content_hash, job.state is State.FAILED)


def _fits(text: Path, content: str) -> bool:
    """True if the words are those that are heard in this content."""
    heard = " ".join(word["text"] for word in words_of(content))
    return text.exists() and heard in " ".join(text.read_text().split())


class InVainError(Exception):
    """What a case waited for did not come."""


@dataclass(frozen=True)
class Recording:
    path: Path
    content: str  #: its SHA-256


@dataclass
class Desk:
    """One case of one row: what it does, what it wishes, and what it waited for."""

    trial: Trial
    row: Row
    place: Place
    sources: Path
    log: Path
    wishes: list[Wish] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    is_in_vain: bool = False  #: what it waited for did not come in time, so the rest of the case was not tried

    @property
    def client(self) -> Client:
        return self.place.client

    def recording(
        self, name: str, size: int = 20_000, make: Callable[[str, int], bytes] = recordings.streamed
    ) -> Recording:
        data = make(f"{self.row.name}/{name}", size)
        path = self.sources / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        content = hashlib.sha256(data).hexdigest()
        self.trial.known.add(content)
        return Recording(path, content)

    def send(self, command: Command) -> Transfer:
        return self.trial.send(command, self.log, self.place)

    def run(self, command: Command) -> None:
        self.ended(self.send(command))

    def ended(self, transfer: Transfer) -> None:
        self.statuses.append(transfer.wait())

    def sees(self, name: str, size: int = 0) -> bool:
        """True if something of this name lies in the inbox, also with a temporary name, of at least so many bytes."""
        with contextlib.suppress(FileNotFoundError), os.scandir(self.place.top / "inbox") as entries:
            return any(name in entry.name and entry.stat().st_size >= size for entry in entries)
        return False

    def is_submitted(self, recording: Recording) -> bool:
        return recording.content in self.trial.api.paid()

    def expect(self, wish: Wish, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until it is fulfilled, and note how long that took; where no more of it comes, nothing more is tried."""
        began = time.monotonic()
        self.wishes.append(wish)
        came = waited_out(lambda: self._missing(wish), patience_seconds)
        self.seconds.append(time.monotonic() - began)
        if not came:
            raise InVainError

    def _missing(self, wish: Wish) -> set[str]:
        """The contents that are not transcribed; once all are, those that are not in the archive as they should be."""
        wanted = {*wish.wanted}
        return wanted - self.trial.api.paid().keys() or (
            wanted - {*self.place.archived().values()} if wish.is_archived else set()
        )


def waited(condition: Callable[[], object], seconds: float) -> bool:
    """True once it holds, looked at twice a second; False after so many seconds."""
    return waited_out(lambda: not condition(), seconds)


def waited_out(left: Callable[[], object], seconds: float) -> bool:
    """True once nothing is left, looked at twice a second; False after so many seconds in which the same was left."""
    deadline, before = 0.0, None
    while now := left():
        if now != before:
            deadline, before = time.monotonic() + seconds, now
        elif time.monotonic() > deadline:
            return False
        pause(0.5)
    return True


def pause(seconds: float) -> None:
    threading.Event().wait(seconds)
