"""Whoever guesses runs out of questions; whoever misspells does not."""

from datetime import UTC, datetime, timedelta

from policies import guessing
from policies.guessing import Closed, Open

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_without_wrong_answers_the_whole_budget_is_left():
    assert guessing.allowed([], NOON) == Open(remaining=5)


def test_each_wrong_answer_costs_one():
    assert guessing.allowed([NOON - HOUR, NOON - 2 * HOUR], NOON) == Open(remaining=3)


def test_the_fifth_wrong_answer_of_a_day_closes_until_the_first_is_a_day_old():
    wrong = [NOON - each * HOUR for each in range(1, 6)]

    assert guessing.allowed(wrong, NOON) == Closed(until=NOON - 5 * HOUR + DAY)


def test_it_opens_at_the_instant_it_said():
    wrong = [NOON - each * HOUR for each in range(1, 6)]

    assert guessing.allowed(wrong, NOON - 5 * HOUR + DAY) == Open(remaining=1)


def test_patience_runs_out_of_the_months_budget():
    wrong = [NOON - (1 + each) * DAY for each in range(20)]

    assert guessing.allowed(wrong, NOON) == Closed(until=NOON - 20 * DAY + timedelta(days=30))


def test_the_smaller_of_the_two_budgets_is_what_is_left():
    wrong = [NOON - (1 + each) * DAY for each in range(18)]

    assert guessing.allowed(wrong, NOON) == Open(remaining=2)


def test_wrong_answers_of_long_ago_are_forgotten():
    assert guessing.allowed([NOON - 30 * DAY] * 100, NOON) == Open(remaining=5)


def test_a_clock_that_runs_ahead_does_not_open_the_door():
    assert isinstance(guessing.allowed([NOON + HOUR] * 5, NOON), Closed)
