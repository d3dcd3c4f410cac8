"""Folders and files in an inbox that are nobody's recordings: bins, snapshots, and what synchronisers keep."""

import pytest

from transcribed.config.samba import bins_in
from transcribed.inbox import Names


@pytest.mark.parametrize(
    "path",
    [
        *(
            "~snapshot/hourly.0/Talk.mp3",
            "~latest/Talk.mp3",
            "~Talk.mp3",
            "sub/~Talk.mp3",
            "@GMT-2026.01.01-00.00.00/a.mp3",
        ),
        *("Network Trash Folder/a.mp3", "Temporary Items/a.mp3", "RECYCLER/S-1-5/a.mp3", "FOUND.000/a.mp3"),
        *(
            "_gsdata_/_saved_/a.mp3",
            "tmp.drivedownload/a.mp3",
            "_UNPACK_Talks/a.mp3",
            "Recycle Bin/a.mp3",
            "trashbox/a.mp3",
        ),
        *(
            "Recycle Bin/a.mp3",
            ":2e_Talk.mp3",
            ".@__thumb/a.mp3",
            "#recycle/a.mp3",
            "@Recycle/a.mp3",
            "sub/Recycle Bin/deep/a.mp3",
        ),
    ],
)
def test_what_was_deleted_or_is_a_snapshot_is_not_taken(path: str) -> None:
    names, raw = Names(), path.encode()
    assert names.ignored(raw) is not None
    name = raw.rpartition(b"/")[2]
    if "/" not in path:
        assert not names.is_taken(name, raw)


@pytest.mark.parametrize(
    "path",
    [
        *("Talk~.mp3", "Found.mp3", "found.0000/a.mp3", "Recycle Bins/a.mp3", "UNPACK_a/b.mp3", "@home/a.mp3"),
        *("_UNPACK_Talk.mp3", "2026: talk.mp3", "FOUND.000.mp3", "recycler.mp3", "trash.mp3", "Trash talk/a.mp3"),
    ],
)
def test_names_that_only_look_alike_are_taken(path: str) -> None:
    raw = path.encode()
    assert Names().ignored(raw) is None
    assert Names().is_taken(raw.rpartition(b"/")[2], raw)


SMB_CONF = r"""
# the office's shares
[global]
    workgroup = OFFICE
    vfs objects = recycle
    Recycle:Repository = Weg damit/%U

; a share that is the inbox
[Talks]
	path = /srv/audio/inbox
  recycle:repository = Deleted Files
     recycle:keeptree = yes
[shares]
path = /srv/audio
recycle:repository = inbox/\
bin
[people]
   path = /srv/audio/inbox/people
   read only
[homes]
   path = /home/%U
[elsewhere]
   path = /srv/audio/inbox2
"""


def test_samba_s_bins_in_an_inbox_are_read_from_its_configuration() -> None:
    assert bins_in(SMB_CONF, "/srv/audio/inbox") == (b"Deleted Files", b"bin", b"people/Weg damit")
    assert bins_in(SMB_CONF, "/srv/audio/inbox2") == (b"Weg damit",)
    assert bins_in(SMB_CONF, "/srv/other") == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no section = at all\n",
        "[talks]\npath = /srv/in\n",
        "[talks\n= =\n\x00\n",
        "[talks]\npath = /srv/in\nrecycle:repository = %U\n",
        "[talks]\npath = /srv/in\nrecycle:repository =\n",
        "[talks]\npath = /srv/in\nrecycle:repository = ..\n",
        "[talks]\npath = /srv/in\nrecycle:repository = .\n",
        "[talks]\nrecycle:repository = bin\n",
        "[talks]\npath\n[talks]\npath = srv/in\nrecycle:repository = bin\n",
    ],
)
def test_a_configuration_that_names_no_bin_in_the_inbox_names_none(text: str) -> None:
    assert bins_in(text, "/srv/in") == ()


def test_a_recording_in_samba_s_bin_is_not_taken_and_the_rule_says_why() -> None:
    names = Names(bins=(b"people/Weg damit",))
    assert names.ignored(b"people/Weg damit/anna/Talk.mp3") == "samba's recycle bin (recycle:repository)"
    assert names.ignored(b"Weg damit/Talk.mp3") is None
