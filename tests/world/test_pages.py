"""`_transcribed.html`: how things are with the recordings of one outbox, for people who have only the share."""

import dataclasses
import itertools
import os

import pytest

from transcribed.job import Prices, State
from transcribed.overview import SILENT_MINUTES
from transcribed.worker.people import pages
from transcribed.worker.people.status import MOST_JOBS
from world import changed, mp3, route_to

pytestmark = pytest.mark.route(formats=("txt",), page=True, scan_seconds=30.0)


def page(world, outbox="outbox"):
    return (world.folders[outbox] / "_transcribed.html").read_text()


def changes_of(world, seconds):
    """The times at which the page was another one, from the start, while the daemon ran for so long."""
    path, seen = world.folders["outbox"] / "_transcribed.html", []

    def look():
        if path.exists() and (not seen or seen[-1][1] != path.stat().st_ino):
            seen.append((world.clock.moved, path.stat().st_ino))
        return world.clock.moved >= seconds

    world.run(until=look, seconds=seconds + 60)
    return [at for at, _ in seen]


def test_the_page_names_what_was_delivered_with_links_and_what_failed_with_what_is_to_be_done(world, api):
    api.duration_of = lambda _: 5400.0
    world.drop("a b/Böard #1?.mp3")
    world.run()
    world.drop("Broken.mp3", b"no recording at all")
    world.run()
    world.run(seconds=120.0)

    text = page(world)

    assert "Nothing waits." in text
    assert 'href="./a%20b/B%C3%B6ard%20%231%3F.txt"' in text
    assert "1.5 hours of audio were transcribed" in text
    assert '<p class="name" dir="auto">Broken.mp3</p>' in text
    assert "What to do: " in text


@pytest.mark.parametrize(("is_here", "said"), [(False, "transcribed, 1.50 USD."), (True, "transcribed. Today")])
def test_the_page_has_no_price_for_hours_that_this_machine_heard(world, api, is_here, said):
    api.duration_of = lambda _: 5400.0
    world.plan_options["prices"] = Prices({"*": 1.0})
    if is_here:
        api.uploads_at = f"{api.base_url}/upload"
    world.drop("Talk.mp3")
    world.run()
    world.run(seconds=120.0)
    assert f"1.5 hours of audio were {said}" in page(world)


@pytest.mark.parametrize(
    ("options", "is_told"), [({}, True), ({"accept_at_share": False}, False), ({"is_free": True}, False)]
)
def test_the_page_tells_what_people_at_the_share_can_do_and_of_questions_only_where_they_may_ask(
    world, options, is_told
):
    world.routes[0] = dataclasses.replace(world.routes[0], **{"accept_at_share": True, **options})
    world.drop("Talk.mp3")
    world.run()
    world.run(seconds=60.0)
    assert "Talk.speakers.toml" in page(world)
    assert "Talk.corrected.txt" in page(world)
    assert ("Talk.understand.toml" in page(world)) == is_told


@pytest.mark.parametrize("search_page", [True, False])
def test_the_page_leads_to_the_page_for_searches_where_there_is_one(world, search_page):
    world.routes[0] = dataclasses.replace(world.routes[0], search_page=search_page)
    world.drop("Talk.mp3")
    world.run()
    world.run(seconds=60.0)
    assert ('href="./_search.html"' in page(world)) == search_page


def test_what_is_on_its_way_is_named_with_what_it_waits_for(world, api):
    api.processing_seconds = 1e6
    world.drop("Talk.mp3")
    world.run(until=lambda: world.states() == [State.SUBMITTED] and "being transcribed" in page_or_empty(world))
    assert "1 recording is on the way." in page(world)


def page_or_empty(world):
    path = world.folders["outbox"] / "_transcribed.html"
    return path.read_text() if path.exists() else ""


def test_a_wait_for_a_person_is_told_with_its_way_out(world, api):
    world.key = "a-key-that-nobody-knows"
    world.drop("Talk.mp3")
    world.run(until=lambda: "Recordings wait. Nothing is lost" in page_or_empty(world))
    assert "What to do: " in page(world)


def test_it_is_written_where_something_changed_and_not_in_an_idle_hour(world, api):
    world.drop("Talk.mp3")
    times = changes_of(world, 7200)
    assert times[-1] < 120
    assert all(later - earlier >= pages.QUICKEST_SECONDS for earlier, later in itertools.pairwise(times))


def test_while_there_is_work_it_is_written_before_it_calls_the_daemon_silent(world, api):
    api.processing_seconds = 1e6
    world.drop("Talk.mp3")
    times = changes_of(world, 7200)
    assert times[-1] > 7200 - 60 * SILENT_MINUTES
    assert all(later - earlier < 60 * SILENT_MINUTES for earlier, later in itertools.pairwise(times))
    assert len(times) < 20


def test_a_page_of_a_person_stays_as_it_is(world):
    own = world.folders["outbox"] / "_transcribed.html"
    own.write_text("<p>mine</p>")
    world.drop("Talk.mp3")
    world.run(seconds=120.0)
    assert own.read_text() == "<p>mine</p>"


def test_a_page_that_is_not_wanted_any_more_is_taken_back(world):
    world.drop("Talk.mp3")
    world.run(until=lambda: "Delivered last" in page_or_empty(world))
    world.routes[0] = dataclasses.replace(world.routes[0], page=False)
    world.run(until=lambda: not page_or_empty(world))


def test_the_recordings_that_ended_before_a_restart_are_on_the_page_after_it(world):
    world.drop("Talk.mp3")
    world.run()
    os.unlink(world.folders["outbox"] / "_transcribed.html") if page_or_empty(world) else None
    world.run(until=lambda: "Talk.txt" in page_or_empty(world))


def test_two_outboxes_show_nothing_of_one_another(world, api):
    other = route_to(str(world.directory / "other"), name="secret", formats=("txt",), page=True)
    os.makedirs(other.inbox)
    world.routes.append(other)
    (world.directory / "other" / "inbox" / "Salaries.mp3").write_bytes(mp3("salaries"))
    world.drop("Walk.mp3")
    path = world.directory / "other" / "outbox" / "_transcribed.html"
    world.run(until=lambda: path.exists() and "Salaries.txt" in path.read_text() and "Walk.txt" in page_or_empty(world))
    assert "Walk" not in path.read_text()
    assert "Salaries" not in page(world)
    assert "secret" not in page(world)


def test_money_is_shown_where_prices_are_configured(world, api):
    world.plan_options = {"prices": Prices({"*": 0.2}), "currency": "EUR"}
    api.duration_of = lambda _: 36000.0
    world.drop("Talk.mp3")
    world.run(until=lambda: "2.00 EUR" in page_or_empty(world))


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>.mp3", '" onload="x.mp3', "\u202eevil.mp3", "&lt;b&gt;.mp3", "javascript:x.mp3"]
)
def test_a_hostile_name_is_text(world, name):
    world.drop(name.replace("/", "\u2215"))
    world.run(until=lambda: "Delivered last" in page_or_empty(world))
    text = page(world)
    assert text.count("<script>") == 1
    assert "onload=" not in text.replace("&quot; onload=", "")
    assert 'href="javascript' not in text
    assert "\u202e" not in text


def test_the_last_line_marks_the_page_as_ours(world):
    world.drop("Talk.mp3")
    world.run(until=lambda: "Delivered last" in page_or_empty(world))
    assert page(world).endswith("\n[transcribed: overview]\n")
    assert changed(world.routes[0]).page


def test_a_long_backlog_beside_it_hides_nothing_of_how_many_wait(world, api):
    """The status names the first of all jobs alone; the page of the other outbox counts its own."""
    other = route_to(str(world.directory / "other"), name="other", formats=("txt",), page=True)
    os.makedirs(other.inbox)
    world.routes.append(other)
    world.key = "a-key-that-nobody-knows"
    for number in range(MOST_JOBS + 1):
        world.drop(f"Talk {number}.mp3")
    world.run(until=lambda: f"and {MOST_JOBS + 1 - 50} more" in page_or_empty(world))
    (world.directory / "other" / "inbox" / "Late.mp3").write_bytes(mp3("late"))
    path = world.directory / "other" / "outbox" / "_transcribed.html"
    world.run(until=lambda: path.exists() and '<p class="small">and 1 more</p>' in path.read_text())
    assert f"and {MOST_JOBS + 1 - 50} more" in page(world)


def test_what_a_quiet_inbox_delivered_is_on_its_page_after_a_restart_however_busy_another_is(world, monkeypatch):
    monkeypatch.setattr(pages, "MOST", 2)
    other = route_to(str(world.directory / "other"), name="busy", formats=("txt",), page=True)
    os.makedirs(other.inbox)
    world.routes.append(other)
    world.drop("Talk.mp3")
    world.run()
    for number in range(30):
        (world.directory / "other" / "inbox" / f"{number}.mp3").write_bytes(mp3(str(number)))
    world.run()
    for folder in (world.folders["outbox"], world.directory / "other" / "outbox"):
        (folder / "_transcribed.html").unlink(missing_ok=True)
    world.run(until=lambda: "Talk.txt" in page_or_empty(world))
