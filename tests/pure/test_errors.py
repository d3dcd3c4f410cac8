"""An error of the system, told for what it is: by the kind of file system that it was met on."""

import errno
import os

import pytest

from transcribed.errors import Blocked, Transient, from_os_error
from transcribed.folders import Mount


def told(number: int, share: str = "") -> Blocked:
    error = from_os_error(OSError(number, os.strerror(number)), lane="inbox:talks", doing="opening it", share=share)
    assert isinstance(error, Blocked)
    return error


@pytest.mark.parametrize(
    ("share", "number", "said", "fix"),
    [
        ("", errno.EACCES, "permission is denied", "give the daemon's user access to the folder"),
        ("nfs4", errno.EACCES, "the file server refuses access (nfs4)", "let the server export the folder to this"),
        ("nfs", errno.EACCES, "the file server refuses access (nfs)", "let the server export the folder to this"),
        ("cifs", errno.EACCES, "the file server refuses access (cifs)", "let the user of the mount use the share"),
        ("fuse.sshfs", errno.EACCES, "the mount refuses access (fuse.sshfs)", "mount it with allow_other"),
        ("ceph", errno.EACCES, "the file server refuses access (ceph)", "let its server and the mount give"),
        ("", errno.EIO, "the disk or the share reports an input/output error", "check the disk and the mount"),
        ("nfs", errno.EIO, "the file server gives no answer, or reports an input/output error (nfs)", "start it"),
        ("cifs", errno.ETIMEDOUT, "the file server gives no answer (cifs)", "start it, or check the network"),
        ("fuse.rclone", errno.EIO, "the share reports an input/output error (fuse.rclone)", "look at the log of"),
        ("fuse.sshfs", errno.ENOTCONN, "the program that mounted the share has ended (fuse.sshfs)", "mount it again"),
        ("nfs4", errno.ESTALE, "the folder is no longer the one that the file server exported (nfs4)", "look at what"),
        ("cifs", errno.EHOSTDOWN, "the file server is down", "start it, or wait"),
        ("nfs4", errno.ENOSPC, "the file server's disk is full (nfs4)", "free some space there"),
        ("cifs", errno.ENOSPC, "the file server's disk is full, or a quota there is used up (cifs)", "free some space"),
        ("nfs", errno.EROFS, "the share is read-only (nfs)", "let the server export it for writing"),
        ("cifs", errno.EROFS, "the share is read-only (cifs)", "let the server share it for writing"),
    ],
)
def test_an_error_on_a_share_is_told_with_the_fix_for_its_kind(share: str, number: int, said: str, fix: str) -> None:
    error = told(number, share)

    assert error.message == f"opening it: {said}"
    assert error.hint.startswith(fix)
    assert error.exit_status == (77 if number == errno.EACCES else 69)


def test_no_error_that_is_the_share_s_says_that_a_disk_of_this_machine_is_at_fault() -> None:
    for share in ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p"):
        for number in (errno.EACCES, errno.EIO):
            assert "disk or the share" not in told(number, share).message
            assert told(number, share).hint != told(number).hint


def test_an_error_that_is_of_no_file_system_is_tried_again_whatever_the_share() -> None:
    error = from_os_error(OSError(errno.EINVAL, "Invalid argument"), lane="x", doing="opening it", share="nfs4")
    assert isinstance(error, Transient)


@pytest.mark.parametrize(
    ("kind", "share"),
    [(b"ext4", ""), (b"unknown", ""), (b"nfs4", "nfs4"), (b"fuse.sshfs", "fuse.sshfs"), (b"overlay", "")],
)
def test_only_what_is_surely_not_of_this_machine_is_a_share(kind: bytes, share: str) -> None:
    assert Mount(b"0:1", b"/srv", kind).share == share
