"""An open folder that was recognised: whatever lies below it is reached from its descriptor, never again by its path.

Whoever swaps the folder for a link after it was looked at reaches nothing by that.
"""

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader

from transcribed.files.opening import NotRegular, open_folder, open_regular, opened_root


@dataclass(frozen=True, slots=True)
class Root:
    """An open folder of ours, and the path with which the paths of what lies below it begin."""

    path: bytes
    descriptor: int

    def parts(self, path: bytes) -> list[bytes]:
        """The names on the way from this folder down to `path`. Raises ValueError where it does not lie below."""
        top = self.path.rstrip(b"/") + b"/"
        names = path.removeprefix(top).split(b"/")
        if not path.startswith(top) or {b"", b".", b".."}.intersection(names):
            raise ValueError(f"{path!r} is no path below {self.path!r}")
        return names

    @contextmanager
    def holding(self, path: bytes) -> Iterator[tuple[int, bytes]]:
        """The open folder that holds `path`, and the name there. Raises OSError, which names the folder."""
        *folders, name = self.parts(path)
        folder = os.dup(self.descriptor)
        above = self.path
        try:
            for inner in folders:
                above = os.path.join(above, inner)
                with naming(above):
                    outer, folder = folder, open_folder(inner, within=folder)
                os.close(outer)
            yield folder, name
        finally:
            os.close(folder)

    def status(self, path: bytes) -> os.stat_result | None:
        """The status of what lies at `path`, be it a link; None where nothing does. Raises OSError."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), self.holding(path) as (folder, name):
            return os.lstat(name, dir_fd=folder)
        return None

    def has(self, path: bytes) -> bool:
        """True if anything lies at `path`. Raises OSError: a share that does not answer has no free names."""
        return self.status(path) is not None

    def open(self, path: bytes) -> BufferedReader:
        """The regular file at `path`, open for reading. Raises as `open_regular` does."""
        with self.holding(path) as (folder, name):
            return open_regular(name, within=folder)

    def sha256(self, path: bytes) -> str | None:
        """The SHA-256 of the regular file at `path`, in hex; None where no file lies. Raises OSError."""
        try:
            with self.open(path) as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except (FileNotFoundError, NotADirectoryError, NotRegular):
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:  # a link
                return None
            raise

    def holds(self, path: bytes, data: bytes) -> bool:
        """True if a regular file with exactly this content is at `path`; False too where it cannot be read."""
        try:
            with self.open(path) as file:
                return file.read(len(data) + 1) == data
        except OSError:
            return False

    def forget(self, path: bytes) -> None:
        """Remove the file at `path`. Raises OSError."""
        with self.holding(path) as (folder, name):
            os.unlink(name, dir_fd=folder)


@contextmanager
def opened(root: bytes | Root) -> Iterator[Root]:
    """The folder at a path, open; one that is open already is used as it is. Raises OSError."""
    if isinstance(root, Root):
        yield root
        return
    with opened_root(root) as descriptor:
        yield Root(root, descriptor)


@contextmanager
def opened_as_named(path: bytes) -> Iterator[Root]:
    """The folder at a path whose last name is no link: one of ours in the state directory. Raises OSError."""
    above, name = os.path.split(path)
    with opened_root(above) as folder:
        descriptor = open_folder(name, within=folder)
    try:
        yield Root(path, descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def naming(path: bytes) -> Iterator[None]:
    """Errors met here are of the folder at `path`, and say so."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from error
