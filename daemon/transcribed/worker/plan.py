"""The plan that the worker works by, and what it needs of its host.

Plain values only: the worker and the configuration are strangers, and `daemon` puts them together.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from transcribed import errors
from transcribed.assemblyai import AssemblyAI
from transcribed.inbox import Said
from transcribed.job import Job, Prices, Rules, Settings, settings_from_json
from transcribed.job.limits import Limits


class Clock(Protocol):
    """Both times, so that a test can hold them."""

    def wall(self) -> float:
        """Seconds since the epoch: for people, and for what must survive a restart."""

    def monotonic(self) -> float:
        """Seconds that never jump: for every wait inside this process."""


class Executor(Protocol):
    """Somewhere for steps to run."""

    def submit(self, work: Callable[[], None], /) -> object:
        """Run `work` soon; it posts its own result. Raises RuntimeError where no thread can be started for it."""


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
    after: str
    archive_days: float  #: for so long a delivered recording stays in the archive; 0: for ever
    duplicates: str
    silence: str  #: "empty" or "fail": a recording in which nothing is said
    limits: Limits  #: of what may be paid for of its recordings
    page: bool  #: `_transcribed.html` is kept in the outbox
    search_page: bool  #: `_search.html` too, with the texts of what was delivered there
    hold_new_model: bool  #: recordings that would be paid by a new model wait for a person
    accept_at_share: bool  #: people at the share may end a block that concerns only the share
    settle_seconds: float
    scan_seconds: float
    watch: str
    extensions: tuple[bytes, ...]  #: lower-case, with their dot
    ignore: tuple[str, ...]  #: patterns of names that are not taken
    bins: tuple[bytes, ...]  #: of deleted files, as paths below the inbox
    links: bool  #: links to recordings are taken
    hardlinks: bool  #: a file with several names is taken
    remove_empty_folders: bool  #: in the inbox, where our moves emptied them
    on_delivered: tuple[str, ...]  #: a command, word by word
    on_failed: tuple[str, ...]
    hook_seconds: float
    settings: Settings  #: of a recording of which files at the share say nothing
    names: str
    file_mode: int | None  #: of what is written; None: what folder and umask give
    dir_mode: int | None
    group: int | None
    is_free: bool  #: this machine itself hears what comes: nobody is asked before, and it counts for no hours
    draft: bool  #: the text of the recogniser on this machine is delivered until the transcript is
    delete_remote: bool  #: AssemblyAI's copy of a recording is deleted once it is delivered

    def settings_of(self, job: Job) -> Settings:
        """The settings of this job's recording: as files at the share said of it, else as its inbox has them."""
        if job.settings is None:
            return self.settings
        return settings_from_json(job.settings, self.settings.output_name)

    @property
    def lane(self) -> str:
        """The lane that is blocked when one of its folders cannot be reached."""
        return errors.inbox_lane(self.name)

    @property
    def backlog_lane(self) -> str:
        """The lane that is blocked while what lies in the inbox waits for a person."""
        return errors.backlog_lane(self.name)

    @property
    def parameters_lane(self) -> str:
        """The lane that is blocked when the API refuses the parameters that all recordings of this inbox share."""
        return f"parameters:{self.name}"

    @property
    def pause_lane(self) -> str:
        """The lane that is blocked while the inbox is paused."""
        return errors.pause_lane(self.name)

    @property
    def lanes(self) -> tuple[str, ...]:
        """All lanes of its own."""
        return self.lane, self.backlog_lane, self.parameters_lane, *self.held

    @property
    def model_lane(self) -> str:
        """The lane that is blocked while its recordings would be paid by a new model."""
        return errors.model_lane(self.name)

    @property
    def first_lane(self) -> str:
        """The lane that is blocked while one recording goes first, and its answer tells the model."""
        return errors.first_lane(self.name)

    @property
    def limit_lane(self) -> str:
        """The lane that is blocked while the inbox has reached a limit."""
        return errors.limit_lane(self.name)

    @property
    def held(self) -> tuple[str, ...]:
        """Those of its lanes that `worker.holds` blocks, and frees."""
        return self.pause_lane, self.limit_lane, self.model_lane, self.first_lane


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a reload of the configuration may change."""

    routes: tuple[Route, ...]
    client: AssemblyAI
    recogniser: AssemblyAI | None  #: the recogniser on this machine, for drafts
    rules: Rules
    poll_seconds: float
    uploads: int
    upload_hours: str | None  #: the hours in which recordings are uploaded, as `job.hours` reads them; None: all
    accept_backlog_hours: float
    tell: tuple[str, ...]  #: the kinds of news that are sent: failed, blocked, delivered
    digest_seconds: float
    transcripts_days: float | None  #: for so long a kept transcript stays after its delivery; None: for ever
    limits: Limits  #: of what may be paid for, of all inboxes together
    prices: Prices
    currency: str
    jobs_days: float  #: for so long a job is remembered after its end
    unusable: errors.Blocked | None = None  #: what of the configuration cannot be used, though all else can


def kept_lanes(before: Plan, after: Plan, routes: Sequence[Route]) -> set[str]:
    """The lanes that stay blocked over a reload: it cannot have fixed them; `routes` are those that were at work.

    What was refused for its parameters is not among them: they may be allowed at AssemblyAI now.
    """
    as_before = {lane for route in after.routes if route in routes for lane in (route.lane, route.backlog_lane)}
    held = {errors.PAUSE, errors.HOURS, errors.LIMIT, *(lane for route in after.routes for lane in route.held)}
    account = {errors.API, errors.SUBMIT} if after.client.account == before.client.account else set[str]()
    return {errors.STATE, *account, *as_before, *held}


class Host(Protocol):
    """The worker's host: the service manager, the status file, threads, and the people to tell."""

    def notify(self, **fields: str) -> None:
        """Tell the service manager."""

    def show(self, status: bytes) -> None:
        """Lay the newest status down for those who ask this process. It waits for nothing."""

    def publish(self, status: bytes) -> None:
        """Write the status file (on the state's thread)."""

    def read_plan(self) -> Plan:
        """Read the configuration again (on the state's thread). Raises ConfigError."""

    def watch(self, root: bytes) -> bool:
        """Let folder events below `root` post a Look, from now on and still; whether they do. Called before a look."""

    def written(self, root: bytes) -> Mapping[bytes, bool]:
        """The files below a watched root that events show to be written, each True until it is closed.

        Once this was asked, the next `watch` begins to find it out; it costs an event for each write.
        """

    def settings(self, inbox: str, said: Sequence[Said]) -> str | None:
        """The settings that these files make for a recording, as canonical JSON; None: none. Raises ConfigError."""

    def speakers(self, content: bytes, where: str) -> dict[str, str]:
        """The names of speakers in an order at the share, the file `where`. Raises ConfigError."""

    def question(self, content: bytes, where: str) -> dict[str, object]:
        """The question in an order at the share, the file `where`, as AssemblyAI takes it. Raises ConfigError."""

    def tell(self, title: str, body: str) -> None:
        """Tell people this news. Raises TranscribedError where nobody took it."""

    def executor(self, name: str, threads: int) -> Executor:
        """So many threads for one kind of work, by its name."""
