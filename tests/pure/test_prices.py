"""What an hour costs follows from the prices that a person wrote down, and from nothing else."""

import json

import pytest

from transcribed.job import Prices, Sum

TRANSLATION = "speech_understanding.request.translation"
PRICES = Prices({"universal-2": 0.15, "*": 0.5}, {"speaker_labels": 0.02, TRANSLATION: 1})


def test_a_model_has_its_own_price_and_any_other_that_of_the_star():
    assert PRICES.per_hour("universal-2", None) == 0.15
    assert PRICES.per_hour("universal-9", "{}") == 0.5
    assert PRICES.per_hour(None, None) == 0.5, "its model is not known"


def test_without_a_price_nothing_is_assumed():
    assert Prices().per_hour("universal-2", None) is None
    assert Prices({"universal-3": 1.0}, {"speaker_labels": 1.0}).per_hour("universal-2", None) is None


@pytest.mark.parametrize(
    ("asked", "price"),
    [
        ({"speaker_labels": True}, 0.17),
        ({"speaker_labels": False}, 0.15),
        ({"speaker_labels": None}, 0.15),
        ({"speech_understanding": {"request": {"translation": {"target_languages": ["de"]}}}}, 1.15),
        ({"speech_understanding": {"request": {"translation": {}}}}, 0.15),
        ({"speech_understanding": ["translation"]}, 0.15),
    ],
)
def test_a_parameter_costs_more_only_where_it_asks_for_something(asked, price):
    assert PRICES.per_hour("universal-2", json.dumps(asked)) == pytest.approx(price)


def test_a_sum_tells_the_seconds_without_a_price_apart():
    total, other = Sum(), Sum()
    total.add(2, 1, 3600.0, 0.15)
    other.add(1, 0, 1800.0, None)
    total.include(other)
    assert total == Sum(recordings=3, open=1, seconds=5400.0, money=0.15, unpriced_seconds=1800.0)
