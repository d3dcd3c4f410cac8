"""`transcribed check`: whatever the daemon will need is tried, by the user who asks, and each problem names its mend.

Rules: folders are written to and the API is asked; settings are believed only where trying would cost something.
Whatever is written is removed again. One line for each thing tried; the exit status is that of the worst.
What this module does not know: jobs.
"""

import os
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Literal

import typer

from transcribed import config, errors, files, inbox
from transcribed.assemblyai import AssemblyAI
from transcribed.cli import terminal
from transcribed.cli.remembered import strange_folders
from transcribed.cli.untaken import Untaken, names_of
from transcribed.config import placement
from transcribed.daemon import services_of
from transcribed.folders import Ground, Mount, mount_of
from transcribed.job import printable, shown
from transcribed.journal import Journal

_UNAVAILABLE, _PERMISSION, _CONFIG = 69, 77, 78  # sysexits.h; the largest is the worst
_CLOCKS_APART_SECONDS = 5.0
_LITTLE_BYTES = 1 << 30  # a thousand hours of transcripts, but few recordings
_NOT_BEFORE = 1767225600.0  # 2026-01-01: this program is not older


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of trying one thing. `status` is the exit status that a problem asks for."""

    kind: Literal["ok", "remark", "problem"]
    said: str
    mend: str = ""
    status: int = 0


def check(ctx: typer.Context, *, as_json: terminal.Json = False) -> None:
    """Try the configuration, the folders, the key, the clock and the file systems, and say how to mend what fails."""
    path = config.find(ctx.obj, os.environ)
    settled = config.load(path, os.environ)
    worst = 0
    for finding in _findings(path, settled):
        worst = max(worst, finding.status)
        if as_json:
            terminal.print_json(asdict(finding))
        else:
            mend = f" -- mend: {finding.mend}" if finding.mend else ""
            terminal.say(f"{finding.kind}: {finding.said}{mend}")
    raise typer.Exit(worst)


def _findings(path: str, settled: config.Config) -> Iterator[Finding]:
    yield Finding("ok", f"configuration: {path}")
    yield from _problems(placement.misplaced(settled))
    yield from _state(os.fsencode(settled.state.directory))
    folders, strange = 0, strange_folders(settled)
    for each in settled.inboxes:
        untaken = Untaken(each)
        yield from _inbox(each, untaken, strange)
        folders += untaken.folders
    yield from _api(settled.api)
    yield from _notify(settled.notify)
    yield of_clock(time.time())
    yield from _limits(folders)


def _problems(problems: list[str]) -> Iterator[Finding]:
    """Each problem of the configuration; its sentence says what to do."""
    mend = errors.ConfigError(problems).hint
    yield from (Finding("problem", problem, mend, _CONFIG) for problem in problems)


# --- trying


def _state(directory: bytes) -> Iterator[Finding]:
    there = os.path.isdir(directory)
    folder = directory if there else os.fsencode(placement.nearest(os.fsdecode(directory)))
    yield from _written("state.directory", folder, "written" if there else f"{shown(directory)} would be made in it")
    owner = os.stat(folder).st_uid
    if there and owner != os.geteuid():
        yield Finding(
            "remark",
            f"state.directory belongs to user {owner}, and this ran as {os.geteuid()}, who may have other rights",
            "check as the daemon's user",
        )
    yield from _journal(os.fsdecode(directory))


def _journal(directory: str) -> Iterator[Finding]:
    """Whether the journal is whole; before the first start there is none."""
    if not os.path.lexists(os.path.join(directory, "journal.db")):
        return
    mend = "put a backup in its place, or let the daemon's next start set it aside and rebuild it"
    try:
        with closing(Journal.read(directory)) as opened:
            damage = opened.damage()
            jobs = 0 if damage else sum(opened.counts().values())
    except errors.ConfigError as error:
        yield from _problems(error.problems)
    except errors.Blocked as error:
        yield Finding("problem", error.message, error.hint, error.exit_status)
    else:
        if damage:
            yield Finding("problem", f"the journal in {printable(directory)} is damaged: {damage}", mend, _UNAVAILABLE)
        else:
            yield Finding("ok", f"the journal is whole: {jobs} jobs")


def _inbox(each: config.Inbox, untaken: Untaken, strange: Mapping[bytes, errors.Blocked]) -> Iterator[Finding]:
    label, root = f'inbox "{each.name}"', os.fsencode(each.path)
    try:
        if root in strange:
            raise strange[root]
        names, lane = names_of(each), errors.inbox_lane(each.name)
        ground = Ground(root, lane=lane, what="inbox")
        recordings = inbox.RecordingFolder(root, lane=lane, names=names, hardlinks=each.hardlinks, ground=ground)
        listing = recordings.listing()
    except errors.Blocked as error:
        yield _of_blocked(label, error)
    else:
        yield Finding("ok", f"{label}: {shown(root)}: listed; would take {len(listing.files)}")
        yield Finding("ok", f"{label}: {watched(each, listing.mount)}")
        yield from (Finding("remark", f"{label}: {problem}") for problem in listing.problems)
        yield from (Finding("remark", f"{label}: {rule}") for rule in untaken.look())
        if each.after != "keep":  # else nothing is ever moved out of it
            yield from _written(label, root, "files can be moved out of it")
    for key, command in (("on_delivered", each.on_delivered), ("on_failed", each.on_failed)):
        if command and not (os.path.isfile(command[0]) and os.access(command[0], os.X_OK)):
            what = f"{label}.{key}: {printable(command[0])} is no program that may be run"
            yield Finding("problem", what, "name one by its whole path, and let the daemon's user run it", _UNAVAILABLE)
    for key in ("outbox", "archive", "failed"):
        path = os.fsencode(getattr(each, key))
        gone = strange.get(path)
        yield from [_of_blocked(f"{label}.{key}", gone)] if gone else _folder(f"{label}.{key}", path)
    for key, folder in (("archive", each.archive), ("failed", each.failed)):
        if os.path.isdir(root) and not placement.on_one_device(each.path, folder):
            yield Finding("remark", f"{label}.{key}: on another device than the inbox, so moving is copying")


def watched(each: config.Inbox, mount: inbox.Mount) -> str:
    """How new files are noticed there."""
    where = f"on {shown(mount.kind)}"
    if each.watch == "events" or (each.watch == "auto" and mount.is_local):
        return f"{where}: new files are noticed by events, and by looks"
    return f"{where}: new files are noticed by a look every {each.scan_seconds:g} s"


def _of_blocked(label: str, error: errors.Blocked) -> Finding:
    denied = isinstance(error.__cause__, PermissionError)
    return Finding("problem", f"{label}: {error.message}", error.hint, _PERMISSION if denied else _UNAVAILABLE)


def _folder(label: str, path: bytes) -> Iterator[Finding]:
    if os.path.isdir(path):
        yield from _written(label, path, "written, renamed and cleaned up")
    elif os.path.lexists(path):
        yield Finding("problem", f"{label}: {shown(path)} is no folder", "name a folder", _UNAVAILABLE)
    else:
        yield from _written(label, os.path.dirname(path), f"{shown(path)} would be made at the start")


def _written(label: str, folder: bytes, said: str) -> Iterator[Finding]:
    """A small file is written into `folder`, renamed, and removed; what is so of its disk and clock."""
    try:
        files.probe_write(folder)
        free, apart = _free_bytes(folder), _seconds_apart(folder)
        mount = mount_of(folder)
    except OSError as error:
        yield of_error(label, folder, error)
    else:
        yield from of_disk(label, folder, mount, free, apart, said)


def of_disk(
    label: str, folder: bytes, mount: Mount, free: int, apart: float, said: str = "written"
) -> Iterator[Finding]:
    """A folder that was written to: `free` bytes are left, and its clock is `apart` seconds ahead of ours."""
    where = f"{shown(mount.kind)}, {'local' if mount.is_local else 'not local'}"
    yield Finding("ok", f"{label}: {shown(folder)}: {said} ({where}, {free / 1e9:.1f} GB free)")
    if free < _LITTLE_BYTES:
        yield Finding("remark", f"{label}: only {free / 1e6:.0f} MB are free in {shown(folder)}", "free some space")
    if abs(apart) > _CLOCKS_APART_SECONDS:
        yield Finding("remark", f"{label}: the clock of the file system is {apart:+.0f} s from ours", "set both by NTP")


def of_error(label: str, folder: bytes, error: OSError) -> Finding:
    """The problem that an error met in `folder` is."""
    known = errors.from_os_error(error, lane=errors.STATE, doing=f"{label}: {shown(folder)}")
    mend = known.hint or "see that the folder is there, and that its share is mounted"
    status = known.exit_status if isinstance(known, errors.Blocked) else _UNAVAILABLE
    return Finding("problem", known.message, mend, status)


def _free_bytes(folder: bytes) -> int:
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def _seconds_apart(folder: bytes) -> float:
    """How far the clock that stamps files in `folder`, a file server's perhaps, is ahead of ours."""
    with tempfile.TemporaryFile(prefix=files.TEMPORARY, dir=folder) as file:
        file.write(b"what time is it?\n")
        file.flush()
        os.fsync(file.fileno())
        return os.fstat(file.fileno()).st_mtime - time.time()


# --- what is not a folder


def _api(api: config.Api) -> Iterator[Finding]:
    try:
        client = AssemblyAI(api.base_url, config.read_key(api, os.environ), stop=threading.Event(), tries=1)
        client.check()
    except errors.ConfigError as error:
        yield from _problems(error.problems)
    except errors.TranscribedError as error:
        mend = error.hint or "look at the network, and try again later"
        yield Finding("problem", f"API: {error.message}", mend, getattr(error, "exit_status", _UNAVAILABLE))
    else:
        yield Finding("ok", f"API: {api.base_url} answers, and takes the key")


def _notify(notify: config.Notify) -> Iterator[Finding]:
    """Whether people can be told of news, as far as that shows without telling them."""
    try:
        services = services_of(notify)
    except errors.ConfigError as error:
        yield from _problems(error.problems)
    else:
        if services is not None:
            yield Finding("ok", f"notify: services to tell of {', '.join(notify.events)}: {len(services)} (not tried)")


def of_clock(now: float) -> Finding:
    """Whether our own clock can be right at all."""
    at = terminal.local_time(now)
    if now < _NOT_BEFORE:
        return Finding("problem", f"clock: it says {at}, which is past", "set it, by NTP", _UNAVAILABLE)
    return Finding("ok", f"clock: {at}")


def _limits(folders: int) -> Iterator[Finding]:
    """The limit of inotify(7) where the kernel tells it; it is of all processes of one user together."""
    try:
        with open("/proc/sys/fs/inotify/max_user_watches", encoding="ascii") as file:
            watches = int(file.read())
    except (OSError, ValueError):
        return
    yield of_watches(watches, folders)


def of_watches(watches: int, folders: int) -> Finding:
    """Whether so many watches are enough; where they are not, files are found by looking alone, and later."""
    said = f"inotify: {watches} watches for {folders} folders in all inboxes"
    if folders > watches // 2:
        return Finding("remark", f"{said}: beyond it new files are found later", "raise fs.inotify.max_user_watches")
    return Finding("ok", said)
