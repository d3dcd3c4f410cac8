"""With `draft = true` what this machine hears lies in the outbox until the transcript does, and holds up nobody."""

import threading
from collections.abc import Iterator

import pytest
import structlog

from commands import ask
from fake_assemblyai import KEY, FakeAssemblyAI
from transcribed.assemblyai import AssemblyAI
from transcribed.job import State
from world import Clock, World, link, parameters, work_for

pytestmark = pytest.mark.route(formats=("txt",), draft=True)

DRAFT = "Talk.draft.txt"


@pytest.fixture(autouse=True)
def recogniser(world: World, clock: Clock) -> Iterator[FakeAssemblyAI]:
    """The recogniser on this machine: it needs two seconds, where the cloud needs thirty."""
    with FakeAssemblyAI(clock=clock.wall, processing_seconds=2) as server:
        client = AssemblyAI(server.base_url, KEY, stop=threading.Event(), wall=clock.wall, tries=1)
        world.plan_options["recogniser"] = client
        yield server


def has_draft(world: World) -> bool:
    return DRAFT in world.files("outbox")


def is_at_rest(world: World) -> bool:
    """True once the draft is there, and the journal knows it."""
    return has_draft(world) and '"is_published": true' in "".join(facts(world).values())


def facts(world: World) -> dict[str, str]:
    if world.running:
        return world.worker.book.journal.facts("draft:")
    with world.journal() as journal:
        return journal.facts("draft:")


def test_the_draft_is_there_before_the_transcript_and_goes_when_that_is_delivered(world, api, recogniser) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: is_at_rest(world))
    assert world.states() == [State.SUBMITTED]
    draft = (world.folders["outbox"] / DRAFT).read_text()
    assert "A draft lies at" in ask(world, "explain", "1").stdout

    assert world.run() == 0

    assert world.files("outbox") == ["Talk.txt"]
    assert draft == (world.folders["outbox"] / "Talk.txt").read_text(), "both are what the fake hears in these bytes"
    assert len(recogniser.submits) == len(api.submits) == 1
    assert recogniser.submits[0].deleted, "the recogniser keeps nothing of it"
    assert facts(world) == {}


@pytest.mark.parametrize("first", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_draft_goes_though_the_daemon_is_killed_at_any_commit_and_nothing_is_paid_twice(
    world, api, recogniser, first
) -> None:
    count = 0
    for number in range(first, 40, 2):
        count += 1
        world.drop(f"{count:02}.mp3")
        if not world.crash_at_commit(number):
            break
        world.run()
        assert world.files("outbox") == [f"{each:02}.txt" for each in range(1, count + 1)]
    assert 4 < count < 20
    assert facts(world) == {}
    left = [submit for submit in recogniser.submits if not submit.deleted]
    assert len(left) <= 1, "killed between the answer of the recogniser and the commit that knows it"
    assert set(api.paid().values()) == {1}


def test_a_draft_goes_though_the_daemon_is_killed_at_the_steps_after_it(world, api) -> None:
    for number in range(6, 13):
        world.drop(f"{number}.mp3")
        world.crash(number, after=number % 2 == 0)
        world.run()
    assert len(world.files("outbox")) == 7
    assert set(api.paid().values()) == {1}
    assert not [name for name in world.files("outbox") if "draft" in name]


def test_a_draft_that_a_person_has_changed_stays(world) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: is_at_rest(world))
    (world.folders["outbox"] / DRAFT).write_text("My own words.")

    with structlog.testing.capture_logs() as logs:
        world.run()
    assert [line["event"] for line in logs if line["event"].startswith("draft.")] == ["draft.kept"]

    assert world.files("outbox") == [DRAFT, "Talk.txt"]
    assert (world.folders["outbox"] / DRAFT).read_text() == "My own words."
    assert facts(world) == {}


def test_a_file_of_that_name_is_left_as_it_is(world) -> None:
    (world.folders["outbox"] / DRAFT).write_text("A person's.")
    world.drop("Talk.mp3")

    world.run(lambda: "Talk (2).draft.txt" in world.files("outbox"))
    world.run()

    assert world.files("outbox") == [DRAFT, "Talk.txt"]
    assert (world.folders["outbox"] / DRAFT).read_text() == "A person's."


def test_a_draft_that_fails_is_told_and_holds_up_nobody(world, api, recogniser) -> None:
    recogniser.end_with_error("the model tiny.en knows English only")
    world.drop("Talk.mp3")
    world.run(lambda: "the model" in "".join(facts(world).values()))
    assert "There is no draft of it: the model tiny.en knows English only" in ask(world, "explain", "1").stdout

    assert world.run() == 0

    assert world.files("outbox") == ["Talk.txt"]
    assert facts(world) == {}


def test_a_recogniser_that_is_away_blocks_no_lane_and_is_asked_again(world, api, recogniser) -> None:
    recogniser.down()
    api.processing_seconds = 300
    world.drop("Talk.mp3")
    logs = work_for(world, 60.0)
    assert [line for line in logs if line["event"] == "lane.blocked"] == []
    recogniser.up()

    world.run(lambda: is_at_rest(world))

    assert world.run() == 0
    assert world.files("outbox") == ["Talk.txt"]


def test_a_draft_goes_with_a_recording_that_is_taken_out(world, api) -> None:
    api.down()
    world.drop("Talk.mp3")
    world.run(lambda: is_at_rest(world))
    (world.folders["inbox"] / "Talk.mp3").unlink()
    work_for(world, 60.0)

    assert world.states() == [State.CANCELLED]
    assert world.files("outbox") == []


def test_a_draft_stays_beside_a_recording_that_failed_until_a_retry_has_delivered_it(world, api) -> None:
    api.end_with_error("Transcoding failed. File type is audio/mpeg")
    world.drop("Talk.mp3")
    world.run(lambda: is_at_rest(world))
    world.run()
    assert world.states() == [State.FAILED]
    assert has_draft(world)
    (world.folders["failed"] / "Talk.mp3").rename(world.folders["inbox"] / "Talk.mp3")

    world.run()

    assert world.states() == [State.DELIVERED]
    assert world.files("outbox") == ["Talk.txt"]


@pytest.mark.route(draft=True, parameters=parameters(redact_pii=True, redact_pii_policies=["person_name"]))
def test_what_is_to_be_redacted_has_no_draft(world, recogniser) -> None:
    world.drop("Talk.mp3")
    world.run()
    assert recogniser.uploads == []


def test_a_link_has_no_draft(world, api, recogniser) -> None:
    api.put_elsewhere("https://media.example.org/talk.mp3")
    world.drop("Talk.url", link("https://media.example.org/talk.mp3"))
    world.run()
    assert world.states() == [State.DELIVERED]
    assert recogniser.submits == []


def test_a_draft_whose_outbox_is_away_at_the_delivery_goes_once_it_is_back(world) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: is_at_rest(world))
    world.run(lambda: world.states() == [State.DELIVERED])
    assert has_draft(world), "else this test is of no use"
    away = world.lose("outbox")
    work_for(world, 30.0)
    away.rename(world.folders["outbox"])

    work_for(world, 90.0)

    assert world.files("outbox") == ["Talk.txt"]
    assert facts(world) == {}


def test_a_draft_that_is_being_heard_is_heard_once_though_the_daemon_is_killed(world, api, recogniser) -> None:
    recogniser.processing_seconds = api.processing_seconds = 600
    world.drop("Talk.mp3")
    world.run(lambda: facts(world) != {})

    world.run()

    assert world.files("outbox") == ["Talk.txt"]
    assert len(recogniser.submits) == 1
    assert recogniser.submits[0].deleted
    assert facts(world) == {}


def test_a_journal_that_cannot_be_written_as_a_draft_is_ready_costs_neither_the_draft_nor_the_daemon(
    world, api, clock
) -> None:
    api.processing_seconds = 600
    world.drop("Talk.mp3")
    at: list[float] = []

    def can_write(is_so: bool) -> None:
        at.append(clock.moved)
        with world.worker.book.journal._engine.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if is_so else 'ON'}")

    def has_gone_on() -> bool:
        if not at and facts(world):
            can_write(False)
        elif len(at) == 1 and clock.moved > at[0] + 60:
            assert [lane.name for lane in world.worker.lanes.all()] == ["state"]
            can_write(True)
        return len(at) == 2 and is_at_rest(world)

    world.run(has_gone_on, seconds=1000)

    assert world.states() == [State.SUBMITTED]
    assert world.run() == 0
    assert world.files("outbox") == ["Talk.txt"]


def test_a_draft_whose_outbox_is_away_when_it_is_ready_is_there_once_that_is_back(world, api) -> None:
    api.processing_seconds = 900
    world.drop("Talk.mp3")
    world.run(lambda: facts(world) != {})
    away = world.lose("outbox")
    work_for(world, 60.0)
    assert '"path": "/' in "".join(facts(world).values())
    away.rename(world.folders["outbox"])

    world.run(lambda: is_at_rest(world), seconds=800)

    assert world.run() == 0
    assert world.files("outbox") == ["Talk.txt"]
    assert facts(world) == {}
