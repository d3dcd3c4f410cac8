"""`_search.html` and its pieces hold what was delivered into their outbox and is kept, and nothing else."""

import json
import os
from dataclasses import replace

import pytest

from commands import ask
from transcribed.search_page import BEGINNING
from world import mp3, route_to

pytestmark = pytest.mark.route(formats=("txt",), search_page=True)
DAY = 86400.0


def spoken(text):
    """The results of a recording in which this is said, a word each second."""
    words = [{"text": each, "start": 1000 * i, "end": 1000 * i + 900} for i, each in enumerate(text.split())]
    return {"text": text, "words": words}


def pieces(world, outbox=None):
    """What the pieces of an outbox hand over, as the page gets it."""
    folder = (outbox or world.folders["outbox"]) / "_search"
    scripts = [path.read_bytes() for path in sorted(folder.glob("*.js"))]
    return [json.loads(script.removeprefix(BEGINNING + b"\ntranscribed(").removesuffix(b");\n")) for script in scripts]


def page(world, outbox=None):
    path = (outbox or world.folders["outbox"]) / "_search.html"
    return path.read_text() if path.exists() else ""


def deliver(world, api, name, text):
    api.results = spoken(text)
    world.drop(name)
    world.run(until=lambda: any(each["file"] == name for each in pieces(world)))


def test_a_delivered_recording_is_a_piece_with_its_words_times_and_links(world, api):
    deliver(world, api, "a b/Talk.mp3", "We approved the budget.")
    (found,) = pieces(world)
    assert found["words"] == "We approved the budget."
    assert found["times"] == [0, 1, 1, 1]
    assert found["links"] == [["txt", "./a%20b/Talk.txt"]]
    world.run(until=lambda: 'src="./_search/1-' in page(world))


def test_what_ages_away_while_the_daemon_runs_leaves_the_page_and_the_pieces(world, api, clock):
    world.routes[0] = replace(world.route, delete_remote=False)
    world.plan_options["transcripts_days"] = 30.0
    later = []

    def is_gone():
        if not later and "_search/1-" in page(world):
            later.append(clock.wall() + 31 * DAY)
            for path in (world.state / "transcripts").iterdir():
                os.utime(path, (clock.wall(),) * 2)
            clock.moved += 31 * DAY
        return later and not pieces(world) and "_search/1-" not in page(world)

    api.results = spoken("We approved the budget.")
    world.drop("Talk.mp3")
    world.run(until=is_gone, seconds=32 * DAY)
    assert clock.wall() < later[0] + 60


def test_a_job_that_is_forgotten_leaves_the_pieces(world, api, clock):
    world.routes[0] = replace(world.route, delete_remote=False)
    deliver(world, api, "Talk.mp3", "We approved the budget.")
    world.plan_options["jobs_days"] = 30.0
    clock.moved += 31 * DAY
    api.results = spoken("It rained.")
    world.drop("Walk.mp3")

    world.run(until=lambda: [each["file"] for each in pieces(world)] == ["Walk.mp3"], seconds=2 * 3600.0)


def test_pieces_that_were_lost_in_a_kill_or_are_of_no_job_are_put_right_at_the_next_start(world, api):
    deliver(world, api, "Talk.mp3", "We approved the budget.")
    folder = world.folders["outbox"] / "_search"
    (piece,) = folder.glob("*.js")
    piece.rename(folder / "99-00000000.js")

    world.run(until=lambda: [path.name for path in folder.glob("*.js")] == [piece.name])


def test_a_file_of_a_person_stays_as_it_is(world, api):
    own = world.folders["outbox"] / "_search" / "7-abcdef01.js"
    own.parent.mkdir()
    own.write_text("mine")
    (world.folders["outbox"] / "_search.html").write_text("mine too")
    world.drop("Talk.mp3")
    world.run(seconds=120.0)
    assert own.read_text() == "mine"
    assert page(world) == "mine too"


def test_a_page_that_is_not_wanted_any_more_is_taken_back_with_its_pieces(world, api):
    deliver(world, api, "Talk.mp3", "We approved the budget.")
    world.run(until=lambda: "_search/1-" in page(world))
    world.routes[0] = replace(world.routes[0], search_page=False)
    world.run(until=lambda: not page(world) and not list((world.folders["outbox"] / "_search").glob("*")))


def test_two_outboxes_hold_nothing_of_one_another(world, api):
    other = route_to(str(world.directory / "other"), name="secret", formats=("txt",), search_page=True)
    os.makedirs(other.inbox)
    world.routes.append(other)
    outbox = world.directory / "other" / "outbox"
    (world.directory / "other" / "inbox" / "Salaries.mp3").write_bytes(mp3("salaries"))
    world.drop("Talk.mp3")
    world.run(until=lambda: pieces(world) and pieces(world, outbox))
    assert [each["file"] for each in pieces(world)] == ["Talk.mp3"]
    assert [each["file"] for each in pieces(world, outbox)] == ["Salaries.mp3"]


def test_a_piece_has_the_corrected_words_and_the_wrong_one_is_nowhere_in_the_share(world, api):
    deliver(world, api, "Talk.mp3", "We asked Mr. Mayer.")
    (old,) = (world.folders["outbox"] / "_search").glob("*.js")
    text = world.folders["outbox"] / "Talk.txt"

    def is_corrected():
        """Once the page is there, the word is corrected; then until the page has only the new piece."""
        if "Mayer" in text.read_text() and old.name in page(world):
            text.write_text(text.read_text().replace("Mayer", "Meier"))
            ask(world, "render", "--from", str(text))
        return [each["words"] for each in pieces(world)] == ["We asked Mr. Meier."] and old.name not in page(world)

    world.run(until=is_corrected)
    (piece,) = pieces(world)
    assert piece["times"] == [0, 1, 1, 1]


def test_a_piece_is_made_again_at_the_start_where_a_word_was_corrected_or_the_correction_was_removed(world, api):
    deliver(world, api, "Talk.mp3", "We asked Mr. Mayer.")
    text = world.folders["outbox"] / "Talk.txt"
    text.write_text(text.read_text().replace("Mayer", "Meier"))
    ask(world, "render", "--from", str(text))
    world.run(until=lambda: [each["words"] for each in pieces(world)] == ["We asked Mr. Meier."])

    for path in (world.state / "transcripts").glob("*.corrected.json"):
        path.unlink()

    world.run(until=lambda: [each["words"] for each in pieces(world)] == ["We asked Mr. Mayer."])
