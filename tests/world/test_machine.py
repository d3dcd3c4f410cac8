"""Any order of drops, crashes, restarts and faults: what is promised holds after every step.

The world is real but for time; a crash is an end of the process between two of its steps or inside one.
"""

import hashlib
import os
import shutil
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fake_account import words_of
from fake_assemblyai import FakeAssemblyAI, Fault
from in_memory import elsewhere
from transcribed.folders import identity
from transcribed.folders.mounts import mount_at
from transcribed.job import State
from transcribed.worker import drop, unfinished
from world import Clock, World, link, mp3

NAMES = ["a.mp3", "b.mp3", "sub/a.mp3"]
CONTENTS = [mp3(f"content {number}", frames=40 + 7 * (number % 2)) for number in range(3)]
OUTBOXES = ["outbox", "another-outbox"]
LINKS = ["a.url", "sub/b.url"]
ADDRESSES = [f"https://example.org/{number}.mp3" for number in range(2)]


def sha256(content: bytes | str) -> str:
    """Of what is transcribed: the bytes of a recording, or the address that stands for it."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


SOURCES: list[bytes | str] = [*CONTENTS, *ADDRESSES]


def text_of(content: bytes | str) -> str:
    return " ".join(word["text"] for word in words_of(sha256(content)))


TEXTS = {text_of(content) for content in SOURCES}
FAULTS = {
    "POST /v2/upload": [Fault.answer(500, "Internal server error"), Fault.cut(1000), Fault.lost_answer(), Fault.html()],
    "POST /v2/transcript": [
        Fault.answer(500, "Internal server error"),
        Fault.answer(429, "Too many requests", Retry_After="7"),
        Fault.answer(400, "Your current account balance is negative. Please top up to continue using the API."),
        Fault.lost_answer(),
        Fault.lost_answer("close"),
        Fault.half_json(),
        Fault.html(taken=True),
    ],
    "GET /v2/transcript": [
        Fault.answer(503),
        Fault.answer(429, "Too many requests"),
        Fault.html(),
        Fault.lost_answer(),
    ],
    "GET /v2/transcript/{id}": [Fault.answer(500, "Internal server error"), Fault.half_json()],
    "DELETE /v2/transcript/{id}": [Fault.answer(500, "Internal server error"), Fault.lost_answer()],
}


def content_of(path: Path) -> bytes | str:
    """The content or address that is transcribed of a file that was dropped."""
    data = path.read_bytes()
    return data if path.suffix == ".mp3" else next(each for each in ADDRESSES if link(each) == data)


class WrongClock(Clock):
    """A held clock whose time of day may be set wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong_seconds = 0.0

    def right(self) -> float:
        return super().wall()

    def wall(self) -> float:
        return self.right() + self.wrong_seconds


@pytest.fixture(autouse=True)
def few_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if very many recordings waited: the jobs that only wait are in the journal alone, but for one."""
    monkeypatch.setattr(unfinished, "KEPT", 1)


class Life(RuleBasedStateMachine):
    """A daemon's life, as unkind as it can be."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = WrongClock()
        self.api = FakeAssemblyAI(clock=self.clock.right, processing_seconds=30)
        self.directory = Path(tempfile.mkdtemp(prefix="life-"))
        self.elsewhere = Path(tempfile.mkdtemp(prefix="life-", dir=elsewhere(than=str(self.directory))))
        self.patch = pytest.MonkeyPatch()
        for address in ADDRESSES:
            self.api.put_elsewhere(address)
        self.world = World(self.directory, self.api, self.clock, settle_seconds=2.0)
        self.dropped: Counter[str] = Counter()  # by what is transcribed
        self.wholes: set[str] = set()  # what became of recordings that were put away already
        self.written_on = 0  # how often that happened
        self.texts = set(TEXTS)
        self.is_up = True

    @initialize(is_wanted=st.booleans())
    def whether_what_was_delivered_is_deleted_at_assemblyai(self, is_wanted: bool) -> None:
        self.world.routes[0] = replace(self.world.routes[0], delete_remote=is_wanted)

    @initialize(is_so=st.booleans())
    def whether_archive_and_failed_lie_on_another_device_than_the_share(self, is_so: bool) -> None:
        """Then a recording that was put away stays in the inbox under a hidden name, for its last look."""
        if not is_so:
            return
        self.patch.setattr(identity, "mount_at", lambda *at: mount_at(*at)._replace(kind=b"nfs4"))
        for name in ("archive", "failed"):
            self.world.folders[name] = self.elsewhere / name
            self.world.folders[name].mkdir()
        archive, failed = (os.fsencode(self.world.folders[name]) for name in ("archive", "failed"))
        self.world.routes[0] = replace(self.world.routes[0], archive=archive, failed=failed)

    @rule(name=st.sampled_from(NAMES), number=st.integers(0, len(CONTENTS) - 1))
    def drop_a_recording(self, name: str, number: int) -> None:
        self.drop(name, CONTENTS[number], CONTENTS[number])

    @rule(name=st.sampled_from(LINKS), address=st.sampled_from(ADDRESSES))
    def drop_a_link(self, name: str, address: str) -> None:
        self.drop(name, link(address), address)

    def drop(self, name: str, data: bytes, content: bytes | str) -> None:
        if not (self.world.folders["inbox"] / name).exists():
            self.clock.moved += 1
            self.world.drop(name, data)
            self.dropped[sha256(content)] += 1

    @rule(seconds=st.sampled_from([3.0, 40.0, 700.0]))
    def run_for_a_while(self, seconds: float) -> None:
        until = self.clock.moved + seconds
        self.world.run(lambda: self.clock.moved >= until, seconds=seconds + 60)

    @rule(step=st.integers(1, 30), after=st.booleans())
    def crash_at_a_step(self, step: int, after: bool) -> None:
        self.world.crash(step, after=after, seconds=100_000)

    @rule(route=st.sampled_from(sorted(FAULTS)), data=st.data())
    def let_the_next_request_fail(self, route: str, data: st.DataObject) -> None:
        self.api.script(route, [data.draw(st.sampled_from(FAULTS[route]))])

    @rule(text=st.sampled_from(["Download error, unable to download it", "Server error, developers have been alerted"]))
    def let_the_next_transcript_end_in_an_error(self, text: str) -> None:
        self.api.end_with_error(text)

    @rule(seconds=st.sampled_from([0, 60]))
    def the_list_lags(self, seconds: float) -> None:
        self.api.list_lag_seconds = seconds

    @precondition(lambda self: self.is_up)
    @rule()
    def the_network_goes(self) -> None:
        self.api.down()
        self.is_up = False
        self.run_for_a_while(40.0)
        self.api.up()
        self.is_up = True

    @rule(hours=st.sampled_from([1, 30]))
    def time_passes_with_nobody_at_work(self, hours: int) -> None:
        self.clock.moved += hours * 3600

    @rule(hours=st.sampled_from([-30, -2, 0, 2, 30]))
    def somebody_sets_the_clock(self, hours: int) -> None:
        self.clock.wrong_seconds = hours * 3600.0

    @precondition(lambda self: not self.world.routes[0].delete_remote)
    @rule()
    def kept_transcripts_are_removed(self) -> None:
        """Not where AssemblyAI has none either: what is dropped again is then a question, and never paid unasked."""
        for path in (self.world.state / "transcripts").glob("*.json"):
            path.unlink()

    @rule(name=st.sampled_from(NAMES))
    def somebody_writes_on_in_the_archive(self, name: str) -> None:
        path = self.world.folders["archive"] / name
        if path.exists():
            part, whole = path.read_bytes(), path.read_bytes() + mp3("the end", frames=60)
            path.write_bytes(whole)
            self.clock.moved += 1
            os.utime(path, ns=(0, int(self.clock.right() * 1e9)))
            self.dropped[sha256(part)] -= 1
            self.dropped[sha256(whole)] += 1
            self.wholes.add(sha256(whole))
            self.written_on += 1
            self.texts.add(text_of(whole))

    @rule(name=st.sampled_from(["talks", "meetings"]))
    def the_configuration_names_the_inbox(self, name: str) -> None:
        self.world.routes[0] = replace(self.world.routes[0], name=name)

    @rule(name=st.sampled_from(OUTBOXES))
    def the_configuration_has_the_outbox(self, name: str) -> None:
        folder = self.world.folders[name] = self.directory / name
        folder.mkdir(exist_ok=True)
        self.world.routes[0] = replace(self.world.routes[0], outbox=os.fsencode(folder))

    @rule(name=st.sampled_from([*NAMES, *LINKS]))
    def somebody_touches_a_recording(self, name: str) -> None:
        path = self.world.folders["inbox"] / name
        if path.exists():
            self.clock.moved += 1
            os.utime(path, ns=(0, int(self.clock.wall() * 1e9)))

    @rule(name=st.sampled_from([*NAMES, *LINKS]))
    def somebody_drags_a_failed_recording_back(self, name: str) -> None:
        failed, inbox = self.world.folders["failed"] / name, self.world.folders["inbox"] / name
        if failed.exists() and not inbox.exists():
            inbox.parent.mkdir(exist_ok=True)
            failed.rename(inbox)

    @rule()
    def somebody_orders_a_retry(self) -> None:
        if self.world.state.exists():  # else no daemon ever ran, and the command line leaves no order
            drop(str(self.world.state), {"order": "retry", "failed": True})

    @invariant()
    def each_recording_is_in_exactly_one_of_inbox_archive_and_failed(self) -> None:
        lying: Counter[str] = Counter()
        for folder in ("inbox", "archive", "failed"):
            for name in self.world.files(folder):
                if name.endswith((".mp3", ".url")):
                    lying[sha256(content_of(self.world.folders[folder] / name))] += 1
        assert lying == self.dropped

    @invariant()
    def no_upload_url_is_accepted_twice_unless_the_first_was_not_taken(self) -> None:
        accepted = Counter(submit.upload_url for submit in self.api.submits if submit.upload_url not in ADDRESSES)
        assert max(accepted.values(), default=0) <= 1

    @invariant()
    def each_content_is_paid_for_once(self) -> None:
        assert max(self.api.paid().values(), default=0) <= 1

    @invariant()
    def nothing_in_the_outbox_is_partial(self) -> None:
        for text in self.delivered():
            assert text.read_text().strip() in self.texts

    def delivered(self) -> list[Path]:
        outboxes = [name for name in OUTBOXES if name in self.world.folders]
        lying = [self.world.folders[outbox] / name for outbox in outboxes for name in self.world.files(outbox)]
        return [path for path in lying if path.suffix == ".txt" and not path.name.endswith(".note.txt")]

    def teardown(self) -> None:
        """Once the world is kind again, everything is delivered, and nothing stray is left."""
        try:
            self.kind_again()
        finally:
            self.api.close()
            self.patch.undo()
            shutil.rmtree(self.directory)
            shutil.rmtree(self.elsewhere)

    def kind_again(self) -> None:
        self.api.clear()
        self.run_for_a_while(700.0)
        self.somebody_orders_a_retry()
        target = sum(self.dropped.values())
        self.world.run(
            lambda: (
                len(self.world.files("archive")) == target
                and self.world.files("failed") == self.world.files("inbox") == []
                and self.all_is_deleted_that_is_to_be()
            ),
            seconds=20_000,
        )
        assert all(job.state in (State.DELIVERED, State.CANCELLED) for job in self.world.jobs())
        # What is written on after the last look at it lies in the archive as it is.
        assert set(self.dropped) - self.wholes <= set(self.api.paid()) <= set(self.dropped)
        assert target <= len(self.delivered()) <= target + self.written_on
        assert not any(
            Path(name).name.startswith(".") for folder in self.world.folders for name in self.world.files(folder)
        )

    def all_is_deleted_that_is_to_be(self) -> bool:
        ours = {job.transcript_id for job in self.world.jobs()}
        deleted = {submit.id for submit in self.api.submits if submit.deleted}
        assert deleted <= ours
        return deleted == (ours - {None} if self.world.routes[0].delete_remote else set())


TestLife = pytest.mark.slow(Life.TestCase)
TestLife.settings = settings(
    max_examples=settings().max_examples * 2 // 5,  # `make torture` has more
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.reuse, Phase.generate],  # a failure is printed as it was found: shrinking a life takes minutes
    print_blob=True,
)
