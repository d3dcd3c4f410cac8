"""The daemon, put together: its host, its threads, and the plan that its configuration means."""

import concurrent.futures
import contextlib
import functools
import importlib.metadata
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import structlog

from transcribed import config, errors, files, job, places, service, signals
from transcribed.assemblyai import AssemblyAI, Rate
from transcribed.config import placement, samba
from transcribed.config.share import question_of, settings_of, speakers_of
from transcribed.inbox import Said, Watch
from transcribed.journal import Journal, Lock, rebuild
from transcribed.monitor.monitor import Monitor, Wanted
from transcribed.newsroom import Newsroom, newsroom_of
from transcribed.own_api import ACCOUNT, OwnApi
from transcribed.threads import Pools, Share
from transcribed.worker import LaneChecked, Look, Plan, Reload, Route, Stop, Worker
from transcribed.worker.people.status import to_json, waiting_for_disk

log = structlog.get_logger()

OWN_FOLDER = "local-api"  #: in the state directory: the recogniser's uploads, transcripts and models
ANSWER_SECONDS = 3.0  # for a share at a start or a reload: nothing else waits longer for one that hangs
OPEN_AGAIN_SECONDS = 15.0  # as the lane `state` is probed first, and soon enough for the host's watchdog


def work(path: str, settled: config.Config, *, once: bool) -> int:
    """Run the worker in this thread until it ends; its exit status. Raises what keeps it from starting."""
    service.give_memory_back()
    _answered({"one of the folders": lambda: placement.refuse_misplaced(settled, os.environ)})
    stop = threading.Event()
    own = own_api_of(settled, stop)
    clients, newsroom = Clients(stop, own), newsroom_of(settled.notify)
    plan = plan_of(settled, clients, newsroom)
    directory = settled.state.directory
    mailbox: queue.SimpleQueue[object] = queue.SimpleQueue()
    version = importlib.metadata.version("transcribed")
    monitor = Monitor(version)
    monitor.adopt(Wanted() if once else watchers_of(settled.monitor))
    is_secret = any(job.SECRET in inbox.transcript for inbox in settled.inboxes)  # it stands in the request of each job
    if once:
        journal = _whole_journal(directory, is_secret=is_secret)
    else:
        journal = _opened(directory, monitor, is_secret=is_secret)
    try:
        host = Machine(path, settled, mailbox, monitor, clients, newsroom)
        worker = Worker(plan, journal, host, directory=directory, mailbox=mailbox, clock=service.Clock(), stop=stop)
        log.info("daemon.started", version=version, config=path, inboxes=[route.name for route in plan.routes])
        signals.caught().tell(
            stop=lambda: mailbox.put(Stop()), reload=lambda: _reload(mailbox), debug=host.toggle_debug
        )
        journal.on_damage(lambda: mailbox.put(Stop()))
        if own is not None:
            tell_ready = functools.partial(mailbox.put, LaneChecked(errors.API))
            own.start(tell_ready if settled.api.engine == "local" else lambda: None)  # for drafts no lane waits
        status = worker.run(once=once)
        return errors.Exit.AGAIN if journal.is_damaged else status
    finally:
        monitor.leave()
        if own is not None:
            own.end()
        journal.close()
        log.info("daemon.stopped")


def _reload(mailbox: "queue.SimpleQueue[object]") -> None:
    """Do what a hangup asks for: a new log file where the old one was renamed, and the configuration read again."""
    service.reopen_log()
    mailbox.put(Reload())


def _whole_journal(directory: str, *on_slow: Callable[[], None], is_secret: bool) -> Journal:
    """The journal, with all that is kept in it, in a swept folder. Raises as Journal.open does."""
    journal = Journal.open(directory, *on_slow, is_secret=is_secret)
    try:
        if journal.migrated is not None:
            was, now, backup = journal.migrated
            log.info("journal.migrated", **{"from": was, "to": now, "backup": os.path.join(directory, backup)})
        files.sweep(os.fsencode(directory), time.time(), older_than_seconds=0.0)  # only ours while the lock is held
        rebuild(journal, directory, time.time())
    except OSError as error:
        journal.close()
        raise errors.from_os_error(error, lane=errors.STATE, doing=f"sweeping {directory}") from error
    except BaseException:
        journal.close()
        raise
    return journal


def _opened(directory: str, monitor: Monitor, *, is_secret: bool) -> Journal:
    """The journal, once the disk lets it be opened. Raises what is not Blocked."""
    notifier = service.Notifier(os.environ)
    path, since = os.fsencode(places.status_path(directory, os.environ)), time.time()
    access, said = _access_of_status(), False

    def on_slow() -> None:
        notifier.ask_for_time()
        monitor.beat()
        files.touch(os.fsencode(os.path.join(directory, places.LOCK)))  # for `health`, the start is now

    while True:
        try:
            return _whole_journal(directory, on_slow, is_secret=is_secret)
        except errors.Blocked as error:
            if not said:
                log.error("lane.blocked", lane=error.lane, reason=error.message, hint=error.hint)  # noqa: TRY400 - a condition, said once: no defect with a traceback
            said = True
            notifier.notify(READY="1", STATUS=error.message, WATCHDOG="1")
            status = to_json(waiting_for_disk(error, since))
            monitor.show(status)
            monitor.beat()
            with _held(directory):
                with contextlib.suppress(OSError):
                    write_status(path, status, access)
                time.sleep(OPEN_AGAIN_SECONDS)


@contextlib.contextmanager
def _held(directory: str) -> Iterator[None]:
    """Hold the lock of the state directory, where its disk allows it: who looks sees that a daemon is there."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(errors.TranscribedError):
            stack.enter_context(contextlib.closing(Lock(directory)))
        yield


def _access_of_status() -> files.Access:
    """Others may read the status: nobody else writes it."""
    os.umask(umask := os.umask(0o077))
    return files.Access(file_mode=0o644 & ~umask)


def write_status(path: bytes, status: bytes, access: files.Access) -> None:
    """Write the status file. Where that fails, the old one is touched, so that `health` sees that we live.

    Raises OSError.
    """
    try:
        files.replace(path, status, access=access)
    except OSError:
        files.touch(path)
        raise


def own_api_of(settled: config.Config, stop: threading.Event) -> OwnApi | None:
    """The recogniser that the daemon runs itself, not yet started; None where none is needed. Raises ConfigError."""
    if settled.api.engine == "cloud" and not _wants_drafts(settled):
        return None
    return OwnApi(os.path.join(settled.state.directory, OWN_FOLDER), stop, **settled.local.model_dump())


class Clients:
    """The clients of the API that transcribes: one for each configuration. Their uploads share one rate.

    `own`: the recogniser that the daemon runs itself, if it does.
    """

    def __init__(self, stop: threading.Event, own: OwnApi | None) -> None:
        self.own = own
        self._stop = stop
        self._rate = Rate()  # also of uploads that are on their way at a reload

    def client(self, api: config.Api) -> AssemblyAI:
        """The client by this configuration. Raises ConfigError where there is no key."""
        if self.own is not None and api.engine != "cloud":
            return self._recogniser_of(self.own)
        key, kilobytes = config.read_key(api, os.environ), api.upload_kilobytes_per_second
        self._rate.bytes_per_second = None if kilobytes is None else 1000 * kilobytes
        return AssemblyAI(api.base_url, key, stop=self._stop, rate=self._rate)

    def recogniser(self, settled: config.Config) -> AssemblyAI | None:
        """The client of the recogniser for drafts; None where no inbox wants any."""
        return self._recogniser_of(self.own) if self.own is not None and _wants_drafts(settled) else None

    def _recogniser_of(self, own: OwnApi) -> AssemblyAI:
        """The recogniser that the daemon runs itself, as an account of its own."""
        return AssemblyAI(own.base_url, own.key, stop=self._stop, account=ACCOUNT, ready=own.wait_until_ready)


def _wants_drafts(settled: config.Config) -> bool:
    return any(inbox.draft for inbox in settled.inboxes)


def plan_of(settled: config.Config, clients: Clients, newsroom: Newsroom) -> Plan:
    """The plan that a configuration means to the worker. Raises ConfigError where there is no key."""
    api = settled.api
    return Plan(
        routes=tuple(route_of(inbox, is_free=api.engine == "local") for inbox in settled.inboxes),
        client=clients.client(api),
        recogniser=clients.recogniser(settled),
        rules=job.Rules(patience_seconds=api.patience_days * 86400, reconcile_seconds=api.reconcile_seconds),
        poll_seconds=api.poll_seconds,
        uploads=api.uploads,
        upload_hours=api.upload_hours,
        accept_backlog_hours=api.accept_backlog_hours,
        transcripts_days=settled.state.transcripts_days,
        jobs_days=settled.state.jobs_days,
        tell=settled.notify.events if newsroom.services else (),
        digest_seconds=settled.notify.digest_seconds,
        limits=settled.costs.limits(),
        prices=prices_of(settled.costs),
        currency=settled.costs.currency,
        unusable=newsroom.problem,
    )


def route_of(inbox: config.Inbox, *, is_free: bool = False) -> Route:
    """An inbox of the configuration, as the worker has it. Raises ConfigError where its group is not there."""
    access = placement.access_of(inbox)
    return Route(
        name=inbox.name,
        inbox=os.fsencode(inbox.path),
        outbox=os.fsencode(inbox.outbox),
        archive=os.fsencode(inbox.archive),
        failed=os.fsencode(inbox.failed),
        after=inbox.after,
        archive_days=inbox.archive_days,
        duplicates=inbox.duplicates,
        is_free=is_free,
        draft=inbox.draft,
        delete_remote=inbox.delete_remote,
        silence=inbox.silence,
        limits=inbox.limits(),
        page=inbox.page,
        search_page=inbox.search_page,
        hold_new_model=inbox.hold_new_model,
        accept_at_share=inbox.accept_at_share,
        on_delivered=inbox.on_delivered,
        on_failed=inbox.on_failed,
        hook_seconds=inbox.hook_seconds,
        settle_seconds=inbox.settle_seconds,
        scan_seconds=inbox.scan_seconds,
        watch=inbox.watch,
        extensions=tuple(os.fsencode(extension) for extension in inbox.extensions),
        ignore=inbox.ignore,
        bins=samba.bins_of(inbox.path),
        links=inbox.links,
        hardlinks=inbox.hardlinks,
        remove_empty_folders=inbox.remove_empty_folders,
        names=inbox.names,
        file_mode=access.file_mode,
        dir_mode=access.dir_mode,
        group=access.group,
        settings=inbox.settings(),
    )


def prices_of(costs: config.Costs) -> job.Prices:
    """The prices that a person wrote down."""
    return job.Prices(costs.price_per_hour, costs.extra_per_hour)


def watchers_of(monitor: config.Monitor) -> Wanted:
    """The ways in which other programs are told of the daemon. Raises ConfigError."""
    return Wanted(monitor.listen, monitor.textfile, config.read_heartbeat_url(monitor))


def _say_events_lost() -> None:
    log.warning(
        "inbox.events_lost", reason="more happened than the kernel's queue holds: everything is looked at again"
    )


def _answered(looks: Mapping[str, Callable[[], None]]) -> None:
    """Let these look at folders, each on a thread of its own; raises what one raises in time.

    A share that hangs must hold up no other inbox, so one that has not ended is left to itself, and named.
    """
    pool = concurrent.futures.ThreadPoolExecutor(len(looks), thread_name_prefix="folders")
    started = {pool.submit(look): what for what, look in looks.items()}
    pool.shutdown(wait=False)  # no thread is left of those that end
    ended, hanging = concurrent.futures.wait(started, ANSWER_SECONDS)
    for look in ended:
        look.result()
    for look in hanging:
        reason = f"no answer in {ANSWER_SECONDS:g} s from {started[look]}: not waited for"
        log.warning("folders.unanswered", reason=reason, hint="look at the share's server, and at the mount")


def _engine_of(settled: config.Config, own: OwnApi | None) -> object:
    return settled.api.engine, None if own is None else settled.local


class Machine:
    """The worker's host: threads, folder events, the service manager, the status file, and the configuration."""

    def __init__(
        self,
        path: str,
        settled: config.Config,
        mailbox: "queue.SimpleQueue[object]",
        monitor: Monitor,
        clients: Clients,
        newsroom: Newsroom,
    ) -> None:
        self._path = path
        self._settled = settled
        self._monitor = monitor
        self._clients = clients
        self._notifier = service.Notifier(os.environ)
        self._threads = Pools()
        self._watch = Watch(lambda root: mailbox.put(Look(root)), _say_events_lost)
        self._newsroom = newsroom
        self._status_path = os.fsencode(places.status_path(settled.state.directory, os.environ))
        self._status_access = _access_of_status()

    def notify(self, **fields: str) -> None:
        """Tell the service manager; a sign of life is one for those who watch us too."""
        if "WATCHDOG" in fields:
            self._monitor.beat()
        self._notifier.notify(**fields)

    def toggle_debug(self) -> None:
        """Log all of it from now on, or as configured again. Any thread may say so."""
        service.toggle_debug(self._settled.log.level)

    def show(self, status: bytes) -> None:
        """Lay the newest status down for those who ask this process."""
        self._monitor.show(status)

    def publish(self, status: bytes) -> None:
        """Write the status file (on the state's thread)."""
        write_status(self._status_path, status, self._status_access)

    def read_plan(self) -> Plan:
        """Read the configuration again. Raises ConfigError; what cannot change while running is refused."""
        settled = config.load(self._path, os.environ)
        _answered({"one of the folders": lambda: placement.refuse_misplaced(settled, os.environ)})
        if settled.state.directory != self._settled.state.directory:
            problem = "state.directory cannot change while the daemon runs: stop it, move the folder, start it"
            raise errors.ConfigError([problem])
        if _engine_of(settled, self._clients.own) != _engine_of(self._settled, self._clients.own):
            raise errors.ConfigError(["api.engine and [local] cannot change while the daemon runs: restart it"])
        if _wants_drafts(settled) and self._clients.own is None:
            raise errors.ConfigError(["draft = true, where no inbox had it, starts a recogniser: restart the daemon"])
        newsroom = newsroom_of(settled.notify, self._newsroom.services)
        plan = plan_of(settled, self._clients, newsroom)
        self._monitor.adopt(watchers_of(settled.monitor))
        if settled.log.level != self._settled.log.level:
            service.set_level(settled.log.level)
        self._settled, self._newsroom = settled, newsroom
        return plan

    def watch(self, root: bytes) -> bool:
        """Let folder events below `root` ask for a look, from now on and still; whether they do."""
        before = self._watch.problems()
        watched = self._watch.tend(root)
        for problem in set(self._watch.problems()) - set(before):
            log.warning("inbox.unwatched", problem=problem)
        return watched

    def written(self, root: bytes) -> Mapping[bytes, bool]:
        """The files below a watched root that events show to be written, each True until it is closed."""
        return self._watch.written(root)

    def settings(self, inbox: str, said: Sequence[Said]) -> str | None:
        """The settings that files at the share make for a recording in this inbox. Raises ConfigError."""
        ours = next((each for each in self._settled.inboxes if each.name == inbox), None)
        return None if ours is None else settings_of(ours, said)  # None: a reload has just taken the inbox out

    def speakers(self, content: bytes, where: str) -> dict[str, str]:
        """The names of speakers in an order at the share, the file `where`. Raises ConfigError."""
        return speakers_of(content, where)

    def question(self, content: bytes, where: str) -> dict[str, object]:
        """The question in an order at the share, the file `where`, as AssemblyAI takes it. Raises ConfigError."""
        return question_of(content, where)

    def tell(self, title: str, body: str) -> None:
        """Tell people this news; a service among several that does not take it is a line in the log.

        Raises Transient where nobody took it.
        """
        services = self._newsroom.services
        if services is None:  # a reload has just taken them out
            return
        for name in services.tell(title, body):
            log.warning("notify.not_taken", service=name, reason="it did not take the news; another one did")

    def executor(self, name: str, threads: int) -> Share:
        """A share of the daemon's threads."""
        return self._threads.share(name, threads)
