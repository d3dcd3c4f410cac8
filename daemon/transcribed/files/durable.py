"""Writing, replacing and moving a file so that no crash and no other program can be caught in between.

The order is always the same: a temporary in the target folder, its bytes durable, a rename that replaces nothing, the
folder durable; only then does this module return, and only then may the caller believe it. On any error both names are
looked at before anything is decided, for a network file system may report an error for what it has done.
"""

import contextlib
import errno
import io
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO, NamedTuple

from transcribed.files.access import Access
from transcribed.files.hidden import leave, temporary_name
from transcribed.files.opening import NotRegular, open_folder, open_regular, opened_root, same_bytes
from transcribed.files.rename import Way, rename_no_replace
from transcribed.files.root import Root, naming, opened
from transcribed.files.statx import Status, status_of, status_of_open

_CHUNK = 1 << 20
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_AS_GIVEN = Access()


class NameTaken(Exception):
    """Another file lies at this path, and was left as it is."""

    def __init__(self, path: bytes) -> None:
        super().__init__(path)
        self.path = path


def publish(path: bytes, data: bytes, *, root: bytes | Root, access: Access = _AS_GIVEN) -> None:
    """The file `path`, absolute and below `root`, with `data`; missing folders in between are made, `root` is not.

    A file that is there with the same bytes is taken for ours. Raises NameTaken where another one is; OSError.
    """
    publish_each({path: data}, root=root, access=access)


def publish_each(contents: Mapping[bytes, bytes], *, root: bytes | Root, access: Access = _AS_GIVEN) -> None:
    """The files at these paths, all in one folder, each with its data; as `publish` otherwise.

    Their folder is made durable once, after the last. An error or a crash may leave some of them there.
    """
    with _folder_of(next(iter(contents)), root, access) as (folder, _):
        for path, data in contents.items():
            _publish(folder, path, io.BytesIO(data), access)
        access.sync(folder)


def publish_copy(path: bytes, source: bytes, *, root: bytes | Root, access: Access = _AS_GIVEN) -> None:
    """The file `path` with what the file `source` holds, of any size; as `publish` otherwise."""
    with open(source, "rb") as content, _folder_of(path, root, access) as (folder, _):
        _publish(folder, path, content, access)
        access.sync(folder)


def _publish(folder: int, path: bytes, content: BinaryIO, access: Access) -> None:
    """The file `path`, which is in the open folder; its name is not durable yet."""
    name = os.path.basename(path)
    with _temporary(folder, access) as (file, temporary):
        shutil.copyfileobj(content, file, _CHUNK)
        _close_durably(file)
        way = _appear(
            lambda: rename_no_replace(folder, temporary, folder, name),
            path,
            is_ours=lambda: _holds(folder, name, content, access),
        )
        if way is Way.LOOKED and not _holds(folder, name, content, access):
            raise _lost(path)


def replace(path: bytes, data: bytes, *, root: Root | None = None, access: Access = _AS_GIVEN) -> None:
    """The file `path` with `data`, in place of one that only we write (a status, a kept transcript). Raises OSError.

    `root`: the open folder that it lies below, where others may write there too.
    """
    with replacing(path, root=root, access=access) as file:
        file.write(data)


def replace_each(contents: Mapping[bytes, bytes], *, access: Access = _AS_GIVEN) -> None:
    """The files at these paths, all in one folder, each with its data and in this order; as `replace` otherwise.

    Each has its bytes before the first has its name, and their folder is made durable once, after the last.
    """
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(opened_root(os.path.dirname(next(iter(contents)))))
        names = []
        for path, data in contents.items():
            file, temporary = stack.enter_context(_temporary(folder, access))
            file.write(data)
            _close_durably(file)
            names.append((temporary, os.path.basename(path)))
        for temporary, name in names:
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        access.sync(folder)


@contextmanager
def replacing(path: bytes, *, root: Root | None = None, access: Access = _AS_GIVEN) -> Iterator[BinaryIO]:
    """A file to write into; once that has ended well it is `path`, durably, in place of one of ours. Raises OSError."""
    with opened(root or os.path.dirname(path)) as top, top.holding(path) as (folder, name):
        with _temporary(folder, access) as (file, temporary):
            yield file
            _close_durably(file)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        access.sync(folder)


def move(
    source_folder: int,
    name: bytes,
    target: bytes,
    *,
    root: bytes | Root,
    was: tuple[int, int] | None = None,
    leaving: bytes | None = None,
    access: Access = _AS_GIVEN,
) -> None:
    """Moves the file `name` of an open folder to the path `target` below `root`, to another device too.

    `was`: the size and mtime_ns that it must still have, in the server's own words; None: any. `leaving`: the hidden
    name that the source gets where it had to be copied; None: it is removed then. What a crash left half
    moved (the same bytes in both places) is finished. Raises NameTaken where another file is at `target`; OSError, with
    EBUSY where the source changed meanwhile. The source is there until the target is durable.
    """
    with _folder_of(target, root, access) as (folder, target_name):
        before = status_of(name, within=source_folder)
        if was not in (None, (before.st_size, before.st_mtime_ns)):
            raise _changed(name)
        source = _Source(source_folder, name, before, leaving)
        _appear(
            lambda: _rename_or_carry(source, folder, target_name, access),
            target,
            is_ours=lambda: _is_moved(source, folder, target_name, access),
        )
        access.sync(folder)
        access.sync(source_folder)


def remove(folder: int, name: bytes, *, leaving: bytes | None = None, access: Access = _AS_GIVEN) -> None:
    """Removes the file `name` of an open folder, for good; with a hidden name it only loses its own. Raises OSError."""
    if leaving is None:
        os.unlink(name, dir_fd=folder)
    else:
        leave(folder, name, leaving)
    access.sync(folder)


def make_folder(path: bytes, *, access: Access = _AS_GIVEN) -> None:
    """The folder `path`, made where it is missing; the one above it is there. Raises OSError."""
    above, name = os.path.split(path)
    with opened_root(above) as folder:
        os.close(_made(folder, name, access, give=access.to_folder))


def probe_write(root: bytes | Root) -> Way:
    """Tries with small hidden files in `root` all that a delivery does: write, rename, rename over, read, remove.

    Returns the way of the rename that replaces nothing. Raises the OSError that a real delivery would meet.
    """
    renamed = temporary_name() + b"-renamed"
    with opened(root) as top:
        folder = top.descriptor
        try:
            way = _tried(folder, renamed, b"may this folder be written?\n", rename_no_replace)
            _tried(folder, renamed, b"may what is there be replaced?\n", _rename_over)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(renamed, dir_fd=folder)
    return way


def _tried(folder: int, name: bytes, text: bytes, rename: Callable[[int, bytes, int, bytes], Way]) -> Way:
    with _temporary(folder, _AS_GIVEN) as (file, temporary):
        file.write(text)
        _close_durably(file)
        way = rename(folder, temporary, folder, name)
    if not _holds(folder, name, io.BytesIO(text), _AS_GIVEN):
        raise _lost(name)
    return way


def _rename_over(source_folder: int, source: bytes, folder: int, name: bytes) -> Way:
    os.rename(source, name, src_dir_fd=source_folder, dst_dir_fd=folder)
    return Way.SAFE


def probe_time(root: bytes) -> float:
    """The time (seconds since the epoch) that the file system gives to a file written in `root` now. Raises OSError."""
    with opened_root(root) as folder, _temporary(folder, _AS_GIVEN) as (file, _):
        file.write(b"what time is it?\n")
        file.flush()
        os.fsync(file.fileno())
        return os.fstat(file.fileno()).st_mtime


class _Source(NamedTuple):
    """The file `name` of an open folder, as it was `before` it was moved, and its hidden name, if it gets one."""

    folder: int
    name: bytes
    before: Status
    leaving: bytes | None

    def leave(self) -> None:
        """Take its name from it, now that its copy is durable. Raises OSError, with EBUSY where it has changed."""
        if not _alike(self.before, status_of(self.name, within=self.folder)):
            raise _changed(self.name)
        if self.leaving is None:
            os.unlink(self.name, dir_fd=self.folder)
        else:
            leave(self.folder, self.name, self.leaving)


def _rename_or_carry(source: _Source, folder: int, target_name: bytes, access: Access) -> Way:
    try:
        return rename_no_replace(source.folder, source.name, folder, target_name)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return _carry(source, folder, target_name, access)


def _carry(source: _Source, folder: int, target_name: bytes, access: Access) -> Way:
    """Moves a file by copying it, where a rename cannot reach. Raises FileExistsError where `target_name` is there.

    It must be as it was before to the end, else it stays, and no copy does. A source that may not be taken away is not
    copied at all, because the copy would be made again at each try.
    """
    if not os.access(b".", os.W_OK | os.X_OK, dir_fd=source.folder, effective_ids=True):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), source.name)
    if _is_there(folder, target_name):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target_name)
    with _regular(source.folder, source.name) as content, _temporary(folder, access) as (file, temporary):
        if content is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), source.name)
        shutil.copyfileobj(content, file, _CHUNK)
        file.flush()
        access.to_times(file.fileno(), os.fstat(content.fileno()))
        _close_durably(file)
        if not _alike(source.before, status_of_open(content.fileno())):
            raise _changed(source.name)
        way = rename_no_replace(folder, temporary, folder, target_name)
        access.sync(folder)
        if way is Way.LOOKED:
            _require_copy(content, folder, target_name)
        source.leave()
        return way


def _require_copy(source: BinaryIO, folder: int, name: bytes) -> None:
    """Raises OSError where `name` does not hold what the source holds: some mounts write it to their server late."""
    source.seek(0)
    with _regular(folder, name) as copy:
        if copy is None or not same_bytes(source, copy):
            raise _lost(name)


@contextmanager
def _temporary(folder: int, access: Access) -> Iterator[tuple[BinaryIO, bytes]]:
    """A new file in the open folder, as it is to be used, and its name; nothing stays under that name."""
    name = temporary_name()
    file = os.fdopen(os.open(name, _NEW, access.of_new_file, dir_fd=folder), "w+b")
    try:
        access.to_file(file.fileno())
        yield file, name
    finally:
        # Anything is left to do only where a failure is on its way out already; what stays then is swept later.
        with contextlib.suppress(OSError):
            file.close()
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=folder)


def _appear(rename: Callable[[], Way], path: bytes, *, is_ours: Callable[[], bool]) -> Way:
    """Does `rename`; where that fails, whatever the error, success is decided by what lies at `path` now."""
    try:
        return rename()
    except OSError as error:
        if is_ours():
            return Way.SAFE
        if isinstance(error, FileExistsError):
            raise NameTaken(path) from error
        raise


def _is_moved(moved: _Source, folder: int, target_name: bytes, access: Access) -> bool:
    """True if the source has arrived at the target after all. If both hold the same bytes, the source leaves."""
    with _regular(moved.folder, moved.name) as source, _regular(folder, target_name) as target:
        if target is None:
            return False
        if source is None:
            gone = not _is_there(moved.folder, moved.name)
            return gone and _alike(moved.before, status_of_open(target.fileno()))
        if _is_one_file(source, target) or not same_bytes(source, target):
            return False
        access.sync(target.fileno())
    access.sync(folder)
    moved.leave()
    return True


def _is_one_file(one: BinaryIO, other: BinaryIO) -> bool:
    """True if both are one file with a single name: two mounts of one folder, or a name in other letters on CIFS."""
    status = os.fstat(one.fileno())
    return status.st_nlink == 1 and os.path.samestat(status, os.fstat(other.fileno()))


def _holds(folder: int, name: bytes, content: BinaryIO, access: Access) -> bool:
    content.seek(0)
    with _regular(folder, name) as file:
        if file is None or not same_bytes(content, file):
            return False
        access.sync(file.fileno())
        return True


@contextmanager
def _regular(folder: int, name: bytes) -> Iterator[BinaryIO | None]:
    """The regular file at `name`, open for reading; None where there is none, or one that is not ours to read."""
    file: BinaryIO | None = None
    with contextlib.suppress(FileNotFoundError, PermissionError, NotRegular):
        # A link is looked at before it is opened: opening one is ELOOP, as is a path of too many of them.
        if stat.S_ISREG(os.lstat(name, dir_fd=folder).st_mode):
            file = open_regular(name, within=folder)
    with file or contextlib.nullcontext():
        yield file


def _is_there(folder: int, name: bytes) -> bool:
    with contextlib.suppress(FileNotFoundError):
        os.lstat(name, dir_fd=folder)
        return True
    return False


def _alike(before: Status, now: Status) -> bool:
    """Not by inode: on FUSE its number changes under one's hands."""
    return (before.st_size, before.st_mtime_ns) == (now.st_size, now.st_mtime_ns)


def _lost(name: bytes) -> OSError:
    return OSError(errno.EIO, "the file system does not hold what was written to it", name)


def _changed(name: bytes) -> OSError:
    return OSError(errno.EBUSY, "the file changed while it was moved", name)


def _close_durably(file: BinaryIO) -> None:
    """A network file system reports a full disk at fsync or at close, so both must be heard."""
    file.flush()
    os.fsync(file.fileno())
    file.close()


@contextmanager
def _folder_of(path: bytes, root: bytes | Root, access: Access) -> Iterator[tuple[int, bytes]]:
    """The open folder of `path` below `root`, made where it is missing, and the last component of `path`."""
    with opened(root) as top:
        *folders, name = top.parts(path)
        folder, above = os.dup(top.descriptor), top.path
        try:
            for inner in folders:
                above = os.path.join(above, inner)
                with naming(above):
                    outer, folder = folder, _made(folder, inner, access, give=partial(access.to_inner_folder, folder))
                os.close(outer)
            yield folder, name
        finally:
            os.close(folder)


def _made(above: int, name: bytes, access: Access, *, give: Callable[[int], None]) -> int:
    """The open folder `name` in the open folder `above`; where it had to be made, `give` gives it its rights."""
    with contextlib.suppress(FileNotFoundError):
        return open_folder(name, within=above)
    made = False
    with contextlib.suppress(FileExistsError):  # another thread was quicker, and gives it what it is to have
        os.mkdir(name, access.of_new_folder, dir_fd=above)
        made = True
    access.sync(above)
    folder = open_folder(name, within=above)
    try:
        if made:
            give(folder)
    except OSError:
        os.close(folder)
        raise
    return folder
