"""`_search.html` and its pieces hold what was delivered into their outbox and is kept, and nothing else."""

import os
import re
from contextlib import closing
from dataclasses import replace

import pytest

import many_jobs
from commands import ask
from transcribed.journal import Journal
from transcribed.search_page.pieces import value_of
from world import mp3, route_to, work_for

pytestmark = pytest.mark.route(formats=("txt",), search_page=True)
DAY = 86400.0


def spoken(text):
    """The results of a recording in which this is said, a word each second."""
    words = [{"text": each, "start": 1000 * i, "end": 1000 * i + 900} for i, each in enumerate(text.split())]
    return {"text": text, "words": words}


def pieces(world, outbox=None):
    """What the pieces of an outbox hand over, as the page gets it."""
    folder = (outbox or world.folders["outbox"]) / "_search"
    return [value_of(path.read_bytes()) for path in sorted(folder.glob("[0-9]*.js"))]


def words(world, outbox=None):
    """The words in all files of the index, whether the page needs them or not."""
    folder = (outbox or world.folders["outbox"]) / "_search"
    return {word for path in folder.glob("w-*.js") for word in value_of(path.read_bytes())[::2]}


def segments(world):
    """The names of the segments that the page loads."""
    named = re.search(r'data-segments="([^"]*)"', page(world))
    return named[1].split() if named else []


def recordings(world):
    """The recordings that the page finds, each as often as it would be found."""
    folder = world.folders["outbox"] / "_search"
    return sorted(
        recording
        for name in segments(world)
        for recording in value_of((folder / f"{name}.js").read_bytes())["recordings"]
    )


def page(world, outbox=None):
    path = (outbox or world.folders["outbox"]) / "_search.html"
    return path.read_text() if path.exists() else ""


def deliver(world, api, name, text):
    api.results = spoken(text)
    world.drop(name)
    world.run(
        until=lambda: (
            any(each["file"] == name for each in pieces(world)) and len(recordings(world)) == len(pieces(world))
        )
    )


def test_a_delivered_recording_is_a_piece_with_its_words_times_and_links(world, api):
    deliver(world, api, "a b/Talk.mp3", "We approved the budget.")
    (found,) = pieces(world)
    assert found["words"] == "We approved the budget."
    assert found["times"] == [0, 1, 1, 1]
    assert found["links"] == [["txt", "./a%20b/Talk.txt"]]
    assert len(recordings(world)) == 1
    assert words(world) == {"we", "approved", "the", "budget"}


def test_what_ages_away_while_the_daemon_runs_leaves_the_page_and_the_pieces(world, api, clock):
    world.routes[0] = replace(world.route, delete_remote=False)
    world.plan_options["transcripts_days"] = 30.0
    later = []

    def is_gone():
        if not later and recordings(world):
            later.append(clock.wall() + 31 * DAY)
            for path in (world.state / "transcripts").iterdir():
                os.utime(path, (clock.wall(),) * 2)
            clock.moved += 31 * DAY
        return later and not pieces(world) and not words(world) and not segments(world)

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
    world.run(until=lambda: words(world) == {"it", "rained"})


def test_pieces_that_were_lost_in_a_kill_or_are_of_no_job_are_put_right_at_the_next_start(world, api):
    deliver(world, api, "Talk.mp3", "We approved the budget.")
    folder = world.folders["outbox"] / "_search"
    before = sorted(path.name for path in folder.glob("*.js"))
    (piece,) = folder.glob("[0-9]*.js")
    piece.rename(folder / "99-00000000.js")

    world.run(until=lambda: sorted(path.name for path in folder.glob("*.js")) == before)


def test_a_file_of_a_person_stays_as_it_is(world, api):
    own = world.folders["outbox"] / "_search" / "7-abcdef01.js"
    own.parent.mkdir()
    own.write_text("mine")
    (world.folders["outbox"] / "_search.html").write_text("mine too")
    world.drop("Talk.mp3")
    world.run(seconds=120.0)
    assert own.read_text() == "mine"
    assert page(world) == "mine too"


def test_a_file_of_a_person_in_the_place_of_a_recordings_is_told_once_in_the_log(world, api):
    deliver(world, api, "Talk.mp3", "We approved the budget.")
    folder = world.folders["outbox"] / "_search"
    (piece,) = folder.glob("[0-9]*.js")
    for path in folder.iterdir():
        path.unlink()
    piece.write_text("theirs")

    logs = work_for(world, 200.0)

    assert [each["file"] for each in logs if each["event"] == "search.stopped"] == [str(piece)]
    assert piece.read_text() == "theirs"
    piece.unlink()
    world.run(until=piece.exists, seconds=3600.0)


def test_a_page_that_is_not_wanted_any_more_is_taken_back_with_its_pieces(world, api):
    deliver(world, api, "Talk.mp3", "We approved the budget.")
    world.routes[0] = replace(world.routes[0], search_page=False)
    world.run(until=lambda: not page(world) and not list((world.folders["outbox"] / "_search").glob("*")))


def test_the_pieces_of_a_page_that_is_not_wanted_go_too_where_a_kill_left_them_without_the_page(world, api):
    deliver(world, api, "Talk.mp3", "We approved the budget.")
    (world.folders["outbox"] / "_search.html").unlink()
    world.routes[0] = replace(world.routes[0], search_page=False)
    world.run(until=lambda: not list((world.folders["outbox"] / "_search").glob("*")))


def test_a_folder_of_a_person_with_the_name_of_ours_stays_where_no_page_is_wanted(world, api):
    own = world.folders["outbox"] / "_search" / "7-abcdef01.js"
    own.parent.mkdir()
    own.write_text("mine")
    world.routes[0] = replace(world.routes[0], search_page=False)
    world.drop("Talk.mp3")
    world.run(seconds=120.0)
    assert [path.name for path in own.parent.iterdir()] == [own.name]


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
    (old,) = (world.folders["outbox"] / "_search").glob("[0-9]*.js")
    text = world.folders["outbox"] / "Talk.txt"

    def is_corrected():
        """Once the page is there, the word is corrected; then until the page has only the new piece."""
        if "Mayer" in text.read_text() and old.stem in recordings(world):
            text.write_text(text.read_text().replace("Mayer", "Meier"))
            ask(world, "render", "--from", str(text))
        is_there = [each["words"] for each in pieces(world)] == ["We asked Mr. Meier."]
        return is_there and old.stem not in recordings(world)

    world.run(until=is_corrected)
    world.run(until=lambda: words(world) == {"we", "asked", "mr", "meier"})
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


def test_the_delivered_jobs_of_an_inbox_are_read_some_at_a_time_and_each_once(tmp_path):
    many_jobs.fill(tmp_path, 1100)
    read, before = [], None
    with closing(Journal.read(str(tmp_path))) as journal:
        while some := journal.search.delivered_last("talks", 400, before):
            read += [job.id for job in some]
            before = min(job.id for job in some)
        assert sorted(read) == list(range(1, 1101))
        assert journal.search.delivered_last("others", 400) == []
        assert journal.search.there([*range(1000, 2000), 7]) == {7, *range(1000, 1101)}
