"""Lanes: the blocks, their reasons and the times of their probes; and the orders that people leave for the daemon."""

import itertools
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abilities import umask
from jobs import a_job
from transcribed.assemblyai import Throttled
from transcribed.errors import Blocked, Permanent, Transient
from transcribed.formats import FORMATS
from transcribed.job.events import Deferred, Failed, Released, Retired, Submitted, Transcribed, Uploaded
from transcribed.worker.dropped import LARGEST_BYTES, drop, numbers, waiting
from transcribed.worker.lanes import FIRST_PROBE_SECONDS, LONGEST_PROBE_SECONDS, RELAPSE_SECONDS, Lanes

#: A machine that is busy is no failure.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

WALL, NOW = 1_800_000_000.0, 5000.0


def blocked(lane="api", reason="the API is down", **facts):
    return Blocked(reason, lane=lane, **facts)


def a_lane_blocked(**facts):
    lanes = Lanes()
    assert lanes.block(blocked(**facts), wall=WALL, now=NOW)
    return lanes


def the(lanes):
    (lane,) = lanes.all()
    return lane


def the_lane(lanes, name):
    return next(lane for lane in lanes.all() if lane.name == name)


def probe_in_vain(lanes, error=None, name="api"):
    """Wait for the next probe and let it fail; when that was."""
    at = lanes.next_at()
    assert [lane.name for lane in lanes.due(at)] == [name]
    lanes.probing(name)
    lanes.still(name, error or Transient("still down"), now=at)
    return at


def waits(lanes, count, error=None):
    """The waits before each of the next `count` probes, all of them in vain."""
    times = [NOW, *(probe_in_vain(lanes, error) for _ in range(count))]
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def test_a_blocked_lane_says_why_since_when_and_what_run_once_leaves_with():
    lane = the(a_lane_blocked(hint="wait", exit_status=75))

    assert (lane.name, lane.reason, lane.hint, lane.since, lane.exit_status) == (
        "api",
        "the API is down",
        "wait",
        WALL,
        75,
    )


def test_only_what_is_blocked_blocks():
    lanes = a_lane_blocked(lane="submit")

    assert lanes.blocking(("state", "api")) is None
    assert lanes.blocking(("state", "api", "submit")) == the(lanes)
    assert lanes.blocking(()) is None


def test_a_lane_is_probed_with_growing_waits_up_to_a_bound():
    assert waits(a_lane_blocked(), 8) == [15, 30, 60, 120, 240, 480, 600, 600]


@UNHURRIED
@given(st.integers(1, 200))
def test_no_wait_is_longer_than_the_bound_nor_shorter_than_the_one_before(count):
    seen = waits(a_lane_blocked(), count)

    assert seen == sorted(seen)
    assert seen[0] == FIRST_PROBE_SECONDS
    assert max(seen) <= LONGEST_PROBE_SECONDS


def test_no_second_probe_starts_while_one_is_on_its_way():
    lanes = a_lane_blocked()
    lanes.probing("api")

    assert lanes.due(NOW + 1e9) == []
    assert lanes.next_at() is None


def test_a_free_lane_resumes_to_no_effect_and_an_answer_about_it_comes_too_late():
    lanes = a_lane_blocked()
    lane = the(lanes)

    assert lanes.resume("api", now=NOW + 20) == lane
    assert lanes.resume("api", now=NOW + 20) is None
    lanes.still("api", Transient("down"), now=NOW + 21)
    assert lanes.all() == []


def test_the_server_says_how_long_to_wait_and_is_heard_within_the_bound():
    assert waits(a_lane_blocked(retry_after_seconds=100), 1) == [100]
    assert waits(a_lane_blocked(retry_after_seconds=1), 1) == [15]
    assert waits(a_lane_blocked(retry_after_seconds=86400), 1) == [LONGEST_PROBE_SECONDS]
    assert waits(a_lane_blocked(), 3, Transient("busy", retry_after_seconds=100)) == [15, 100, 100]
    assert waits(a_lane_blocked(), 2, blocked(retry_after_seconds=86400)) == [15, LONGEST_PROBE_SECONDS]


# -- blocked again ----------------------------------------------------------------------------------------------------


def test_a_lane_that_is_blocked_already_keeps_its_wait_and_takes_the_newer_reason():
    lanes = a_lane_blocked()
    probe_in_vain(lanes)
    at = lanes.next_at()

    newer = blocked(reason="the key is refused", hint="put a valid one", exit_status=77)
    assert not lanes.block(newer, wall=WALL + 9, now=NOW + 9)

    lane = the(lanes)
    assert (lane.reason, lane.hint, lane.exit_status) == ("the key is refused", "put a valid one", 77)
    assert (lane.since, lane.probe_at, lane.probes) == (WALL, at, 1)


def test_a_probe_that_fails_for_another_reason_than_before_tells_it():
    lanes = a_lane_blocked()
    probe_in_vain(lanes, blocked(reason="the key is refused", exit_status=77))

    assert (the(lanes).reason, the(lanes).exit_status) == ("the key is refused", 77)


def test_a_probe_that_fails_for_a_reason_of_another_lane_leaves_the_reason_of_this_one():
    lanes = a_lane_blocked(lane="submit", reason="the account has no balance")
    probe_in_vain(lanes, blocked(reason="the network is down"), name="submit")

    assert the(lanes).reason == "the account has no balance"


def test_a_lane_that_relapses_goes_on_with_the_wait_it_had_reached():
    lanes = a_lane_blocked()
    reached = waits(lanes, 5)[-1]
    passed = lanes.next_at()
    lanes.resume("api", now=passed)

    assert lanes.block(blocked(), wall=WALL, now=passed + 1)
    assert (lanes.next_at() or 0) - (passed + 1) >= reached


def test_a_lane_that_relapses_the_same_way_is_blocked_since_it_first_was_and_else_since_now():
    lanes = a_lane_blocked(reason="it is down (503)", hint="wait")
    lanes.resume("api", now=NOW + 20)

    lanes.block(blocked(reason="it is down (502)", hint="wait"), wall=WALL + 30, now=NOW + 30)
    assert the(lanes).since == WALL
    lanes.resume("api", now=NOW + 60)
    lanes.block(blocked(reason="it refuses the key", hint="look at the key"), wall=WALL + 70, now=NOW + 70)
    assert the(lanes).since == WALL + 70
    lanes.resume("api", now=NOW + 100)
    lanes.proved(a_job(), Uploaded("u", "c", "b", "k", None))
    lanes.block(blocked(reason="it refuses the key", hint="look at the key"), wall=WALL + 110, now=NOW + 110)
    assert the(lanes).since == WALL + 110


def test_a_blocked_lane_says_when_it_is_tried_again_and_whether_the_server_named_that_time():
    lanes = a_lane_blocked()
    assert (the(lanes).again_at, the(lanes).asked) == (WALL + FIRST_PROBE_SECONDS, False)

    lanes.still("api", Transient("down", retry_after_seconds=300), now=NOW + 15)

    assert (the(lanes).again_at, the(lanes).asked) == (WALL + 315, True)
    assert the(a_lane_blocked(by_person=True)).again_at is None


def test_probes_that_pass_in_vain_each_time_come_ever_more_seldom():
    """A negative balance lets every probe through and refuses every submit."""
    lanes, now, seen = Lanes(), NOW, []
    for _ in range(8):
        assert lanes.block(blocked(lane="submit"), wall=WALL, now=now)
        probe_at = lanes.next_at()
        assert probe_at is not None
        seen.append(probe_at - now)
        now = probe_at
        lanes.resume("submit", now=now)

    assert seen == [15, 30, 60, 120, 240, 480, 600, 600]


@pytest.mark.parametrize(
    ("event", "proved"),
    [
        (Uploaded("https://cdn/1", "hash", "https://api", "key"), {"api"}),
        (Submitted("id"), {"api", "submit"}),
        (Transcribed(), {"api", "state"}),
        (Retired(b"/archive/Talk.mp3"), {"inbox:talks"}),
        (Released("the account has no balance", "submit"), set()),
        (Deferred("busy"), set()),
        (Failed("no audio"), set()),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, set) else "",
)
def test_a_step_that_ended_well_lets_the_waits_of_what_it_proved_begin_again_and_no_others(event, proved):
    lanes, again = Lanes(), {}
    for name in ("api", "submit", "state", "inbox:talks", "inbox:others"):
        lanes.block(blocked(lane=name), wall=WALL, now=NOW)
        lanes.resume(name, now=NOW + 15)

    lanes.proved(a_job(), event)

    for name in ("api", "submit", "state", "inbox:talks", "inbox:others"):
        lanes.block(blocked(lane=name), wall=WALL, now=NOW + 20)
        again[name] = (the_lane(lanes, name).probe_at or 0) - (NOW + 20)
    assert {name for name, wait in again.items() if wait == FIRST_PROBE_SECONDS} == proved
    assert {wait for name, wait in again.items() if name not in proved} == {2 * FIRST_PROBE_SECONDS}


# -- fewer requests are asked for -------------------------------------------------------------------------------------


def throttled(**facts):
    return Throttled("AssemblyAI takes no more requests for now", lane="api", **facts)


@pytest.mark.parametrize(("asked", "wait"), [(None, 15), (0, 1), (1, 1), (40, 40), (86400, LONGEST_PROBE_SECONDS)])
def test_a_server_that_takes_no_more_requests_is_asked_again_when_it_says_however_often_it_says_so(asked, wait):
    lanes, now, seen = Lanes(), NOW, []
    for _ in range(5):
        lanes.block(throttled(retry_after_seconds=asked), wall=WALL, now=now)
        began, now = now, probe_in_vain(lanes, throttled(retry_after_seconds=asked))
        passed = lanes.next_at() or 0
        seen += [now - began, passed - now]
        lanes.resume("api", now=passed)
        now = passed

    assert seen == [wait] * 10


def test_a_throttled_lane_that_then_goes_down_is_probed_ever_more_seldom():
    lanes = Lanes()
    lanes.block(throttled(retry_after_seconds=1), wall=WALL, now=NOW)

    assert waits(lanes, 4) == [1, 30, 60, 120]


def test_a_lane_that_seems_free_is_probed_at_once_and_not_twice():
    lanes = a_lane_blocked()
    waits(lanes, 5)

    lanes.hurry("api", now=NOW)

    assert [lane.name for lane in lanes.due(NOW)] == ["api"]
    lanes.probing("api")
    lanes.hurry("api", now=NOW)
    assert lanes.due(NOW) == []
    lanes.hurry("submit", now=NOW)
    assert len(lanes.all()) == 1


def test_a_lane_that_was_free_for_long_begins_again():
    lanes = a_lane_blocked()
    waits(lanes, 5)
    lanes.resume("api", now=NOW)
    lanes.block(blocked(), wall=WALL, now=NOW + RELAPSE_SECONDS + 1)

    assert lanes.next_at() == NOW + RELAPSE_SECONDS + 1 + FIRST_PROBE_SECONDS
    assert the(lanes).probes == 0


def test_lanes_do_not_share_their_waits():
    lanes = a_lane_blocked()
    waits(lanes, 5)
    lanes.resume("api", now=NOW)
    lanes.block(blocked(lane="inbox:talks"), wall=WALL, now=NOW)

    assert lanes.next_at() == NOW + FIRST_PROBE_SECONDS


# -- by a person's word -----------------------------------------------------------------------------------------------


@UNHURRIED
@given(st.floats(0, 1e9))
def test_what_only_a_person_ends_is_never_probed(passed):
    lanes = a_lane_blocked(by_person=True, retry_after_seconds=5)

    lanes.hurry("api", now=NOW)

    assert lanes.due(NOW + passed) == []
    assert lanes.next_at() is None


def test_what_waits_for_a_person_goes_on_to_whatever_else_befalls_it():
    lanes = a_lane_blocked(reason="too much to be paid for", by_person=True)
    lanes.block(blocked(reason="the mount is gone"), wall=WALL, now=NOW)
    lanes.still("api", blocked(reason="the mount is gone"), now=NOW)

    assert the(lanes).reason == "too much to be paid for"
    assert lanes.next_at() is None
    assert lanes.resume("api", now=NOW) is not None


def test_a_lane_that_was_probed_and_then_waits_for_a_person_is_probed_no_more():
    lanes = a_lane_blocked(reason="the mount is gone")
    lanes.block(blocked(reason="too much to be paid for", by_person=True), wall=WALL, now=NOW)

    assert the(lanes).reason == "too much to be paid for"
    assert lanes.next_at() is None


# -- whatever happens -------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["api", "submit"])
ERRORS = st.one_of(
    st.builds(blocked, NAMES, retry_after_seconds=st.none() | st.integers(0, 10**6), by_person=st.booleans()),
    st.builds(Transient, st.just("down"), retry_after_seconds=st.none() | st.integers(0, 10**6)),
    st.builds(Permanent, st.just("a defect")),
)
MOVES = st.lists(st.tuples(st.sampled_from(["block", "still", "resume"]), NAMES, ERRORS, st.integers(0, 2000)))


@UNHURRIED
@given(MOVES)
def test_every_blocked_lane_waits_for_a_person_or_is_probed_within_the_bound(moves):
    lanes, now = Lanes(), NOW
    for move, name, error, passed in moves:
        now += passed
        for lane in lanes.due(now):
            lanes.probing(lane.name)
        if move == "block" and isinstance(error, Blocked):
            lanes.block(error, wall=WALL, now=now)
        elif move == "still":
            lanes.still(name, error, now=now)
        elif move == "resume":
            lanes.resume(name, now=now)

        for lane in lanes.all():
            assert lane.probing or lane.probe_at is None or lane.probe_at - now <= LONGEST_PROBE_SECONDS


# -- orders -----------------------------------------------------------------------------------------------------------


def left_in(directory):
    return waiting(os.fsencode(directory / "commands"))


def test_orders_wait_in_the_order_in_which_they_were_left(tmp_path):
    orders = [{"order": "retry", "jobs": [number]} for number in (3, 1, 2)]
    names = [os.path.basename(drop(str(tmp_path), order)) for order in orders]

    assert left_in(tmp_path) == tuple(zip(names, orders, strict=True))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[1]",
        b"\xff",
        b'"retry"',
        b"[" * 100_000,
        b"1" * 5000,
        b'{"order": "' + b"x" * LARGEST_BYTES + b'"}',
        b'{"order": "accept"}',
        b'{"transcribed order": 2, "order": "accept"}',
        b'{"transcribed order": 1, "order": "pay"}',
        b'{"transcribed order": 1, "order": ["accept"]}',
    ],
)
def test_a_text_that_is_no_order_is_an_empty_one(tmp_path, text):
    drop(str(tmp_path), {"order": "scan"})
    (tmp_path / "commands" / "0.order").write_bytes(text)

    (name, order), (_, good) = left_in(tmp_path)
    assert (name, order, good) == (b"0.order", {}, {"order": "scan"})


def test_no_name_that_a_rendering_can_have_is_that_of_an_order(tmp_path):
    good = Path(os.fsdecode(drop(str(tmp_path), {"order": "accept"}))).read_bytes()
    suffixes = {each.suffix for each in FORMATS.values()} | {".redacted.mp3", ".error.txt", ".note.txt"}
    for suffix in suffixes:
        (tmp_path / "commands" / f"Talk.order{suffix}").write_bytes(good)

    assert sorted(order.get("order", "") for _, order in left_in(tmp_path)) == [*[""] * len(suffixes), "accept"]


@pytest.mark.parametrize("mask", [0o077, 0o777])
def test_whoever_orders_with_whatever_umask_the_daemon_can_read_it(tmp_path, mask):
    drop(str(tmp_path), {"order": "scan"})
    owner = 60_001 if os.geteuid() == 0 else os.geteuid()
    os.chown(tmp_path / "commands", owner, -1)
    with umask(mask):
        path = drop(str(tmp_path), {"order": "accept"})

    status = os.stat(path)
    assert (status.st_uid, status.st_mode & 0o777) == (owner, 0o644)


def test_an_order_goes_into_no_folder_that_a_link_leads_to(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "commands").symlink_to("elsewhere")

    with pytest.raises(OSError, match=r"Not a directory|symbolic"):
        drop(str(tmp_path), {"order": "accept"})
    assert os.listdir(tmp_path / "elsewhere") == []


def test_what_cannot_be_opened_keeps_no_order_waiting(tmp_path):
    drop(str(tmp_path), {"order": "scan"})
    (tmp_path / "commands" / "0.order").mkdir()
    (tmp_path / "commands" / "1.order").symlink_to("nowhere")

    assert [order for _, order in left_in(tmp_path)] == [None, None, {"order": "scan"}]


def test_a_name_that_is_not_complete_yet_is_not_looked_at(tmp_path):
    drop(str(tmp_path), {"order": "scan"})
    (tmp_path / "commands" / ".transcribed-1.order").write_bytes(b'{"order": "retry"')

    assert len(left_in(tmp_path)) == 1


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ([1, 2], [1, 2]),
        ([True, 1.0, "3", None, [4], 5], [5]),
        ([0, -1, 2**63 - 1, 2**63, 10**30], [2**63 - 1]),
        ("12", []),
        ({"1": 1}, []),
        (None, []),
    ],
)
def test_an_order_names_jobs_only_by_numbers_that_a_job_can_have(named, meant):
    assert numbers({"jobs": named}) == meant
    assert numbers({}) == []
