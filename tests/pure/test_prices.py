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


@pytest.mark.parametrize(
    ("asked", "price"),
    [
        ({"translation": {"target_languages": ["de"]}}, (1, True)),
        ({"translation": {"target_languages": ["de", "fr"]}}, (1, True)),
        ({"summarization": {"summary_type": "bullets"}}, (0, False)),
        ({"translation": {"target_languages": ["de"]}, "summarization": {"summary_type": "bullets"}}, (1, False)),
    ],
)
def test_a_question_costs_what_the_parameters_cost_that_ask_for_the_same(asked, price):
    assert PRICES.of_question(json.dumps(asked)) == price


@pytest.mark.parametrize("name", ["speech_understanding", f"{TRANSLATION}.target_languages"])
def test_a_price_of_all_or_of_a_part_is_a_price_of_the_question(name):
    asked = json.dumps({"translation": {"target_languages": ["de"]}})
    assert Prices({}, {name: 0.5}).of_question(asked) == (0.5, True)


def test_a_question_that_was_perhaps_paid_is_in_no_other_sum():
    total = Sum()
    total.ask(2, 1, 3600.0, PRICES.of_question('{"translation": {"formal": true}}'), is_paid=False)
    assert total == Sum(perhaps=2, perhaps_money=1.0)
    total.ask(1, 0, 1800.0, PRICES.of_question('{"translation": {"formal": true}}'), is_paid=True)
    assert total == Sum(
        perhaps=2, perhaps_money=1.0, questions=1, question_seconds=1800.0, question_money=0.5, money=0.5
    )


def test_a_sum_tells_the_seconds_without_a_price_apart():
    total, other = Sum(), Sum()
    total.add(2, 1, 3600.0, 0.15)
    other.add(1, 0, 1800.0, None)
    total.include(other)
    assert total == Sum(recordings=3, open=1, seconds=5400.0, money=0.15, unpriced_seconds=1800.0)
