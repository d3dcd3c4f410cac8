"""`transcribed check`: all that the daemon will need is tried, by the user who asks, and each problem names its fix.

Rules: folders are written to and the API is asked; settings are believed only where trying would cost something.
All that is written is removed again. A folder whose share does not answer is named, and not touched. One line for each
thing tried; the exit status is that of the worst.
"""

import os
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Annotated

import typer

from transcribed import config, errors, files, formats, inbox, own_api, places
from transcribed.assemblyai import AssemblyAI
from transcribed.cli import terminal
from transcribed.cli.finding import Finding, of_folder, of_writing
from transcribed.cli.parents import of_parents
from transcribed.cli.remembered import strange_folders
from transcribed.cli.retries import closed_to_group
from transcribed.cli.shares import FIX, Shares, roots, roots_of
from transcribed.cli.untaken import Untaken, names_of
from transcribed.config import placement
from transcribed.folders import Ground
from transcribed.job import printable, shown
from transcribed.journal import Journal
from transcribed.newsroom import services_of

_NOT_BEFORE = 1767225600.0  # 2026-01-01: this program is not older


def check(
    ctx: typer.Context,
    *,
    whole: Annotated[bool, typer.Option("--whole", help="Read all of the journal, even if it is large.")] = False,
    as_json: terminal.Json = False,
) -> None:
    """Try the configuration, the folders, the key, the clock and the file systems, and say how to fix each problem."""
    path = config.find(ctx.obj, os.environ)
    settled = config.load(path, os.environ)
    worst = 0
    for finding in _findings(path, settled, whole=whole):
        worst = max(worst, finding.status)
        if as_json:
            terminal.print_json(finding.plain())
        else:
            terminal.say(finding.line())
    raise typer.Exit(worst)


def _findings(path: str, settled: config.Config, *, whole: bool) -> Iterator[Finding]:
    yield Finding("ok", f"configuration: {path}")
    state = os.fsencode(settled.state.directory)
    shares = Shares([state, *roots(settled)])
    if silence := shares.silence(state):
        yield _of_silence("state.directory", silence)
    else:
        yield from _problems(placement.misplaced(_answering(settled, shares), os.environ))
        yield from _state(state, whole=whole)
    folders, strange = 0, _strange(settled, shares)
    for each in settled.inboxes:
        untaken = Untaken(each)
        yield from _inbox(each, untaken, strange, shares, _user_of(state, shares))
        folders += untaken.folders
    yield from _own_api(settled.local) if settled.api.engine == "local" else _api(settled.api)
    if any(each.draft for each in settled.inboxes):
        yield from _own_api(settled.local, what="drafts")
    yield from _notify(settled.notify)
    yield of_clock(time.time())
    yield from _limits(folders)
    if not files.is_asked():
        said = "this kernel, or a sandbox, knows no statx: a share may answer from its memory, and a recording that"
        yield Finding("remark", f"{said} is written over on its server just then is not noticed", "allow statx")


def _user_of(state: bytes, shares: Shares) -> int:
    """The daemon's user: the owner of the state directory; before the first start, who asks."""
    is_there = not shares.silence(state) and os.path.isdir(state)
    return os.stat(state).st_uid if is_there else os.geteuid()


def _answering(settled: config.Config, shares: Shares) -> config.Config:
    """The configuration without the inboxes of which a folder does not answer."""
    answering = tuple(each for each in settled.inboxes if not any(map(shares.silence, roots_of(each))))
    return settled.model_copy(update={"inboxes": answering})


def _strange(settled: config.Config, shares: Shares) -> Mapping[bytes, errors.Blocked]:
    """The folders that are not as they are remembered; nothing is remembered where the state does not answer."""
    if shares.silence(os.fsencode(settled.state.directory)):
        return {}
    return strange_folders(settled, lambda path: not shares.silence(path))


def _of_silence(label: str, silence: str) -> Finding:
    return Finding("problem", f"{label}: {silence}: nothing else is tried there", FIX, errors.Exit.UNAVAILABLE)


def _problems(problems: list[str]) -> Iterator[Finding]:
    """Each problem of the configuration; its sentence says what to do."""
    fix = errors.ConfigError(problems).hint
    yield from (Finding("problem", problem, fix, errors.Exit.CONFIGURATION) for problem in problems)


# --- trying


def _state(directory: bytes, *, whole: bool) -> Iterator[Finding]:
    there = os.path.isdir(directory)
    folder = directory if there else os.fsencode(placement.nearest(os.fsdecode(directory)))
    yield from of_writing(
        "state.directory", folder, "written" if there else f"{shown(directory)} will be created in it"
    )
    owner = os.stat(folder).st_uid
    if there and owner != os.geteuid():
        yield Finding(
            "remark",
            f"state.directory belongs to user {owner}; this check runs as {os.geteuid()}, who may have other rights",
            "run the check as the daemon's user",
        )
    yield from _journal(os.fsdecode(directory), whole=whole)


def _journal(directory: str, *, whole: bool) -> Iterator[Finding]:
    """The journal, if it is damaged or not; before the first start there is none."""
    if not os.path.lexists(os.path.join(directory, places.JOURNAL)):
        return
    try:
        with closing(Journal.read(directory)) as opened:
            damage = opened.damage(whole=whole)
            jobs = 0 if damage else sum(opened.counts().values())
    except errors.ConfigError as error:
        yield from _problems(error.problems)
    except errors.Blocked as error:
        yield Finding("problem", error.message, error.hint, error.exit_status)
    else:
        yield of_journal(directory, damage, jobs)


def of_journal(directory: str, damage: str, jobs: int) -> Finding:
    """A journal that could be opened, with what is wrong in it."""
    if not damage:
        return Finding("ok", f"the journal is not damaged: {jobs} jobs")
    fix = "put a backup in its place, or let the daemon's next start set it aside and rebuild it"
    return Finding(
        "problem", f"the journal in {printable(directory)} is damaged: {damage}", fix, errors.Exit.UNAVAILABLE
    )


def _inbox(
    each: config.Inbox, untaken: Untaken, strange: Mapping[bytes, errors.Blocked], shares: Shares, user: int
) -> Iterator[Finding]:
    label, root = f'inbox "{each.name}"', os.fsencode(each.path)
    if silence := shares.silence(root, below=True):
        yield _of_silence(label, silence)
    else:
        yield from _recordings(label, each, untaken, strange.get(root))
    yield from _commands(label, each)
    yield from of_parameters(label, each)
    yield from of_analyses(label, each)
    yield from _other_folders(label, each, strange, shares)
    yield from _devices(label, each, shares)
    if not any(map(shares.silence, roots_of(each))):
        yield from _retries(label, each)
        yield from of_parents(label, each, user)


def _recordings(label: str, each: config.Inbox, untaken: Untaken, gone: errors.Blocked | None) -> Iterator[Finding]:
    """The inbox itself; `gone` says why it is not the folder that is remembered."""
    root = os.fsencode(each.path)
    try:
        listing = _listing(each, gone)
    except errors.Blocked as error:
        yield _of_blocked(label, error)
        return
    yield Finding("ok", f"{label}: {shown(root)}: listed; recordings that would be taken: {len(listing.files)}")
    yield Finding("ok", f"{label}: {watched(each, listing.mount)}")
    yield of_writers(label, listing.mount, may_ask=files.may_ask_in(root))
    yield from (Finding("remark", f"{label}: {problem}") for problem in listing.problems)
    yield from (Finding("remark", f"{label}: {rule}") for rule in untaken.look())
    if untaken.endings:
        yield of_endings(label, each.extensions, untaken.endings)
    if each.after != "keep":  # else nothing is ever moved out of it
        yield from of_writing(label, root, "files can be moved out of it")
    elif not os.access(root, os.W_OK):
        what = f"{label}: nothing can be written there, so no other transcribed sees that this one has it"
        yield Finding("remark", what, "see that only one transcribed takes recordings from it")


def of_endings(label: str, taken: Sequence[str], others: Collection[bytes]) -> Finding:
    """Files with these endings are not taken, though they are those of sound and film."""
    endings = sorted(map(os.fsdecode, others))
    every = ", ".join(f'"{ending}"' for ending in (*taken, *endings))
    fix = f"if they are to be transcribed, and paid for: extensions = [{every}]"
    return Finding("remark", f"{label}: some of what is ignored is sound or film: {' '.join(endings)}", fix)


def _listing(each: config.Inbox, gone: errors.Blocked | None) -> inbox.Listing:
    if gone is not None:
        raise gone
    root, lane = os.fsencode(each.path), errors.inbox_lane(each.name)
    ground = Ground(root, lane=lane, what="inbox")
    folder = inbox.RecordingFolder(root, lane=lane, names=names_of(each), hardlinks=each.hardlinks, ground=ground)
    return folder.listing()


def of_parameters(label: str, each: config.Inbox) -> Iterator[Finding]:
    """The parameters whose names may be slips."""
    for key, near in config.unlikely(each.transcript):
        said = f"{label}.transcript.{printable(key)}: AssemblyAI has no parameter of this name that is known here"
        yield Finding("remark", said, f"did you mean {near}? It is sent as it is, and perhaps passed over in silence")


def of_analyses(label: str, each: config.Inbox) -> Iterator[Finding]:
    """The analyses that would be paid for, and that no file of the inbox's recordings shows."""
    if said := formats.unseen(each.transcript, each.formats):
        yield Finding("remark", f"{label}: {said}", f"add one of these to formats: {' '.join(formats.SHOWING)}")


def _commands(label: str, each: config.Inbox) -> Iterator[Finding]:
    for key, command in (("on_delivered", each.on_delivered), ("on_failed", each.on_failed)):
        if command and not (os.path.isfile(command[0]) and os.access(command[0], os.X_OK)):
            what = f"{label}.{key}: {printable(command[0])} is not a program that can be run"
            fix = "give the complete path of a program that the daemon's user may run"
            yield Finding("problem", what, fix, errors.Exit.UNAVAILABLE)


def _other_folders(
    label: str, each: config.Inbox, strange: Mapping[bytes, errors.Blocked], shares: Shares
) -> Iterator[Finding]:
    for key in ("outbox", "archive", "failed"):
        path = os.fsencode(getattr(each, key))
        if silence := shares.silence(path):
            yield _of_silence(f"{label}.{key}", silence)
        elif path in strange:
            yield _of_blocked(f"{label}.{key}", strange[path])
        else:
            yield from of_folder(f"{label}.{key}", path)


def _devices(label: str, each: config.Inbox, shares: Shares) -> Iterator[Finding]:
    if shares.silence(os.fsencode(each.path)) or not os.path.isdir(each.path):
        return
    for key, folder in (("archive", each.archive), ("failed", each.failed)):
        if not shares.silence(os.fsencode(folder)) and not placement.on_one_device(each.path, folder):
            yield Finding(
                "remark", f"{label}.{key}: on another device than the inbox, so moving a file means copying it"
            )


def _retries(label: str, each: config.Inbox) -> Iterator[Finding]:
    """The folders from which people cannot drag a failed recording back, though their group may write to the inbox."""
    try:
        closed = closed_to_group(os.fsencode(each.path), os.fsencode(each.failed))
        group = os.stat(each.path).st_gid
    except OSError:
        return  # it is told above, or the folder is not there yet
    if closed:
        more = f" and {len(closed) - 1} more folders" if closed[1:] else ""
        what = f"{label}.failed: members of group {group} cannot drag a recording back from {shown(closed[0])}{more}"
        fix = 'set dir_mode = "2775" for this inbox, and let the group write to the folders that are there (chmod g+w)'
        yield Finding("remark", what, fix)


def watched(each: config.Inbox, mount: inbox.Mount) -> str:
    """The way in which new files are noticed there."""
    where = f"on {shown(mount.kind)}"
    if each.watch == "events" or (each.watch == "auto" and mount.is_local):
        return f"{where}: new files are noticed by events, and by looks"
    return f"{where}: new files are noticed by a look every {each.scan_seconds:g} s"


def of_writers(label: str, mount: inbox.Mount, *, may_ask: bool) -> Finding:
    """The way in which it is known there that a program still writes a recording."""
    if not mount.is_local:
        where = f"{label}: on {shown(mount.kind)} nobody tells who writes a recording"
        return Finding("ok", f"{where}: it is taken once three looks have found it the same")
    if may_ask:
        return Finding("ok", f"{label}: the kernel tells if a program still writes a recording")
    return Finding(
        "remark",
        f"{label}: the kernel does not tell this process who writes files of other users (CAP_LEASE is missing):"
        " folder events and pauses decide",
        "systemd: AmbientCapabilities=CAP_LEASE and PrivateUsers=no, as in the unit that comes with transcribed;"
        " a container: cap_add: [LEASE], which has no effect if it is rootless",
    )


def _of_blocked(label: str, error: errors.Blocked) -> Finding:
    denied = isinstance(error.__cause__, PermissionError)
    return Finding(
        "problem",
        f"{label}: {error.message}",
        error.hint,
        errors.Exit.PERMISSION if denied else errors.Exit.UNAVAILABLE,
    )


# --- what is not a folder


def _api(api: config.Api) -> Iterator[Finding]:
    try:
        client = AssemblyAI(api.base_url, config.read_key(api, os.environ), stop=threading.Event(), tries=1)
        client.check()
    except errors.ConfigError as error:
        yield from _problems(error.problems)
    except errors.TranscribedError as error:
        fix = error.hint or "check the network, and try again later"
        yield Finding("problem", f"API: {error.message}", fix, getattr(error, "exit_status", errors.Exit.UNAVAILABLE))
    else:
        yield Finding("ok", f"API: {api.base_url} answers and accepts the key")


def _own_api(options: config.Local, what: str = "API") -> Iterator[Finding]:
    """The recogniser that the daemon runs itself, as far as it can be checked without starting it."""
    if found := own_api.problems(**options.model_dump()):
        yield from _problems(found)
        return
    model = options.model or ("the default model" if options.engine is None else "its default model")
    yield Finding("ok", f"{what}: the daemon runs a recogniser on this machine itself: {printable(model)} (not tried)")


def _notify(notify: config.Notify) -> Iterator[Finding]:
    """The services that tell people of news, as far as they can be checked without telling anyone."""
    try:
        services = services_of(notify)
    except errors.ConfigError as error:
        yield from _problems(error.problems)
    else:
        if services is not None:
            yield Finding("ok", f"notify: {len(services)} services for {', '.join(notify.events)} (not tried)")


def of_clock(now: float) -> Finding:
    """Our own clock, which cannot be right if it is before this program."""
    at = terminal.local_time(now)
    if now < _NOT_BEFORE:
        return Finding(
            "problem", f"clock: it says {at}, which is in the past", "set it by NTP", errors.Exit.UNAVAILABLE
        )
    return Finding("ok", f"clock: {at}")


def _limits(folders: int) -> Iterator[Finding]:
    """The limit of inotify(7) where the kernel tells it; it holds for all processes of one user together."""
    try:
        with open("/proc/sys/fs/inotify/max_user_watches", encoding="ascii") as file:
            watches = int(file.read())
    except (OSError, ValueError):
        return
    yield of_watches(watches, folders)


def of_watches(watches: int, folders: int) -> Finding:
    """The number of watches, if it is enough; if not, some folders are only looked at regularly."""
    said = f"inotify: {watches} watches for {folders} folders in all inboxes"
    if folders > watches // 2:
        return Finding(
            "remark", f"{said}: where they run out, new files are found later", "raise fs.inotify.max_user_watches"
        )
    return Finding("ok", said)
