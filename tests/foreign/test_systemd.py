"""The files for systemd, judged by systemd's own tools, and held against the program that they start."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from transcribed.worker import loop

FILES = Path(__file__).parents[2] / "systemd"
UNIT = FILES / "transcribed.service"
SYSUSERS = FILES / "transcribed.sysusers.conf"
TMPFILES = FILES / "transcribed.tmpfiles.conf"

#: In tenths of systemd's exposure level. The unit has 1.3 with systemd 252: what is left, a client of the network that
#: speaks to systemd cannot do without (1.1), nor one that asks the kernel who writes files of other users. The checks
#: move a little from release to release.
EXPOSURE = 14

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


def settings():
    """The settings of the unit, each with its values, in order."""
    said = {}
    for line in UNIT.read_text().splitlines():
        if line and not line.startswith(("#", "[")):
            name, _, value = line.partition("=")
            said.setdefault(name, []).append(value)
    return said


def words(name):
    return " ".join(settings()[name]).split()


def tool(*command):
    """The output of one of systemd's tools. Fails if the tool refuses."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def unit(tmp_path):
    """The unit with a program that is there: systemd looks for it."""
    installed = tmp_path / UNIT.name
    (program,) = settings()["ExecStart"]
    installed.write_text(UNIT.read_text().replace(program.split()[0], sys.executable))
    return installed


@needs_systemd
def test_systemd_reads_the_unit_without_a_word(unit):
    assert tool("systemd-analyze", "verify", "--man=no", unit) == ""


@needs_systemd
def test_the_service_is_exposed_no_more_than_a_network_client_must_be(unit):
    tool("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", unit)


@needs_systemd
def test_the_service_has_a_user_and_a_group_that_nobody_can_log_in_to(tmp_path):
    (tmp_path / "etc").mkdir()
    tool("systemd-sysusers", f"--root={tmp_path}", SYSUSERS)
    name, _, number, group, *_, home, shell = (tmp_path / "etc" / "passwd").read_text().strip().split(":")
    groups = dict(line.split(":")[0:3:2] for line in (tmp_path / "etc" / "group").read_text().splitlines())
    assert [name] == settings()["User"] == settings()["Group"]
    assert 0 < int(number) < 1000
    assert groups[name] == group
    assert home == f"/var/lib/{settings()['StateDirectory'][0]}"
    assert shell.endswith("/nologin")


@needs_systemd
def test_the_folders_are_for_the_group_and_the_key_is_for_root_alone(tmp_path):
    owned = TMPFILES.read_text()
    for owner in (":transcribed", ":root", "root"):  # by whoever runs this test: giving files away takes privileges
        owned = owned.replace(f" {owner} ", f" {os.geteuid()} ").replace(f" {owner}\n", f" {os.getegid()}\n")
    (tmp_path / "own.conf").write_text(owned)
    key = tmp_path / "root" / "etc" / "transcribed" / "api-key"
    key.parent.mkdir(parents=True)
    key.write_text("a key")
    key.chmod(0o644)
    mine = tmp_path / "root" / "srv" / "audio" / "outbox"
    mine.mkdir(parents=True)
    mine.chmod(0o777)
    tool("systemd-tmpfiles", "--create", f"--root={tmp_path / 'root'}", tmp_path / "own.conf")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    modes = {folder.name: oct(stat.S_IMODE(folder.stat().st_mode)) for folder in mine.parent.iterdir()}
    assert modes == {"inbox": "0o2770", "archive": "0o2770", "failed": "0o2770", "outbox": "0o777"}, "outbox was there"


def test_every_folder_that_is_made_can_be_renamed_into_from_the_others():
    (writable,) = words("ReadWritePaths")  # two of them would be two mounts
    made = [line.split()[1] for line in TMPFILES.read_text().splitlines() if line.startswith("d /srv")]
    assert writable.startswith("-"), "a share may be absent"
    assert len(made) == 5
    assert all(f"{path}/".startswith(f"{writable[1:]}/") for path in made)


def test_nothing_that_the_service_can_write_can_be_run():
    writable = {*words("ReadWritePaths"), f"-/var/lib/{settings()['StateDirectory'][0]}"}
    assert writable < set(words("NoExecPaths"))
    assert settings()["ExecStart"][0].startswith(words("ExecPaths")[-1].removeprefix("-") + "/")


def test_a_configuration_that_cannot_be_used_is_not_tried_again(tmp_path):
    (tmp_path / "config.toml").write_text("a mistake\n")
    command = [sys.executable, "-m", "transcribed", "--config", tmp_path / "config.toml", "run"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert words("RestartPreventExitStatus") == [str(done.returncode)], done.stderr


def test_a_stop_waits_for_longer_than_the_daemon_takes():
    assert float(settings()["TimeoutStopSec"][0].removesuffix("s")) > loop.GRACE_SECONDS


def test_the_key_reaches_the_service_as_a_credential_and_by_no_other_way():
    (credential,) = settings()["LoadCredential"]
    assert credential.startswith("assemblyai-api-key:/")
    assert not {"Environment", "EnvironmentFile", "PassEnvironment"} & settings().keys()


def test_the_service_may_ask_who_writes_files_of_other_users_and_nothing_else_that_root_may():
    assert settings()["CapabilityBoundingSet"] == settings()["AmbientCapabilities"] == ["CAP_LEASE"]
    assert settings()["PrivateUsers"] == ["no"], "in a user namespace of its own the capability is void"
    assert settings()["NoNewPrivileges"] == ["yes"]


def test_a_file_name_cannot_forge_a_priority_in_the_journal():
    assert settings()["SyslogLevelPrefix"] == ["no"]
