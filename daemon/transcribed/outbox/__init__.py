"""A file appears whole, or not at all; and nothing that the daemon did not write is ever replaced.

Everything is written under a temporary name in its own folder, made durable, and renamed to a name that is free.
Folders are walked from the root by descriptor and never through a symbolic link. A file gets the mode that folder and
umask give it. Errors of the system come out as OSError: the caller knows whose lane they block. This package knows no
job and no inbox.
"""

from transcribed.outbox.files import TEMPORARY, NameTaken, move, probe_write, publish, replace, sweep
from transcribed.outbox.names import free_number, numbered, output_name

__all__ = [
    "TEMPORARY",
    "NameTaken",
    "free_number",
    "move",
    "numbered",
    "output_name",
    "probe_write",
    "publish",
    "replace",
    "sweep",
]
