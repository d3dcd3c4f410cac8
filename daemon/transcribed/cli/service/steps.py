"""The steps that install the service on this machine and take it away, as values: files to write, commands to run.

A step is there only where it is needed. Nothing of a person's is written over or removed: the configuration, the key,
the journal and the folders stay.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from transcribed import config, errors, files, places
from transcribed.cli.service import sandbox, shipped
from transcribed.folders import mount_points, named_mount, passing_points

CONFIG, KEY = places.CONFIG, "/etc/transcribed/api-key"
UNIT = "/etc/systemd/system/transcribed.service"
DROP_INS = f"{UNIT}.d"
DROP_IN = f"{DROP_INS}/50-folders.conf"
ENABLED = "/etc/systemd/system/multi-user.target.wants/transcribed.service"
SYSUSERS, TMPFILES = "/etc/sysusers.d/transcribed.conf", "/etc/tmpfiles.d/transcribed.conf"
LINK = "/usr/local/bin/transcribed"
#: Where the README of version 0.2 put the same.
_OLDER = ("/usr/lib/sysusers.d/transcribed.conf", "/usr/lib/tmpfiles.d/transcribed.conf")
#: What dpkg(1) knows of the Debian package. That brings the unit, the user and the program's name by itself.
_PACKAGE = "/var/lib/dpkg/info/transcribed.list"
_LARGEST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Write:
    """A file to write."""

    path: str
    text: str

    def line(self) -> str:
        """The step for people."""
        return f"write {self.path}"


@dataclass(frozen=True, slots=True)
class Run:
    """A command to run."""

    command: tuple[str, ...]

    def line(self) -> str:
        """The step for people."""
        return f"run {' '.join(self.command)}"


@dataclass(frozen=True, slots=True)
class Leave:
    """Something that is not done, and why."""

    said: str

    def line(self) -> str:
        """The step for people."""
        return f"leave {self.said}"


Step = Write | Run | Leave


def settled() -> config.Config:
    """The service's configuration; the example until that is written. Raises ConfigError."""
    path = CONFIG if os.path.lexists(CONFIG) else config.example_path()
    return config.load(path, {"STATE_DIRECTORY": places.STATE_DIRECTORY})


def is_packaged() -> bool:
    """True if this program came as a Debian package."""
    return sys.prefix == shipped.PREFIX and os.path.exists(_PACKAGE)


def is_installed() -> bool:
    """True if the service's unit is there."""
    return is_packaged() or os.path.lexists(UNIT)


def of_install() -> list[Step]:
    """The steps that are needed here, in order. Raises ConfigError where the configuration cannot be used."""
    if sys.prefix.startswith(("/home/", "/root/")):
        where = f"transcribed is installed in {sys.prefix}, where the service must not look"
        raise errors.ConfigError([f"{where}: install it into /opt/transcribed, as README says"])
    found = settled()
    steps = [
        *([] if is_packaged() else _user_and_unit()),
        *([] if os.path.lexists(CONFIG) else _written(CONFIG, config.example())),
        *_written(DROP_IN, sandbox.drop_in(CONFIG, found, passing_points())),
    ]
    if any(isinstance(step, Write) and step.path in (UNIT, DROP_IN) for step in steps):
        steps.append(Run(("systemctl", "daemon-reload")))
        if os.path.lexists(ENABLED):  # the mounts that it starts with may be others now
            steps.append(Run(("systemctl", "--quiet", "reenable", "transcribed.service")))
    link = [] if is_packaged() else _link(os.path.join(sys.prefix, "bin/transcribed"))
    return [*steps, *link, *_folders(found)]


def _user_and_unit() -> Iterator[Step]:
    yield from _written(SYSUSERS, shipped.text("transcribed.sysusers.conf"), "systemd-sysusers", SYSUSERS)
    yield from _written(TMPFILES, shipped.text("transcribed.tmpfiles.conf"), "systemd-tmpfiles", "--create", TMPFILES)
    yield from _written(UNIT, shipped.text("transcribed.service"))


def _written(path: str, text: str, *then: str) -> Iterator[Step]:
    if not _holds(path, text):
        yield Write(path, text)
        if then:
            yield Run(then)


def _holds(path: str, text: str) -> bool:
    try:
        return files.read_regular(os.fsencode(path), _LARGEST_BYTES) == text.encode()
    except OSError:
        return False


def _link(program: str) -> Iterator[Step]:
    if not os.path.lexists(LINK):
        yield Run(("ln", "-s", program, LINK))
    elif os.path.realpath(LINK) != os.path.realpath(program):
        yield Leave(f"{LINK} as it is: it is not of this installation")


def _folders(found: config.Config) -> Iterator[Step]:
    """The folders that are not there yet. Below a share that is away, they would be made on the wrong disk."""
    for path in dict.fromkeys(path for each in found.inboxes for path in sandbox.folders_of(each)):
        if os.path.isdir(path):
            continue
        mount = named_mount(os.fsencode(path))
        away = [point for point in mount_points() if sandbox.is_below(path, [point]) and not os.path.ismount(point)]
        if away or not mount.is_local:
            why = f"nothing is mounted at {away[0]}" if away else f"it is on a share ({mount.share})"
            yield Leave(f"{path} to you: {why}")
        else:
            yield Run(("install", "-d", "-m", "2770", "-o", "transcribed", "-g", "transcribed", path))


def of_uninstall() -> list[Step]:
    """The steps that take the service away; `left_over` is what they leave. Raises an error where dpkg does that."""
    if is_packaged():
        raise errors.TranscribedError("it came as a Debian package, and goes as one", hint="apt remove transcribed")
    made = [UNIT, DROP_IN, SYSUSERS, TMPFILES, *_OLDER]
    there = [path for path in made if os.path.lexists(path)]
    steps: list[Step] = []
    if os.path.lexists(UNIT):
        steps.append(Run(("systemctl", "disable", "--now", "transcribed.service")))
    if os.path.realpath(LINK) == os.path.realpath(os.path.join(sys.prefix, "bin/transcribed")):
        there.append(LINK)
    if there:
        steps.append(Run(("rm", *there)))
    if os.path.isdir(DROP_INS) and set(os.listdir(DROP_INS)) <= {os.path.basename(DROP_IN)}:
        steps.append(Run(("rmdir", DROP_INS)))
    return [*steps, Run(("systemctl", "daemon-reload"))] if steps else []


def left_over() -> Iterator[tuple[str, str]]:
    """Each thing that an uninstall leaves: the command that removes it, and what is lost by it."""
    if os.path.isdir(DROP_INS) and set(os.listdir(DROP_INS)) - {os.path.basename(DROP_IN)}:
        yield f"rm -r {DROP_INS}", "your own changes of the unit"
    yield "rm -r /etc/transcribed", "the configuration and the key"
    yield f"rm -r {places.STATE_DIRECTORY}", "the journal, and every transcript that was paid for"
    yield "userdel transcribed", "the user and the group that the files in the folders belong to"
    yield f"rm -r {sys.prefix}", "this program"
