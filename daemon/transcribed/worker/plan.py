"""The plan that the worker works by, and what it needs of its host.

Plain values only: the worker and the configuration are strangers, and the command line introduces them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from transcribed import errors
from transcribed.assemblyai import AssemblyAI
from transcribed.inbox import Said
from transcribed.job import Rules


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

    def publish(self, status: bytes) -> None:
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
