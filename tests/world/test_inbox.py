"""The inbox: real folders with hostile things in them, a real watchdog, and listings without a clock."""

import errno
import os
import resource
import shutil
import socket
import threading
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, WatchDescriptor

from abilities import without_privileges
from transcribed.errors import Blocked, Transient, Withdrawn
from transcribed.folders import identity, is_local
from transcribed.folders.mounts import Mount, mount_of
from transcribed.inbox import Names, Settling, Watch
from transcribed.job import Fingerprint
from world import recording_folder

LANE = "inbox:meetings"
BOUND_SECONDS = 10.0


def write(path, data=b"some audio"):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def inbox(root):
    return recording_folder(root, lane=LANE)


def found(root, name):
    return inbox(root).listing().files[name]


def wait_until(condition, what):
    end = time.monotonic() + BOUND_SECONDS
    while not condition():
        assert time.monotonic() < end, f"not within {BOUND_SECONDS} s: {what}"
        threading.Event().wait(0.01)


# Listing


@pytest.mark.parametrize(
    "name",
    [
        b"Talk.mp3",
        b"LOUD.MP3",
        b"caf\xe9.mp3",
        b"two\nlines\x1b[31m.mp3",
        "\u202eevil.mp3".encode(),
        b"a" * 251 + b".mp3",
        b"a/b/c/deep.mp3",
        b"folder.mp3/inner.mp3",
        b"b\xff/x.mp3",
        b" .mp3",
    ],
)
def test_a_recording_is_listed_by_its_own_bytes_wherever_it_lies(root, name):
    write(os.path.join(root, name))
    listing = inbox(root).listing()
    assert list(listing.files) == [name]
    assert listing.problems == ()


def test_only_regular_files_that_no_rule_ignores_are_listed(root, tmp_path):
    outside = os.fsencode(tmp_path)
    write(outside + b"/secret.mp3")
    write(root + b"/ok.mp3")
    os.link(root + b"/ok.mp3", root + b"/linked.mp3")
    os.mkdir(root + b"/folder.mp3")
    os.mkfifo(root + b"/pipe.mp3")
    os.symlink(outside + b"/secret.mp3", root + b"/link.mp3")
    os.symlink(outside, root + b"/linked-folder")
    os.symlink(b"loop.mp3", root + b"/loop.mp3")
    for name in (b".hidden.mp3", b"._ok.mp3", b"~$ok.mp3", b"@eaDir/ok.mp3", b"ok.txt", b"ok", b"sub/#recycle/ok.mp3"):
        write(os.path.join(root, name))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(root + b"/socket.mp3")
        listing = inbox(root).listing()
    assert sorted(listing.files) == [b"linked.mp3", b"ok.mp3"]
    assert sorted(problem.split(":")[0] for problem in listing.problems) == [
        "link.mp3",
        "loop.mp3",
        "pipe.mp3",
        "socket.mp3",
    ]


def test_one_unreadable_folder_costs_one_problem_and_not_the_scan(root):
    write(root + b"/ok.mp3")
    write(root + b"/closed\n/x.mp3")
    os.chmod(root + b"/closed\n", 0)
    with without_privileges():
        listing = inbox(root).listing()
    assert list(listing.files) == [b"ok.mp3"]
    assert listing.problems == ("closed\\x0a: Permission denied",)


def test_a_bottomless_tree_is_cut_off_with_a_problem(root):
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(100):
        os.mkdir(b"d", dir_fd=folder)
        inner = os.open(b"d", os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)
    listing = inbox(root).listing()
    assert len(listing.problems) == 1
    assert "more than 64 folders deep" in listing.problems[0]


def test_a_flood_of_bad_entries_is_not_a_flood_of_problems(root):
    for number in range(150):
        os.symlink(b"nowhere", root + b"/%d.mp3" % number)
    problems = inbox(root).listing().problems
    assert len(problems) == 101
    assert problems[-1] == "and 50 problems more"


def test_an_inbox_that_is_not_there_is_blocked_and_not_empty(root):
    with pytest.raises(Blocked, match="No such file") as missing:
        inbox(root + b"/gone").listing()
    assert missing.value.lane == LANE
    assert missing.value.hint
    write(root + b"/file")
    with pytest.raises(Blocked, match="Not a directory"):
        inbox(root + b"/file").listing()


def test_an_inbox_that_may_not_be_read_is_blocked(root):
    os.chmod(root, 0o300)
    with without_privileges(), pytest.raises(Blocked, match="permission is denied") as blocked:
        inbox(root).listing()
    assert blocked.value.exit_status == 77


def test_a_recording_is_not_withdrawn_when_the_whole_inbox_is_gone(root):
    write(root + b"/in/a.mp3")
    box = inbox(root + b"/in")
    fingerprint = box.listing().files[b"a.mp3"]
    os.rename(root + b"/in", root + b"/elsewhere")
    with pytest.raises(Blocked):
        box.open(b"a.mp3", fingerprint)
    with pytest.raises(Blocked), box.holding(b"a.mp3", fingerprint):
        pass


MOUNTED = b"/proc/sys/fs"  # /proc is a mount on every machine


@pytest.fixture
def mount_point(root, monkeypatch):
    """A folder for whose mount a link stands, of which is told what is told of a mount: its path stays the same.

    What is not mounted there lies on /, wherever this machine has its temporary files.
    """
    place = root + b"/in"
    monkeypatch.setattr(identity, "place_of", lambda _: place)
    monkeypatch.setattr(identity, "mount_at", lambda *_: mount_of(MOUNTED if os.readlink(place) == MOUNTED else b"/"))
    return place


def test_the_bare_mount_point_of_an_unmounted_share_is_blocked_until_the_share_is_back(root, mount_point):
    """An inbox that lay on a mount and now lies on / has lost it."""
    place = mount_point
    os.mkdir(root + b"/bare")
    os.symlink(MOUNTED, place)
    box = inbox(place)
    box.listing()
    os.unlink(place)
    os.symlink(root + b"/bare", place)
    for _ in range(2):
        with pytest.raises(Blocked, match="is not mounted"):
            box.listing()
    os.unlink(place)
    os.symlink(MOUNTED, place)
    assert box.listing().files == {}


def test_a_share_that_is_mounted_late_is_taken_as_the_inbox(root, mount_point):
    os.mkdir(root + b"/bare")
    os.symlink(root + b"/bare", mount_point)
    box = inbox(mount_point)
    box.listing()
    os.unlink(mount_point)
    os.symlink(MOUNTED, mount_point)
    assert box.listing().files == {}


def test_an_inbox_that_was_made_again_in_its_place_is_taken_as_the_inbox(root):
    os.mkdir(root + b"/in")
    box = inbox(root + b"/in")
    box.listing()
    os.rename(root + b"/in", root + b"/old")
    write(root + b"/in/a.mp3")
    assert list(box.listing().files) == [b"a.mp3"]


# Opening


def test_the_file_that_was_found_is_opened_and_read(root):
    write(root + b"/a\xff/b.mp3", b"hello")
    with inbox(root).open(b"a\xff/b.mp3", found(root, b"a\xff/b.mp3")) as file:
        assert file.read() == b"hello"


def _grown(path):
    with open(path, "ab") as file:
        file.write(b"more")


def _other(path):
    os.utime(path, ns=(0, 1))


def _replaced(path):
    before = os.stat(path)
    write(path + b".new", b"other data")
    os.utime(path + b".new", ns=(before.st_atime_ns, before.st_mtime_ns))
    os.rename(path + b".new", path)


def _gone(path):
    os.unlink(path)


def _pipe(path):
    os.unlink(path)
    os.mkfifo(path)


def _link(path):
    os.rename(path, path + b".real")
    os.symlink(path + b".real", path)


def _folder(path):
    os.unlink(path)
    os.mkdir(path)


def _folder_swapped_for_link(path):
    folder = os.path.dirname(path)
    os.rename(folder, folder + b".real")
    os.symlink(folder + b".real", folder)


def _folder_swapped_for_file(path):
    shutil.rmtree(os.path.dirname(path))
    write(os.path.dirname(path))


@pytest.mark.parametrize(
    "swap",
    [_grown, _other, _replaced, _gone, _pipe, _link, _folder, _folder_swapped_for_link, _folder_swapped_for_file],
    ids=lambda swap: swap.__name__.strip("_"),
)
def test_what_lies_there_instead_of_the_file_that_was_found_is_withdrawn(root, swap):
    path = root + b"/sub/a.mp3"
    write(path)
    fingerprint = found(root, b"sub/a.mp3")
    swap(path)
    descriptors = os.listdir("/proc/self/fd")
    with pytest.raises(Withdrawn):
        inbox(root).open(b"sub/a.mp3", fingerprint)
    with pytest.raises(Withdrawn), inbox(root).holding(b"sub/a.mp3", fingerprint):
        pass
    assert os.listdir("/proc/self/fd") == descriptors, "a descriptor was left open"


def test_one_file_that_may_not_be_read_does_not_block_the_inbox(root):
    write(root + b"/a.mp3")
    fingerprint = found(root, b"a.mp3")
    os.chmod(root + b"/a.mp3", 0)
    with without_privileges(), pytest.raises(Transient, match="permission is denied"):
        inbox(root).open(b"a.mp3", replace(fingerprint, ctime_ns=None, inode=None))


def test_a_file_that_changed_while_it_was_read_is_noticed(root):
    write(root + b"/a.mp3")
    box, fingerprint = inbox(root), found(root, b"a.mp3")
    with box.open(b"a.mp3", fingerprint) as file:
        assert box.unchanged(file, fingerprint)
        _grown(root + b"/a.mp3")
        assert not box.unchanged(file, fingerprint)


def test_a_held_file_is_moved_out_of_the_very_folder_it_was_found_in(root):
    """The folder is swapped while it is held: what the path names now is not touched."""
    write(root + b"/sub/a.mp3", b"the recording")
    with inbox(root).holding(b"sub/a.mp3", found(root, b"sub/a.mp3")) as (folder, name):
        os.rename(root + b"/sub", root + b"/old")
        write(root + b"/sub/a.mp3", b"another")
        os.unlink(name, dir_fd=folder)
    assert os.listdir(root + b"/old") == []
    assert os.listdir(root + b"/sub") == [b"a.mp3"]


def test_an_error_inside_holding_comes_out_as_it_is(root):
    write(root + b"/a.mp3")
    with pytest.raises(OSError, match="full"), inbox(root).holding(b"a.mp3", found(root, b"a.mp3")):
        raise OSError(errno.ENOSPC, "full")


def test_ctime_and_inode_are_compared_only_where_the_fingerprint_has_them(root):
    write(root + b"/a.mp3")
    whole = found(root, b"a.mp3")
    assert whole.inode == os.stat(root + b"/a.mp3").st_ino
    os.chmod(root + b"/a.mp3", 0o600)
    with pytest.raises(Withdrawn):
        inbox(root).open(b"a.mp3", whole)
    inbox(root).open(b"a.mp3", replace(whole, ctime_ns=None, inode=None)).close()


def test_file_systems_are_told_apart_by_where_their_inodes_live():
    kinds = {b"ext4": (1, 1), b"overlay": (1, 1), b"nfs4": (0, 0), b"cifs": (0, 0), b"fuse.sshfs": (0, 0)}
    kinds |= {b"fuseblk": (0, 0), b"vfat": (1, 0), b"exfat": (1, 0), b"unknown": (0, 0)}
    mounts = {kind: Mount(b"8:1", b"/", kind) for kind in kinds}
    assert {k: (mount.is_local, mount.has_steady_inodes) for k, mount in mounts.items()} == kinds
    assert is_local(b"/")
    assert mount_of(b"/proc/sys/fs").point.startswith(b"/proc")


# Names


@pytest.mark.parametrize(
    ("path", "word"),
    [
        (b".talk.mp3", "hidden"),
        (b".transcribed-0123.mp3", "hidden"),
        (b"a/.stversions/talk.mp3", "hidden"),
        (b"._talk.mp3", "macOS"),
        (b"~$talk.mp3", "temporary"),
        (b"~syncthing~talk.mp3.tmp", "temporary"),
        (b"@eaDir/talk.mp3", "Synology"),
        (b"a/@EADIR/b/talk.mp3", "Synology"),
        (b"#recycle/talk.mp3", "recycle"),
        (b"@Recycle/talk.mp3", "recycle"),
        (b"$RECYCLE.BIN/talk.mp3", "recycle"),
        (b"System Volume Information/talk.mp3", "Windows"),
        (b"lost+found/talk.mp3", "file system"),
        (b"__MACOSX/talk.mp3", "macOS"),
        (b"talk.mp3.part", ".part"),
        (b"talk.mp3.CRDOWNLOAD", ".crdownload"),
        (b"talk.mp3.filepart", ".filepart"),
        (b"talk.mp3.download/talk.mp3", ".download"),
        (b"talk.mp3@SynoEAStream", "Synology"),
        (b"talk.sync-conflict-20260101-101010-ABCDEFG.mp3", "Syncthing"),
        (b"Thumbs.db", "Windows"),
        (b"a/.@__thumb/talk.mp3", "hidden"),
        (b".zfs/snapshot/talk.mp3", "hidden"),
        (b".fuse_hidden0001.mp3", "hidden"),
        (b"talk.mp3.ocTransferId123.part", ".part"),
        (b"talk.mp3.!qB", ".!qB"),
        (b"#SNAPSHOT/talk.mp3", "snapshots"),
        (b"@Recently-Snapshot/talk.mp3", "snapshots"),
    ],
)
def test_an_ignored_name_is_told_with_its_rule(path, word):
    rule = Names().ignored(path)
    assert rule is not None
    assert word in rule


@pytest.mark.parametrize(
    "path",
    [
        b"talk.mp3",
        b"Part.1/talk.part.mp3",
        b"lecture.tmp/talk.mp3",
        b"caf\xe9/a~b.mp3",
        b"#1 hit.mp3",
        b"recycle/x.mp3",
        b"~ my talk.mp3",
    ],
)
def test_an_ordinary_name_is_not_ignored(path):
    assert Names().ignored(path) is None


# Settling


def looks(settling, size, now, **times):
    return settling.observe({b"a.mp3": Fingerprint(size, **times or {"mtime_ns": 0})}, now)


def test_a_file_settles_once_it_has_looked_the_same_for_settle_seconds():
    settling = Settling(5)
    assert looks(settling, 1, 100.0) == []
    assert settling.next_at() == 105.0
    assert settling.waiting()[b"a.mp3"].reason == "settling"
    assert looks(settling, 1, 104.9) == []
    assert [file.path for file in looks(settling, 1, 105.0)] == [b"a.mp3"]
    assert settling.waiting() == {}
    assert settling.next_at() is None
    assert looks(settling, 1, 106.0) != [], "a settled file is told at each look"


def test_a_file_of_full_size_whose_mtime_moves_is_still_growing():
    settling = Settling(5)
    looks(settling, 9, 0.0, mtime_ns=1)
    looks(settling, 9, 4.0, mtime_ns=2)
    assert settling.waiting()[b"a.mp3"].reason == "growing"
    assert looks(settling, 9, 8.0, mtime_ns=2) == []


def test_the_quiet_time_is_three_times_the_longest_pause_seen_where_the_file_does_not_say_that_it_is_whole():
    settling = Settling(5)
    for size, now in ((1, 0.0), (2, 40.0), (3, 41.0)):
        looks(settling, size, now)
    [found] = looks(settling, 3, 46.0)
    assert settling.looked_into(found, lacks="", whole=False), "it does not say itself that it is whole"
    assert settling.next_at() == 41.0 + 3 * 40.0
    assert looks(settling, 3, 160.0) == []
    assert looks(settling, 3, 161.0) != []


def test_an_edit_of_a_file_that_had_long_settled_is_not_waited_out_threefold():
    settling = Settling(5)
    looks(settling, 1, 0.0)
    looks(settling, 2, 200_000.0)
    assert settling.next_at() == 200_005.0


def test_a_path_that_left_the_listing_is_forgotten():
    settling = Settling(5)
    looks(settling, 1, 0.0)
    settling.observe({}, 3.0)
    assert settling.waiting() == {}
    assert looks(settling, 1, 6.0) == []


def test_a_marker_holds_a_file_for_as_long_as_it_lies_there():
    settling = Settling(5)
    held = frozenset({b"a.mp3.hold", b"a.mp3.ready"})
    file = {b"a.mp3": Fingerprint(1, 0), b"b.mp3": Fingerprint(1, 0)}
    settling.observe(file, 0.0, held)
    assert [found.path for found in settling.observe(file, 1e6, held)] == [b"b.mp3"]
    assert settling.waiting()[b"a.mp3"].reason == "held"
    assert settling.next_at() is None
    assert [found.path for found in settling.observe(file, 1e6)] == [b"a.mp3", b"b.mp3"]


def test_a_marker_releases_a_file_at_once_whatever_else_is_seen_of_it():
    settling = Settling(5)
    looks(settling, 1, 0.0)
    assert looks(settling, 2, 1.0) == []
    found = settling.observe({b"a.mp3": Fingerprint(3, 0)}, 2.0, {b"a.mp3.ready"})
    assert [file.path for file in found] == [b"a.mp3"]


def test_a_file_without_its_bytes_waits_ten_minutes_for_them_and_again_once_they_come():
    settling = Settling(5)
    looks(settling, 9, 0.0)
    [found] = looks(settling, 9, 5.0)
    assert settling.looked_into(found, lacks="it ends in zeros", whole=False)
    waits = settling.waiting()[b"a.mp3"]
    assert (waits.reason, waits.words) == ("hollow", "it ends in zeros")
    assert settling.next_at() == 600.0
    assert looks(settling, 9, 599.0) == []
    assert looks(settling, 9, 600.0) == [found]
    assert not settling.looked_into(found, lacks="it ends in zeros", whole=False)
    assert looks(settling, 9, 601.0, mtime_ns=7) == []
    assert settling.waiting()[b"a.mp3"].reason == "settling", "an edit after ten minutes is a new one"
    assert settling.looked_into(found, lacks="it ends in zeros", whole=False), (
        "what was looked into is not what lies there now"
    )


STEPS = st.lists(st.tuples(st.floats(0.01, 30) | st.floats(30, 2000), st.booleans()), max_size=30)


@given(STEPS, st.floats(0, 30))
def test_nothing_settles_that_changed_within_settle_seconds(steps, settle_seconds):
    settling, now, size, changed_at = Settling(settle_seconds), 0.0, 1, 0.0
    looks(settling, size, now)
    for gap, changes in steps:
        now += gap
        if changes:
            size, changed_at = size + 1, now
        if looks(settling, size, now):
            assert now >= changed_at + settle_seconds


@given(STEPS, st.floats(0, 100))
def test_what_stays_as_it_is_settles_at_the_time_foretold(steps, settle_seconds):
    settling, now, size = Settling(settle_seconds), 0.0, 1
    settled = looks(settling, size, now)
    for gap, changes in steps:
        now, size = now + gap, size + changes
        settled = looks(settling, size, now)
    ready_at = settling.next_at()
    assert (ready_at is None) == bool(settled)
    if ready_at is not None:
        assert ready_at - now <= max(settle_seconds, 3 * 600) + 1e-6, "both are sums of floats"
        assert looks(settling, size, ready_at)


# Watching


class Looks:
    """Counts the looks that were asked for, by root."""

    def __init__(self):
        self.roots = []

    def __call__(self, root):
        self.roots.append(root)


@pytest.fixture
def looked():
    return Looks()


@pytest.fixture
def watch(looked):
    watching = Watch(looked)
    yield watching
    watching.stop()


@pytest.fixture
def two_roots(root):
    roots = [root + b"/one", root + b"/tw\xff"]
    for path in roots:
        os.mkdir(path)
    return roots


def test_a_file_that_comes_asks_for_a_look_at_its_own_root(watch, looked, two_roots):
    for path in two_roots:
        watch.tend(path)
    assert watch.alive()
    write(two_roots[1] + b"/new folder/caf\xe9.mp3")
    wait_until(lambda: looked.roots, "a look")
    assert set(looked.roots) == {two_roots[1]}


def test_a_file_that_is_renamed_into_the_folder_asks_for_a_look(watch, looked, two_roots):
    write(two_roots[1] + b"/a.mp3")
    watch.tend(two_roots[0])
    os.rename(two_roots[1] + b"/a.mp3", two_roots[0] + b"/a.mp3")
    wait_until(lambda: looked.roots == [two_roots[0]], "a look")


def test_a_look_that_fails_is_remembered_and_does_not_end_the_watch(root):
    calls = []

    def look(path):
        calls.append(path)
        raise RuntimeError("no mailbox")

    watch = Watch(look)
    watch.tend(root)
    write(root + b"/a.mp3")
    wait_until(lambda: calls, "a look")
    wait_until(watch.problems, "a problem")
    before = len(calls)
    write(root + b"/b.mp3")
    wait_until(lambda: len(calls) > before, "another look")
    assert "no mailbox" in watch.problems()[0]
    assert not watch.alive()
    watch.stop()


def test_a_folder_that_was_removed_is_noticed_and_is_watched_again_once_it_is_back(watch, looked, two_roots):
    one = two_roots[0]
    watch.tend(one)
    os.rmdir(one)
    wait_until(lambda: not watch.alive(), "the loss of the folder")
    watch.tend(one)
    assert "is not watched" in watch.problems()[0]
    os.mkdir(one)
    watch.tend(one)
    assert watch.problems() == ()
    assert watch.alive()
    write(one + b"/a.mp3")
    wait_until(lambda: one in looked.roots, "a look")


@pytest.mark.parametrize("what", ["all of it", "the thread that hands the events on"])
def test_watchdog_that_died_is_started_again_at_the_next_look_and_every_root_is_looked_at(
    watch, looked, two_roots, what
):
    for path in two_roots:
        watch.tend(path)
    died = watch._observer
    if what != "all of it":
        died.on_thread_stop = lambda: None  # its threads of folders live on
    died.stop()
    wait_until(lambda: not died.is_alive(), "its end")
    assert watch.tend(two_roots[0])
    assert sorted(looked.roots) == two_roots
    assert watch.tend(two_roots[1])
    assert watch.alive()
    looked.roots.clear()
    write(two_roots[1] + b"/a.mp3")
    wait_until(lambda: two_roots[1] in looked.roots, "a look")


def test_lost_events_ask_for_a_look_at_every_root(watch, looked, two_roots):
    """watchdog's own code handles the kernel's overflow event; it tells nobody but its log."""
    for path in two_roots:
        watch.tend(path)
    watch._observer._inotify_fd.handle_event(InotifyEvent(WatchDescriptor(-1), InotifyConstants.IN_Q_OVERFLOW, 0, b""))
    assert sorted(looked.roots) == two_roots


def test_after_stop_no_look_is_asked_for_and_no_thread_is_left(looked, root):
    threads = threading.active_count()
    watch = Watch(looked)
    watch.tend(root)
    assert threading.active_count() > threads
    watch.stop()
    wait_until(lambda: threading.active_count() == threads, "the end of the threads")
    write(root + b"/a.mp3")
    assert looked.roots == []


def test_a_limit_of_the_kernel_is_a_sentence_and_not_an_error(root, looked):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        watch = Watch(looked)
        watch.tend(root)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "max_user_instances" in watch.problems()[0]
    assert not watch.alive()
    watch.stop()
