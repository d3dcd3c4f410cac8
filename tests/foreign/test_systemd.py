"""The files for systemd, judged by systemd's own tools, and held against the program that they start."""

import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from transcribed import config
from transcribed.cli.service import sandbox
from transcribed.places import STATE_DIRECTORY
from transcribed.worker import loop
from units import FILES, installed, needs_systemd, tool

DOCS = FILES.parent / "docs"
UNIT = FILES / "transcribed.service"
SYSUSERS = FILES / "transcribed.sysusers.conf"
TMPFILES = FILES / "transcribed.tmpfiles.conf"

#: In tenths of systemd's exposure level. The unit has 1.3 with systemd 252: what is left, a client of the network that
#: speaks to systemd cannot do without (1.1), nor one that asks the kernel who writes files of other users. The checks
#: move a little from release to release.
EXPOSURE = 13


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


@pytest.fixture
def unit(tmp_path):
    return installed(UNIT, tmp_path)


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
@pytest.mark.parametrize("there", [True, False])
def test_the_file_of_the_key_is_for_root_alone_and_there_from_the_beginning(tmp_path, there):
    owned = TMPFILES.read_text()  # by whoever runs this test: giving files away takes privileges
    owned = owned.replace(" root root", f" {os.geteuid()} {os.getegid()}")
    (tmp_path / "own.conf").write_text(owned)
    key = tmp_path / "root" / "etc" / "transcribed" / "api-key"
    if there:
        key.parent.mkdir(parents=True)
        key.write_text("a key")
        key.chmod(0o644)
    (tmp_path / "root").mkdir(exist_ok=True)
    tool("systemd-tmpfiles", "--create", f"--root={tmp_path / 'root'}", tmp_path / "own.conf")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.read_text() == ("a key" if there else "")


@needs_systemd
def test_systemd_reads_the_lines_for_the_folders_without_a_word(unit, tmp_path):
    (tmp_path / "config.toml").write_text('[[inbox]]\npath = "/home/a b/in"\noutbox = "/mnt/nas/x/out"\n')
    settled = config.load(str(tmp_path / "config.toml"), {"STATE_DIRECTORY": STATE_DIRECTORY})
    text = sandbox.drop_in("config.toml", settled, ["/mnt/nas/x/out"])
    assert "BindPaths=" in text
    unit.write_text(f"{unit.read_text()}\n{text}")
    assert tool("systemd-analyze", "verify", "--man=no", unit) == ""
    most = EXPOSURE + 1  # an empty /home counts for less than a hidden one
    tool("systemd-analyze", "security", "--offline=true", f"--threshold={most}", unit)


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


EXTRAS = tomllib.loads((FILES.parent / "pyproject.toml").read_text())["project"]["optional-dependencies"]


LOCKED = {
    "requirements.txt": ("--group", "wheel"),
    "requirements/deb.txt": ("--extra", "notify", "--extra", "metrics"),
    **{f"requirements/{extra}.txt": ("--group", "wheel", "--extra", extra) for extra in EXTRAS},
}


@pytest.mark.parametrize("file", LOCKED)
def test_the_requirements_are_those_of_the_lock(file):
    uv = Path(sys.executable).with_name("uv")
    export = (uv, "export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "--no-header", *LOCKED[file])
    done = subprocess.run(export, cwd=FILES.parent, capture_output=True, text=True, check=True, timeout=60)
    assert (FILES.parent / file).read_text() == done.stdout, "make lock writes it again"


@pytest.mark.parametrize("document", ["README.md", *sorted(f"docs/{path.name}" for path in DOCS.glob("*.md"))])
def test_no_document_installs_what_is_not_locked_by_hashes(document):
    """An older version, which had no hashes, is named in docs/service.md alone."""
    lines = re.findall(r"pip install (?:[^`\n]*)", (FILES.parent / document).read_text())
    loose = [line for line in lines if "--require-hashes" not in line and "--no-index" not in line]
    assert loose == (["pip install ."] if document == "docs/service.md" else [])


@pytest.mark.parametrize("python", ["another", "none"])
def test_a_start_by_another_python_says_so_and_is_not_repeated(tmp_path, python):
    program = tmp_path / "venv/bin/transcribed-service"
    program.parent.mkdir(parents=True)
    shutil.copy(FILES / "transcribed-service", program)
    if python == "another":  # one that finds nothing here
        (program.parent / "python3").symlink_to("/usr/bin/python3")

    done = subprocess.run([program], capture_output=True, text=True, timeout=60, check=False)

    assert words("RestartPreventExitStatus") == [str(done.returncode)]
    first, second = done.stderr.splitlines()
    assert first.startswith(f"transcribed: {tmp_path}/venv was made with another Python than this machine's (")
    assert f"python3 -m venv --clear {tmp_path}/venv" in second
