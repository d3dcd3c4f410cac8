"""`transcribed costs` tells what the API has billed, to the second, whatever happened in between."""

import csv
import json
import os
import re
import sqlite3
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace

import pytest
import structlog
from typer.testing import CliRunner

from commands import ask
from transcribed import own_api
from transcribed.assemblyai import AssemblyAI
from transcribed.cli.app import app
from transcribed.job import Prices, State
from transcribed.worker.people.amounts import MonthStatus
from transcribed.worker.people.month import Month

pytestmark = pytest.mark.route(formats=("txt",))
DAY = 86400.0


@pytest.fixture
def costs(world):
    """The command, over the journal of this world; `config` is what its configuration has besides."""

    def run(*words, config=""):
        return ask(world, "costs", *words, config=config)

    return run


def by(costs, what, config=""):
    """The rows of the command as JSON, by their keys."""
    lines = costs("--by", what, "--json", config=config).stdout.splitlines()
    return {row[what]: row for row in map(json.loads, lines)}


def billed(api):
    """The seconds that the API has billed, by the content of the recording."""
    uploads = {upload.upload_url: upload for upload in api.uploads}
    paid = [submit for submit in api.submits if submit.end_error is None]
    return sum(api.duration_of(uploads[submit.upload_url]) for submit in paid)


def test_what_is_submitted_and_not_ended_is_counted_and_its_length_is_said_to_be_unknown(world, api, costs):
    api.processing_seconds = 1e9
    world.drop("Talk.mp3")
    world.run(lambda: len(api.submits) == 1 and world.jobs()[0].state is State.SUBMITTED)

    answer = costs()

    assert "1 are submitted, and it is not known yet how long they are" in answer.stderr
    [row] = by(costs, "inbox").values()
    assert (row["recordings"], row["open"], row["seconds"]) == (1, 1, 0)


def test_a_day_before_all_payments_leaves_none_out(world, api, costs):
    world.drop("Talk.mp3")
    world.run()
    assert costs("--since", "0999-12-31").stdout == costs().stdout


@pytest.mark.parametrize(("columns", "bar"), [(120, 40), (45, 17), (30, 2), (20, 0)])
def test_the_bar_takes_no_more_than_the_terminal_has_left(world, api, costs, monkeypatch, columns, bar):
    world.drop("Talk.mp3")
    world.run()
    costs()
    master, slave = os.openpty()
    with open(master, "rb", buffering=0) as screen, open(slave, "w", encoding="utf-8") as terminal:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", terminal)
            patch.setenv("COLUMNS", str(columns))
            patch.setenv("TERM", "xterm")
            app(["--config", f"{world.directory}/config.toml", "costs"], standalone_mode=False)
        terminal.flush()
        shown = b""
        while not re.search(rb"(?m)^20.*\n", shown):  # what was written comes through a terminal in parts
            shown += screen.read(10_000)
        row = next(line for line in shown.decode().splitlines() if line.startswith("20"))
    assert row.count("█") == bar
    assert len(row) <= max(columns, 28)


def test_an_output_that_cannot_show_a_bar_has_plain_signs_in_its_place(world, api, costs):
    world.drop("Talk.mp3")
    world.run()
    assert "█" in costs().stdout
    plain = CliRunner(charset="ascii").invoke(app, ["--config", str(world.directory / "config.toml"), "costs"])
    assert plain.stdout.splitlines()[1].endswith("####")


def test_money_is_told_only_by_prices_that_are_written_down(world, api, costs):
    api.duration_of = lambda _: 7200.0
    world.drop("Talk.mp3")
    world.run()
    month = time.strftime("%Y-%m", time.localtime(world.clock.wall()))

    assert "For money, write prices into [costs]" in costs().stderr
    prices = '[costs]\ncurrency = "EUR"\nprice_per_hour = { assemblyai-stt-3-7 = 0.25 }\n'
    lines = costs(config=prices).stdout.splitlines()
    assert lines[0].split() == ["month", "recordings", "hours", "EUR"]
    assert lines[1].split()[:4] == [month, "1", "2.00", "0.50"]
    assert lines[2].split()[:5] == ["in", "all", "1", "2.00", "0.50"]
    other = "[costs]\nprice_per_hour = { universal-2 = 1 }\n"
    assert "2.00 hours are by models without a price" in costs(config=other).stderr


def test_only_what_was_paid_from_a_day_on_is_counted(world, costs):
    world.drop("Old.mp3")
    world.run()
    world.clock.moved += 10 * DAY
    since = time.strftime("%Y-%m-%d", time.localtime(world.clock.wall() - DAY))
    world.drop("New.mp3")
    world.run()

    rows = [json.loads(line) for line in costs("--json", "--by", "day", "--since", since).stdout.splitlines()]

    assert [row["recordings"] for row in rows] == [1]
    assert rows[0]["day"] > since


@pytest.mark.route(name="=1+1")
def test_a_spreadsheet_reads_the_csv_and_computes_no_name_in_it(world, costs):
    world.drop("Talk.mp3")
    world.run()

    [row] = csv.DictReader(costs("--csv", "--by", "inbox").stdout.splitlines())

    assert row["inbox"] == "'=1+1"
    assert row["recordings"] == "1"


def test_where_nothing_was_paid_it_says_so(world, costs):
    world.run()
    assert costs().stdout == "Nothing was paid for.\n"
    assert costs("--json").stdout == ""


@pytest.mark.route(is_free=True)
def test_hours_that_this_machine_heard_itself_are_told_apart_and_have_no_price(world, api, costs, monkeypatch):
    api.duration_of = lambda _: 7200.0
    world.drop("Cloud.mp3")
    world.run()
    by_cloud = world.plan()
    own = AssemblyAI(api.base_url, world.key, stop=threading.Event(), account=own_api.ACCOUNT)
    monkeypatch.setattr(world, "plan", lambda: replace(by_cloud, client=own))
    world.drop("Here.mp3")
    with structlog.testing.capture_logs() as logs:
        world.run()
    (line,) = (line for line in logs if line["event"] == "job.transcribed")
    assert line["heard_seconds"] == 7200
    assert "billed_seconds" not in line
    prices = '[costs]\nprice_per_hour = { "*" = 0.25 }\n'

    [row] = by(costs, "month", prices).values()
    assert (row["recordings"], row["hours"], row["money"], row["free_hours"]) == (1, 2, 0.5, 2)
    answer = costs(config=prices)
    assert answer.stdout.splitlines()[-1].split()[:5] == ["in", "all", "1", "2.00", "0.50"]
    assert "This machine itself heard 2.00 hours, at no price." in answer.stderr
    assert "Paid for as transcript" in ask(world, "explain", "1").stdout
    here = ask(world, "explain", "2").stdout
    assert "Nothing is paid: this machine itself hears it." in here
    assert here.count("paid") == 1


def test_an_upload_that_never_left_this_machine_costs_nothing_whatever_its_base_url(world, api, costs):
    """As with `transcribed local-api` at an address of its own."""
    api.uploads_at = f"{api.base_url}/upload"
    api.duration_of = lambda _: 7200.0
    world.drop("Here.mp3")
    world.run()

    assert costs().output.strip() == "Nothing was paid for. This machine itself heard 2.00 hours, at no price."


def test_the_last_status_of_a_short_life_has_what_was_paid_for_in_it(world, api):
    for names in (["One.mp3"], ["Two.mp3", "Three.mp3"]):
        for name in names:
            world.drop(name)
        world.run()
        last = world.published[-1]
        assert (last["ended"], last["month"]["recordings"]) == (True, len(api.submits))


def test_the_status_tells_what_was_paid_for_in_this_month_and_begins_again_with_the_next(world, api):
    api.duration_of = lambda _: 5400.0
    world.plan_options["prices"] = Prices({"*": 1.0})
    for name in ("One.mp3", "Two.mp3"):
        world.drop(name)
    world.run()
    month = world.published[-1]["month"]
    assert (month["recordings"], month["seconds"], month["money"]) == (2, billed(api), 3.0)

    world.clock.moved += 40 * DAY
    world.run(seconds=120.0)
    later = world.published[-1]["month"]
    assert (later["recordings"], later["seconds"], later["money"]) == (0, 0.0, 0.0)
    assert later["month"] > month["month"]


def test_without_prices_the_status_tells_hours_and_no_money(world, api):
    world.drop("Talk.mp3")
    world.run()
    world.run(seconds=120.0)
    assert (world.published[-1]["month"]["recordings"], world.published[-1]["month"]["money"]) == (1, None)


def test_the_sums_of_the_month_are_read_again_only_after_something_happened(world, api):
    world.drop("Talk.mp3")
    world.run()
    with world.journal() as journal:
        plan, month = world.plan(), Month(journal, world.clock)
        first = month.status(plan)
        assert first.recordings == 1
        with closing(sqlite3.connect(world.state / "journal.db")) as behind, behind:
            behind.execute("DELETE FROM payments")
        world.clock.moved += 3600.0
        assert month.status(plan) == first
        month.changed()
        assert month.status(plan).recordings == 0


def test_a_status_line_of_the_month_names_recordings_hours_and_money():
    whole = MonthStatus("2026-11", 3, 1, 5400.0, 1.5, "USD")
    said = "Paid for in 2026-11: 3 recordings (1.5 hours), 1.50 USD; of 1 it is not known yet how long they are"
    assert whole.line() == said
    assert MonthStatus("2026-11", 0, 0, 0.0).line() == ""
