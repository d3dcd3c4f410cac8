"""Every wait ends, or says what a person must do: each of these waits had no end, or no word, before."""

import errno
import os
import threading
import uuid
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from fake_assemblyai import FakeAssemblyAI, Fault
from transcribed import errors
from transcribed.assemblyai import AssemblyAI, client
from transcribed.job import State
from transcribed.worker import LaneChecked, Reload, drop
from world import Clock, World, changed, link, work_for

HOUR, DAY = 3600.0, 86400.0


def events(logs: list[dict[str, str]], name: str) -> list[dict[str, str]]:
    return [line for line in logs if line["event"] == name]


# -- one file, one job, one transcript ---------------------------------------------------------------------------------


def test_a_recording_that_can_no_longer_be_read_once_it_is_taken_stops_nobody_and_is_named(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["1 Ill.mp3", "2 Good.mp3", "3 Good.mp3"]
    for name in names:
        world.drop(name)
    world.run(lambda: len(world.jobs()) == len(names))
    opened = os.open

    def ill(path: bytes | str, *args: int, **options: int) -> int:
        if os.path.basename(os.fsencode(path)) == b"1 Ill.mp3":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return opened(path, *args, **options)

    monkeypatch.setattr(os, "open", ill)
    logs = work_for(world, HOUR / 4)

    assert events(logs, "lane.blocked") == []
    (job,) = world.published[-1]["open"]
    assert "1 Ill.mp3" in job["reason"]
    monkeypatch.undo()
    assert world.run() == 0
    assert world.states() == [State.DELIVERED] * 3


def test_a_folder_in_which_nothing_can_be_written_is_named_as_long_as_that_lasts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox, opened = world.folders["outbox"], os.open
    inode = outbox.stat().st_ino

    def full(path: bytes | str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if flags & os.O_CREAT and dir_fd is not None and os.fstat(dir_fd).st_ino == inode:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return opened(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", full)
    world.drop("Talk.mp3")
    work_for(world, HOUR)

    (lane,) = world.published[-1]["blocked"]
    assert lane["reason"] == f"writing to {outbox}: the disk is full"
    monkeypatch.undo()
    assert world.run() == 0


def lose_the_answer_of_a_submit(world: World, api: FakeAssemblyAI, monkeypatch: pytest.MonkeyPatch) -> None:
    """And look through two pages of the list at most."""
    monkeypatch.setattr(client, "_PAGES_BACK", 2)
    api.script("POST /v2/transcript", [Fault.lost_answer()])
    world.drop("Talk.mp3")
    world.run(lambda: len(api.submits) == 1 and world.jobs()[0].doubtful)


def test_a_submit_in_doubt_behind_more_transcripts_than_are_looked_through_ends_with_a_question(
    world: World, api: FakeAssemblyAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_the_answer_of_a_submit(world, api, monkeypatch)
    ours = api.submits[0]
    api.submits += [replace(ours, id=str(uuid.uuid4()), upload_url=f"https://x/{n}") for n in range(500)]

    work_for(world, HOUR / 4)

    (job,) = world.jobs()
    assert job.state is State.FAILED
    assert "too many to look through" in job.reason
    assert "--pay-again" in job.hint
    assert len(api.submits) == 501


def test_a_submit_in_doubt_is_found_although_the_list_is_longer_than_what_is_looked_through(
    world: World, api: FakeAssemblyAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_the_answer_of_a_submit(world, api, monkeypatch)
    ours = api.submits.pop()
    others = [replace(ours, id=str(uuid.uuid4()), upload_url=f"https://x/{n}") for n in range(500)]
    api.submits += [*others[:300], ours, *others[300:]]

    world.run(lambda: State.DELIVERED in world.states())

    assert len(api.submits) == 501


# -- lanes -------------------------------------------------------------------------------------------------------------


def test_a_reload_asks_again_with_parameters_that_were_refused_though_it_changes_nothing_of_them(
    world: World, api: FakeAssemblyAI
) -> None:
    api.script("POST /v2/transcript", [Fault.answer(400, "your account may not use this model")])
    world.drop("Talk.mp3")
    told: list[object] = []

    def reloaded_and_delivered() -> bool:
        if world.worker.lanes.all() and not told:
            told.append(world.mailbox.put(Reload()))
        return State.DELIVERED in world.states()

    world.run(reloaded_and_delivered)


@pytest.mark.parametrize("change", ["removed", "another folder"])
def test_what_waited_for_a_person_about_an_inbox_ends_with_a_reload_that_takes_it_away(
    world: World, tmp_path: Path, change: str
) -> None:
    world.plan_options["accept_backlog_hours"] = 0.0
    second = world.second_inbox()
    world.drop("Old.mp3", folder="second-inbox")
    left = changed(second, inbox=os.fsencode(tmp_path / "third"))
    (tmp_path / "third").mkdir()
    told: list[object] = []

    def reloaded_and_free() -> bool:
        if [lane.name for lane in world.worker.lanes.all()] == [second.backlog_lane] and not told:
            world.routes[1:] = [] if change == "removed" else [left]
            told.append(world.mailbox.put(Reload()))
        return bool(told) and world.worker.lanes.all() == []

    world.run(reloaded_and_free, seconds=HOUR / 4)


def test_one_429_in_ten_submits_costs_what_each_says_and_no_more(world: World, api: FakeAssemblyAI) -> None:
    api.script("POST /v2/transcript", [*[None] * 9, Fault.answer(429, "Too many requests", Retry_After="1")] * 5)
    for number in range(40):
        world.drop(f"{number}.mp3")

    logs = work_for(world, HOUR / 4)

    blocked = [float(line["blocked_seconds"]) for line in events(logs, "lane.resumed")]
    assert len(blocked) == 4
    assert world.states() == [State.DELIVERED] * 40
    assert max(blocked) < 2.5
    assert sum(blocked) < 0.02 * HOUR / 4


def test_a_login_page_in_place_of_the_api_is_named_and_fails_nobody_however_long_it_stays(
    world: World, api: FakeAssemblyAI
) -> None:
    api.script("*", [Fault.html()] * 5000)
    world.drop("Talk.mp3")
    world.drop("Link.url", link("https://example.org/a.mp3"))

    work_for(world, HOUR / 4)
    world.clock.moved += 4 * DAY
    work_for(world, HOUR / 4)

    (lane,) = world.published[-1]["blocked"]
    assert "a web page came" in lane["reason"]
    assert "Welcome to the hotel" in lane["reason"]
    assert "log this machine in" in lane["hint"]
    api.clear()
    assert State.FAILED not in world.states()


# -- room and time -----------------------------------------------------------------------------------------------------


class Disk(NamedTuple):
    """What statvfs(3) tells of a disk."""

    f_bavail: int
    f_frsize: int
    f_blocks: int


def test_nothing_is_submitted_while_there_is_no_room_for_the_answer(
    world: World, api: FakeAssemblyAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _path: Disk(1, 4096, 1000))
    world.drop("Talk.mp3")

    work_for(world, HOUR / 4)

    assert api.submits == []
    (lane,) = world.published[-1]["blocked"]
    assert "room for no more transcripts" in lane["reason"]
    assert "free some space" in lane["hint"]
    monkeypatch.setattr(os, "statvfs", lambda _path: Disk(0, 4096, 0))  # some file systems do not tell
    assert world.run() == 0


def test_a_clock_that_jumps_years_ahead_removes_no_kept_transcript(tmp_path: Path, clock: Clock) -> None:
    with FakeAssemblyAI(clock=lambda: clock.wall() - ahead, processing_seconds=30) as api:
        ahead = 0.0
        world = World(tmp_path, api, clock)
        world.plan_options["transcripts_days"] = 30
        world.drop("Talk.mp3")
        assert world.run() == 0
        kept = world.state / "transcripts" / f"{api.submits[0].id}.json"
        os.utime(kept, (clock.wall(), clock.wall()))

        ahead = 400 * DAY
        clock.moved += ahead
        work_for(world, 60)
        assert kept.exists()

        ahead = 0.0
        work_for(world, 60)
        assert not kept.exists()


# -- orders ------------------------------------------------------------------------------------------------------------


def test_an_order_is_left_so_that_the_daemon_can_read_it_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        path = drop(str(tmp_path), {"order": "scan"})
    finally:
        os.umask(before)

    assert os.stat(path).st_mode & 0o777 == 0o644
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700


def test_an_order_that_cannot_be_opened_is_named_once(world: World) -> None:
    world.state.mkdir()
    drop(str(world.state), {"order": "scan"})
    (world.state / "commands" / "0.order").symlink_to("nowhere")

    logs = work_for(world, 60)

    (line,) = events(logs, "order.unreadable")
    assert line["file"].endswith("0.order")
    assert len(events(logs, "order.taken")) == 1


def test_a_recogniser_that_is_up_after_an_hour_is_worked_with_at_once(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    up_at: list[float] = []

    def wait_until_ready() -> None:
        if not up_at:
            raise errors.Blocked("a model is fetched", lane=errors.API)

    by_cloud = world.plan()
    own = AssemblyAI(world.api.base_url, world.key, stop=threading.Event(), tries=1, ready=wait_until_ready)
    monkeypatch.setattr(world, "plan", lambda: replace(by_cloud, client=own))
    world.drop("Talk.mp3")

    def delivered() -> bool:
        if not up_at and clock.moved > HOUR:
            [lane] = world.worker.lanes.all()
            assert lane.again_at is not None
            assert lane.again_at > clock.wall() + 60, "else the probe, and not the word of the recogniser, is tried"
            up_at.append(clock.moved)
            world.mailbox.put(LaneChecked(errors.API))
        return world.states() == [State.DELIVERED]

    world.run(delivered, seconds=3 * HOUR)

    assert clock.moved - up_at[0] < 60
