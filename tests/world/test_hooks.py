"""Commands at the end of a recording's way: real programs, in the daemon's virtual time and in a real process."""

import json
import os
from pathlib import Path

import pytest
import structlog

from programs import is_gone, program
from transcribed.job import Fingerprint, Job, State, Step
from transcribed.worker.people.hooks import environment
from waiting import wait_for
from world import changed, mp3

FACTS = ["EVENT", "JOB", "INBOX", "FILE", "PLACE", "OUTPUTS", "OUTPUTS_JSON", "TRANSCRIPT_ID", "REASON", "HINT"]


TELL = """
facts = sorted(os.environb.items())
with open(os.path.join(folder, "told"), "ab") as file:
    file.write(repr((sys.argv[1:], os.getcwd(), sys.stdin.read(), facts)).encode() + b"\\n")
"""


def told(folder: Path) -> list[tuple[list[str], dict[bytes, bytes]]]:
    lines = (folder / "told").read_text().splitlines() if (folder / "told").exists() else []
    return [(argv, dict(facts)) for argv, _, _, facts in map(eval, lines)]


def test_a_command_is_run_once_for_each_recording_and_knows_of_what(world, tmp_path, monkeypatch):
    monkeypatch.setenv("ASSEMBLYAI_API_KEY", "secret")
    world.routes[0] = changed(world.route, on_delivered=program(tmp_path, TELL))
    name = os.fsdecode(b"caf\xe9/two\nlines'\".mp3")
    world.drop(name)

    assert world.run() == 0
    assert world.run() == 0

    [(argv, facts)] = told(tmp_path)
    assert argv == ["one word", "$HOME;`reboot`"]
    ours = {key.removeprefix(b"TRANSCRIBED_").decode(): value for key, value in facts.items() if b"TRANSCRIBED_" in key}
    assert ours["FILE"] == os.fsencode(name)
    assert ours["PLACE"] == os.fsencode(world.folders["archive"] / name)
    stem = os.fsencode(world.folders["outbox"] / name.removesuffix(".mp3"))
    assert ours["OUTPUTS"] == stem + b".txt\n" + stem + b".srt"
    assert list(map(os.fsencode, json.loads(ours["OUTPUTS_JSON"]))) == [stem + b".txt", stem + b".srt"]
    assert (ours["EVENT"], ours["JOB"], ours["INBOX"]) == (b"delivered", b"1", b"talks")
    assert ours["TRANSCRIPT_ID"].decode() == world.jobs()[0].transcript_id
    assert set(ours) == set(FACTS)
    assert not [key for key in facts if b"ASSEMBLYAI" in key or b"CREDENTIALS" in key]


def test_what_failed_has_a_command_of_its_own(world, tmp_path):
    world.routes[0] = changed(world.route, on_failed=program(tmp_path, TELL))
    world.drop("noise.mp3", b"no audio")
    world.drop("Talk.mp3")

    assert world.run() == 1

    [(_, facts)] = told(tmp_path)
    assert facts[b"TRANSCRIBED_EVENT"] == b"failed"
    assert b"it is a text and no recording" in facts[b"TRANSCRIBED_REASON"]
    assert facts[b"TRANSCRIBED_OUTPUTS"] == b""
    assert facts[b"TRANSCRIBED_PLACE"] == os.fsencode(world.folders["failed"] / "noise.mp3")


def test_what_is_not_delivered_again_has_no_command(world, tmp_path):
    world.routes[0] = changed(world.route, duplicates="skip", on_delivered=program(tmp_path, TELL))
    for name in ("One.mp3", "Two.mp3"):
        world.drop(name, mp3("the same"))
        assert world.run() == 0

    assert [facts[b"TRANSCRIBED_FILE"] for _, facts in told(tmp_path)] == [b"One.mp3"]


def test_a_recording_that_is_touched_after_its_end_has_no_second_end(world, tmp_path):
    world.routes[0] = changed(world.route, after="keep", on_delivered=program(tmp_path, TELL))
    path = world.drop("Talk.mp3")
    assert world.run() == 0
    os.utime(path, ns=(0, 12345))

    assert world.run() == 0

    assert world.story(1)[-2:] == ["touched", "retired"]
    assert len(told(tmp_path)) == 1


def test_a_recording_that_fails_is_retried_and_fails_again_has_two_ends(world, api, tmp_path):
    world.routes[0] = changed(world.route, on_failed=program(tmp_path, TELL))
    world.drop("noise.mp3", b"no audio")
    assert world.run() == 1
    (world.folders["failed"] / "noise.mp3").rename(world.folders["inbox"] / "noise.mp3")

    assert world.run() == 1

    assert [facts[b"TRANSCRIBED_EVENT"] for _, facts in told(tmp_path)] == [b"failed", b"failed"]


def test_an_end_that_the_journal_does_not_take_at_once_has_its_command_once_it_does(world, tmp_path):
    world.routes[0] = changed(world.route, on_delivered=program(tmp_path, TELL))
    world.drop("Talk.mp3")
    refused = []

    def refuse_the_end() -> bool:
        """At each step: the journal takes nothing from the last one on, until it was found so."""
        blocked = world.worker.lanes.blocking(("state",)) is not None
        if blocked or any(job.in_flight is Step.RETIRE for job in world.worker.book.unfinished.values()):
            with world.worker.book.journal._engine.connect() as connection:
                connection.exec_driver_sql(f"PRAGMA query_only = {0 if blocked else 1}")
            refused.append(blocked)
        return False

    world.crash_when = refuse_the_end

    assert world.run() == 0

    assert True in refused, "the journal refused, and was told of"
    assert len(told(tmp_path)) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("sys.exit(3)", "exit status 3"),
        ("os.kill(os.getpid(), 11)", "exit status -11"),
        ("time.sleep(600)", "its time was over"),
        ("os.fork() or time.sleep(600); print('gone', flush=True); time.sleep(600)", "its time was over"),
        ("os.close(1); os.close(2); time.sleep(600)", "its time was over"),
        (None, "No such file"),
    ],
)
def test_a_command_that_fails_or_does_not_end_is_a_line_in_the_log_and_fails_nothing(world, tmp_path, text, reason):
    command = ("/nowhere/at/all",) if text is None else program(tmp_path, text)
    world.routes[0] = changed(world.route, on_delivered=command, hook_seconds=1.0)
    world.drop("Talk.mp3")

    with structlog.testing.capture_logs() as logs:
        assert world.run() == 0

    [line] = [line for line in logs if line["event"] == "hook.failed"]
    assert reason in line["reason"]
    assert world.states() == [State.DELIVERED]


def test_what_a_command_says_is_in_the_log_line_by_line_bounded_and_harmless(world, tmp_path):
    text = "print('one\\x1b[2J'); print('two', file=sys.stderr, flush=True)\nfor n in range(100000): print('flood', n)"
    world.routes[0] = changed(world.route, on_delivered=program(tmp_path, text))
    world.drop("Talk.mp3")

    with structlog.testing.capture_logs() as logs:
        assert world.run() == 0

    said = [line["line"] for line in logs if line["event"] == "hook.said"]
    assert {"one\\x1b[2J", "two"} <= set(said)
    assert len(said) == 50
    assert all(line.isprintable() for line in said)
    assert [line["job"] for line in logs if line["event"] == "hook.ended"] == [1]


def test_a_child_that_a_command_leaves_behind_holds_up_nothing_and_does_not_outlive_it(world, tmp_path):
    text = """
if os.fork() == 0:
    open(os.path.join(folder, "child"), "w").write(str(os.getpid()))
    time.sleep(600)
while not os.path.exists(os.path.join(folder, "child")) or not open(os.path.join(folder, "child")).read():
    time.sleep(0.01)
"""
    world.routes[0] = changed(world.route, on_delivered=program(tmp_path, text))
    world.drop("Talk.mp3")
    with structlog.testing.capture_logs() as logs:
        assert world.run() == 0
    assert [line["event"] for line in logs if line["event"].startswith("hook.")] == ["hook.ended"]
    child = int((tmp_path / "child").read_text())
    wait_for(lambda: is_gone(child), "the end of the child")


def test_a_child_that_a_command_leaves_talking_does_not_make_it_late(world, tmp_path):
    text = "print('said', flush=True)\nif os.fork() == 0:\n    while True: os.write(1, b'flood' * 1000)"
    world.routes[0] = changed(world.route, on_delivered=program(tmp_path, text), hook_seconds=30.0)
    world.drop("Talk.mp3")

    with structlog.testing.capture_logs() as logs:
        assert world.run() == 0

    [line] = [line for line in logs if line["event"] == "hook.ended"]
    assert line["exit_status"] == 0
    assert line["seconds"] < 20


def test_a_value_of_the_environment_holds_no_nul_and_no_half_character():
    job = Job(1, "talks", b"a", Fingerprint(1, 1), State.FAILED, 1.0, 1.0, 1.0, reason="x\0y\ud800")
    assert environment(job, {"PATH": "/bin", "SECRET": "s"})[b"TRANSCRIBED_REASON"] == b"xy?"
    assert b"SECRET" not in environment(job, {"PATH": "/bin", "SECRET": "s"})
