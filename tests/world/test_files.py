"""The ground floor: a file that a stranger may have put there, and the marks of our own texts."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from transcribed import files
from transcribed.folders.identity import anchor_in, anchor_text
from transcribed.job import Fingerprint, Job, State
from transcribed.worker.people import failure_notes, outbox_notice


def a_link(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))


def a_folder(path: Path) -> None:
    path.mkdir()


STRANGE = pytest.mark.parametrize("make", [a_link, a_pipe, a_socket, a_folder])


@contextmanager
def no_descriptor_is_left_open() -> Iterator[None]:
    before = os.listdir("/proc/self/fd")
    yield
    assert os.listdir("/proc/self/fd") == before


@STRANGE
def test_what_is_not_a_regular_file_is_refused_at_once_and_no_descriptor_is_left(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "it")
    path = os.fsencode(tmp_path / "it")

    with no_descriptor_is_left_open():
        for _ in range(3):
            with pytest.raises(OSError, match=r"regular|symbolic"):
                files.open_regular(path)
        with files.opened(os.fsencode(tmp_path)) as root:
            assert root.holds(path, b"") is False


def test_a_device_is_not_a_regular_file() -> None:
    with no_descriptor_is_left_open(), pytest.raises(files.NotRegular):
        files.read_regular(b"/dev/null", 1)


def test_a_file_is_read_by_its_name_in_an_open_folder_and_no_further_than_asked(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"words")

    with no_descriptor_is_left_open(), files.opened(os.fsencode(tmp_path)) as root:
        assert files.read_regular(b"a", 3, within=root.descriptor) == b"wor"
        assert root.holds(os.fsencode(tmp_path / "a"), b"words")
        assert not root.holds(os.fsencode(tmp_path / "a"), b"wo")
        assert not root.holds(os.fsencode(tmp_path / "a"), b"word s")


def test_the_hash_of_a_file_is_that_of_its_bytes_and_of_none_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")

    (tmp_path / "folder").mkdir()

    with files.opened(os.fsencode(tmp_path)) as root:
        assert root.sha256(os.fsencode(tmp_path / "a")) == (
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        )
        assert root.sha256(os.fsencode(tmp_path / "b")) is None
        assert root.sha256(os.fsencode(tmp_path / "folder")) is None


def test_a_folder_below_a_link_is_not_reached(tmp_path: Path) -> None:
    (tmp_path / "real" / "inner").mkdir(parents=True)
    (tmp_path / "linked").symlink_to("real")

    with files.opened_root(os.fsencode(tmp_path)) as root:
        os.close(files.descend(root, [b"real", b"inner"]))
        with pytest.raises(OSError, match=r"Not a directory|symbolic"):
            files.descend(root, [b"linked", b"inner"])


def test_folders_are_made_once_with_their_mode_and_a_file_of_ours_is_forgotten_twice(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path / "a")
    files.make_folders(path, 0o700)
    files.make_folders(path, 0o777)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700
    with files.opened_root(path) as folder:
        files.make_private_file(b"mine", within=folder)
        with pytest.raises(FileExistsError):
            files.make_private_file(b"mine", within=folder)
        assert (tmp_path / "a" / "mine").stat().st_mode & 0o777 == 0o600
        files.forget(b"mine", within=folder)
        files.forget(b"mine", within=folder)


def test_the_time_of_a_file_system_is_that_of_a_file_written_now(tmp_path: Path) -> None:
    (tmp_path / "now").write_bytes(b"")

    assert abs(files.probe_time(os.fsencode(tmp_path)) - (tmp_path / "now").stat().st_mtime) < 60
    assert os.listdir(tmp_path) == ["now"]


# --- marks

#: The beginnings of the texts that commit 7a00462 wrote, to the byte.
OLD = {
    failure_notes.FAILED: b"transcribed could not deliver this recording.\nRecording: Talk.mp3\n",
    failure_notes.WRONG: b"transcribed cannot use the file beside this note. The recordings that it speaks of wait.\n",
    outbox_notice.MARK: b"transcribed waits.\n\nSince 2026-01-01 10:00: the disk is full\n",
}


@pytest.fixture
def note(tmp_path: Path) -> Iterator[tuple[files.Root, bytes]]:
    """The open folder of a note, and the note's path."""
    with files.opened(os.fsencode(tmp_path)) as root:
        yield root, os.fsencode(tmp_path / "note")


MARKS = pytest.mark.parametrize("mark", OLD, ids=lambda mark: mark.kind)


@MARKS
def test_a_text_of_an_older_version_is_known_for_ever(
    tmp_path: Path, note: tuple[files.Root, bytes], mark: files.Mark
) -> None:
    (tmp_path / "note").write_bytes(OLD[mark])

    assert mark.is_at(*note)
    mark.take_back(*note)
    assert os.listdir(tmp_path) == []


@MARKS
def test_a_text_whose_sentences_have_changed_is_still_ours(
    tmp_path: Path, note: tuple[files.Root, bytes], mark: files.Mark
) -> None:
    (tmp_path / "note").write_bytes(mark.signed(b"Nothing that we ever said before.\n"))

    assert mark.is_at(*note)
    assert not any(other.is_at(*note) for other in OLD if other != mark)


@MARKS
@pytest.mark.parametrize("text", [b"", b"transcribed could", b"My notes.\n[transcribed: mine]\n"])
def test_a_text_of_a_stranger_is_never_taken_back(
    tmp_path: Path, note: tuple[files.Root, bytes], mark: files.Mark, text: bytes
) -> None:
    (tmp_path / "note").write_bytes(text)

    mark.take_back(*note)

    assert (tmp_path / "note").read_bytes() == text


@MARKS
@STRANGE
def test_nothing_else_at_the_place_of_a_text_is_ours(
    tmp_path: Path, note: tuple[files.Root, bytes], mark: files.Mark, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "note")

    with no_descriptor_is_left_open():
        assert not mark.is_at(*note)
        mark.take_back(*note)
    assert os.path.lexists(tmp_path / "note")


def test_a_note_carries_its_mark(tmp_path: Path, note: tuple[files.Root, bytes]) -> None:
    job = Job(7, "talks", b"Talk.mp3", Fingerprint(1, 1), State.FAILED, 1.0, 1.0, 1.0, reason="no speech")
    (tmp_path / "note").write_bytes(failure_notes.note(job))

    assert failure_notes.FAILED.is_at(*note)
    assert failure_notes.note(job).startswith(OLD[failure_notes.FAILED][:46]), "an older version knows it too"


def test_an_anchor_is_read_whatever_its_sentence_says_and_an_older_version_reads_ours(tmp_path: Path) -> None:
    anchor, sentence = "0123456789abcdef" * 2, b"This folder is known to transcribed by this file.\n"
    for text, read in [
        (anchor_text(anchor), anchor),
        (sentence + anchor.encode() + b"\n", anchor),
        (b"A stranger's sentence.\n" + anchor.encode() + b"\n", ""),
        (sentence + b"0123\n", ""),
    ]:
        (tmp_path / ".transcribed.anchor").write_bytes(text)
        with files.opened_root(os.fsencode(tmp_path)) as root:
            assert anchor_in(root) == read
    assert anchor_text(anchor) == (
        b"This hidden file belongs to transcribed, which knows this folder by it: leave it where it is.\n"
        b"0123456789abcdef0123456789abcdef\n"
    )
