"""The carrying out of orders, which people drop into a folder of the state directory (`dropped`).

Whatever else lies there, be it an order of another version, is not obeyed and not deleted: it is set aside beside the
folder, and said.
"""

import contextlib
import functools
import itertools
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import structlog

from transcribed import errors, files
from transcribed.job import IllegalEvent, State, resumption, shown
from transcribed.job.events import Cancelled
from transcribed.worker.background import Background
from transcribed.worker.book import Book
from transcribed.worker.dispatch import Dispatch
from transcribed.worker.dropped import ORDERS, PRIVATE, numbers, waiting
from transcribed.worker.holds import Holds
from transcribed.worker.intake.arrivals import Arrivals
from transcribed.worker.messages import OrdersListed, QuestionStepEnded, ShareOrderEnded
from transcribed.worker.plan import Clock, Plan
from transcribed.worker.share_orders import ShareOrders

log = structlog.get_logger()

RETRIED_AT_ONCE = 500
LATEST = 253_402_300_799.0  # the last second that has a date of four digits
SCAN_SECONDS = 10.0  # where no event tells that an order has come


_SHOWN = 5  # of the jobs that a line of the log names
ASIDE = b".aside"  # what is added to the folder's name for what was not understood
_NOT_OBEYED = "order it again with the command line of the daemon's version; nothing was done"


class _Refusals:
    """The jobs of one order that it cannot be carried out for: told in one line, however many they are."""

    def __init__(self) -> None:
        self._count = 0
        self._first: dict[int, str] = {}  # why not, by the number of the job

    def add(self, number: int, why_not: str) -> None:
        """Count a job; an empty reason is no refusal."""
        if why_not:
            self._count += 1
            if len(self._first) < _SHOWN:
                self._first[number] = why_not

    def tell(self) -> None:
        """Log the count, and the first few with the reason of each."""
        if self._count:
            reason = "; ".join(f"job {number}: {why_not}" for number, why_not in self._first.items())
            log.warning("order.refused", count=self._count, jobs=list(self._first), reason=reason)


class Orders:
    """The folder of orders, and the carrying out of each. Listing and removing are done on the state's thread."""

    def __init__(
        self,
        directory: str,
        book: Book,
        dispatch: Dispatch,
        background: Background,
        clock: Clock,
        holds: Holds,
        *,
        share: ShareOrders,
    ) -> None:
        self.directory = os.fsencode(directory)  #: of the state
        self.folder = os.path.join(self.directory, ORDERS.encode())
        with contextlib.suppress(OSError):  # a disk that is full now; each look tries again
            files.make_folder(self.folder, access=PRIVATE)
        self.look_at = clock.monotonic()
        self._book = book
        self._dispatch = dispatch
        self._background = background
        self._clock = clock
        self._holds = holds
        self._resume = holds.resume_lane
        self.questions = share.questions
        self._search, self._share = share.search, share
        self._said: set[bytes] = set()  # the names of which it was said that they cannot be opened, or are no orders
        self._left: dict[bytes, tuple[Iterator[int], _Refusals]] = {}  # what an order is still to retry, by its name
        self._obeyed: set[bytes] = set()  # the orders that are removed once what they changed is written
        self._removed: set[bytes] = set()  # those that a listing may still show

    def look_soon(self) -> None:
        """Something may have been ordered."""
        self.look_at = self._clock.monotonic()

    def next_at(self) -> float:
        """The time of what is due next (monotonic)."""
        asked_at = self.questions.next_at()
        own_at = min(self.look_at, self._share.next_at())
        return own_at if asked_at is None else min(own_at, asked_at)

    def is_busy(self) -> bool:
        """True while a question, or an order at the share, is at work, or could be now."""
        return self.questions.is_busy() or self._share.is_busy()

    def heard(
        self, message: OrdersListed | QuestionStepEnded | ShareOrderEnded, inboxes: Mapping[str, Arrivals]
    ) -> None:
        """The orders were listed, or a step of one has ended. Raises Blocked(state)."""
        if isinstance(message, QuestionStepEnded):
            self.questions.heard(message)
            self._share.question_changed(inboxes)
        elif isinstance(message, ShareOrderEnded):
            self._share.heard(message, inboxes)
        else:
            self.obey(message, inboxes)

    def look_if_due(self, plan: Plan, inboxes: Mapping[str, Arrivals]) -> None:
        """Begin a look where it is time for one, a question, and orders at the share. Raises Blocked(state)."""
        self._share.look_if_due(inboxes)
        self.questions.look_if_due(plan, inboxes)
        if self._clock.monotonic() >= self.look_at:
            self.look_at = self._clock.monotonic() + SCAN_SECONDS
            look = functools.partial(waiting, self.folder)
            self._background.ask(self._background.state, look, OrdersListed, doing="reading orders")

    def obey(self, message: OrdersListed, inboxes: Mapping[str, Arrivals]) -> None:
        """Carry out each order. It is removed by `go`: carried out twice, an order does no more than once.

        A retry of a job that is just being put away stays in the folder, and is carried out at the next look. So is the
        acceptance of an inbox of which nobody knows yet what lies in it. What cannot be listed is told by the lane
        `state`, whose disk it is.
        """
        listed = dict(message.outcome.result or ())
        self._removed &= listed.keys()
        for name, order in listed.items():
            if not order:
                self._leave_alone(name, is_unread=order is None)
                continue
            if self._is_early(order, inboxes):
                continue
            if name in self._removed or self._obey(name, order, inboxes):
                self._obeyed.add(name)
            else:
                self.look_soon()

    def go(self) -> None:
        """Remove the orders that were carried out: what they changed is written."""
        self.questions.go()
        obeyed, self._obeyed = self._obeyed, set()
        self._removed |= obeyed
        for name in sorted(obeyed):
            remove = functools.partial(_remove, os.path.join(self.folder, name))
            self._background.do(self._background.state, remove, doing="removing an order")

    def let_go(self) -> None:
        """Let each order be carried out again from its beginning: what they changed could not be written."""
        self._obeyed, self._left = set(), {}
        self.questions.let_go()

    def _leave_alone(self, name: bytes, *, is_unread: bool) -> None:
        """Say once that an order cannot be opened and waits, or that a file is no order and is set aside."""
        path = shown(os.path.join(self.folder, name))
        if name not in self._said and is_unread:
            log.warning("order.unreadable", file=path, hint="let the daemon's user read it, or remove it")
        elif name not in self._said:
            log.warning("order.unknown", file=path, set_aside=shown(self.folder + ASIDE), hint=_NOT_OBEYED)
        self._said.add(name)
        if not is_unread:
            aside = functools.partial(_set_aside, self.folder, name)
            self._background.do(self._background.state, aside, doing="setting aside what is no order")

    def _obey(self, name: bytes, order: Mapping[str, Any], inboxes: Mapping[str, Arrivals]) -> bool:
        """Carry an order out; False where more of it is left for the next look."""
        wanted = order["order"]
        if name not in self._left:
            named = numbers(order)
            log.info("order.taken", order=wanted, count=len(named), jobs=named[:_SHOWN])
        match wanted:
            case "retry":
                return self._retry_some(name, order)
            case "cancel":
                self._cancel_each(numbers(order))
            case "accept":
                self._accept(order, inboxes)
            case "scan":
                for inbox in inboxes.values():
                    inbox.look_soon(whole=True)
            case "understand":
                self.questions.asked(numbers(order), order)
            case "corrected":
                self._corrected(numbers(order))
            case "pause" | "resume":
                self._pause_or_resume(order, inboxes)
        return True

    def _is_early(self, order: Mapping[str, Any], inboxes: Mapping[str, Arrivals]) -> bool:
        """True if this order is to wait for the next look."""
        match order.get("order"), order.get("inbox"):
            case "retry", _:
                return self._is_being_put_away(order)
            case "accept", str(name) if "limits" not in order and "model" not in order:
                return name in inboxes and inboxes[name].acceptance.is_early()
        return False

    def _corrected(self, named: Iterable[int]) -> None:
        """A person corrected words of these jobs' transcripts: they are searched as they are now."""
        for job in filter(None, map(self._book.job, named)):
            if job.transcript_id is not None:
                self._search.corrected(job.transcript_id)

    def _pause_or_resume(self, order: Mapping[str, Any], inboxes: Mapping[str, Arrivals]) -> None:
        """A person holds up all uploads and submits, or an inbox's, or lets them go on. Raises Blocked(state)."""
        inbox, until = order.get("inbox"), order.get("until")
        if inbox is not None and (not isinstance(inbox, str) or inbox not in inboxes):
            log.warning("order.refused", reason="there is no such inbox")
        elif order["order"] == "resume":
            self._holds.resume(inbox)
        elif until is None or (type(until) in (int, float) and 0 < until < LATEST):
            self._holds.pause(inbox, until)
        else:
            log.warning("order.refused", reason="the end of the pause is no time")

    def _accept_loss(self) -> None:
        """A person has said that what a lost journal may not know may be paid for again. Raises Blocked(state)."""
        self._book.journal.accept_loss()
        self._resume(errors.SUBMIT)

    def _accept(self, order: Mapping[str, Any], inboxes: Mapping[str, Arrivals]) -> None:
        """A person accepts folders, a loss, a limit, a model, or what was found in an inbox. Raises Blocked(state)."""
        if "folders" in order:
            self._accept_folders(order["folders"], inboxes)
        elif order.get("loss") is True:
            self._accept_loss()
        elif order.get("limits") is True:
            if not self._holds.spending.let(order.get("inbox")):
                log.warning("order.refused", reason="no limit is reached")
        elif order.get("model") is True:
            if not self._holds.models.let(order.get("inbox")):
                log.warning("order.refused", reason="no new model waits to be accepted")
        else:
            self._accept_backlogs(order, inboxes)

    def _accept_backlogs(self, order: Mapping[str, Any], inboxes: Mapping[str, Arrivals]) -> None:
        """A person has said that what was found in an inbox may be paid for, as it was told. Raises Blocked(state).

        An order of an older version names no inbox: it is about all that wait for such a word now.
        """
        named = order.get("inbox")
        if named is None:
            meant = [inbox for inbox in inboxes.values() if inbox.acceptance.backlog is not None]
        else:
            meant = [inbox for inbox in inboxes.values() if inbox.route.name == named]
        if not meant:
            log.warning("order.refused", reason="nothing waits to be accepted")
        for inbox in meant:
            if why_not := inbox.accept(order):
                log.warning("order.refused", inbox=inbox.route.name, reason=why_not)
            else:
                self._resume(inbox.route.backlog_lane)

    def _accept_folders(self, name: object, inboxes: Mapping[str, Arrivals]) -> None:
        inbox = inboxes.get(name) if isinstance(name, str) else None
        if inbox is None:
            log.warning("order.refused", reason="there is no such inbox")
            return
        inbox.take_folders_as_they_are()
        self._resume(inbox.route.lane)

    def _retry_some(self, name: bytes, order: Mapping[str, Any]) -> bool:
        """Try again some of the jobs of an order, so that no pass of the loop is long; False where more are left."""
        left, refusals = self._left.pop(name) if name in self._left else (self._to_retry(order), _Refusals())
        some = list(itertools.islice(left, RETRIED_AT_ONCE))
        for number in some:
            refusals.add(number, self._retry(number, pay_again=order.get("pay_again") is True))
        if len(some) < RETRIED_AT_ONCE:
            refusals.tell()
            return True
        self._left[name] = left, refusals
        return False

    def _to_retry(self, order: Mapping[str, Any]) -> Iterator[int]:
        """The jobs that an order names, then all that failed, oldest first: each once, whatever becomes of it."""
        failed = (job.id for job in self._book.journal.each(State.FAILED)) if order.get("failed") is True else ()
        return itertools.chain(dict.fromkeys(numbers(order)), failed)

    def _is_being_put_away(self, order: Mapping[str, Any]) -> bool:
        """True if one of these failed jobs is in a step, or was when the process died: its recording may have moved."""
        named, in_flight = set(numbers(order)), self._dispatch.in_flight
        failed = [job for job in self._book.failed() if order.get("failed") is True or job.id in named]
        return any(job.id in in_flight or job.deaths > 0 for job in failed)

    def _retry(self, number: int, *, pay_again: bool) -> str:
        """Try a job again; the reason where it cannot be, else empty."""
        job = self._book.job(number)
        if job is None:
            return "there is no such job"
        try:
            self._book.record(job, resumption(job, self._book.now(), pay_again=pay_again))
        except IllegalEvent:
            return f"it is {job.state}, not failed or cancelled"
        return ""

    def _cancel_each(self, named: Iterable[int]) -> None:
        refusals = _Refusals()
        for number in named:
            refusals.add(number, self._cancel(number))
        refusals.tell()

    def _cancel(self, number: int) -> str:
        """Cancel a job; the reason where it cannot be, else empty."""
        job = self._book.unfinished.get(number)
        if job is None or not job.unpaid or self._book.is_held(number):
            return "it was submitted, and perhaps paid for, or is at its end"
        self._book.record(job, Cancelled("cancelled by a person's order"))
        return ""


def _set_aside(folder: bytes, name: bytes) -> None:
    """Move what is no order beside the folder of orders; what cannot be moved stays, and does no harm."""
    aside = folder + ASIDE
    with contextlib.suppress(OSError, files.NameTaken), files.opened_as_named(folder) as orders:
        files.make_folder(aside, access=PRIVATE)
        target = os.path.join(aside, b"%b-%b" % (secrets.token_hex(4).encode(), name[:200]))
        files.move(orders.descriptor, name, target, root=aside)


def _remove(path: bytes) -> None:
    with contextlib.suppress(OSError):  # it is listed again, and does no harm
        files.forget(path)
