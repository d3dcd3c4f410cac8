"""The clients: each knows the commands by which its server's folder gets, renames and loses a recording.

A command is slow by its own limit, where it has one; where it has none it reads what is fed to it slowly. None stands
for what a client cannot do.
"""

import getpass
import itertools
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from clients.servers import PASSWORD, Served

RATE = 150_000  #: bytes a second
_KIBIBYTES, _KILOBITS = RATE // 1024, RATE * 8 // 1000
_EXPLORER = Path(__file__).with_name("explorer.py")
_batches = itertools.count()


@dataclass(frozen=True)
class Command:
    """A command line, and the file that is fed to it at the rate, if it has no limit of its own."""

    argv: Sequence[str]
    fed: Path | None = None


class Client(ABC):
    """A client that has been told its server."""

    def __init__(self, at: Served) -> None:
        self.at = at

    @abstractmethod
    def put(self, source: Path, name: str) -> Command:
        """Send the recording, slowly."""

    def resume(self, source: Path, name: str) -> Command | None:
        """Send what is missing, at full speed or slowly; by default all of it once more."""
        return self.put(source, name)

    def rename(self, old: str, new: str) -> Command | None:
        return None

    def delete(self, name: str) -> Command | None:
        return None

    def mirror(self, folder: Path) -> Command | None:
        """Send a folder with all that is in it, under its own name."""
        return None


class Smbclient(Client):
    """Samba's own client. With SMB 2.02 it writes in pieces of 64 KiB; with SMB 3 all of a small file at its end.

    Its `reput` is of no use: that of 4.17 leaves the rest alone there, without what had been sent before.
    """

    protocol: ClassVar = "SMB3"

    def put(self, source: Path, name: str) -> Command:
        return Command(self._asked(f'put - "{name}"').argv, source)

    def rename(self, old: str, new: str) -> Command:
        return self._asked(f'rename "{old}" "{new}"')

    def delete(self, name: str) -> Command:
        return self._asked(f'del "{name}"')

    def mirror(self, folder: Path) -> Command:
        return self._asked(f'recurse ON; prompt OFF; lcd "{folder.parent}"; mput "{folder.name}"')

    def _asked(self, commands: str) -> Command:
        where = ["//127.0.0.1/talks", "--port", str(self.at.port), "-A", str(self.at.secret), "-m", self.protocol]
        return Command(["smbclient", *where, "--timeout", "600", "-c", commands])


class OldSmbclient(Smbclient):
    protocol = "SMB2_02"


class Explorer(Client):
    """Windows' order: the size first, then the bytes."""

    options: ClassVar[Sequence[str]] = ()

    def put(self, source: Path, name: str) -> Command:
        where = ["--port", str(self.at.port), "--user", getpass.getuser(), "--password", PASSWORD]
        what = ["--source", str(source), "--target", name, "--rate", str(RATE), *self.options]
        return Command([sys.executable, str(_EXPLORER), *where, *what])


class PlainWriter(Explorer):
    options = ("--no-size",)


class Lftp(Client):
    def put(self, source: Path, name: str) -> Command:
        return self._asked(f'put "{source}" -o "{name}"')

    def resume(self, source: Path, name: str) -> Command:
        return self._asked(f'put -c "{source}" -o "{name}"')

    def rename(self, old: str, new: str) -> Command:
        return self._asked(f'mv "{old}" "{new}"')

    def delete(self, name: str) -> Command:
        return self._asked(f'rm "{name}"')

    def mirror(self, folder: Path) -> Command:
        return self._asked(f'mirror -R "{folder}" "{folder.name}"')

    def _asked(self, command: str) -> Command:
        told = f"set net:max-retries 1; set file:charset UTF-8; set ftp:charset UTF-8; set net:limit-rate 0:{RATE}"
        return Command(["lftp", "--norc", "-c", f"{told}; open ftp://127.0.0.1:{self.at.port}; {command}"])


class LftpWithTemporaryNames(Lftp):
    def _asked(self, command: str) -> Command:
        return super()._asked(f"set xfer:use-temp-file yes; {command}")


class _BySsh(Client):
    @property
    def options(self) -> list[str]:
        hosts = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
        return ["-F", "/dev/null", *hosts, "-i", str(self.at.secret)]

    def there(self, name: str) -> str:
        return f"127.0.0.1:{self.at.folder}/{name}"


class Scp(_BySsh):
    def put(self, source: Path, name: str) -> Command:
        limits = ["-P", str(self.at.port), "-l", str(_KILOBITS)]
        return Command(["scp", *self.options, *limits, str(source), self.there(name)])

    def mirror(self, folder: Path) -> Command:
        return Command(["scp", "-r", *self.options, "-P", str(self.at.port), str(folder), self.there("")])


class Sftp(_BySsh):
    def put(self, source: Path, name: str) -> Command:
        return self._asked(f'put "{source}" "{name}"')

    def resume(self, source: Path, name: str) -> Command:
        return self._asked(f'reput "{source}" "{name}"')

    def rename(self, old: str, new: str) -> Command:
        return self._asked(f'rename "{old}" "{new}"')

    def delete(self, name: str) -> Command:
        return self._asked(f'rm "{name}"')

    def mirror(self, folder: Path) -> Command:
        return self._asked(f'mkdir "{folder.name}"\nput -R "{folder}/." "{folder.name}"')

    def _asked(self, commands: str) -> Command:
        batch = self.at.secret.parent / f"batch-{next(_batches)}"
        batch.write_text(commands + "\n")
        limits = ["-P", str(self.at.port), "-l", str(_KILOBITS), "-b", str(batch)]
        return Command(["sftp", *self.options, *limits, self.there("")])


class Rsync(Client):
    """To rsync's server, by temporary names; what was cut is kept under the final one."""

    def put(self, source: Path, name: str) -> Command:
        return Command(["rsync", "-a", "--partial", f"--bwlimit={_KIBIBYTES}", str(source), self._there(name)])

    def mirror(self, folder: Path) -> Command:
        return Command(["rsync", "-a", str(folder), self._there("")])

    def _there(self, name: str) -> str:
        return f"rsync://127.0.0.1:{self.at.port}/talks/{name}"


class RsyncInPlace(_BySsh):
    """By ssh, into the final name."""

    def put(self, source: Path, name: str) -> Command:
        return self._asked("--inplace", f"--bwlimit={_KIBIBYTES}", str(source), self.there(name))

    def mirror(self, folder: Path) -> Command:
        return self._asked("--inplace", str(folder), self.there(""))

    def _asked(self, *arguments: str) -> Command:
        shell = " ".join(["ssh", *self.options, "-p", str(self.at.port)])
        return Command(["rsync", "-a", "-e", shell, *arguments])


class Rclone(Client):
    def put(self, source: Path, name: str) -> Command:
        return self._asked("copyto", "--bwlimit", str(RATE) + "B", str(source), f"dav:{name}")

    def rename(self, old: str, new: str) -> Command:
        return self._asked("moveto", f"dav:{old}", f"dav:{new}")

    def delete(self, name: str) -> Command:
        return self._asked("deletefile", f"dav:{name}")

    def mirror(self, folder: Path) -> Command:
        return self._asked("copy", str(folder), f"dav:{folder.name}")

    def _asked(self, *arguments: str) -> Command:
        return Command(["rclone", "--config", str(self.at.secret), *arguments])


class Curl(Client):
    def put(self, source: Path, name: str) -> Command:
        return self._asked("--limit-rate", str(RATE), "-T", str(source), self._url(name))

    def rename(self, old: str, new: str) -> Command:
        return self._asked("-X", "MOVE", "-H", f"Destination: {self._url(new)}", self._url(old))

    def delete(self, name: str) -> Command:
        return self._asked("-X", "DELETE", self._url(name))

    def mirror(self, folder: Path) -> Command:
        """Each folder is made, and each file put, one after the other."""
        each = itertools.chain.from_iterable(
            ("--next", "-sS", "--fail", "--globoff", *one) for one in self._mirrored(folder)
        )
        return Command(["curl", *list(each)[1:]])

    def _mirrored(self, folder: Path) -> Iterator[Sequence[str]]:
        yield ("-X", "MKCOL", self._url(folder.name + "/"))
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder.parent))
            yield ("-X", "MKCOL", self._url(name + "/")) if path.is_dir() else ("-T", str(path), self._url(name))

    def _asked(self, *arguments: str) -> Command:
        return Command(["curl", "-sS", "--fail", *arguments])

    def _url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.at.port}/{quote(name)}"


class Synced(Client):
    """A person beside the first Syncthing, who changes a folder there; Syncthing does the rest."""

    def __init__(self, at: Served, here: Path) -> None:
        super().__init__(at)
        self.here = here

    def put(self, source: Path, name: str) -> Command:
        return Command(["cp", str(source), str(self.here / name)])

    def resume(self, source: Path, name: str) -> Command | None:
        return None

    def rename(self, old: str, new: str) -> Command:
        return Command(["mv", str(self.here / old), str(self.here / new)])

    def delete(self, name: str) -> Command:
        return Command(["rm", str(self.here / name)])

    def mirror(self, folder: Path) -> Command:
        return Command(["cp", "-r", str(folder), str(self.here)])
