"""Any name: as the recording's own, as Windows can show it, and on a file system that takes two names for one."""

import os
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribed import files
from world import Crash, changed, mp3

pytestmark = pytest.mark.route(formats=("txt",))

NFC, NFD = (unicodedata.normalize(form, "Café") for form in ("NFC", "NFD"))


# The names that Windows can show


@pytest.mark.parametrize(
    ("name", "windows"),
    [
        (b"a/Talk (2).mp3", b"a/Talk (2).mp3"),
        (b"-rf %41 [x] & 'y' \xe4\xbc\x9a.mp3", b"-rf %41 [x] & 'y' \xe4\xbc\x9a.mp3"),
        (b'<a>: "b" | c? * d\\e.mp3', b"_a__ _b_ _ c_ _ d_e.mp3"),
        (b"two\nlines\x1b[31m\x7f\xc2\x9b.mp3", b"two_lines_[31m__.mp3"),
        (b"caf\xe9/\xff.mp3", b"caf%E9/%FF.mp3"),
        (NFD.encode() + b".mp3", NFC.encode() + b".mp3"),
        (b"a./b /c. /Talk..mp3", b"a_/b_/c._/Talk..mp3"),
        (b"con/NUL.mp3", b"_con/_NUL.mp3"),
        (b"Com1 .old.mp3/lpt\xc2\xb9.mp3/CONIN$.mp3", b"_Com1 .old.mp3/_lpt\xc2\xb9.mp3/_CONIN$.mp3"),
        (b"console/com10.mp3/nul-1.mp3", b"console/com10.mp3/nul-1.mp3"),
    ],
)
def test_a_name_is_changed_only_where_windows_could_not_show_it(name, windows):
    assert files.portable(name) == windows


#: By Microsoft's page on naming files: the characters, the devices with any suffix, and the ends.
REFUSED_BY_WINDOWS = re.compile(
    r'[<>:"|?*\\\x00-\x1f]|[. ]$|^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)', re.IGNORECASE
)
PATHS = st.lists(
    (st.binary(min_size=1, max_size=255) | st.text("aé.: CON1\udcff", min_size=1).map(os.fsencode)).filter(
        lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b"..")
    ),
    min_size=1,
    max_size=3,
).map(b"/".join)


@given(path=PATHS)
def test_a_portable_path_is_one_for_windows_and_stays_as_it_is(path):
    found = files.portable(path)
    *folders, _ = found.split(b"/")
    assert found.count(b"/") == path.count(b"/")
    assert not any(REFUSED_BY_WINDOWS.search(part) for part in found.decode().split("/"))
    assert all(len(folder) <= 255 for folder in folders)
    assert files.portable(found) == found


def test_with_portable_names_two_recordings_that_become_one_get_a_number_in_every_folder(world):
    world.routes = [changed(world.route, names="portable")]
    for name in ("b/Why?.mp3", "b/Why*.mp3"):
        world.drop(name)

    assert world.run() == 0

    assert world.files("outbox") == ["b/Why_ (2).txt", "b/Why_.txt"]
    assert world.files("archive") == ["b/Why_ (2).mp3", "b/Why_.mp3"]


def test_with_portable_names_a_failed_recording_is_dragged_back_and_tried_again(world, clock):
    world.routes = [changed(world.route, names="portable")]
    world.drop("Why?.mp3", b"not audio yet")
    world.run()
    assert world.files("failed") == ["Why_.mp3", "Why_.mp3.error.txt"]

    (world.folders["failed"] / "Why_.mp3").rename(world.folders["inbox"] / "Why_.mp3")
    world.run()

    assert len(world.jobs()) == 1
    assert "requeued" in world.story(1)


# The recording's own name


def test_odd_names_are_delivered_each_by_its_own_bytes(world):
    names = ["-rf.mp3", "--help.mp3", "two\nlines.mp3", "\x1b[2J.mp3", "\u202egnp.mp3", os.fsdecode(b"\xff\xfe.mp3")]
    for number, name in enumerate(names):
        world.drop(name, mp3(str(number)))
        world.run()

    stems = sorted(os.path.splitext(name)[0] for name in names)
    assert world.files("outbox") == [f"{stem}.txt" for stem in stems]
    assert world.files("archive") == sorted(names)


def test_names_of_255_bytes_that_differ_in_their_last_letter_are_shortened_visibly_and_do_not_clash(world):
    world.routes = [changed(world.route, formats=("txt", "json"))]
    names = ["会" * 83 + "a" + last + ".mp3" for last in "xy"]
    assert {len(name.encode()) for name in names} == {255}
    for name in names:
        world.drop(name)

    assert world.run() == 0

    assert world.files("archive") == names
    found = world.files("outbox")
    assert [name for name in found if name.endswith(".txt")] == [name.replace(".mp3", ".txt") for name in names]
    shortened = [name for name in found if name.endswith(".json")]
    assert len(shortened) == 2
    assert all(re.fullmatch(r"会+…~[0-9a-f]{6}\.json", name) for name in shortened)


def test_a_number_that_the_journal_knows_is_not_tried_again_when_a_stranger_takes_the_next_one(world, clock):
    for _ in range(2):
        world.drop("Talk.mp3", mp3(f"take {clock.moved}"))
        world.run()
        clock.moved += 10.0
    for folder in ("outbox", "archive"):  # a person has taken everything away; the journal remembers both numbers
        for name in world.files(folder):
            (world.folders[folder] / name).unlink()
    world.drop("Talk.mp3", mp3("the third"))
    world.crash_when = lambda: any(job.number == 3 for job in world.jobs())
    with pytest.raises(Crash):
        world.run()
    world.crash_when = lambda: False
    (world.folders["outbox"] / "Talk (3).txt").write_text("a stranger's")

    assert world.run() == 0

    assert world.files("outbox") == ["Talk (3).txt", "Talk (4).txt"]
    assert (world.folders["outbox"] / "Talk (3).txt").read_text() == "a stranger's"
