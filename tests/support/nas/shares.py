"""The mounts of the machine: each is an inbox with its folders, on a file system of its kind or over several.

Everything lies on the server's own disk too, under another path, where it can be written and read though the server is
away; and most can be reached by a second mount, as another client would.
"""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXPORT, LOCAL, MOUNTS = Path("/srv/export"), Path("/srv/local"), Path("/mnt")
SECOND = {"nfs": MOUNTS / "second-nfs", "cifs": MOUNTS / "second-cifs"}
SHARE = "username=smb,password=pw,iocharset=utf8"  # as Debian's own kernels have it by default
# A process of samba of its own: one that serves root too writes over the quota of others.
OWNER = "nosharesock,iocharset=iso8859-1,uid=tr,gid=tr,forceuid,forcegid,file_mode=0664,dir_mode=0775,noperm"


@dataclass(frozen=True)
class Share:
    """An inbox with its folders. `outbox` and `archive` are elsewhere where they are given."""

    name: str
    kind: str  # nfs, cifs or local
    options: str = ""
    source: str = "share"  # of CIFS: the share as samba calls it
    outbox_by: str = ""  # cifs: the outbox is reached by another mount than the inbox
    archive_local: bool = False

    @property
    def served(self) -> Path:
        """Its folders on the server's disk."""
        return (LOCAL if self.kind == "local" else EXPORT) / self.name

    @property
    def mounted(self) -> Path:
        """The same as the daemon sees them."""
        return self.served if self.kind == "local" else MOUNTS / self.name

    @property
    def second(self) -> Path | None:
        """The same as another client sees them."""
        return SECOND[self.kind] / self.name if self.kind in SECOND else None

    @property
    def mount_points(self) -> dict[Path, tuple[str, str, str]]:
        """Its mounts: the kind, the source and the options of each."""
        if self.kind == "local":
            return {}
        mine = {self.mounted: _mounted_as(self.kind, self.source, self.name, self.options)}
        if self.outbox_by:
            mine[MOUNTS / f"{self.name}-outbox"] = _mounted_as("cifs", "share", self.name, SHARE)
        return mine

    def place(self, folder: str) -> Path:
        """One of its folders on a disk of the machine, whatever way the daemon has to it."""
        if folder in ("archive", "failed") and self.archive_local:
            return LOCAL / f"{self.name}-{folder}"
        return self.served / folder

    def seen(self, folder: str) -> Path:
        """One of its folders as the daemon sees it."""
        if folder == "outbox" and self.outbox_by:
            return MOUNTS / f"{self.name}-outbox" / folder
        if folder in ("archive", "failed") and self.archive_local:
            return self.place(folder)
        return self.mounted / folder

    def configured(self) -> dict[str, Any]:
        """The inbox as the configuration has it."""
        paths = {"path" if key == "inbox" else key: str(self.seen(key)) for key in FOLDERS}
        return {"name": self.name, **paths}

    def make(self) -> None:
        """Its folders on the server's disk."""
        for folder in FOLDERS:
            self.place(folder).mkdir(parents=True, exist_ok=True)
        self.give()

    def give(self) -> None:
        """Give all that lies there to the user of the share."""
        if self.source == "own":  # not root
            subprocess.run(["chown", "-R", "smb:smb", self.served], check=True)

    def mount(self) -> None:
        """Mount what is not mounted."""
        for point, (kind, source, options) in self.mount_points.items():
            point.mkdir(parents=True, exist_ok=True)
            if not os.path.ismount(point):
                subprocess.run(["mount", "-t", kind, "-o", options, source, point], check=True)

    def unmount(self) -> None:
        """Take the mounts away; whoever has a file open keeps it."""
        for point in self.mount_points:
            subprocess.run(["umount", "--lazy", point], check=True)


FOLDERS = ("inbox", "outbox", "archive", "failed")

SHARES = (
    Share("n3", "nfs", "vers=3,hard"),
    Share("n42", "nfs", "vers=4.2,hard"),
    Share("n42s", "nfs", "vers=4.2,soft,timeo=50,retrans=2,nosharecache"),
    Share("n40", "nfs", "vers=4.0,hard,actimeo=60"),
    Share("cf", "cifs", SHARE),
    Share("cfu", "cifs", f"{SHARE},{OWNER}", source="own"),
    Share("mix", "nfs", "vers=4.2,hard,nosharecache", outbox_by="cifs"),
    Share("xd", "nfs", "vers=4.2,hard,nosharecache", archive_local=True),
    Share("loc", "local"),
)


def _mounted_as(kind: str, source: str, name: str, options: str) -> tuple[str, str, str]:
    return kind, f"//127.0.0.1/{source}/{name}" if kind == "cifs" else f"127.0.0.1:{EXPORT}/{name}", options


def mount_all(shares: Sequence[Share]) -> None:
    """All of them, and the second mounts, which ask the server each time."""
    for share in shares:
        share.make()
        share.mount()
    seconds = (
        ("nfs", f"127.0.0.1:{EXPORT}", "vers=4.2,nosharecache,noac"),
        ("cifs", "//127.0.0.1/share", f"{SHARE},cache=none,nosharesock"),
    )
    for kind, source, options in seconds:
        SECOND[kind].mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", kind, "-o", options, source, SECOND[kind]], check=True)
