"""The judge of `make clients`: its word for what came of a recording that a foreign client sent."""

import pytest

from clients import judge
from clients.judge import Evidence, Taken, Wish
from clients.trial import waited_out

TALK = Wish(("Talk.mp3",), ("whole",))
DELETED = Wish(("Talk.mp3",), (), is_archived=False)


def seen(
    *contents: str,
    failed: tuple[str, ...] = (),
    archived: tuple[str, ...] | None = None,
    notes: tuple[str, ...] = (),
    **paid: int,
) -> Evidence:
    """Jobs for these contents of one recording; each is paid for once and archived, if nothing else is said."""
    lies = contents if archived is None else archived
    return Evidence(
        known={"whole", "another"},
        paid=dict.fromkeys(contents, 1) | paid,
        jobs=[Taken("Talk.mp3", content, has_failed=content in failed) for content in contents],
        archived={f"{n}.mp3": content for n, content in enumerate(lies)},
        notes=notes,
    )


@pytest.mark.parametrize(
    ("wish", "evidence", "word"),
    [
        (TALK, seen("whole"), judge.OK),
        (TALK, seen(), judge.STUCK),
        (TALK, seen("whole", archived=()), judge.STUCK),
        (TALK, seen("part"), judge.EARLY),
        (TALK, seen("part", archived=("whole",)), judge.EARLY),
        (TALK, seen("part", "whole"), judge.UNTOLD),
        (TALK, seen("part", "whole", notes=("Talk.note.txt",)), judge.WHOLE_LATER),
        (TALK, seen("part", "whole", notes=("Another.note.txt",)), judge.UNTOLD),
        (TALK, seen("whole", "", failed=("",)), judge.FAILED),
        (TALK, seen("whole", whole=2), judge.TWICE),
        (TALK, seen("whole", archived=("whole", "whole")), judge.TWICE),
        (TALK, seen("whole", "another"), judge.OK),
        (DELETED, seen(), judge.OK),
        (DELETED, seen("whole"), judge.UNWANTED),
    ],
)
def test_the_judge_has_the_right_word_for_what_came_of_a_recording(wish, evidence, word):
    assert judge.verdict(wish, evidence) == word


def test_a_recording_that_lies_in_failed_has_failed_whatever_came_of_it_later():
    evidence = Evidence({"whole"}, {"whole": 1}, archived={"Talk.mp3": "whole"}, failed=["Talk.mp3"])

    assert judge.verdict(TALK, evidence) == judge.FAILED


def test_a_wait_without_patience_goes_on_as_long_as_less_is_left():
    left = iter([3, 2, 1, 0])

    assert waited_out(lambda: next(left), 0.0)


def test_a_wait_in_which_the_same_is_left_ends_in_vain():
    assert not waited_out(lambda: 1, 0.0)
