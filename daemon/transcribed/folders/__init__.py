"""Which folder is it: a share that is away is not an empty folder.

`identity` judges whether a folder is the one that is remembered, by its anchor and its mount. `anchors` looks after the
four folders of an inbox: it makes what is new and missing, and writes the anchors. `owner` says which journal an inbox
belongs to. `mounts` knows the file systems.
"""

from transcribed.folders.anchors import (
    FACTS,
    Anchors,
    Places,
    anchors_in,
    facts_of,
    former_names,
    ground,
    known_as,
    refused,
    strange,
    text_of,
)
from transcribed.folders.identity import ANCHOR, Ground, Identity, anchor_text
from transcribed.folders.mounts import (
    Mount,
    is_local,
    mount_of,
    mount_points,
    mounts_below,
    named_mount,
    passing_points,
    share_at,
    share_of,
)
from transcribed.folders.owner import OWNER, Claim

__all__ = [
    "ANCHOR",
    "FACTS",
    "OWNER",
    "Anchors",
    "Claim",
    "Ground",
    "Identity",
    "Mount",
    "Places",
    "anchor_text",
    "anchors_in",
    "facts_of",
    "former_names",
    "ground",
    "is_local",
    "known_as",
    "mount_of",
    "mount_points",
    "mounts_below",
    "named_mount",
    "passing_points",
    "refused",
    "share_at",
    "share_of",
    "strange",
    "text_of",
]
