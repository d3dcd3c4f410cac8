"""The folder `_search` holds what it should, whatever was damaged, half done or put there by somebody else."""

import json
import shutil

import pytest

import search_share as share
from transcribed import files
from transcribed.search_page.pieces import value_of


@pytest.fixture
def writing(tmp_path):
    return share.Writing(tmp_path)


def put(writing, *numbers):
    """Put recordings in, in each of which a word of its own is said, and one that all have."""
    said = {number: f"all own{number}" for number in numbers}
    writing.put(
        {number: (f"{number}.mp3", json.dumps({"text": text, "words": []}).encode()) for number, text in said.items()}
    )


def words(writing):
    """The words in all files of the index."""
    return {word for path in writing.folder.glob("w-*.js") for word in value_of(path.read_bytes())[::2]}


def named(*numbers):
    return [share.named(number) for number in numbers]


def test_of_a_recording_that_is_taken_out_no_word_is_left_and_the_others_stay(writing):
    put(writing, 1, 2, 3)
    writing.take_out([2])
    assert words(writing) == {"all", "own1", "own3"}
    assert writing.found() == named(1, 3)
    assert sorted(path.stem for path in writing.folder.glob("[0-9]*")) == named(1, 3)


def test_nothing_is_left_once_all_are_taken_out(writing):
    put(writing, 1, 2)
    put(writing, 3)
    writing.take_out([1, 2, 3])
    assert list(writing.folder.iterdir()) == []


def test_new_recordings_do_not_write_again_what_is_there_but_where_ten_are_merged(writing):
    for number in range(1, 10):
        put(writing, number)
    before = {path: path.stat().st_ino for path in writing.folder.iterdir()}
    assert len(list(writing.folder.glob("i-*"))) == 9
    put(writing, 10)
    assert len(list(writing.folder.glob("i-*"))) == 1
    assert writing.found() == named(*range(1, 11))
    recordings = {path: number for path, number in before.items() if path.name[0].isdigit()}
    assert {path: path.stat().st_ino for path in recordings} == recordings


def test_a_merge_that_a_kill_ended_before_it_was_tidied_up_finds_each_recording_once(writing, tmp_path):
    for number in range(1, 10):
        put(writing, number)
    shutil.copytree(writing.folder, tmp_path / "before")
    put(writing, 10)
    shutil.copytree(tmp_path / "before", writing.folder, dirs_exist_ok=True)
    assert writing.found() == named(*range(1, 11))


def test_a_damaged_segment_is_left_out_and_what_it_had_is_put_in_again(writing):
    put(writing, 1, 2)
    (damaged,) = writing.folder.glob("w-*.js")
    damaged.write_bytes(damaged.read_bytes()[:-20])
    writing.take_out([2])
    assert writing.found() == []
    put(writing, 1)
    assert writing.found() == named(1)
    assert words(writing) == {"all", "own1"}


def test_what_is_taken_out_leaves_the_index_also_where_it_cannot_be_written_again(writing, tmp_path):
    """A file of somebody else has the name that the new segment needs."""
    (tmp_path / "other").mkdir()
    alike = share.Writing(tmp_path / "other")
    put(alike, 1)
    put(writing, 1, 2)
    (needed,) = alike.folder.glob("w-*.js")
    stranger = writing.folder / needed.name
    stranger.write_text("mine")
    with pytest.raises(files.NameTaken):
        writing.take_out([2])
    assert stranger.read_text() == "mine"
    assert list(writing.folder.glob("w-*.js")) == [stranger]


def test_a_recording_whose_own_file_is_lost_is_put_in_once_more_and_found_once(writing):
    put(writing, 1, 2)
    (writing.folder / f"{share.named(1)}.js").unlink()
    put(writing, 1)
    assert (writing.folder / f"{share.named(1)}.js").exists()
    assert writing.found() == named(1, 2)
