"""Limits as they are reached, models as requests name them, and the names of the files that answer at the share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribed.files import consents, is_consent
from transcribed.job.limits import Limits, Period, Spent
from transcribed.worker.new_models import LONGEST_QUESTION, models_named, question_of


def test_each_limit_of_a_period_that_is_reached_is_named_by_itself() -> None:
    limits = Limits(hours_per_day=8, hours_per_month=8, cost_per_day=2.5)

    reached = list(limits.reached(Period.DAY, Spent(8.0, 2.5), "EUR"))

    assert [each.name for each in reached] == ["hours-8-per-day", "cost-2.5-per-day"]
    assert list(limits.reached(Period.DAY, Spent(7.9, 2.4), "EUR")) == []


@given(st.floats(min_value=0, max_value=1_000_000))
def test_the_file_for_any_limit_is_known_by_its_name_however_people_type_it(most: float) -> None:
    [reached] = Limits(cost_per_month=most).reached(Period.MONTH, Spent(0.0, most), "EUR")
    question = f"limit-{reached.name}-until-2026-12-01"

    name = consents.to_held(question)

    assert consents.held_of(name) == question
    assert consents.held_of(name.upper() + b".txt") == question
    assert consents.held_of(name.removesuffix(b".txt")) == question


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=3))
def test_the_file_for_any_model_is_known_by_its_name_and_is_a_plain_name(models: list[str]) -> None:
    question = question_of(models)
    name = consents.to_held(question)
    if len(question) <= LONGEST_QUESTION and not question.endswith(".txt"):
        assert consents.held_of(name) == question
        assert consents.held_of(name.upper() + b".txt") == question
    assert not set(name) & set(b"/\\ \n\0")


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        (None, ()),
        ("{}", ()),
        ('{"speech_models":["a","b"]}', ("a", "b")),
        ('{"speech_models":"a"}', ()),
        ('{"speech_models":[1,null,"a",""]}', ("a",)),
    ],
)
def test_the_models_that_a_request_names_are_the_texts_of_its_list(
    parameters: str | None, named: tuple[str, ...]
) -> None:
    assert models_named(parameters) == named


@pytest.mark.parametrize(
    "name",
    [
        b"accept-limit-hours-8-per-day.txt",
        b"accept-limit-hours-8-per-week-until-2026-12-01.txt",
        b"accept-limit-hours--8-per-day-until-2026-12-01.txt",
        b"accept-limit-hours-8-per-day-until-2026-12-01.mp3",
        b"accept-limit-hours-8-per-day-until-2026-12-01\n",
        b"accept-model-notes.docx",
        b"accept-model-a/b.txt",
        b"accept-model-.txt",
        "accept-limit-hours-٨-per-day-until-2026-12-01.txt".encode(),
    ],
)
def test_a_name_that_is_only_like_it_is_nothing(name: bytes) -> None:
    assert not is_consent(name)
