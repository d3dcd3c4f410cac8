"""People who have only the share name speakers, correct words and ask questions, by a small file in the inbox."""

import json
import os
import re
import unicodedata
from pathlib import Path
from typing import Any, Literal

import pytest

from commands import ask
from fake_assemblyai import FakeAssemblyAI, Fault
from transcribed import formats, rendering
from transcribed.journal import Transcripts, amendments
from transcribed.worker import drop
from world import Crash, World, changed, mp3, parameters, work_for

MEETING = Path(__file__).parents[1] / "data" / "meeting.json"
SPEAKERS = b'A = "Anna Berg"\nB = "Ben Frei"\n'
ORDER = "a/Talk.speakers.toml"
FORMATS = ("txt", "srt", "md", "json")

pytestmark = pytest.mark.route(formats=FORMATS, parameters=parameters(speaker_labels=True))


def delivered(world: World, name: str = "a/Talk.mp3", words: str = "Talk") -> None:
    world.drop(name, mp3(words))
    assert world.run() == 0


def text(world: World, name: str) -> str:
    return (world.folders["outbox"] / name).read_text()


def notice(world: World) -> str:
    path = world.folders["outbox"] / "_transcribed.txt"
    return path.read_text() if path.exists() else ""


def named(world: World, stem: str = "a/Talk") -> bool:
    """True if all formats have the names, and false if none has."""
    found = {"Anna Berg" in text(world, f"{stem}.{name}") for name in ("txt", "srt", "md")}
    assert len(found) == 1
    return found.pop()


# -- names of speakers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["", ".txt", ".TXT"], ids=["as written", "as Windows names it", "in capitals"])
def test_a_file_with_names_beside_where_the_recording_lay_names_the_speakers_in_every_format_at_no_cost(
    world: World, api: FakeAssemblyAI, ending: str
) -> None:
    delivered(world)
    before = text(world, "a/Talk.json")
    world.drop(ORDER + ending, SPEAKERS)

    assert world.run() == 0

    assert named(world)
    assert text(world, "a/Talk.json") == before
    assert world.files("inbox") == []
    assert world.files("archive") == ["a/Talk.mp3", ORDER + ending]
    assert notice(world) == ""
    assert len(api.submits) == 1


def test_the_whole_name_of_the_recording_does_as_well(world: World) -> None:
    delivered(world)
    world.drop("a/Talk.mp3.speakers.toml", SPEAKERS)
    world.run()
    assert named(world)


def test_an_order_beside_its_recording_by_its_whole_name_waits_for_it(world: World) -> None:
    world.drop("a/Talk.mp3")
    world.drop("a/Talk.mp3.speakers.toml", SPEAKERS)
    world.run()
    assert named(world)


def test_a_speaker_is_meant_by_the_name_that_is_shown_too_and_names_are_kept(world: World) -> None:
    delivered(world)
    world.drop(ORDER, SPEAKERS)
    world.run()
    world.drop(ORDER, b'"Anna Berg" = "Carla"')
    world.run()
    assert "Carla" in text(world, "a/Talk.txt")
    assert "Anna Berg" not in text(world, "a/Talk.txt")
    assert "Ben Frei" in text(world, "a/Talk.txt")
    assert world.files("archive") == ["a/Talk.mp3", "a/Talk.speakers (2).toml", ORDER]


def test_an_order_waits_while_a_command_amends_the_same_transcript(world: World) -> None:
    delivered(world)
    path = Transcripts(str(world.state)).path(str(world.jobs()[0].transcript_id))
    world.drop(ORDER, b'B = "Ben Frei"')
    with amendments.alone(path):
        work_for(world, 300)
        assert "Ben Frei" not in text(world, "a/Talk.txt")
        amendments.keep(path, amendments.Amendments({"A": "Anna Berg"}))
    work_for(world, 300)
    assert all(name in text(world, "a/Talk.txt") for name in ("Anna Berg", "Ben Frei"))


def test_an_order_beside_a_recording_that_is_on_its_way_waits_for_it_and_people_are_told(world: World) -> None:
    world.drop("a/Talk.mp3")
    world.drop(ORDER, SPEAKERS)
    world.routes = [changed(world.route, settle_seconds=200.0)]
    work_for(world, 300.0)
    assert notice(world) == ""
    assert named(world)


def test_an_order_that_waits_for_long_is_told(world: World, api: FakeAssemblyAI) -> None:
    api.processing_seconds = 900.0
    world.drop("a/Talk.mp3")
    world.drop(ORDER, SPEAKERS)
    world.run(lambda: "Orders in" in notice(world))
    assert f'Orders in the inbox "talks":\n  {ORDER} (waits: a/Talk.mp3 is not transcribed yet)\n' in notice(world)
    assert [row["file"] for row in world.published[-1]["inboxes"][0]["unsettled"]] == [ORDER]
    work_for(world, 1200.0)
    assert named(world)
    assert notice(world) == ""


def test_of_two_recordings_of_a_name_the_order_means_the_transcript_of_its_name(world: World) -> None:
    delivered(world)
    delivered(world, words="another")
    for stem in ("a/Talk (2)", "a/Talk"):
        assert not named(world, stem)
        world.drop(f"{stem}.speakers.toml", SPEAKERS)
        world.run()
        assert named(world, stem)


@pytest.mark.parametrize("is_killed", [False, True], ids=["lives", "is killed"])
def test_an_order_beside_a_new_recording_is_about_that_and_not_about_the_older_of_its_name(
    world: World, *, is_killed: bool
) -> None:
    delivered(world)
    world.drop("a/Talk.mp3", mp3("another"))
    world.drop(ORDER, SPEAKERS)
    if is_killed:
        world.crash_when = lambda: len(world.jobs()) == 2 and world.jobs()[-1].state == "delivered"
        with pytest.raises(Crash):
            world.run()
        world.crash_when = lambda: False
    world.run()
    assert named(world, "a/Talk (2)")
    assert not named(world)


def test_a_template_of_names_is_followed_by_the_recordings_name_and_by_that_of_its_files(world: World) -> None:
    world.routes = [changed(world.route, output_name="{date} {stem}.{lang}.{ext}")]
    delivered(world)
    name = next(name for name in world.files("outbox") if name.endswith(".txt")).removesuffix(".txt")
    world.drop(ORDER, SPEAKERS)
    world.run()
    assert named(world, name)
    world.drop(f"{name}.speakers.toml", b'A = "Carla"')
    world.run()
    assert "Carla" in text(world, f"{name}.txt")


def test_a_file_that_a_person_edited_stays_and_a_note_beside_it_says_so(world: World) -> None:
    delivered(world)
    (world.folders["outbox"] / "a/Talk.txt").write_text("my own words")
    world.drop(ORDER, SPEAKERS)
    world.run()
    assert text(world, "a/Talk.txt") == "my own words"
    assert "Anna Berg" in text(world, "a/Talk.md")
    assert f"Edited by a person, and left as they are when {ORDER} was obeyed: Talk.txt." in text(
        world, "a/Talk.note.txt"
    )


@pytest.mark.parametrize("after", ["keep", "delete"])
def test_an_order_stays_or_is_deleted_as_recordings_are_and_one_that_stays_is_obeyed_once(
    world: World, after: str
) -> None:
    world.routes = [changed(world.route, after=after)]
    delivered(world)
    world.drop(ORDER, SPEAKERS)
    world.run()
    assert named(world)
    assert (ORDER in world.files("inbox")) == (after == "keep")
    assert world.files("archive") == []
    if after == "keep":
        obeyed = [log["event"] for log in work_for(world, 400.0)]
        assert "order.obeyed" not in obeyed
        world.drop(ORDER, b'A = "Carla"')
        world.run()
        assert "Carla" in text(world, "a/Talk.txt")


# -- what is refused --------------------------------------------------------------------------------------------------

DEEP = b"a = " + b"[" * 20_000
REFUSED = {
    "not TOML": (b"Anna Berg", "Expected '='"),
    "a number": (b"A = 7", "should have a line such as"),
    "a table": (b'[A]\nname = "Anna"', "should have a line such as"),
    "nothing": (b"# nobody\n", "should have a line such as"),
    "another label": (b'Z = "Anna"', "there is no speaker Z: the labels here are A, B"),
    "deep": (DEEP, "nested too deeply"),
    "huge": (b"#" * 70_000, "has more than 64 KiB"),
    "a reading direction": ('A = "Anna\u202e"'.encode(), "printable characters"),
    "not UTF-8": ('A = "Jürg"'.encode("latin-1"), "is not UTF-8 text"),
}


@pytest.mark.parametrize(("content", "why"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_obeyed_stays_and_is_told_once_until_it_is_changed(
    world: World, content: bytes, why: str
) -> None:
    delivered(world)
    before = {name: text(world, f"a/Talk.{name}") for name in FORMATS}
    path = world.drop(ORDER, content)
    logs = work_for(world, 400.0)
    refused = [log for log in logs if log["event"] == "order.refused"]
    assert [why in log["reason"] for log in refused] == [True], refused
    assert why in notice(world)
    assert {name: text(world, f"a/Talk.{name}") for name in FORMATS} == before
    assert path.read_bytes() == content

    world.drop(ORDER, SPEAKERS)
    work_for(world, 100.0)
    assert named(world)
    assert notice(world) == ""


def test_a_label_is_that_speaker_even_where_another_has_it_for_a_name(world: World) -> None:
    delivered(world)
    for names in (b'A = "B"\nB = "A"', b'A = "Anna"\nB = "Bo"'):
        world.drop(ORDER, names)
        work_for(world, 100.0)
    assert notice(world) == ""
    assert re.findall(r"^(\w+):", text(world, "a/Talk.txt"), re.MULTILINE)[0] == "Anna"


def test_a_name_that_two_speakers_have_means_neither(world: World) -> None:
    delivered(world)
    for names in (b'A = "Bo"\nB = "Bo"', b'Bo = "Anna"'):
        world.drop(ORDER, names)
        work_for(world, 100.0)
    assert "more than one speaker has the name Bo: say which by the label (A, B)" in notice(world)


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_not_a_file_is_no_order_and_stays(world: World, kind: str) -> None:
    delivered(world)
    path = world.folders["inbox"] / ORDER
    path.parent.mkdir(exist_ok=True)
    elsewhere = world.directory / "elsewhere"
    elsewhere.write_bytes(SPEAKERS)
    {"link": lambda: path.symlink_to(elsewhere), "pipe": lambda: os.mkfifo(path), "folder": path.mkdir}[kind]()
    work_for(world, 200.0)
    assert not named(world)
    assert os.path.lexists(path)
    assert (f"{ORDER}: not obeyed: " in notice(world)) == (kind != "folder")


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_a_person_put_in_the_place_of_a_file_in_the_outbox_stays_and_the_order_ends(
    world: World, kind: str
) -> None:
    delivered(world)
    path, theirs = world.folders["outbox"] / "a/Talk.srt", world.directory / "theirs"
    path.unlink()
    theirs.write_text("theirs")
    {"link": lambda: path.symlink_to(theirs), "pipe": lambda: os.mkfifo(path), "folder": path.mkdir}[kind]()
    world.drop(ORDER, SPEAKERS)
    work_for(world, 100.0)
    assert world.files("inbox") == []
    assert "Anna Berg" in text(world, "a/Talk.txt")
    assert "Talk.srt" in text(world, "a/Talk.note.txt")
    assert theirs.read_text() == "theirs"
    assert not path.is_file() or path.is_symlink()


def test_where_more_orders_lie_than_are_looked_at_people_are_told_so(world: World) -> None:
    for number in range(1003):
        world.drop(f"None {number}.speakers.toml", SPEAKERS)
    work_for(world, 100.0)
    told = "  and 983 more\nAt most 1000 are looked at: the others wait until some of these are gone.\n"
    assert told in notice(world)


@pytest.mark.parametrize("first", ["recording", "order"])
@pytest.mark.parametrize("about", ["recording", "transcript"])
@pytest.mark.parametrize(("lies", "asks"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_an_order_is_about_the_recording_whose_name_looks_the_same(
    world: World, first: str, about: str, lies: Literal["NFC", "NFD"], asks: Literal["NFC", "NFD"]
) -> None:
    lying, number = unicodedata.normalize(lies, "a/Café"), " (2)" if about == "transcript" else ""
    order = unicodedata.normalize(asks, f"a/Café{number}.speakers.toml")
    if number:
        delivered(world, f"{lying}.mp3", "before")
    if first == "recording":
        delivered(world, f"{lying}.mp3")
    world.drop(order, SPEAKERS)
    work_for(world, 100.0)
    if first == "order":
        delivered(world, f"{lying}.mp3")
    work_for(world, 100.0)
    assert named(world, lying + number)
    assert notice(world) == ""


def test_an_order_about_nothing_is_refused_until_a_recording_of_its_name_comes(world: World) -> None:
    world.drop(ORDER, SPEAKERS)
    work_for(world, 100.0)
    assert "no recording of this name was transcribed here" in notice(world)
    delivered(world)
    assert named(world)
    assert notice(world) == ""


@pytest.mark.parametrize("stem", ["Talk", "b/Talk", "a/Talk.v2", "a/Tal", "a/talk2"])
def test_an_order_in_another_folder_or_of_another_name_is_about_nothing(world: World, stem: str) -> None:
    delivered(world)
    world.drop(f"{stem}.speakers.toml", SPEAKERS)
    work_for(world, 100.0)
    assert not named(world)
    assert "no recording of this name was transcribed here" in notice(world)


def test_an_order_about_a_recording_that_failed_says_so_and_is_obeyed_after_a_retry(
    world: World, api: FakeAssemblyAI
) -> None:
    world.drop("a/Talk.mp3", b"no recording at all\n" * 40)
    world.drop(ORDER, SPEAKERS)
    work_for(world, 200.0)
    assert "a/Talk.mp3 failed, and has no transcript" in notice(world)
    assert world.files("inbox") == [ORDER]
    delivered(world)
    assert named(world, "a/Talk (2)")


def test_an_order_without_a_kept_transcript_is_refused(world: World) -> None:
    delivered(world)
    for path in (world.state / "transcripts").glob("*.json"):
        path.unlink()
    world.drop(ORDER, SPEAKERS)
    work_for(world, 100.0)
    assert "its transcript is no longer kept here" in notice(world)


@pytest.mark.parametrize("name", ["._Talk", ".Talk", "~$Talk", "Talk.sync-conflict-20261127-1"])
def test_hidden_and_temporary_files_of_such_names_are_no_orders(world: World, name: str) -> None:
    delivered(world)
    world.drop(f"a/{name}.speakers.toml", SPEAKERS)
    work_for(world, 100.0)
    assert notice(world) == ""


@pytest.mark.parametrize("name", ["a/Talk.speakers.mp3", "a/Talk.speakers.toml.mp3"])
def test_a_recording_whose_name_looks_like_an_order_is_a_recording(world: World, name: str) -> None:
    delivered(world, name)
    assert world.files("archive") == [name]


def test_an_order_that_is_still_written_is_not_obeyed(world: World) -> None:
    delivered(world)
    path = world.drop(ORDER, SPEAKERS[:10])
    with path.open("r+b") as file:
        file.seek(0, os.SEEK_END)
        work_for(world, 200.0)
        assert not named(world)
        assert f"{ORDER} (waits: a program has it open for writing)" in notice(world)
        file.write(SPEAKERS[10:])
    work_for(world, 200.0)
    assert named(world)


def test_an_empty_order_waits_for_its_content_and_is_told(world: World) -> None:
    delivered(world)
    world.drop(ORDER, b"")
    work_for(world, 200.0)
    assert f"{ORDER} (waits: it is empty)" in notice(world)
    world.drop(ORDER, SPEAKERS)
    work_for(world, 200.0)
    assert named(world)
    assert notice(world) == ""


def test_an_order_in_an_archive_that_cannot_be_written_stays_and_is_put_away_later(world: World) -> None:
    delivered(world)
    folder = world.folders["archive"] / "a"
    away = folder.rename(folder.with_name("b"))
    folder.write_bytes(b"in the way")
    world.drop(ORDER, SPEAKERS)
    logs = work_for(world, 500.0)
    assert named(world)
    assert world.files("inbox") == [ORDER]
    assert "it was obeyed, and cannot be put away: " in notice(world)
    assert [log["event"] for log in logs if log["event"].startswith("order.")] == ["order.obeyed"]
    folder.unlink()
    away.rename(folder)
    work_for(world, 400.0)
    assert world.files("inbox") == []
    assert world.files("archive") == ["a/Talk.mp3", ORDER]


# -- questions --------------------------------------------------------------------------------------------------------

QUESTION = b'translate = ["de"]\nsummary = true\nspeakers = ["Anna Berg", "Ben Frei"]\n'
ASKS = "a/Talk.understand.toml"
ALL = {
    "translation": {"target_languages": ["de"]},
    "summarization": {"summary_type": "paragraph"},
    "speaker_identification": {"speaker_type": "name", "known_values": ["Anna Berg", "Ben Frei"]},
}
ROUTE = "POST /v1/understanding"


@pytest.mark.parametrize(
    "content", [QUESTION, b'translate = "de"\nsummary = true\nspeakers = "Anna Berg, Ben Frei"'], ids=["lists", "texts"]
)
def test_a_file_with_a_question_has_it_asked_once_and_the_answer_is_in_every_format(
    world: World, api: FakeAssemblyAI, content: bytes
) -> None:
    delivered(world)
    world.drop(ASKS, content)
    assert world.run() == 0
    assert [each.request for each in api.questions] == [ALL]
    assert named(world)
    assert "Somebody counts." in text(world, "a/Talk.md")
    assert world.files("inbox") == []
    assert world.files("archive") == ["a/Talk.mp3", ASKS]


def test_the_same_question_again_is_answered_from_what_is_kept(world: World, api: FakeAssemblyAI) -> None:
    delivered(world)
    for _ in range(2):
        (world.folders["outbox"] / "a/Talk.md").unlink()
        world.drop(ASKS, QUESTION)
        world.run()
        assert "Somebody counts." in text(world, "a/Talk.md")
    assert len(api.questions) == 1


def test_where_people_at_the_share_may_not_answer_for_money_nothing_is_asked(world: World, api: FakeAssemblyAI) -> None:
    world.routes = [changed(world.route, accept_at_share=False)]
    delivered(world)
    world.drop(ASKS, QUESTION)
    world.drop(ORDER, SPEAKERS)
    work_for(world, 100.0)
    assert api.questions == []
    assert f"  {ASKS} (not obeyed: a question is paid for, and the configuration says accept_at_share = false)\n" in (
        notice(world)
    )
    assert world.files("inbox") == [ASKS]
    assert named(world), "names cost nothing"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"translation = ['de']", "translation is no question"),
        (b"summary = 'yes'", "summary is true or false"),
        (b"translate = [1]", "translate is a list of texts"),
        (b"translate = ['German, please']", "translate needs codes of languages"),
        (b"translate = [" + b"'de'," * 21 + b"]", "at most 20 of them"),
        (b"speakers = []", "speakers needs at most 50 names"),
        ("speakers = ['A\u202eB']".encode(), "speakers needs at most 50 names"),
        (b"summary = false", "asks for nothing"),
        (DEEP, "nested too deeply"),
    ],
)
def test_what_is_no_question_is_refused_and_costs_nothing(
    world: World, api: FakeAssemblyAI, content: bytes, why: str
) -> None:
    delivered(world)
    world.drop(ASKS, content)
    work_for(world, 100.0)
    assert why in notice(world)
    assert api.questions == []
    assert world.files("inbox") == [ASKS]


def test_a_question_that_was_refused_or_whose_answer_was_lost_is_told_until_a_person_asks_again(
    world: World, api: FakeAssemblyAI
) -> None:
    delivered(world)
    for fault, why in ((Fault.answer(400, "no such language"), "no such language"), (Fault.lost_answer(), "lost")):
        api.script(ROUTE, [fault])
        world.drop(ASKS, QUESTION if why == "lost" else b"translate = ['xx']")
        work_for(world, 300.0)
        assert why in notice(world)
        assert world.files("inbox") == [ASKS]
    for _ in range(2):
        work_for(world, 300.0)
    assert len(api.questions) == 1, "nobody asks again by himself"
    ask(world, "understand", "1", "--again")
    work_for(world, 300.0)
    assert world.files("inbox") == []
    assert "Anna Berg" in text(world, "a/Talk.txt")
    assert notice(world) == ""


def test_an_edited_file_stays_and_a_note_beside_it_says_so_of_an_answer_too(world: World) -> None:
    delivered(world)
    (world.folders["outbox"] / "a/Talk.txt").write_text("my own words")
    world.drop(ASKS, QUESTION)
    world.run()
    assert text(world, "a/Talk.txt") == "my own words"
    assert f"When {ASKS} was obeyed: edited by a person, and left as they are" in text(world, "a/Talk.note.txt")


def test_while_all_is_paused_a_question_waits_and_is_told(world: World, api: FakeAssemblyAI) -> None:
    delivered(world)
    drop(str(world.state), {"order": "pause"})
    world.drop(ASKS, QUESTION)
    work_for(world, 300.0)
    assert api.questions == []
    assert f"{ASKS} (waits: the question is on its way)" in notice(world)
    drop(str(world.state), {"order": "resume"})
    work_for(world, 300.0)
    assert len(api.questions) == 1
    assert world.files("inbox") == []


# -- corrected words --------------------------------------------------------------------------------------------------


@pytest.fixture
def meeting(world: World, api: FakeAssemblyAI) -> World:
    """A world in which a talk of some length was delivered."""
    results = json.loads(MEETING.read_text())
    api.results = {key: value for key, value in results.items() if key not in ("id", "status", "audio_url")}
    delivered(world)
    return world


def times(world: World, stem: str = "a/Talk") -> list[str]:
    return [line for line in text(world, f"{stem}.srt").splitlines() if "-->" in line]


def word_of(world: World) -> str:
    """A word of the transcript that is long enough to be replaced."""
    lines = text(world, "a/Talk.txt").splitlines()
    return max((word.strip(".,?") for line in lines for word in line.split() if word.isascii()), key=len)


@pytest.mark.parametrize("kind", ["txt", "md", "txt.txt", "md.TXT"])
def test_an_edited_copy_of_a_transcript_has_its_words_and_names_in_every_format(
    meeting: World, api: FakeAssemblyAI, kind: str
) -> None:
    world = meeting
    word, before, answer = word_of(world), times(world), text(world, "a/Talk.json")
    copy = text(world, f"a/Talk.{kind.partition('.')[0]}")
    name = f"a/Talk.corrected.{kind}"
    world.drop(name, copy.replace(word, "Corrigendum").replace("Speaker A", "Anna Berg").encode())
    assert world.run() == 0
    assert all("Corrigendum" in text(world, f"a/Talk.{each}") for each in ("txt", "srt", "md"))
    assert word not in text(world, "a/Talk.txt")
    assert named(world)
    assert times(world) == before
    assert text(world, "a/Talk.json") == answer
    assert world.files("inbox") == []
    assert world.files("archive") == [*sorted(["a/Talk.mp3", name])]
    assert len(api.submits) == 1


def test_searches_find_the_corrected_word_and_the_wrong_one_no_longer(meeting: World) -> None:
    world = meeting
    word = word_of(world)
    assert word in ask(world, "search", word).stdout
    world.drop("a/Talk.corrected.txt", text(world, "a/Talk.txt").replace(word, "Corrigendum").encode())
    world.run()
    assert "Corrigendum" in ask(world, "search", "corrigendum").stdout
    assert ask(world, "search", word).exit_code == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"altogether nobody uttered such sentences " * 9, "it is another text"),
        (b"\n\n", "holds no words"),
        ("Jürg".encode("latin-1"), "is not UTF-8"),
        (b"PK\x03\x04 and more", "a document of a word processor"),
        (b"a " * (9 << 20), "has more than 16384 KiB"),
        (b"a " * (1 << 20), "it is another text"),
    ],
    ids=["another", "empty", "Latin 1", "docx", "huge", "large"],
)
def test_a_text_that_cannot_be_read_back_changes_nothing_and_stays(meeting: World, content: bytes, why: str) -> None:
    world = meeting
    before = {name: text(world, f"a/Talk.{name}") for name in FORMATS}
    world.drop("a/Talk.corrected.txt", content)
    work_for(world, 200.0)
    assert why in notice(world)
    assert {name: text(world, f"a/Talk.{name}") for name in FORMATS} == before
    assert world.files("inbox") == ["a/Talk.corrected.txt"]


def test_a_name_that_is_too_long_in_a_corrected_text_is_refused(meeting: World) -> None:
    world = meeting
    copy = text(world, "a/Talk.md").replace("Speaker A", "A" * 65)
    world.drop("a/Talk.corrected.md", copy.encode())
    work_for(world, 200.0)
    assert "names of speakers have 1 to 64 printable characters each" in notice(world)


def test_a_large_corrected_text_is_carried_over_by_a_process_of_its_own_with_the_same_result(world: World) -> None:
    answer = json.dumps(spoken(3000)).encode()
    kept_at = world.directory / "kept.json"
    kept_at.write_bytes(answer)
    edited = " ".join(f"Word{n}" if n % 50 else "Corrigendum" for n in range(3000)).encode()
    alike = formats.corrected(formats.parse(answer), edited, {}, is_md=False)
    padded = edited + b"\n" * rendering.SMALL_EDIT_BYTES
    made = rendering.corrected(answer, os.fsencode(kept_at), padded, {}, is_md=False)
    assert made == (formats.as_json(alike.answer), dict(alike.speakers))
    assert b"Corrigendum" in made[0]
    with pytest.raises(ValueError, match="it is another text"):
        rendering.corrected(answer, os.fsencode(kept_at), b"other " * 60_000, {}, is_md=False)


def spoken(words: int) -> dict[str, Any]:
    said: list[dict[str, Any]] = [
        {"text": f"Word{n}", "start": n * 300, "end": n * 300 + 250, "speaker": None} for n in range(words)
    ]
    return {"text": " ".join(word["text"] for word in said), "words": said, "utterances": None}


# -- crashes ----------------------------------------------------------------------------------------------------------

#: Threads that have no part in an order.
OTHERS = frozenset({"state", "notify", *(f"{each}-talks" for each in ("after", "aging", "sweep"))})


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("then", ["archive", "keep", "delete"])
def test_a_daemon_that_dies_at_any_step_obeys_the_order_all_the_same(
    world: World, api: FakeAssemblyAI, then: str, *, after: bool
) -> None:
    world.routes = [changed(world.route, after=then)]
    delivered(world)
    world.uncounted = OTHERS
    step, died = 0, True
    while died:  # a corrected text is obeyed by the same steps
        step += 1
        name = f"Name {step}"
        world.drop(ORDER, f'A = "{name}"'.encode())
        died = world.crash(step, after=after)
        world.run(seconds=600)
        assert all(name in text(world, f"a/Talk.{each}") for each in ("txt", "srt", "md"))
        assert (ORDER in world.files("inbox")) == (then == "keep")
    assert step > 2
    assert len(world.files("archive")) == (step + 1 if then == "archive" else 0)
    assert len(api.submits) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_daemon_that_dies_at_any_step_carries_the_corrections_over_all_the_same(
    meeting: World, *, after: bool
) -> None:
    world = meeting
    world.uncounted = OTHERS
    copy, word = text(world, "a/Talk.txt"), word_of(world)
    step, died = 0, True
    while died:
        step += 1
        world.drop("a/Talk.corrected.txt", copy.replace(word, f"Corrigendum{step}").encode())
        died = world.crash(step, after=after)
        world.run(seconds=600)
        assert all(f"Corrigendum{step}" in text(world, f"a/Talk.{each}") for each in ("txt", "srt", "md"))
        assert world.files("inbox") == []
    assert step > 2
    assert len(world.files("archive")) == step + 1


def ask_again_where_in_doubt(world: World, name: str) -> None:
    """A death between the intent to ask and its POST: nobody but us knows that nothing was paid."""
    with world.journal() as journal:
        asked = [each for job in journal.all() for each in journal.questions.of(job.transcript_id or "")]
    doubtful = [each for each in asked if each.state == "doubtful"]
    if doubtful:
        assert world.files("inbox") == [name], "it stays, for people are told what became of it"
        again = [[each.id, each.sent_at] for each in doubtful]
        drop(str(world.state), {"order": "understand", "jobs": [each.job for each in doubtful], "again": again})
        world.run()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_daemon_that_dies_at_any_step_of_a_question_pays_for_it_once(
    world: World, api: FakeAssemblyAI, *, after: bool
) -> None:
    world.uncounted = OTHERS
    delivered(world)
    languages = ("de", "fr", "es", "it", "pt", "nl", "sv", "da", "fi", "pl", "cs", "el")
    step, died = 0, True
    while died:
        world.drop(ASKS, f"translate = '{languages[step]}'".encode())
        step += 1
        died = world.crash(step, after=after)
        world.run(seconds=600)
        assert len(api.questions) <= step
        ask_again_where_in_doubt(world, ASKS)
        assert world.files("inbox") == []
        assert len(api.questions) == step
    assert step > 4


@pytest.mark.parametrize("content", [SPEAKERS, QUESTION], ids=["names", "question"])
def test_a_daemon_that_dies_at_any_commit_obeys_and_pays_once(
    world: World, api: FakeAssemblyAI, content: bytes
) -> None:
    number, died = 0, True
    while died:
        number += 1
        name = f"{number}/Talk"
        world.drop(f"{name}.mp3", mp3(name))
        world.drop(f"{name}.{'understand' if content == QUESTION else 'speakers'}.toml", content)
        died = world.crash_at_commit(number)
        world.run(seconds=900)
        ask_again_where_in_doubt(world, f"{name}.understand.toml")
        assert named(world, name)
        assert world.files("inbox") == []
        assert len(api.submits) == number
        assert len(api.questions) == (number if content == QUESTION else 0)
    assert number > 5


def test_an_idle_hour_with_a_refused_order_writes_nothing_and_lists_neither_outbox_nor_archive(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered(world)
    world.drop(ORDER, b'Z = "Anna"')
    begin = world.clock.monotonic() + 1000.0
    seen: list[dict[str, tuple[int, int, int]]] = []
    listed: set[str] = set()
    is_at_it: list[bool] = []
    real = os.scandir

    def scandir(folder: Any = ".") -> Any:
        if len(seen) == 1 and not is_at_it:
            listed.add(os.readlink(f"/proc/self/fd/{folder}") if isinstance(folder, int) else os.fsdecode(folder))
        return real(folder)

    monkeypatch.setattr(os, "scandir", scandir)

    def an_hour_is_over() -> bool:
        if world.clock.monotonic() >= begin + len(seen) * 3600.0:
            is_at_it.append(True)
            seen.append(written(world.directory))
            is_at_it.clear()
        return len(seen) == 2

    world.run(an_hour_is_over, seconds=9000.0)
    assert seen[0] == seen[1]
    assert {os.path.relpath(path, world.directory).partition("/")[0] for path in listed} <= {"inbox", "state"}


def written(directory: Path) -> dict[str, tuple[int, int, int]]:
    found = {str(path): os.lstat(path) for path in [directory, *directory.rglob("*")]}
    return {path: (each.st_mtime_ns, each.st_ctime_ns, each.st_size) for path, each in found.items()}
