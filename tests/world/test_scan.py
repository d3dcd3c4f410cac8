"""A look at an inbox finds what has changed since the last one, at little cost; on real folders."""

import errno
import os
import shutil

import pytest

from abilities import without_privileges
from transcribed.folders.mounts import Mount
from transcribed.inbox import Names, listed_only
from world import recording_folder

LONG_AGO = 1_000_000_000


@pytest.fixture
def box(root):
    return recording_folder(root, lane="inbox:talks")


def write(path, data=b"audio"):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def age(*folders):
    """Let the folders' own times be so old that a listing of them can be believed."""
    for folder in folders:
        os.utime(folder, (LONG_AGO, LONG_AGO))


def names(listing):
    return sorted(listing.files)


def listed(monkeypatch):
    """The folders that are listed from now on, by their inode."""
    scandir, seen = os.scandir, []

    def spy(descriptor):
        seen.append(os.fstat(descriptor).st_ino)
        return scandir(descriptor)

    monkeypatch.setattr(os, "scandir", spy)
    return seen


# What is told


def test_the_first_look_tells_of_all_and_the_next_of_nothing(root, box):
    write(root + b"/a.mp3")
    write(root + b"/deep/er/b.mp3")
    assert names(box.look()) == [b"a.mp3", b"deep/er/b.mp3"]
    again = box.look()
    assert (names(again), again.gone) == ([], frozenset())


@pytest.mark.parametrize("whole", [True, False])
def test_what_comes_changes_and_goes_is_told_once(root, box, whole):
    write(root + b"/sub/stays.mp3")
    write(root + b"/sub/goes.mp3")
    box.look()
    write(root + b"/sub/comes.mp3")
    write(root + b"/new folder/comes.mp3")
    os.unlink(root + b"/sub/goes.mp3")
    listing = box.look(whole=whole)
    assert names(listing) == [b"new folder/comes.mp3", b"sub/comes.mp3"]
    assert listing.gone == {b"sub/goes.mp3"}
    assert (names(box.look(whole=whole)), box.look(whole=whole).gone) == ([], frozenset())


@pytest.mark.parametrize("whole", [True, False])
def test_a_folder_that_is_taken_away_takes_all_below_it_and_brings_it_back(root, box, whole):
    write(root + b"/sub/deep/a.mp3")
    box.look()
    os.rename(root + b"/sub", root + b"/.away")
    assert box.look(whole=whole).gone == {b"sub/deep/a.mp3"}
    os.rename(root + b"/.away", root + b"/back")
    assert names(box.look(whole=whole)) == [b"back/deep/a.mp3"]


def test_a_file_that_is_written_over_in_place_is_told_of_where_it_is_watched_or_the_look_is_whole(root, box):
    for name in (b"watched", b"other"):
        write(root + b"/%s/a.mp3" % name)
    age(root + b"/watched", root + b"/other", root)
    box.look()
    for name in (b"watched", b"other"):
        write(root + b"/%s/a.mp3" % name, b"more of it")
    assert names(box.look(whole=False, watched=[b"watched/a.mp3"])) == [b"watched/a.mp3"]
    assert names(box.look(whole=False)) == []
    assert names(box.look(whole=True)) == [b"other/a.mp3"]


def test_what_is_to_be_told_of_again_is_told_of_though_nothing_changed(root, box):
    write(root + b"/sub/a.mp3")
    write(root + b"/sub/b.mp3")
    age(root + b"/sub", root)
    box.look()
    listing = box.look(whole=False, again=[b"sub/a.mp3", b"sub/never.mp3"])
    assert (names(listing), listing.gone) == ([b"sub/a.mp3"], {b"sub/never.mp3"})


def test_what_was_expected_and_is_not_there_has_gone(root, box):
    write(root + b"/a.mp3")
    listing = box.look(expected=[b"a.mp3", b"gone.mp3", b"gone/too.mp3"])
    assert listing.gone == {b"gone.mp3", b"gone/too.mp3"}


def test_what_lies_in_a_folder_that_cannot_be_read_has_not_gone(root, box):
    write(root + b"/sub/deep/a.mp3")
    write(root + b"/sub/b.mp3")
    box.look()
    os.chmod(root + b"/sub", 0)
    with without_privileges():
        listing = box.look(expected=[b"sub/c.mp3"])
    assert listing.gone == frozenset()
    assert listing.problems == ("sub: Permission denied",)
    os.chmod(root + b"/sub", 0o755)
    os.unlink(root + b"/sub/b.mp3")
    listing = box.look(whole=False)
    assert (names(listing), listing.gone, listing.problems) == ([], {b"sub/b.mp3"}, ())


def test_a_listing_that_leaves_a_file_out_once_is_no_file_that_was_taken_away(root, box, monkeypatch):
    """The listing of a share to which others write may lack an entry (field-lessons.md, section A)."""
    write(root + b"/a.mp3")
    box.look()
    real = os.scandir

    class Glitch:
        def __init__(self, descriptor):
            self.entries = real(descriptor)

        def __enter__(self):
            return iter(())

        def __exit__(self, *_):
            self.entries.close()

    monkeypatch.setattr(os, "scandir", Glitch)
    assert box.look().gone == frozenset()
    monkeypatch.setattr(os, "scandir", real)
    assert box.look().gone == frozenset()


def test_an_inbox_that_cannot_be_had_has_lost_nothing(root, box):
    write(root + b"/in/a.mp3")
    box = recording_folder(root + b"/in", lane="inbox:talks")
    box.look()
    os.rename(root + b"/in", root + b"/away")
    with pytest.raises(Exception, match="No such file"):
        box.look()
    os.rename(root + b"/away", root + b"/in")
    listing = box.look()
    assert (names(listing), listing.gone) == ([], frozenset())


def test_another_folder_in_the_place_of_the_inbox_is_listed_again(root):
    write(root + b"/in/a.mp3")
    write(root + b"/other/b.mp3")
    age(root + b"/in", root + b"/other")
    box = recording_folder(root + b"/in", lane="inbox:talks")
    box.look()
    os.rename(root + b"/in", root + b"/old")
    os.rename(root + b"/other", root + b"/in")
    listing = box.look(whole=False)
    assert (names(listing), set(listing.gone)) == ([b"b.mp3"], {b"a.mp3"})


@pytest.mark.parametrize("wrong", ["wrong.mp3", "wrong folder/in.mp3"])
def test_what_is_listed_and_not_there_is_a_problem_from_the_second_look_on(root, box, monkeypatch, wrong):
    """A mount that cannot write the letters of a name lists it, and knows none of that name."""
    write(root + b"/a.mp3")
    write(root + b"/" + wrong.encode())
    entries, real = list(os.scandir(os.fsdecode(root))), os.scandir
    shown = wrong.partition("/")[0]
    os.rename(root + b"/" + shown.encode(), root + b"/.right")

    class Wrong:
        def __init__(self, _descriptor):
            pass

        def __enter__(self):
            return iter(entries)

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(os, "scandir", Wrong)
    assert (names(box.look()), box.look().problems) == ([b"a.mp3"], (listed_only(shown.encode()),))
    assert box.look(whole=False).problems == (listed_only(shown.encode()),)
    monkeypatch.setattr(os, "scandir", real)
    listing = box.look(whole=False)
    assert (names(listing), listing.problems, listing.gone) == ([], (), frozenset())


# What it costs


def test_a_folder_that_is_as_it_was_is_not_listed_again(root, box, monkeypatch):
    folders = [root + b"/%d" % number for number in range(5)]
    for folder in folders:
        write(folder + b"/a.mp3")
    age(*folders, root)
    box.look()
    seen = listed(monkeypatch)
    assert names(box.look(whole=False)) == []
    assert seen == []
    write(folders[3] + b"/b.mp3")
    assert names(box.look(whole=False)) == [b"3/b.mp3"]
    assert seen == [os.stat(folders[3]).st_ino]


def test_a_folder_that_has_just_changed_is_listed_again(root, box, monkeypatch):
    """Within a tick of its clock a file system may change a folder twice and give it one time."""
    write(root + b"/sub/a.mp3")
    box.look()
    seen = listed(monkeypatch)
    box.look(whole=False)
    assert seen == [os.stat(root).st_ino, os.stat(root + b"/sub").st_ino]


def test_a_folder_from_the_future_is_listed_again(root, box, monkeypatch):
    write(root + b"/sub/a.mp3")
    os.utime(root + b"/sub", (7e9, 7e9))
    box.look()
    seen = listed(monkeypatch)
    box.look(whole=False)
    assert os.stat(root + b"/sub").st_ino in seen


@pytest.mark.parametrize("kind", [b"nfs4", b"cifs", b"fuse.sshfs", b"unknown"])
def test_on_a_network_every_folder_is_listed_each_time(root, box, monkeypatch, kind):
    """Skipping by the folder's time missed 36 of 206 files on sshfs."""
    write(root + b"/sub/a.mp3")
    age(root + b"/sub", root)
    monkeypatch.setattr("transcribed.folders.identity.mount_at", lambda *_: Mount(b"0:1", b"/", kind))
    box.look()
    write(root + b"/sub/b.mp3")
    age(root + b"/sub")
    assert names(box.look(whole=False)) == [b"sub/b.mp3"]


# Which files


def test_the_owner_says_which_endings_are_recordings(root):
    for name in (b"a.mp3", b"b.wav", b"c.WAV", b"d.ogg", b"wav", b".wav"):
        write(os.path.join(root, name))
    box = recording_folder(root, lane="", names=Names(extensions=(b".wav", b".ogg")))
    assert names(box.look()) == [b"b.wav", b"c.WAV", b"d.ogg"]


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.draft.mp3", b"a/Talk.DRAFT.mp3", True),
        ("*.draft.mp3", b"a/Talk.mp3", False),
        ("private", b"a/Private/b/Talk.mp3", True),
        ("private", b"privately/Talk.mp3", False),
        ("a/*", b"a/b/Talk.mp3", True),
        ("a/*", b"b/a/Talk.mp3", False),
        ("a/b", b"a/b/Talk.mp3", True),
        ("caf?.mp3", b"caf\xe9.mp3", True),
        ("[!a]*.mp3", b"b.mp3", True),
        ("caf\u00e9*", "caf\u00e9 1.mp3".encode(), True),
    ],
)
def test_the_owners_patterns_are_of_a_component_or_of_the_whole_path(root, pattern, path, matches):
    write(os.path.join(root, path))
    rule = Names(ignore=(pattern,)).ignored(path)
    assert (rule == f"ignore = {pattern!r}") is matches
    assert names(recording_folder(root, lane="", names=Names(ignore=(pattern,))).look()) == ([] if matches else [path])


def test_a_file_with_other_names_is_taken_unless_hardlinks_are_refused(root):
    write(root + b"/a.mp3")
    os.link(root + b"/a.mp3", root + b"/b.mp3")
    write(root + b"/alone.mp3")
    assert names(recording_folder(root, lane="").look()) == [b"a.mp3", b"alone.mp3", b"b.mp3"]
    listing = recording_folder(root, lane="", hardlinks=False).look()
    assert names(listing) == [b"alone.mp3"]
    assert len(listing.problems) == 2
    assert "hardlinks = false (put a copy here)" in listing.problems[0]


def test_markers_are_told_at_each_look_while_they_lie_there(root, box):
    write(root + b"/sub/Talk.mp3")
    for name in (b"sub/Talk.mp3.hold", b"Other.MP3.READY", b"notes.hold", b".Talk.mp3.hold"):
        write(os.path.join(root, name), b"")
    assert box.look().markers == {b"sub/Talk.mp3.hold", b"Other.MP3.ready", b".Talk.mp3.hold"}
    assert box.look(whole=False).markers == {b"sub/Talk.mp3.hold", b"Other.MP3.ready", b".Talk.mp3.hold"}
    os.unlink(root + b"/sub/Talk.mp3.hold")
    assert box.look(whole=False).markers == {b"Other.MP3.ready", b".Talk.mp3.hold"}


def test_an_error_in_the_middle_of_a_listing_keeps_what_was_known_there(root, box, monkeypatch):
    write(root + b"/sub/a.mp3")
    box.look()
    real, sub = os.scandir, os.stat(root + b"/sub").st_ino

    def failing(descriptor):
        if os.fstat(descriptor).st_ino == sub:
            raise OSError(errno.EIO, "Input/output error")
        return real(descriptor)

    monkeypatch.setattr(os, "scandir", failing)
    listing = box.look()
    assert (listing.gone, listing.problems) == (frozenset(), ("sub: Input/output error",))
    monkeypatch.setattr(os, "scandir", real)
    shutil.rmtree(root + b"/sub")
    assert box.look().gone == {b"sub/a.mp3"}
