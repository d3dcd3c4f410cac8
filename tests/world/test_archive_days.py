"""`archive_days`: old archived recordings are deleted, and only those that are surely ours and surely safe."""

import os
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from fake_assemblyai import FakeAssemblyAI, Fault
from transcribed.job import State
from world import World, work_for

DAY = 86400.0

pytestmark = pytest.mark.route(archive_days=10.0)


def delivered(world: World, *names: str) -> None:
    for name in names:
        world.drop(name)
    assert world.run() == 0


def later(world: World, days: float) -> list[dict[str, Any]]:
    """What the daemon logs that is started after so many days, in its first minute."""
    world.clock.moved += days * DAY
    return work_for(world, 60.0)


def kept(logs: list[dict[str, Any]]) -> list[str]:
    return [line["reason"] for line in logs if line["event"] == "archive.kept"]


def test_a_recording_leaves_the_archive_after_its_days_and_not_before_and_its_transcript_stays(world: World) -> None:
    delivered(world, "Talk.mp3", "a/b/Other.mp3")
    (world.folders["archive"] / "a/Mine.mp3").write_bytes(b"of a person")
    later(world, 9.5)
    assert world.files("archive") == ["Talk.mp3", "a/Mine.mp3", "a/b/Other.mp3"]

    logs = later(world, 1.0)

    assert world.files("archive") == ["a/Mine.mp3"]
    assert len(world.files("outbox")) == 4
    assert kept(logs) == []
    assert [(job.gone, job.place, job.state) for job in world.jobs()] == [(True, None, State.DELIVERED)] * 2
    assert "retired" in world.story(1)[-1]


@pytest.mark.route(archive_days=0.0)
def test_by_default_nothing_is_ever_deleted(world: World) -> None:
    delivered(world, "Talk.mp3")
    later(world, 700)
    assert world.files("archive") == ["Talk.mp3"]


def grown(world: World) -> None:
    with (world.folders["archive"] / "Talk.mp3").open("ab") as file:
        file.write(b"more")


def edited(world: World) -> None:
    """Other bytes, with the size and the time that it had."""
    path = world.folders["archive"] / "Talk.mp3"
    status, data = path.stat(), path.read_bytes()
    path.write_bytes(data[:-1] + b"x")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def without_transcript(world: World) -> None:
    for path in (world.state / "transcripts").iterdir():
        path.unlink()
    (world.folders["outbox"] / "Talk.txt").write_text("edited")


def linked(world: World) -> None:
    path = world.folders["archive"] / "Talk.mp3"
    path.rename(world.directory / "elsewhere.mp3")
    path.symlink_to(world.directory / "elsewhere.mp3")


def damaged(world: World, content: str) -> None:
    """Its kept transcript is damaged, and the one in the outbox was edited."""
    job = world.jobs()[0]
    (world.state / "transcripts" / f"{job.transcript_id}.json").write_text(content)
    (world.folders["outbox"] / "Talk.txt").unlink()


def emptied(world: World) -> None:
    damaged(world, "")


def without_text(world: World) -> None:
    damaged(world, "{}")


def of_another(world: World) -> None:
    damaged(world, (world.state / "transcripts" / f"{world.jobs()[1].transcript_id}.json").read_text())


@pytest.mark.parametrize("change", [grown, edited, without_transcript, linked, emptied, without_text, of_another])
def test_what_is_not_surely_ours_and_safe_stays_and_is_told_once(world: World, change: Callable[[World], None]) -> None:
    delivered(world, "Talk.mp3")
    delivered(world, "Good.mp3")
    change(world)

    first, again = later(world, 20), later(world, 20)

    assert os.path.lexists(world.folders["archive"] / "Talk.mp3")
    assert (len(kept(first)), kept(again)) == (1, [])
    if change is not without_transcript:
        assert not (world.folders["archive"] / "Good.mp3").exists(), "what is left holds up no other"


def test_a_transcript_in_the_outbox_or_one_that_is_kept_is_enough(world: World) -> None:
    delivered(world, "Talk.mp3", "Other.mp3")
    (world.folders["outbox"] / "Talk.txt").unlink()
    [other] = [job for job in world.jobs() if job.path == b"Other.mp3"]
    for path in (world.state / "transcripts").glob(f"{other.transcript_id}*"):
        path.unlink()
    later(world, 20)
    assert world.files("archive") == []


def test_a_clock_that_is_years_ahead_deletes_nothing(world: World, api: FakeAssemblyAI) -> None:
    delivered(world, "Talk.mp3")
    api.clock = lambda: world.clock.wall() - 15 * DAY
    logs = later(world, 15)

    assert world.files("archive") == ["Talk.mp3"]
    assert [line["reason"] for line in logs if line["event"] == "archive.not_aged"]


def test_while_the_api_or_the_archive_is_away_nothing_is_deleted_and_nothing_is_forgotten(
    world: World, api: FakeAssemblyAI
) -> None:
    delivered(world, "Talk.mp3")
    away = world.lose("archive")
    first = later(world, 20)
    away.rename(world.folders["archive"])
    api.script("GET /v2/transcript", [Fault.answer(500, "down")])
    second = later(world, 1)

    for logs in (first, second):
        assert len([line for line in logs if line["event"] == "archive.not_aged"]) == 1
    assert world.files("archive") == ["Talk.mp3"]
    assert not world.jobs()[0].gone

    later(world, 1)
    assert world.files("archive") == []


def test_more_than_are_done_at_once_are_all_deleted_and_a_question_reads_no_more_than_it_needs(world: World) -> None:
    delivered(world, *(f"{number}.mp3" for number in range(25)))
    later(world, 20)
    assert world.files("archive") == []

    with world.journal() as journal:
        with journal.search._transactions.reading() as connection:
            first = sa.text("SELECT retired_at, id FROM jobs ORDER BY retired_at, id LIMIT 1")
            place = connection.execute(first).one()
        asked: list[str] = []
        sa.event.listen(journal._engine, "before_cursor_execute", lambda _c, _u, text, *_: asked.append(text))
        found = journal.search.put_away_between((place[0], place[1]), 1e12, 5)
        with journal.search._transactions.reading() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[0]}", (place[0], 1e12, place[0], 1, 5, 0))
            steps = [row[-1] for row in plan.all()]

    assert [job.id for job in found] == [2, 3, 4, 5, 6]
    assert steps == [
        "SEARCH jobs USING INTEGER PRIMARY KEY (rowid=?)",
        "LIST SUBQUERY 1",
        "SEARCH jobs USING INDEX jobs_put_away (retired_at>? AND retired_at<?)",
    ], "it sorts nothing, so it ends after so many"
