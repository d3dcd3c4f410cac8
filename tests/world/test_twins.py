"""Names that some file systems take for one: they get numbers, in whatever order they come."""

import os

import pytest

from transcribed import files
from world import mp3

pytestmark = pytest.mark.route(formats=("txt",))


TWINS = [("talk.mp3", "TALK.mp3"), ("Gespr\u00e4ch.mp3", "Gespra\u0308ch.mp3"), ("Stra\u00dfe.mp3", "STRASSE.mp3")]


@pytest.mark.parametrize(("one", "other"), TWINS)
@pytest.mark.parametrize("restarted", [True, False])
def test_names_that_differ_only_in_case_or_unicode_form_get_a_number_though_the_first_has_ended(
    world, one, other, restarted
):
    """clients 7: macOS and Windows cannot show the two apart."""
    world.drop(one, mp3("one"))
    world.run(lambda: world.files("archive") == [one])
    world.drop(other, mp3("other"))
    if restarted:
        world.run()
    else:
        world.run(lambda: len(world.files("archive")) == 2)

    stem, kind = os.path.splitext(other)
    assert world.files("archive") == sorted([one, f"{stem} (2){kind}"])
    assert f"{stem} (2).txt" in world.files("outbox")


def test_three_of_them_have_three_numbers_in_every_folder(world):
    for name in ("Talk.mp3", "talk.mp3", "TALK.MP3"):
        world.drop(name, mp3(name))
        world.run()

    assert world.files("archive") == ["TALK (3).MP3", "Talk.mp3", "talk (2).mp3"]
    assert world.files("outbox") == ["TALK (3).txt", "Talk.txt", "talk (2).txt"]


def test_what_a_stranger_put_there_in_other_letters_is_a_name_in_use(world):
    (world.folders["outbox"] / "TALK.txt").write_text("mine")
    world.drop("talk.mp3", mp3("talk"))
    world.run()
    assert world.files("archive") == ["talk (2).mp3"]
    assert (world.folders["outbox"] / "TALK.txt").read_text() == "mine"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    return os.fsencode(tmp_path / "sub")


def test_a_name_has_a_twin_where_another_one_lies_there_in_other_letters(folder):
    twins = files.Twins()
    for name in (b"Talk.txt", "Stra\u00dfe.txt".encode()):
        with open(os.path.join(folder, name), "wb"):
            pass
    asked = ("TALK.txt", "Talk.txt", "Talk2.txt", "strasse.txt", "Stra\u00dfe.txt")

    found = [name for name in asked if twins.has_one(os.path.join(folder, name.encode()))]

    assert found == ["TALK.txt", "strasse.txt"]


def test_a_folder_that_is_not_there_has_no_twins(folder):
    assert not files.Twins().has_one(folder + b"/none/Talk.txt")


def test_a_name_that_was_given_just_now_is_known_before_its_folder_is_listed_again(folder):
    twins = files.Twins()
    for number in range(300):
        one, other = (b"%b/%b %d.txt" % (folder, word, number) for word in (b"Talk", b"TALK"))
        assert not twins.has_one(one)
        twins.add(one)
        with open(one, "wb"):
            pass
        assert twins.has_one(other)
