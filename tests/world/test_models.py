"""The model that each answer names is a fact of the job, and people are told once when an inbox gets another one."""

import os
from typing import Any

import pytest
import structlog

from fake_assemblyai import FakeAssemblyAI
from postbox import Postbox
from transcribed.job import Prices, State, canonical
from transcribed.notify import Services
from transcribed.worker import Reload
from world import Clock, World, changed, mp3

OLD, NEW, OTHER = "universal-3-5-pro", "assemblyai-stt-3-7", "universal-2"
DAY = 86400.0


@pytest.fixture
def world(world: World, postbox: Postbox) -> World:
    world.services = Services([("urls: line 1", postbox.url)])
    world.plan_options |= {"tell": ("failed",), "digest_seconds": 900.0}
    return world


def heard(world: World, model: object, *names: str, **results: object) -> list[Any]:
    """Let the daemon transcribe recordings of these names by `model`; the changes that its log names."""
    world.api.results = {"speech_model_used": model, **results}
    for name in names:
        world.drop(name)
    with structlog.testing.capture_logs() as logs:
        assert world.run() == 0
    return [line for line in logs if line["event"] == "model.changed"]


def notice(world: World) -> str:
    path = world.folders["outbox"] / "_transcribed.txt"
    return path.read_text() if path.exists() else ""


def told(postbox: Postbox) -> list[str]:
    return [line for line in postbox.lines() if line.startswith("- ")]


def test_the_model_that_an_answer_names_is_a_fact_of_its_job_and_of_one_that_reuses_the_transcript(
    world: World,
) -> None:
    heard(world, OLD, "Talk.mp3")
    world.drop("Again.mp3", mp3("Talk.mp3"))
    heard(world, NEW)

    assert [(job.state, job.model) for job in world.jobs()] == [(State.DELIVERED, OLD)] * 2
    assert world.jobs()[1].reused_from == 1


@pytest.mark.parametrize("model", [None, 7, ["a"], {"b": 1}, "", True])
def test_a_model_that_is_no_text_is_none(world: World, model: object) -> None:
    heard(world, OLD, "Talk.mp3")

    assert heard(world, model, "Other.mp3") == []
    assert [job.model for job in world.jobs()] == [OLD, None]


def test_a_change_is_told_once_in_log_notice_and_digest_and_not_again_after_a_restart(
    world: World, postbox: Postbox
) -> None:
    assert heard(world, OLD, "1.mp3") == []
    assert notice(world) == ""

    [line] = heard(world, NEW, "2.mp3", "3.mp3")

    assert (line["log_level"], line["inbox"], line["was"], line["now"]) == ("warning", "talks", OLD, NEW)
    assert "speech_models" in line["hint"]
    assert "docs/parameters.md" in line["hint"]
    assert heard(world, NEW, "4.mp3") == []
    assert f"recordings of talks are transcribed by another model: {NEW} instead of {OLD}.\n" in notice(world)
    assert "Nothing waits" in notice(world)
    assert postbox.got[0]["title"] == "transcribed: 1 model changed"
    [news] = told(postbox)
    assert news.startswith(f"- talks: {NEW} instead of {OLD}. ")
    assert ". What to do: " in news


@pytest.mark.parametrize(
    ("prices", "money"),
    [
        ({}, ""),
        ({OLD: 0.21, NEW: 0.3}, f", for 0.84 EUR; {NEW} would have cost 1.20 EUR"),
        ({OLD: 0.21}, f" ({NEW}: no price in costs.price_per_hour)"),
    ],
)
def test_a_change_is_told_with_the_hours_and_the_money_of_the_last_30_days_by_both_models(
    world: World, postbox: Postbox, prices: dict[str, float], money: str
) -> None:
    world.plan_options |= {"prices": Prices(prices), "currency": "EUR"}
    world.api.duration_of = lambda _: 7200.0
    heard(world, OLD, "long ago.mp3")
    world.clock.moved += 31 * DAY
    heard(world, OLD, "1.mp3", "2.mp3")

    [line] = heard(world, NEW, "3.mp3")

    worth = f"In the last 30 days {OLD} transcribed 4.0 hours of talks{money}."
    assert line["worth"].strip() == worth
    assert f"{worth}\n" in notice(world)
    assert worth in told(postbox)[0]


def test_nobody_is_told_by_mail_where_nobody_is_told_anything(world: World, postbox: Postbox) -> None:
    world.plan_options |= {"tell": ()}
    heard(world, OLD, "1.mp3")

    assert len(heard(world, NEW, "2.mp3")) == 1
    assert postbox.asked == 0


def test_a_recording_whose_own_settings_name_a_model_is_no_change_and_hides_none(world: World) -> None:
    heard(world, OLD, "1.mp3")
    world.drop("2.mp3.toml", f'[transcript]\nspeech_models = ["{OTHER}"]\n'.encode())

    assert heard(world, OTHER, "2.mp3") == []
    assert heard(world, OLD, "3.mp3") == []
    assert len(heard(world, NEW, "4.mp3")) == 1


def test_another_model_that_a_person_asked_for_is_no_change(world: World) -> None:
    heard(world, OLD, "1.mp3")
    world.routes[0] = changed(world.route, parameters=canonical({"speech_models": [OTHER]}))
    assert heard(world, OTHER, "2.mp3") == []
    assert len(heard(world, NEW, "3.mp3")) == 1

    world.routes[0] = world.route
    assert heard(world, OLD, "4.mp3") == []
    assert len(heard(world, NEW, "5.mp3")) == 1


def test_a_change_of_what_does_not_choose_the_model_hides_no_change(world: World) -> None:
    heard(world, OLD, "1.mp3")
    world.routes[0] = changed(world.route, parameters=canonical({"keyterms_prompt": ["word"]}))

    assert len(heard(world, NEW, "2.mp3")) == 1


def test_another_account_is_no_change(world: World) -> None:
    heard(world, OLD, "1.mp3")
    world.key = "k" * 32
    world.api.key = world.key

    assert heard(world, NEW, "2.mp3") == []


def test_each_language_may_have_its_own_model_and_a_change_of_all_is_told_once(world: World) -> None:
    heard(world, OLD, "1.mp3", language_code="en")
    heard(world, OLD, "2.mp3", language_code="de")
    assert heard(world, OTHER, "3.mp3", language_code="cy") == []

    assert len(heard(world, NEW, "4.mp3", language_code="en")) == 1
    assert heard(world, NEW, "5.mp3", language_code="de") == []
    assert heard(world, OTHER, "6.mp3", language_code="cy") == []
    [line] = heard(world, NEW, "7.mp3", language_code="cy")
    assert line["was"] == OTHER


def test_a_choice_that_goes_to_and_fro_is_told_once_each_way(world: World) -> None:
    told_of = [len(heard(world, (OLD, NEW)[n % 2], f"{n}.mp3")) for n in range(6)]

    assert told_of == [0, 1, 1, 0, 0, 0]


def test_an_answer_to_an_older_submit_that_comes_late_is_no_change_back(world: World, api: FakeAssemblyAI) -> None:
    heard(world, OLD, "1.mp3")
    world.drop("slow.mp3")
    world.run(lambda: State.SUBMITTED in world.states())
    api.submits[-1].created += 600
    api.results = {"speech_model_used": NEW}
    world.drop("quick.mp3")
    world.run(lambda: "quick.mp3" in world.files("archive"))
    assert NEW in notice(world)

    assert heard(world, OLD) == []
    assert [job.model for job in world.jobs()] == [OLD, OLD, NEW]
    assert f"{NEW} instead of {OLD}" in notice(world)


def test_the_models_of_two_inboxes_are_two_facts(world: World) -> None:
    world.second_inbox()
    heard(world, OLD, "1.mp3")
    world.drop("2.mp3", folder="second-inbox")
    assert heard(world, NEW) == []

    assert [line["inbox"] for line in heard(world, NEW, "3.mp3")] == ["talks"]
    assert "recordings of talks" in notice(world)
    assert "_transcribed.txt" not in world.files("second-outbox")


def test_the_note_goes_away_after_seven_days(world: World, clock: Clock) -> None:
    heard(world, OLD, "1.mp3")
    heard(world, NEW, "2.mp3")
    clock.moved += 6.9 * DAY
    heard(world, NEW, "3.mp3")
    assert "another model" in notice(world)
    hops: list[float] = []

    def a_day_later_it_is_gone() -> bool:
        if not hops:
            hops.append(clock.moved)
            clock.moved += DAY
        return notice(world) == ""

    world.run(a_day_later_it_is_gone)


def test_the_note_goes_away_once_the_configuration_names_a_model(world: World) -> None:
    heard(world, OLD, "1.mp3")
    heard(world, NEW, "2.mp3")
    assert "another model" in notice(world)
    reloaded: list[bool] = []

    def gone_after_a_reload() -> bool:
        if not reloaded:
            reloaded.append(True)
            world.routes[0] = changed(world.route, parameters=canonical({"speech_models": [OLD]}))
            world.mailbox.put(Reload())
        return notice(world) == ""

    world.run(gone_after_a_reload)


def test_a_wait_and_a_change_are_told_in_one_note(world: World, api: FakeAssemblyAI, clock: Clock) -> None:
    heard(world, OLD, "1.mp3")
    heard(world, NEW, "2.mp3")
    api.down()
    world.drop("3.mp3")

    world.run(lambda: "AssemblyAI cannot be reached" in notice(world))

    assert notice(world).startswith("transcribed waits.\n")
    assert "another model" in notice(world)
    assert "Nothing waits" not in notice(world)


def test_the_name_of_a_model_cannot_break_a_line_of_log_note_or_digest(world: World, postbox: Postbox) -> None:
    hostile = "a\nAll is well\x1b[2J\ud800\u202e" + "x" * 100_000
    heard(world, OLD, "1.mp3")

    [line] = heard(world, hostile, "2.mp3", language_code="en")

    assert line["now"].startswith("a\\x0aAll is well\\x1b[2J\\ud800\\u202exxx")
    assert line["now"].isprintable()
    assert len(line["now"]) < 100
    assert f"another model: {line['now']} instead of" in notice(world)
    assert [x for x in (*notice(world).splitlines(), *postbox.lines()) if x.startswith("All is well")] == []
    assert line["now"] in told(postbox)[0]
    assert os.path.getsize(world.folders["outbox"] / "_transcribed.txt") < 2000


def test_an_old_transcript_that_a_new_recording_reuses_is_no_change_back(world: World) -> None:
    heard(world, OLD, "Talk.mp3")
    heard(world, NEW, "2.mp3")
    for kept in (world.state / "transcripts").iterdir():
        kept.unlink()
    world.drop("Again.mp3", mp3("Talk.mp3"))

    assert heard(world, OLD) == []
    assert (world.jobs()[2].reused_from, world.jobs()[2].model) == (1, OLD)
    assert {"missing", "transcribed"} <= set(world.story(3))
    assert heard(world, NEW, "4.mp3") == []


def test_recordings_whose_settings_lie_at_the_share_are_watched_too(world: World) -> None:
    for name in ("1.mp3", "2.mp3"):
        world.drop(f"{name}.toml", f'[transcript]\nspeech_models = ["{OLD}", "{OTHER}"]\n'.encode())
    heard(world, OLD, "1.mp3")

    [line] = heard(world, OTHER, "2.mp3")

    assert (line["was"], line["now"]) == (OLD, OTHER)
    assert f"{OTHER} instead of {OLD}" in notice(world)


def test_facts_that_another_version_wrote_are_begun_again(world: World) -> None:
    heard(world, OLD, "1.mp3")
    with world.journal() as journal:
        [name] = journal.facts("model:")
        journal.remember({name: '{"models": 7}'})

    assert heard(world, NEW, "2.mp3") == []
    assert [line["now"] for line in heard(world, OTHER, "3.mp3")] == [OTHER]


def test_a_change_that_is_told_by_a_clock_ahead_of_time_leaves_no_note_for_years(world: World, clock: Clock) -> None:
    heard(world, OLD, "1.mp3")
    clock.moved += 3650 * DAY
    heard(world, NEW, "2.mp3")
    assert "another model" in notice(world)
    clock.moved -= 3650 * DAY

    heard(world, NEW, "3.mp3")
    assert notice(world) == ""


def test_a_language_that_is_no_text_counts_as_none(world: World) -> None:
    heard(world, OLD, "1.mp3", language_code=["de"])
    [line] = heard(world, NEW, "2.mp3", language_code=7)
    assert line["now"] == NEW
