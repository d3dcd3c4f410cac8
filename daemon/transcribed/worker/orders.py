"""What a person orders: small files dropped into `commands/` of the state directory, the way mail is delivered.

An order is one JSON object. It is written whole (temporary name, fsync, rename), so it survives a restart and waits
where there is no daemon; the daemon removes it once it is carried out.
"""

import contextlib
import json
import os
import secrets
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import structlog

from transcribed import errors, outbox
from transcribed.job import IllegalEvent, State, resumption
from transcribed.job.events import Cancelled
from transcribed.worker.plan import Clock, Executor, Mailbox, Ordered

if TYPE_CHECKING:
    from transcribed.worker.loop import Worker

log = structlog.get_logger()

ORDERS = "commands"
LARGEST_BYTES = 1 << 20
SCAN_SECONDS = 10.0  # where no event tells that an order has come


def drop(directory: str, order: Mapping[str, Any]) -> bytes:
    """Leave an order for the daemon whose state directory this is; returns its path. Raises OSError."""
    folder = os.path.join(os.fsencode(directory), ORDERS.encode())
    os.makedirs(folder, mode=0o700, exist_ok=True)
    name = f"{time.time():.6f}-{secrets.token_hex(4)}.json"  # in order of time, and nobody else's
    path = os.path.join(folder, name.encode())
    data = json.dumps(order).encode()
    try:
        outbox.publish(path, data, root=folder)
    except FileNotFoundError:  # a daemon that started just now took our temporary for what a crash left
        outbox.publish(path, data, root=folder)
    return path


def waiting(directory: bytes) -> tuple[tuple[bytes, Mapping[str, Any]], ...]:
    """The orders that wait, oldest first; a text that is no order is an empty one. Raises OSError."""
    os.makedirs(directory, mode=0o700, exist_ok=True)
    names = sorted(name for name in os.listdir(directory) if name.endswith(b".json") and not name.startswith(b"."))
    read = ((name, _read(os.path.join(directory, name))) for name in names)
    return tuple((name, order) for name, order in read if order is not None)


def _read(path: bytes) -> Mapping[str, Any] | None:
    """The order in this file; None where it cannot be opened, which must not keep the others waiting."""
    try:
        with open(path, "rb") as file:
            order = json.loads(file.read(LARGEST_BYTES))
    except OSError:
        return None
    except (ValueError, RecursionError):
        return {}
    return order if isinstance(order, dict) else {}


def numbers(order: Mapping[str, Any]) -> list[int]:
    """The jobs that an order names; what is no number of a job is left out."""
    named = order.get("jobs")
    return [n for n in named if type(n) is int and 0 < n < 2**63] if isinstance(named, list) else []  # SQLite's own


class Orders:
    """The folder of orders, and the carrying out of each. Listing and removing are done on `executor`."""

    def __init__(self, directory: str, executor: Executor, mailbox: Mailbox, clock: Clock) -> None:
        self.folder = os.path.join(os.fsencode(directory), ORDERS.encode())
        with contextlib.suppress(OSError):  # a disk that is full now; each look tries again
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
        self.look_at = clock.monotonic()
        self._executor = executor
        self._mailbox = mailbox
        self._clock = clock

    def look_soon(self) -> None:
        """Something may have been ordered."""
        self.look_at = self._clock.monotonic()

    def look_if_due(self) -> None:
        """Begin a look where it is time for one."""
        if self._clock.monotonic() >= self.look_at:
            self.look_at = self._clock.monotonic() + SCAN_SECONDS
            self._executor.submit(self._look)

    def _look(self) -> None:
        try:
            found = waiting(self.folder)
        except OSError:
            return  # the state directory is on this disk: the lane `state` says what is wrong with it
        if found:
            self._mailbox.put(Ordered(found))

    def obey(self, message: Ordered, worker: "Worker") -> None:
        """Carry out each order, and only then remove it: carried out twice, an order does no more than once.

        A retry of a job that is just being put away stays in the folder, and is carried out at the next look.
        """
        for name, order in message.orders:
            if order.get("order") == "retry" and _being_put_away(_to_retry(order, worker), worker):
                continue
            _obey(order, worker)
            path = os.path.join(self.folder, name)
            self._executor.submit(lambda path=path: _remove(path))  # type: ignore[misc]


def _remove(path: bytes) -> None:
    try:
        os.unlink(path)
    except OSError:
        return  # it is listed again, and does no harm


def _obey(order: Mapping[str, Any], worker: "Worker") -> None:
    wanted = order.get("order")
    wanted = wanted if isinstance(wanted, str) else ""  # str() of what is nested as deep as JSON may be can fail
    log.info("order.taken", order=wanted, jobs=numbers(order))
    match wanted:
        case "retry":
            for number in _to_retry(order, worker):
                _retry(number, worker, pay_again=order.get("pay_again") is True)
        case "cancel":
            for number in numbers(order):
                _cancel(number, worker)
        case "accept" if "folders" in order:
            _accept_folders(order["folders"], worker)
        case "accept":
            _accept(worker)
        case "scan":
            for inbox in worker.inboxes.values():
                inbox.look_soon(whole=True)
        case _:
            log.warning("order.unknown", order=wanted)


def _accept(worker: "Worker") -> None:
    """A person has said that what waits for such a word may be paid for. Raises Blocked(state)."""
    if worker.book.journal.loss():
        worker.book.journal.accept_loss()
        worker.resume(errors.SUBMIT)
    for inbox in worker.inboxes.values():
        inbox.accept()
        worker.resume(inbox.route.lane)


def _accept_folders(name: object, worker: "Worker") -> None:
    inbox = worker.inboxes.get(name) if isinstance(name, str) else None
    if inbox is None:
        log.warning("order.refused", reason="there is no such inbox")
        return
    inbox.take_folders_as_they_are()
    worker.resume(inbox.route.lane)


def _to_retry(order: Mapping[str, Any], worker: "Worker") -> list[int]:
    failed = worker.book.journal.all(State.FAILED) if order.get("failed") is True else []
    return list(dict.fromkeys([*numbers(order), *(job.id for job in failed)]))


def _being_put_away(jobs: list[int], worker: "Worker") -> bool:
    """Whether one of these failed jobs is in a step, or was when the process died: its recording may have moved."""
    failed = {job.id: job for job in worker.book.in_state(State.FAILED)}
    return any(
        number in failed and (number in worker.dispatch.in_flight or failed[number].deaths > 0) for number in jobs
    )


def _retry(number: int, worker: "Worker", *, pay_again: bool) -> None:
    job = worker.book.journal.job(number)
    if job is None:
        log.warning("order.refused", job=number, reason="there is no such job")
        return
    try:
        worker.book.record(job, resumption(job, worker.book.now(), pay_again=pay_again))
    except IllegalEvent:
        log.warning("order.refused", job=number, reason=f"it is {job.state}, not failed or cancelled")


def _cancel(number: int, worker: "Worker") -> None:
    job = worker.book.open.get(number)
    if job is None or not job.unpaid:
        log.warning("order.refused", job=number, reason="it was submitted, and perhaps paid for, or is at its end")
        return
    worker.book.record(job, Cancelled("cancelled by a person's order"))
