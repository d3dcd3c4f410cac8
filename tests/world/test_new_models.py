"""Where an inbox says `hold_new_model`, what would be paid by a model that it does not know waits for a person."""

import re

import pytest

from commands import ask
from fake_assemblyai import FakeAssemblyAI
from fake_faults import Fault
from transcribed.errors import TranscribedError
from transcribed.job import Prices, canonical
from transcribed.job.limits import Limits
from transcribed.worker import drop
from transcribed.worker.people.status import to_json
from world import Crash, World, changed, mp3, work_for

OLD, NEW, OTHER = "universal-3-5-pro", "assemblyai-stt-3-7", "universal-2"
HOUR, DAY = 3600.0, 86400.0

pytestmark = pytest.mark.route(formats=("txt",), scan_seconds=60.0, hold_new_model=True)


def models(*names: str) -> str:
    return canonical({"speech_models": [*names]})


def by(world: World, model: str, **changes: object) -> None:
    """From now on AssemblyAI transcribes by this model."""
    world.api.results = {"speech_model_used": model, **changes}


def drop_some(world: World, *names: str) -> None:
    for name in names:
        world.drop(name, mp3(name))


def transcribed(world: World, model: str, *names: str) -> None:
    """Let some be transcribed by a model, which has no reason to wait."""
    by(world, model)
    drop_some(world, *names)
    assert world.run() == 0


def lanes(world: World) -> dict[str, str]:
    return {lane.name: lane.reason for lane in world.worker.lanes.all()}


def notice(world: World) -> str:
    path = world.folders["outbox"] / "_transcribed.txt"
    return path.read_text() if path.exists() else ""


@pytest.fixture
def held(world: World, api: FakeAssemblyAI) -> World:
    """A world whose inbox knows OLD; one recording was transcribed by NEW, and two more wait."""
    transcribed(world, OLD, "1.mp3")
    by(world, NEW)
    drop_some(world, "2.mp3", "3.mp3", "4.mp3")
    work_for(world, 900.0)
    return world


def test_a_model_that_only_an_answer_tells_costs_one_recording_and_holds_the_others(held, api) -> None:
    assert len(api.submits) == 2
    assert lanes(held)["model:talks"].startswith(
        f"AssemblyAI has begun to transcribe by {NEW} instead of {OLD} for talks."
    )
    assert len([name for name in held.files("outbox") if name[0] != "_"]) == 2
    assert f"has begun to transcribe by {NEW}" in notice(held)
    assert f"by another model: {NEW} instead of {OLD}" in notice(held)
    assert "No recording waits" not in notice(held)
    work_for(held, 3600.0)
    held.clock.moved += 3 * DAY
    work_for(held, 3600.0)
    assert len(api.submits) == 2, "no time ends it, and no restart"


@pytest.mark.parametrize("inbox", [None, "talks"])
def test_a_persons_word_lets_all_go_on_and_is_asked_for_once(held, api, inbox) -> None:
    drop(str(held.state), {"order": "accept", "model": True, "inbox": inbox})
    work_for(held, 900.0)

    assert len(api.submits) == 4
    assert lanes(held) == {}
    held.clock.moved += DAY
    transcribed(held, NEW, "5.mp3")
    transcribed(held, OLD, "6.mp3")
    assert len(api.submits) == 6, "both are known now"


def test_at_the_share_the_file_that_the_notice_names_lets_it_go_on_and_goes(held, api) -> None:
    name = re.search(r"accept-model-\S+", notice(held))
    assert name is not None
    assert name[0] == f"accept-model-{NEW}.txt"
    held.drop(name[0].upper(), b"")

    work_for(held, 900.0)

    assert len(api.submits) == 4
    assert held.files("inbox") == []


@pytest.mark.parametrize("why", ["another model", "forbidden", "words"])
def test_another_file_at_the_share_is_not_obeyed_and_the_notice_says_why(held, api, why) -> None:
    name = "accept-model-slam-9.txt" if why == "another model" else f"accept-model-{NEW}.txt"
    if why == "forbidden":
        held.routes = [changed(held.routes[0], accept_at_share=False)]
    held.drop(name, b"words" if why == "words" else b"")

    work_for(held, 900.0)

    assert len(api.submits) == 2
    assert f'{name} in the inbox "talks" is not obeyed' in notice(held)
    assert (f"put a file named accept-model-{NEW}.txt" in notice(held)) == (why != "forbidden")


def test_a_kill_between_the_word_and_its_removal_leaves_a_file_that_does_no_more(held, api) -> None:
    name = f"accept-model-{NEW}.txt"
    held.drop(name, b"")
    held.crash_when = lambda: NEW in held.worker._holds.models._memory["talks"].known
    with pytest.raises(Crash):
        work_for(held, 900.0)
    held.crash_when = lambda: False

    work_for(held, 900.0)

    assert len(api.submits) == 4
    assert name not in held.files("inbox")


def test_wherever_the_process_dies_one_recording_is_paid_by_a_new_model(world, api) -> None:
    transcribed(world, OLD, "1.mp3")
    by(world, NEW)
    drop_some(world, "2.mp3", "3.mp3", "4.mp3", "5.mp3")
    step = 1
    while world.crash(step):
        step += 1
    work_for(world, 900.0)

    assert len(api.submits) == 2
    assert "model:talks" in lanes(world)


def test_a_crash_before_the_question_is_written_does_not_lose_it(world, api) -> None:
    transcribed(world, OLD, "1.mp3")
    by(world, NEW)
    drop_some(world, "2.mp3", "3.mp3")
    world.crash_when = lambda: any(job.model == NEW for job in world.jobs())
    with pytest.raises(Crash):
        work_for(world, 900.0)
    world.crash_when = lambda: False
    with world.journal() as journal:
        journal.remember({name: text.replace(NEW, "") for name, text in journal.facts("models-known:").items()})

    work_for(world, 900.0)

    assert len(api.submits) == 2
    assert "model:talks" in lanes(world)


def test_a_request_that_names_another_model_waits_before_its_first_submit(world, api) -> None:
    world.plan_options.update(prices=Prices({OLD: 0.25, OTHER: 0.15}), currency="EUR")
    api.duration_of = lambda _: 7200.0
    transcribed(world, OLD, "1.mp3")
    world.routes[0] = changed(world.route, parameters=models(OTHER))
    drop_some(world, "2.mp3", "3.mp3")
    work_for(world, 900.0)

    assert len(api.submits) == 1
    reason = lanes(world)["model:talks"]
    assert f"the request names {OTHER} instead of {OLD} for talks" in reason
    assert f"an hour costs 0.15 EUR by {OTHER} and 0.25 EUR by {OLD}" in reason
    assert f"{OLD} transcribed 2.0 hours of talks, for 0.50 EUR; {OTHER} would have cost 0.30 EUR" in reason
    drop(str(world.state), {"order": "accept", "model": True, "inbox": "talks"})
    work_for(world, 900.0)
    assert len(api.submits) == 3


def test_a_model_that_the_request_names_for_other_languages_is_not_new(world, api) -> None:
    world.routes[0] = changed(world.route, parameters=models(OLD, OTHER))
    transcribed(world, OLD, "1.mp3")
    transcribed(world, OTHER, "2.mp3")
    transcribed(world, OLD, "3.mp3")

    assert len(api.submits) == 3


def test_an_answer_by_a_model_that_the_request_did_not_name_asks(world, api) -> None:
    world.routes[0] = changed(world.route, parameters=models(OLD))
    transcribed(world, OLD, "1.mp3")
    by(world, NEW)
    drop_some(world, "2.mp3")
    work_for(world, 900.0)
    drop_some(world, "3.mp3")
    work_for(world, 900.0)

    assert len(api.submits) == 2
    assert "model:talks" in lanes(world)


def test_a_recording_whose_own_settings_name_another_model_waits_and_taken_away_it_ends_the_wait(world, api) -> None:
    transcribed(world, OLD, "1.mp3")
    world.drop("2.mp3.toml", f'[transcript]\nspeech_models = ["{OTHER}"]\n'.encode())
    drop_some(world, "2.mp3")
    work_for(world, 900.0)
    assert len(api.submits) == 1
    assert "model:talks" in lanes(world)

    (world.folders["inbox"] / "2.mp3").unlink()
    work_for(world, 900.0)

    assert lanes(world) == {}
    transcribed(world, OLD, "3.mp3")


@pytest.mark.parametrize("how", ["the setting", "a model that is known"])
def test_a_reload_without_the_cause_lets_go(held, api, how) -> None:
    route = held.routes[0]
    held.routes[0] = (
        changed(route, hold_new_model=False) if how == "the setting" else changed(route, parameters=models(OLD))
    )
    by(held, OLD if how != "the setting" else NEW)
    work_for(held, 900.0)

    assert len(api.submits) == 4
    assert lanes(held) == {}


def test_what_was_paid_while_it_was_off_is_known_when_it_is_turned_on(world, api) -> None:
    on, off = world.route, changed(world.route, hold_new_model=False)
    transcribed(world, OLD, "1.mp3")
    world.routes[0] = off
    transcribed(world, NEW, "2.mp3")
    world.routes[0] = on
    transcribed(world, NEW, "3.mp3")

    assert len(api.submits) == 3


def test_an_inbox_that_has_paid_for_nothing_asks_about_nothing(world, api) -> None:
    transcribed(world, NEW, "1.mp3", "2.mp3", "3.mp3")
    assert len(api.submits) == 3


def test_a_recogniser_that_costs_nothing_is_never_held(world, api) -> None:
    world.routes[0] = changed(world.route, is_free=True)
    transcribed(world, OLD, "1.mp3")
    transcribed(world, NEW, "2.mp3", "3.mp3")
    assert len(api.submits) == 3


def test_one_goes_first_and_the_others_wait_for_its_answer_with_a_reason(world, api) -> None:
    transcribed(world, OLD, "1.mp3")
    api.processing_seconds = 600.0
    drop_some(world, "2.mp3", "3.mp3", "4.mp3")
    work_for(world, 300.0)
    assert len(api.submits) == 2
    assert "one recording of talks goes first" in lanes(world)["first-answer:talks"]
    work_for(world, 100.0)
    assert len(api.submits) == 2, "after a restart too"

    work_for(world, 900.0)
    assert len(api.submits) == 4
    assert lanes(world) == {}


def test_where_the_first_one_is_refused_or_fails_another_goes_first(world, api) -> None:
    transcribed(world, OLD, "1.mp3")
    api.script("POST /v2/transcript", [Fault.answer(429, "slower", Retry_After="2"), None])
    drop_some(world, "2.mp3", "3.mp3", "4.mp3")

    work_for(world, 900.0)

    assert len(api.submits) == 4


def test_a_limit_holds_as_well(world, api) -> None:
    world.routes[0] = changed(world.route, limits=Limits(hours_per_day=0.0))
    drop_some(world, "1.mp3")
    work_for(world, 900.0)
    assert list(lanes(world)) == ["limit:talks"]


@pytest.mark.parametrize("model", ["../../etc", "a b\n", "é" * 60, "<script>", "a+b", "x" * 300])
def test_a_model_of_any_name_is_shown_and_accepted(world, api, model) -> None:
    transcribed(world, OLD, "1.mp3")
    by(world, model)
    drop_some(world, "2.mp3", "3.mp3")
    work_for(world, 900.0)
    assert len(api.submits) == 2
    named = re.search(r"put a file named (accept-model-\S+)", notice(world))
    if named is None:
        drop(str(world.state), {"order": "accept", "model": True, "inbox": "talks"})
    else:
        world.drop(named[1], b"")
    work_for(world, 900.0)

    assert len(api.submits) == 3
    assert (named is None) == (model == "é" * 60)


def status(world: World) -> None:
    """Let commands see how it is; they know the inbox by the name of its folder."""
    world.routes[0] = changed(world.routes[0], name="inbox")
    work_for(world, 300.0)
    (world.state / "status.json").write_bytes(to_json(world.worker._snapshot()))


def test_accept_model_shows_what_it_lets_go_and_sends_no_order_where_none_waits(held, api) -> None:
    status(held)
    answer = ask(held, "accept", "--model", "inbox")
    assert f"has begun to transcribe by {NEW} instead of {OLD}" in answer.stdout
    work_for(held, 900.0)
    assert len(api.submits) == 4
    status(held)

    with pytest.raises(TranscribedError, match="no recording waits for a new model; no order was sent"):
        ask(held, "accept", "--model")


@pytest.mark.parametrize("words", [["--model", "--limits"], ["--model", "--loss"], ["talks", "--folders", "talks"]])
def test_accept_is_about_one_thing_at_a_time(held, words) -> None:
    answer = ask(held, "accept", *words)
    assert answer.exit_code == 2
    assert "accept one thing at a time" in answer.stderr


@pytest.mark.parametrize("inbox", ["others", 7, ["talks"], {"talks": 1}, ""])
def test_an_order_that_names_no_inbox_of_ours_accepts_nothing(held, api, inbox) -> None:
    drop(str(held.state), {"order": "accept", "model": True, "inbox": inbox})

    logs = work_for(held, 900.0)

    assert len(api.submits) == 2
    assert [line["reason"] for line in logs if line["event"] == "order.refused"] == [
        "no new model waits to be accepted"
    ]


def test_the_status_tells_of_each_recording_why_it_waits(held) -> None:
    rows = held.worker._snapshot().open
    assert len(rows) == 2
    assert all("has begun to transcribe by" in row.reason for row in rows)


def test_the_hold_follows_an_inbox_to_another_name(held, api) -> None:
    held.routes[0] = changed(held.routes[0], name="my talks")

    work_for(held, 900.0)

    assert len(api.submits) == 2
    assert "`transcribed accept --model 'my talks'`" in notice(held)
    held.drop(f"accept-model-{NEW}.txt", b"")
    work_for(held, 900.0)
    assert len(api.submits) == 4


def test_the_file_in_one_inbox_answers_for_no_other(held, api, tmp_path_factory) -> None:
    other = World(
        tmp_path_factory.mktemp("other"), api, held.clock, name="others", hold_new_model=True, formats=("txt",)
    )
    held.routes.append(other.route)
    (other.folders["inbox"] / f"accept-model-{NEW}.txt").touch()

    work_for(held, 900.0)

    assert len(api.submits) == 2
    assert "model:talks" in lanes(held)


def test_what_another_version_remembered_is_read_from_the_ledger_again(held, api) -> None:
    with held.journal() as journal:
        journal.remember({"models-known:talks": '{"known": 7}'})

    work_for(held, 900.0)

    assert len(api.submits) == 4, "both were paid"
