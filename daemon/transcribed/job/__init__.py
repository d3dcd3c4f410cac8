"""A job (one recording's way through) and the only rules by which it may change.

Rule 1: everything that changes a job is an event, and every pair of state and event that may happen is in one table.
Rule 2: a state is the last durable fact. Nothing says "in progress", and waiting is a time (`due_at`).
Rule 3: nothing here reads a clock, a file or a random number; `now` is an argument, in seconds since the epoch.
"""

from transcribed.job.account import (
    HERE,
    LOCAL,
    Account,
    checked_base_url,
    checked_key,
    is_free,
    is_inside,
    is_loopback,
)
from transcribed.job.model import ENDED, HARMLESS, Fingerprint, Job, Rules, State, Step
from transcribed.job.names import LINKS, is_link, printable, shown
from transcribed.job.prices import Prices, Sum
from transcribed.job.rules import (
    DEATHS,
    ROUNDS,
    TRANSITIONS,
    UPLOAD_LIFE_SECONDS,
    IllegalEvent,
    after,
    bounded,
    canonical,
    is_suspect,
    resumption,
    target,
)
from transcribed.job.settings import NOT_SHOWN, SECRET, Settings, settings_from_json, without_secret

__all__ = [
    "DEATHS",
    "ENDED",
    "HARMLESS",
    "HERE",
    "LINKS",
    "LOCAL",
    "NOT_SHOWN",
    "ROUNDS",
    "SECRET",
    "TRANSITIONS",
    "UPLOAD_LIFE_SECONDS",
    "Account",
    "Fingerprint",
    "IllegalEvent",
    "Job",
    "Prices",
    "Rules",
    "Settings",
    "State",
    "Step",
    "Sum",
    "after",
    "bounded",
    "canonical",
    "checked_base_url",
    "checked_key",
    "is_free",
    "is_inside",
    "is_link",
    "is_loopback",
    "is_suspect",
    "printable",
    "resumption",
    "settings_from_json",
    "shown",
    "target",
    "without_secret",
]
