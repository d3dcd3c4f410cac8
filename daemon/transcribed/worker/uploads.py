"""The uploads under way: what each has sent, which of them hang in their shares, and how many at once help."""

from collections.abc import Callable

from transcribed.job import Job
from transcribed.worker.plan import Clock
from transcribed.worker.uplink import Uplink

HANGING_SECONDS = 10.0  # without a byte of the recording; a network that is as slow costs some uploads more at once


class Uploads:
    """The uploads by job. All of it belongs to the loop's thread, but for what is sent, which they write themselves."""

    def __init__(self, clock: Clock) -> None:
        self.sent: dict[int, int] = {}  #: bytes, by job
        self._clock = clock
        self._uplink = Uplink()
        self._carried = 0  # bytes of uploads that have ended
        self._moved_at: dict[int, float] = {}  # monotonic: when each last went on

    @property
    def at_once(self) -> int:
        """The number of uploads that is worth it."""
        return self._uplink.at_once

    def began(self, job: Job) -> Callable[[int], None]:
        """An upload of this job begins; to be called with the bytes that it has sent, from any thread."""
        self._moved_at[job.id] = self._clock.monotonic()

        def sent(count: int) -> None:
            self.sent[job.id] = count
            self._moved_at[job.id] = self._clock.monotonic()

        return sent

    def ended(self, job: Job) -> None:
        """Count the bytes of an upload that has ended. Those of one that broke off are of no use, and no measure."""
        self._moved_at.pop(job.id, None)
        sent = self.sent.pop(job.id, 0)
        if sent >= job.fingerprint.size:
            self._carried += sent
        elif sent:
            self._uplink.begin_again()

    def hangs(self, job: Job) -> bool:
        """True if an upload has waited long for bytes of its recording. One that is all sent waits for the API."""
        since = self._moved_at.get(job.id)
        if since is None or self.sent.get(job.id, 0) >= job.fingerprint.size:
            return False
        return self._clock.monotonic() - since > HANGING_SECONDS

    def watch(self, *, most: int, is_full: bool) -> None:
        """Learn what so many carry. `is_full`: as many as help are under way, and more wait."""
        carried = self._carried + sum(self.sent.values())
        self._uplink.saw(carried, self._clock.monotonic(), most=most, is_full=is_full)
