"""The duties of the process to its host, seen from there: standard error, journald's socket, the manager's.

Logging belongs to the whole process, so each of these processes is one of its own.
"""

import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

import transcribed
from ends import killed
from transcribed import job
from transcribed.service import MESSAGE_IDS, Notifier

KEY = "a-key-that-nobody-may-see-0123456789"
HOSTILE = "<0>Talk\n<3>forged event=job.failed\r\x1b[2J\x85\u2028\u202e\udcff.mp3"

LARGE_PIECES = """
import os, sys
from transcribed import service

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

if sys.argv[1] == "back":
    service.give_memory_back()
del (large := [bytearray(16 << 20)])[:]
before = resident()
large = [bytearray(3 << 20) for _ in range(10)]
last = bytearray(500_000)  # lies behind them
del large
print(resident() - before)
"""

PREAMBLE = """
import logging, os, sys
import structlog
from transcribed import service

def journald_is_at(address):
    logging.getLogger().handlers[0]._address = address

def fail():
    key = os.environ["KEY"]
    raise ValueError(os.environ["WHY"])

log = structlog.get_logger()
name = os.fsdecode(sys.argv[2].encode("utf-8", "surrogateescape"))
service.log_to_stderr(sys.argv[1], os.environ)
"""


def environment(**variables):
    plain = {key: value for key, value in os.environ.items() if key not in ("JOURNAL_STREAM", "NO_COLOR")}
    return {**plain, "PYTHONPATH": os.pathsep.join(sys.path), "KEY": KEY, "WHY": HOSTILE, **variables}


def said(log_format, code, **variables):
    """The standard error of a process that runs `code`."""
    command = [sys.executable, "-W", "error", "-c", PREAMBLE + code, log_format, HOSTILE]
    done = subprocess.run(command, env=environment(**variables), stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stderr.decode()


@pytest.fixture
def journald(tmp_path):
    """A real socket in the place of journald's."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "journal"))
        receiver.settimeout(30)
        yield receiver


def records(receiver, count):
    """The records that journald would make of so many datagrams."""
    return [native(receiver.recv(1 << 20)) for _ in range(count)]


def native(datagram):
    """A datagram of systemd's native journal protocol, read as its document says."""
    fields = {}
    while datagram:
        head, _, datagram = datagram.partition(b"\n")
        if b"=" in head:
            key, _, value = head.partition(b"=")
        else:
            (length,) = struct.unpack_from("<Q", datagram)
            key, value, datagram = head, datagram[8 : 8 + length], datagram[8 + length :]
            assert datagram[:1] == b"\n"
            datagram = datagram[1:]
        fields[key.decode()] = value.decode()
    return fields


# -- log lines --------------------------------------------------------------------------------------------------------

THREE_EVENTS = """
journald_is_at("/nowhere/at/all")
log.info("job.received", job=1, file=name, inboxes=[name], why=ValueError(name))
log.warning(name)
logging.getLogger("a.library").warning("it says %s", name)
"""


@pytest.mark.parametrize("log_format", ["console", "json", "journal", "auto"])
def test_one_event_is_one_printable_line_whatever_a_name_holds(log_format):
    lines = said(log_format, THREE_EVENTS).split("\n")

    assert lines.pop() == ""
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)
    assert not any(line.startswith("<") and log_format == "json" for line in lines)


def test_a_json_line_is_one_object_with_its_time_level_and_facts():
    (line,) = said("json", 'log.info("job.received", job=1, file="Talk.mp3", paid=None, again=True)').splitlines()
    read = json.loads(line)

    assert read.pop("timestamp").endswith("Z")
    assert read == {"event": "job.received", "job": 1, "file": "Talk.mp3", "level": "info", "paid": None, "again": True}


def test_a_console_line_has_its_time_level_event_and_facts_and_off_a_terminal_no_colour():
    (line,) = said("console", 'log.error("lane.blocked", lane="api", hint="top up")').splitlines()

    assert all(word in line for word in ("Z [error", "lane.blocked", "lane=api", "hint=", "top up"))
    assert "\x1b" not in line


FAILING = """
journald_is_at("/nowhere/at/all")
try:
    fail()
except ValueError:
    log.exception("step.crashed", job=1)
"""


@pytest.mark.parametrize("log_format", ["console", "json", "journal"])
def test_a_traceback_never_shows_the_values_of_variables_and_cannot_forge_a_line(log_format):
    text = said(log_format, FAILING)
    first, *others = text.rstrip("\n").split("\n")

    assert "step.crashed" in first
    assert "ValueError" in text
    assert "fail" in text
    assert KEY not in text
    assert all(line.isprintable() for line in [first, *others])
    assert all(line.startswith("    ") for line in others)
    assert (others == []) == (log_format == "json")


def test_what_libraries_say_below_a_warning_or_say_better_elsewhere_is_left_out():
    code = """
logging.getLogger("urllib3.connectionpool").warning("Retrying after connection broken")
logging.getLogger("backoff").error("Giving up")
logging.getLogger("a.library").debug("details")
logging.getLogger("a.library").warning("this one")
"""
    (line,) = said("json", code).splitlines()

    assert json.loads(line)["event"] == "this one"


def test_a_line_is_of_bounded_length_however_much_a_stranger_sends():
    code = 'service.log_to_stderr("json", os.environ)\nlog.info("one", reason="w" * 10**6, jobs=["j" * 10**5] * 10**4)'
    (line,) = said("json", code).splitlines()

    assert json.loads(line)["reason"].endswith("… (1,000,000 characters)")
    assert len(line) < 250_000


def test_configured_twice_a_line_is_still_written_once():
    assert len(said("json", 'service.log_to_stderr("json", os.environ)\nlog.info("one")').splitlines()) == 1


# -- which format -----------------------------------------------------------------------------------------------------

CHOSEN = """
stream = "{0.st_dev}:{0.st_ino}".format(os.fstat(2))
for environ in ({}, {"JOURNAL_STREAM": stream}, {"JOURNAL_STREAM": "8:1"}):
    service.log_to_stderr("auto", environ)
    handler = logging.getLogger().handlers[0]
    print(type(handler).__name__, file=sys.stderr)
"""


def test_the_journal_is_spoken_to_only_where_standard_error_is_journalds():
    assert said("auto", CHOSEN).split() == ["Handler", "JournalHandler", "Handler"]


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_on_a_terminal_lines_are_for_people_and_coloured_unless_they_object(variables, coloured):
    ours, theirs = os.openpty()
    command = [sys.executable, "-c", PREAMBLE + 'log.info("job.received", file=name)', "auto", HOSTILE]
    with killed(subprocess.Popen(command, env=environment(**variables, TERM="xterm"), stderr=theirs)) as process:
        os.close(theirs)
        shown = os.read(ours, 65536)
        while not shown.endswith(b"\n"):
            shown += os.read(ours, 65536)
        process.wait(60)
    os.close(ours)

    assert (b"\x1b[" in shown) is coloured
    assert b"\x1b[2J" not in shown
    assert shown.count(b"\n") == 1


# -- journald ---------------------------------------------------------------------------------------------------------


def test_each_line_is_a_record_of_journald_with_its_priority_and_no_time_of_its_own(journald):
    code = f"""
journald_is_at({journald.getsockname()!r})
log.info("job.received", job=1, file=name, again=True)
log.warning("job.deferred", reason="the line is down")
log.error("lane.blocked", lane="api")
logging.getLogger("a.library").critical("it says this")
"""
    assert said("journal", code) == ""
    one, *others = records(journald, 4)

    assert one["PRIORITY"] == "6"
    assert one["SYSLOG_IDENTIFIER"] == "transcribed"
    assert one["MESSAGE"].startswith('event=job.received job=1 file="<0>Talk\\\\x0a<3>forged')
    assert one["MESSAGE"].endswith("again=true")
    assert "\n" not in one["MESSAGE"]
    assert [(record["PRIORITY"], record["MESSAGE"]) for record in others] == [
        ("4", 'event=job.deferred reason="the line is down"'),
        ("3", "event=lane.blocked lane=api"),
        ("2", 'event="it says this"'),
    ]


def test_a_record_has_fields_of_its_own_that_a_name_cannot_forge_and_can_be_found_by_what_happened(journald):
    code = f"""
journald_is_at({journald.getsockname()!r})
log.info("job.delivered", job=7, inbox="talks", file=name)
log.error("lane.blocked", lane="api")
log.info("job.touched", job=7)
logging.getLogger("a.library").critical("EVENT=forged")
"""
    said("journal", code)
    one, lane, touched, stray = records(journald, 4)

    assert (one["EVENT"], one["JOB"], one["INBOX"]) == ("job.delivered", "7", "talks")
    assert one["FILE"].startswith("<0>Talk\\x0a<3>forged event=job.failed")
    assert one["MESSAGE_ID"] == MESSAGE_IDS["job.delivered"]
    assert (lane["LANE"], lane["MESSAGE_ID"]) == ("api", MESSAGE_IDS["lane.blocked"])
    assert "MESSAGE_ID" not in touched
    assert "EVENT" not in stray


def test_each_event_with_a_number_has_one_of_its_own_and_is_one_that_we_log():
    source = "".join(path.read_text() for path in Path(transcribed.__file__).parent.rglob("*.py"))
    events = {f"job.{name.lower()}" for name in vars(job.events)}
    page = (Path(__file__).parents[2] / "docs" / "health.md").read_text()
    assert all(f"| {name} | {number} |" in page for name, number in MESSAGE_IDS.items())
    assert len(set(MESSAGE_IDS.values())) == len(MESSAGE_IDS) == 10
    assert all(re.fullmatch("[0-9a-f]{32}", number) for number in MESSAGE_IDS.values())
    assert [name for name in MESSAGE_IDS if source.count(f'"{name}"') < 2 and name not in events] == []


def test_a_level_leaves_out_what_is_below_it_and_debug_adds_the_requests():
    code = """
for level in ("info", "warning", "debug"):
    service.set_level(level)
    log.debug("one"); log.info("two"); log.warning("three")
    logging.getLogger("urllib3.connectionpool").debug("GET /v2/transcript")
    logging.getLogger("a.library").info("stray")
service.toggle_debug("error")
service.toggle_debug("error")
log.error("four")
"""
    events = [json.loads(line)["event"] for line in said("json", code).splitlines()]
    of_debug = ["one", "two", "three", "GET /v2/transcript"]
    assert events == ["two", "three", "three", *of_debug, "log.level", "four"]


def test_a_traceback_is_one_record_of_many_lines(journald):
    said("journal", FAILING.replace("/nowhere/at/all", journald.getsockname()))
    (record,) = records(journald, 1)

    assert record["PRIORITY"] == "3"
    assert record["MESSAGE"].startswith("event=step.crashed job=1\n    Traceback (most recent call last):\n")
    assert KEY not in record["MESSAGE"]
    assert all(line.isprintable() for line in record["MESSAGE"].split("\n"))


def test_what_journald_does_not_take_is_written_to_standard_error(journald):
    address = journald.getsockname()
    many = 'log.error("lane.blocked", **{f"x{n}": "x" * 2000 for n in range(3000)})'  # each value is bounded
    code = f"journald_is_at({address!r})\n{many}"

    assert len(said("journal", code)) > 4_000_000  # more than a datagram holds
    assert said("journal", 'journald_is_at("/nowhere")\nlog.info("one")') == "event=one\n"


# -- the service manager ----------------------------------------------------------------------------------------------


@dataclass
class Manager:
    """A real socket in the place of the service manager's."""

    address: str
    receiver: socket.socket

    def heard(self):
        """The next datagram, by lines."""
        return self.receiver.recv(65536).decode().split("\n")

    def heard_nothing(self):
        """True if no datagram waits: one is there as soon as it is sent."""
        return not select.select([self.receiver], [], [], 0)[0]


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    """The service manager, at a path or in the abstract name space."""
    path = str(tmp_path / "notify")
    address = path if request.param == "path" else f"@transcribed-{os.getpid()}{path}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(address.replace("@", "\0"))
        receiver.settimeout(30)
        yield Manager(address, receiver)


def test_the_service_manager_hears_word_for_word_what_it_is_told(manager):
    notifier = Notifier({"NOTIFY_SOCKET": manager.address})
    notifier.notify(READY="1")
    notifier.notify(STATUS="3 in progress", STOPPING="1")

    assert manager.heard() == ["READY=1"]
    assert manager.heard() == ["STATUS=3 in progress", "STOPPING=1"]


def test_a_status_cannot_say_more_than_a_status(manager):
    Notifier({"NOTIFY_SOCKET": manager.address}).notify(STATUS=f"blocked: {HOSTILE}\nSTOPPING=1")

    (line,) = manager.heard()
    assert line.startswith("STATUS=blocked: <0>Talk\\x0a")


def test_word_of_a_reload_carries_the_monotonic_time_that_the_manager_asks_for(manager):
    before = time.monotonic_ns() // 1000
    Notifier({"NOTIFY_SOCKET": manager.address}).notify(RELOADING="1")
    reloading, at = manager.heard()

    assert reloading == "RELOADING=1"
    assert before <= int(at.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000


@pytest.mark.parametrize("variables", [{}, {"WATCHDOG_USEC": ""}, {"WATCHDOG_USEC": "0"}])
def test_no_ping_is_sent_where_there_is_no_watchdog(manager, variables):
    Notifier({"NOTIFY_SOCKET": manager.address, **variables}).notify(WATCHDOG="1")

    assert manager.heard_nothing()


def test_a_ping_is_sent_at_once_and_then_not_again_within_a_quarter_of_the_watchdogs_time(manager):
    hours = int(1e6) * 3600 * 24 * 365  # longer than any machine that runs this is up
    notifier = Notifier({"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": str(hours)})
    for _ in range(5):
        notifier.notify(WATCHDOG="1")

    assert manager.heard() == ["WATCHDOG=1"]
    assert manager.heard_nothing()


def test_a_ping_is_sent_again_after_a_quarter_of_the_watchdogs_time(manager):
    seconds = 0.2
    notifier = Notifier({"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": str(int(seconds * 1e6))})
    notifier.notify(WATCHDOG="1")
    began = time.monotonic()
    assert manager.heard() == ["WATCHDOG=1"]

    while manager.heard_nothing():
        notifier.notify(WATCHDOG="1")
        assert time.monotonic() - began < 30
    assert time.monotonic() - began > seconds / 8


def test_a_start_that_goes_on_asks_for_two_more_minutes_each_time(manager):
    notifier = Notifier({"NOTIFY_SOCKET": manager.address})
    notifier.ask_for_time()
    notifier.ask_for_time()

    assert [manager.heard(), manager.heard()] == [["EXTEND_TIMEOUT_USEC=120000000", "WATCHDOG=1"]] * 2


def test_a_pause_between_pings_holds_nothing_else_back(manager):
    notifier = Notifier({"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "1000000000"})
    notifier.notify(WATCHDOG="1")
    notifier.notify(STATUS="alive")

    assert [manager.heard(), manager.heard()] == [["WATCHDOG=1"], ["STATUS=alive"]]


@pytest.mark.parametrize("variables", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_without_a_service_manager_nothing_is_said_and_nothing_fails(variables):
    notifier = Notifier({"WATCHDOG_USEC": "1000000", **variables})

    notifier.notify(READY="1")
    notifier.notify(WATCHDOG="1")


@pytest.mark.parametrize(("asked", "is_given_back"), [("back", True), ("as ever", False)])
def test_large_pieces_of_memory_go_back_to_the_system_once_that_was_asked_for(asked, is_given_back):
    command = [sys.executable, "-c", LARGE_PIECES, asked]
    kept = int(subprocess.run(command, check=True, timeout=60, capture_output=True).stdout)
    assert (kept < 10_000_000) is is_given_back


def test_a_hidden_process_lets_nobody_of_its_user_read_its_environment():
    ask = "import ctypes\nservice.hide()\nprint(ctypes.CDLL(None).prctl(3), file=sys.stderr)"
    assert said("json", ask) == "0\n"  # PR_GET_DUMPABLE: /proc/PID/environ is root's then, proc(5)
