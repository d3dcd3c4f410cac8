"""What questions about transcripts cost is counted once, also after kills, and is under the limits and the pauses."""

import csv
import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
import structlog

from commands import ask
from fake_assemblyai import FakeAssemblyAI, Fault
from transcribed.job import Prices
from transcribed.job.limits import Limits
from transcribed.worker import drop
from transcribed.worker.people.status import to_json
from world import World, changed, mp3

pytestmark = pytest.mark.route(formats=("txt",), scan_seconds=300.0)
ROUTE = "POST /v1/understanding"
HOUR, DAY = 3600.0, 86400.0
GERMAN: dict[str, Any] = {"translation": {"target_languages": ["de"]}}
SUMMARY: dict[str, Any] = {"summarization": {"summary_type": "paragraph"}}
KIND = "speech_understanding.request."
PRICES = Prices({"*": 0.2}, {f"{KIND}translation": 0.06, f"{KIND}summarization": 0.03})
CONFIG = (
    '[costs]\nprice_per_hour = { "*" = 0.2 }\n'
    f'extra_per_hour = {{ "{KIND}translation" = 0.06, "{KIND}summarization" = 0.03 }}\n'
)
#: Threads that have no part in a question.
NOT_ASKING = frozenset({"state", "notify", *(f"{each}-talks" for each in ("inbox", "after", "aging", "sweep"))})


@pytest.fixture(autouse=True)
def hours(api: FakeAssemblyAI, world: World) -> None:
    """Each recording lasts one hour, and prices are known."""
    api.duration_of = lambda _: HOUR
    world.plan_options.update(prices=PRICES)


def delivered(world: World, count: int = 1, folder: str = "inbox") -> None:
    for number in range(count):
        world.drop(f"{number:02}.mp3", mp3(f"{folder}{number}"), folder)
    assert world.run() == 0


def order(world: World, *jobs: int, request: dict[str, Any]) -> None:
    drop(str(world.state), {"order": "understand", "jobs": list(jobs), "request": request})


def again(world: World) -> None:
    """A person says that what is in doubt, or has failed, may be asked again."""
    with world.journal() as journal:
        found = [each for job in journal.all() for each in journal.questions.of(job.transcript_id or "")]
    pairs = [[each.id, each.sent_at] for each in found if each.state in ("doubtful", "failed")]
    drop(str(world.state), {"order": "understand", "jobs": [1], "again": pairs})


def states(world: World) -> Counter[str]:
    with closing(sqlite3.connect(world.state / "journal.db")) as journal:
        return Counter(dict(journal.execute("SELECT state, COUNT(*) FROM questions GROUP BY state")))


def work(world: World, seconds: float, until: Callable[[], bool] = lambda: False) -> list[tuple[str, str | None]]:
    """Let the daemon run so long; the lanes of which the log tells."""
    end = world.clock.moved + seconds
    with structlog.testing.capture_logs() as logs:
        world.run(until=lambda: until() or world.clock.moved >= end, seconds=seconds + 600)
    return [(line["event"], line.get("lane")) for line in logs]


def rows(world: World, by: str) -> dict[str, dict[str, Any]]:
    lines = ask(world, "costs", "--by", by, "--json", config=CONFIG).stdout.splitlines()
    return {row[by]: row for row in map(json.loads, lines)}


def lanes(world: World) -> dict[str, str]:
    return {lane.name: lane.reason for lane in world.worker.lanes.all()}


def write_status(world: World) -> dict[str, Any]:
    """The status of the daemon that ran last, where the commands find it."""
    status = world.worker._snapshot()
    (world.state / "status.json").write_bytes(to_json(status))
    return status.plain()


def test_the_costs_are_those_of_the_api_to_the_second_by_inbox_day_and_kind(world: World, api: FakeAssemblyAI) -> None:
    world.second_inbox()
    delivered(world, 2)
    delivered(world, 1, "second-inbox")
    order(world, 1, 2, request=GERMAN)
    world.run()
    world.clock.moved += DAY
    order(world, 3, request=GERMAN | SUMMARY)
    world.run()

    assert sum(each.seconds or 0 for each in api.questions) == 3 * HOUR
    [month] = rows(world, "month").values()
    assert (month["recordings"], month["hours"], month["questions"], month["question_hours"]) == (3, 3.0, 3, 3.0)
    assert month["question_money"] == pytest.approx(2 * 0.06 + 0.09)
    assert month["money"] == pytest.approx(3 * 0.2 + month["question_money"])
    assert {name: row["questions"] for name, row in rows(world, "inbox").items()} == {"talks": 2, "second": 1}
    assert [row["questions"] for row in rows(world, "day").values()] == [2, 1]
    kinds = {model: row["questions"] for model, row in rows(world, "model").items() if row["questions"]}
    assert kinds == {"questions: translation": 2, "questions: summarization, translation": 1}


def test_the_table_shows_questions_only_where_there_are_some(world: World) -> None:
    delivered(world)
    assert ask(world, "costs", config=CONFIG).stdout.splitlines()[0].split() == ["month", "recordings", "hours", "USD"]
    order(world, 1, request=GERMAN)
    world.run()
    answer = ask(world, "costs", config=CONFIG)
    header, row, whole = answer.stdout.splitlines()
    assert header.split() == ["month", "recordings", "hours", "questions", "USD"]
    assert row.split()[1:5] == whole.split()[2:6] == ["1", "1.00", "1", "0.26"]
    assert row.split()[5].strip("█").strip("▒") == ""
    assert {*row.split()[5]} == {"█", "▒"}
    assert "Their price is an estimate" in answer.stderr
    [cells] = csv.DictReader(ask(world, "costs", "--csv", config=CONFIG).stdout.splitlines())
    assert (cells["questions"], cells["question_hours"], cells["question_money"]) == ("1", "1.0", "0.06")


def test_what_has_no_price_is_told_and_is_not_in_the_money(world: World) -> None:
    delivered(world)
    order(world, 1, request=GERMAN | {"custom_formatting": {"date": "yyyy-mm-dd"}})
    world.run()
    [row] = rows(world, "inbox").values()
    assert (row["question_money"], row["unpriced_question_hours"]) == (0.06, 1.0)
    assert "without a price in extra_per_hour" in ask(world, "costs", config=CONFIG).stderr


def test_a_question_in_doubt_is_perhaps_paid_and_stays_so_when_it_is_asked_again(
    world: World, api: FakeAssemblyAI
) -> None:
    delivered(world)
    api.script(ROUTE, [Fault.lost_answer()])
    order(world, 1, request=GERMAN)
    world.run()
    [row] = rows(world, "inbox").values()
    assert (row["questions"], row["perhaps_questions"], row["perhaps_money"]) == (0, 1, 0.06)
    assert row["money"] == 0.2
    said = ask(world, "costs", config=CONFIG).stderr
    assert "Questions of which nobody knows if they were paid: 1 (about 0.06 more)" in said
    again(world)
    world.run()
    [row] = rows(world, "inbox").values()
    assert (row["questions"], row["perhaps_questions"], row["question_money"]) == (1, 1, 0.06)
    assert len(api.questions) == row["questions"] + row["perhaps_questions"]


def test_a_refused_question_and_one_that_is_answered_from_what_is_kept_cost_nothing(
    world: World, api: FakeAssemblyAI
) -> None:
    delivered(world)
    api.script(ROUTE, [Fault.answer(400, "no such language")])
    order(world, 1, request=GERMAN)
    world.run()
    assert rows(world, "inbox")["talks"]["questions"] == rows(world, "inbox")["talks"]["perhaps_questions"] == 0
    again(world)
    world.run()
    assert rows(world, "inbox")["talks"]["questions"] == 1
    with closing(sqlite3.connect(world.state / "journal.db")) as journal, journal:
        journal.execute("DELETE FROM questions")
    order(world, 1, request=GERMAN)
    world.run()
    assert states(world) == {"delivered": 1}
    assert rows(world, "inbox")["talks"]["questions"] == len(api.questions) == 1


@pytest.mark.parametrize("is_lost", [False, True], ids=["kept", "lost"])
@pytest.mark.parametrize("at", ["step", "after a step", "commit"])
def test_a_kill_at_any_moment_leaves_the_ledger_exact(
    world: World, api: FakeAssemblyAI, at: str, *, is_lost: bool
) -> None:
    delivered(world)
    world.uncounted = NOT_ASKING
    number, died = 0, True
    while died:
        number += 1
        api.script(ROUTE, [Fault.lost_answer()] if is_lost else [])
        before = rows(world, "inbox")["talks"]
        order(world, 1, request=GERMAN)
        died = world.crash_at_commit(number) if at == "commit" else world.crash(number, after=at != "step")
        world.run(seconds=600)
        row = rows(world, "inbox")["talks"]
        paid = row["questions"] - before["questions"]
        perhaps = row["perhaps_questions"] - before["perhaps_questions"]
        assert paid + perhaps == 1, "one was sent, or may have been"
        assert paid <= len(api.questions) <= paid + perhaps
        assert states(world) == {"delivered" if paid else "doubtful": 1}
        with closing(sqlite3.connect(world.state / "journal.db")) as journal, journal:
            journal.execute("DELETE FROM questions")
        for path in (world.state / "transcripts").glob("*.understood.json"):
            path.unlink()
        api.clear()
        api.questions.clear()
    assert number > 2


@pytest.mark.parametrize("of_all", [True, False], ids=["all", "inbox"])
def test_a_limit_of_money_is_passed_by_no_more_than_the_question_under_way(
    world: World, api: FakeAssemblyAI, *, of_all: bool
) -> None:
    delivered(world, 8)
    world.clock.moved += DAY
    limits = Limits(cost_per_day=0.15)
    if of_all:
        world.plan_options.update(limits=limits)
    else:
        world.routes[0] = changed(world.routes[0], limits=limits)
    order(world, *range(1, 9), request=GERMAN)
    step = 1
    while step < 30 and world.crash(step):
        step += 3
    told = work(world, 900)
    lane = "limit" if of_all else "limit:talks"
    known = states(world)
    assert known["open"] == 5, "three were sent: 0.12 are below 0.15, and 0.18 are not"
    assert len(api.questions) <= known["delivered"] + known["doubtful"] == 3
    assert lane in lanes(world)
    assert "0.18 USD were spent this day, and limit_cost_per_day = 0.15" in lanes(world)[lane]
    assert told.count(("lane.blocked", lane)) == 1
    shown = write_status(world)["questions"]
    assert shown["waiting"] == 5
    assert "limit_cost_per_day" in shown["reason"]
    assert "5 questions about transcripts wait: 0.18 USD" in ask(world, "status").stdout

    drop(str(world.state), {"order": "accept", "limits": True, "inbox": None})
    work(world, 900)
    assert states(world) == +Counter(doubtful=known["doubtful"], delivered=8 - known["doubtful"])
    work(world, 60)
    assert lanes(world) == {}, "where nothing waits nobody is told of a limit"


def test_a_question_that_is_ordered_after_a_limit_was_reached_is_not_sent(world: World, api: FakeAssemblyAI) -> None:
    """While nothing waits no lane is blocked, so the limits are looked at before the question is sent."""
    delivered(world)
    world.plan_options.update(limits=Limits(cost_per_day=0.1))
    ordered: list[bool] = []

    def an_hour_later() -> bool:
        if world.clock.moved > HOUR and not ordered:
            assert lanes(world) == {}
            ordered.append(True)
            order(world, 1, request=GERMAN)
        return False

    work(world, 2 * HOUR, an_hour_later)
    assert api.questions == []
    assert states(world) == {"open": 1}


def test_recordings_and_questions_are_counted_for_one_limit(world: World, api: FakeAssemblyAI) -> None:
    world.plan_options.update(limits=Limits(cost_per_day=0.5))
    delivered(world, 2)
    order(world, 1, 2, request=GERMAN | SUMMARY)
    work(world, 900)
    assert len(api.questions) == 2, "0.4 were spent, then 0.49"
    world.drop("more.mp3")
    work(world, 900)
    assert len(api.submits) == 2, "0.58 are more than 0.5"
    assert "0.58 USD" in lanes(world)["limit"]


def test_what_was_perhaps_paid_counts_for_a_limit_and_what_was_refused_does_not(
    world: World, api: FakeAssemblyAI
) -> None:
    delivered(world, 4)
    world.clock.moved += DAY
    world.plan_options.update(limits=Limits(cost_per_day=0.12))
    api.script(ROUTE, [Fault.answer(400, "no"), Fault.lost_answer()])
    order(world, 1, 2, 3, 4, request=GERMAN)
    work(world, 900)
    assert states(world) == {"failed": 1, "doubtful": 1, "delivered": 1, "open": 1}


@pytest.mark.parametrize("held", ["pause", "limit"])
def test_the_questions_of_one_inbox_wait_while_others_go_on(world: World, api: FakeAssemblyAI, held: str) -> None:
    world.second_inbox()
    delivered(world, 2)
    delivered(world, 2, "second-inbox")
    world.clock.moved += DAY
    if held == "pause":
        drop(str(world.state), {"order": "pause", "inbox": "talks", "until": None})
        work(world, 60)
    else:
        world.routes[0] = changed(world.routes[0], limits=Limits(cost_per_day=0.0))
    order(world, 1, 2, 3, 4, request=GERMAN)
    work(world, 900)
    assert states(world) == {"open": 2, "delivered": 2}
    assert set(rows(world, "inbox")["second"].items()) >= {("questions", 2)}
    reason = lanes(world)[f"{held}:talks"]
    assert write_status(world)["questions"]["reason"] == reason
    if held == "pause":
        drop(str(world.state), {"order": "resume", "inbox": "talks"})
    else:
        drop(str(world.state), {"order": "accept", "limits": True, "inbox": "talks"})
    work(world, 900)
    assert states(world) == {"delivered": 4}
    assert len(api.questions) == 4


def test_explain_tells_what_a_question_waits_for(world: World) -> None:
    delivered(world)
    drop(str(world.state), {"order": "pause", "inbox": "talks", "until": None})
    order(world, 1, request=GERMAN)
    told: list[str] = []

    def explained() -> bool:
        if lanes(world) and states(world)["open"]:
            write_status(world)
            told.append(ask(world, "explain", "1").stdout)
        return bool(told)

    work(world, 900, explained)
    assert "translation. It is open: the inbox talks is paused: nothing is uploaded or submitted." in told[0]


def test_a_question_about_a_job_that_is_forgotten_is_of_the_inbox_that_paid(world: World) -> None:
    delivered(world)
    order(world, 1, request=GERMAN)
    drop(str(world.state), {"order": "pause", "inbox": None, "until": None})
    work(world, 60)
    with closing(sqlite3.connect(world.state / "journal.db")) as behind, behind:
        behind.execute("DELETE FROM jobs")
    with world.journal() as journal:
        asks = journal.questions
        assert (due := asks.next_due(["talks"])) is not None
        assert due.inbox == "talks"
        assert asks.next_due(["second"]) is None


def test_a_pause_of_all_holds_what_is_to_be_sent_from_the_first_pass_on_and_what_was_answered_is_delivered(
    world: World, api: FakeAssemblyAI
) -> None:
    delivered(world, 3)
    order(world, 1, request=GERMAN)
    work(world, 900, lambda: states(world)["answered"] == 1)
    assert states(world) == {"answered": 1}
    drop(str(world.state), {"order": "pause", "inbox": None, "until": None})
    order(world, 2, 3, request=GERMAN)
    for _ in range(3):
        work(world, 60)
        assert states(world) == {"delivered": 1, "open": 2}
    assert len(api.questions) == 1


def test_a_question_of_an_inbox_that_left_the_configuration_waits_and_is_not_paid(
    world: World, api: FakeAssemblyAI
) -> None:
    second = world.second_inbox()
    delivered(world, 1, "second-inbox")
    world.routes.remove(second)
    order(world, 1, request=GERMAN)
    work(world, 900)
    assert states(world) == {"open": 1}
    assert write_status(world)["questions"]["reason"] == "the inbox second is not in the configuration"
    world.routes.append(second)
    work(world, 900)
    assert states(world) == {"delivered": 1}


@pytest.mark.parametrize("status", [401, 402, 403])
def test_an_account_that_may_not_ask_fails_no_question_and_is_told_once(
    world: World, api: FakeAssemblyAI, status: int
) -> None:
    delivered(world, 8)
    api.script(ROUTE, [Fault.answer(status, "no access")] * 1000)
    order(world, *range(1, 9), request=GERMAN)
    told = work(world, 5 * HOUR)
    assert states(world) == {"open": 8}
    assert told.count(("lane.blocked", "questions")) == 1
    tries = sum(path == "/v1/understanding" for _, path in api.requests)
    assert 5 < tries < 12, "one each hour, and some before"
    assert "no access" in write_status(world)["questions"]["reason"]
    world.drop("more.mp3")
    work(world, 900)
    assert len(api.submits) == 9, "recordings do not wait"
    api.clear()
    told = work(world, 2 * HOUR)
    assert states(world) == {"delivered": 8}
    assert lanes(world) == {}


def test_a_refusal_of_all_that_ask_the_same_fails_three_and_the_rest_waits(world: World, api: FakeAssemblyAI) -> None:
    delivered(world, 8)
    api.script(ROUTE, [Fault.answer(400, "no such language")] * 1000)
    order(world, *range(1, 9), request=GERMAN)
    told = work(world, 3 * HOUR) + work(world, 2 * HOUR)
    assert states(world) == {"failed": 3, "open": 5}
    assert 7 < sum(path == "/v1/understanding" for _, path in api.requests) < 12, "the newest is tried each hour"
    assert told.count(("questions.refused", None)) == 1
    assert "no such language" in ask(world, "explain", "5").stdout
    assert "no such language" in write_status(world)["questions"]["reason"]
    api.clear()
    order(world, 8, request=SUMMARY)
    work(world, 300)
    assert states(world) == {"failed": 3, "open": 5, "delivered": 1}, "who asks something else does not wait"
    work(world, 2 * HOUR)
    assert states(world) == {"failed": 3, "delivered": 6}
    again(world)
    work(world, 600)
    assert states(world) == {"delivered": 9}


def test_refusals_of_single_transcripts_do_not_hold_the_others(world: World, api: FakeAssemblyAI) -> None:
    """The oldest are deleted at AssemblyAI long ago."""
    delivered(world, 20)
    for submit in api.submits[:10]:
        submit.deleted = True
    order(world, *range(1, 21), request=GERMAN)
    work(world, 900)
    assert states(world) == {"failed": 10, "delivered": 10}


def test_a_gateway_that_takes_some_a_minute_is_asked_so_often_and_no_lane_is_blocked(
    world: World, api: FakeAssemblyAI
) -> None:
    delivered(world, 4)
    api.script(ROUTE, [Fault.answer(429, "too many")])
    order(world, 1, 2, 3, 4, request=GERMAN)
    told = work(world, 300)
    assert states(world) == {"delivered": 4}
    assert not [lane for event, lane in told if event == "lane.blocked"]
    assert sum(path == "/v1/understanding" for _, path in api.requests) == 5


def test_the_status_the_page_and_the_line_of_the_month_have_them(world: World) -> None:
    world.routes[0] = changed(world.routes[0], page=True)
    delivered(world, 2)
    order(world, 1, request=GERMAN)
    work(world, 300)
    month = write_status(world)["month"]
    assert (month["recordings"], month["seconds"], month["questions"], month["question_seconds"]) == (2, 7200, 1, 3600)
    assert (month["money"], month["question_money"]) == (0.46, 0.06)
    assert "2 recordings (2.0 hours), 1 question about a transcript, 0.46 USD" in ask(world, "status").stdout
    page = (world.folders["outbox"] / "_transcribed.html").read_text()
    assert "2.0 hours of audio were transcribed, 1 question about a transcript answered, 0.46 USD" in page


def test_what_all_cost_is_shown_before_it_is_ordered(world: World) -> None:
    delivered(world, 3)
    shown = ask(world, "understand", "--all", "--translate", "de", "--limit", "2", "--yes", config=CONFIG).stderr
    assert "2 transcripts of 2.0 hours of audio were not asked this yet, about 0.12 USD" in shown
    other = CONFIG.replace(f', "{KIND}summarization" = 0.03', "")
    shown = ask(world, "understand", "--all", "--translate", "fr", "--summary", "--yes", config=other).stderr
    assert "about 0.18 USD, and more for what has no price in [costs]" in shown
    assert "USD" not in ask(world, "understand", "--all", "--summary", "--yes", config=other).stderr
