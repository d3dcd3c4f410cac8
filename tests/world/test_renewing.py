"""A file of ours is replaced while people edit it: whatever they save, and whenever, is there afterwards."""

import hashlib
import os
from collections.abc import Collection
from pathlib import Path

import pytest

from transcribed import files

OURS = {hashlib.sha256(b"ours").hexdigest()}
PLAIN = files.Access()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A rendering as it was published."""
    path = tmp_path / "Talk.txt"
    path.write_bytes(b"ours")
    return path


def renew(path: Path, ours: Collection[str] = OURS) -> None:
    with files.opened(os.fsencode(path.parent)) as root:
        files.renew(os.fsencode(path), b"new", ours, root=root, access=PLAIN)


def everything(path: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in path.parent.iterdir()}


def test_a_file_of_ours_is_replaced_and_nothing_stays_beside_it(path: Path) -> None:
    renew(path)
    assert everything(path) == {"Talk.txt": b"new"}


def test_an_edited_file_keeps_its_name_and_its_bytes(path: Path) -> None:
    path.write_bytes(b"theirs")
    inode = path.stat().st_ino
    with pytest.raises(files.NameTaken):
        renew(path)
    assert everything(path) == {"Talk.txt": b"theirs"}
    assert path.stat().st_ino == inode


def test_a_file_that_somebody_has_open_for_writing_stays(path: Path) -> None:
    with path.open("r+b") as editor:
        with pytest.raises(files.NameTaken):
            renew(path)
        editor.write(b"theirs")
    assert everything(path) == {"Talk.txt": b"theirs"}


def test_a_link_in_its_place_stays(path: Path, tmp_path: Path) -> None:
    path.rename(tmp_path / "other")
    path.symlink_to("other")
    with pytest.raises(OSError, match="symbolic links"):
        renew(path)
    assert path.is_symlink()
    assert (tmp_path / "other").read_bytes() == b"ours"


class Saving(set[str]):
    """The hashes of ours; in the moment in which the old file is looked at, a person saves a new one under its name."""

    path: Path

    def __contains__(self, hash_: object) -> bool:
        self.path.write_bytes(b"just saved")
        return super().__contains__(hash_)


@pytest.mark.parametrize("edited", [False, True])
def test_what_is_saved_while_we_look_stays_and_so_does_what_was_edited_before(path: Path, *, edited: bool) -> None:
    if edited:
        path.write_bytes(b"theirs")
    ours = Saving(OURS)
    ours.path = path
    with pytest.raises(files.NameTaken):
        renew(path, ours)
    assert everything(path) == {"Talk.txt": b"just saved"} | ({"Talk (2).txt": b"theirs"} if edited else {})
