"""What a step has: the machine, the API, the checkout in the machine, and ways to wait for what the service does."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from booted.image import CHECKOUT
from booted.machine import Machine, Said
from booted.readme import commands
from fake_assemblyai import FakeAssemblyAI
from waiting import wait_for
from world import mp3

SOURCE = "/root/transcribed"
CONFIG = "etc/transcribed/config.toml"
AUDIO = "srv/audio"
BOUND_SECONDS = 150.0


class Scene:
    """The machine with the product's source, before anything is installed."""

    EDITOR = "/root/editor"

    def __init__(self, machine: Machine, api: FakeAssemblyAI) -> None:
        self.machine, self.api = machine, api
        self.made: dict[str, str] = {}  # what was dropped, by its SHA-256
        copied(CHECKOUT, machine.root / SOURCE[1:])

    # Commands.

    def run(self, command: str, *, folder: str = SOURCE, given: str = "") -> Said:
        """Run it in the source; raises AssertionError where it fails."""
        said = self.machine.run(command, folder=folder, given=given, environ={"EDITOR": self.EDITOR})
        log = self.journal(20) if "systemctl" in command and said.status else ""
        assert said.status == 0, f"`{command}`: exit {said.status}: {said.text[-1500:]} {log}"
        return said

    def follow(
        self,
        document: str,
        heading: str,
        asked: Mapping[str, str] | None = None,
        *,
        folder: str = SOURCE,
        without: tuple[str, ...] = (),
        instead: Mapping[str, str] | None = None,
        before: Callable[[str], object] = lambda _command: None,
    ) -> list[tuple[str, str]]:
        """Run the commands of a document's section, word for word; each with what it said.

        `asked`: what a person types, by a part of the command that asks for it; `instead`: another command, by a part
        of the printed one. `document` may lie in the machine.
        """
        at = self.machine.root / document[1:] if document.startswith("/") else CHECKOUT / document
        said = []
        for printed in commands(at, heading):
            if any(part in printed for part in without):
                continue
            before(printed)
            given = _first(asked, printed) or ""
            command = _first(instead, printed) or printed
            said.append((command, self.run(command, given=given, folder=folder).text))
        return said

    def editor(self, change: str) -> None:
        """From now on $EDITOR is a program that makes this change of sed's."""
        path = self.machine.root / self.EDITOR[1:]
        path.write_text(f"#!/bin/sh\nexec sed -i '{change}' \"$@\"\n")
        path.chmod(0o755)

    def older(self, commit: str) -> str:
        """The source of this commit in the machine; its folder."""
        folder = f"/root/older-{commit.strip('^')}"
        if not (self.machine.root / folder[1:]).exists():
            copied(CHECKOUT, self.machine.root / folder[1:], commit)
        return folder

    def bare(self) -> None:
        """Take everything away, the folders of the recordings too, also of a version that cannot uninstall itself."""
        self.machine.run("transcribed service uninstall || systemctl disable --now transcribed")
        places = ("/etc/sysusers.d", "/etc/tmpfiles.d", "/usr/lib/sysusers.d", "/usr/lib/tmpfiles.d")
        files = " ".join(f"{place}/transcribed.conf" for place in places)
        self.machine.run(f"rm -rf /etc/systemd/system/transcribed.service* /usr/local/bin/transcribed {files}")
        self.machine.run("rm -r /etc/transcribed /var/lib/transcribed /opt/transcribed /srv/audio; userdel transcribed")
        self.machine.run("rm -f /var/backups/transcribed*; systemctl daemon-reload; systemctl reset-failed")

    def show(self, *names: str) -> str:
        """These properties of the unit, as systemd has them now."""
        return " ".join(self.machine.run(f"systemctl show transcribed -p {','.join(names)}").text.split("\n")).strip()

    def journal(self, lines: int = 400) -> str:
        """The last lines that the journal has of the unit."""
        return self.machine.run(f"journalctl -u transcribed -o cat --no-pager -n {lines}").text

    # Recordings.

    def drop(self, name: str, frames: int = 40, inbox: str = f"{AUDIO}/inbox") -> bytes:
        """A recording that no other is, dropped by somebody of the group."""
        data = mp3(name, frames)
        self.made[hashlib.sha256(data).hexdigest()] = name
        path = self.machine.root / inbox / name
        path.write_bytes(data)
        path.chmod(0o664)
        return data

    def delivered(self, name: str, inbox: str = f"{AUDIO}/inbox") -> str:
        """Wait until its transcript is there and the recording is put away; the transcript. It was paid once."""
        stem = name.removesuffix(".mp3")
        there = (self.machine.root / inbox).parent / "outbox" / f"{stem}.txt"
        away = self.machine.root / f"{inbox}-archive" / name
        try:
            wait_for(lambda: there.exists() and away.exists(), f"{name} is delivered", BOUND_SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.show('StatusText')}; {self.journal(15)}") from None
        self.paid_once()
        return there.read_text()

    def paid_once(self) -> None:
        """Nothing was paid for twice."""
        twice = [self.made.get(sha, sha) for sha, count in self.api.paid().items() if count > 1]
        assert not twice, f"paid twice: {twice}"

    # The service.

    def active(self) -> None:
        """Wait until it runs."""
        self.machine.until("systemctl is-active transcribed; true", "active\n", "the service is active")
        wait_for(lambda: self.show("ActiveState") == "ActiveState=active", "the service is active", BOUND_SECONDS)

    def failed(self) -> None:
        """Wait until it has given up."""
        wait_for(lambda: self.show("ActiveState") == "ActiveState=failed", "the service has failed", BOUND_SECONDS)

    def status(self) -> dict[str, Any]:
        """The daemon's status."""
        with suppress(ValueError):
            return dict(json.loads(self.machine.run("cat /run/transcribed/status.json").text))
        return {}

    def configure(self, *changes: tuple[str, str]) -> None:
        """Put one text in another's place in the configuration, each of which must be there once."""
        path = self.machine.root / CONFIG
        text = path.read_text()
        for old, new in changes:
            assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
            text = text.replace(old, new)
        path.write_text(text)


def _first(by_part: Mapping[str, str] | None, command: str) -> str | None:
    return next((text for part, text in (by_part or {}).items() if part in command), None)


def copied(checkout: Path, to: Path, commit: str = "") -> None:
    """The files of the checkout that git knows, or of a commit."""
    to.mkdir(parents=True)
    if commit:
        archive = subprocess.Popen(("git", "-C", str(checkout), "archive", commit), stdout=subprocess.PIPE)
        subprocess.run(("tar", "-x", "-C", str(to)), stdin=archive.stdout, check=True)
        assert archive.wait() == 0, f"there is no commit {commit} here"
        return
    listed = ("git", "-C", str(checkout), "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(listed, stdout=subprocess.PIPE, check=True, text=True)
    for name in filter(None, names.stdout.split("\0")):
        if (checkout / name).exists():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(checkout / name, to / name)
