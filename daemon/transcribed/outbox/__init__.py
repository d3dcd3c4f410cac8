"""A file appears whole, or not at all; and nothing that the daemon did not write is ever replaced.

Everything is written under a temporary name in its own folder, made durable, and renamed to a name that is free.
Folders are walked from the root by descriptor and never through a symbolic link. A file has the mode and
the group that it is to have before it has its name. Errors of the system come out as OSError: the caller knows whose
lane they block. This package knows no job and no inbox.
"""

from transcribed.outbox.access import Access
from transcribed.outbox.files import (
    TEMPORARY,
    NameTaken,
    make_folder,
    move,
    probe_write,
    publish,
    publish_copy,
    remove,
    replace,
    replacing,
    sweep,
)
from transcribed.outbox.names import folded, free_number, numbered, output_name, portable

__all__ = [
    "TEMPORARY",
    "Access",
    "NameTaken",
    "folded",
    "free_number",
    "make_folder",
    "move",
    "numbered",
    "output_name",
    "portable",
    "probe_write",
    "publish",
    "publish_copy",
    "remove",
    "replace",
    "replacing",
    "sweep",
]
