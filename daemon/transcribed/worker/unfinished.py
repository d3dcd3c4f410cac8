"""The unfinished jobs: the numbers of all, and of the jobs those that are on their way, and some that wait.

A hundred thousand recordings may wait for days. Of those that wait far back the journal has everything, and one is read
when it is asked for: memory does not grow with what is known of each. No clock, and no I/O of its own.
"""

import sys
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from transcribed.job import Job

KEPT = 2000  #: waiting jobs in memory, those that were asked for last: more than people are shown
AT_ONCE = 500  # jobs that are read with one question


class Unfinished(Mapping[int, Job]):
    """The unfinished jobs by number. `read` gives the journal's jobs of some numbers.

    What `read` raises, a question for a job raises too.
    """

    def __init__(self, read: Callable[[Sequence[int]], Iterable[Job]]) -> None:
        self._read = read
        self._numbers: dict[int, str] = {}  # of all, with their inboxes, in the order in which they came
        self._counts = Counter[str]()  # of all, by inbox
        self._moving: dict[int, Job] = {}  # those that do more than wait: they are always here
        self._waiting: OrderedDict[int, Job] = OrderedDict()  # some of the others: that asked for last is the last

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)

    def __contains__(self, number: object) -> bool:
        return number in self._numbers

    def __getitem__(self, number: int) -> Job:
        if (job := self._moving.get(number)) is not None:
            return job
        if number not in self._numbers:
            raise KeyError(number)
        self.fetch([number])
        self._waiting.move_to_end(number)
        return self._waiting[number]

    def fetch(self, numbers: Iterable[int]) -> None:
        """Have these jobs in memory until `let_go`: many are read with one question."""
        far = (number for number in numbers if self.is_far(number))
        while some := list(islice(far, AT_ONCE)):
            self._waiting.update((job.id, job) for job in self._read(some))

    def is_far(self, number: int) -> bool:
        """True if only the journal has the job."""
        return number in self._numbers and number not in self._moving and number not in self._waiting

    def at_hand(self, numbers: Iterable[int]) -> dict[int, Job]:
        """Those of these jobs that are in memory; nothing is read."""
        return {each: self[each] for each in numbers if each in self._numbers and not self.is_far(each)}

    def moving(self) -> Iterable[Job]:
        """The jobs that do more than wait."""
        return self._moving.values()

    def put(self, job: Job) -> None:
        """The job, as it is from now on; it stays in memory until `let_go`."""
        self.put_far({job.id: job.inbox})
        if job.only_waits:
            self._moving.pop(job.id, None)
            self._waiting[job.id] = job
        else:
            self._waiting.pop(job.id, None)
            self._moving[job.id] = job

    def put_far(self, inboxes: Mapping[int, str]) -> None:
        """The inboxes, by number, of jobs that only wait, and of which the journal has everything."""
        for number, inbox in inboxes.items():
            if number not in self._numbers:
                self._numbers[number] = sys.intern(inbox)
                self._counts[inbox] += 1

    def count_of(self, inbox: str) -> int:
        """The unfinished jobs of an inbox: nothing is read or counted for that."""
        return self._counts[inbox]

    def remove(self, number: int) -> None:
        """The job is finished."""
        if (inbox := self._numbers.pop(number, None)) is not None:
            self._counts[inbox] -= 1
        self._moving.pop(number, None)
        self._waiting.pop(number, None)

    def let_go(self) -> None:
        """The journal has every job as it is: of those that only wait, only the last ones stay in memory."""
        while len(self._waiting) > KEPT:
            self._waiting.popitem(last=False)
