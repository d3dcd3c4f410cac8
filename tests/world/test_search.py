"""`transcribed search` finds what was delivered and is kept, and nothing that was removed."""

import json
import os
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace

import pytest

from abilities import without_privileges
from commands import ask
from transcribed import errors
from transcribed.cli import early, searched
from transcribed.search import NAME, ranked

pytestmark = pytest.mark.route(formats=("txt",))
DAY = 86400.0


def spoken(text):
    """The results of a recording in which this is said, a word each second."""
    words = [{"text": each, "start": 1000 * i, "end": 1000 * i + 900} for i, each in enumerate(text.split())]
    return {"text": text, "words": words}


def deliver(world, api, name, text):
    """A recording in which this is said is delivered."""
    api.results = spoken(text)
    world.drop(name)
    assert world.run() == 0


def correct(world, name, old, new):
    """A person replaces a word in the delivered file, and gives the order."""
    path = world.folders["outbox"] / name
    path.write_text(path.read_text().replace(old, new))
    ask(world, "render", "--from", str(path))


def is_in_index(world, word):
    """True if the index has the word, of whatever transcript, be it still there or not."""
    with closing(sqlite3.connect(world.state / NAME)) as index:
        return index.execute("SELECT count(*) FROM words WHERE words MATCH ?", (word,)).fetchone() != (0,)


def found(world, *words):
    """The recordings that are found, as JSON."""
    return [json.loads(line) for line in ask(world, "search", "--json", *words).stdout.splitlines()]


def test_a_word_is_found_with_its_moment_and_the_delivered_file(world, api):
    deliver(world, api, "Talk.mp3", "We approved the budget.")
    deliver(world, api, "Walk.mp3", "It rained.")

    (hit,) = found(world, "budget")

    assert (hit["file"], hit["seconds"], hit["snippet"]) == ("Talk.mp3", 3.0, "We approved the budget.")
    assert hit["outputs"] == [str(world.folders["outbox"] / "Talk.txt")]
    shown = ask(world, "search", "rain*")
    assert "00:00:01" in shown.stdout
    assert "Walk.txt" in shown.stdout


def test_only_what_an_inbox_got_since_a_day_is_found_if_that_is_asked_for(world, api):
    deliver(world, api, "Talk.mp3", "We approved the budget.")

    assert len(found(world, "budget", "--inbox", "talks", "--since", "1990-01-01")) == 1
    assert found(world, "budget", "--since", "2999-01-01") == []
    assert found(world, "budget", "--inbox", "none") == []


def test_an_inbox_that_no_recording_ever_came_into_is_told_where_nothing_is_found_in_it(world, api):
    deliver(world, api, "Talk.mp3", "We approved the budget.")
    said = "No recording ever came into an inbox of the name none."
    assert said in ask(world, "search", "budget", "--inbox", "none").stderr
    assert "No recording ever" not in ask(world, "search", "rain", "--inbox", "talks").stderr


PLAIN = [
    ["budget"],
    ["the budget"],
    ['"approved the', 'budget"', "--json"],
    ["--json", "bud*", "--limit", "1"],
    ["budget", "--inbox=talks", "--since", "1990-01-01", "--since=1990-01-02"],
    ["budget", "--inbox", "none"],
    ["--limit=1000", "nowhere"],
]


@pytest.mark.parametrize("words", PLAIN, ids=" ".join)
def test_what_is_answered_early_is_what_the_whole_command_line_answers(world, api, capsys, words):
    deliver(world, api, "Talk.mp3", "We approved the budget.")
    typed = ask(world, "search", *words)
    capsys.readouterr()

    status = early.answered(["--config", str(world.directory / "config.toml"), "search", *words])

    assert (status, *capsys.readouterr()) == (typed.exit_code, typed.stdout, typed.stderr)


@pytest.mark.parametrize(
    "words",
    [
        *(
            [],
            ["--json"],
            ["--help"],
            ["-h"],
            ["a", "-h"],
            ["--limit", "0", "a"],
            ["--limit", "1001", "a"],
            ["--", "-a"],
        ),
        *(["--limit", "x", "a"], ["--lim", "1", "a"], ["--since", "today", "a"], ["a", "--inbox"], ["a", "--jason"]),
        *(["a", "--inbox", "--json"], ["a", "--limit"], ["a", "--json=1"], ["-a"]),
    ],
    ids=" ".join,
)
def test_help_and_what_may_be_a_mistake_is_left_to_the_whole_command_line(words):
    assert searched.answered_early(None, words) is None


def test_nothing_found_and_nothing_asked_for_are_told_apart(world, api):
    deliver(world, api, "Talk.mp3", "We approved the budget.")
    with pytest.raises(errors.TranscribedError, match="no word to search for"):
        ask(world, "search", "***")
    assert ask(world, "search", "tomorrow").exit_code == 1


def test_who_may_not_read_the_state_directory_is_told_so_and_not_that_there_is_no_index(world, api):
    deliver(world, api, "Talk.mp3", "We approved the budget.")
    with without_privileges(), pytest.raises(errors.TranscribedError, match="Permission denied"):
        ranked(str(world.state), "budget", 1)


def test_what_ages_away_leaves_the_index_before_it_is_removed(world, api, clock):
    world.routes[0] = replace(world.route, delete_remote=False)
    world.plan_options["transcripts_days"] = 30.0
    deliver(world, api, "Talk.mp3", "We approved the budget.")
    (transcript,) = (path for path in (world.state / "transcripts").iterdir() if len(path.name) == len("0.json") + 35)
    os.utime(transcript, (clock.wall(),) * 2)
    clock.moved += 31 * DAY

    world.run(lambda: not transcript.exists())

    with closing(sqlite3.connect(world.state / NAME)) as index, index:
        assert index.execute("SELECT count(*) FROM transcripts").fetchone() == (0,)
        assert index.execute("SELECT count(*) FROM words WHERE words MATCH 'budget'").fetchone() == (0,)
    index.close()


@pytest.mark.parametrize("damage", [b"", b"no index at all" * 500, None])
def test_an_index_that_is_lost_or_damaged_is_made_again_and_holds_up_nothing(world, api, damage):
    deliver(world, api, "Talk.mp3", "We approved the budget.")
    (world.state / NAME).unlink()
    if damage is not None:
        (world.state / NAME).write_bytes(damage)

    deliver(world, api, "Walk.mp3", "It rained.")
    world.run()

    assert [hit["file"] for hit in found(world, "budget")] == ["Talk.mp3"]
    assert [hit["file"] for hit in found(world, "rained")] == ["Walk.mp3"]


def fail_in_the_middle(path):
    """Some of what the index has of its words is gone; where it begins is as it was."""
    with closing(sqlite3.connect(path)) as index, index:
        changed = index.execute("UPDATE words_data SET block = zeroblob(length(block)) WHERE id > 10").rowcount
    assert changed > 0


def fail_at_the_begin(path):
    path.write_bytes(b"no index at all" * 500)


@pytest.mark.parametrize("fail", [fail_at_the_begin, fail_in_the_middle])
@pytest.mark.parametrize("is_written", [False, True], ids=["looked at", "written"])
def test_an_index_that_is_damaged_while_the_daemon_runs_is_made_again_at_the_next_look_or_write(
    world, api, clock, fail, is_written
):
    deliver(world, api, "Talk.mp3", "We approved the budget.")
    damaged_at = clock.moved + 60.0
    api.results = spoken("It rained.")
    damaged, path = [], world.state / NAME

    def is_over():
        if not damaged and clock.moved >= damaged_at:
            fail(path)
            damaged.append(path.read_bytes())
            if is_written:
                world.drop("Walk.mp3")
        return clock.moved >= damaged_at + (300.0 if is_written else 3700.0)

    world.run(until=is_over, seconds=5000.0)

    assert [hit["file"] for hit in found(world, "budget")] == ["Talk.mp3"]
    assert [hit["file"] for hit in found(world, "rained")] == (["Walk.mp3"] if is_written else [])


def test_an_index_that_was_damaged_while_the_daemon_was_stopped_is_there_again_after_the_start(world, api):
    deliver(world, api, "Talk.mp3", "We approved the budget.")
    (world.state / NAME).write_bytes(b"no index at all" * 500)

    world.run()

    assert [hit["file"] for hit in found(world, "budget")] == ["Talk.mp3"]


def test_who_may_not_look_into_the_state_is_told_so_and_not_that_there_is_no_index(world, api):
    deliver(world, api, "Talk.mp3", "We approved the budget.")
    asked = searched.Asked(["budget"])
    world.state.chmod(0)
    try:
        with without_privileges(), pytest.raises(errors.Blocked, match="may not be read") as refused:
            searched.answer(str(world.state), asked, as_json=True)
    finally:
        world.state.chmod(0o700)
    assert refused.value.exit_status == errors.Exit.PERMISSION


def test_a_transcript_that_a_person_removed_is_not_found_and_leaves_the_index(world, api):
    deliver(world, api, "Talk.mp3", "We approved the budget.")
    deliver(world, api, "Walk.mp3", "It rained.")
    for path in (world.state / "transcripts").glob("*.json"):
        if b"budget" in path.read_bytes():
            path.unlink()
    assert found(world, "budget") == []

    world.run()

    assert found(world, "budget") == []
    assert len(found(world, "rained")) == 1


def test_an_hour_in_which_nothing_changed_does_not_open_the_index(world, api, clock):
    deliver(world, api, "Talk.mp3", "We approved the budget.")
    opened, began = [], clock.moved
    sys.addaudithook(lambda event, args: opened.append(args[0]) if event == "sqlite3.connect" else None)

    world.run(until=lambda: clock.moved > began + 1.5 * 3600.0, seconds=2 * 3600.0)

    assert len([path for path in opened if str(path).endswith(NAME)]) == 1  # the look at the start


def test_a_corrected_word_is_found_and_the_wrong_one_no_longer_though_it_is_corrected_twice(world, api):
    deliver(world, api, "Talk.mp3", "We asked Mr. Mayer.")

    text = world.folders["outbox"] / "Talk.txt"

    def corrected_while_it_runs():
        """Until the index has the last word: one correction after the other, once the index has what is wrong."""
        for old, new in (("Mayer", "Meyer"), ("Meyer", "Meier")):
            if old in text.read_text() and is_in_index(world, old):
                correct(world, "Talk.txt", old, new)
        return is_in_index(world, "Meier")

    world.run(until=corrected_while_it_runs)

    (hit,) = found(world, "meier")
    assert (hit["seconds"], hit["snippet"]) == (3.0, "We asked Mr. Meier.")
    with closing(sqlite3.connect(world.state / NAME)) as index:
        index.execute("INSERT INTO words (words) VALUES ('integrity-check')")
    assert [word for word in ("mayer", "meyer") if is_in_index(world, word)] == []


def test_what_was_corrected_while_no_daemon_ran_is_found_after_the_next_start(world, api):
    deliver(world, api, "Talk.mp3", "We asked Mr. Mayer.")
    correct(world, "Talk.txt", "Mayer", "Meyer")
    correct(world, "Talk.txt", "Meyer", "Meier")

    world.run()

    assert len(found(world, "meier")) == 1
    assert [word for word in ("mayer", "meyer") if is_in_index(world, word)] == []


def test_a_correction_that_is_gone_or_was_kept_without_its_order_is_noticed_at_the_next_look(world, api):
    deliver(world, api, "Talk.mp3", "We asked Mr. Mayer.")
    deliver(world, api, "Walk.mp3", "It rained.")
    correct(world, "Talk.txt", "Mayer", "Meier")
    for order in (world.state / "commands").iterdir():
        order.unlink()
    world.run()
    assert len(found(world, "meier")) == 1

    for path in (world.state / "transcripts").glob("*.corrected.json"):
        path.unlink()
    world.run()

    assert len(found(world, "mayer")) == len(found(world, "rained")) == 1
    assert not is_in_index(world, "meier")


def test_a_corrected_transcript_that_is_removed_leaves_no_word_in_the_index(world, api, clock):
    world.routes[0] = replace(world.route, delete_remote=False)
    world.plan_options["transcripts_days"] = 30.0
    deliver(world, api, "Talk.mp3", "We asked Mr. Mayer.")
    correct(world, "Talk.txt", "Mayer", "Meier")
    world.run()
    for path in (world.state / "transcripts").iterdir():
        os.utime(path, (clock.wall(),) * 2)
    clock.moved += 31 * DAY

    world.run(until=lambda: not list((world.state / "transcripts").glob("*.corrected.json")))

    assert [word for word in ("asked", "mayer", "meier") if is_in_index(world, word)] == []


def test_what_is_delivered_within_a_second_is_put_into_the_index_together(world, api):
    api.results = spoken("We approved the budget.")
    for number in range(12):
        world.drop(f"Talk {number}.mp3")

    assert world.run() == 0

    with closing(sqlite3.connect(world.state / NAME)) as index:
        assert index.execute("SELECT count(*) FROM transcripts").fetchone() == (12,)
    changes = int.from_bytes((world.state / NAME).read_bytes()[24:28])  # sqlite.org/fileformat2.html, 1.3
    assert changes < 12
