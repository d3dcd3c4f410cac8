"""Questions and orders to the command line, with real journals, real folders and a real status file."""

import contextlib
import fcntl
import json
import os
import queue
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import dataclass, replace

import pytest
from typer.testing import CliRunner

from abilities import without_privileges
from ends import killed
from jobs import add_job, save_job
from transcribed import config, daemon, errors, files, places
from transcribed.cli import daemon_status, explain, meant, show, terminal
from transcribed.cli.app import app, exit_status
from transcribed.cli.shares import Shares
from transcribed.job import TRANSITIONS, Fingerprint, Job, Rules, State, after, shown
from transcribed.job import events as happened
from transcribed.job.account import LOCAL
from transcribed.journal import Journal, Transcripts
from transcribed.service import Clock
from transcribed.worker import dropped
from transcribed.worker.background import Background
from transcribed.worker.book import Book
from transcribed.worker.intake.arrivals import Arrivals
from transcribed.worker.intake.sweeps import Sweeps
from transcribed.worker.lanes import FIRST_PROBE_SECONDS, Lanes
from transcribed.worker.people import status
from waiting import BOUND_SECONDS
from world import recording_folder

ID = "0a1b2c3d-0000-4000-8000-123456789abc"
ANSWER = json.dumps({"id": ID, "status": "completed", "text": "Good morning to you all."}).encode()
HOSTILE = [
    b"one\ntwo.mp3",
    b"\x1b[31mred\x1b[0m.mp3",
    b"\xff\xfe.mp3",
    b"[bold]x[/bold].mp3",
    "\u202e\x9b2J.mp3".encode(),
]


@dataclass
class Answer:
    """The output of a command, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def lines(self):
        return self.out.splitlines()


class House:
    """A configuration, its folders, and a journal that a daemon may be holding."""

    def __init__(self, root):
        self.root = str(root)
        for name in ("in", "out", "in-archive", "in-failed"):
            os.mkdir(self.path(name))
        self.state = self.path("state")
        self.config = self.path("config.toml")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f'[state]\ndirectory = "{self.state}"\n')
            file.write(f'[[inbox]]\nname = "talks"\npath = "{self.path("in")}"\noutbox = "{self.path("out")}"\n')

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def write(self, *parts, data=b"a recording"):
        path = os.path.join(os.fsencode(self.root), *map(os.fsencode, parts))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def run(self, *words, **environ):
        env = {"RUNTIME_DIRECTORY": None, "TRANSCRIBED_CONFIG": None, "NO_COLOR": None, **environ}
        result = CliRunner().invoke(app, ["--config", self.config, *map(str, words)], env=env)
        error = result.exception
        if isinstance(error, errors.TranscribedError):
            return Answer(exit_status(error), result.stdout, f"{error.message} {error.hint}")
        if error is not None and not isinstance(error, SystemExit):
            raise error
        return Answer(result.exit_code, result.stdout, result.stderr)

    def settled(self):
        return config.load(self.config, {})

    def daemon(self):
        """The journal as the daemon holds it: while it is open, a daemon is alive."""
        return closing(Journal.open(self.state))

    def orders(self):
        return [order for _, order in dropped.waiting(os.fsencode(self.path("state", "commands")))]


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def add(journal, name, *events, size=11, mtime_ns=5, inbox="talks"):
    """A job for the recording `name` to which these events have happened, each a minute after the one before."""
    at = 1_750_000_000.0
    job = Job(0, inbox, os.fsencode(name), Fingerprint(size, mtime_ns), State.RECEIVED, at, at, at)
    job = add_job(journal, job, happened.Received(size))
    for event in events:
        at += 60
        changed = after(job, event, at, Rules())
        save_job(journal, job, (changed, event), now=at)
        job = changed
    return job


UPLOADED = happened.Uploaded("https://cdn.example/upload/1", "f00d", "https://api.example", "0123456789ab")
FAILED = happened.Failed("no speech was found", "look at the recording")


def delivered(house, name, number=1):
    """The events of a recording that is delivered, with its files as the daemon would leave them."""
    stem = os.fsencode(house.path("out", os.path.splitext(name)[0]))
    place = files.output_name(os.fsencode(house.path("in-archive", os.path.splitext(name)[0])), number, b".mp3")
    house.write(place.decode())
    house.write(files.output_name(stem, number, b".txt").decode())
    return [
        UPLOADED,
        happened.Submitted(ID),
        happened.Transcribed(("the language was guessed",)),
        happened.Named(stem, number, ("txt",)),
        happened.Delivered(),
        happened.Retired(place),
    ]


class Host:
    """Nothing is watched, and nothing is said at the share."""

    def watch(self, root):
        return False

    def written(self, root):
        return {}

    def settings(self, inbox, said):
        return None


class AtOnce:
    def submit(self, work):
        work()


def daemon_says(house, journal, *, blocked=(), steps=None, sent=None, waits=None):
    """Writes the status file by the daemon's own hand, once it has looked into the inbox; returns what it says."""
    clock, mailbox, lanes = Clock(), queue.SimpleQueue(), Lanes()
    inbox = config.Inbox(name="talks", path=house.path("in"), outbox=house.path("out"), settle_seconds=60.0)
    route = daemon.route_of(inbox)
    book = Book(journal, clock, Rules())
    book.recover()
    for error in blocked:
        lanes.block(error, wall=1_750_000_000.0, now=0)
    journal.saw_inbox("talks", 1.0, accepted=True)
    background = Background(mailbox, lambda *_: AtOnce(), threading.Event())
    arrivals = Arrivals(route, book, background, clock, Host(), Sweeps(background, clock), state=b"")  # type: ignore[arg-type]  # a look asks for no more
    arrivals.look_if_due()
    arrivals.looked(mailbox.get(timeout=BOUND_SECONDS), 24.0)
    said = status.snapshot(
        "http://127.0.0.1:1",
        journal.counts(),
        lanes.all(),
        [arrivals.status()],
        book.unfinished,
        steps=steps or {},
        reason_of=lambda job: (waits or {}).get(job.id, ""),
        far_of=lambda job: status.Far((sent or {}).get(job.id)),
    )
    said = replace(said, updated_at=time.time(), pid=os.getpid())
    files.replace(os.fsencode(house.path("state", "status.json")), status.to_json(said))
    return said.plain()


def test_explain_says_which_file_at_the_share_set_what(house):
    said = {
        "origins": {"lines": "default", "formats": "a/\x1b.toml", "language_code": "Talk.mp3.toml", "de": "default"}
    }
    with house.daemon() as journal:
        job = Job(0, "talks", b"Talk.mp3", Fingerprint(1, 1), State.RECEIVED, 1.0, 1.0, 1.0, settings=json.dumps(said))
        add_job(journal, job, happened.Received(1))
    lines = house.run("explain", 1).lines
    assert [line for line in lines if line.startswith("Set by ")] == [
        "Set by default: lines, de.",
        "Set by a/\\x1b.toml: formats.",
        "Set by Talk.mp3.toml: language_code.",
    ]


# --- status


def test_status_of_a_daemon_that_never_ran_says_so(house):
    assert house.run("status").out == "The daemon has not run with this configuration.\n"
    assert json.loads(house.run("status", "--json").out) == {"alive": False, "life": "never"}


def test_status_says_what_is_blocked_what_is_in_flight_how_far_and_what_waits_until_when(house):
    house.write("in", "new.mp3")
    with house.daemon() as journal:
        add(journal, "big.mp3", size=200)
        add(journal, "slow.mp3", UPLOADED, happened.Submitted(ID))
        late = add(journal, "late.mp3")
        put_off = replace(late, due_at=time.time() + 600, reason="the share hiccuped")
        save_job(journal, late, (put_off, None), now=time.time())
        full = errors.Blocked("no balance", lane=errors.SUBMIT, hint="top it up")
        daemon_says(house, journal, blocked=[full], steps={1: "upload"}, sent={1: 50})
        answer = house.run("status")
    since = terminal.local_time(1_750_000_000)
    until = terminal.local_time(put_off.due_at)
    assert answer.lines[0].startswith(f"The daemon is running (process {os.getpid()}).")
    again = f"tried again at {terminal.local_time(1_750_000_000 + FIRST_PROBE_SECONDS)}"
    assert f"Blocked since {since}: submit: no balance -- fix: top it up -- {again}" in answer.lines
    assert "  new.mp3: not taken yet, settling" in answer.lines
    assert "Jobs: 2 received, 1 submitted" in answer.lines
    assert "Job 1, talks: big.mp3: received: upload, 25 %" in answer.lines
    assert "Job 2, talks: slow.mp3: submitted: it is being transcribed" in answer.lines
    assert f"Job 3, talks: late.mp3: received: the share hiccuped; again at {until}" in answer.lines
    assert any(re.match(r"Inbox talks \(/.*/in\): last look at 20", line) for line in answer.lines)


def test_a_reason_never_wears_the_hint_of_another_reason(house):
    away = errors.Blocked("the file server is down", lane="inbox:talks", hint="start it, or wait")
    refused = happened.Deferred("the outbox refuses the name", "set names")
    put_off = happened.Deferred("the recording cannot be moved", "let the user write")
    with house.daemon() as journal:
        for name, why in (("One.mp3", refused), ("Two.mp3", put_off), ("Three.mp3", put_off)):
            add(journal, name, why)
        waits = {1: "the file server is down", 2: "another reason"}
        rows = {row["file"]: row for row in daemon_says(house, journal, blocked=[away], waits=waits)["open"]}
        said = house.run("status").out

    assert (rows["One.mp3"]["reason"], rows["One.mp3"]["hint"]) == ("the file server is down", "start it, or wait")
    assert (rows["Two.mp3"]["reason"], rows["Two.mp3"]["hint"]) == ("another reason", "")
    assert (rows["Three.mp3"]["reason"], rows["Three.mp3"]["hint"]) == (put_off.reason, put_off.hint)
    assert "One.mp3: received: the file server is down (start it, or wait)" in said
    assert "set names" not in said


def test_a_file_that_waits_for_a_persons_word_is_explained_with_how_many_wait_and_who_can_end_it(house):
    house.write("in", "new.mp3")
    much = errors.Blocked(
        "3 recordings (300.0 hours) have come", lane="backlog:talks", hint="he who runs it accepts it"
    )
    with house.daemon() as journal:
        daemon_says(house, journal, blocked=[much])
        answer = house.run("explain", house.path("in", "new.mp3"))

    assert "it waits: 3 recordings (300.0 hours) have come. To do: he who runs it accepts it" in answer.lines[0]


@pytest.mark.parametrize("words", [["status"], ["explain", 1], ["explain", "new.mp3"]])
def test_a_status_file_of_another_version_is_an_error_that_says_so(house, words):
    house.write("in", "new.mp3")
    with house.daemon() as journal:
        add(journal, "big.mp3", size=200)
        said = {"pid": 1, "updated_at": 1.0, "open": [{"id": 1}], "inboxes": [{"name": "talks"}]}
        files.replace(os.fsencode(house.path("state", "status.json")), terminal.json_bytes(said))
        answer = house.run(*words)
    assert answer.status == 1
    assert "restart a daemon of another version" in answer.err


def test_status_as_json_is_the_status_file_and_whether_the_daemon_lives(house):
    with house.daemon() as journal:
        add(journal, "a.mp3")
        said = daemon_says(house, journal)
        assert json.loads(house.run("status", "--json").out) == {**said, "alive": True, "life": "running"}
    assert json.loads(house.run("status", "--json").out) == {**said, "alive": False, "life": "dead"}


def test_a_daemon_that_died_is_not_taken_for_alive_and_the_time_of_its_last_word_is_told(house):
    with house.daemon() as journal:
        said = daemon_says(house, journal)
    at = terminal.local_time(said["updated_at"])
    assert house.run("status").lines[0].startswith(f"The daemon is NOT running. Its last status, written at {at}")


def test_looking_whether_a_daemon_lives_keeps_none_from_starting(house):
    with house.daemon():
        pass
    with open(house.path("state", "lock"), "rb") as asked:
        fcntl.flock(asked, fcntl.LOCK_SH)  # another who asks at the same moment
        assert daemon_status.is_alive(house.state) is False
    with house.daemon():
        assert daemon_status.is_alive(house.state) is True
        assert daemon_status.is_alive(house.state) is True


def test_the_status_is_looked_for_where_a_unit_puts_it_though_a_shell_knows_nothing_of_it(house):
    settled = house.settled()
    below_var = settled.model_copy(update={"state": config.State(directory="/var/lib/transcribed")})
    assert places.status_path(below_var.state.directory, {"RUNTIME_DIRECTORY": "/run/x:/run/y"}) == "/run/x/status.json"
    assert places.status_places(below_var.state.directory, {}) == [
        "/run/transcribed/status.json",
        "/var/lib/transcribed/status.json",
    ]
    assert places.status_places(settled.state.directory, {}) == [house.path("state", "status.json")]
    os.mkdir(house.path("run"))
    with house.daemon() as journal:
        daemon_says(house, journal)
    os.rename(house.path("state", "status.json"), house.path("run", "status.json"))
    assert "not run" in house.run("status").out
    assert "NOT running" in house.run("status", RUNTIME_DIRECTORY=house.path("run")).out


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff"])
def test_a_damaged_status_file_is_an_error_that_names_it(house, content):
    house.write("state", "status.json", data=content)
    answer = house.run("status")
    assert (answer.status, answer.out) == (1, "")
    assert house.path("state", "status.json") in answer.err


# --- jobs


def test_jobs_are_listed_newest_last_one_line_each_and_by_state_where_asked(house):
    with house.daemon() as journal:
        add(journal, "a/first.mp3", FAILED)
        add(journal, "second.mp3")
        listed = house.run("jobs")
        failed = house.run("jobs", "--state", "failed")
    since = terminal.local_time(1_750_000_060)
    assert listed.lines[0].split() == ["id", "inbox", "file", "state", "since", "reason"]
    assert re.split(r"  +", listed.lines[1]) == ["1", "talks", "a/first.mp3", "failed", since, "no speech was found"]
    assert [line.split()[0] for line in listed.lines[1:]] == ["1", "2"]
    assert [line.split() for line in failed.lines[1:]] == [listed.lines[1].split()]
    assert house.run("jobs", "--state", "lost").status == 2


def test_jobs_as_json_hold_all_that_is_known_of_each(house):
    with house.daemon() as journal:
        job = add(journal, "a.mp3", *delivered(house, "a.mp3"))
    [line] = house.run("jobs", "--json").lines
    facts = json.loads(line)
    assert (facts["id"], facts["state"], facts["path"], facts["transcript_id"]) == (1, "delivered", "a.mp3", ID)
    assert facts["fingerprint"] == {"size": 11, "mtime_ns": 5, "ctime_ns": None, "inode": None}
    assert facts["place"] == house.path("in-archive", "a.mp3")
    assert facts["changed_at"] == job.changed_at
    assert set(facts) == set(Job.__dataclass_fields__)


def test_without_a_journal_there_is_an_error_and_no_journal_is_made(house):
    answers = [house.run("jobs"), house.run("explain", "1"), house.run("retry", "1"), house.run("scan")]
    assert [answer.status for answer in answers] == [78] * 4
    assert not os.path.exists(house.state)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("json_or_not", [[], ["--json"]])
def test_a_hostile_name_is_one_line_and_speaks_to_no_terminal(house, name, json_or_not):
    house.write("in", b"un" + name)
    with house.daemon() as journal:
        evil = happened.Deferred("evil \x1b[2J\nreason", "mend\x1bed\n")
        add(journal, os.fsdecode(name), evil)
        daemon_says(house, journal, waits={1: evil.reason})
        answers = [
            house.run("jobs", *json_or_not),
            house.run("status", *json_or_not),
            house.run("explain", 1, *json_or_not),
            house.run("explain", os.fsdecode(name), *json_or_not),
            house.run("explain", os.fsdecode(b"un" + name), *json_or_not),
        ]
    wanted = shown(name) if not json_or_not else json.dumps(shown(name))[1:-1]
    for answer in answers:
        assert answer.status == 0
        assert wanted in answer.out
        assert all(line.isprintable() for line in answer.out.split("\n"))
    if not json_or_not:
        assert len(answers[0].lines) == 2
        assert sum(line.startswith("Job 1") for line in answers[1].lines) == 1


def test_json_is_ascii_so_that_no_terminal_and_no_locale_can_spoil_it():
    assert terminal.json_bytes({"name": "\udcff \x9b é"}) == b'{"name": "\\udcff \\u009b \\u00e9"}\n'


def test_ten_thousand_jobs_are_listed_within_seconds(house):
    with house.daemon() as journal:
        job = add(journal, "a.mp3")
        began = time.monotonic()
        terminal.print_table(("id", "file"), lambda: [show._row(job)[:2]] * 10_000)
    assert time.monotonic() - began < 5


# --- explain


def test_every_event_that_can_happen_has_its_sentence():
    names = {event.__name__.lower() for events in TRANSITIONS.values() for event in events} | {"received"}
    assert names <= set(explain.SENTENCES)


def test_explain_says_that_this_machine_hears_a_recording_where_it_is_not_uploaded(house):
    with house.daemon() as journal:
        add(journal, "Talk.mp3", replace(UPLOADED, base_url=LOCAL))
    lines = house.run("explain", "1").lines
    assert lines[2].endswith("  It was handed to the recogniser on this machine.")


def test_explain_tells_the_whole_story_with_what_was_paid_and_where_the_files_are(house):
    with house.daemon() as journal:
        add(journal, "a/Talk.mp3", *delivered(house, "a/Talk.mp3"))
    lines = house.run("explain", "1").lines
    times = [terminal.local_time(1_750_000_000 + 60 * n) for n in range(7)]
    assert lines == [
        "Job 1: a/Talk.mp3, dropped into the inbox talks.",
        f"{times[0]}  The recording had stopped changing, and was taken (11 bytes).",
        f"{times[1]}  It was uploaded to https://api.example.",
        f"{times[2]}  It was submitted, as transcript {ID}.",
        f"{times[3]}  Its transcript was fetched and kept. Warning: the language was guessed.",
        f"{times[4]}  The names of its files were chosen: {house.path('out/a/Talk')}, number 1.",
        f"{times[5]}  All its files were in the outbox.",
        f"{times[6]}  The recording was moved to {house.path('in-archive/a/Talk.mp3')}.",
        f"It is delivered since {times[5]}.",
        f"Paid for as transcript {ID}.",
        f"Output: {house.path('out/a/Talk.txt')}",
        f"Recording: {house.path('in-archive/a/Talk.mp3')}",
    ]
    os.unlink(house.path("out/a/Talk.txt"))
    assert f"Output: {house.path('out/a/Talk.txt')} (not there any more)" in house.run("explain", "1").lines


def test_of_an_output_in_a_folder_that_may_not_be_entered_explain_does_not_say_that_it_is_gone(root):
    os.makedirs(root + b"/closed/out")
    os.chmod(root + b"/closed", 0o700)
    path = root + b"/closed/out/Talk.txt"
    asked = Shares([root])
    with without_privileges():
        assert explain._there(path, asked) == f" (this user may not enter {shown(root)}/closed to look)"
    assert explain._there(path, asked) == " (not there any more)"


REMOVED_FROM = ["explain 1", "cancel Talk.mp3", "retry Talk.mp3", "render 1", "journal backup copy.db"]


@pytest.mark.parametrize("words", REMOVED_FROM)
def test_in_a_folder_that_was_removed_a_command_says_so_in_one_sentence(house, words, tmp_path, monkeypatch):
    with house.daemon() as journal:
        add(journal, "Talk.mp3")
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    answer = house.run(*words.split())
    assert answer.status == errors.Exit.FAILED
    assert answer.err.startswith("the folder in which this command was started is gone")


def test_explain_says_that_an_archived_recording_was_written_on_since(house):
    """nas D3"""
    with house.daemon() as journal:
        add(journal, "a/Talk.mp3", *delivered(house, "a/Talk.mp3"))
    with open(house.path("in-archive/a/Talk.mp3"), "ab") as file:
        file.write(b"and more")
    since = "it was written on since: 19 bytes now, 11 transcribed"
    assert f"Recording: {house.path('in-archive/a/Talk.mp3')} ({since})" in house.run("explain", "1").lines


ODDITIES = [
    ([happened.Known(ID, 1)], f"Nothing was paid: its transcript {ID} is that of job 1."),
    ([UPLOADED, happened.Submitted(ID, adopted=True)], f"Paid for as transcript {ID}."),
    (
        [happened.Known(ID, 1), happened.Skipped(1)],
        "  It was not delivered again: the files of job 1 were still in the outbox.",
    ),
    ([happened.Cancelled("it was taken away", withdrawn=True)], "Why: it was taken away."),
    ([FAILED, happened.Retired(None, "it is gone")], "Why: no speech was found. To do: look at the recording."),
    ([happened.Failed("the link is dead.", "open it.")], "Why: the link is dead. To do: open it."),
    ([UPLOADED, happened.Unlisted()], "Nothing has been paid for it so far."),
    ([UPLOADED, happened.Lost("it expired")], "Nothing has been paid for it so far."),
    ([happened.Deferred("no answer")], "Now: no answer."),
    ([happened.Released("the daemon stopped")], "Now: waits to be uploaded."),
    ([happened.Hashed("f00d"), happened.Touched(Fingerprint(1, 2))], "Now: waits to be uploaded."),
    (
        [UPLOADED, happened.Submitted(ID), happened.Transcribed(), happened.Missing()],
        "Now: it is being transcribed.",
    ),
    ([FAILED, happened.Requeued(State.RECEIVED)], "Now: waits to be uploaded."),
    ([FAILED, happened.Requeued(State.RECEIVED, pay_again=True)], "Nothing has been paid for it so far."),
    (
        [UPLOADED, happened.Submitted(ID, adopted=True)],
        f"  Its submit was found in AssemblyAI's list, as transcript {ID}: it is not sent again.",
    ),
    ([FAILED, happened.Retired(None, "it is gone")], "  The recording was not moved: it is gone."),
    ([FAILED, happened.Requeued(State.RECEIVED)], "  It was tried again, from received."),
    (
        [FAILED, happened.Requeued(State.RECEIVED, pay_again=True)],
        "  It was tried again from the start, and what was paid was given up.",
    ),
]


@pytest.mark.parametrize(("events", "sentence"), ODDITIES)
def test_explain_has_words_for_all_that_can_happen(house, events, sentence):
    with house.daemon() as journal:
        add(journal, "a.mp3", *events)
    answer = house.run("explain", "1")
    assert answer.status == 0
    assert len(re.findall(r"^20\S+ \S+  ", answer.out, re.MULTILINE)) == len(events) + 1
    assert [line for line in answer.lines if re.sub(r"^20\S+ \S+(?=  )", "", line) == sentence]


def test_explain_says_of_a_submit_in_doubt_that_it_may_have_been_paid(house):
    with house.daemon() as journal:
        job = add(journal, "a.mp3", UPLOADED)
        save_job(journal, job, (job.attempted(1_750_000_100.0, Rules()), None), now=1_750_000_100.0)
    at = terminal.local_time(1_750_000_100)
    assert f"A submit was sent at {at}; nobody knows if AssemblyAI accepted it." in house.run("explain", "1").lines


@pytest.mark.parametrize(
    "what",
    ["1", "{}/in/a/Talk.mp3", "{}/in-archive/a/Talk.mp3", "{}/out/a/Talk.txt", "a/Talk.mp3", "a/Talk.txt", "Talk.mp3"],
)
def test_a_recording_is_found_by_number_and_by_any_of_its_files(house, what):
    with house.daemon() as journal:
        add(journal, "a/Talk.mp3", *delivered(house, "a/Talk.mp3"))
        add(journal, "Other.mp3")
    answer = house.run("explain", what.format(house.root))
    assert answer.lines[0] == "Job 1: a/Talk.mp3, dropped into the inbox talks."
    assert not [line for line in answer.lines if "outside" in line]


def test_a_recording_is_found_from_the_folder_one_stands_in_and_through_a_link_to_it(house, monkeypatch):
    with house.daemon() as journal:
        add(journal, "a/Talk.mp3", *delivered(house, "a/Talk.mp3"))
    monkeypatch.chdir(house.path("in-archive", "a"))
    assert house.run("explain", "./Talk.mp3").lines[0].startswith("Job 1:")
    os.symlink(house.path("in-archive"), house.path("link"))
    assert house.run("explain", house.path("link", "a", "Talk.mp3")).lines[0].startswith("Job 1:")


def test_the_last_job_of_a_place_is_told_and_the_earlier_ones_are_named(house):
    with house.daemon() as journal:
        add(journal, "Talk.mp3", *delivered(house, "Talk.mp3"))
        add(journal, "Talk.mp3", *delivered(house, "Talk.mp3", 2))
    answer = house.run("explain", house.path("in", "Talk.mp3"))
    assert answer.lines[0].startswith("Job 2:")
    assert answer.lines[-1] == "Earlier jobs of this file: 1"
    assert json.loads(house.run("explain", "Talk.mp3", "--json").out)["earlier"] == [1]
    assert house.run("explain", house.path("in-archive", "Talk (2).mp3")).lines[0].startswith("Job 2:")
    assert house.run("explain", house.path("out", "Talk.txt")).lines[0].startswith("Job 1:")


def test_a_name_that_several_recordings_have_is_refused_and_their_numbers_are_told(house):
    with house.daemon() as journal:
        add(journal, "a/Talk.mp3")
        add(journal, "b/Talk.mp3")
    answer = house.run("explain", "Talk.mp3")
    assert (answer.status, answer.out) == (1, "")
    assert "jobs 1, 2" in answer.err


def test_a_new_recording_where_an_earlier_one_lay_is_told_apart(house):
    with house.daemon() as journal:
        job = add(journal, "Talk.mp3", *delivered(house, "Talk.mp3"))
        house.write("in", "Talk.mp3", data=b"quite another recording")
        daemon_says(house, journal)
        lines = house.run("explain", house.path("in", "Talk.mp3")).lines
    assert lines[0].startswith(f"Job {job.id}:")
    assert lines[-1] == f"{house.path('in', 'Talk.mp3')}: it is not taken yet: it is settling"


def test_the_recording_that_still_lies_in_the_inbox_is_not_taken_for_another(house):
    status = os.stat(house.write("in", "Talk.mp3"))
    with house.daemon() as journal:
        add(journal, "Talk.mp3", size=status.st_size, mtime_ns=status.st_mtime_ns)
    answer = house.run("explain", house.path("in", "Talk.mp3"))
    assert answer.lines[-1] == f"Recording: {house.path('in', 'Talk.mp3')}"


def test_explain_says_for_what_lane_a_job_waits_and_that_nothing_moves_without_a_daemon(house):
    with house.daemon() as journal:
        add(journal, "a.mp3")
        daemon_says(house, journal, waits={1: "the account has no balance"})
        assert "Now: the account has no balance." in house.run("explain", "1").lines
    lines = house.run("explain", "1").lines
    assert "Now: waits to be uploaded." in lines
    assert "No daemon is running: nothing happens until one is started." in lines


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("in/talk.wav", "it is not taken: not a recording by its name (it does not end in .mp3)"),
        ("in/@eaDir/talk.mp3", "it is not taken: Synology's index (@eaDir)"),
        ("in/.talk.mp3", "it is not taken: hidden (its name begins with a dot)"),
        ("in/sub/talk.MP3", "it is not taken yet: it is settling"),
        ("out/talk.txt", "no job wrote this file"),
        ("talk.mp3", "it is outside every inbox, so it is not looked at"),
    ],
)
def test_of_a_file_that_is_no_job_explain_says_why(house, name, why):
    path = house.path(name)
    house.write(name)
    with house.daemon() as journal:
        daemon_says(house, journal)
        answer = house.run("explain", path)
        assert (answer.status, answer.lines) == (0, [f"{path}: {why}"])
        told = json.loads(house.run("explain", path, "--json").out)
        assert (told["job"], told["file"]) == (None, [f"{path}: {why}"])


def test_of_an_order_that_is_refused_explain_says_why(house):
    house.write("in", "Talk.speakers.toml")
    with house.daemon() as journal:
        said = daemon_says(house, journal)
        said["inboxes"][0]["unsettled"] = [{"file": "Talk.speakers.toml", "why": "not obeyed: nobody is called so"}]
        files.replace(os.fsencode(house.path("state", "status.json")), json.dumps(said).encode())
        assert house.run("explain", "Talk.speakers.toml").out.endswith("; not obeyed: nobody is called so\n")


def test_of_a_link_in_an_inbox_explain_says_that_it_is_no_file_and_without_a_daemon_that_one_must_be_started(house):
    house.write("in", "talk.mp3")
    os.symlink("talk.mp3", house.path("in", "link.mp3"))
    os.symlink(house.path("out"), house.path("in", "folder"))
    with house.daemon():
        pass
    assert "it is not taken: a symbolic link" in house.run("explain", "link.mp3").out
    assert "it is not taken: a symbolic link to a folder" in house.run("explain", house.path("in", "folder")).out
    assert "it will be taken once a daemon is started" in house.run("explain", "talk.mp3").out


def test_of_a_file_in_a_folder_that_may_not_be_entered_explain_does_not_say_that_nothing_is_known(root):
    os.makedirs(root + b"/in/closed")
    os.chmod(root + b"/in/closed", 0o700)
    closed = os.fsdecode(root + b"/in/closed")
    inbox = config.Inbox(name="talks", path=os.fsdecode(root + b"/in"), outbox=os.fsdecode(root + b"/out"))
    settled = config.Config(inbox=(inbox,))
    shares = meant.shares_of(settled, [f"{closed}/Talk.mp3"])
    with without_privileges():
        (path,) = meant.files_meant(settled, f"{closed}/Talk.mp3", [], shares)
        said = explain._of_file(settled, None, path, shares)
        assert meant.files_meant(settled, f"{closed}/../open/Talk.mp3", [], shares) == []
    assert said.endswith(f"this user may not enter {closed} to look")


@pytest.mark.parametrize("what", ["7", "9" * 40, "nothing.mp3", "/no/such.mp3", "\u0661"])
def test_of_what_nobody_knows_explain_says_so_and_fails(house, what):
    with house.daemon() as journal:
        add(journal, "a.mp3")
    answer = house.run("explain", what)
    assert (answer.status, answer.out) == (1, "")
    assert "nothing is known of" in answer.err


# --- orders


def test_an_order_is_left_for_the_daemon_and_whether_one_lives_is_told(house):
    with house.daemon() as journal:
        add(journal, "a.mp3", FAILED)
        add(journal, "b.mp3", UPLOADED)
        alive = [house.run("retry", 1), house.run("cancel", 2), house.run("scan")]
    dead = [house.run("retry", "--failed"), house.run("retry", 1, 1, "--pay-again")]
    assert [answer.status for answer in alive + dead] == [0] * 5
    assert {answer.err for answer in alive} == {"sent: the daemon is running and will act on it\n"}
    assert {answer.err for answer in dead} == {"sent: no daemon is running, so the order waits until one starts\n"}
    assert {answer.out for answer in alive + dead} == {""}
    assert house.orders() == [
        {"order": "retry", "jobs": [1], "failed": False, "pay_again": False},
        {"order": "cancel", "jobs": [2]},
        {"order": "scan"},
        {"order": "retry", "jobs": [], "failed": True, "pay_again": False},
        {"order": "retry", "jobs": [1], "failed": False, "pay_again": True},
    ]


def test_the_help_of_an_order_shows_no_range_of_numbers_and_a_number_that_no_job_has_is_refused(house):
    with house.daemon() as journal:
        add(journal, "a.mp3")
    for order in ("retry", "cancel"):
        assert "922337" not in house.run(order, "--help").out
        assert [house.run(order, number).status for number in ("0", str(2**63), "x", "1.5")] == [1] * 4
    assert house.orders() == []


@pytest.mark.parametrize(
    ("words", "status", "why"),
    [
        (["retry", 1], 1, "job 1 is submitted, and only failed or cancelled jobs can be retried"),
        (["retry", 3, 99, 2], 1, "there is no job 99; job 2 is delivered"),
        (["cancel", 1], 1, "job 1 was submitted and may have been paid"),
        (["cancel", 2], 1, "job 2 is delivered: there is nothing left to cancel"),
        (["cancel", 4], 1, "job 4 was submitted and may have been paid"),
        (["cancel", 99], 1, "there is no job 99"),
        (["retry"], 2, "name the jobs by their numbers"),
        (["retry", 3, "--failed"], 2, "name the jobs by their numbers"),
        (["retry", "--failed", "--pay-again"], 2, "--pay-again costs money"),
        (["retry", "9" * 40], 1, "no job is about 999"),
        (["retry", "9" * 20], 1, "there is no job 999"),
        (["cancel", 0], 1, "there is no job 0"),
        (["retry", "nothing.mp3", 3], 1, "no job is about nothing.mp3 (`transcribed jobs` lists them all)"),
        (["understand", 1, "--summary"], 1, "job 1 is submitted: only what was delivered can be asked about"),
        (["pause", "nothing"], 2, "there is no inbox nothing in the configuration: it has talks"),
        (["cancel", "a.mp3"], 1, "job 1 was submitted and may have been paid"),
    ],
)
def test_an_order_that_cannot_be_carried_out_is_refused_whole_with_its_reason(house, words, status, why):
    with house.daemon() as journal:
        add(journal, "a.mp3", UPLOADED, happened.Submitted(ID))
        add(journal, "b.mp3", *delivered(house, "b.mp3"))
        add(journal, "c.mp3", FAILED)
        doubtful = add(journal, "d.mp3", UPLOADED)
        save_job(journal, doubtful, (doubtful.attempted(1_750_000_100.0, Rules()), None), now=1_750_000_100.0)
    answer = house.run(*words)
    assert answer.status == status
    assert why in re.sub(r"[\s│]+", " ", answer.err)
    assert house.orders() == []


def test_retry_and_cancel_take_names_and_mean_the_last_job_that_they_can_be_about(house):
    with house.daemon() as journal:
        add(journal, "a.mp3", FAILED)
        add(journal, "a.mp3", UPLOADED, mtime_ns=6)
        add(journal, "b.mp3", FAILED)
    assert house.run("retry", "a.mp3", house.path("in", "b.mp3"), 3).status == 0
    assert house.run("cancel", "a.mp3").status == 0
    assert [order["jobs"] for order in house.orders()] == [[1, 3], [2]]


def ended(command, tmp_path):
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TRANSCRIBED_CONFIG": str(tmp_path / "none.toml")}
    line = f"exec {shlex.join([sys.executable, '-m', 'transcribed'])} {command}"
    return subprocess.run(line, shell=True, env=environ, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("command", "status", "why"),
    [
        ("config example >/dev/full", 1, "transcribed: the output cannot be written: No space left on device\n"),
        ("health >/dev/full", 1, "transcribed: the output cannot be written: No space left on device\n"),
        ("config example >&-", 0, ""),
        ("config example >&- 2>&- <&-", 0, ""),
    ],
)
def test_an_output_that_is_closed_or_full_is_no_traceback(house, tmp_path, command, status, why):
    done = ended(command, tmp_path)
    assert (done.returncode, done.stderr) == (status, why)


def test_an_interrupt_in_the_first_moments_ends_without_a_word(tmp_path):
    code = """
import os, signal, sys
def look(event, arguments):
    if event == "import" and arguments[0] == "transcribed.cli.app":
        os.kill(os.getpid(), signal.SIGINT)
sys.addaudithook(look)
sys.argv = ["transcribed", "check"]
from transcribed.cli import main
main()
"""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_watching_the_status_shows_it_until_an_interrupt(house):
    with house.daemon() as journal:
        add(journal, "a.mp3")
        daemon_says(house, journal)
        ours, theirs = os.openpty()
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm", "COLUMNS": "200"}
        command = [sys.executable, "-m", "transcribed", "--config", house.config, "status", "--watch"]
        with killed(subprocess.Popen(command, env=environ, stdout=theirs, stderr=theirs)) as process:
            os.close(theirs)
            seen = b""
            while b"The daemon is running" not in seen:
                seen += os.read(ours, 65536)
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(OSError):
                while more := os.read(ours, 65536):
                    seen += more
            status = process.wait(60)
        os.close(ours)
    assert status == 130
    assert b"Traceback" not in seen
    assert not house.run("status", "--watch").out.startswith("\x1b")  # no animation off a terminal


def test_retrying_all_that_failed_where_nothing_failed_orders_nothing(house):
    with house.daemon() as journal:
        add(journal, "a.mp3")
    answer = house.run("retry", "--failed")
    assert (answer.status, answer.err) == (0, "no job has failed: there is nothing to retry\n")
    assert house.orders() == []


# --- render


@pytest.fixture
def rendered(house):
    """Job 1 is delivered as txt and its transcript kept; job 2 has no transcript."""
    with house.daemon() as journal:
        add(journal, "a/Talk.mp3", *delivered(house, "a/Talk.mp3"))
        add(journal, "b.mp3")
    Transcripts(house.state).keep(ID, ANSWER, {})
    return house


def read(path):
    with open(path, "rb") as file:
        return file.read()


def test_one_job_in_one_format_is_rendered_to_stdout_and_no_file_is_written(rendered):
    before = sorted(os.walk(rendered.path("out")))
    assert "Good morning to you all." in rendered.run("render", 1).out
    assert json.loads(rendered.run("render", 1, "--format", "json").out) == json.loads(ANSWER)
    assert sorted(os.walk(rendered.path("out"))) == before


def test_what_is_rendered_again_looks_as_its_inbox_has_it_now(rendered):
    words = [{"text": text, "start": 500 * n, "end": 500 * n + 400} for n, text in enumerate(("Good", "morning"))]
    answer = {"status": "completed", "utterances": [{"speaker": "A", "words": words, "text": "Good morning"}]}
    Transcripts(rendered.state).keep(ID, json.dumps(answer).encode(), {})
    assert rendered.run("render", 1).out.startswith("Speaker A: ")
    with open(rendered.config, "a", encoding="utf-8") as file:
        file.write('\n[defaults]\nspeakers = { A = "Aoife" }\n')
    assert rendered.run("render", 1).out.startswith("Aoife: ")


def test_more_formats_are_written_beside_the_outputs_and_nothing_there_is_replaced(rendered):
    answer = rendered.run("render", 1, "--format", "md", "--format", "json")
    assert answer.lines == [rendered.path("out/a/Talk.md"), rendered.path("out/a/Talk.json")]
    assert read(rendered.path("out/a/Talk.json")) == ANSWER
    again = rendered.run("render", 1, "--format", "md", "--format", "json")
    assert again.status == 0
    taken = rendered.run("render", 1, "--format", "txt", "--format", "json")
    assert taken.status == 1
    assert f"{rendered.path('out/a/Talk.txt')} exists already with other content" in taken.err
    assert read(rendered.path("out/a/Talk.txt")) == b"a recording"


def test_a_rendering_can_be_put_into_a_folder_of_ones_own(rendered):
    answer = rendered.run("render", 1, "--format", "txt", "--output", rendered.path("mine"))
    assert answer.lines == [rendered.path("mine", "Talk.txt")]
    assert b"Good morning to you all." in read(rendered.path("mine", "Talk.txt"))


@pytest.mark.parametrize(
    ("words", "status", "why"),
    [
        ([99], 1, "there is no job 99"),
        ([2], 1, "job 2 has no transcript: it is received"),
        ([1, 2, "--output", "{}/mine"], 1, "job 2 has no transcript"),
        ([1, "--format", "doc"], 2, "there is no format 'doc'"),
    ],
)
def test_what_cannot_be_rendered_is_refused_before_anything_is_written(rendered, words, status, why):
    answer = rendered.run("render", *(str(word).format(rendered.root) for word in words))
    assert (answer.status, answer.out) == (status, "")
    assert why in re.sub(r"[\s│]+", " ", answer.err)
    assert not os.path.exists(rendered.path("mine"))


@pytest.mark.parametrize(("kept", "why"), [(None, "is not in"), (b"not json", "cannot be read")])
def test_a_kept_transcript_that_vanished_or_is_damaged_is_an_error_that_says_so(rendered, kept, why):
    path = os.fsdecode(Transcripts(rendered.state).path(ID))
    os.unlink(path)
    if kept is not None:
        rendered.write(path, data=kept)
    answer = rendered.run("render", 1)
    assert (answer.status, answer.out) == (1, "")
    assert why in answer.err


def test_rendering_for_a_group_that_this_machine_lacks_is_refused_in_a_sentence(rendered):
    with open(rendered.config, "a", encoding="utf-8") as file:
        file.write('\n[defaults]\ngroup = "no-such-group"\n')
    answer = rendered.run("render", 1, "--format", "md", "--format", "json")
    assert (answer.status, answer.out) == (78, "")
    assert "there is no group no-such-group here" in answer.err


# --- config


def test_the_example_is_printed_as_it_is_and_what_is_in_force_loads_again_to_the_same(house):
    assert house.run("config", "example").out == config.example()
    with open(house.path("again.toml"), "w", encoding="utf-8") as file:
        file.write(house.run("config", "show").out)
    assert config.load(house.path("again.toml"), {}) == house.settled()
    assert json.loads(house.run("config", "schema").out) == config.schema()


def test_a_configuration_alone_is_checked_without_a_key_and_without_a_word(house):
    environ = dict.fromkeys(("ASSEMBLYAI_API_KEY", "ASSEMBLYAI_API_KEY_FILE", "CREDENTIALS_DIRECTORY"))
    assert house.run("config", "check", **environ) == Answer(0, "", "")


@pytest.mark.parametrize("words", [["service", "install"], ["service", "uninstall"], ["service", "check"]])
def test_the_service_is_left_to_systemd_where_it_does_not_run(house, words, monkeypatch):
    monkeypatch.setattr("transcribed.cli.service.commands.SYSTEMD", house.path("nowhere"))
    answer = house.run(*words)
    assert (answer.status, answer.out) == (78, "")
    assert "systemd does not run here: `transcribed run`" in answer.err


@pytest.mark.parametrize("words", [["explain", 1], ["accept"], ["config", "show"], ["config", "check"], ["check"]])
def test_a_configuration_with_a_mistake_is_refused_by_each_command_that_acts_on_it(house, words):
    house.write("config.toml", data=b"[api]\nuploads = 0\n")
    answer = house.run(*words)
    assert (answer.status, answer.out) == (78, "")
    assert "api.uploads: should be at least 1, not 0" in answer.err


def test_the_inbox_is_only_looked_at_and_never_written_to_by_a_question(house):
    house.write("in", "a.mp3")
    before = recording_folder(os.fsencode(house.path("in")), lane="").listing()
    with house.daemon() as journal:
        add(journal, "a.mp3")
    for words in (["status"], ["jobs"], ["explain", 1], ["explain", "a.mp3"]):
        house.run(*words)
    assert recording_folder(os.fsencode(house.path("in")), lane="").listing() == before
