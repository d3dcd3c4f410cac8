"""What the worker is told: its routes, its times, and the messages that reach its mailbox.

Plain values only: the worker and the configuration are strangers, and the command line introduces them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from transcribed import errors
from transcribed.assemblyai import AssemblyAI, Listed
from transcribed.inbox import Found, Listing, Probe, Said
from transcribed.job import Job, Rules
from transcribed.job.events import Event


class Clock(Protocol):
    """Both times, so that a test can hold them."""

    def wall(self) -> float:
        """Seconds since the epoch: for people, and for what must survive a restart."""

    def monotonic(self) -> float:
        """Seconds that never jump: for every wait inside this process."""


class Executor(Protocol):
    """Somewhere for steps to run."""

    def submit(self, work: Callable[[], None], /) -> object:
        """Run `work` soon; it posts its own result."""


class Mailbox(Protocol):
    """The one way in; queue.SimpleQueue is one, and safe in signal handlers."""

    def put(self, message: object, /) -> None:
        """Post a message."""

    def get(self, *, timeout: float) -> object:
        """The next message. Raises queue.Empty after `timeout` seconds."""


@dataclass(frozen=True, slots=True)
class Route:
    """One inbox, the folders that belong to it, and what its people asked for. Folders are absolute."""

    name: str
    inbox: bytes
    outbox: bytes
    archive: bytes
    failed: bytes
    after: str = "archive"
    duplicates: str = "reuse"
    silence: str = "empty"  #: what becomes of a recording in which nothing is said
    settle_seconds: float = 5.0
    scan_seconds: float = 10.0
    watch: str = "auto"
    extensions: tuple[bytes, ...] = (b".mp3",)  #: lower-case, with their dot
    ignore: tuple[str, ...] = ()  #: patterns of what is not taken
    links: bool = True  #: whether links to recordings are taken
    on_delivered: tuple[str, ...] = ()  #: a command, word by word
    on_failed: tuple[str, ...] = ()
    hook_seconds: float = 60.0
    hardlinks: bool = True  #: whether a file with several names is taken
    formats: tuple[str, ...] = ("txt",)
    output_name: str = "{stem}.{ext}"  #: the template of their names
    speakers: tuple[tuple[str, str], ...] = ()  #: labels and the names to show for them
    line_length: int = 42  #: of subtitles, in characters
    lines: int = 2
    names: str = "exact"
    file_mode: int | None = None  #: of what is written; None: what folder and umask give
    dir_mode: int | None = None
    group: int | None = None
    delete_remote: bool = False  #: whether what AssemblyAI has of a recording is deleted once it is delivered
    parameters: str = "{}"  #: of the request: canonical JSON

    @property
    def lane(self) -> str:
        """What is blocked when one of its folders is not to be had."""
        return errors.inbox_lane(self.name)

    @property
    def parameters_lane(self) -> str:
        """What is blocked when the API refuses the parameters that all of this inbox's recordings share."""
        return f"parameters:{self.name}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a reload of the configuration may change."""

    routes: tuple[Route, ...]
    client: AssemblyAI
    rules: Rules = field(default_factory=Rules)
    poll_seconds: float = 5.0
    uploads: int = 4
    accept_backlog_hours: float = 24.0
    tell: tuple[str, ...] = ()  #: what people are told of: failed, blocked, delivered
    digest_seconds: float = 900.0
    transcripts_days: float | None = None  #: for so long a kept transcript stays after its delivery; None: for ever


class Host(Protocol):
    """What the process owes its host, and the parts of it that the worker asks for."""

    def notify(self, **fields: str) -> None:
        """Tell the service manager."""

    def publish(self, snapshot: dict[str, Any]) -> None:
        """Write the status file (on the state's thread)."""

    def read_plan(self) -> Plan:
        """Read the configuration again (on the state's thread). Raises ConfigError."""

    def watch(self, root: bytes) -> bool:
        """Let folder events below `root` post a Look, from now on and still; whether they do. Called before a look."""

    def settings(self, inbox: str, said: Sequence[Said]) -> str | None:
        """What these files at the share say of a recording, as canonical JSON; None: nothing. Raises ConfigError."""

    def tell(self, title: str, body: str) -> None:
        """Tell people this news. Raises TranscribedError where nobody took it."""

    def executor(self, name: str, threads: int) -> Executor:
        """Threads for steps, by name."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Finish or let go of what is in flight, and leave."""


@dataclass(frozen=True, slots=True)
class Reload:
    """Read the configuration again."""


@dataclass(frozen=True, slots=True)
class Reloaded:
    """The configuration was read: a plan, or what is wrong with it."""

    plan: Plan | None
    problem: errors.TranscribedError | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """Something may have changed below this root. No path travels: the listing is the truth."""

    root: bytes


@dataclass(frozen=True, slots=True)
class Looked:
    """One look at an inbox for `asker`, from `at` to `ended_at` (monotonic), or why it could not be had.

    A reload makes new askers, to whom what the old ones asked for is nothing.
    `whole`: it listed everything. `events`: more of them will come. `again`: what it was to tell of anew. `folders`:
    which folders they are, as is to be remembered.
    """

    asker: object
    listing: Listing | None
    at: float
    ended_at: float
    whole: bool
    events: bool
    again: frozenset[bytes]
    problem: errors.TranscribedError | None = None
    folders: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What lies in an inbox that was never accepted."""

    asker: object
    count: int
    hours: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A settled file that was looked into: what it is, what is said of it, or what is `wrong` with what is said.

    `astray`: why a link leads to no recording that AssemblyAI could fetch.
    """

    found: Found
    probe: Probe
    settings: str | None = None
    wrong: str = ""
    astray: errors.Permanent | None = None


@dataclass(frozen=True, slots=True)
class Probed:
    """Settled files that were looked into; those that could not be are left for the next look.

    `asked`: all that were to be looked into. `unread`: why one of them could not be read, by its path.
    """

    asker: object
    asked: tuple[bytes, ...]
    candidates: tuple[Candidate, ...]
    unread: Mapping[bytes, str] = field(default_factory=dict)
    problem: errors.TranscribedError | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """A step ended: `job` as it was when the step began, what happened, and the lane that it found blocked."""

    job: Job
    event: Event | None
    blocked: errors.Blocked | None = None


@dataclass(frozen=True, slots=True)
class Polled:
    """One look at all transcripts that wait."""

    asked: frozenset[str]
    listed: tuple[Listed, ...] = ()
    problem: errors.TranscribedError | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """A blocked lane was probed: `problem` is why it stays blocked."""

    lane: str
    problem: errors.TranscribedError | None = None


@dataclass(frozen=True, slots=True)
class Erased:
    """A transcript was deleted at AssemblyAI, or why not."""

    transcript_id: str
    problem: errors.TranscribedError | None = None


@dataclass(frozen=True, slots=True)
class Aged:
    """The kept transcripts whose files were written before then (seconds since the epoch), or why nobody knows."""

    transcript_ids: tuple[str, ...]
    before: float
    problem: errors.TranscribedError | None = None


@dataclass(frozen=True, slots=True)
class Hooked:
    """A command that was run for a job has ended."""


@dataclass(frozen=True, slots=True)
class Told:
    """News were told: `problem` is why nobody took them."""

    problem: errors.TranscribedError | None = None


@dataclass(frozen=True, slots=True)
class Ordered:
    """What a person ordered, by the name of the order's file."""

    orders: tuple[tuple[bytes, Mapping[str, Any]], ...]
