"""A file of an inbox is taken by one rule: a look takes just the files that the rule has nothing against."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribed import config
from transcribed.cli.untaken import why_not_taken
from transcribed.inbox import DEEPEST, Names, path_refusal
from world import recording_folder

PARTS = ["Talk", ".", "~$", "~syncthing~", "._", ".sync-conflict-", "@eaDir", "transcribed", " "]
ENDINGS = [".mp3", ".MP3", ".url", ".webloc", ".part", ".mp3.part", ".toml", ".mp3.toml", ".mp3.hold", ".ready", ""]
NAMES = st.builds(
    "".join, st.tuples(st.lists(st.sampled_from(PARTS), max_size=3).map("".join), st.sampled_from(ENDINGS))
)
RULES = st.builds(
    Names,
    extensions=st.sampled_from([(b".mp3",), (b".mp3", b".toml"), (b".wav",)]),
    ignore=st.sampled_from([(), ("Talk*",), ("a/*",)]),
    links=st.booleans(),
)

INBOX = [
    "Talk.mp3",
    "TALK.MP3",
    "Talk.url",
    "Talk.mp3.hold",
    "Talk.mp3.toml",
    "transcribed.toml",
    "notes.txt",
    ".hidden.mp3",
    "._Talk.mp3",
    "Talk.mp3.part",
    "skipped.mp3",
    "sub/Talk.mp3",
    "@eaDir/Talk.mp3",
    "sub/.trash/Talk.mp3",
    "d/" * DEEPEST + "deep.mp3",
    "d/" * (DEEPEST + 1) + "deeper.mp3",
]


@given(names=RULES, name=NAMES.filter(bool).map(os.fsencode))
def test_the_quick_answer_to_a_name_is_that_of_the_rule(names, name):
    for path in (name, b"a/" + name):
        assert names.is_taken(name, path) == (path_refusal(names, path) is None)


@pytest.mark.parametrize("hardlinks", [True, False])
@pytest.mark.parametrize("links", [True, False])
def test_a_look_takes_just_the_files_that_explain_has_nothing_against(tmp_path, links, hardlinks):
    root = os.fsencode(tmp_path / "in")
    for name in INBOX:
        os.makedirs(os.path.dirname(tmp_path / "in" / name), exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"audio")
    os.symlink("Talk.mp3", root + b"/symbolic.mp3")
    os.link(root + b"/Talk.mp3", root + b"/hard.mp3")
    os.mkfifo(root + b"/pipe.mp3")
    inbox = config.Inbox(path=str(tmp_path / "in"), outbox="/out", links=links, hardlinks=hardlinks, ignore=("skip*",))

    names = Names(ignore=("skip*",), links=links)
    taken = recording_folder(root, names=names, hardlinks=hardlinks).listing().files

    paths = [*map(os.fsencode, INBOX), b"symbolic.mp3", b"hard.mp3", b"pipe.mp3"]
    assert set(taken) == {path for path in paths if why_not_taken(inbox, path) is None}
    assert b"d/" * DEEPEST + b"deep.mp3" in taken
    assert (b"hard.mp3" in taken) == hardlinks


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: os.symlink("Talk.mp3", path), "a symbolic link (put the recording itself here)"),
        (os.mkfifo, "not a regular file (put the recording itself here)"),
        (lambda path: os.link(os.path.dirname(path) + b"/Talk.mp3", path), "a file with other names (hard links)"),
    ],
)
def test_a_look_and_explain_give_the_same_reason_for_a_file(tmp_path, make, why):
    root = os.fsencode(tmp_path)
    (tmp_path / "Talk.mp3").write_bytes(b"audio")
    make(root + b"/odd.mp3")
    inbox = config.Inbox(path=str(tmp_path), outbox="/out", hardlinks=False)
    problems = recording_folder(root, hardlinks=False).listing().problems
    reason = why_not_taken(inbox, b"odd.mp3")
    assert reason.startswith(why)
    assert f"odd.mp3: not taken: {reason}" in problems
