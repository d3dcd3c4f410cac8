"""A question about a delivered transcript is paid once, whenever the daemon dies, and every format has the answer."""

import json
from pathlib import Path
from typing import Any

import pytest

from commands import ask
from fake_assemblyai import FakeAssemblyAI, Fault
from transcribed.errors import TranscribedError
from transcribed.journal import Transcripts, amendments
from transcribed.worker import drop
from world import World, parameters

#: Threads that have no part in a question.
NOT_ASKING = frozenset({"state", "notify", *(f"{each}-talks" for each in ("inbox", "after", "aging", "sweep"))})
ROUTE = "POST /v1/understanding"
NAMES = {"speaker_identification": {"speaker_type": "name", "known_values": ["Anna Berg", "Ben Frei"]}}
ALL = {"translation": {"target_languages": ["de"]}, "summarization": {"summary_type": "paragraph"}, **NAMES}

pytestmark = pytest.mark.route(formats=("txt", "srt", "md", "json"), parameters=parameters(speaker_labels=True))


def order(world: World, *jobs: int, **facts: Any) -> None:
    drop(str(world.state), {"order": "understand", "jobs": list(jobs or [1]), **facts})


def order_again(world: World) -> None:
    order(world, again=[[each.id, each.sent_at] for each in questions(world)])


def delivered(world: World) -> None:
    world.drop("Talk.mp3")
    assert world.run() == 0


def text(world: World, name: str) -> str:
    return (world.folders["outbox"] / name).read_text()


def questions(world: World, number: int = 1) -> list[Any]:
    with world.journal() as journal:
        job = journal.job(number)
        assert job is not None
        return journal.questions.of(job.transcript_id or "")


def test_the_answer_is_in_every_format_and_json_is_the_transcript_as_it_came(world: World, api: FakeAssemblyAI) -> None:
    delivered(world)
    before = text(world, "Talk.json")
    order(world, request=ALL)
    world.run()
    assert [each.state for each in questions(world)] == ["delivered"]
    assert all("Anna Berg" in text(world, f"Talk.{name}") for name in ("txt", "srt", "md"))
    assert "Somebody counts." in text(world, "Talk.md")
    assert "Translation (de)" in text(world, "Talk.md")
    assert text(world, "Talk.json") == before
    assert len(api.questions) == len(api.submits) == 1


def test_the_same_question_is_answered_from_what_is_kept(world: World, api: FakeAssemblyAI) -> None:
    delivered(world)
    for _ in range(2):
        order(world, request=ALL)
        world.run()
    (world.folders["outbox"] / "Talk.txt").unlink()
    order(world, request=ALL)
    world.run()
    assert "Anna Berg" in text(world, "Talk.txt")
    assert len(api.questions) == 1


def test_a_later_question_keeps_the_answer_of_the_first(world: World, api: FakeAssemblyAI) -> None:
    delivered(world)
    for part in ("summarization", "translation", "speaker_identification"):
        order(world, request={part: ALL[part]})
        world.run()
    shown = text(world, "Talk.md")
    assert all(each in shown for each in ("Somebody counts.", "Translation (de)", "Anna Berg"))
    assert len(api.questions) == 3


def test_a_file_that_a_person_edited_stays_as_it_is(world: World) -> None:
    delivered(world)
    (world.folders["outbox"] / "Talk.txt").write_text("my own words")
    order(world, request=ALL)
    world.run()
    assert text(world, "Talk.txt") == "my own words"
    assert "Anna Berg" in text(world, "Talk.md")
    assert "Talk.txt" in (questions(world)[0].reason or "")


def test_an_answer_waits_while_a_person_names_the_speakers_and_takes_no_name_away(world: World) -> None:
    delivered(world)
    with world.journal() as journal:
        job = journal.job(1)
    path = Transcripts(str(world.state)).path(str(job and job.transcript_id))
    with amendments.alone(path):
        order(world, request=ALL)
        world.run()
        assert "names its speakers" in (questions(world)[0].reason or "")
        amendments.keep(path, amendments.Amendments({"A": "Carla"}))
    world.clock.moved += 60
    world.run()
    assert amendments.read(path).speakers == {"A": "Carla"}
    assert all(f"{name}: " in text(world, "Talk.txt") for name in ("Carla", "Ben Frei"))


LOST = [Fault.lost_answer(), Fault.half_json(), Fault.html(taken=True), Fault.answer(500, "no", taken=True)]


@pytest.mark.parametrize("fault", LOST, ids=["reset", "half", "page", "500"])
def test_a_lost_answer_waits_for_a_person_and_is_paid_again_only_on_their_word(
    world: World, api: FakeAssemblyAI, fault: Fault
) -> None:
    delivered(world)
    api.script(ROUTE, [fault])
    order(world, request=ALL)
    world.run()
    [question] = questions(world)
    assert (question.state, question.due_at) == ("doubtful", None)
    order(world, request=ALL)
    world.run(seconds=86400)
    assert len(api.questions) == 1, "to ask the same is no word to pay again"
    [question] = questions(world)
    again = [[question.id, question.sent_at]]
    api.script(ROUTE, [fault])
    for _ in range(3):
        world.clock.moved += 60
        order(world, again=again)
        world.run()
    assert len(api.questions) == 2, "the same word counts once"
    order_again(world)
    world.run()
    assert questions(world)[0].state == "delivered"
    assert len(api.questions) == 3


def test_a_refused_question_is_free_and_says_why(world: World, api: FakeAssemblyAI) -> None:
    delivered(world)
    api.script(ROUTE, [Fault.answer(400, "no such language")])
    order(world, request=ALL)
    world.run()
    [question] = questions(world)
    assert question.state == "failed"
    assert "no such language" in (question.reason or "")
    assert api.questions == []


def test_a_gateway_that_takes_no_more_for_now_is_asked_again_later(world: World, api: FakeAssemblyAI) -> None:
    delivered(world)
    api.script(ROUTE, [Fault.answer(429, "too many"), Fault.answer(401, "no")])
    order(world, request=ALL)
    world.run(lambda: len(api.questions) == 1)
    assert not world.worker.lanes.all(), "recordings do not wait for it"


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_daemon_that_dies_at_any_step_pays_once_and_delivers_or_asks(
    world: World, api: FakeAssemblyAI, *, after: bool
) -> None:
    delivered(world)
    world.uncounted = NOT_ASKING
    step, died = 0, True
    while died:
        step += 1
        order(world, request=ALL)
        died = world.crash(step, after=after)
        world.run(seconds=600)
        assert questions(world)[0].state in ("delivered", "doubtful")
        assert len(api.questions) <= 1
        if questions(world)[0].state == "doubtful":
            assert len(api.questions) == 0, "only what was never sent is in doubt here"
            order_again(world)
            world.run()
        forget(world)
        api.questions.clear()
    assert step > 2


def forget(world: World) -> None:
    """The question and its answer are as if they had never been."""
    with world.journal() as journal, journal._transactions.writing() as connection:
        connection.exec_driver_sql("DELETE FROM questions")
    for path in Path(world.state, "transcripts").glob("*.understood.json"):
        assert json.loads(path.read_text())[0]["names"] == {"A": "Anna Berg", "B": "Ben Frei"}
        path.unlink()


@pytest.mark.parametrize("is_lost", [False, True], ids=["kept", "lost"])
def test_a_daemon_that_dies_at_any_commit_pays_once(world: World, api: FakeAssemblyAI, *, is_lost: bool) -> None:
    """Where the answer is lost too, as in a death between the POST and the file, it is in doubt."""
    delivered(world)
    number, died = 0, True
    while died:
        number += 1
        api.script(ROUTE, [Fault.lost_answer()] if is_lost else [])
        order(world, request=ALL)
        died = world.crash_at_commit(number)
        world.run(seconds=600)
        assert len(api.questions) == 1
        assert questions(world)[0].state == ("doubtful" if is_lost else "delivered")
        forget(world)
        api.questions.clear()
    assert number > 3


def test_the_command_line_orders_it_and_explain_tells_what_became_of_it(world: World, api: FakeAssemblyAI) -> None:
    delivered(world)
    same = ["understand", "1", "--translate", "de", "--summary", "--speakers", "Anna Berg, Ben Frei"]
    made = ask(world, *same, "--json")
    assert json.loads(made.stdout) == {"jobs": [1], "request": ALL}
    api.script(ROUTE, [Fault.lost_answer()])
    world.run()
    assert "It is doubtful" in ask(world, "explain", "1").stdout
    with pytest.raises(TranscribedError, match="give --again"):
        ask(world, *same)
    ask(world, "understand", "1", "--again")
    world.run()
    assert "It is delivered." in ask(world, "explain", "1").stdout
    assert [each.request for each in api.questions] == [ALL, ALL]


@pytest.mark.parametrize(
    "words",
    [("--translate", ""), ("--translate", "\x1b[31m"), ("--translate", "d" * 99), ("--speakers", "Anna\x1b[2J, Ben")],
)
def test_a_question_that_makes_no_sense_is_refused_before_it_is_ordered(world: World, words: tuple[str, str]) -> None:
    delivered(world)
    asked = ask(world, "understand", "1", *words)
    assert asked.exit_code == 2
    assert words[0] in asked.stderr
    world.run()
    assert questions(world) == []


def test_all_asks_those_that_were_not_asked_with_a_limit_and_only_after_a_yes(
    world: World, api: FakeAssemblyAI
) -> None:
    for number in range(4):
        world.drop(f"{number}.mp3")
    world.run()
    with pytest.raises(TranscribedError, match="nothing is asked"):
        ask(world, "understand", "--all", "--summary")
    for asked in (3, 4, 4):
        shown = ask(world, "understand", "--all", "--summary", "--limit", "3", "--yes")
        assert "transcripts of" in shown.stderr
        world.run()
        assert len({each.transcript_id for each in api.questions}) == len(api.questions) == asked
