"""`transcribed demo`: the daemon against the local API, on a bundled recording, in a folder that it shows you.

Rules: daemon and API run as a person would start them, each a process of its own, and both are gone when this ends,
however it ends; nothing of the caller's configuration, state or key reaches them; the files that they made stay.
A signal only leaves a message, and every wait looks for it. The demo drops a recording and then looks, as anyone may,
into the status file, the journal and the outbox.
"""

import contextlib
import importlib.resources
import os
import queue
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Self, TypeVar

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text
from rich.tree import Tree

from transcribed import config, errors, local, service, signals
from transcribed.cli import daemon_status, terminal
from transcribed.job import Job, State, printable, shown
from transcribed.journal import Journal
from transcribed.worker.outputs import output
from transcribed.worker.people.status import JobStatus, Status

_RECORDING = "recording.mp3"
_FOLDERS: Mapping[str, str] = {
    "inbox": "drop recordings here",
    "outbox": "find transcripts here",
    "archive": "recordings that were transcribed",
    "failed": "recordings that could not be transcribed, each with a note that says why",
    "state": "the daemon's journal, and every transcript as the API sent it",
    "local-api": "the local API's own files",
    "logs": "the log of each",
}

_START_SECONDS = 60.0  # both start within two seconds on a small machine at rest
_TRANSCRIPT_SECONDS = 180.0  # two idle cores need 3 s for these 27 s of audio
_FAREWELL_SECONDS = 15.0  # as long as the unit gives the daemon
_LOOK_SECONDS = 0.2
_TAIL_BYTES, _TAIL_LINES = 8192, 12

#: A job's progress, by its state, for someone who watches.
_HAPPENS: Mapping[str, str] = {
    "received": "taken from the inbox, on its way to the local API",
    "uploaded": "uploaded, to be submitted",
    "submitted": "the local API is listening to it",
    "transcribed": "its transcript is kept, and goes to the outbox",
    "delivered": "its transcript is in the outbox, and it leaves the inbox",
    "failed": "it failed, and leaves the inbox",
}

T = TypeVar("T")


def demo(
    *,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep running afterwards, for recordings of your own, until Ctrl-C.")
    ] = False,
    directory: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="A new or empty folder.", show_default="one in the temporary folder"),
    ] = None,
) -> None:
    """Show the daemon at work on a bundled recording, with the local API: no account is needed."""
    place = _make_place(directory)
    with Screen() as screen, contextlib.ExitStack() as stack:
        screen.console.print(_tree(place))
        stack.callback(screen.say, f"\nEverything stays in {place}: remove it when you have seen enough.")
        show = Show(place, screen, stack)
        show.start()
        job = show.first_ended()
        show.tell(job)
        if keep:
            show.go_on(job)


class Screen:
    """The demo's output: on a terminal one line that moves, elsewhere a line for each change."""

    def __init__(self) -> None:
        self.console = terminal.console()
        self._moving = sys.stdout.isatty()
        columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
        self._progress = Progress(*columns, console=self.console, transient=True, disable=not self._moving)
        self._task = self._progress.add_task("")
        self._happening = ""

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, text: str, style: str = "") -> None:
        """Print lines that stay."""
        for line in text.split("\n"):
            self.console.print(Text(printable(line), style), soft_wrap=True)

    def happens(self, what: str, far: str = "") -> None:
        """Show what is going on from now on, and for how long; on a terminal, `far` too: how far it is."""
        if what != self._happening:
            self._happening = what
            self._progress.reset(self._task)
            if not self._moving:
                self.say(f"... {what}")
        self._progress.update(self._task, description=printable(what + far))


class Show:
    """The folder with its two processes, which end with the `stack` they are given."""

    def __init__(self, place: str, screen: Screen, stack: contextlib.ExitStack) -> None:
        self._place = place
        self._screen = screen
        self._stack = stack
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._stop: queue.SimpleQueue[None] = queue.SimpleQueue()
        signals.caught().tell(stop=lambda: self._stop.put(None), reload=lambda: self._stop.put(None))

    def start(self) -> None:
        """Start the API, then the daemon against it, then drop the recording."""
        self._screen.happens("the local API starts")
        self._run("local-api", "local-api", "--port", "0", "--directory", self._in("local-api"))
        self._settled = _settings(self._place, self._until(self._base_url, _START_SECONDS, "the local API's address"))
        with open(self._in("config.toml"), "x", encoding="utf-8") as file:
            file.write(config.dump(self._settled))
        self._screen.happens("the daemon starts")
        self._run("daemon", "--config", self._in("config.toml"), "run")
        self._until(self._status, _START_SECONDS, "the daemon's status")
        self._journal = self._stack.enter_context(contextlib.closing(Journal.read(self._in("state"))))
        self._stack.callback(self._screen.happens, "the daemon and the local API stop")
        _drop(self._place)
        self._screen.say(f"{_RECORDING} was dropped into {self._in('inbox')}")

    def first_ended(self) -> Job:
        """The job of the bundled recording, once it has ended."""
        name = os.fsencode(_RECORDING)

        def look() -> Job | None:
            return next((job for job in self._ended() if job.path == name), None)

        return self._until(look, _TRANSCRIPT_SECONDS, "a transcript")

    def tell(self, job: Job) -> None:
        """Show the result of a job. Raises TranscribedError where it has no transcript."""
        name, place = shown(job.path), shown(job.place or b"the inbox")
        if job.state is not State.DELIVERED or job.stem is None:
            raise errors.TranscribedError(f"{name}: {job.state}: {job.reason}; it is in {place}", hint=job.hint)
        transcript = output(job, "txt")
        seconds = "" if job.duration_seconds is None else f" {job.duration_seconds:.0f} s of audio,"
        self._screen.say(f"\n{name}:{seconds} transcribed in {job.changed_at - job.received_at:.1f} s.\n", "bold")
        self._screen.say(_text(transcript), "green")
        self._screen.say(f"\nThese are the words that the recogniser heard: {local.WORTH}.")
        also = ", ".join(f".{suffix}" for suffix in job.formats if suffix not in ("txt", "html"))
        self._screen.say(f"Transcript: {shown(transcript)} (and {also})\nRecording:  {place}")
        self._screen.say(f"Open it in a browser, to read and listen: {shown(output(job, 'html'))}")

    def go_on(self, *told: Job) -> None:
        """Show every transcript that comes, until a signal."""
        known = {job.id for job in told}

        def look() -> list[Job]:
            return [job for job in self._ended() if job.id not in known]

        self._screen.say(f"\nNow drop recordings of your own (MP3) into {self._in('inbox')}\nCtrl-C ends it.")
        with contextlib.suppress(errors.Stopped):
            while True:
                for job in self._until(look, None, "another transcript"):
                    known.add(job.id)
                    self._tell_of_yours(job)

    def _tell_of_yours(self, job: Job) -> None:
        try:
            self.tell(job)
        except errors.TranscribedError as error:  # of this recording only: the next may do better
            self._screen.say(f"\n{error.message}\n{error.hint}", "red")

    def _ended(self) -> list[Job]:
        return [job for job in self._journal.all() if not job.unfinished]

    def _in(self, name: str) -> str:
        return os.path.join(self._place, name)

    def _log(self, name: str) -> str:
        return self._in(f"logs/{name}.log")

    def _run(self, name: str, *arguments: str) -> None:
        """Start a process of this program. Its stdout is a file of its own: its first line may be an address."""
        with open(self._log(name), "xb") as log, open(self._in(f"logs/{name}.out"), "xb") as out:
            process = subprocess.Popen(  # noqa: S603  this program itself, with arguments of our own
                [sys.executable, "-P", "-m", "transcribed", *arguments],  # -P: nothing from the working directory
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                env=service.environment_of_our_own(os.environ),
                process_group=0,  # Ctrl-C is only for us: we end the others in their order
            )
        self._stack.callback(_end, process)
        self._processes[name] = process

    def _base_url(self) -> str | None:
        with open(self._in("logs/local-api.out"), encoding="utf-8") as file:
            line = file.readline()
        return line.rstrip() if line.endswith("\n") else None

    def _status(self) -> Status | None:
        return daemon_status.read_status(self._settled.state.directory, {})

    def _until(self, look: Callable[[], T | None], bound_seconds: float | None, what: str) -> T:
        """The first result of `look` that is true. Raises Stopped; TranscribedError where it does not come in time."""
        end = time.monotonic() + (float("inf") if bound_seconds is None else bound_seconds)
        while not (seen := look()):
            self._refuse_the_dead()
            if time.monotonic() > end:
                logs = "\n".join(map(self._tail, self._processes))
                raise errors.TranscribedError(f"{what} did not come within {bound_seconds:.0f} s\n{logs}")
            if "daemon" in self._processes and (status := self._status()):
                self._screen.happens(*_happening(status))
            with contextlib.suppress(queue.Empty):
                self._stop.get(timeout=_LOOK_SECONDS)
                raise errors.Stopped(f"stopped before {what} came")
        return seen

    def _refuse_the_dead(self) -> None:
        for name, process in self._processes.items():
            if process.poll() is not None:
                why = f"the {name} ended with status {process.returncode}"
                raise errors.TranscribedError(f"{why}\n{self._tail(name)}")

    def _tail(self, name: str) -> str:
        """The last lines of a process's log."""
        with open(self._log(name), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            lines = file.read().split(b"\n")
        return "\n".join(
            [f"{self._log(name)} ends with:", *(f"  {shown(line)}" for line in lines[-_TAIL_LINES:] if line)]
        )


def _make_place(directory: str | None) -> str:
    """Make the folder of the demo, with the folders in it; its absolute path. Raises BadParameter where that fails."""
    if directory is None:
        place = tempfile.mkdtemp(prefix="transcribed-demo-")
    else:
        place = terminal.absolute(directory)
        if not place.isprintable():  # the configuration file is UTF-8
            raise typer.BadParameter(f"{printable(place)}: choose a folder whose name has only printable characters")
    try:
        os.makedirs(place, exist_ok=True)
        if os.listdir(place):
            raise typer.BadParameter(f"{place} is not empty: choose a new or empty folder")
        for name in _FOLDERS:
            os.mkdir(os.path.join(place, name))
    except OSError as error:
        raise typer.BadParameter(f"{place} cannot be used: {error.strerror}") from error
    return place


def _tree(place: str) -> Tree:
    tree = Tree(Text(place, "bold"))
    for name, purpose in {**_FOLDERS, "config.toml": "the daemon's configuration"}.items():
        tree.add(Text.assemble(f"{name:<12}", (purpose, "dim")))
    return tree


def _settings(place: str, base_url: str) -> config.Config:
    folders = {name: os.path.join(place, name) for name in _FOLDERS}
    inbox = config.Inbox(
        path=folders["inbox"],
        outbox=folders["outbox"],
        archive=folders["archive"],
        failed=folders["failed"],
        settle_seconds=1.0,
        formats=("txt", "html", "srt", "md"),
        page=False,  # it would be seconds old when the demo ends
    )
    key_file = os.fsdecode(local.key_file(os.fsencode(folders["local-api"])))
    api = config.Api(base_url=base_url, key_file=key_file, poll_seconds=1.0)
    return config.Config(
        api=api, state=config.State(directory=folders["state"]), log=config.Log(format="console"), inbox=(inbox,)
    )


def _text(transcript: bytes) -> str:
    try:
        with open(transcript, encoding="utf-8") as file:
            return file.read().strip()
    except OSError as error:  # people may have taken it away already
        raise errors.TranscribedError(f"{shown(transcript)} cannot be read: {error.strerror}") from error


def _drop(place: str) -> None:
    """Put the recording into the inbox as a careful person does: written elsewhere, then moved in whole."""
    data = importlib.resources.files("transcribed").joinpath("demo", _RECORDING).read_bytes()
    written = os.path.join(place, _RECORDING)
    with open(written, "xb") as file:
        file.write(data)
    os.rename(written, os.path.join(place, "inbox", _RECORDING))


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End this process; it has time to finish what it is doing."""
    process.terminate()
    try:
        process.wait(_FAREWELL_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _happening(status: Status) -> tuple[str, str]:
    """The first thing that the daemon is doing, in one line, and how far it is."""
    return next(_happenings(status), ("the inbox is empty, and nothing is under way", ""))


def _happenings(status: Status) -> Iterator[tuple[str, str]]:
    for lane in status.blocked:
        yield f"{lane.lane} waits: {lane.reason}", ""
    yield from map(_progress, status.open)
    for inbox in status.inboxes:
        yield from ((f"{file.file}: {file.why}", "") for file in inbox.unsettled)


def _progress(job: JobStatus) -> tuple[str, str]:
    far = job.heard if job.sent_percent is None else f"{job.sent_percent} %"
    return f"{job.file}: {job.reason or _HAPPENS.get(job.state, job.state)}", "" if far is None else f" ({far})"
