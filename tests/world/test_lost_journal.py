"""A journal that is damaged, missing, or put back from a backup: nothing that was paid for is paid again unasked.

What a stranger can do to the file is done to it between two runs of the daemon's heart.
"""

import errno
import json
import os
import sqlite3
from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import version_4
from damage import overwrite, random_bytes, zeroed_in_the_middle
from fake_assemblyai import FakeAssemblyAI
from jobs import RECEIVED, a_job, add_job, unfinished
from many_jobs import fill
from transcribed.assemblyai import AssemblyAI
from transcribed.errors import Blocked, ConfigError
from transcribed.job import State
from transcribed.journal import VERSION, Change, Happening, Journal, Transcripts, damage, rebuild
from transcribed.journal.rebuilding import MARK, job_of
from transcribed.worker import Reload, drop
from waiting import wait_for
from world import START, Clock, World, mp3


def journal_of(world):
    return world.state / "journal.db"


def torn(path):
    os.truncate(path, path.stat().st_size // 2)


def emptied(path):
    os.truncate(path, 0)


def of_another_program(path):
    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE songs (name)")


def with_a_job_of_no_state(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE jobs SET state = 'delivared'")


def with_an_index_that_lies(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA writable_schema = ON")
        other.execute("UPDATE sqlite_master SET rootpage = 2 WHERE name = 'jobs_by_content'")


DAMAGES = [
    *(torn, random_bytes, zeroed_in_the_middle, emptied, of_another_program, with_a_job_of_no_state),
    with_an_index_that_lies,
]


# -- what becomes of the file -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("harm", DAMAGES)
def test_a_damaged_journal_is_set_aside_under_a_dated_name_byte_for_byte_and_a_new_one_says_so(tmp_path, harm):
    directory = str(tmp_path)
    with closing(Journal.open(directory)) as journal:
        add_job(journal, a_job(), RECEIVED)
    harm(tmp_path / "journal.db")
    damaged = (tmp_path / "journal.db").read_bytes()

    with closing(Journal.open(directory)) as journal:
        assert journal.all() == []
        assert "set aside as journal.db.damaged-20" in journal.loss()
        assert journal.damage() == ""

    (aside,) = tmp_path.glob("journal.db.damaged-*")
    assert aside.read_bytes() == damaged


@pytest.mark.parametrize("beside", [b"", b"what was committed last"])
def test_a_journal_that_is_missing_though_one_was_begun_is_lost_and_what_lay_beside_it_is_not_believed(
    tmp_path, beside
):
    Journal.open(str(tmp_path)).close()
    (tmp_path / "journal.db").unlink()
    (tmp_path / "journal.db-wal").write_bytes(beside)

    with closing(Journal.open(str(tmp_path))) as journal:
        assert journal.loss() == "the journal was missing"

    (aside,) = tmp_path.glob("journal.db.damaged-*-wal")
    assert aside.read_bytes() == beside


def test_the_first_journal_of_a_directory_has_lost_nothing(tmp_path):
    for _ in range(2):
        with closing(Journal.open(str(tmp_path))) as journal:
            assert journal.loss() == ""


def test_a_daemon_that_died_while_it_made_its_first_journal_has_lost_nothing(tmp_path):
    (tmp_path / "lock").touch()
    (tmp_path / "journal.db").touch()

    with closing(Journal.open(str(tmp_path))) as journal:
        assert journal.loss() == ""


def test_two_journals_damaged_in_the_same_second_are_both_kept(tmp_path):
    Journal.open(str(tmp_path)).close()
    for word in (b"first", b"second", b"third"):
        (tmp_path / "journal.db").write_bytes(word * 1000)
        Journal.open(str(tmp_path)).close()

    kept = [path.read_bytes()[:5] for path in tmp_path.glob("journal.db.damaged-*") if not path.name.endswith("wal")]
    assert sorted(kept) == [b"first", b"secon", b"third"]


def test_a_loss_is_remembered_until_it_is_accepted(tmp_path):
    Journal.open(str(tmp_path)).close()
    random_bytes(tmp_path / "journal.db")
    for _ in range(2):
        with closing(Journal.open(str(tmp_path))) as journal:
            assert journal.loss()
    with closing(Journal.open(str(tmp_path))) as journal:
        journal.accept_loss()

    with closing(Journal.open(str(tmp_path))) as journal:
        assert journal.loss() == ""


@pytest.mark.parametrize("version", range(1, VERSION))
def test_a_journal_of_a_version_before_is_brought_up_to_date_and_has_lost_nothing(tmp_path, version):
    with closing(Journal.open(str(tmp_path))) as journal:
        job = add_job(journal, a_job(), RECEIVED)
    version_4.made_older(tmp_path / "journal.db", version)
    if version == 1:
        (tmp_path / "lock").write_bytes(b"")  # version 1 did not mark it
        (tmp_path / "journal.starts").unlink()  # nor did it count its starts

    with pytest.raises(ConfigError, match="start the daemon once, which brings it up to date"):
        Journal.read(str(tmp_path))
    for _ in range(2):
        with closing(Journal.open(str(tmp_path))) as journal:
            assert journal.all() == [job]
            assert journal.loss() == ""


@pytest.mark.parametrize(
    ("version", "table"),
    [
        *((VERSION, table) for table in ("facts", "erasures", "payments", "names", "days")),
        *((version, table) for version, table in [(6, "facts"), (4, "settings"), (4, "tails"), (3, "settings")]),
    ],
)
def test_a_journal_that_lacks_a_table_of_its_version_is_damaged(tmp_path, version, table):
    with closing(Journal.open(str(tmp_path))) as journal:
        add_job(journal, a_job(), RECEIVED)
    if version < VERSION:
        version_4.made_older(tmp_path / "journal.db", version)
    with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as broken:
        broken.execute(f"DROP TABLE {table}")

    with closing(Journal.open(str(tmp_path))) as journal:
        assert journal.loss()


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 2**20), data=st.binary(min_size=1, max_size=5000))
def test_no_bytes_in_its_place_keep_the_journal_from_being_opened_or_set_aside(tmp_path_factory, at, data):
    directory = tmp_path_factory.mktemp("state")
    path = directory / "journal.db"
    with closing(Journal.open(str(directory))) as journal:
        new = [replace(a_job(f"{number}.mp3".encode()), id=journal.next_number()) for number in range(30)]
        journal.write([Change(job, None, (Happening(job, RECEIVED, START),)) for job in new])
    overwrite(path, at % path.stat().st_size, data)
    harmed = path.read_bytes()
    newer = int.from_bytes(harmed[60:64], "big", signed=True) > VERSION  # where SQLite keeps user_version

    refused = pytest.raises(ConfigError, match="newer") if newer else nullcontext()
    with refused, closing(Journal.open(str(directory))) as opened:
        asides = [aside.read_bytes() for aside in directory.glob("journal.db.damaged-*") if aside.stat().st_size]
        assert asides == ([harmed] if opened.loss() else [])
        assert len(opened.all()) == (0 if asides else 30)
        assert opened.damage() == ""


# -- what is rebuilt --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("harm", [*DAMAGES, Path.unlink])
def test_after_the_journal_is_lost_what_was_paid_is_delivered_again_at_no_cost_and_nothing_else_is_submitted(
    world, harm, capsys
):
    world.drop("Old.mp3", mp3("Old"))
    world.run()
    harm(journal_of(world))
    world.drop("Again.mp3", mp3("Old"))
    world.drop("New.mp3", mp3("New", frames=80))

    assert world.run() == 75

    assert world.files("outbox") == ["Again.srt", "Again.txt", "Old.srt", "Old.txt"]
    assert len(world.api.submits) == len(world.api.uploads) == 1
    assert "journal.lost" in capsys.readouterr().out


def test_people_who_have_only_the_share_are_told_that_a_lost_journal_waits_for_a_word(world):
    world.drop("Old.mp3", mp3("Old"))
    world.run()
    random_bytes(journal_of(world))
    note = world.folders["outbox"] / "_transcribed.txt"

    world.run(until=note.exists)

    assert "transcribed accept" in note.read_text()


def test_an_order_to_accept_lets_the_daemon_submit_again_and_it_asks_no_more(world):
    world.drop("Old.mp3", mp3("Old"))
    world.run()
    random_bytes(journal_of(world))
    world.drop("New.mp3", mp3("New"))
    world.run()
    drop(str(world.state), {"order": "accept", "loss": True})

    assert world.run() == 0

    assert world.files("outbox") == ["New.srt", "New.txt", "Old.srt", "Old.txt"]
    assert set(world.api.paid().values()) == {1}
    world.drop("Newer.mp3", mp3("Newer"))
    assert world.run() == 0


def test_another_key_does_not_end_the_wait_for_a_persons_word(world):
    world.drop("Old.mp3", mp3("Old"))
    world.run()
    random_bytes(journal_of(world))
    world.drop("New.mp3", mp3("New"))
    world.next_plan = lambda: replace(world.plan(), client=AssemblyAI(world.api.base_url, "another", stop=Event()))

    assert world.run(messages=(Reload(),)) == 75

    assert len(world.api.submits) == 1


def test_a_recording_of_the_lost_journal_that_lies_at_its_old_path_is_delivered_and_put_away(world):
    """As a crash between the fetch and the delivery leaves it: paid for, kept, and still in the inbox."""
    world.drop("Talk.mp3", mp3("Talk"))
    world.run(until=lambda: State.TRANSCRIBED in world.states())
    journal_of(world).unlink()

    world.run()

    assert world.files("outbox") == ["Talk.srt", "Talk.txt"]
    assert world.files("archive") == ["Talk.mp3"]
    assert len(world.api.submits) == 1


def test_a_transcript_that_is_delivered_already_is_not_doubled_where_the_recording_is_kept(tmp_path):
    with FakeAssemblyAI() as api:
        world = World(tmp_path, api, Clock(), after="keep")
        world.drop("Talk.mp3", mp3("Talk"))
        world.run()
        journal_of(world).unlink()

        world.run()

        assert world.files("outbox") == ["Talk.srt", "Talk.txt"]
        assert len(api.submits) == 1


def test_a_crash_while_the_journal_is_rebuilt_leaves_it_to_the_next_start(world):
    world.drop("Old.mp3", mp3("Old"))
    world.run()
    random_bytes(journal_of(world))
    Journal.open(str(world.state)).close()  # and it died before it rebuilt

    world.drop("Again.mp3", mp3("Old"))
    world.run()
    world.run()

    assert "Again.txt" in world.files("outbox")
    assert len(world.api.submits) == 1
    assert sum(job.transcript_id is not None for job in world.jobs()) == 2


def test_a_rebuilt_job_says_what_it_is_and_can_be_rendered(world):
    world.drop("Old.mp3", mp3("Old"))
    world.run()
    (before,) = world.jobs()
    random_bytes(journal_of(world))
    world.run()

    (job,) = world.jobs()
    assert (job.state, job.unfinished, job.place) == (State.DELIVERED, False, b"")
    for fact in ("inbox", "path", "content_hash", "parameters", "upload_url", "base_url", "transcript_id"):
        assert getattr(job, fact) == getattr(before, fact)
    with closing(Journal.read(str(world.state))) as journal:
        assert journal.story(job.id)[0]["warnings"] == [MARK]


def test_a_description_that_was_damaged_too_costs_that_one_alone(world, capsys):
    for name in ("One.mp3", "Two.mp3"):
        world.drop(name, mp3(name))
    world.run()
    one, _two = sorted((world.state / "transcripts").glob("*.meta.json"))
    one.write_bytes(b'{"transcript_id": ')
    journal_of(world).unlink()

    world.run()

    assert len(world.jobs()) == 1
    assert "unread=1" in capsys.readouterr().out


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
_META: dict[str, Any] = {
    "transcript_id": "11111111-2222-4333-8444-555555555555",
    "content_hash": "ab" * 32,
    "request": {"audio_url": "https://cdn.assemblyai.com/upload/1", "speaker_labels": True},
    "upload_url": "https://cdn.assemblyai.com/upload/1",
    "base_url": "https://api.assemblyai.com",
    "inbox": "talks",
    "path": "Talk.mp3",
    "size": 1000,
    "submit_sent_at": START,
}


@settings(deadline=None)
@given(changes=st.dictionaries(st.sampled_from([*_META]), _JSON), data=st.binary(max_size=100) | st.none())
def test_any_description_beside_a_transcript_is_a_job_or_is_left_out(tmp_path_factory, changes, data):
    state = tmp_path_factory.mktemp("state")
    (state / "transcripts").mkdir()
    name = _META["transcript_id"]
    (state / "transcripts" / f"{name}.json").write_bytes(b"{}")
    described = data if data is not None else json.dumps({**_META, **changes}).encode()
    (state / "transcripts" / f"{name}.meta.json").write_bytes(described)
    Journal.open(str(state)).close()
    (state / "journal.db").unlink()

    with closing(Journal.open(str(state))) as journal:
        rebuild(journal, str(state), START)
        assert all(job.transcript_id == name and not job.unfinished for job in journal.all())
        assert len(journal.all()) == (1 if data is None and not changes else len(journal.all()))


def test_a_description_whose_transcript_was_removed_still_says_what_was_paid_for(tmp_path):
    kept = Transcripts(str(tmp_path))
    kept.keep(_META["transcript_id"], b"{}", {key: value for key, value in _META.items() if key != "transcript_id"})
    assert [job_of(meta, START).content_hash for meta in kept.described()] == ["ab" * 32]
    Path(os.fsdecode(kept.path(_META["transcript_id"]))).unlink()

    assert [job_of(meta, START).content_hash for meta in kept.described()] == ["ab" * 32]


# -- the real daemon, its check and its backup ------------------------------------------------------------------------


def test_a_backup_put_back_does_not_pay_again_for_what_was_transcribed_since(world, tmp_path):
    world.drop("Early.mp3", mp3("Early"))
    world.run()
    with closing(Journal.read(str(world.state))) as journal:
        journal.copy(str(tmp_path / "backup"))
    world.drop("Late.mp3", mp3("Late", frames=50))
    world.run()
    for beside in ("-wal", "-shm"):
        (world.state / f"journal.db{beside}").unlink(missing_ok=True)
    (tmp_path / "backup").replace(journal_of(world))
    world.drop("Late again.mp3", mp3("Late", frames=50))
    world.drop("New.mp3", mp3("New", frames=60))

    assert world.run() == 75

    assert "Late again.txt" in world.files("outbox")
    assert "New.txt" not in world.files("outbox")
    assert len(world.api.submits) == 2


# -- a large journal --------------------------------------------------------------------------------------------------


@pytest.fixture
def large(tmp_path, monkeypatch):
    """A journal that counts as large, of 50 jobs that have ended and one that has not; the path of its file."""
    monkeypatch.setattr(damage, "SMALL_BYTES", 10_000)
    fill(tmp_path, 50)
    with closing(Journal.open(str(tmp_path))) as journal:
        add_job(journal, a_job(), RECEIVED)
        wait_for((tmp_path / "journal.db.checked").exists, "the look at all of it")
    return tmp_path / "journal.db"


def with_an_ended_job_of_no_state(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE jobs SET state = 'delivared' WHERE id = 7")


def with_an_unfinished_job_of_no_step(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE jobs SET in_flight = 'nothing' WHERE state = 'received'")


def is_suspect(path):
    return path.with_name("journal.db.suspect").exists()


def test_a_filled_journal_is_whole(tmp_path):
    fill(tmp_path, 50)
    with closing(Journal.open(str(tmp_path))) as journal:
        assert journal.damage() == ""
        assert journal.counts() == {"delivered": 50}
        assert [row["event"] for row in journal.story(49)] == [row["event"] for row in journal.story(1)]
        assert [job.id for job in journal.each()] == list(range(1, 51))


def test_a_large_journal_is_read_wholly_beside_the_work_and_not_again_for_a_day(large, monkeypatch):
    checked = large.with_name("journal.db.checked")
    before = checked.stat().st_mtime_ns
    Journal.open(str(large.parent)).close()
    assert checked.stat().st_mtime_ns == before

    os.utime(checked, (START, START - 2 * damage.CHECKED_SECONDS))
    with closing(Journal.open(str(large.parent))):
        wait_for(lambda: checked.stat().st_mtime_ns > before, "another look")


def test_a_large_journal_is_read_wholly_too_where_the_system_refuses_another_priority(large, monkeypatch):
    """As the shipped unit does, which refuses @resources."""

    def refused(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    checked = large.with_name("journal.db.checked")
    checked.unlink()
    monkeypatch.setattr(os, "setpriority", refused)
    with closing(Journal.open(str(large.parent))):
        wait_for(checked.exists, "the look at all of it")


def test_a_daemon_that_runs_for_long_reads_a_large_journal_wholly_again(world, monkeypatch):
    monkeypatch.setattr(damage, "SMALL_BYTES", 10_000)
    world.drop("Talk.mp3", mp3("Talk"))
    world.run()
    checked, looks = world.state / "journal.db.checked", []

    def looked_at_twice():
        if checked.exists():
            looks.append(checked.unlink())
        return len(looks) == 2

    world.run(looked_at_twice, seconds=1e6)


def test_damage_of_a_large_journal_that_is_found_beside_the_work_stops_its_writing_and_the_next_start_rebuilds_it(
    large,
):
    large.with_name("journal.db.checked").unlink()
    with_an_ended_job_of_no_state(large)
    damaged = len(large.read_bytes())

    with closing(Journal.open(str(large.parent))) as journal:
        assert len(unfinished(journal)) == 1, "it begins at once"
        wait_for(lambda: is_suspect(large), "the mark")
        with pytest.raises(Blocked, match="the journal is damaged: a job in it cannot be read") as caught:
            add_job(journal, a_job(), RECEIVED)
        assert (caught.value.lane, caught.value.by_person, caught.value.exit_status) == ("state", True, 75)
        assert "its next start sets the journal aside" in caught.value.hint

    with closing(Journal.open(str(large.parent))) as journal:
        assert "set aside as journal.db.damaged-20" in journal.loss()
        assert journal.counts() == {}
    assert not is_suspect(large)
    (aside,) = large.parent.glob("journal.db.damaged-*")
    assert len(aside.read_bytes()) >= damaged


@pytest.mark.parametrize("harm", [random_bytes, zeroed_in_the_middle, with_an_unfinished_job_of_no_step])
def test_damage_of_a_large_journal_that_shows_at_once_is_set_aside_at_once(large, harm):
    harm(large)

    with closing(Journal.open(str(large.parent))) as journal:
        assert "set aside" in journal.loss()


def test_damage_that_is_met_at_work_blocks_the_lane_state_and_the_next_start_looks_closely(large):
    with closing(Journal.open(str(large.parent))) as journal:
        with_an_ended_job_of_no_state(large)
        for _ in range(2):
            with pytest.raises(Blocked, match="the journal is damaged"):
                journal.job(7)
        assert journal.job(51) is not None, "what can be read can be read"
        with pytest.raises(Blocked, match="the journal is damaged"):
            journal.touch()
        assert is_suspect(large)

    with closing(Journal.open(str(large.parent))) as journal:
        assert journal.loss()


def test_who_asks_to_hear_of_damage_hears_of_it_however_early_it_is_found(large):
    heard: list[str] = []
    with closing(Journal.open(str(large.parent))) as journal:
        with_an_ended_job_of_no_state(large)
        assert not journal.is_damaged
        journal.on_damage(lambda: heard.append("at work"))
        for _ in range(2):
            with pytest.raises(Blocked, match="the journal is damaged"):
                journal.job(7)
        assert heard == ["at work"]

        journal.on_damage(lambda: heard.append("at once"))
        assert journal.is_damaged
        assert heard == ["at work", "at once"]


def test_a_large_journal_is_checked_wholly_on_request(large):
    with_an_ended_job_of_no_state(large)

    with closing(Journal.read(str(large.parent))) as journal:
        assert journal.damage() == ""
        assert "'delivared' is not a valid State" in journal.damage(whole=True)
    assert not is_suspect(large), "only the daemon writes"


def test_a_journal_under_suspicion_that_turns_out_to_be_whole_is_used_and_trusted(large):
    large.with_name("journal.db.suspect").touch()

    with closing(Journal.open(str(large.parent))) as journal:
        assert journal.loss() == ""
        assert journal.counts() == {"delivered": 50, "received": 1}
    assert not is_suspect(large)


def test_a_daemon_whose_journal_is_damaged_at_work_tells_so_and_pays_for_nothing_more(world, monkeypatch):
    world.drop("Talk.mp3", mp3("Talk"))
    world.run()
    monkeypatch.setattr(damage, "SMALL_BYTES", 10_000)
    (world.state / "journal.db.checked").touch()
    with_an_index_that_lies(journal_of(world))
    world.drop("Again.mp3", mp3("Talk"))

    assert world.run() == 75

    assert len(world.api.submits) == 1
    assert [row["lane"] for row in world.published[-1]["blocked"]] == ["state"]
    assert is_suspect(journal_of(world))
    world.run()
    assert "Again.txt" in world.files("outbox")
    assert len(world.api.submits) == 1
