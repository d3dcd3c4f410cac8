"""What people plan: `transcribed pause` and `resume`, and the hours of uploads."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
import structlog

from commands import ask
from fake_assemblyai import FakeAssemblyAI
from transcribed.errors import TranscribedError
from transcribed.job import State
from transcribed.monitor.health import Evidence, judged
from transcribed.worker import Reload, drop
from world import World, changed, work_for

HOUR, A_WHILE = 3600.0, 150.0  # a note in the outbox comes after a minute
MINUTE_OF_START = 60 * time.localtime(1_800_000_000).tm_hour + time.localtime(1_800_000_000).tm_min


def events(logs: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    return [line["lane"] for line in logs if line["event"] == name]


def order(world: World, verb: str, **facts: Any) -> None:
    drop(str(world.state), {"order": verb, **facts})


def in_an_hour(span_minutes: int = 60) -> str:
    """Hours of the local day that begin an hour after a world does."""
    begin, end = (MINUTE_OF_START + 60) % 1440, (MINUTE_OF_START + 60 + span_minutes) % 1440
    return f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"


def test_a_pause_outlives_restarts_and_reloads_and_is_told_once_at_its_begin_and_once_at_its_end(
    world: World, api: FakeAssemblyAI
) -> None:
    world.run()
    order(world, "pause", inbox=None, until=None)
    first = work_for(world, 60)
    world.drop("Talk.mp3")
    told: list[object] = []

    def reloaded_after_a_while() -> bool:
        if not told:
            told.append(world.mailbox.put(Reload()))
        return world.clock.monotonic() > 1000 + 3 * A_WHILE

    with structlog.testing.capture_logs() as again:
        world.run(reloaded_after_a_while)

    assert "config.reloaded" in [line["event"] for line in again]
    assert events(first, "lane.blocked") == events(again, "lane.blocked") == ["pause"], "once in each process"
    assert events(again, "lane.resumed") == []
    assert api.uploads == []
    (lane,) = world.published[-1]["blocked"]
    (job,) = world.published[-1]["open"]
    assert lane["reason"] == job["reason"] == "everything is paused: nothing is uploaded or submitted"
    assert lane["since"] < world.clock.wall() - 2 * A_WHILE
    assert "transcribed resume" in (world.folders["outbox"] / "_transcribed.txt").read_text()

    order(world, "resume", inbox=None)
    last = work_for(world, A_WHILE)

    assert events(last, "lane.resumed") == ["pause"]
    assert world.states() == [State.DELIVERED]
    assert world.files("outbox") == ["Talk.srt", "Talk.txt"]


def test_a_pause_lets_what_was_submitted_come_to_its_end_and_submits_no_upload_that_was_on_its_way(
    world: World, api: FakeAssemblyAI
) -> None:
    world.drop("Paid.mp3")
    world.run(lambda: State.SUBMITTED in world.states())
    world.drop("Sent.mp3")
    world.run(lambda: State.UPLOADED in world.states())
    order(world, "pause", inbox=None, until=None)
    work_for(world, A_WHILE)

    assert world.states() == [State.DELIVERED, State.UPLOADED]
    assert len(api.submits) == 1


def test_a_pause_of_one_inbox_holds_up_no_other_and_ends_at_its_time(world: World) -> None:
    world.second_inbox()
    world.run()
    order(world, "pause", inbox="second", until=world.clock.wall() + 2 * A_WHILE)
    world.drop("Talk.mp3")
    world.drop("Other.mp3", folder="second-inbox")
    work_for(world, A_WHILE)
    assert world.files("outbox") == ["Talk.srt", "Talk.txt"]
    assert "the inbox second is paused until 20" in world.published[-1]["blocked"][0]["reason"]
    assert world.files("second-outbox") == ["_transcribed.txt"]

    logs = work_for(world, 2 * A_WHILE)

    assert events(logs, "lane.resumed") == ["pause:second"]
    assert world.files("second-outbox") == ["Other.srt", "Other.txt"]


def test_a_paused_inbox_stays_paused_under_another_name(world: World, api: FakeAssemblyAI) -> None:
    world.run()
    order(world, "pause", inbox="talks")
    work_for(world, 30)
    world.routes = [changed(world.route, name="meetings")]
    world.drop("Talk.mp3")
    work_for(world, 30)

    assert api.uploads == []
    assert [lane["lane"] for lane in world.published[-1]["blocked"]] == ["pause:meetings"]
    order(world, "resume", inbox="meetings")
    assert events(work_for(world, 60), "lane.resumed") == ["pause:meetings"]
    assert world.states() == [State.DELIVERED]


def test_resume_without_a_name_ends_the_pauses_of_single_inboxes_too(world: World) -> None:
    world.run()
    order(world, "pause", inbox="talks")
    order(world, "pause")
    work_for(world, 60)
    order(world, "resume")

    assert sorted(events(work_for(world, 60), "lane.resumed")) == ["pause", "pause:talks"]
    assert world.run() == 0


def test_an_order_to_pause_that_names_no_inbox_or_no_time_is_refused(world: World) -> None:
    world.run()
    for wrong in ({"inbox": "nobody"}, {"inbox": 7}, {"until": "soon"}, {"until": float("inf")}, {"until": True}):
        order(world, "pause", **wrong)
    logs = work_for(world, 60)

    assert [line["event"] for line in logs].count("order.refused") == 5
    assert events(logs, "lane.blocked") == []


def test_a_run_once_that_finds_all_paused_ends_with_75_and_one_with_nothing_to_do_is_done(world: World) -> None:
    world.run()
    order(world, "pause")
    assert world.run() == 0
    world.drop("Talk.mp3")
    assert world.run() == 75


def test_a_pause_is_no_fault_and_no_news(world: World) -> None:
    world.plan_options["tell"] = ("failed", "blocked")
    world.run()
    order(world, "pause")
    world.drop("Talk.mp3")
    logs = work_for(world, A_WHILE)
    running = {**world.published[-1], "ended": False}
    seen = Evidence(running, seen_at=world.clock.wall(), status_at=world.clock.wall())

    assert judged(seen, world.clock.wall(), strict=True).is_healthy
    assert not [line for line in logs if line["event"].startswith("notify")]


def test_outside_its_hours_nothing_is_uploaded_and_what_waits_says_until_when(
    world: World, api: FakeAssemblyAI
) -> None:
    world.plan_options["upload_hours"] = in_an_hour()
    assert events(work_for(world, A_WHILE), "lane.blocked") == []
    world.drop("Talk.mp3")
    logs = work_for(world, A_WHILE)

    assert api.uploads == []
    opens_at = time.strftime("%Y-%m-%d %H:%M", time.localtime(world.published[-1]["blocked"][0]["again_at"]))
    why = f"recordings are uploaded at {in_an_hour()} only (upload_hours), next from {opens_at} on"
    assert [row["reason"] for row in (*world.published[-1]["blocked"], *world.published[-1]["open"])] == [why, why]
    assert why in (world.folders["outbox"] / "_transcribed.txt").read_text()
    assert events(logs, "lane.blocked") == ["upload-hours"]

    world.clock.moved = HOUR - 30
    logs = work_for(world, A_WHILE)

    assert events(logs, "lane.resumed") == ["upload-hours"]
    assert world.states() == [State.DELIVERED]
    assert world.files("outbox") == ["Talk.srt", "Talk.txt"]


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_berlin")
def test_hours_that_a_change_of_clocks_leaves_out_are_next_on_the_day_after_it(world: World) -> None:
    world.plan_options["upload_hours"] = "02:15-02:45"
    world.clock.began_at = time.mktime((2027, 3, 27, 2, 46, 0, 0, 0, -1))
    world.drop("Talk.mp3")
    work_for(world, 60)

    assert "next from 2027-03-29 02:15 on" in world.published[-1]["blocked"][0]["reason"]


def test_what_was_uploaded_in_its_hours_is_submitted_and_delivered_after_them(world: World) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: State.UPLOADED in world.states())
    world.plan_options["upload_hours"] = in_an_hour()
    work_for(world, A_WHILE)

    assert world.states() == [State.DELIVERED]


def test_the_commands_leave_orders_and_refuse_what_cannot_be(world: World) -> None:
    world.run()
    assert ask(world, "pause", "inbox", "--for", "2").exit_code == 0
    for time_of_here in ("06:00", "2030-01-01T06:00"):  # the first is long ago in this world
        assert ask(world, "pause", "--until", time_of_here).exit_code == 0
    for words in (["pause", "nobody"], ["resume", "nobody"], ["pause", "--for", "0"], ["pause", "--until", "then"]):
        assert ask(world, *words).exit_code == 2
    assert "has passed" in ask(world, "pause", "--until", "2020-01-01 00:00").output
    assert "has passed" in ask(world, "pause", "--until", "1900-05-05 23:59").output
    assert "not both" in ask(world, "pause", "--until", "06:00", "--for", "2").output

    world.routes = [world.route]
    logs = work_for(world, 60)
    assert events(logs, "lane.blocked") == ["pause"]
    assert [line["event"] for line in logs].count("order.refused") == 1  # this world names its inbox otherwise
    (world.state / "status.json").write_text(json.dumps(world.published[-1]))
    shown = ask(world, "status").output
    assert "everything is paused until 2030-01-01 06:00: nothing is uploaded or submitted -- fix: who runs" in shown
    assert "tried again" not in shown
    with pytest.raises(TranscribedError, match="all inboxes are paused together"):
        ask(world, "resume", "inbox")
    assert ask(world, "resume").exit_code == 0
    assert events(work_for(world, 60), "lane.resumed") == ["pause"]
