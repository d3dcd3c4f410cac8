"""`accept` accepts what was counted and shown, in the folder in which it lay, and nothing else."""

import os
import shutil
import threading
from dataclasses import replace

import pytest
import structlog

from commands import ask
from transcribed import own_api
from transcribed.assemblyai import AssemblyAI
from transcribed.job import Prices
from transcribed.journal import Journal
from transcribed.worker import drop
from transcribed.worker.people.status import to_json
from world import World, changed, parameters, work_for

pytestmark = pytest.mark.route(formats=("txt",))


@pytest.fixture
def asking(world: World) -> World:
    """A world in which each inbox asks before anything in it is paid for."""
    world.plan_options["accept_backlog_hours"] = 0.0
    world.drop("One.mp3")
    world.drop("Two.mp3")
    return world


def order_of(world: World, name: str = "talks") -> dict[str, object]:
    """The order that the command line makes of the status."""
    (shown,) = (each for each in world.published[-1]["inboxes"] if each["name"] == name)
    return {"order": "accept", "inbox": name, "path": shown["path"], **shown["backlog"]}


def refusals(world: World, order: dict[str, object], seconds: float = 60.0) -> list[str]:
    drop(str(world.state), order)
    return [str(line["reason"]) for line in work_for(world, seconds) if line["event"] == "order.refused"]


def test_what_was_counted_and_shown_is_accepted(asking, api) -> None:
    work_for(asking, 30.0)
    assert api.paid() == {}
    assert order_of(asking)["count"] == 2

    assert refusals(asking, order_of(asking)) == []
    assert len(api.paid()) == 2


@pytest.mark.route(name="inbox", parameters=parameters(speech_models=["universal-2"], speaker_labels=True))
def test_what_waits_is_told_with_its_price_where_the_configuration_has_one(asking) -> None:
    """By the model that is asked for; the recordings last a second each."""
    costs = 'currency = "EUR"\nprice_per_hour = {{ {} = 3600 }}\nextra_per_hour = {{ speaker_labels = 360 }}\n'
    asking.plan_options |= {"prices": Prices({"universal-2": 3600.0}, {"speaker_labels": 360.0}), "currency": "EUR"}
    work_for(asking, 30.0)
    [shown] = asking.published[-1]["inboxes"]
    price = f"about {shown['backlog']['hours'] * 3960:.2f} EUR)"
    [lane] = asking.worker.lanes.all()
    assert f"(less than a minute, {price} lay in the inbox at its first start" in lane.reason

    (asking.state / "status.json").write_bytes(to_json(asking.worker._snapshot()))
    transcript = '[defaults.transcript]\nspeech_models = ["universal-2"]\nspeaker_labels = true\n'
    for model, told in (("universal-2", price), ("other", "(less than a minute)"), ('"*"', price)):
        answer = ask(asking, "accept", config=f"[costs]\n{costs.format(model)}{transcript}")
        assert f"inbox: 2 recordings {'(less than a minute, ' if told == price else ''}{told} in " in answer.stdout


def test_what_came_after_it_was_counted_is_not_accepted_and_is_told(asking, api) -> None:
    work_for(asking, 30.0)
    order = order_of(asking)
    asking.drop("Three.mp3")

    (why,) = refusals(asking, order)

    assert why.startswith("more lies there now: 3 recordings")
    assert api.paid() == {}
    assert order_of(asking)["count"] == 3
    assert refusals(asking, order_of(asking)) == []
    assert len(api.paid()) == 3


def test_an_order_waits_until_it_is_known_what_lies_in_the_inbox(asking, api) -> None:
    work_for(asking, 30.0)
    drop(str(asking.state), order_of(asking))

    asking.run(lambda: len(api.paid()) == 2)  # it is read before the first look


@pytest.mark.parametrize("changed", [{"path": "/elsewhere"}, {"anchor": "b" * 32}, {"count": "2"}, {"hours": None}])
def test_an_order_about_another_folder_or_without_its_numbers_is_refused(asking, api, changed) -> None:
    work_for(asking, 30.0)

    assert len(refusals(asking, order_of(asking) | changed)) == 1
    assert api.paid() == {}


def test_an_inbox_that_was_away_is_not_accepted_with_the_others(asking, api) -> None:
    route = asking.second_inbox()
    shutil.rmtree(route.inbox)
    work_for(asking, 30.0)
    asking.accept()
    work_for(asking, 60.0)
    assert len(api.paid()) == 2
    os.mkdir(route.inbox)
    asking.drop("Three.mp3", folder="second-inbox")

    work_for(asking, 900.0)

    assert len(api.paid()) == 2
    assert order_of(asking, "second")["count"] == 1


def test_an_order_that_was_left_while_nothing_waited_accepts_nothing_that_comes_later(asking, api) -> None:
    with asking.journal():
        drop(str(asking.state), {"order": "accept"})  # as an older version left it

    with structlog.testing.capture_logs() as logs:
        assert asking.run() == 75

    assert [line["reason"] for line in logs if line["event"] == "order.refused"] == ["nothing waits to be accepted"]
    assert api.paid() == {}


def test_a_lost_journal_is_accepted_by_a_word_of_its_own(asking, api) -> None:
    work_for(asking, 30.0)
    (asking.state / "journal.db").unlink()
    work_for(asking, 30.0)

    asking.accept()
    work_for(asking, 60.0)
    assert lost(asking)
    assert api.paid() == {}
    drop(str(asking.state), {"order": "accept", "loss": True})
    work_for(asking, 60.0)

    assert not lost(asking)
    assert len(api.paid()) == 2


def lost(world: World) -> str:
    journal = Journal.read(str(world.state))
    try:
        return journal.loss()
    finally:
        journal.close()


@pytest.mark.route(is_free=True)
def test_nobody_is_asked_for_what_this_machine_hears_itself_until_it_is_to_be_paid(asking, api) -> None:
    assert asking.run() == 0
    assert len(api.submits) == 2

    asking.routes[0] = asking.route = changed(asking.route, is_free=False)
    asking.drop("Three.mp3")
    assert asking.run() == 75
    assert order_of(asking)["count"] == 1


@pytest.mark.route(is_free=True)
def test_what_cost_nothing_makes_no_hours_usual(world) -> None:
    world.drop("One.mp3")
    world.run()

    with world.journal() as journal:
        assert journal.days.of({"talks"}) == {}


def test_after_the_loss_of_a_journal_nobody_is_asked_for_what_this_machine_hears(world, api, monkeypatch) -> None:
    world.drop("One.mp3")
    world.run()
    (world.state / "journal.db").unlink()
    by_cloud = world.plan()
    own = AssemblyAI(api.base_url, world.key, stop=threading.Event(), account=own_api.ACCOUNT)
    monkeypatch.setattr(world, "plan", lambda: replace(by_cloud, client=own))
    world.drop("Two.mp3")

    world.run()

    assert lost(world), "it is asked once something is to be paid"
    assert len(api.submits) == 2
