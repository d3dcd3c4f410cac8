"""People at the share let the limit of their inbox go, by a file that the notice names, and no other limit."""

import os
import re
import time

import pytest

from fake_assemblyai import FakeAssemblyAI
from transcribed.job import Prices
from transcribed.job.limits import Limits
from world import Crash, World, changed, mp3, work_for

pytestmark = pytest.mark.route(formats=("txt",), scan_seconds=300.0)

HOUR, DAY = 3600.0, 86400.0


@pytest.fixture
def api(api: FakeAssemblyAI) -> FakeAssemblyAI:
    """Each recording bills one hour."""
    api.duration_of = lambda _: HOUR
    return api


def limit(world: World, **limits: float) -> None:
    world.routes[0] = changed(world.routes[0], limits=Limits(**limits))


def drop_each(world: World, *numbers: int) -> None:
    """Recordings that come one after the other."""
    for number in numbers:
        world.drop(f"{number:02}.mp3", mp3(str(number)))
        work_for(world, 900.0)


def day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(at))


def notice(world: World) -> str:
    path = world.folders["outbox"] / "_transcribed.txt"
    return path.read_text() if path.exists() else ""


def named(world: World) -> str:
    """The name of the file that the notice asks for."""
    found = re.search(r"accept-limit-\S+\.txt", notice(world))
    assert found is not None, notice(world)
    return found[0]


@pytest.fixture
def limited(world: World, api: FakeAssemblyAI) -> World:
    """A world whose inbox reached a limit of one hour a day, and has a recording that waits."""
    limit(world, hours_per_day=1)
    drop_each(world, 0, 1)
    assert len(api.submits) == 1
    return world


@pytest.mark.parametrize("ending", ["", ".txt"], ids=["as named", "as Windows names it"])
def test_the_file_that_the_notice_names_lets_the_limit_go_until_its_day_ends_and_goes(limited, api, ending) -> None:
    name = named(limited)
    assert re.fullmatch(r"accept-limit-hours-1-per-day-until-\d{4}-\d\d-\d\d\.txt", name)
    assert "by `transcribed accept --limits talks`; or put a file named accept-limit-" in notice(limited)

    limited.drop(name.upper() if ending else name, b"")
    work_for(limited, 900.0)
    drop_each(limited, 2)

    assert len(api.submits) == 3, "also after a restart"
    assert [file for file in limited.files("inbox") if file.lower().startswith("accept")] == []
    limited.clock.moved += DAY
    drop_each(limited, 3, 4)
    assert len(api.submits) == 4, "the next day has its limit"


def test_a_kill_between_the_word_and_its_removal_leaves_a_file_that_does_no_more(limited, api) -> None:
    name = named(limited)
    limited.drop(name, b"")
    limited.crash_when = lambda: bool(limited.worker.book.journal.facts("let:"))
    with pytest.raises(Crash):
        work_for(limited, 900.0)
    limited.crash_when = lambda: False
    assert name in limited.files("inbox")

    work_for(limited, 900.0)

    assert len(api.submits) == 2
    assert limited.files("inbox") == []


def test_one_that_a_mirror_puts_back_the_next_day_answers_nothing_and_goes(limited, api) -> None:
    name = named(limited)
    stays = limited.directory / "stays"
    os.link(limited.drop(name, b""), stays)
    work_for(limited, 900.0)
    limited.clock.moved += DAY
    drop_each(limited, 2, 3)
    os.link(stays, limited.folders["inbox"] / name)

    work_for(limited, 900.0)

    assert len(api.submits) == 3
    assert name not in limited.files("inbox")
    assert named(limited) != name


def test_the_file_of_yesterday_is_not_obeyed_and_the_notice_says_why(limited, api) -> None:
    name = named(limited)
    limited.clock.moved += DAY
    drop_each(limited, 2, 3)
    before = len(api.submits)
    limited.drop(name, b"")

    work_for(limited, 900.0)

    assert len(api.submits) == before
    assert f'{name} in the inbox "talks" is not obeyed: no such limit of this inbox is reached now' in notice(limited)


def test_the_limit_of_all_inboxes_is_let_go_by_command_only_and_the_notice_says_so(world, api) -> None:
    world.plan_options["limits"] = Limits(hours_per_day=1)
    drop_each(world, 0, 1)
    told = notice(world)
    assert "no file at the share lets it go" in told
    assert "put a file named" not in told
    until = re.search(r"it goes on at (\S+)", told)
    assert until is not None
    world.drop(f"accept-limit-hours-1-per-day-until-{until[1]}.txt", b"")

    work_for(world, 900.0)

    assert len(api.submits) == 1
    assert "is not obeyed: it is the limit of all inboxes together" in notice(world)


def test_the_limit_of_all_inboxes_tells_no_share_what_the_others_spent(world, api) -> None:
    """The command line and the log have the amounts."""
    world.routes = [changed(world.routes[0], page=True)]
    world.plan_options.update(limits=Limits(cost_per_day=0.5), prices=Prices({"*": 0.77}), currency="EUR")
    drop_each(world, 0, 1)
    page = (world.folders["outbox"] / "_transcribed.html").read_text()
    for told in (notice(world), page):
        assert "the limit of all inboxes together is reached; it goes on at 20" in told
        assert "0.77" not in told.replace("0.77 EUR. Today", "")
        assert "limit_cost_per_day" not in told
    [lane] = world.worker.lanes.all()
    assert lane.reason.startswith("0.77 EUR were spent this day, and limit_cost_per_day = 0.5")
    assert world.published[-1]["blocked"][0]["reason"] == lane.reason


def test_where_the_configuration_says_no_the_notice_names_no_file_and_none_is_obeyed(limited, api) -> None:
    name = named(limited)
    limited.routes = [changed(limited.routes[0], accept_at_share=False)]
    limited.drop(name, b"")

    work_for(limited, 900.0)

    assert len(api.submits) == 1
    assert "put a file named" not in notice(limited)
    assert "the configuration says accept_at_share = false" in notice(limited)


def test_hours_that_were_let_go_leave_the_limit_of_money(world, api) -> None:
    world.plan_options.update(prices=Prices({"*": 0.5}), currency="EUR")
    limit(world, hours_per_day=1, cost_per_day=1)
    drop_each(world, 0, 1)
    assert named(world).startswith("accept-limit-hours-1-per-day-")
    world.drop(named(world), b"")
    work_for(world, 900.0)
    drop_each(world, 2)

    assert len(api.submits) == 2
    assert named(world).startswith("accept-limit-cost-1-per-day-")


def test_a_limit_that_was_raised_asks_again(limited, api) -> None:
    limited.drop(named(limited), b"")
    work_for(limited, 900.0)
    limit(limited, hours_per_day=2.5)
    drop_each(limited, 2, 3)

    assert len(api.submits) == 3
    assert named(limited).startswith("accept-limit-hours-2.5-per-day-")


def test_a_file_with_words_in_it_is_not_obeyed(limited, api) -> None:
    limited.drop(named(limited), b"yes, please")

    work_for(limited, 900.0)

    assert len(api.submits) == 1
    assert "is not obeyed: it holds a text of somebody else" in notice(limited)


def test_a_file_that_lies_there_before_the_limit_is_reached_answers_once_it_is(world, api) -> None:
    limit(world, hours_per_day=1)
    drop_each(world, 0)
    tomorrow = world.clock.wall() + DAY
    world.drop(f"accept-limit-hours-1-per-day-until-{day(tomorrow)}.txt", b"")
    work_for(world, 900.0)
    assert "no such limit of this inbox is reached now" in notice(world)
    drop_each(world, 1)

    assert len(api.submits) == 2
    assert world.files("inbox") == []
