"""The outbox: real folders, real races, two real file systems."""

import contextlib
import errno
import os
import resource
import stat
import threading
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abilities import umask, without_privileges
from transcribed import files
from transcribed.files import durable, rename

NOBODY = 65534
AS_GIVEN = files.Access()


@pytest.fixture
def inbox(root):
    """An open folder with one recording in it, beside an empty archive."""
    os.mkdir(root + b"/in")
    os.mkdir(root + b"/archive")
    write(root + b"/in/a.mp3", b"the recording")
    os.utime(root + b"/in/a.mp3", ns=(1_000_000_007, 1_500_000_000_000_000_100))
    folder = os.open(root + b"/in", os.O_RDONLY | os.O_DIRECTORY)
    yield folder
    os.close(folder)


@pytest.fixture
def elsewhere(elsewhere):
    """As conftest's, in bytes."""
    return os.fsencode(elsewhere)


@contextlib.contextmanager
def no_file_larger_than(size):
    """A disk that is full after so many bytes: the kernel refuses the write with EFBIG."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def write(path, data=b"foreign"):
    with open(path, "wb") as file:
        file.write(data)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def tree(root):
    """Every path below `root` that is no folder."""
    return sorted(os.path.relpath(os.path.join(at, name), root) for at, _, names in os.walk(root) for name in names)


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


# Publishing


@pytest.mark.parametrize(
    "name", [b"a.txt", b"x/y/z/a.txt", b"caf\xe9\n/\x1b.txt", b"a" * 251 + b".txt", b"d" * 255 + b"/a.txt"]
)
def test_what_is_published_is_there_whole_and_nothing_else_is(root, name):
    files.publish(root + b"/" + name, b"words", root=root)
    assert tree(root) == [name]
    assert read(root + b"/" + name) == b"words"


def test_a_file_gets_the_mode_that_the_umask_gives_and_its_folders_that_of_the_folder_above(root):
    """clients, Permissions: a sub-folder that is 2755 in an outbox of 2775 lets nobody of its group delete there."""
    os.chmod(root, 0o2775)
    with umask(0o027):
        files.publish(root + b"/sub/inner/a.txt", b"words", root=root)
    assert (mode(root + b"/sub"), mode(root + b"/sub/inner")) == (0o2775, 0o2775)
    assert mode(root + b"/sub/inner/a.txt") == 0o640


def test_a_folder_that_was_there_keeps_its_rights(root):
    os.mkdir(root + b"/sub")
    os.chmod(root + b"/sub", 0o711)
    files.publish(root + b"/sub/a.txt", b"words", root=root)
    assert mode(root + b"/sub") == 0o711


def test_publishing_the_same_bytes_again_is_success(root):
    for _ in range(2):
        files.publish(root + b"/a.txt", b"words", root=root)
    assert tree(root) == [b"a.txt"]


def _file(path, aside):
    write(path)


def _prefix_of_ours(path, aside):
    write(path, b"wor")


def _ours_and_more(path, aside):
    write(path, b"words and more")


def _empty(path, aside):
    write(path, b"")


def _link_to_our_bytes(path, aside):
    write(aside, b"words")
    os.symlink(aside, path)


def _dangling_link(path, aside):
    os.symlink(b"nowhere", path)


def _pipe(path, aside):
    os.mkfifo(path)


def _folder(path, aside):
    os.mkdir(path)


@pytest.mark.parametrize(
    "put",
    [_file, _prefix_of_ours, _ours_and_more, _empty, _link_to_our_bytes, _dangling_link, _pipe, _folder],
    ids=lambda put: put.__name__.strip("_"),
)
def test_nothing_foreign_is_replaced(root, tmp_path, put):
    put(root + b"/a.txt", os.fsencode(tmp_path / "aside"))
    before = os.lstat(root + b"/a.txt")
    with pytest.raises(files.NameTaken) as taken:
        files.publish(root + b"/a.txt", b"words", root=root)
    after = os.lstat(root + b"/a.txt")
    assert taken.value.path == root + b"/a.txt"
    assert (before.st_ino, before.st_size, before.st_mtime_ns) == (after.st_ino, after.st_size, after.st_mtime_ns)
    assert os.listdir(root) == [b"a.txt"]


def test_a_foreign_file_that_may_not_be_read_is_a_name_taken_and_no_error_of_the_folder(root):
    os.chmod(root, 0o777)
    write(root + b"/a.txt", b"words")
    os.chmod(root + b"/a.txt", 0)
    with without_privileges(), pytest.raises(files.NameTaken):
        files.publish(root + b"/a.txt", b"words", root=root)


def test_a_folder_that_is_a_symbolic_link_is_not_followed(root, tmp_path):
    os.symlink(os.fsencode(tmp_path), root + b"/sub")
    with pytest.raises(OSError, match="sub"):
        files.publish(root + b"/sub/a.txt", b"words", root=root)
    assert os.listdir(tmp_path) == []


def test_a_root_that_is_not_there_is_not_made(root):
    with pytest.raises(FileNotFoundError):
        files.publish(root + b"/gone/a.txt", b"words", root=root + b"/gone")
    assert os.listdir(root) == []


@pytest.mark.parametrize("path", [b"/../a.txt", b"/a/../../b", b"/", b"/./a", b"//a", b"x"])
def test_a_path_that_leaves_the_root_is_refused(root, path):
    with pytest.raises(ValueError, match="no path below"):
        files.publish(root + path, b"words", root=root)


def test_a_disk_that_fills_up_leaves_nothing_behind(root):
    with no_file_larger_than(100_000), pytest.raises(OSError, match="too large"):
        files.publish(root + b"/a.txt", bytes(200_000), root=root)
    assert tree(root) == []


def together(count, work):
    """Runs `work(number)` in threads that start as one; returns what each returned or raised."""
    barrier = threading.Barrier(count)
    results: list[Any] = [None] * count

    def run(number):
        barrier.wait()
        try:
            results[number] = work(number)
        except (OSError, files.NameTaken) as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_of_many_who_publish_under_one_name_one_wins_and_the_others_are_told(root):
    for at in range(20):
        path = root + b"/%d/a.txt" % at
        results = together(8, lambda number, path=path: files.publish(path, b"%d" % number * 5000, root=root))
        winners = [number for number, result in enumerate(results) if result is None]
        assert len(winners) == 1
        assert all(isinstance(results[loser], files.NameTaken) for loser in set(range(8)) - set(winners))
        assert read(path) == b"%d" % winners[0] * 5000
        assert os.listdir(os.path.dirname(path)) == [b"a.txt"]


# The ways of a rename that replaces nothing

WAYS = pytest.mark.parametrize(
    "way", [rename.by_renameat2, rename.by_link, rename.by_claim, rename.by_look, rename.rename_no_replace]
)


@WAYS
def test_each_way_moves_a_file_to_a_free_name(root, inbox, way):
    way(inbox, b"a.mp3", inbox, b"b.mp3")
    assert tree(root) == [b"in/b.mp3"]
    assert read(root + b"/in/b.mp3") == b"the recording"


@WAYS
def test_each_way_leaves_both_files_where_the_name_is_taken(root, inbox, way):
    write(root + b"/in/b.mp3")
    with pytest.raises(FileExistsError):
        way(inbox, b"a.mp3", inbox, b"b.mp3")
    assert (read(root + b"/in/a.mp3"), read(root + b"/in/b.mp3")) == (b"the recording", b"foreign")


@WAYS
def test_of_many_who_rename_to_one_name_one_wins_in_each_way(root, inbox, way):
    for number in range(8):
        write(root + b"/in/%d" % number, b"%d" % number)
    results = together(8, lambda number: way(inbox, b"%d" % number, inbox, b"target"))
    winners = [number for number, result in enumerate(results) if not isinstance(result, OSError)]
    assert len(winners) == 1
    assert read(root + b"/in/target") == b"%d" % winners[0]
    assert len(os.listdir(root + b"/in")) == 1 + 8, "the recording, the target and seven losers"


@WAYS
def test_each_way_says_exdev_between_file_systems_and_leaves_no_claim(inbox, elsewhere, way):
    other = os.open(elsewhere, os.O_RDONLY | os.O_DIRECTORY)
    try:
        assert os.fstat(other).st_dev != os.fstat(inbox).st_dev
        with pytest.raises(OSError, match=r"(?i)cross-device") as error:
            way(inbox, b"a.mp3", other, b"b.mp3")
    finally:
        os.close(other)
    assert error.value.errno == errno.EXDEV
    assert os.listdir(elsewhere) == []


# Replacing


def test_a_file_of_ours_is_replaced_at_once(root):
    for data in (b"one", b"two"):
        files.replace(root + b"/status.json", data)
    assert tree(root) == [b"status.json"]
    assert read(root + b"/status.json") == b"two"


def test_a_replacement_that_fails_leaves_the_old_file(root):
    files.replace(root + b"/status.json", b"old")
    with no_file_larger_than(100_000), pytest.raises(OSError, match="too large"):
        files.replace(root + b"/status.json", bytes(200_000))
    assert tree(root) == [b"status.json"]
    assert read(root + b"/status.json") == b"old"


def test_a_reader_never_sees_half_a_replacement(root):
    path = root + b"/status.json"
    files.replace(path, b"0" * 50_000)
    done = threading.Event()

    def rewrite():
        for number in range(50):
            files.replace(path, b"%d" % (number % 10) * 50_000)
        done.set()

    thread = threading.Thread(target=rewrite)
    thread.start()
    try:
        while not done.is_set():
            seen = read(path)
            assert len(seen) == 50_000
            assert len(set(seen)) == 1
    finally:
        thread.join()


# Moving


def test_a_file_is_moved_as_it_is_into_folders_that_are_made(root, inbox):
    before = os.stat(root + b"/in/a.mp3")
    files.move(inbox, b"a.mp3", root + b"/archive/x/y/b.mp3", root=root + b"/archive")
    after = os.stat(root + b"/archive/x/y/b.mp3")
    assert tree(root) == [b"archive/x/y/b.mp3"]
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_file_is_moved_to_another_file_system_with_its_time(root, inbox, elsewhere):
    files.move(inbox, b"a.mp3", elsewhere + b"/x/a.mp3", root=elsewhere)
    assert tree(root) == []
    assert tree(elsewhere) == [b"x/a.mp3"]
    assert read(elsewhere + b"/x/a.mp3") == b"the recording"
    assert os.stat(elsewhere + b"/x/a.mp3").st_mtime_ns == 1_500_000_000_000_000_100


def test_a_file_carried_to_another_file_system_gets_the_mode_that_the_umask_gives(inbox, elsewhere):
    with umask(0o007):
        files.move(inbox, b"a.mp3", elsewhere + b"/a.mp3", root=elsewhere)
    assert mode(elsewhere + b"/a.mp3") == 0o660


@pytest.fixture(params=["beside", "elsewhere"])
def archive(request, root, elsewhere):
    """The folders that recordings go to: on the same file system, and on another."""
    return root + b"/archive" if request.param == "beside" else elsewhere


def test_a_move_replaces_nothing_foreign(root, inbox, archive):
    for foreign in (b"foreign", b"THE RECORDING", b""):
        write(archive + b"/a.mp3", foreign)
        with pytest.raises(files.NameTaken) as taken:
            files.move(inbox, b"a.mp3", archive + b"/a.mp3", root=archive)
        assert taken.value.path == archive + b"/a.mp3"
        assert (read(root + b"/in/a.mp3"), read(archive + b"/a.mp3")) == (b"the recording", foreign)
    assert tree(archive) == [b"a.mp3"]


def test_a_move_that_a_crash_left_with_both_files_is_finished(root, inbox, archive):
    write(archive + b"/a.mp3", b"the recording")
    files.move(inbox, b"a.mp3", archive + b"/a.mp3", root=archive)
    assert os.listdir(root + b"/in") == []
    assert read(archive + b"/a.mp3") == b"the recording"


def test_a_move_that_a_crash_left_with_two_names_of_one_file_is_finished(root, inbox):
    os.link(root + b"/in/a.mp3", root + b"/archive/a.mp3")
    files.move(inbox, b"a.mp3", root + b"/archive/a.mp3", root=root + b"/archive")
    assert tree(root) == [b"archive/a.mp3"]


def test_a_move_onto_itself_does_not_lose_the_file(root, inbox):
    """As where two mounts show one folder: the equal file at the target is the source itself."""
    os.rmdir(root + b"/archive")
    os.symlink(b"in", root + b"/archive")
    with pytest.raises(files.NameTaken):
        files.move(inbox, b"a.mp3", root + b"/archive/a.mp3", root=root + b"/archive")
    assert read(root + b"/in/a.mp3") == b"the recording"


def test_a_move_to_a_full_disk_leaves_the_source_and_nothing_else(root, inbox, elsewhere):
    write(root + b"/in/a.mp3", bytes(200_000))
    with no_file_larger_than(100_000), pytest.raises(OSError, match="too large"):
        files.move(inbox, b"a.mp3", elsewhere + b"/a.mp3", root=elsewhere)
    assert os.stat(root + b"/in/a.mp3").st_size == 200_000
    assert tree(elsewhere) == []


def test_a_rename_that_was_done_though_an_error_came_back_is_success(root, inbox):
    """A rename on a network file system whose answer is lost."""
    source = durable._Source(inbox, b"a.mp3", files.status_of(b"a.mp3", within=inbox), None)
    path = root + b"/archive/a.mp3"
    archive = os.open(root + b"/archive", os.O_RDONLY | os.O_DIRECTORY)

    def rename_and_lose_the_answer():
        os.rename(root + b"/in/a.mp3", path)
        raise OSError(errno.EIO, "lost")

    try:
        durable._appear(
            rename_and_lose_the_answer,
            path,
            is_ours=lambda: durable._is_moved(source, archive, b"a.mp3", AS_GIVEN),
        )
        os.rename(path, root + b"/in/a.mp3")
        assert not durable._is_moved(source, archive, b"a.mp3", AS_GIVEN)
    finally:
        os.close(archive)


def test_a_source_that_changed_while_it_was_copied_is_not_removed(root, inbox):
    source = durable._Source(inbox, b"a.mp3", files.status_of(b"a.mp3", within=inbox), None)
    with open(root + b"/in/a.mp3", "ab") as file:
        file.write(b", and more of it")
    with pytest.raises(OSError, match="changed while it was moved") as busy:
        source.leave()
    assert busy.value.errno == errno.EBUSY
    assert read(root + b"/in/a.mp3") == b"the recording, and more of it"


def test_a_move_leaves_what_is_not_as_it_was_when_it_was_read(root, inbox, archive):
    """By a rename as by a copy: what lies there is compared with what was read, not with itself."""
    was = (len(b"the recording"), 1_500_000_000_000_000_100)
    write(root + b"/in/a.mp3", b"other bytes!!")
    with pytest.raises(OSError, match="changed while it was moved") as busy:
        files.move(inbox, b"a.mp3", archive + b"/a.mp3", root=archive, was=was)
    assert busy.value.errno == errno.EBUSY
    assert read(root + b"/in/a.mp3") == b"other bytes!!"
    assert tree(archive) == []


def test_a_link_or_a_pipe_is_never_carried(root, inbox, elsewhere):
    write(root + b"/secret")
    os.symlink(root + b"/secret", root + b"/in/link.mp3")
    os.mkfifo(root + b"/in/pipe.mp3")
    for name in (b"link.mp3", b"pipe.mp3"):
        with pytest.raises(FileNotFoundError):
            files.move(inbox, name, elsewhere + b"/a.mp3", root=elsewhere)
    assert tree(elsewhere) == []


# Names


def test_the_first_of_a_name_has_no_number():
    assert files.numbered(b"a/Talk", 1) == b"a/Talk"
    assert files.numbered(b"a/Talk", 2) == b"a/Talk (2)"
    assert files.output_name(b"a/Talk", 2, b".txt") == b"a/Talk (2).txt"


def test_a_name_that_just_fits_is_kept():
    assert files.output_name(b"d/" + b"x" * 251, 1, b".mp3") == b"d/" + b"x" * 251 + b".mp3"
    assert len(files.output_name(b"d/" + b"x" * 252, 1, b".mp3")) < 255


def test_a_name_that_does_not_fit_is_shortened_visibly_and_alike_for_each_suffix():
    stem = "会議".encode() * 45
    names = [files.output_name(b"a/" + stem, 2, suffix) for suffix in (b".txt", b".podcast.json", b".mp3.error.txt")]
    shortened = {name.partition(b" (2)")[0] for name in names}
    assert len(shortened) == 1
    text = shortened.pop().decode()
    assert text.startswith("a/会議会議")
    assert text[:-8].endswith(("会", "議"))
    assert text[-8:-6] == "…~"


COMPONENT = (st.binary(min_size=1, max_size=255) | st.binary(min_size=230, max_size=255)).filter(
    lambda name: b"/" not in name and b"\0" not in name
)
ENDINGS = pytest.mark.parametrize(
    ("number", "suffix"), [(1, b".txt"), (2, b".mp3.error.txt"), (9999, b".podcast.json")]
)


@ENDINGS
@given(stem=COMPONENT)
def test_an_output_name_always_fits(stem, number, suffix):
    folder, _, last = files.output_name(b"folder/" + stem, number, suffix).partition(b"/")
    assert folder == b"folder"
    assert len(last) <= 255
    assert last.endswith(suffix)


@ENDINGS
@given(letters=st.text("aé会🎤", min_size=70, max_size=250))
def test_a_shortened_text_is_still_a_text(letters, number, suffix):
    name = files.output_name(letters.encode(), number, suffix).decode()
    if "…" in name:
        assert letters.startswith(name.partition("…")[0])


def test_two_long_stems_that_differ_at_their_end_keep_different_names():
    one, other = (b"x" * 254 + tail for tail in (b"1", b"2"))
    assert files.output_name(one, 1, b".txt") != files.output_name(other, 1, b".txt")


def test_the_lowest_number_is_free_everywhere(root):
    write(root + b"/a.txt")
    os.symlink(b"nowhere", root + b"/a (2).srt")
    os.mkdir(root + b"/a (4).txt")

    def candidates(number):
        return [files.output_name(root + b"/a", number, suffix) for suffix in (b".txt", b".srt")]

    assert files.free_number(candidates) == 3
    assert files.free_number(candidates, taken={3}) == 5
    assert files.free_number(lambda number: [root + b"/no/such/folder", root + b"/a.txt/x"]) == 1


@pytest.mark.parametrize("in_use", [99, 100, 101, 5000, 123_456])
def test_where_very_many_numbers_are_in_use_few_are_looked_at(in_use):
    looked = []

    def is_in_use(path):
        looked.append(path)
        return int(path) <= in_use

    assert files.free_number(lambda number: [b"%d" % number], is_in_use=is_in_use) == in_use + 1
    assert len(looked) < 150


def test_where_very_many_numbers_are_taken_the_next_is_above_them_all():
    assert files.free_number(lambda _: [], taken=range(5000, 5000 + files.MANY_NUMBERS)) == 5000 + files.MANY_NUMBERS
    assert files.free_number(lambda _: [], taken=range(5000, 5000 + files.MANY_NUMBERS - 1)) == 1


def test_the_search_for_a_number_ends(root):
    with pytest.raises(FileExistsError):
        files.free_number(lambda number: [root])


def test_a_folder_that_cannot_be_looked_into_is_an_error_and_not_a_free_name(root):
    os.mkdir(root + b"/closed", 0)
    with without_privileges(), pytest.raises(PermissionError):
        files.free_number(lambda number: [root + b"/closed/a.txt"])


# Sweeping and probing

STRAY = files.TEMPORARY + b"0123456789abcdef"


def test_old_temporaries_are_swept_from_all_folders_and_nothing_else_is(root, tmp_path):
    os.makedirs(root + b"/a/caf\xe9")
    for folder in (root, root + b"/a", root + b"/a/caf\xe9", os.fsencode(tmp_path)):
        write(folder + b"/" + STRAY)
    os.symlink(os.fsencode(tmp_path), root + b"/link")
    link, folder = (b"a/" + files.TEMPORARY + word * 8 for word in (b"aa", b"bb"))
    os.symlink(os.fsencode(tmp_path) + b"/" + STRAY, root + b"/" + link)
    os.mkdir(root + b"/" + folder)
    strangers = [b"a/.transcribed.txt", b"a/x" + STRAY, b"a/" + STRAY + b".mp3", b"a/.transcribed-notes"]
    for name in strangers:
        write(root + b"/" + name)
    assert files.sweep(root, now=time.time() + 3700) == 3
    assert tree(root) == sorted([*strangers, link])
    assert os.path.exists(tmp_path / os.fsdecode(STRAY))
    assert os.path.isdir(root + b"/" + folder)


def test_a_young_temporary_may_be_another_daemons_and_stays(root):
    write(root + b"/" + STRAY)
    os.utime(root + b"/" + STRAY, (0, 0))
    assert files.sweep(root, now=time.time()) == 0
    assert tree(root) == [STRAY]


def test_a_sweep_of_a_folder_that_is_not_there_is_an_error(root):
    with pytest.raises(FileNotFoundError):
        files.sweep(root + b"/gone", now=0.0)


def test_a_probe_leaves_nothing(root):
    files.probe_write(root)
    assert os.listdir(root) == []


def test_a_probe_raises_what_a_real_write_would(root):
    with pytest.raises(FileNotFoundError):
        files.probe_write(root + b"/gone")
    os.chmod(root, 0o555)
    with without_privileges(), pytest.raises(PermissionError):
        files.probe_write(root)
    with no_file_larger_than(0), pytest.raises(OSError, match="too large"):
        files.probe_write(root)
    assert os.listdir(root) == []
