"""An inbox belongs to one journal: a second one refuses it, says who has it, and pays for nothing."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from arriving import at_times
from fake_assemblyai import FakeAssemblyAI, Fault
from transcribed.folders import ANCHOR, OWNER, Claim, anchor_text
from transcribed.folders.owner import Owner, Right, right_of
from transcribed.job import State
from transcribed.journal import Journal
from transcribed.worker import drop
from world import World, work_for

pytestmark = pytest.mark.route(formats=("txt",), after="keep")

# -- the rule ---------------------------------------------------------------------------------------------------------

CLAIM = Claim("ours", 5, "m5", frozenset({"m3", "m4", "m5"}), frozenset({"a"}), "/state", 0.0)


def owner(journal: str = "ours", start: int = 4, mark: str = "m4") -> Owner:
    return Owner(journal, start, mark, "nas", "/state", 0.0, 0.0)


RULES = [
    ("nobody's folder", None, "", 0, Right.FREE),
    ("an anchor that we remember", None, "a", 0, Right.FREE),
    ("an anchor that we do not remember", None, "b", 0, Right.OLDER),
    ("an owner that was deleted", None, "b", 4, Right.FREE),
    ("our last start", owner(), "a", 4, Right.FREE),
    ("our last start, which died before it remembered that", owner(), "a", 3, Right.FREE),
    ("our own", owner(start=5, mark="m5"), "a", 5, Right.HELD),
    ("a snapshot of the share", owner(start=3, mark="m3"), "a", 4, Right.RESTORED),
    ("a copy of us that was started more often", owner(start=9, mark="x"), "a", 4, Right.COPIED),
    ("a copy of us that was started as often", owner(start=5, mark="x"), "a", 4, Right.COPIED),
    ("a copy of us that was started less often", owner(start=4, mark="x"), "a", 4, Right.COPIED),
    ("another journal", owner("other"), "a", 4, Right.FOREIGN),
    ("another journal with our marks", owner("other", mark="m5"), "a", 4, Right.FOREIGN),
]


@pytest.mark.parametrize(("seen", "anchor", "written", "right"), [r[1:] for r in RULES], ids=[r[0] for r in RULES])
def test_the_right_to_an_inbox_is_by_journal_and_mark(seen: Owner | None, anchor: str, written: int, right: Right):
    assert right_of(CLAIM, seen, anchor=anchor, written=written) is right


@given(st.binary() | st.sampled_from([b"transcribed\n[]\n", b"transcribed\n{}\n", b"transcribed\n" + b"[" * 3000]))
def test_what_is_no_owner_is_read_as_none(text: bytes) -> None:
    assert Owner.from_text(text) is None


def test_host_and_times_are_shown_and_read_as_they_were_written() -> None:
    assert Owner.from_text(owner().to_text()) == owner()
    assert Owner.from_text(b"some transcribed words\n" + owner().to_text().split(b"\n")[1] + b"\n") == owner()
    assert "on nas (/state) has it since 1970-01-01" in owner().told()


# -- two journals over one inbox --------------------------------------------------------------------------------------


def owner_of(world: World) -> dict[str, object]:
    text = (world.folders["inbox"] / os.fsdecode(OWNER)).read_text()
    return dict(json.loads(text.split("\n")[1]))


def blocks(logs: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
    return [line for line in logs if line["event"] == "lane.blocked"]


@pytest.fixture
def second(world: World, api: FakeAssemblyAI) -> World:
    """A daemon with another state directory over the same folders, on which the first has worked."""
    world.drop("Talk.mp3")
    world.run()
    second = World(world.directory, api, world.clock, formats=("txt",), after="keep")
    second.state = world.directory / "another state"
    return second


def test_a_second_journal_refuses_the_inbox_says_who_has_it_and_pays_for_nothing(world, second, api) -> None:
    logs = work_for(second, 300.0)

    (block,) = blocks(logs)
    assert block["lane"] == "inbox:talks"
    assert f"{str(owner_of(world)['journal'])[:8]} on {os.uname().nodename}" in str(block["reason"])
    assert "has it since 2027-01-15" in str(block["reason"])
    assert "transcribed accept --folders talks" in str(block["hint"])
    assert second.jobs() == []
    notice = (second.folders["outbox"] / "_transcribed.txt").read_text()
    assert "has it since 2027-01-15" in notice
    assert second.run() == 75
    assert list(api.paid().values()) == [1]
    assert owner_of(world)["directory"] == str(world.state)


def test_a_single_run_that_is_refused_leaves_the_notice_of_the_journal_that_has_the_inbox(world, second) -> None:
    world.drop("Other.m4a")
    work_for(world, 90)
    notice = second.folders["outbox"] / "_transcribed.txt"
    said = notice.read_text()

    assert second.run() == 75

    assert notice.read_text() == said


def test_a_daemon_that_is_refused_for_long_writes_no_notice_over_that_of_the_owner(world, second) -> None:
    world.drop("Other.m4a")
    work_for(world, 90)
    notice = second.folders["outbox"] / "_transcribed.txt"
    said = notice.read_text()

    work_for(second, 300)
    assert notice.read_text() == said

    notice.unlink()
    work_for(second, 300)
    assert "it is another journal's" in notice.read_text()

    work_for(world, 90)
    assert notice.read_text() == said


def test_only_the_inbox_that_is_refused_waits(world, second, api) -> None:
    route = second.second_inbox()
    second.drop("Other.mp3", folder="second-inbox")

    second.run(lambda: bool(second.files("second-outbox")))

    assert os.path.exists(os.path.join(route.inbox, OWNER))
    assert [job.inbox for job in second.jobs()] == ["second"]


def test_a_person_gives_the_inbox_to_the_second_journal_and_the_first_one_sees_it(world, second, api) -> None:
    work_for(second, 30.0)
    drop(str(second.state), {"order": "accept", "folders": "talks"})
    second.run(lambda: second.states() == [State.DELIVERED])
    world.drop("New.mp3")

    logs = work_for(world, 60.0)

    assert [line["lane"] for line in blocks(logs)] == ["inbox:talks"]
    assert [job.path for job in world.jobs()] == [b"Talk.mp3"]
    assert owner_of(world)["directory"] == str(second.state)


def test_what_the_owner_before_had_uploaded_is_not_submitted_once_another_journal_has_the_inbox(
    world, second, api
) -> None:
    work_for(second, 30.0)
    world.drop("New.mp3")
    api.script("POST /v2/transcript", [Fault.answer(429, "Too many requests", Retry_After="300")])

    def hand_over() -> None:
        drop(str(second.state), {"order": "accept", "folders": "talks"})
        second.run(lambda: len(api.paid()) == 2)

    begin = world.clock.moved
    world.run(at_times(world.clock, [(begin + 60.0, hand_over)], lambda: world.clock.moved > begin + 1200.0))

    assert world.states() == [State.DELIVERED, State.UPLOADED]
    assert sorted(api.paid().values()) == [1, 2]  # Talk.mp3 lay there, and was not known to the second


def test_the_owner_takes_its_inbox_again_at_each_start_whatever_its_host_is_called(world, second) -> None:
    before = owner_of(world)
    path = world.folders["inbox"] / os.fsdecode(OWNER)
    path.write_text(path.read_text().replace(os.uname().nodename, "an older container"))

    assert not blocks(work_for(world, 60.0))
    assert owner_of(world) == {
        **before,
        "start": 2,
        "mark": owner_of(world)["mark"],
        "started_at": world.clock.wall() - 60,
    }


# -- copies -----------------------------------------------------------------------------------------------------------


def test_a_state_directory_that_worked_elsewhere_as_a_copy_is_refused(world, second, api) -> None:
    shutil.copytree(world.state, second.state)
    world.run()

    for _ in range(3):  # however often it is started
        (block,) = blocks(work_for(second, 30.0))
        assert "a copy of this journal has it" in str(block["reason"])

    second.drop("New.mp3")
    assert second.run() == 75
    assert world.run() == 0
    assert sorted(api.paid().values()) == [1, 1]


def test_a_state_directory_that_was_put_back_is_refused_and_told_how_to_go_on(world, second, api) -> None:
    shutil.copytree(world.state, second.state)
    world.drop("New.mp3")
    world.run()
    shutil.rmtree(world.state)
    shutil.copytree(second.state, world.state)

    (block,) = blocks(work_for(world, 30.0))

    assert "does not know what was paid since" in str(block["hint"])
    assert sorted(api.paid().values()) == [1, 1]


def test_a_share_that_was_put_back_from_a_snapshot_is_taken_again_and_told(world, second) -> None:
    path = world.folders["inbox"] / os.fsdecode(OWNER)
    snapshot = path.read_bytes()
    world.run()
    path.write_bytes(snapshot)

    logs = work_for(world, 30.0)

    assert not blocks(logs)
    assert ["put the share back" in line["reason"] for line in logs if line["event"] == "inbox.owned"] == [True]
    assert owner_of(world)["start"] == 3


# -- what older versions left, and folders that take nothing ----------------------------------------------------------


def test_an_anchor_of_an_older_version_belongs_to_the_journal_that_remembers_it(world, second, api) -> None:
    (world.folders["inbox"] / os.fsdecode(OWNER)).unlink()

    (block,) = blocks(work_for(second, 30.0))
    assert "of a version that wrote no owner" in str(block["reason"])
    (block,) = blocks(work_for(second, 30.0))  # and nothing was remembered of what was refused
    assert not blocks(work_for(world, 30.0))
    assert owner_of(world)["directory"] == str(world.state)


def test_the_anchor_is_as_older_versions_read_it(world, second) -> None:
    text = (world.folders["inbox"] / os.fsdecode(ANCHOR)).read_bytes()
    assert text == anchor_text(text.split(b"\n")[1].decode())


def test_an_inbox_in_which_a_stranger_has_the_place_of_the_owner_is_not_guarded(world, api) -> None:
    (world.folders["inbox"] / os.fsdecode(OWNER)).write_bytes(b"somebody's own words")
    world.drop("Talk.mp3")

    logs = work_for(world, 60.0)

    assert [line["event"] for line in logs].count("inbox.unguarded") == 1
    assert world.files("outbox") == ["Talk.txt"]
    assert (world.folders["inbox"] / os.fsdecode(OWNER)).read_bytes() == b"somebody's own words"


# -- the journal's own memory -----------------------------------------------------------------------------------------


def test_a_journal_that_is_lost_keeps_its_name_and_its_inboxes(world, second) -> None:
    before = owner_of(world)
    for path in world.state.glob("journal.db*"):
        path.unlink()

    logs = work_for(world, 30.0)

    assert [line["lane"] for line in blocks(logs)] == ["submit"]
    assert owner_of(world)["journal"] == before["journal"]


def test_a_journal_that_was_put_back_by_a_plain_copy_says_so(tmp_path: Path) -> None:
    Journal.open(str(tmp_path / "state")).close()
    shutil.copy(tmp_path / "state" / "journal.db", tmp_path / "copy.db")
    Journal.open(str(tmp_path / "state")).close()
    shutil.copy(tmp_path / "copy.db", tmp_path / "state" / "journal.db")

    for _ in range(2):
        with closing(Journal.open(str(tmp_path / "state"))) as journal:
            assert journal.loss() == "an older copy of the journal was put back"


def test_a_journal_that_was_put_back_from_a_copy_of_the_same_start_learns_what_was_paid_since(world, api) -> None:
    """The number of the start tells nothing here; the file of payments, which was not put back, does."""
    copy = world.directory / "copy"

    def copied_at_work() -> bool:
        if not copy.exists() and world.states() == [State.DELIVERED]:
            shutil.copytree(world.state, copy)
            world.drop("Later.mp3")
        return world.states() == [State.DELIVERED, State.DELIVERED]

    world.drop("Talk.mp3")
    world.run(copied_at_work)
    for path in world.state.glob("journal.db*"):
        path.unlink()
    for path in copy.glob("journal.db*"):
        shutil.copy(path, world.state)

    assert world.run() == 0

    assert world.states() == [State.DELIVERED, State.DELIVERED]
    assert list(api.paid().values()) == [1, 1]


@pytest.mark.parametrize("left", ["transcripts", "payments.jsonl", "journal.starts"])
def test_what_is_kept_without_a_journal_and_its_lock_is_a_loss_and_no_new_start(world, second, left: str) -> None:
    for path in list(world.state.iterdir()):
        if path.name != left:
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    with closing(Journal.open(str(world.state))) as journal:
        assert journal.loss() == "the journal was missing"


def test_a_state_directory_that_is_moved_under_the_daemon_is_noticed_never_made_again_and_goes_on_when_put_back(
    world, api
) -> None:
    away = world.directory / "moved"

    def moved(clock: float) -> bool:
        if clock > 30 and not away.exists():
            world.state.rename(away)
            world.drop("Talk.mp3")
        return clock > 600

    with structlog.testing.capture_logs() as logs:
        world.run(lambda: moved(world.clock.moved), seconds=900.0)

    assert not world.state.exists()
    assert api.paid() == {}
    assert any(line["lane"] == "state" and "cannot be reached any more" in str(line["reason"]) for line in blocks(logs))
    away.rename(world.state)
    assert world.run() == 0
    assert list(api.paid().values()) == [1]
