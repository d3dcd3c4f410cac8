"""A question that failed, or is in doubt, is told where people look until it is settled, and costs no pass anything."""

import json
import re

import pytest
import sqlalchemy as sa

from commands import ask
from fake_assemblyai import FakeAssemblyAI, Fault
from transcribed.worker import drop
from world import World

ROUTE = "POST /v1/understanding"
SUMMARY = {"summarization": {"summary_type": "paragraph"}}

pytestmark = pytest.mark.route(formats=("txt",), page=True)


def order(world: World, *jobs: int, **facts: object) -> None:
    drop(str(world.state), {"order": "understand", "jobs": list(jobs), **facts})


def asked(world: World, api: FakeAssemblyAI, fault: Fault, *names: str) -> None:
    """A question about each of these recordings meets this fault, and the share is told."""
    for name in names:
        world.drop(name)
    assert world.run() == 0
    api.script(ROUTE, [fault for _ in names])
    order(world, *range(1, len(names) + 1), request=SUMMARY)
    shown_again(world)


def shown_again(world: World) -> None:
    """All that people read is written once more."""
    end = world.clock.moved + 300
    world.run(until=lambda: world.clock.moved >= end)
    (world.state / "status.json").write_text(json.dumps(world.published[-1]))


def share(world: World, name: str) -> str:
    path = world.folders["outbox"] / name
    return path.read_text() if path.exists() else ""


def everywhere(world: World) -> dict[str, str]:
    return {
        "status": ask(world, "status").stdout.replace("\n", " "),
        "notice": share(world, "_transcribed.txt"),
        "page": share(world, "_transcribed.html"),
    }


@pytest.mark.parametrize(
    ("fault", "why"),
    [(Fault.lost_answer(), "nobody knows if it was paid"), (Fault.answer(400, "no such thing"), "no such thing")],
    ids=["doubtful", "failed"],
)
def test_it_is_told_in_status_notice_and_page_until_it_is_settled(
    world: World, api: FakeAssemblyAI, fault: Fault, why: str
) -> None:
    asked(world, api, fault, "Talk.mp3")
    for place, text in everywhere(world).items():
        assert "Talk.mp3" in text, place
        assert why in text, place
        assert "`transcribed understand --again 1`" in text, place
    told = json.loads(ask(world, "status", "--json").stdout)["questions"]["for_person"]
    assert [(each["inbox"], each["count"]) for each in told] == [("talks", 1)]
    assert why in told[0]["newest"][0]["reason"]

    ask(world, "understand", "1", "--again")
    shown_again(world)

    assert all("--again" not in text for text in everywhere(world).values())
    assert share(world, "_transcribed.txt") == ""


def test_the_status_of_the_same_life_counts_it_as_perhaps_paid(world: World, api: FakeAssemblyAI) -> None:
    asked(world, api, Fault.lost_answer(), "Talk.mp3")
    assert world.published[-1]["month"]["perhaps_questions"] == 1


def test_of_many_a_few_are_named_and_all_are_counted(world: World, api: FakeAssemblyAI) -> None:
    asked(world, api, Fault.lost_answer(), *(f"{number}.mp3" for number in range(1, 6)))
    shown = everywhere(world)
    for place in ("notice", "status"):
        told = re.search(r"5 questions about transcripts wait for a person \((.*), \.\.\.\): ", shown[place])
        assert told is not None, place
        assert len(told[1].split(", ")) == 3
        assert "--again 5 4 3`" in shown[place]
    assert "and 2 more" in shown["page"]


def test_it_is_told_after_a_restart_and_leaves_the_share_after_a_month(world: World, api: FakeAssemblyAI) -> None:
    asked(world, api, Fault.lost_answer(), "Talk.mp3")
    world.clock.moved += 40 * 86400
    shown_again(world)
    shown = everywhere(world)
    assert "--again 1" in shown["status"]
    assert shown["notice"] == ""
    assert "--again" not in shown["page"]


def test_a_question_about_a_transcript_that_was_given_up_is_not_told(world: World, api: FakeAssemblyAI) -> None:
    """No order could ask it again."""
    asked(world, api, Fault.lost_answer(), "Talk.mp3")
    with world.journal() as journal, journal._transactions.writing() as connection:
        connection.exec_driver_sql("UPDATE jobs SET transcript_id = 'another'")
    shown_again(world)
    assert "--again" not in everywhere(world)["status"]


def test_while_nothing_happens_it_is_not_read_again(world: World, api: FakeAssemblyAI) -> None:
    asked(world, api, Fault.lost_answer(), "Talk.mp3")
    reads = []

    def count(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if "row_number() OVER" in statement and "questions.state IN" in statement:
            reads.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", count)
    try:
        shown_again(world)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", count)
    assert len(reads) == 1, "at the start"
