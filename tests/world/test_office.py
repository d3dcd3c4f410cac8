"""A month of an office: what was paid for is told to the second, whatever happened in between, and limits hold.

Three inboxes with a model and features of their own; failures, duplicates, limits that are reached and let go,
questions about what was delivered, some of whose answers are lost, and kills, all by chance.
More months: OFFICE_MONTHS=20 .venv/bin/python -m pytest tests/world/test_office.py
"""

import itertools
import json
import math
import os
import random
import time
from collections import Counter, defaultdict
from typing import Any

import pytest

from commands import ask
from fake_account import Submit
from fake_assemblyai import Fault
from transcribed.job import Prices, State
from transcribed.job.limits import Limits
from transcribed.worker import drop
from transcribed.worker.background import CALLS
from world import World, mp3, parameters

pytestmark = pytest.mark.route(formats=("txt",), scan_seconds=7200.0)
DAY = 86400.0
FIRST_SEED = 1801
MONTHS = int(os.environ.get("OFFICE_MONTHS", "1"))
FRAME_SECONDS = 1152 / 44100
PRICES = {"assemblyai-stt-3-7": 3.6, "universal-2": 7.2}
TRANSLATION = "speech_understanding.request.translation"
EXTRAS = {"speaker_labels": 1.8, TRANSLATION: 0.9}
CONFIG = f"""
[costs]
price_per_hour = {{ {", ".join(f"{model} = {price}" for model, price in PRICES.items())} }}
extra_per_hour = {{ {", ".join(f'"{name}" = {price}' for name, price in EXTRAS.items())} }}
"""
SECONDS_A_DAY, SECONDS_OF_HELD = 12, 5
COST_A_MONTH = 0.25
UPLOADS = 2


class Office:
    """The inboxes, the people who drop recordings and let them go on, and what the API has billed."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance, self.asking = random.Random(seed), random.Random(seed + 1)
        self.kills = Counter[str]()  # by day
        self.let = set[str]()  # the days on which a person let everything go on
        world.api.duration_of = lambda upload: float(math.ceil(upload.size / 417 * FRAME_SECONDS))
        world.second_inbox(name="models", parameters=parameters(speech_models=["universal-2"]))
        limits = Limits(hours_per_day=SECONDS_OF_HELD / 3600)
        world.second_inbox(name="held", parameters=parameters(speaker_labels=True), limits=limits)
        world.plan_options["limits"] = Limits(hours_per_day=SECONDS_A_DAY / 3600, cost_per_month=COST_A_MONTH)
        world.plan_options["uploads"] = UPLOADS
        world.plan_options["prices"] = Prices(PRICES, EXTRAS)

    @property
    def day(self) -> str:
        return _day(self.world.clock.wall())

    def work_a_day(self) -> None:
        """People drop recordings, the process dies now and then, and a limit may be let go."""
        for number in range(self.chance.choice((0, 0, 1, 2, 11))):
            folder = self.chance.choice(("inbox", "models-inbox", "held-inbox"))
            text = f"{self.day} {number}" if self.chance.random() < 0.8 else "the same again"
            frames = 200 if text == "the same again" else self.chance.randint(40, 250)
            self.world.drop(f"{self.day} {number}.mp3", mp3(text, frames), folder)
        if self.chance.random() < 0.2:
            self.world.api.end_with_error("Transcoding failed. File type is audio/mpeg")
        self._ask()
        self._die()
        self.world.run(seconds=DAY)
        if self.chance.random() < 0.5 and self._is_held():
            self.let.add(self.day)
            drop(str(self.world.state), {"order": "accept", "limits": True, "inbox": None})
            self._die()
            self.world.run(seconds=DAY)
        self.world.clock.moved += DAY

    def _ask(self) -> None:
        """A person asks for translations of some that were delivered; an answer may be lost."""
        delivered = [job.id for job in self.world.jobs() if job.state is State.DELIVERED]
        asked = self.asking.sample(delivered, min(len(delivered), self.asking.choice((0, 1, 3))))
        if not asked:
            return
        if self.asking.random() < 0.2:
            self.world.api.script("POST /v1/understanding", [Fault.lost_answer()])
        request = {"translation": {"target_languages": [self.asking.choice(("de", "fr"))]}}
        drop(str(self.world.state), {"order": "understand", "jobs": asked, "request": request})

    def _die(self) -> None:
        while self.chance.random() < 0.35:
            dies = self.world.crash(self.chance.randint(1, 12), after=self.chance.random() < 0.5, seconds=DAY)
            self.kills[self.day] += dies

    def _is_held(self) -> bool:
        return any(lane.name.startswith("limit") for lane in self.world.worker.lanes.all())

    @property
    def waits(self) -> bool:
        """True if a recording lies in an inbox, or a job has not ended."""
        inboxes = [folder for folder in self.world.folders if folder.endswith("inbox")]
        lie = any(name.endswith(".mp3") for folder in inboxes for name in self.world.files(folder))
        return lie or any(job.unfinished for job in self.world.jobs())

    # The API's own ledger.

    @property
    def paid(self) -> list[Submit]:
        return [submit for submit in self.world.api.submits if submit.end_error is None]

    def seconds(self, submit: Submit) -> float:
        uploads = {upload.upload_url: upload for upload in self.world.api.uploads}
        seconds = self.world.api.duration_of(uploads[submit.upload_url])
        assert seconds is not None
        return seconds

    def money(self, submit: Submit) -> float:
        price = PRICES[_model(submit)] + (EXTRAS["speaker_labels"] if "speaker_labels" in submit.request else 0)
        return self.seconds(submit) / 3600 * price

    def sums(self, key) -> dict[str, list[float]]:
        """Recordings, seconds and money by a key."""
        sums = defaultdict[str, list[float]](lambda: [0, 0.0, 0.0])
        for submit in self.paid:
            of_key = sums[key(submit)]
            of_key[:] = [of_key[0] + 1, of_key[1] + self.seconds(submit), of_key[2] + self.money(submit)]
        return sums

    def seconds_of(self, day: str) -> float:
        return sum(self.seconds(submit) for submit in self.paid if _day(submit.created) == day)

    def beyond(self, submits: list[Submit], limit_seconds: float) -> int:
        """How many of these were submitted when those before them had reached the limit."""
        before = itertools.accumulate(map(self.seconds, submits), initial=0.0)
        return sum(seconds >= limit_seconds for seconds, _ in zip(before, submits, strict=False))


def _model(submit: Submit) -> str:
    return submit.request.get("speech_models", ["assemblyai-stt-3-7"])[0]


def _inbox(submit: Submit) -> str:
    if "speaker_labels" in submit.request:
        return "held"
    return "models" if "speech_models" in submit.request else "talks"


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(at))


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + MONTHS))
def test_a_month_of_an_office_costs_what_the_api_has_billed_and_passes_no_limit_by_more_than_was_under_way(world, seed):
    office = Office(world, seed)
    for _ in range(30):
        office.work_a_day()
    for _ in range(60):  # what limits held back is paid for later
        if not office.waits:
            break
        office.world.run(seconds=DAY)
        world.clock.moved += DAY

    assert not office.waits
    assert State.FAILED in world.states()
    twice = Counter((submit.sha256, _inbox(submit)) for submit in office.paid)
    assert max(twice.values()) == 1
    keys = {"day": lambda s: _day(s.created), "month": lambda s: _day(s.created)[:7], "inbox": _inbox, "model": _model}
    for by, key in keys.items():
        assert _told(world, by) == {name: pytest.approx(sums, abs=1e-3) for name, sums in office.sums(key).items()}
    _check_questions(office)
    _check_limits(office)


def _told(world: World, by: str) -> dict[str, list[float]]:
    """What `costs` tells of recordings by a key, as Office.sums has it."""
    rows = [row for row in _rows(world, by) if row["recordings"]]
    return {row[by]: [row["recordings"], row["seconds"], row["money"] - row["question_money"]] for row in rows}


def _rows(world: World, by: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ask(world, "costs", "--by", by, "--json", config=CONFIG).stdout.splitlines()]


def _check_questions(office: Office) -> None:
    """A kill or a lost answer leaves a question in doubt, and it is told apart, whether it was paid or not."""
    asked = office.world.api.questions
    pairs = Counter((each.transcript_id, json.dumps(each.request)) for each in asked)
    assert len(asked) > 10
    assert max(pairs.values()) == 1, "one was paid twice"
    for by in ("month", "inbox", "day", "model"):
        rows = _rows(office.world, by)
        paid, perhaps = (sum(row[key] for row in rows) for key in ("questions", "perhaps_questions"))
        assert 0 < perhaps < len(asked)
        assert paid <= len(asked) <= paid + perhaps
        least, most = (sum(row[key] for row in rows) for key in ("question_money", "perhaps_money"))
        money = sum(each.seconds or 0.0 for each in asked) / 3600 * EXTRAS[TRANSLATION]
        assert least - 1e-3 <= money <= least + most + 1e-3


def _check_limits(office: Office) -> None:
    """A kill leaves submits in doubt, which nobody counts until they are found: it is as if more were under way."""
    days = {_day(submit.created) for submit in office.paid}
    assert any(office.seconds_of(day) >= SECONDS_A_DAY for day in days), "no limit was reached"
    assert office.let, "no limit was let go"
    for day in days - office.let:
        of_day = [submit for submit in office.paid if _day(submit.created) == day]
        of_held = [submit for submit in of_day if _inbox(submit) == "held"]
        under_way = CALLS + office.kills[day]
        assert office.beyond(of_day, SECONDS_A_DAY) <= under_way
        assert office.beyond(of_held, SECONDS_OF_HELD) <= under_way
