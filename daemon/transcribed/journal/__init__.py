"""All that the state directory remembers: every job, everything that happened to it, and the kept transcripts.

One process writes, by a lock on the state directory; others only read. A damaged journal is set aside, never deleted.
"""

from typing import TYPE_CHECKING

from transcribed import loading

if TYPE_CHECKING:
    from transcribed.journal.changes import Change, Happening
    from transcribed.journal.costs import Bill, Payment, QuestionBill, day_begin, month_begin
    from transcribed.journal.days import DAY_SECONDS, Day
    from transcribed.journal.file import Lock
    from transcribed.journal.questions import Question
    from transcribed.journal.reading import VERSION
    from transcribed.journal.rebuilding import rebuild, unaccepted
    from transcribed.journal.store import Journal
    from transcribed.journal.transcripts import AUDIO, Transcripts
else:
    __getattr__ = loading.on_demand(
        __name__,
        {
            "changes": ("Change", "Happening"),
            "costs": ("Bill", "Payment", "QuestionBill", "day_begin", "month_begin"),
            "days": ("DAY_SECONDS", "Day"),
            "file": ("Lock",),
            "questions": ("Question",),
            "reading": ("VERSION",),
            "rebuilding": ("rebuild", "unaccepted"),
            "store": ("Journal",),
            "transcripts": ("AUDIO", "Transcripts"),
        },
    )

__all__ = [
    "AUDIO",
    "DAY_SECONDS",
    "VERSION",
    "Bill",
    "Change",
    "Day",
    "Happening",
    "Journal",
    "Lock",
    "Payment",
    "Question",
    "QuestionBill",
    "Transcripts",
    "day_begin",
    "month_begin",
    "rebuild",
    "unaccepted",
]
