"""What can go wrong, sorted by what the daemon does about it.

The module that holds the evidence chooses the class; nobody reads the text of an error to decide.
Each error carries one sentence for a person and, where there is one, the next step (`hint`).
This module knows no job, no clock and no file.
"""

import errno

__all__ = [
    "Blocked",
    "ConfigError",
    "Defect",
    "Lost",
    "Permanent",
    "Stopped",
    "TranscribedError",
    "Transient",
    "Withdrawn",
    "from_os_error",
    "inbox_lane",
]

API, SUBMIT, STATE = "api", "submit", "state"


def inbox_lane(name: str) -> str:
    """The lane of one inbox and the folders that belong to it."""
    return f"inbox:{name}"


class TranscribedError(Exception):
    """Something went wrong that a person can be told about in one sentence.

    `refused` is True only where a request surely had no effect on the other side (it was never sent, or it was
    answered with a definite no); everything else may have been done, and paid.
    """

    def __init__(self, message: str, *, hint: str = "", refused: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.refused = refused


class Transient(TranscribedError):
    """This job, later: the same step may well succeed when it is tried again."""

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
    """This job, never: a person must look (the job becomes FAILED)."""


class Lost(TranscribedError):
    """What AssemblyAI held for this job is of no more use: upload again, which is free."""


class Blocked(TranscribedError):
    """Not this job's fault: the whole lane waits, and no job is charged an attempt.

    `exit_status` is what `run --once` leaves with where it stays so (sysexits.h: 69 unavailable, 75 try again later,
    77 permission). `by_person` says that no probe can end it, only a person's order.
    """

    def __init__(
        self,
        message: str,
        *,
        lane: str,
        hint: str = "",
        refused: bool = False,
        retry_after_seconds: float | None = None,
        exit_status: int = 69,
        by_person: bool = False,
    ) -> None:
        super().__init__(message, hint=hint, refused=refused)
        self.lane = lane
        self.retry_after_seconds = retry_after_seconds
        self.exit_status = exit_status
        self.by_person = by_person


class Withdrawn(TranscribedError):
    """The recording is gone from its inbox, or another one lies in its place: nothing is left to do for this job."""


class Stopped(TranscribedError):
    """The daemon is stopping and has let go of this step; it counts for nothing."""


class ConfigError(TranscribedError):
    """The configuration cannot be used. All of its problems at once, each naming its mend; exit status 78."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems), hint="see config.example.toml, or `transcribed config example`")
        self.problems = problems


#: Errors that speak of a disk, a mount or a permission and never of one file: (what it is, what ends it).
_ENVIRONMENT: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("the disk is full", "free some space"),
    errno.EDQUOT: ("the disk quota is used up", "free some space, or raise the quota"),
    errno.EROFS: ("the file system is read-only", "mount it writable again"),
    errno.EIO: ("the disk or the share reports an input/output error", "look at the disk and at the mount"),
    errno.ESTALE: (
        "the share's handle is stale",
        "the server was restarted or the export moved: mount it anew",
    ),
    errno.ENOTCONN: ("the share is not connected", "mount it again"),
    errno.EHOSTDOWN: ("the file server is down", "start it, or wait"),
    errno.EHOSTUNREACH: ("the file server cannot be reached", "look at the network"),
    errno.ETIMEDOUT: ("the file server does not answer", "look at the network"),
    errno.ENODEV: ("the device is gone", "attach it again"),
    errno.ENXIO: ("the device is gone", "attach it again"),
    errno.EMFILE: ("too many files are open in this process", "raise its limit (LimitNOFILE=)"),
    errno.ENFILE: ("too many files are open on this machine", "raise fs.file-max"),
    errno.EACCES: ("permission is denied", "give the daemon's user access to the folder"),
    errno.EPERM: ("the operation is not permitted", "give the daemon's user access to the folder"),
}


def from_os_error(error: OSError, *, lane: str, doing: str) -> TranscribedError:
    """The class of an operating-system error met while `doing` something in the folders of `lane`.

    A name that the file system cannot hold is the job's own fault; what concerns disk, mount or permission blocks the
    lane; anything else is tried again.
    """
    if error.errno == errno.ENAMETOOLONG:
        return Permanent(f"{doing}: the name is too long for the file system", hint="give it a shorter name")
    if error.errno in _ENVIRONMENT:
        what, mend = _ENVIRONMENT[error.errno]
        status = 77 if error.errno in (errno.EACCES, errno.EPERM) else 69
        return Blocked(f"{doing}: {what}", lane=lane, hint=mend, exit_status=status)
    return Transient(f"{doing}: {error.strerror or error}")
