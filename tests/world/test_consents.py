"""What concerns only the share can be ended there, by a file that the notice names, and by that file alone."""

import os
import re
import shutil

import pytest

from fake_assemblyai import FakeAssemblyAI
from transcribed import files
from transcribed.folders import ANCHOR, OWNER, anchor_text
from world import Crash, World, changed, link, work_for

pytestmark = pytest.mark.route(formats=("txt",))

WAIT_SECONDS = 100.0  # a notice comes after a minute


@pytest.fixture
def asking(world: World) -> World:
    """A world whose inbox asked, for a while, before anything in it is paid for."""
    world.plan_options["accept_backlog_hours"] = 0.0
    world.drop("One.mp3")
    world.drop("Two.mp3")
    work_for(world, WAIT_SECONDS)
    return world


def notice(world: World) -> str:
    return (world.folders["outbox"] / "_transcribed.txt").read_text()


def named(world: World) -> str:
    """The name of the file that the notice asks for."""
    found = re.search(r"accept-\S+\.txt", notice(world))
    assert found is not None, notice(world)
    return found[0]


def blocked(world: World) -> list[str]:
    return [row["lane"] for row in world.published[-1]["blocked"]]


@pytest.mark.parametrize("ending", ["", ".txt"], ids=["as named", "as Windows names it"])
def test_an_empty_file_of_the_name_in_the_notice_lets_the_backlog_be_paid_for_and_goes(asking, api, ending) -> None:
    name = named(asking) + ending
    assert name.startswith("accept-2-recordings-0.1-hours.txt")
    assert f'or put a file named {named(asking)} into the inbox "talks" itself, empty or as a copy' in notice(asking)

    asking.drop(name.upper() if ending else name, b"")
    work_for(asking, 300.0)

    assert len(api.paid()) == 2
    assert asking.files("inbox") == []
    assert asking.files("outbox") == ["One.txt", "Two.txt"]
    assert blocked(asking) == []


def test_a_copy_of_the_notice_does_as_well_as_an_empty_file(asking, api) -> None:
    asking.drop(named(asking), (asking.folders["outbox"] / "_transcribed.txt").read_bytes())

    assert asking.run() == 0

    assert len(api.paid()) == 2
    assert asking.files("inbox") == []


def test_of_very_many_the_newest_are_read(asking, api) -> None:
    for number in range(10, 35):  # by their names before the one that counts
        asking.drop(f"accept-1{number}-recordings-1.0-hours.txt", b"of another day")
    asking.drop(named(asking), b"")

    work_for(asking, 300.0)

    assert len(api.paid()) == 2


def test_what_came_after_it_was_named_is_not_accepted_and_the_notice_says_why(asking, api) -> None:
    name = named(asking)
    asking.drop("Three.mp3")
    asking.drop(name, b"")

    work_for(asking, WAIT_SECONDS)

    assert api.paid() == {}
    assert f'{name} in the inbox "talks" is not obeyed: more lies there now: 3 recordings' in notice(asking)
    assert asking.files("inbox") == ["One.mp3", "Three.mp3", "Two.mp3", name]
    assert named(asking).startswith("accept-3-recordings-")
    asking.drop(named(asking), b"")
    assert asking.run() == 0
    assert len(api.paid()) == 3
    assert asking.files("inbox") == []  # the older one is not needed any more


@pytest.mark.parametrize("where", ["", "a/"], ids=["other content", "in a sub-folder"])
def test_a_file_with_other_content_or_in_another_place_is_nothing_and_stays(asking, api, where) -> None:
    name = named(asking)
    asking.drop(where + name, b"" if where else b"words of somebody")

    work_for(asking, WAIT_SECONDS)

    assert api.paid() == {}
    assert where + name in asking.files("inbox")
    told = f'{name} in the inbox "talks" is not obeyed: it holds a text of somebody else' in notice(asking)
    assert told == (not where)


def test_where_the_configuration_says_no_the_notice_names_no_file_and_none_is_obeyed(asking, api) -> None:
    name = named(asking)
    asking.routes = [changed(asking.route, accept_at_share=False)]
    asking.drop(name, b"")

    work_for(asking, WAIT_SECONDS)

    assert api.paid() == {}
    assert "put a file named" not in notice(asking)
    assert f'{name} in the inbox "talks" is not obeyed: the configuration says accept_at_share = false' in notice(
        asking
    )


def test_a_file_that_a_crash_left_is_removed_and_accepts_nothing_that_comes_later(asking, api) -> None:
    name = named(asking)
    asking.drop(name, b"")
    asking.crash_when = lambda: asking.worker.inboxes["talks"].acceptance.given
    with pytest.raises(Crash):
        asking.run()
    asking.crash_when = lambda: False
    assert name in asking.files("inbox")

    assert asking.run() == 0

    assert asking.files("inbox") == []
    assert len(api.paid()) == 2


def test_one_that_stays_or_is_put_back_answers_no_later_question_until_it_is_made_anew(asking, api) -> None:
    name = "accept-900-recordings-900.0-hours.txt"
    stays = asking.directory / "stays"
    os.link(asking.drop(name, b""), stays)
    work_for(asking, 300.0)
    assert len(api.paid()) == 2
    for number in range(150):  # an hour each
        api.put_elsewhere(address := f"https://media.example.org/{number}.mp3")
        asking.drop(f"{number}.url", link(address))
    work_for(asking, WAIT_SECONDS)
    os.link(stays, asking.folders["inbox"] / name)

    work_for(asking, WAIT_SECONDS)

    assert len(api.submits) == 2
    refused = f'{name} in the inbox "talks" is not obeyed'
    assert f"{refused}: this file was the answer to an earlier question" in notice(asking)
    asking.drop(name, b"")
    work_for(asking, 300.0)
    assert len(api.submits) == 152


# -- an inbox that was made again -------------------------------------------------------------------------------------


def made_anew(world: World, anchor: bytes = b"", owner: bytes = b"") -> None:
    """The inbox is another folder now, as if somebody at the share had removed it and made it again."""
    inbox = world.folders["inbox"]
    with files.opened_root(os.fsencode(inbox)):  # while that is open, nothing else gets its inode
        shutil.rmtree(inbox)
        inbox.mkdir()
    for name, text in ((ANCHOR, anchor), (OWNER, owner)):
        if text:
            (inbox / os.fsdecode(name)).write_bytes(text)
    world.drop("Talk.mp3")


def test_an_inbox_that_was_made_anew_is_taken_by_a_file_in_it(world: World, api: FakeAssemblyAI) -> None:
    work_for(world, WAIT_SECONDS)
    made_anew(world)
    work_for(world, WAIT_SECONDS)
    assert api.paid() == {}

    world.drop(named(world), b"")
    work_for(world, 600.0)

    assert len(api.paid()) == 1
    assert world.files("inbox") == []
    assert blocked(world) == []
    assert not blocked(world)
    world.drop("Later.mp3")
    assert world.run() == 0  # and it is remembered


@pytest.mark.parametrize("typed", ["accept-folder-{}.txt.txt", "ACCEPT-FOLDER-{}.TXT", "accept-folder-{}"])
def test_the_consent_to_a_folder_made_anew_may_be_typed_as_that_to_a_backlog(world: World, api, typed: str) -> None:
    work_for(world, WAIT_SECONDS)
    made_anew(world)
    world.drop(typed.format(world.folders["inbox"].stat().st_ino), b"")

    work_for(world, 600.0)

    assert len(api.paid()) == 1
    assert world.files("inbox") == []


def test_the_consent_to_a_folder_that_holds_words_of_somebody_is_none_and_the_notice_says_so(world: World, api) -> None:
    work_for(world, WAIT_SECONDS)
    made_anew(world)
    name = f"accept-folder-{world.folders['inbox'].stat().st_ino}.txt"
    world.drop(name, b"yes, please")

    work_for(world, WAIT_SECONDS)

    assert api.paid() == {}
    assert f"{name} is not obeyed: it holds a text of somebody else" in notice(world)


def test_the_consent_to_another_folder_is_none_and_the_notice_says_so(world: World, api: FakeAssemblyAI) -> None:
    work_for(world, WAIT_SECONDS)
    made_anew(world)
    work_for(world, WAIT_SECONDS)
    name = named(world)
    stale = name.replace("folder-", "folder-9")
    world.drop(stale, b"")
    work_for(world, WAIT_SECONDS)
    assert api.paid() == {}

    world.drop(name, b"")
    work_for(world, 600.0)

    assert len(api.paid()) == 1
    assert world.files("inbox") == [stale]
    assert f'{stale} in the inbox "talks" is not obeyed: it names another folder' in notice(world)


@pytest.mark.parametrize("left", ["anchor", "owner", "forbidden", "link"])
def test_a_folder_that_may_be_somebody_elses_is_not_taken_by_a_file_in_it(world: World, api, left: str) -> None:
    work_for(world, WAIT_SECONDS)
    if left == "forbidden":
        world.routes = [changed(world.route, accept_at_share=False)]
    if left == "link":
        shutil.move(world.folders["inbox"], world.directory / "before")
        (world.directory / "elsewhere").mkdir()
        world.folders["inbox"].symlink_to(world.directory / "elsewhere")
        world.drop("Talk.mp3")
    else:
        text = anchor_text("b" * 32)
        made_anew(world, anchor=text if left == "anchor" else b"", owner=b"somebody's" if left == "owner" else b"")
    inode = world.folders["inbox"].stat().st_ino
    world.drop(f"accept-folder-{inode}.txt", b"")

    work_for(world, 600.0)

    assert api.paid() == {}
    assert blocked(world) == ["inbox:talks"]
    assert "accept-folder" not in notice(world)
    assert "transcribed accept --folders talks" in notice(world)
