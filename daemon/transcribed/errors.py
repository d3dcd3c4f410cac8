"""The errors of the program, one class for each thing that the daemon does about them.

The module that has the evidence chooses the class; no code reads the text of an error to decide.
Each error carries one sentence for a person and, if there is one, the next step (`hint`).
"""

import enum
import errno

__all__ = [
    "Blocked",
    "ConfigError",
    "Defect",
    "Exit",
    "Gone",
    "Lost",
    "Permanent",
    "Stopped",
    "TranscribedError",
    "Transient",
    "Withdrawn",
    "backlog_lane",
    "first_lane",
    "from_os_error",
    "inbox_lane",
    "is_planned",
    "limit_lane",
    "model_lane",
    "pause_lane",
]


class Exit(enum.IntEnum):
    """The exit statuses that scripts and service managers rely on, by sysexits.h."""

    DONE = 0
    FAILED = 1
    UNAVAILABLE = 69  #: the API or a folder cannot be reached
    DEFECT = 70
    AGAIN = 75  #: try again later
    PERMISSION = 77
    CONFIGURATION = 78


API, SUBMIT, STATE = "api", "submit", "state"
#: Blocked while the configuration on disk is refused: nothing waits for it, and people should know all the same.
CONFIGURATION = "configuration"
#: Blocked while [notify] cannot be used: nothing else waits for it.
NEWS = "notify"
#: Blocked while AssemblyAI takes no question about any transcript: only they wait.
QUESTIONS = "questions"


#: Blocked as people have planned it: by `transcribed pause`, outside the hours of api.upload_hours, by a limit, and
#: until the answer to the recording that goes first tells the model.
PAUSE, HOURS, LIMIT, FIRST = "pause", "upload-hours", "limit", "first-answer"


def pause_lane(inbox: str | None) -> str:
    """The lane that is blocked while an inbox is paused, or (None) while all are."""
    return PAUSE if inbox is None else f"{PAUSE}:{inbox}"


def limit_lane(inbox: str | None) -> str:
    """The lane that is blocked while an inbox has reached a limit, or (None) while all together have."""
    return LIMIT if inbox is None else f"{LIMIT}:{inbox}"


def model_lane(inbox: str) -> str:
    """The lane that is blocked while the recordings of an inbox would be paid by a model that nobody has accepted."""
    return f"model:{inbox}"


def first_lane(inbox: str) -> str:
    """The lane that is blocked while an inbox waits for the model that the answer to one recording names."""
    return f"{FIRST}:{inbox}"


#: The lanes that each question about a transcript waits for; those of its inbox are others.
ASKING = (STATE, API, SUBMIT, PAUSE, LIMIT, QUESTIONS)


def is_planned(lane: str) -> bool:
    """True if people have planned that this lane is blocked: then nothing is wrong."""
    return lane in (PAUSE, HOURS, LIMIT) or lane.startswith((f"{PAUSE}:", f"{LIMIT}:", f"{FIRST}:"))


def holds_up(lane: str) -> bool:
    """True if a step that should go on waits for this lane."""
    return lane not in (CONFIGURATION, NEWS) and not is_planned(lane)


def inbox_lane(name: str) -> str:
    """The lane of one inbox and its folders."""
    return f"inbox:{name}"


def backlog_lane(name: str) -> str:
    """The lane of what lies in one inbox and waits for a person; jobs that are there already go on."""
    return f"backlog:{name}"


class TranscribedError(Exception):
    """An error that a person can understand from one sentence.

    `refused` is True only if a request certainly had no effect on the other side (it was never sent, or was definitely
    refused). In all other cases it may have been done, and paid.
    """

    def __init__(self, message: str, *, hint: str = "", refused: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.refused = refused


class Transient(TranscribedError):
    """The job is tried again later: the same step may succeed then."""

    def __init__(
        self, message: str, *, hint: str = "", refused: bool = False, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(message, hint=hint, refused=refused)
        self.retry_after_seconds = retry_after_seconds


class Defect(Transient):
    """A defect of ours, met while working at one thing: that is tried again later, and the log has the traceback."""

    def __init__(self, error: Exception) -> None:
        super().__init__(f"a defect in transcribed: {type(error).__name__}", hint="please report it, with the log")


class Permanent(TranscribedError):
    """The job becomes FAILED: trying again is useless until a person has looked at it."""


class Lost(TranscribedError):
    """The job's upload at AssemblyAI can no longer be used: it is uploaded again, which is free."""


class Blocked(TranscribedError):
    """The whole lane waits. It is not the job's fault, and no job is charged an attempt.

    `exit_status` is the exit status of `run --once` if the lane stays blocked. `by_person` is True if no probe can end
    the block, only a person's order.
    """

    def __init__(
        self,
        message: str,
        *,
        lane: str,
        hint: str = "",
        refused: bool = False,
        retry_after_seconds: float | None = None,
        exit_status: Exit = Exit.UNAVAILABLE,
        by_person: bool = False,
    ) -> None:
        super().__init__(message, hint=hint, refused=refused)
        self.lane = lane
        self.retry_after_seconds = retry_after_seconds
        self.exit_status = exit_status
        self.by_person = by_person


class Withdrawn(TranscribedError):
    """The recording is gone from its inbox, or another one is in its place: the job has nothing left to do."""


class Gone(Withdrawn):
    """Surely nothing lies where the recording was: somebody took it away, or we did before a crash."""


class Stopped(TranscribedError):
    """The daemon is stopping and has ended this step early; it is not counted as an attempt."""


def refused_reload(problem: TranscribedError) -> Blocked:
    """The block of a configuration that was refused while an older one is in force: no step waits for it."""
    said = "; ".join(problem.problems) if isinstance(problem, ConfigError) else problem.message
    return Blocked(
        f"a reload was refused, and the configuration from before stays in force: {said}",
        lane=CONFIGURATION,
        hint="fix it, then `systemctl reload transcribed` (SIGHUP): a daemon that is started with it now would end",
        exit_status=Exit.CONFIGURATION,
        by_person=True,
    )


def no_news(problem: "ConfigError", *, goes_on: bool) -> Blocked:
    """The block of the news where the services that tell people cannot be had: no step waits for it.

    `goes_on`: those from before are at work still.
    """
    which = "news go to the services from before" if goes_on else "no news are sent"
    return Blocked(
        f"{which}: {'; '.join(problem.problems)}",
        lane=NEWS,
        hint="then `systemctl reload transcribed` (SIGHUP); after an installation a restart",
        exit_status=Exit.CONFIGURATION,
        by_person=True,
    )


class ConfigError(TranscribedError):
    """The configuration cannot be used. It holds all problems at once, each with its fix; exit status 78."""

    def __init__(
        self, problems: list[str], *, hint: str = "see config.example.toml, or `transcribed config example`"
    ) -> None:
        super().__init__("\n".join(problems), hint=hint)
        self.problems = problems


#: Errors of a disk, a mount or a permission, never of a single file: (the problem, the fix).
_ENVIRONMENT: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("the disk is full", "free some space"),
    errno.EDQUOT: ("the disk quota is used up", "free some space, or raise the quota"),
    errno.EROFS: ("the file system is read-only", "mount it writable again"),
    errno.EIO: ("the disk or the share reports an input/output error", "check the disk and the mount"),
    errno.ESTALE: (
        "the share's handle is stale",
        "the server was restarted or the export moved: mount it again",
    ),
    errno.ENOTCONN: ("the share is not connected", "mount it again"),
    errno.EHOSTDOWN: ("the file server is down", "start it, or wait"),
    errno.EHOSTUNREACH: ("the file server cannot be reached", "check the network"),
    errno.ETIMEDOUT: ("the file server does not answer", "check the network"),
    errno.ENODEV: ("the device is gone", "connect it again"),
    errno.ENXIO: ("the device is gone", "connect it again"),
    errno.EMFILE: ("too many files are open in this process", "raise its limit (LimitNOFILE=)"),
    errno.ENFILE: ("too many files are open on this machine", "raise fs.file-max"),
    errno.EACCES: ("permission is denied", "give the daemon's user access to the folder"),
    errno.EPERM: ("the operation is not permitted", "give the daemon's user access to the folder"),
}


_REFUSED_BY_SERVER = "the file server refuses access"
_NO_ANSWER = "the file server gives no answer"
_READ_ONLY = "the share is read-only"
_NOT_A_DISK = "the share reports an input/output error"
_NOT_OPENED = "the service's sandbox does not let it write there"
_OPEN_IT = (
    "run `transcribed service install` again: it writes the lines for each folder of the configuration "
    "(ReadWritePaths=, NoExecPaths=; below /home also BindPaths=); then `systemctl restart transcribed`"
)
#: The same on a share, by the kind of its mount, where the error has another cause there than on a disk.
_OF_SHARES: dict[str, dict[int, tuple[str, str]]] = {
    "nfs": {  # exports(5); nfs(5): a soft mount that gives up returns EIO or ETIMEDOUT
        errno.EACCES: (
            _REFUSED_BY_SERVER,
            "let the server export the folder to this machine (`exportfs -v`), or give the daemon's user access to it",
        ),
        errno.EIO: (f"{_NO_ANSWER}, or reports an input/output error", "start it, or check its disks and the network"),
        errno.ETIMEDOUT: (_NO_ANSWER, "start it, or check the network"),
        errno.ESTALE: (
            "the folder is no longer the one that the file server exported",
            "look at what the server exports, then mount it again",
        ),
        errno.ENOSPC: ("the file server's disk is full", "free some space there"),
        errno.EROFS: (
            _READ_ONLY,
            "let the server export it for writing (its disk may be read-only), or mount it writable again",
        ),
    },
    "cifs": {
        errno.EACCES: (
            _REFUSED_BY_SERVER,
            "let the user of the mount use the share, and the daemon's user use the mount (uid=, file_mode=)",
        ),
        errno.EIO: (f"{_NO_ANSWER}, or reports an input/output error", "start it, or check its disks and the network"),
        errno.ETIMEDOUT: (_NO_ANSWER, "start it, or check the network"),
        errno.ENOTCONN: (_NO_ANSWER, "start it, or check the network: the mount connects again by itself"),
        errno.ENOSPC: (  # samba answers so for a quota too
            "the file server's disk is full, or a quota there is used up",
            "free some space there, or raise the quota",
        ),
        errno.EROFS: (
            _READ_ONLY,
            "let the server share it for writing (its disk may be read-only), or mount it writable again",
        ),
    },
    "fuse": {
        errno.EACCES: (
            "the mount refuses access",
            "mount it with allow_other, or as the daemon's user; else give that user access to the folder",
        ),
        errno.EIO: (_NOT_A_DISK, "look at the log of the program that mounted it, and at its server"),
        errno.ENOTCONN: ("the program that mounted the share has ended", "mount it again"),
        errno.ECONNABORTED: ("the program that mounted the share has ended", "mount it again"),
    },
    "sandbox": {errno.EROFS: (_NOT_OPENED, _OPEN_IT)},
    "hidden": {errno.EACCES: (_NOT_OPENED, _OPEN_IT)},
    "share": {
        errno.EACCES: (_REFUSED_BY_SERVER, "let its server and the mount give the daemon's user access to the folder"),
        errno.EIO: (_NOT_A_DISK, "check its server and the network"),
    },
}
_CLOSED = ("sandbox", "hidden")  #: no file system, but what the unit of the service made of one
_FAMILIES = {
    "sandbox": "sandbox",
    "hidden": "hidden",
    "nfs": "nfs",
    "nfs4": "nfs",
    "cifs": "cifs",
    "smb3": "cifs",
    "smbfs": "cifs",
}


def _meaning(number: int | None, kind: str) -> tuple[str, str] | None:
    """The problem and the fix for an error of a disk, a mount or a permission; None for any other error."""
    family = "fuse" if kind.startswith("fuse") else _FAMILIES.get(kind, "share" if kind else "")
    known = _OF_SHARES.get(family, {}).get(number or 0)
    if known is not None:
        return known if family in _CLOSED else (f"{known[0]} ({kind})", known[1])
    return _ENVIRONMENT.get(number or 0)


def from_os_error(error: OSError, *, lane: str, doing: str, share: str = "") -> TranscribedError:
    """The error of ours for an operating-system error that was met while `doing` something in the folders of `lane`.

    `share` is the kind of file system that it was met on, if that is not one of this machine: nfs4, fuse.sshfs ...; or
    `sandbox` or `hidden`, where the unit of the service closed the folder.
    A name that is too long for the file system is the job's own fault. A problem with the disk, the mount or a
    permission blocks the lane. Anything else is tried again.
    """
    if error.errno == errno.ENAMETOOLONG:
        return Permanent(f"{doing}: the name is too long for the file system", hint="give it a shorter name")
    if (meaning := _meaning(error.errno, share)) is not None:
        problem, fix = meaning
        status = Exit.PERMISSION if error.errno in (errno.EACCES, errno.EPERM) else Exit.UNAVAILABLE
        return Blocked(f"{doing}: {problem}", lane=lane, hint=fix, exit_status=status)
    return Transient(f"{doing}: {error.strerror or error}")
