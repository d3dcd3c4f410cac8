"""Every job and everything that happened to it, durably, in SQLite.

One process writes, by a lock on the state directory; others only read. A damaged journal is set aside, never deleted.
"""

from transcribed.journal.file import VERSION
from transcribed.journal.store import Journal

__all__ = ["VERSION", "Journal"]
