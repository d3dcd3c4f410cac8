"""The ground floor: everything that opens, writes or renames a file.

A file that a stranger may have put there is opened in one safe way (`opening`). A file of ours appears whole, or not at
all, and nothing that the daemon did not write is ever replaced (`durable`): it is written under a temporary name in its
own folder, made durable, and renamed to a name that is free. A file has its mode and group before it has its name.
Errors of the system come out as OSError: the caller knows whose lane they block.
"""

from transcribed.files.access import Access
from transcribed.files.apart import is_entangled, place_of
from transcribed.files.consents import is_consent
from transcribed.files.durable import (
    NameTaken,
    make_folder,
    move,
    probe_time,
    probe_write,
    publish,
    publish_copy,
    publish_each,
    remove,
    replace,
    replace_each,
    replacing,
)
from transcribed.files.hashes import Hashes
from transcribed.files.hidden import TEMPORARY, leaves_for, leaving_name
from transcribed.files.lease import Writing, may_ask_in, may_ask_of_all, writing
from transcribed.files.lines import Lines
from transcribed.files.marks import Mark
from transcribed.files.names import MANY_NUMBERS, folded, free_number, numbered, output_name, portable
from transcribed.files.opening import (
    NotRegular,
    descend,
    forget,
    fsync_folder,
    make_folders,
    make_private_file,
    open_folder,
    open_regular,
    opened_root,
    read_regular,
    remove_folder,
    touch,
)
from transcribed.files.rename import Way
from transcribed.files.renewing import renew
from transcribed.files.root import Root, opened, opened_as_named
from transcribed.files.statx import Status, is_asked, status_as_listed, status_of, status_of_open
from transcribed.files.sweeping import sweep
from transcribed.files.twins import Twins

__all__ = [
    "MANY_NUMBERS",
    "TEMPORARY",
    "Access",
    "Hashes",
    "Lines",
    "Mark",
    "NameTaken",
    "NotRegular",
    "Root",
    "Status",
    "Twins",
    "Way",
    "Writing",
    "descend",
    "folded",
    "forget",
    "free_number",
    "fsync_folder",
    "is_asked",
    "is_consent",
    "is_entangled",
    "leaves_for",
    "leaving_name",
    "make_folder",
    "make_folders",
    "make_private_file",
    "may_ask_in",
    "may_ask_of_all",
    "move",
    "numbered",
    "open_folder",
    "open_regular",
    "opened",
    "opened_as_named",
    "opened_root",
    "output_name",
    "place_of",
    "portable",
    "probe_time",
    "probe_write",
    "publish",
    "publish_copy",
    "publish_each",
    "read_regular",
    "remove",
    "remove_folder",
    "renew",
    "replace",
    "replace_each",
    "replacing",
    "status_as_listed",
    "status_of",
    "status_of_open",
    "sweep",
    "touch",
    "writing",
]
