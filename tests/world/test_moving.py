"""A daemon moves to another machine by `journal export` and `import`: nothing is paid again, nothing false gets in."""

import gzip
import io
import os
import shutil
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from commands import ask
from fake_assemblyai import FakeAssemblyAI
from transcribed.errors import TranscribedError
from transcribed.job import State
from transcribed.journal import Journal, Lock
from transcribed.journal.moving import take_in
from world import Clock, World

NAME_OF_A_TRANSCRIPT = "8cd5a1a8-5e0e-4f35-93cf-5a4b0b6d0f2c.json"


@pytest.fixture
def exported(world: World) -> Path:
    """What a machine has left behind: one recording delivered, one submitted, one untouched."""
    world.drop("Done.mp3")
    world.run()
    world.drop("Paid.mp3")
    world.run(lambda: State.SUBMITTED in world.states())
    world.drop("New.mp3")
    path = world.directory / "export.tar.gz"
    assert ask(world, "journal", "export", str(path)).exit_code == 0
    return path


def moved(world: World, tmp_path: Path) -> World:
    """The world on another machine: its folders lie elsewhere, with the hidden files in them."""
    there = tmp_path / "there"
    for folder in world.folders:
        shutil.copytree(world.folders[folder], there / folder)
    return World(there, world.api, world.clock)


def test_a_daemon_that_moves_pays_nothing_again_and_asks_nobody(
    world: World, api: FakeAssemblyAI, exported: Path, tmp_path: Path
) -> None:
    there = moved(world, tmp_path)
    told = ask(there, "journal", "import", str(exported))
    assert told.exit_code == 0

    assert there.run() == 0

    done = [State.DELIVERED, State.DELIVERED, State.CANCELLED, State.DELIVERED]
    assert there.states() == done, "the copy of Paid.mp3 has another ctime, and is found to be the same"
    assert len(api.submits) == 3
    assert there.files("outbox") == sorted(
        f"{name}.{end}" for name in ("Done", "New", "Paid") for end in ("srt", "txt")
    )
    assert all(path.stat().st_mode & 0o077 == 0 for path in there.state.rglob("*") if path.is_file())

    there.drop("Done again.mp3", (there.folders["archive"] / "Done.mp3").read_bytes())
    assert there.run() == 0
    assert len(api.submits) == 3


def test_names_and_corrected_words_move_along(world: World, tmp_path: Path) -> None:
    world.drop("Talk.mp3")
    world.run()
    edited = world.folders["outbox"] / "Talk.txt"
    edited.write_text("Corrected. " + edited.read_text())
    assert ask(world, "render", "1", "--from", str(edited)).exit_code == 0
    path = world.directory / "export.tar.gz"
    assert ask(world, "journal", "export", str(path)).exit_code == 0
    said = {each.name: each.read_bytes() for each in (world.state / "transcripts").iterdir()}

    there = moved(world, tmp_path)
    assert ask(there, "journal", "import", str(path)).exit_code == 0

    assert {each.name: each.read_bytes() for each in (there.state / "transcripts").iterdir()} == said
    assert {name.split(".", 1)[1] for name in said} >= {"amended.json", "corrected.json"}
    assert ask(there, "render", "1", "--format", "srt").stdout.count("Corrected.") == 1


def test_an_export_is_private_replaces_nothing_and_leaves_nothing_beside_it(world: World, exported: Path) -> None:
    assert exported.stat().st_mode & 0o777 == 0o600
    (mine := world.directory / "mine").write_text("mine")
    before = sorted(os.listdir(world.directory))
    with pytest.raises(TranscribedError, match="exists already"):
        ask(world, "journal", "export", str(mine))
    assert mine.read_text() == "mine"
    assert sorted(os.listdir(world.directory)) == before
    with tarfile.open(exported) as archive:
        names = archive.getnames()
    assert names[:3] == ["journal.db", "payments.jsonl", "journal.starts"]
    assert names[-1] == "transcribed-export.json"


def test_what_a_daemon_works_with_is_not_exported(world: World) -> None:
    world.run()
    lock = Lock(str(world.state))
    try:
        with pytest.raises(TranscribedError, match="another transcribed works"):
            ask(world, "journal", "export", str(world.directory / "export"))
    finally:
        lock.close()


def test_an_import_replaces_no_journal(world: World, exported: Path) -> None:
    before = {path: path.read_bytes() for path in world.state.rglob("*") if path.is_file()}
    with pytest.raises(TranscribedError, match="has a journal, or had one") as caught:
        ask(world, "journal", "import", str(exported))
    assert "mv " in caught.value.hint
    assert {path: path.read_bytes() for path in world.state.rglob("*") if path.is_file()} == before


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An export of two jobs that are done."""
    clock = Clock()
    with FakeAssemblyAI(clock=clock.wall, processing_seconds=1) as api:
        world = World(tmp_path_factory.mktemp("left"), api, clock)
        world.drop("Done.mp3")
        world.drop("Done too.mp3")
        assert world.run() == 0
        path = world.directory / "export"
        assert ask(world, "journal", "export", str(path)).exit_code == 0
        return path.read_bytes()


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for member, data in members:
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


def named(name: str, **facts: object) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    for fact, value in facts.items():
        setattr(member, fact, value)
    return member, b""


def repacked(whole: bytes, **facts: object) -> bytes:
    """The same members, each with these facts of a header too."""
    members = []
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        for each in archive:
            part = archive.extractfile(each)
            assert part is not None
            members.append((named(each.name, **facts)[0], part.read()))
    return packed(*members)


def zeros(kind: bytes, size: int = 1 << 20) -> bytes:
    """A header whose body, which tarfile reads whole, is `size` zeros; then the export goes on."""
    header = tarfile.TarInfo("journal.db")
    header.type, header.size = kind, size
    return gzip.compress(header.tobuf(tarfile.GNU_FORMAT) + bytes(size))


HOSTILE = {
    "a huge pax header": lambda _: zeros(tarfile.XHDTYPE),
    "a huge pax header for all": lambda _: zeros(tarfile.XGLTYPE),
    "a huge long name": lambda _: zeros(tarfile.GNUTYPE_LONGNAME),
    "a huge name of a link": lambda _: zeros(tarfile.GNUTYPE_LONGLINK),
    "a comment in a pax header": lambda whole: repacked(whole, pax_headers={"comment": "x"}),
    "a name of a link": lambda whole: repacked(whole, linkname="x"),
    "a path above": lambda _: packed(named("../escaped")),
    "a path above the transcripts": lambda _: packed(named("transcripts/../../escaped")),
    "a full path": lambda _: packed(named("/tmp/escaped")),
    "a link": lambda _: packed(named("journal.db", type=tarfile.SYMTYPE, linkname="/etc/passwd")),
    "a hard link": lambda _: packed(named("journal.db", type=tarfile.LNKTYPE, linkname="/etc/passwd")),
    "a device": lambda _: packed(named("journal.db", type=tarfile.CHRTYPE)),
    "a folder": lambda _: packed(named("transcripts", type=tarfile.DIRTYPE)),
    "another file": lambda _: packed(named("lock")),
    "the same twice": lambda _: packed(named("journal.db"), named("journal.db")),
    "no journal": lambda _: packed((tarfile.TarInfo("transcribed-export.json"), b'{"transcribed export":1,"files":0}')),
    "a newer version": lambda _: packed(
        (tarfile.TarInfo("transcribed-export.json"), b'{"transcribed export":2,"files":0}')
    ),
    "more behind its end": lambda _: packed(
        (tarfile.TarInfo("transcribed-export.json"), b'{"transcribed export":1,"files":1}'), named("journal.db")
    ),
    "a journal that is none": lambda _: packed(
        (tarfile.TarInfo("journal.db"), b"no database" * 100),
        (tarfile.TarInfo("transcribed-export.json"), b'{"transcribed export":1,"files":1}'),
    ),
    "no archive": lambda _: b"PK\x03\x04 something else",
    "nothing": lambda _: b"",
    "half of it": lambda whole: whole[: len(whole) // 2],
    "all but its last bytes": lambda whole: whole[:-9],
    "a bit that flipped": lambda whole: whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:],
    "all but its last member": lambda whole: gzip.compress(gzip.decompress(whole).partition(b"transcribed-export")[0]),
}


@pytest.mark.parametrize("made", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_whole_export_of_ours_is_refused_and_leaves_nothing(
    made: Callable[[bytes], bytes], whole: bytes, tmp_path: Path
) -> None:
    state = tmp_path / "elsewhere" / "state"
    with pytest.raises(TranscribedError) as caught:
        take_in(str(state), io.BytesIO(made(whole)))

    assert "nothing was imported" in str(caught.value)
    assert os.listdir(state) == ["lock"]
    assert os.listdir(state.parent) == ["state"]


def test_an_import_that_was_killed_is_made_again(whole: bytes, tmp_path: Path) -> None:
    state = tmp_path / "elsewhere"
    (state / ".transcribed-import/transcripts").mkdir(parents=True)
    (state / ".transcribed-import/transcripts" / NAME_OF_A_TRANSCRIPT).write_bytes(b"of the first try")

    assert take_in(str(state), io.BytesIO(whole)) > 3
    assert not (state / "transcripts" / NAME_OF_A_TRANSCRIPT).exists()
    journal = Journal.read(str(state))
    assert (len(journal.all()), journal.loss()) == (2, "")
    journal.close()


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_a_header_of_many_bytes_is_refused_before_they_are_in_memory(kind: bytes, tmp_path: Path) -> None:
    hostile = io.BytesIO(zeros(kind, 16 << 20))
    tracemalloc.start()
    with pytest.raises(TranscribedError, match="nothing was imported"):
        take_in(str(tmp_path / "state"), hostile)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 4 << 20


@pytest.mark.parametrize("renamed", range(1, 5))
def test_an_import_that_was_killed_between_its_renames_is_made_again(
    whole: bytes, tmp_path: Path, renamed: int
) -> None:
    state, stage = tmp_path / "state", tmp_path / "state/.transcribed-import"
    take_in(str(state), io.BytesIO(whole))
    (state / "lock").write_bytes(b"")
    stage.mkdir()
    for name in ("transcripts", "payments.jsonl", "journal.starts", "journal.db")[renamed:]:
        (state / name).rename(stage / name)

    if renamed < 4:
        assert take_in(str(state), io.BytesIO(whole)) > 3
    else:
        with pytest.raises(TranscribedError, match="has a journal"):
            take_in(str(state), io.BytesIO(whole))

    assert sorted(os.listdir(state)) == ["journal.db", "journal.starts", "lock", "payments.jsonl", "transcripts"]
    journal = Journal.read(str(state))
    assert (len(journal.all()), journal.loss()) == (2, "")
    journal.close()


def test_files_that_came_after_an_import_was_killed_are_not_taken_for_its_own(whole: bytes, tmp_path: Path) -> None:
    (stage := tmp_path / ".transcribed-import/transcripts").mkdir(parents=True)
    (stage.parent / "journal.db").write_bytes(b"half of it")
    (tmp_path / "payments.jsonl").write_bytes(b"mine")
    with pytest.raises(TranscribedError, match="has a journal, or had one"):
        take_in(str(tmp_path), io.BytesIO(whole))
    assert sorted(os.listdir(tmp_path)) == ["lock", "payments.jsonl"]


def test_a_foreign_file_among_the_transcripts_is_told_before_anything_is_read(whole: bytes, tmp_path: Path) -> None:
    (tmp_path / "transcripts").mkdir()
    (tmp_path / "transcripts/mine").write_bytes(b"mine")
    source = io.BytesIO(whole)
    with pytest.raises(TranscribedError, match="transcripts is not empty: nothing was imported") as caught:
        take_in(str(tmp_path), source)
    assert "mv " in caught.value.hint
    assert source.tell() == 0
    assert sorted(os.listdir(tmp_path)) == ["lock", "transcripts"]
