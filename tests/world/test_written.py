"""The events of the kernel as evidence: who was seen to write a file, and not to close it."""

import os

import pytest
from watchdog.events import FileModifiedEvent
from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, WatchDescriptor

from transcribed.inbox import Watch
from transcribed.inbox.written import _MOST_FILES, Written
from waiting import wait_for


@pytest.fixture
def watched(root):
    """A watch of one root that was asked what is written there, and the looks that it asked for."""
    looks: list[bytes] = []
    watch = Watch(looks.append)
    assert watch.written(root) == {}
    assert watch.tend(root)
    yield watch, looks
    watch.stop()


def open_in(root, name):
    return os.open(os.path.join(root, name), os.O_WRONLY | os.O_CREAT)


def test_a_file_is_known_to_be_open_from_its_first_write_until_it_is_closed(watched, root):
    watch, _ = watched
    file = open_in(root, b"caf\xe9.mp3")
    os.write(file, b"x")
    wait_for(lambda: watch.written(root) == {b"caf\xe9.mp3": True}, "the write")
    os.close(file)
    wait_for(lambda: watch.written(root) == {b"caf\xe9.mp3": False}, "the close")


def test_a_write_asks_for_no_look_and_a_close_does(watched, root):
    watch, looks = watched
    file = open_in(root, b"Talk.mp3")
    wait_for(lambda: looks, "the look for a new file")
    looks.clear()
    os.write(file, b"x")
    wait_for(lambda: watch.written(root), "the write")
    assert looks == []
    os.close(file)
    wait_for(lambda: looks == [root], "the look for a closed one")


def test_a_writer_is_known_by_the_name_that_its_file_has_now(watched, root):
    watch, _ = watched
    file = open_in(root, b"Talk.part")
    os.write(file, b"x")
    os.rename(os.path.join(root, b"Talk.part"), os.path.join(root, b"Talk.mp3"))
    wait_for(lambda: watch.written(root) == {b"Talk.mp3": True}, "the rename")
    os.close(file)


def test_a_file_that_comes_under_the_name_of_one_that_was_written_has_no_writer(watched, root, tmp_path):
    watch, _ = watched
    file = open_in(root, b"Talk.mp3")
    os.write(file, b"x")
    wait_for(lambda: watch.written(root) == {b"Talk.mp3": True}, "the write")
    (tmp_path / "beside").write_bytes(b"another")
    os.rename(tmp_path / "beside", os.path.join(root, b"Talk.mp3"))
    wait_for(lambda: watch.written(root) == {}, "the other file")
    os.close(file)


def test_nothing_is_known_any_more_once_events_were_lost(watched, root):
    watch, _ = watched
    file = open_in(root, b"Talk.mp3")
    os.write(file, b"x")
    wait_for(lambda: watch.written(root) == {b"Talk.mp3": True}, "the write")
    lost = InotifyEvent(WatchDescriptor(-1), InotifyConstants.IN_Q_OVERFLOW, 0, b"")
    watch._observer._inotify_fd.handle_event(lost)
    assert watch.written(root) == {}
    watch.tend(root)
    os.write(file, b"x")
    wait_for(lambda: watch.written(root) == {b"Talk.mp3": True}, "a later write")
    os.close(file)


def test_a_root_of_which_nobody_asks_costs_no_event_for_each_write(root):
    looks: list[bytes] = []
    watch = Watch(looks.append)
    assert watch.tend(root)
    file = open_in(root, b"Talk.mp3")
    os.write(file, b"x")
    os.close(file)
    wait_for(lambda: looks, "a look")
    assert watch.written(root) == {}
    assert watch.tend(root), "from now on it is watched"
    file = open_in(root, b"Talk.mp3")
    os.write(file, b"x")
    wait_for(lambda: watch.written(root) == {b"Talk.mp3": True}, "the write")
    os.close(file)
    watch.stop()


def test_the_files_that_are_known_are_bounded_in_number():
    written = Written(b"/inbox")
    for number in range(2 * _MOST_FILES + 7):
        written.take_in(FileModifiedEvent(f"/inbox/{number}.mp3"))
    assert 0 < len(written.known()) <= _MOST_FILES
