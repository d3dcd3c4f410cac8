"""The settling rule, as a function of listings, of what is known of writers, and of now."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribed.inbox import Settling
from transcribed.job import Fingerprint

PATH = b"Talk.mp3"


def look(settling, size, now, evidence=None, **options):
    known = {} if evidence is None else {PATH: evidence}
    return settling.observe({PATH: Fingerprint(size, 0)}, now, evidence=known, **options)


def reason(settling):
    return settling.waiting()[PATH].reason


def test_a_file_that_was_taken_is_forgotten_and_a_newer_one_at_its_path_goes_on_settling():
    settling = Settling(5)
    look(settling, 1, 0.0)
    (found,) = look(settling, 1, 5.0)
    look(settling, 2, 6.0)
    settling.taken(found)
    assert (reason(settling), settling.next_at()) == ("growing", 11.0)

    (newer,) = look(settling, 2, 24.0)
    settling.taken(newer)
    look(settling, 2, 25.0)
    assert (reason(settling), settling.next_at()) == ("settling", 30.0)


def taken(settling, size, now, evidence=None):
    (found,) = look(settling, size, now, evidence)
    assert not settling.looked_into(found, lacks="", whole=False)
    settling.taken(found)


def test_a_file_that_grows_after_a_part_of_it_was_taken_waits_for_another_such_pause():
    """A recorder that opens, appends and closes every eight seconds: else each of its parts would be paid for."""
    settling = Settling(5)
    look(settling, 1, 0.0)
    taken(settling, 1, 5.0, "closed")
    look(settling, 2, 8.0, "left")
    assert silent(settling, look(settling, 2, 13.0, "closed"))
    assert settling.next_at() == 8.0 + 3 * 8.0


def test_a_file_that_came_back_is_waited_for_as_long_as_its_writer_was_seen_to_pause():
    settling = Settling(5)
    settling.came_back(PATH, 60.0, 0.0)
    settling.observe({}, 0.0)  # a look that began before it came
    look(settling, 2, 1.0)
    assert silent(settling, look(settling, 2, 6.0))
    assert settling.next_at() == 1.0 + 3 * 60.0


def test_a_file_that_did_not_come_back_within_ten_minutes_lends_its_pause_to_no_other():
    settling = Settling(5)
    settling.came_back(PATH, 60.0, 0.0)
    settling.observe({}, 601.0)
    look(settling, 2, 602.0)
    assert not silent(settling, look(settling, 2, 607.0))


@pytest.mark.parametrize(("size", "now", "moved"), [(1, 8.0, False), (2, 8.0, True), (2, 606.0, False)])
def test_another_file_at_the_path_of_one_that_was_taken_needs_only_the_settle_time(size, now, moved):
    """It is no larger, the first one was put away, or it comes ten minutes later."""
    settling = Settling(5)
    look(settling, 1, 0.0)
    taken(settling, 1, 5.0)
    if moved:
        settling.moved(PATH)
    look(settling, size, now)
    taken(settling, size, now + 5)


def silent(settling, found):
    """It was looked into, and says nothing of its size: True if it waits for that."""
    return bool(found) and all(settling.looked_into(each, lacks="", whole=False) for each in found)


def test_a_file_that_a_program_has_open_for_writing_is_waited_for_without_end():
    settling = Settling(5)
    look(settling, 1, 0.0)
    assert look(settling, 1, 1e6, "open") == []
    assert reason(settling) == "written"
    assert settling.next_at() is None


def test_a_file_that_its_writer_has_closed_needs_only_the_settle_time():
    settling = Settling(5)
    for size, now in ((1, 0.0), (2, 40.0), (3, 80.0)):
        look(settling, size, now, "open")
    look(settling, 3, 81.0, "closed")
    assert settling.next_at() == 85.0
    assert look(settling, 3, 85.0, "closed") != []


def test_a_file_that_its_writer_closed_with_its_last_bytes_needs_only_the_settle_time():
    settling = Settling(5)
    look(settling, 1, 0.0, "open")
    look(settling, 2, 40.0, "open")
    look(settling, 3, 80.0, "closed")
    assert settling.next_at() == 85.0


def test_a_file_that_was_seen_to_be_written_and_closed_between_two_looks_needs_only_the_settle_time():
    settling = Settling(5)
    look(settling, 1, 0.0)
    look(settling, 2, 75.0, "left")
    assert settling.next_at() == 80.0


def test_the_time_for_which_a_file_was_empty_is_no_pause_of_its_copy():
    settling = Settling(5)
    look(settling, 0, 0.0)
    look(settling, 9, 75.0)
    assert settling.next_at() == 80.0


def test_where_no_writer_was_ever_seen_the_pauses_count():
    """A file server may open the file for each piece that it writes (NFS 3)."""
    settling = Settling(5)
    look(settling, 1, 0.0, "closed")
    assert silent(settling, look(settling, 2, 45.0, "closed") or look(settling, 2, 50.0, "closed"))
    assert settling.next_at() == 45.0 + 3 * 45.0


def test_the_pauses_count_again_once_a_writer_has_come_back():
    settling = Settling(5)
    look(settling, 1, 0.0, "open")
    look(settling, 2, 40.0, "open")
    look(settling, 2, 41.0, "closed")
    look(settling, 3, 44.0, "open")
    assert silent(settling, look(settling, 3, 49.0, "closed"))
    assert settling.next_at() == 44.0 + 3 * 40.0


def test_a_file_that_says_itself_that_it_is_whole_waits_for_no_other_pause():
    """A copy that was cut and goes on: its writer comes and goes."""
    settling = Settling(5)
    for size, now, evidence in ((1, 0.0, "open"), (1, 1.0, "closed"), (2, 60.0, "open"), (2, 61.0, "closed")):
        look(settling, size, now, evidence)
    assert settling.next_at() == 65.0
    [found] = look(settling, 2, 65.0, "closed")
    assert not settling.looked_into(found, lacks="", whole=True)


def test_where_other_machines_may_write_such_a_file_needs_its_three_looks_all_the_same():
    settling = Settling(5)
    for size, now in ((1, 0.0), (2, 40.0), (2, 50.0)):
        assert look(settling, size, now, scan_seconds=10.0) == []
    [found] = look(settling, 2, 60.0, scan_seconds=10.0)
    assert not settling.looked_into(found, lacks="", whole=True)


@pytest.mark.parametrize(
    ("set_last", "ready_at"),
    [
        (Fingerprint(9, 5, 120, 7), 126.0),
        (Fingerprint(9, 99, 120, 7), 126.0),
        (Fingerprint(9, 110, 120, 7), 121.0 + 3 * 80),
        (Fingerprint(10, 5, 120, 7), 121.0 + 3 * 80),
    ],
    ids=["its time was set", "its rights were set", "it was written", "it grew"],
)
def test_a_time_that_a_copy_sets_once_it_has_closed_the_file_is_no_writer_that_came_back(set_last, ready_at):
    settling = Settling(5)
    settling.observe({PATH: Fingerprint(1, 19, 19, 7)}, 20.0, evidence={PATH: "open"})
    settling.observe({PATH: Fingerprint(9, 99, 99, 7)}, 100.0, evidence={PATH: "open"})
    settling.observe({PATH: Fingerprint(9, 99, 99, 7)}, 101.0, evidence={PATH: "closed"})
    settling.observe({PATH: set_last}, 121.0, evidence={PATH: "closed"})
    for found in settling.observe({PATH: set_last}, 126.0, evidence={PATH: "closed"}):
        settling.looked_into(found, lacks="", whole=False)
    assert ready_at == 126.0 or settling.next_at() == ready_at
    assert settling.observe({PATH: set_last}, ready_at, evidence={PATH: "closed"}) != []


def test_a_file_that_lacks_bytes_is_taken_ten_minutes_after_that_was_found_by_whatever_process():
    before = Settling(5)
    look(before, 9, 0.0)
    [found] = look(before, 9, 5.0)
    assert before.looked_into(found, lacks="it ends in zeros", whole=False)
    later = Settling(5, hollow=before.hollow())
    look(later, 9, 500.0)
    [found] = look(later, 9, 505.0)
    assert later.looked_into(found, lacks="it ends in zeros", whole=False)
    assert later.next_at() == 600.0
    look(later, 9, 601.0)
    other = Settling(5, hollow=before.hollow())
    look(other, 8, 500.0)
    [found] = look(other, 8, 505.0)
    other.looked_into(found, lacks="it ends in zeros", whole=False)
    assert other.next_at() == 500.0 + 600.0, "of another size"


def test_what_events_say_of_a_writer_is_believed_for_an_hour_without_a_change():
    settling = Settling(5)
    assert look(settling, 1, 0.0, "unclosed") == look(settling, 1, 3599.0, "unclosed") == []
    assert reason(settling) == "written"
    assert look(settling, 1, 3600.0, "unclosed") != []


def test_an_empty_file_never_settles_and_is_called_empty():
    settling = Settling(5)
    assert look(settling, 0, 0.0) == look(settling, 0, 1e6) == []
    assert reason(settling) == "empty"
    assert settling.next_at() is None
    look(settling, 9, 1e6 + 1)
    assert settling.next_at() == 1e6 + 6


@pytest.mark.parametrize("ending", [b".part", b".aria2", b".crdownload", b".!qB", b".!sync", b".filepart"])
@pytest.mark.parametrize("size", [0, 9])
def test_a_file_waits_while_an_unfinished_one_of_its_name_lies_beside_it(ending, size):
    settling = Settling(5)
    look(settling, size, 0.0)
    assert look(settling, size, 1e6, markers={PATH + ending}) == []
    assert reason(settling) == "unfinished"
    assert look(settling, 99, 2e6, markers={b"Other.mp3" + ending}) == []
    assert reason(settling) == "settling"
    assert look(settling, 99, 2e6 + 5) != []


def test_a_marker_of_a_person_counts_for_more_than_all_but_a_program_that_has_the_file_open():
    settling, ready = Settling(5), PATH + b".ready"
    assert look(settling, 8, 0.0, "unclosed", markers={ready, PATH + b".part"}) != []
    assert look(settling, 9, 1.0, "open", markers={ready}) == []
    assert reason(settling) == "written"
    assert look(settling, 9, 2.0, "closed", markers={ready}) != []


@pytest.mark.parametrize("comes_back", [False, True])
def test_a_marker_that_was_there_before_its_recording_does_not_release_it(comes_back):
    """Left behind, or copied first: it can say nothing of a file that nobody had then."""
    settling, ready = Settling(5), {PATH + b".ready"}
    if comes_back:
        assert look(settling, 8, 0.0, markers=ready) != []
    assert settling.observe({}, 1.0, ready) == []
    assert look(settling, 8, 1000.0, markers=ready) == []
    assert reason(settling) == "settling"
    assert look(settling, 8, 1005.0, markers=ready) != []


def test_a_marker_that_is_taken_away_and_put_there_again_releases_its_recording():
    settling, ready = Settling(5), {PATH + b".ready"}
    settling.observe({}, 0.0, ready)
    assert look(settling, 8, 1.0, markers=ready) == []
    assert look(settling, 8, 2.0) == []
    assert look(settling, 8, 3.0, markers=ready) != []


def test_a_marker_releases_an_empty_file_only_once_nothing_is_about_to_become_it():
    settling, ready = Settling(5), PATH + b".ready"
    assert look(settling, 0, 0.0, "unclosed", markers={ready}) == []
    assert look(settling, 0, 100.0, markers={ready, PATH + b".part"}) == []
    assert reason(settling) == "unfinished"
    assert settling.waiting()[PATH].beside == PATH + b".part"
    assert look(settling, 0, 101.0, markers={ready}) != []


def test_where_other_machines_may_write_three_looks_apart_must_find_a_file_the_same():
    settling = Settling(5)
    assert look(settling, 1, 0.0, scan_seconds=10.0) == []
    assert look(settling, 1, 10.0, scan_seconds=10.0) == []
    assert settling.next_at() == 20.0
    assert look(settling, 1, 20.0, scan_seconds=10.0) != []


def test_where_other_machines_may_write_time_alone_is_not_enough():
    settling = Settling(5)
    look(settling, 1, 0.0, scan_seconds=10.0)
    assert look(settling, 1, 500.0, scan_seconds=10.0) == []
    assert look(settling, 1, settling.next_at(), scan_seconds=10.0) != []


def test_what_an_earlier_process_saw_of_a_growing_file_counts():
    before = Settling(5)
    look(before, 1, 0.0)
    look(before, 2, 20.0)
    settling = Settling(5, before.pauses())
    assert look(settling, 2, 1000.0) == []
    assert silent(settling, look(settling, 2, 1005.0))
    assert settling.next_at() == 1060.0


def test_what_an_earlier_process_saw_is_of_no_use_for_a_file_that_comes_later():
    settling = Settling(5, {PATH: 100.0})
    settling.observe({}, 0.0)
    look(settling, 1, 1.0)
    assert settling.next_at() == 6.0


LOOKS = st.lists(
    st.tuples(st.floats(0.01, 700), st.booleans(), st.sampled_from(["open", "unclosed", "closed", "left", None])),
    max_size=30,
)


@given(LOOKS, st.sampled_from([0.0, 1.0, 10.0, 3600.0]))
def test_nothing_settles_that_is_open_or_was_just_changed(steps, scan_seconds):
    settling, now, size, changed_at = Settling(5), 0.0, 1, 0.0
    look(settling, size, now, scan_seconds=scan_seconds)
    for gap, changes, evidence in steps:
        now += gap
        if changes:
            size, changed_at = size + 1, now
        if look(settling, size, now, evidence, scan_seconds=scan_seconds):
            assert evidence != "open"
            assert now >= changed_at + 5
            assert evidence != "unclosed" or now >= changed_at + 3600


@given(LOOKS, st.sampled_from([0.0, 1.0, 10.0, 3600.0]))
def test_each_wait_that_is_not_for_somebody_ends(steps, scan_seconds):
    settling, now, size = Settling(5), 0.0, 1
    look(settling, size, now, scan_seconds=scan_seconds)
    for gap, changes, evidence in steps:
        now, size = now + gap, size + changes
        look(settling, size, now, evidence, scan_seconds=scan_seconds)
    for _ in range(3):
        if (ready_at := settling.next_at()) is not None:
            now = ready_at
            look(settling, size, now, scan_seconds=scan_seconds)
    if not look(settling, size, now, scan_seconds=scan_seconds):
        look(settling, size, settling.next_at(), scan_seconds=scan_seconds)
    assert settling.waiting() == {}
