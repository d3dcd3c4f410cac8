"""The tables of the configuration file, their keys, defaults and bounds.

Each field says what it is for (the schema shows it to editors). The text of each check's error says what should be
there, to follow the words "should be".
"""

import os
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from transcribed.config import kinds
from transcribed.config.limits import Limited
from transcribed.config.table import Table
from transcribed.formats import FORMATS, naming
from transcribed.formats.style import PLAIN, SEPARATORS
from transcribed.job import Settings, checked_base_url
from transcribed.places import STATE_DIRECTORY, absolute

__all__ = [
    "Api",
    "Config",
    "Costs",
    "Defaults",
    "File",
    "Inbox",
    "Local",
    "Log",
    "Monitor",
    "Notify",
    "State",
    "Transcription",
]


def _name(name: str) -> str:
    if not (name.isprintable() and name.strip() and len(name) <= 64):
        raise ValueError("1 to 64 printable characters (the default is the folder's name)")
    return name


def _text(text: str) -> str:
    if not (text.isprintable() and text.strip() and len(text) <= 255):
        raise ValueError("1 to 255 printable characters")
    return text


def _format(name: str) -> str:
    if name not in FORMATS:
        raise ValueError("one of " + " ".join(FORMATS))
    return name


def _output_name(template: str) -> str:
    if problems := naming.problems(template):
        raise ValueError("a template as {stem}.{lang}.{ext}: " + "; ".join(problems))
    return template


def _each_once(what: str) -> AfterValidator:
    def check(names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError(f"a list that names each {what} once")
        return names

    return AfterValidator(check)


def _separator(sign: str) -> str:
    if sign not in SEPARATORS:
        raise ValueError('a comma, a semicolon or a tab: "," ";" "\\t"')
    return sign


Command = Annotated[tuple[str, ...], AfterValidator(kinds.command)]
Text = Annotated[str, AfterValidator(_text)]
Extension = Annotated[str, AfterValidator(kinds.extension)]
Pattern = Annotated[str, AfterValidator(kinds.pattern)]
AbsolutePath = Annotated[str, AfterValidator(absolute)]
Format = Annotated[str, AfterValidator(_format), WithJsonSchema({"type": "string", "enum": list(FORMATS)})]
Formats = Annotated[tuple[Format, ...], _each_once("format"), Field(strict=False, min_length=1)]
Speakers = Annotated[dict[str, str], AfterValidator(kinds.speakers)]
OutputName = Annotated[str, AfterValidator(_output_name)]
LineLength = Annotated[int, Field(ge=20, le=200)]
Lines = Annotated[int, Field(ge=1, le=4)]
Prices = dict[str, Annotated[float, Field(ge=0, le=1_000_000)]]
Separator = Annotated[str, AfterValidator(_separator), WithJsonSchema({"type": "string", "enum": list(SEPARATORS)})]


class Api(Table):
    """The API, and the daemon's patience with it."""

    engine: Literal["cloud", "local"] = Field(
        default="cloud",
        description="cloud: the API at base_url. local: a recogniser on this machine, which the daemon runs itself.",
    )
    base_url: Annotated[str, AfterValidator(checked_base_url)] = Field(
        default="https://api.assemblyai.com",
        description="The API's address: https, or http on this machine itself. The EU: https://api.eu.assemblyai.com",
    )
    key_file: AbsolutePath | None = Field(
        default=None, description="A file that holds only the API key, and that only its owner can read."
    )
    poll_seconds: float = Field(
        default=0.5, gt=0, le=3600, description="The shortest time between two looks at what is transcribed."
    )
    uploads: int = Field(default=16, ge=1, le=32, description="The most recordings that are uploaded at once.")
    upload_kilobytes_per_second: float | None = Field(
        default=None, ge=1, le=10_000_000, description="The most that all uploads together send. Default: no bound."
    )
    upload_hours: Annotated[str, AfterValidator(kinds.hours)] | None = Field(
        default=None, description='Recordings are uploaded in these hours alone, local time: "22:00-06:00".'
    )
    reconcile_seconds: float = Field(
        default=120.0,
        gt=0,
        le=86400,
        description="A submit whose answer was lost is looked for this long before it is sent again.",
    )
    patience_days: float = Field(
        default=3.0,
        gt=0,
        le=3650,
        description="A recording is tried this long before it fails; time in which it is blocked does not count.",
    )
    accept_backlog_hours: float = Field(
        default=24.0,
        ge=0,
        le=1_000_000,
        description="If an inbox holds more audio than this at its first start, it waits for `transcribed accept`."
        " So does later far more within a day than it is used to, but never less than 100 hours, or than this.",
    )


class Local(Table):
    """The recogniser on this machine: the options of `transcribed local-api` (extra `local`)."""

    model: Text | None = Field(default=None, description="Whisper's model: a name, which is fetched once, or a folder.")
    engine: Text | None = Field(default=None, description="A server that hears, with OpenAI's interface: its address.")
    engine_key_file: AbsolutePath | None = Field(default=None, description="A file with the key that it wants.")
    workers: int | None = Field(default=None, ge=1, le=64, description="The recordings that are heard at once.")


class State(Table):
    """The folder in which the daemon keeps what it knows."""

    directory: AbsolutePath = Field(
        default=STATE_DIRECTORY,
        description="Journal and kept transcripts, on a local disk. Default: $STATE_DIRECTORY, else the user's.",
    )
    transcripts_days: float | None = Field(
        default=None,
        gt=0,
        le=36500,
        description="A kept transcript stays so long after delivery. Default: for ever.",
    )
    jobs_days: float = Field(
        default=730.0,
        gt=0,
        le=36500,
        description="An ended job and its story stay so long. What was paid is known for ever.",
    )


class Log(Table):
    """The log."""

    format: Literal["auto", "console", "json", "journal"] = Field(
        default="auto", description="The form of a log line; auto depends on where the log goes."
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least that is logged; SIGUSR1 changes to debug and back."
    )


class Monitor(Table):
    """Health and metrics for other programs."""

    listen: Annotated[str, AfterValidator(kinds.listen)] | None = Field(
        default=None,
        description="Answer /healthz, /readyz, /metrics and /status.json here: 127.0.0.1:PORT or unix:/PATH.",
    )
    textfile: Annotated[AbsolutePath, AfterValidator(kinds.prom)] | None = Field(
        default=None, description="A file of metrics for node_exporter's textfile collector, written each minute."
    )
    heartbeat_url_file: AbsolutePath | None = Field(
        default=None, description="A file with the one address that is asked each minute while the daemon is healthy."
    )


class Notify(Table):
    """News by mail, ntfy, Matrix and the like (extra `notify`)."""

    urls_file: AbsolutePath | None = Field(
        default=None, description="A file of addresses as apprise knows them, one a line, that only its owner can read."
    )
    events: Annotated[tuple[Literal["failed", "blocked", "delivered"], ...], _each_once("event")] = Field(
        default=("failed", "blocked"), strict=False, min_length=1, description="The kinds of news that are sent."
    )
    digest_seconds: float = Field(
        default=900.0, gt=0, le=604800, description="At most one digest is sent in this time."
    )


class Costs(Limited):
    """The prices by which `transcribed costs` counts money, and the limits of all inboxes together."""

    currency: Annotated[str, AfterValidator(kinds.currency)] = Field(
        default="USD", description="The currency of the prices, as it is shown."
    )
    price_per_hour: Prices = Field(
        default_factory=dict,
        description='The price of an hour of audio, by the model that is billed; "*" is any other. Default: none.',
    )
    extra_per_hour: Prices = Field(
        default_factory=dict, description="What an hour costs more, by the parameter that asks for it. Default: none."
    )


class Transcription(Table):
    """The settings by which a recording is transcribed and rendered; people at the share may make them too."""

    transcript: dict[str, Any] = Field(
        default_factory=dict, description="AssemblyAI's own parameters, by their own names. They are sent as they are."
    )
    formats: Formats = Field(default=("txt",), description="The renderings that are delivered.")
    output_name: OutputName = Field(
        default=naming.DEFAULT, description="The names of renderings: {stem}, {lang}, {date} and {job}, then .{ext}."
    )
    speakers: Speakers = Field(
        default_factory=dict, description="Names for AssemblyAI's labels of speakers; they merge key by key."
    )
    line_length: LineLength = Field(
        default=PLAIN.line_length, description="The most characters in a line of a subtitle."
    )
    lines: Lines = Field(default=PLAIN.lines, description="The most lines of a subtitle.")
    vtt_names: bool = Field(default=PLAIN.vtt_names, description="Write names into the text of vtt, as in srt.")
    txt_times: bool = Field(default=PLAIN.txt_times, description="Begin each paragraph of txt with its time.")
    csv_separator: Separator = Field(
        default=PLAIN.csv_separator, description="The sign between the cells of csv: a comma, a semicolon or a tab."
    )

    def settings(self) -> Settings:
        """The same in the form that jobs are made by."""
        style = {key: getattr(self, key) for key in STYLE}
        return Settings.of(parameters=self.transcript, formats=self.formats, output_name=self.output_name, **style)


#: The keys that are about the look of renderings, by their names in formats.Style.
STYLE = ("speakers", "line_length", "lines", "vtt_names", "txt_times", "csv_separator")


class Defaults(Transcription, Limited):
    """The settings of every inbox that does not set them itself; `transcript` and `speakers` merge key by key."""

    locked: tuple[str, ...] | None = Field(
        default=None,
        strict=False,
        description="The parameters and settings that files at the share may not make. Default: all that is about "
        "redaction, where redact_pii is set here.",
    )
    after: Literal["archive", "keep", "delete"] = Field(
        default="archive", description="What is done with a recording once its transcript is safe."
    )
    archive_days: float = Field(
        default=0.0, ge=0, le=36500, description="A delivered recording stays so long in the archive. 0: for ever."
    )
    duplicates: Literal["reuse", "skip", "transcribe"] = Field(
        default="reuse", description="What is done with a recording whose content was transcribed before."
    )
    delete_remote: bool = Field(
        default=False, description="Delete transcript and upload at AssemblyAI after the delivery."
    )
    draft: bool = Field(default=False, description="Deliver what this machine hears until the transcript is there.")
    silence: Literal["empty", "fail"] = Field(
        default="empty", description="What is done with a recording in which nothing is said."
    )
    page: bool = Field(default=True, description="Keep `_transcribed.html` in the outbox: how things are, for people.")
    search_page: bool = Field(
        default=False, description="Keep `_search.html` in the outbox, to search its transcripts."
    )
    hold_new_model: bool = Field(
        default=False, description="Recordings that would be paid by another model than before wait for a person."
    )
    accept_at_share: bool = Field(
        default=True,
        description="People at the share may end a block that concerns only the share, and have paid questions asked.",
    )
    settle_seconds: float = Field(
        default=5.0, ge=0, le=86400, description="A file is taken when it has not changed for this long."
    )
    scan_seconds: float = Field(
        default=10.0,
        ge=0.1,
        le=86400,
        description="The time between two looks at an inbox that has no events.",
    )
    watch: Literal["auto", "events", "scan"] = Field(
        default="auto",
        description="New files are noticed by events or by looks; auto uses events on local file systems.",
    )
    extensions: Annotated[tuple[Extension, ...], _each_once("ending")] = Field(
        default=(".mp3",), strict=False, min_length=1, description="The endings of recordings' names."
    )
    ignore: Annotated[tuple[Pattern, ...], _each_once("pattern")] = Field(
        default=(), strict=False, description="Patterns of names that are not taken, as in a shell."
    )
    links: bool = Field(default=True, description="Take links to recordings (.url, .webloc), which AssemblyAI fetches.")
    hardlinks: bool = Field(default=True, description="Take a file that has other names too.")
    remove_empty_folders: bool = Field(
        default=False,
        description="Remove sub-folders of the inbox that our moves have emptied.",
    )
    names: Literal["exact", "portable"] = Field(
        default="exact",
        description="exact: files are named as the recording. portable: what Windows cannot show is replaced.",
    )
    file_mode: Annotated[str, AfterValidator(kinds.file_mode)] | None = Field(
        default=None, description="The mode of new files, in octal. Default: what their folder and the umask give."
    )
    dir_mode: Annotated[str, AfterValidator(kinds.dir_mode)] | None = Field(
        default=None, description="The mode of new folders, in octal. Default: that of the folder that they are in."
    )
    group: Annotated[str, AfterValidator(kinds.group)] | None = Field(
        default=None, description="The group of new files and folders, by name or number. Default: their folder's."
    )
    on_delivered: Command = Field(
        default=(), strict=False, description="A command that is run after a recording was delivered and put away."
    )
    on_failed: Command = Field(
        default=(), strict=False, description="A command that is run after a recording has failed and was set aside."
    )
    hook_seconds: float = Field(default=60.0, gt=0, le=3600, description="Such a command may run this long.")


class Inbox(Defaults):
    """A folder that recordings are dropped into, and where they and their transcripts go."""

    path: AbsolutePath = Field(description="The folder that people drop recordings into.")
    outbox: AbsolutePath = Field(description="The folder where transcripts appear; inboxes may share one.")
    name: Annotated[str, AfterValidator(_name)] = Field(
        default_factory=lambda inbox: os.path.basename(inbox["path"]),
        validate_default=True,
        description="The name of this inbox in log and screen. Default: the folder's name.",
    )
    archive: AbsolutePath = Field(
        default_factory=lambda inbox: inbox["path"] + "-archive",
        description="The folder for recordings that were delivered. Default: <inbox>-archive beside the inbox.",
    )
    failed: AbsolutePath = Field(
        default_factory=lambda inbox: inbox["path"] + "-failed",
        description="The folder for recordings that failed. Default: <inbox>-failed beside the inbox.",
    )


class Config(Table):
    """The complete configuration that is in force. `inboxes` are in the file's order, with all defaults filled in."""

    api: Api = Api()
    local: Local = Local()
    state: State = State()
    log: Log = Log()
    notify: Notify = Notify()
    costs: Costs = Costs()
    monitor: Monitor = Monitor()
    inboxes: tuple[Inbox, ...] = Field(
        alias="inbox", strict=False, min_length=1, description="One [[inbox]] for each folder to watch."
    )


class File(Config):
    """The configuration file of transcribed."""

    defaults: Defaults = Defaults()
