"""What the end of the process says about the recordings that it was at work at."""

import json
from collections.abc import Callable

from arriving import unsettled
from fake_assemblyai import FakeAssemblyAI
from jobs import a_job
from transcribed.job import DEATHS, State, Step
from transcribed.worker.intake.glances import RESTS_SECONDS
from transcribed.worker.intake.inspection import FACT
from transcribed.worker.reading import LONGEST_SECONDS, READS, Reading
from world import Clock, Crash, World, mp3, work_for


def dies_when(world: World, is_at_it: Callable[[], bool], until: Callable[[], bool] | None = None) -> bool:
    """Run until the process dies where this is true; False if it never is, and `until` holds."""
    world.crash_when = is_at_it
    try:
        world.run(until)
    except Crash:
        return True
    finally:
        world.crash_when = lambda: False
    return False


def dies_while(world: World, *steps: Step, path: bytes | None = None) -> bool:
    """Run until the process dies in one of these steps (of the recording at `path`); False if it never does."""

    def is_at_it() -> bool:
        at_work = [] if world.worker.book.unwritten else world.worker.dispatch.in_flight.values()
        return any(step in steps and path in (None, job.path) and not job.has_ended for step, job in at_work)

    return dies_when(world, is_at_it)


def test_a_recording_that_was_only_sent_is_never_failed_for_the_ends_of_the_process(
    world: World, api: FakeAssemblyAI
) -> None:
    world.drop("Talk.mp3")

    assert [dies_while(world, Step.UPLOAD) for _ in range(DEATHS + 1)] == [True] * (DEATHS + 1)
    assert world.run() == 0

    assert world.states() == [State.DELIVERED]
    assert len(api.submits) == 1


def test_a_recording_that_ends_the_process_each_time_it_is_read_is_tried_alone_and_then_fails_alone(
    world: World, api: FakeAssemblyAI
) -> None:
    for name in ("A.mp3", "Bad.mp3", "C.mp3"):
        world.drop(name)
    deaths = 0

    while deaths < 10 and dies_while(world, *READS, path=b"Bad.mp3"):
        deaths += 1

    assert deaths == DEATHS + 1
    assert {job.path: job.state for job in world.jobs()} == {
        b"A.mp3": State.DELIVERED,
        b"Bad.mp3": State.FAILED,
        b"C.mp3": State.DELIVERED,
    }
    assert "at last it alone" in (world.folders["failed"] / "Bad.mp3.error.txt").read_text()


def test_while_one_recording_is_tried_alone_no_other_is_read_and_what_hangs_is_not_waited_for(clock: Clock) -> None:
    reading, suspect, other = Reading(clock), a_job(b"a.mp3", deaths=DEATHS), a_job(b"b.mp3", id=2)

    reading.began(Step.HASH, other)
    reading.look_again()
    assert not reading.may_begin(Step.NAME, suspect)
    assert not reading.may_begin(Step.NAME, other), "it would never be alone"
    assert reading.may_begin(Step.UPLOAD, other)
    clock.moved += LONGEST_SECONDS
    assert reading.may_begin(Step.NAME, suspect)

    reading.began(Step.NAME, suspect)
    reading.look_again()
    assert not reading.may_begin(Step.NAME, other)
    clock.moved += LONGEST_SECONDS
    assert reading.may_begin(Step.NAME, other)


def dies_while_looking_into(world: World, *names: str, until: Callable[[], bool] | None = None) -> bool:
    """Run until the process dies as it looks into a file of these names; False if it never does, and `until` holds."""

    def is_at_it() -> bool:
        told = [json.loads(text) for text in world.worker.book.journal.facts(FACT).values()]
        at_work = [each["rows"] for each in told if each["life"] == world.worker.book.reading.life]
        return any(path in names and is_read for rows in at_work for path, _, _, _, is_read in rows)

    return dies_when(world, is_at_it, until)


def test_a_file_that_ends_the_process_before_it_is_a_job_is_tried_alone_then_set_aside_and_named_at_the_share(
    world: World, api: FakeAssemblyAI, clock: Clock
) -> None:
    for name in ("A.mp3", "Bad.mp3", "C.mp3"):
        world.drop(name)
    deaths = 0

    while deaths < 10 and dies_while_looking_into(world, "Bad.mp3"):
        deaths += 1
    assert deaths == DEATHS + 1
    until = clock.moved + 600
    world.run(lambda: clock.moved > until)

    assert {job.path: job.state for job in world.jobs()} == {b"A.mp3": State.DELIVERED, b"C.mp3": State.DELIVERED}
    assert (world.folders["inbox"] / "Bad.mp3").exists()
    assert "the daemon ended 4 times in a row" in unsettled(world)["Bad.mp3"]
    assert "Bad.mp3: the daemon ended 4 times" in (world.folders["outbox"] / "_transcribed.txt").read_text()

    world.drop("Bad.mp3", mp3("another"))
    world.run(lambda: not world.files("inbox"))
    assert len(world.jobs()) == 3


def test_a_good_file_that_was_in_bad_company_is_taken_by_a_later_process(world: World) -> None:
    for name in ("A.mp3", "Bad.mp3", "C.mp3"):
        world.drop(name)
    assert [dies_while_looking_into(world, "Bad.mp3") for _ in range(DEATHS)] == [True] * DEATHS
    (world.folders["inbox"] / "Bad.mp3").unlink()

    world.run(lambda: not world.files("inbox"))

    assert {job.path for job in world.jobs()} == {b"A.mp3", b"C.mp3"}


def test_many_files_that_end_the_process_take_one_end_each_and_a_few_to_know_of_them(world: World) -> None:
    bad = [f"Bad {number}.mp3" for number in range(8)]
    for name in (*bad, "A.mp3", "C.mp3"):
        world.drop(name)
    deaths = 0

    while deaths < 40 and dies_while_looking_into(world, *bad, until=lambda: world.files("inbox") == bad):
        deaths += 1

    assert deaths == len(bad) + DEATHS
    work_for(world, 60)
    assert all("the daemon ended 4 times in a row" in unsettled(world)[name] for name in bad)
    assert {job.path for job in world.jobs()} == {b"A.mp3", b"C.mp3"}


def test_a_file_that_was_looked_into_when_the_daemon_stopped_is_not_what_ends_it(world: World) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: bool(world.worker.book.journal.facts(FACT)))

    with world.journal() as journal:
        assert journal.facts(FACT) == {}


def test_a_file_that_is_to_be_looked_into_alone_waits_for_all_that_reads_and_then_all_for_it(clock: Clock) -> None:
    reading, job = Reading(clock), a_job(b"a.mp3")

    reading.probing("talks", alone=False)
    assert not reading.may_probe("calls", alone=True)
    assert not reading.may_begin(Step.NAME, job), "it would never be alone"
    assert not reading.may_probe("talks", alone=False)
    reading.probed("talks")
    clock.moved += LONGEST_SECONDS
    assert reading.may_begin(Step.NAME, job), "who asks no more is not waited for"
    assert reading.may_probe("calls", alone=True)

    reading.probing("calls", alone=True)
    assert not reading.may_begin(Step.NAME, job)
    assert not reading.may_probe("talks", alone=False)
    reading.probed("calls")
    assert reading.may_begin(Step.NAME, job)
    assert reading.may_probe("talks", alone=False)


def dies_while_glancing(world: World, kind: str, until: Callable[[], bool]) -> bool:
    """Run until the process dies in a glance of this kind; False if it never does, and `until` holds."""

    def is_at_it() -> bool:
        told = [json.loads(text) for text in world.worker.book.journal.facts(f"glancing:{kind}").values()]
        return any(each["life"] == world.worker.book.reading.life for each in told)

    return dies_when(world, is_at_it, until)


def test_a_survey_that_ends_the_process_again_and_again_goes_by_the_sizes_and_is_tried_again_after_a_day(
    world: World,
) -> None:
    world.plan_options["accept_backlog_hours"] = 0.0
    world.drop("Bad.mp3", b"\xff" * 57_600_000)

    def is_surveyed() -> bool:
        return bool(world.published and world.published[-1]["inboxes"][0].get("backlog"))

    died = [dies_while_glancing(world, "survey", is_surveyed) for _ in range(DEATHS + 1)]

    assert died == [*[True] * DEATHS, False]
    assert world.published[-1]["inboxes"][0]["backlog"]["hours"] == 1.0
    world.clock.moved += RESTS_SECONDS
    assert dies_while_glancing(world, "survey", lambda: False)


def test_a_look_into_what_is_passed_over_that_ends_the_process_again_and_again_is_left_out(
    world: World, clock: Clock
) -> None:
    world.drop("Bad.m4a")
    world.drop("Talk.mp3")

    def is_late() -> bool:
        return clock.moved > until

    died = []
    for _ in range(DEATHS + 1):
        until = clock.moved + 300
        died.append(dies_while_glancing(world, "names", is_late))

    assert died == [*[True] * DEATHS, False]
    assert world.states() == [State.DELIVERED]
