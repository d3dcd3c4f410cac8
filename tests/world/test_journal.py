"""The journal, with real files: what it has acknowledged is there, and what it cannot take is not there at all."""

import json
import os
import sqlite3
from contextlib import closing, nullcontext
from dataclasses import asdict, fields, replace
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jobs import NOW, RECEIVED, a_job, add_job, save_job, unfinished
from transcribed.errors import Blocked, ConfigError, Transient
from transcribed.job import Account, Fingerprint, Job, State, Step, events
from transcribed.journal import VERSION, Change, Happening, Journal, statements, store, tables

#: A machine that is busy is no failure; and one journal serves all, for each job is a new row.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])

ID = "11111111-2222-4333-8444-555555555555"
FAILED = events.Failed("no audio", "look at the recording")


@pytest.fixture
def directory(tmp_path):
    return str(tmp_path / "state")


@pytest.fixture
def journal(directory):
    with closing(Journal.open(directory)) as opened:
        yield opened


def file_of(directory):
    return os.path.join(directory, "journal.db")


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


# -- what lasts -------------------------------------------------------------------------------------------------------


def test_a_job_and_its_events_are_there_after_the_journal_was_closed(directory):
    with closing(Journal.open(directory)) as journal:
        job = add_job(journal, a_job(), RECEIVED)
        failed = replace(job, state=State.FAILED, reason="no audio")
        save_job(journal, job, (failed, FAILED), now=NOW + 5)

    with closing(Journal.open(directory)) as journal:
        assert journal.all() == [failed]
        assert journal.story(job.id) == [
            {"at": NOW, "event": "job.received", "state": "received", "size": 1000, "warnings": [], "seconds": 0.0},
            {
                "at": NOW + 5,
                "event": "job.failed",
                "state": "failed",
                "reason": "no audio",
                "hint": "look at the recording",
                "refused": False,
                "void": False,
                "transcript_id": None,
            },
        ]


def test_a_commit_is_on_the_disk_before_it_is_acknowledged(journal):
    """Write-ahead, and synchronous=FULL: with NORMAL a power cut takes commits that were acknowledged."""
    with journal._engine.connect() as connection:
        said = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")}
        keys = connection.exec_driver_sql("PRAGMA foreign_keys").scalar()

    assert (said, keys) == ({"journal_mode": "wal", "synchronous": 2}, 1)


def test_a_state_directory_may_have_any_name(tmp_path):
    for name in ("50% off", "what?mode=ro", "a#b", "with space", "%41", "ü", os.fsdecode(b"not utf-8 \xff"), "a&b=c"):
        directory = str(tmp_path / name)
        with closing(Journal.open(directory)) as journal:
            add_job(journal, a_job(), RECEIVED)

        assert os.path.exists(file_of(directory))
        with closing(Journal.read("/" + directory)) as reader:
            assert len(reader.all()) == 1


# -- who may open it --------------------------------------------------------------------------------------------------


def test_a_second_daemon_is_told_to_try_again_later_and_the_first_is_not_disturbed(directory, journal):
    with pytest.raises(Transient, match="another transcribed works with"):
        Journal.open(directory)

    assert add_job(journal, a_job(), RECEIVED).id == 1


def test_a_journal_that_was_closed_or_could_not_be_opened_leaves_the_directory_free(directory):
    Journal.open(directory).close()
    with closing(sqlite3.connect(file_of(directory))) as newer:
        newer.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(ConfigError):
        Journal.open(directory)
    with closing(sqlite3.connect(file_of(directory))) as newer:
        newer.execute(f"PRAGMA user_version = {VERSION}")

    Journal.open(directory).close()


@pytest.mark.parametrize("mode", ["delete", "wal"])
@pytest.mark.parametrize("opener", [Journal.open, Journal.read])
def test_a_journal_of_a_newer_version_is_refused_and_not_one_byte_of_it_changed(directory, mode, opener):
    os.makedirs(directory)
    with closing(sqlite3.connect(file_of(directory))) as newer:
        newer.execute(f"PRAGMA journal_mode = {mode}")
        newer.execute("CREATE TABLE jobs (a_column_of_tomorrow)")
        newer.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = read_bytes(file_of(directory))

    with pytest.raises(ConfigError, match=r"newer transcribed.*install the newer again, nothing was changed"):
        opener(directory)

    assert read_bytes(file_of(directory)) == before


def test_a_file_that_is_no_database_is_not_read_as_one_and_left_as_it_is(directory):
    os.makedirs(directory)
    with open(file_of(directory), "w", encoding="utf-8") as file:
        file.write("my notes\n" * 500)
    before = read_bytes(file_of(directory))

    with pytest.raises(ConfigError, match="not a database: put a backup in its place"):
        Journal.read(directory)

    assert read_bytes(file_of(directory)) == before


def test_a_state_directory_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(ConfigError, match=r"state.directory: .*file.* cannot be used: "):
        Journal.open(str(tmp_path / "file"))


def test_the_lock_is_not_taken_through_a_link_that_somebody_left_there(directory, tmp_path):
    os.makedirs(directory)
    os.symlink(tmp_path / "elsewhere", os.path.join(directory, "lock"))

    with pytest.raises(ConfigError):
        Journal.open(directory)

    assert not (tmp_path / "elsewhere").exists()


def test_where_no_daemon_ever_ran_there_is_no_journal_and_none_is_made(directory):
    with pytest.raises(ConfigError, match="there is no journal"):
        Journal.read(directory)

    assert not os.path.exists(directory)


def test_a_journal_whose_daemon_died_before_it_made_the_tables_is_none_yet(directory):
    os.makedirs(directory)
    with open(file_of(directory), "wb"):
        pass

    with pytest.raises(ConfigError, match="there is no journal"):
        Journal.read(directory)
    Journal.open(directory).close()
    Journal.read(directory).close()


def test_a_reader_beside_a_writer_sees_what_was_committed_and_can_change_nothing(directory, journal):
    job = add_job(journal, a_job(), RECEIVED)
    with closing(Journal.read(directory)) as reader:
        assert reader.all() == [job]

        second = add_job(journal, a_job(b"second.mp3"), RECEIVED)

        assert reader.all() == [job, second]
        with pytest.raises(Blocked, match="readonly"):
            add_job(reader, a_job(), RECEIVED)


def test_a_reader_that_is_in_the_middle_of_reading_does_not_keep_the_writer_waiting(directory, journal):
    add_job(journal, a_job(), RECEIVED)
    with closing(sqlite3.connect(file_of(directory), isolation_level=None)) as slow:
        slow.execute("BEGIN")
        slow.execute("SELECT * FROM jobs").fetchall()

        add_job(journal, a_job(b"second.mp3"), RECEIVED)

        assert slow.execute("SELECT count(*) FROM jobs").fetchone() == (1,)


def test_a_look_into_the_journal_does_not_ask_for_the_right_to_write(directory, journal):
    add_job(journal, a_job(), RECEIVED)
    with closing(sqlite3.connect(file_of(directory), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        assert len(journal.all()) == 1


# -- saving -----------------------------------------------------------------------------------------------------------


def test_a_job_that_is_in_another_state_than_was_believed_is_not_saved(journal):
    job = add_job(journal, a_job(), RECEIVED)
    failed = replace(job, state=State.FAILED)
    save_job(journal, job, (failed, FAILED), now=NOW)

    with pytest.raises(AssertionError, match="1 of 1 jobs are not as was believed"):
        save_job(journal, job, (replace(job, reason="stale"), None), now=NOW)

    assert journal.all() == [failed]
    assert len(journal.story(job.id)) == 2


def test_several_changes_are_saved_together_or_not_at_all(journal):
    one, other = add_job(journal, a_job(), RECEIVED), add_job(journal, a_job(b"other.mp3"), RECEIVED)
    ended, adopted = replace(one, state=State.CANCELLED), replace(other, fingerprint=Fingerprint(1000, 6))
    nobody = replace(other, id=99)

    with pytest.raises(AssertionError):
        save_job(journal, one, (ended, events.Cancelled("touched")), (nobody, None), now=NOW)
    assert journal.all() == [one, other]
    assert len(journal.story(one.id)) == 1

    touched = events.Touched(adopted.fingerprint)
    save_job(journal, one, (ended, events.Cancelled("touched")), (adopted, touched), now=NOW)
    assert journal.all() == [ended, adopted]
    assert [row["event"] for row in journal.story(other.id)] == ["job.received", "job.touched"]


def test_of_a_story_the_last_event_of_a_kind_can_be_asked_alone(journal):
    put_away, again = events.Retired(b"/a", closed=True), events.Retired(b"/b")
    job = add_job(journal, a_job(), RECEIVED)
    other = add_job(journal, a_job(b"other.mp3"), RECEIVED)
    save_job(journal, job, (job, put_away), (job, again), (job, events.Touched(job.fingerprint)), now=NOW)
    save_job(journal, other, (other, put_away), now=NOW)

    assert not journal.search.last_told(job.id, events.Retired).get("closed")
    assert journal.search.last_told(other.id, events.Retired)["closed"] is True
    assert journal.search.last_told(other.id, events.Touched) == {}


def test_an_attempt_is_saved_without_an_event(journal):
    job = add_job(journal, a_job(), RECEIVED)
    save_job(journal, job, (replace(job, attempts=1, in_flight=Step.UPLOAD), None), now=NOW)

    assert journal.job(job.id) == replace(job, attempts=1, in_flight=Step.UPLOAD)
    assert len(journal.story(job.id)) == 1


# -- a disk that takes nothing more -----------------------------------------------------------------------------------


def fill(journal, *, pages=0):
    """Let the database have no more than `pages` pages beyond what it has."""
    with journal._engine.connect() as connection:
        has = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {has + pages}")


def test_a_full_disk_blocks_the_state_lane_and_leaves_nothing_half_written(journal):
    job = add_job(journal, a_job(), RECEIVED)
    fill(journal)
    long = events.Deferred("x" * 100_000)

    with pytest.raises(Blocked, match="full") as caught:
        save_job(journal, job, (replace(job, attempts=1), long), now=NOW)

    assert (caught.value.lane, caught.value.hint) == ("state", "free some space")
    assert journal.all() == [job]
    assert len(journal.story(job.id)) == 1

    fill(journal, pages=1000)
    save_job(journal, job, (replace(job, attempts=1), long), now=NOW)
    assert journal.job(job.id) == replace(job, attempts=1)


def test_a_probe_of_the_state_lane_writes_to_the_disk(directory, journal):
    before = os.path.getsize(file_of(directory) + "-wal")
    journal.touch()
    journal.touch()

    assert os.path.getsize(file_of(directory) + "-wal") > before


# -- written together -------------------------------------------------------------------------------------------------


def commits_of(journal):
    commits = []
    sa.event.listen(journal._engine, "commit", commits.append)
    return commits


def changes(*jobs):
    """New jobs, as they are written together."""
    return [Change(job, None, (Happening(job, RECEIVED, NOW),)) for job in jobs]


def test_what_happened_to_several_jobs_is_one_commit_and_is_known_to_the_writer_and_to_others(directory, journal):
    one, other = add_job(journal, a_job(), RECEIVED), a_job(b"other.mp3", id=journal.next_number())
    failed, commits = replace(one, state=State.FAILED), commits_of(journal)
    assert journal.counts() == {"received": 1}
    with closing(Journal.read(directory)) as beside:
        journal.write([Change(failed, one.state, (Happening(failed, FAILED, NOW),)), *changes(other)])

        assert len(commits) == 1
        assert journal.all() == beside.all() == [failed, other]
        assert journal.counts() == beside.counts() == {"failed": 1, "received": 1}


def test_of_changes_one_of_which_may_not_happen_none_is_written_or_counted(directory, journal):
    job = add_job(journal, a_job(), RECEIVED)
    assert journal.counts() == {"received": 1}
    new, failed = a_job(b"other.mp3", id=journal.next_number()), replace(job, state=State.FAILED)
    nobody = replace(job, id=99)

    with pytest.raises(AssertionError, match="1 of 2 jobs are not as was believed"):
        journal.write([*changes(new), Change(failed, job.state, ()), Change(nobody, job.state, ())])

    assert journal.all() == [job]
    assert journal.counts() == {"received": 1}


def test_of_what_is_written_together_on_a_full_disk_nothing_is_and_its_numbers_are_given_away_again(journal):
    job = add_job(journal, a_job(), RECEIVED)
    assert journal.counts() == {"received": 1}
    fill(journal)
    long, new = replace(job, reason="x" * 100_000), a_job(b"other.mp3", id=journal.next_number())

    with pytest.raises(Blocked, match="full") as caught:
        journal.write([*changes(new), Change(long, job.state, ())])
    assert caught.value.lane == "state"
    assert journal.all() == [job]
    assert journal.counts() == {"received": 1}

    fill(journal, pages=1000)
    assert add_job(journal, a_job(b"other.mp3"), RECEIVED).id == new.id
    assert journal.counts() == {"received": 2}


def test_what_the_disk_does_not_commit_is_neither_there_nor_counted(journal):
    job = add_job(journal, a_job(), RECEIVED)
    assert journal.counts() == {"received": 1}

    def refuse(_):
        raise sa.exc.OperationalError("COMMIT", {}, sqlite3.OperationalError("disk I/O error"))

    sa.event.listen(journal._engine, "commit", refuse)
    with pytest.raises(Blocked, match="disk I/O error"):
        add_job(journal, a_job(b"other.mp3"), RECEIVED)
    sa.event.remove(journal._engine, "commit", refuse)

    assert journal.all() == [job]
    assert journal.counts() == {"received": 1}


# -- every field ------------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
PATHS = st.binary(min_size=1).map(lambda name: name.replace(b"\0", b"_"))
TIMES = st.floats(0, 1e12)
ANY_SIZE = st.integers(-(2**70), 2**70)
JOBS = st.builds(
    Job,
    id=st.just(0),
    inbox=TEXT,
    path=PATHS,
    fingerprint=st.builds(Fingerprint, st.integers(0, 2**63 - 1), ANY_SIZE, st.none() | ANY_SIZE, st.none() | ANY_SIZE),
    state=st.sampled_from(State),
    received_at=TIMES,
    changed_at=TIMES,
    due_at=TIMES,
    attempts=st.integers(0, 2**31),
    deaths=st.integers(0, 9),
    in_flight=st.none() | st.sampled_from(Step),
    waited_seconds=TIMES,
    reason=TEXT,
    hint=TEXT,
    duration_seconds=st.none() | TIMES,
    content_hash=st.none() | TEXT,
    parameters=st.none() | TEXT,
    upload_url=st.none() | TEXT,
    uploaded_at=st.none() | TIMES,
    base_url=st.none() | TEXT,
    key_fingerprint=st.none() | TEXT,
    submit_sent_at=st.none() | TIMES,
    lookups=st.integers(0, 1),
    rounds=st.integers(0, 3),
    pay_again=st.booleans(),
    transcript_id=st.none() | TEXT,
    reused_from=st.none() | st.integers(1, 2**31),
    stem=st.none() | PATHS,
    number=st.none() | st.integers(1, 2**31),
    formats=st.lists(TEXT, max_size=3).map(tuple),
    place=st.none() | PATHS,
    gone=st.booleans(),
    retired_at=st.none() | TIMES,
    settings=st.none() | TEXT,
    tail=st.binary(),
    renderings=st.none() | st.dictionaries(TEXT, TEXT, max_size=3).map(lambda each: tuple(each.items())),
    model=st.none() | TEXT,
)


@UNHURRIED
@given(job=JOBS, changed=JOBS)
@example(job=a_job(b"\xff\n\x1b.mp3"), changed=a_job(fingerprint=Fingerprint(1, 10**19, 10**19, 2**64 - 1)))
def test_every_fact_of_a_job_comes_back_as_it_was_written(journal, job, changed):
    added = add_job(journal, job, RECEIVED)
    assert added == replace(job, id=added.id)
    assert journal.job(added.id) == added

    changed = replace(changed, id=added.id)
    save_job(journal, added, (changed, FAILED), now=NOW)
    assert journal.job(added.id) == changed


def test_no_fact_of_a_job_is_left_out_of_the_journal():
    columns = set(tables.jobs.c.keys())

    assert columns == {f.name for f in fields(Job)} - {"fingerprint"} | {f.name for f in fields(Fingerprint)}


def test_what_files_at_the_share_said_is_kept_with_the_job_until_they_are_read_again(journal):
    said, plain = add_all(journal, a_job(settings='{"formats":["srt"]}'), a_job())
    assert [job.settings for job in journal.all()] == ['{"formats":["srt"]}', None]

    failed = replace(said, state=State.FAILED)
    again = events.Requeued(State.RECEIVED, path=b"Talk.mp3", fingerprint=said.fingerprint, settings="{}")
    save_job(journal, said, (failed, events.Failed("no")), now=NOW)
    assert journal.job(said.id).settings == '{"formats":["srt"]}'
    save_job(journal, failed, (replace(failed, state=State.RECEIVED, settings="{}"), again), now=NOW)
    save_job(journal, plain, (replace(plain, reason="x"), None), now=NOW)
    assert [job.settings for job in journal.all()] == ["{}", None]


def test_what_outputs_are_called_behind_their_number_is_kept_with_the_job_until_they_are_named_again(journal):
    job = add_job(journal, a_job(state=State.TRANSCRIBED), RECEIVED)

    for tail in (b".en", b".\xff", b""):
        named = replace(job, stem=b"/o/Talk", number=1, tail=tail)
        save_job(journal, job, (named, events.Named(b"/o/Talk", 1, ("txt",), tail)), now=NOW)
        assert journal.job(job.id) == named


def test_a_text_that_was_cut_in_the_middle_of_a_character_is_kept_escaped(journal):
    job = add_job(journal, a_job(reason="no \ud83d", hint=os.fsdecode(b"\xff")), events.Failed("no \ud83d"))

    assert (job.reason, job.hint) == ("no \\ud83d", "\\udcff")
    assert journal.job(job.id) == job
    assert journal.story(job.id)[0]["reason"] == "no \ud83d"


@UNHURRIED
@given(happened=st.from_type(events.Event))
def test_any_event_can_be_told_again(journal, happened):
    job = add_job(journal, a_job(), happened)

    (row,) = journal.story(job.id)
    assert (row["event"], row["state"], row["at"]) == (happened.name(), "received", NOW)
    assert set(row) == {"event", "state", "at", *happened.data()}
    json.dumps(row)


def test_a_path_in_an_event_keeps_every_byte(journal):
    job = add_job(journal, a_job(), events.Named(b"/outbox/\xff\n", 2, ("txt",)))

    (row,) = journal.story(job.id)
    assert os.fsencode(row["stem"]) == b"/outbox/\xff\n"


# -- questions --------------------------------------------------------------------------------------------------------


def add_all(journal, *jobs):
    return [add_job(journal, job, RECEIVED) for job in jobs]


def test_a_number_that_no_job_has_is_nobody(journal):
    assert journal.job(1) is None
    assert journal.story(1) == []


def test_the_jobs_are_counted_by_state_and_listed_by_state_oldest_first(journal):
    one, two, three = add_all(journal, a_job(), a_job(state=State.FAILED), a_job())

    assert journal.counts() == {"received": 2, "failed": 1}
    assert journal.all(State.RECEIVED) == [one, three]
    assert journal.all() == [one, two, three]


@UNHURRIED
@given(data=st.data())
def test_the_count_that_is_kept_is_always_that_of_the_rows(tmp_path_factory, data):
    directory = str(tmp_path_factory.mktemp("state"))
    with closing(Journal.open(directory)) as journal, closing(Journal.read(directory)) as beside:
        known = [add_job(journal, a_job(), RECEIVED)]
        for states in data.draw(st.lists(st.lists(st.sampled_from(State), min_size=1, max_size=3), max_size=6)):
            refused = data.draw(st.booleans())
            before, touched = data.draw(st.sampled_from(known)), data.draw(st.sampled_from(known))
            new = a_job(state=states[0], id=journal.next_number())
            now = [replace(before, state=states[-1])]
            if before.id != touched.id:
                now.append(replace(touched, state=states[0]))
            old = {before.id: before.state, touched.id: touched.state, 99: State.RECEIVED}
            asked = [*now, replace(before, id=99)] if refused else now
            with pytest.raises(AssertionError) if refused else nullcontext():
                journal.write([*changes(new), *(Change(job, old[job.id], ()) for job in asked)])
            if not refused:
                known = list({each.id: each for each in [*known, new, *now]}.values())
            assert journal.counts() == beside.counts()


def test_what_is_counted_is_counted_again_after_each_write_by_the_daemon_and_by_those_who_read_beside_it(
    directory, journal
):
    def both():
        return [each.counts() for each in (journal, beside)]

    job = add_job(journal, a_job(state=State.TRANSCRIBED, transcript_id=ID), RECEIVED)
    with closing(Journal.read(directory)) as beside:
        assert both() == [{"transcribed": 1}] * 2

        delivered = events.Delivered(delete_remote=True)
        save_job(journal, job, (replace(job, state=State.DELIVERED), delivered), now=NOW)

        assert both() == [{"delivered": 1}] * 2
        journal.counts().clear()
        assert journal.counts() == {"delivered": 1}


def test_orders_to_delete_are_read_some_at_a_time_and_are_those_of_one_address_whatever_the_key(journal):
    own, other = Account("https://one", "0123456789ab"), Account("https://one", "ba9876543210")
    names = [f"0000000{number}-2222-4333-8444-555555555555" for number in range(6)]
    for name, account in zip(names, [own, other, own, own, own, None], strict=True):
        paid: dict[str, Any] = asdict(account) if account else {}
        job = a_job(state=State.SUBMITTED, upload_url="https://u", transcript_id=name, **paid)
        delivered = replace(job, state=State.DELIVERED), events.Delivered(delete_remote=True)
        add_job(journal, job, events.Submitted(name), delivered)
    journal.erased(names[2], NOW)

    orders = [(NOW, names[number]) for number in (0, 1, 3, 4)]
    assert journal.to_erase("https://one", (0.0, ""), 3) == orders[:3]
    assert journal.to_erase("https://one", orders[2], 3) == orders[3:]
    assert journal.to_erase("https://two", (0.0, ""), 9) == []
    keys = [journal.key_to_erase(name, "https://one") for name in names]
    assert keys == [own.key_fingerprint, other.key_fingerprint, None, *[own.key_fingerprint] * 2, None]


@pytest.mark.parametrize("retired_at", [None, NOW])
@pytest.mark.parametrize("state", State)
def test_the_open_jobs_are_those_that_have_a_step_left(journal, state, retired_at):
    (job,) = add_all(journal, a_job(state=state, retired_at=retired_at))

    assert unfinished(journal) == ([job] if job.unfinished else [])


def test_what_lies_in_an_inbox_is_the_newest_job_of_each_path_that_was_not_moved_away(journal):
    lies = [
        a_job(b"open.mp3"),
        a_job(b"kept.mp3", state=State.DELIVERED, retired_at=NOW),
        a_job(b"given up.mp3", state=State.CANCELLED),
        a_job(b"again.mp3"),
        a_job(b"touched.mp3", state=State.DELIVERED, retired_at=NOW),
    ]
    gone = [
        a_job(b"archived.mp3", state=State.DELIVERED, place=b"/archive/archived.mp3", retired_at=NOW),
        a_job(b"deleted.mp3", state=State.DELIVERED, gone=True, retired_at=NOW),
        a_job(b"withdrawn.mp3", state=State.CANCELLED, retired_at=NOW),
        a_job(b"other.mp3", inbox="other"),
    ]
    the_touched_one_again = a_job(b"touched.mp3", state=State.CANCELLED, retired_at=NOW)
    earlier = [a_job(b"again.mp3", state=State.FAILED), a_job(b"archived.mp3")]
    add_all(journal, *earlier, *gone)
    there = add_all(journal, *lies)
    add_all(journal, the_touched_one_again)

    assert journal.lying_in("talks") == {job.path: (job.id, job.fingerprint) for job in there}


def test_jobs_are_found_by_content_by_size_and_by_transcript(journal):
    one, two, three = add_all(
        journal,
        a_job(content_hash="c0ffee", transcript_id=ID),
        a_job(fingerprint=Fingerprint(7, 7)),
        a_job(content_hash="c0ffee", fingerprint=Fingerprint(7, 8)),
    )
    failed, _ = add_all(
        journal,
        a_job(fingerprint=Fingerprint(9, 2**70, 1, 1), state=State.FAILED),
        a_job(fingerprint=Fingerprint(9, 2**70)),
    )

    assert journal.with_content("c0ffee") == [one, three]
    assert journal.has_another_of_size(7, but=two.id)
    assert journal.has_another_of_size(7, but=three.id)
    assert not journal.has_another_of_size(one.fingerprint.size, but=one.id)
    assert not journal.has_another_of_size(8, but=one.id)
    assert journal.failed_like("talks", Fingerprint(9, 2**70)) == [failed]
    assert journal.failed_like("talks", Fingerprint(9, 2)) == journal.failed_like("others", Fingerprint(9, 2**70)) == []
    assert journal.with_transcripts([ID, "another"]) == [one]
    assert journal.with_transcripts([]) == []


def test_the_upload_urls_of_a_time_are_of_the_jobs_that_paid_since_then_and_of_the_newest(journal, monkeypatch):
    monkeypatch.setattr(store, "NEWEST", 2)
    add_all(
        journal,
        a_job(transcript_id="old", upload_url="u1", submit_sent_at=NOW - 9),
        a_job(transcript_id="retried", upload_url="u2", submit_sent_at=NOW),
        a_job(transcript_id="not paid", upload_url="u3", submit_sent_at=NOW, reused_from=1),
        a_job(transcript_id="by another clock", upload_url="u4", submit_sent_at=1.0),
        a_job(upload_url="u5", submit_sent_at=NOW),
    )

    assert journal.upload_urls(NOW - 5) == {"retried": "u2", "by another clock": "u4"}


def test_a_number_is_taken_for_its_stem_by_any_other_job_retired_or_not(journal):
    stem = b"/outbox/Talk \xff"
    one, *_ = add_all(
        journal,
        a_job(stem=stem, number=1),
        a_job(stem=stem, number=3, state=State.DELIVERED, retired_at=NOW),
        a_job(stem=b"/outbox/Other", number=2),
        a_job(stem=stem, number=None),
    )

    assert journal.numbers_taken(stem, but=0) == {1, 3}
    assert journal.numbers_taken(stem, but=one.id) == {3}


def received(journal, seconds, at, inbox="talks"):
    job = replace(a_job(), id=journal.next_number(), inbox=inbox, received_at=at)
    journal.write([Change(job, None, (Happening(job, events.Received(1, seconds=seconds), at),))])


def test_the_hours_that_came_are_known_by_inbox_and_day_and_only_the_last_days_are_kept(directory):
    with closing(Journal.open(directory)) as journal:
        for day in range(402):
            received(journal, 3600.0, 86400.0 * day + 1)
        received(journal, 1800.0, 86400.0 * 401 + 2)
        received(journal, 7200.0, 86400.0 * 400, inbox="walks")
        journal.days.accept("talks", 86400.0 * 401, 9.0)
        journal.days.accept("talks", 86400.0 * 401, 5.0)

        assert sorted(journal.days.of(["talks"])) == list(range(2, 402))
        assert journal.days.of(["talks", "walks"])[400] == (3.0, 0.0)
        assert journal.days.of(["talks"])[401] == (1.5, 9.0)


def test_an_inbox_is_accepted_once_and_for_all(directory):
    with closing(Journal.open(directory)) as journal:
        assert not journal.is_accepted("talks")
        journal.saw_inbox("talks", NOW, accepted=False)
        assert not journal.is_accepted("talks")
        journal.saw_inbox("talks", NOW + 5, accepted=True)
        journal.saw_inbox("talks", NOW + 9, accepted=False)

    with closing(Journal.open(directory)) as journal:
        assert journal.is_accepted("talks")
        assert not journal.is_accepted("other")


def test_a_job_that_fails_as_it_comes_is_there_failed_or_not_at_all(directory, journal):
    """A file that is not a recording must not be found as one to be sent, wherever the process is killed."""
    failed = replace(a_job(), state=State.FAILED, reason="no audio")
    job = add_job(journal, a_job(), RECEIVED, (failed, FAILED))

    assert [(row["event"], row["state"]) for row in journal.story(job.id)] == [
        ("job.received", "received"),
        ("job.failed", "failed"),
    ]
    with closing(sqlite3.connect(file_of(directory))) as other:
        assert other.execute("SELECT state, reason FROM jobs").fetchall() == [("failed", "no audio")]


# -- what a question costs --------------------------------------------------------------------------------------------


def work_of(journal, question):
    """The number of instructions that SQLite needs for a question, in tens."""
    with journal._engine.connect() as connection:
        tens = []
        connection.connection.driver_connection.set_progress_handler(lambda: tens.append(1), 10)
        question()
        connection.connection.driver_connection.set_progress_handler(None, 0)
    return len(tens)


@pytest.mark.parametrize(
    "question",
    [
        unfinished,
        lambda journal: journal.lying_in("talks"),
        lambda journal: journal.counts(),
    ],
)
def test_what_is_asked_of_a_few_jobs_costs_no_more_beside_many_that_have_ended(journal, question):
    add_all(journal, a_job(), a_job(b"kept.mp3", state=State.DELIVERED, retired_at=NOW))
    before = work_of(journal, lambda: question(journal))
    for facts in ({"place": b"/archive/Talk.mp3"}, {"gone": True}):
        add_all(journal, *(a_job(b"x", state=State.DELIVERED, retired_at=NOW, **facts) for _ in range(20)))

    assert work_of(journal, lambda: question(journal)) <= before + 5


@pytest.mark.parametrize("failed", [0, 3])
def test_a_failed_recording_is_looked_for_at_the_same_cost_however_many_have_its_size(journal, failed):
    alike = [a_job(b"%d" % each, state=State.FAILED, retired_at=NOW, place=b"/failed") for each in range(failed)]
    add_all(journal, a_job(), *alike)
    question = lambda: journal.failed_like("talks", a_job().fingerprint)  # noqa: E731
    assert len(question()) == failed
    before = work_of(journal, question)
    add_all(journal, *(a_job(b"x%d" % each) for each in range(100)))

    assert work_of(journal, question) <= before + 5
    assert len(question()) == failed


def test_of_many_failed_recordings_those_of_one_size_are_found_at_the_same_cost(journal, monkeypatch):
    monkeypatch.setattr(statements, "FEW_FAILED", 2)
    add_all(journal, *(a_job(b"%d" % each, state=State.FAILED, retired_at=NOW) for each in range(3)))
    question = lambda: journal.failed_like("talks", a_job().fingerprint)  # noqa: E731
    before = work_of(journal, question)
    other = Fingerprint(2000, 5)
    add_all(journal, *(a_job(b"x%d" % each, fingerprint=other, state=State.FAILED) for each in range(100)))

    assert work_of(journal, question) <= before + 5
    assert len(question()) == 3
