"""A table of faults that an administrator makes: `transcribed check` finds each, and names what fixes it."""

import os
import sqlite3
from contextlib import closing

import pytest
from typer.testing import CliRunner

from fake_assemblyai import KEY, Fault
from house import House
from transcribed.cli.app import app
from transcribed.errors import ConfigError
from transcribed.journal import VERSION, Journal

ENVIRON = {"ASSEMBLYAI_API_KEY": KEY, "ASSEMBLYAI_API_KEY_FILE": None, "CREDENTIALS_DIRECTORY": None}


@pytest.fixture
def house(tmp_path, api):
    return House(tmp_path, api.base_url)


def told(house, environ):
    """The exit status, and all that was said."""
    done = CliRunner().invoke(app, ["--config", house.config, "check"], env=ENVIRON | environ)
    if isinstance(done.exception, ConfigError):
        return 78, "\n".join([*done.exception.problems, done.exception.hint]).replace(house.root, "")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout.replace(house.root, "")


# --- what is planted: each returns what it changes of the environment


def without(name):
    return lambda house: os.rmdir(f"{house.root}/{name}")


def a_file_in_place_of(name):
    def plant(house):
        os.rmdir(f"{house.root}/{name}")
        put(f"{house.root}/{name}", "")

    return plant


def inbox(more="", path="in", outbox="out"):
    return lambda house: house.write(house.inbox(path, outbox, more))


def api_key(text):
    return lambda _house: {"ASSEMBLYAI_API_KEY": text}


def written(text):
    return lambda house: put(house.config, text.replace("ROOT", house.root))


def put(path, text, mode=0o600):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def key_file(mode, there=True):
    def plant(house):
        if there:
            put(f"{house.root}/key", KEY, mode)
        house.write(house.inbox("in", "out"), f'key_file = "{house.root}/key"\n')

    return plant


def an_empty_credential(house):
    put(f"{house.root}/assemblyai-api-key", "\n")
    put(f"{house.root}/config.toml", f'[[inbox]]\npath = "{house.root}/in"\noutbox = "{house.root}/out"\n')
    return {"CREDENTIALS_DIRECTORY": house.root, "ASSEMBLYAI_API_KEY": None}


def no_key(house):
    put(house.config, f'[[inbox]]\npath = "{house.root}/in"\noutbox = "{house.root}/out"\n')
    return {"ASSEMBLYAI_API_KEY": None}


def two_inboxes(second, more=""):
    def plant(house):
        house.folders("two", "two-archive", "two-failed")
        house.write(house.inbox("in", "out") + house.inbox(second, "out", more))

    return plant


def a_link_as_the_inbox(house):
    os.rmdir(f"{house.root}/in")
    os.symlink("out", f"{house.root}/in")


def addresses(text, mode=0o600):
    def plant(house):
        if text is not None:
            put(f"{house.root}/urls", text, mode)
        house.write(f'[notify]\nurls_file = "{house.root}/urls"\n' + house.inbox("in", "out"))

    return plant


def a_newer_journal(house):
    Journal.open(f"{house.root}/state").close()
    with closing(sqlite3.connect(f"{house.root}/state/journal.db")) as journal, journal:
        journal.execute(f"PRAGMA user_version = {VERSION + 1}")
    journal.close()


def a_damaged_journal(house):
    put(f"{house.root}/state/journal.db", "This was a journal once. " * 400)


def nothing_listens(house):
    house.base_url = "http://127.0.0.1:9"
    house.write(house.inbox("in", "out"))


def a_folder_above_open_to_all(house):
    os.chmod(house.root, 0o777)


def a_film(house):
    put(f"{house.root}/in/Talk.mp4", "film")


def closed_to_the_group(house):
    os.chmod(f"{house.root}/in", 0o2775)
    os.chmod(f"{house.root}/in-failed", 0o2755)


#: The fault, its exit status (0: only a remark), a part of what is said, a part of the fix.
FAULTS = {
    "the inbox is not there": (without("in"), 69, "reading the inbox /in: No such file", "its share is mounted"),
    "the outbox is a file": (a_file_in_place_of("out"), 69, "/out is not a folder", "give the path of a folder"),
    "the outbox has nowhere to be": (inbox(outbox="deep/er/out"), 69, "/deep/er", "see that the folder is there"),
    "the inbox is a link to the outbox": (a_link_as_the_inbox, 78, "are the same folder", "config.example.toml"),
    "the archive is in the inbox": (
        *(lambda house: inbox(f'archive = "{house.root}/in/archive"\n')(house), 78),
        *("is inside", "config.example.toml"),
    ),
    "a path is not whole": (
        written('[[inbox]]\npath = "in"\noutbox = "/out"\n'),
        78,
        ".path: should be an absolute path",
        "beginning with /",
    ),
    "a path has no quotes": (written("[[inbox]]\npath = /srv/in\n"), 78, "line 2", "quotes"),
    "a key is misspelt": (inbox("setle_seconds = 5\n"), 78, "setle_seconds", "settle_seconds"),
    "a format is misspelt": (inbox('formats = ["txtt"]\n'), 78, "txtt", "txt"),
    "our key stands in the table of parameters": (
        *(inbox("[inbox.transcript]\nsettle_seconds = 5\n"), 78),
        *("is a key of transcribed, not of AssemblyAI", "above its header"),
    ),
    "a number is a word": (inbox('settle_seconds = "soon"\n'), 78, "settle_seconds", "number"),
    "two inboxes have one name": (
        two_inboxes("two", 'name = "in"\n'),
        78,
        "has this name too",
        "give each its own name",
    ),
    "two inboxes have one folder": (two_inboxes("in", 'name = "b"\n'), 78, "are the same folder", "/in"),
    "the group is not there": (inbox('group = "nobody-here"\n'), 78, "no group nobody-here", "getent group"),
    "a hook is not there": (inbox('on_failed = ["/nowhere"]\n'), 69, "not a program that can be run", "complete path"),
    "there is no key": (no_key, 78, "no API key", "api.key_file"),
    "the service's file of the key is empty": (
        *(an_empty_credential, 78),
        *("the service's credential is empty", "then `systemctl restart transcribed`"),
    ),
    "the key is refused": (api_key("another-key"), 77, "refuses the key", "then restart the daemon"),
    "the key has quotes": (api_key(f'"{KEY}"'), 78, "the key alone", "without quotes"),
    "the key has its name before it": (api_key(f"ASSEMBLYAI_API_KEY={KEY}"), 78, "the key alone", "without a name"),
    "others can read the key": (key_file(0o644), 78, "others can read the API key", "chmod 600"),
    "the file of the key is not there": (key_file(0o600, there=False), 78, "No such file", "write it, or name another"),
    "the API is down": (nothing_listens, 69, "Connection refused", "127.0.0.1"),
    "nobody is told: the file of addresses is not there": (addresses(None), 78, "urls", "write it, or name another"),
    "nobody is told: there is no address": (addresses("# none\n"), 78, "no address in it", "write one a line"),
    "nobody is told: an address is none": (addresses("carrier pigeon\n"), 78, "urls: line 1", ""),
    "the journal is of a newer version": (a_newer_journal, 78, "newer", "install"),
    "the journal is damaged": (a_damaged_journal, 78, "is damaged", "put a backup in its place"),
    "others may rename above the folders": (a_folder_above_open_to_all, 0, "others may rename in", "chmod +t"),
    "a film is not taken": (a_film, 0, "is sound or film: .mp4", 'extensions = [".mp3", ".mp4"]'),
    "an analysis is paid for and not shown": (
        *(inbox("[inbox.transcript]\nauto_chapters = true\n"), 0),
        *("auto_chapters", "add one of these to formats"),
    ),
    "people cannot drag a failed recording back": (closed_to_the_group, 0, "cannot drag", 'dir_mode = "2775"'),
    "the archive is on another device": (inbox('archive = "/proc/archive"\n'), 69, "another device", "copying"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found_with_what_fixes_it(house, fault):
    plant, status, said, fix = FAULTS[fault]
    environ = plant(house) or {}

    found, text = told(house, environ)

    lines = [line for line in text.splitlines() if said in line]
    assert lines, text
    assert fix in text.partition(said)[0][-400:] + text.partition(said)[2], text
    assert found == status, text
    assert KEY not in text


def test_an_api_that_answers_with_an_error_is_named_with_what_it_said(house, api):
    api.script("GET /v2/transcript", [Fault.answer(503, "down")])
    status, text = told(house, {})
    assert (status, "problem: API: " in text) == (69, True)
