"""The exit status of `run --once`."""

from collections.abc import Collection

from transcribed import errors
from transcribed.worker.book import Book
from transcribed.worker.intake.arrivals import Arrivals
from transcribed.worker.lanes import Lanes


def verdict(lanes: Lanes, inboxes: Collection[Arrivals], book: Book) -> int:
    """0 where all is delivered, 1 where some failed, else that of what is blocked."""
    if blocked := [lane for lane in lanes.all() if errors.holds_up(lane.name)]:
        return blocked[0].exit_status
    if book.unfinished or any(inbox.leaves_files() for inbox in inboxes):
        return errors.Exit.AGAIN
    return errors.Exit.FAILED if book.failures else errors.Exit.DONE
