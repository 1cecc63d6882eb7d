"""Days turn at midnight in Morocco, and ages are counted in completed years."""

from datetime import UTC, date, datetime

import pytest

from policies import legal_time


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 11, 24, 22, 59, tzinfo=UTC), date(2026, 11, 24)),
        (datetime(2026, 11, 24, 23, 0, tzinfo=UTC), date(2026, 11, 25)),
    ],
)
def test_a_day_turns_an_hour_before_it_does_in_utc(instant, day):
    assert legal_time.legal_day(instant) == day


def test_a_day_ends_where_the_next_begins():
    end = legal_time.end_of(date(2026, 11, 24))

    assert end == datetime(2026, 11, 24, 23, tzinfo=UTC)
    assert legal_time.legal_day(end) == date(2026, 11, 25)


@pytest.mark.parametrize(
    ("born", "on", "years"),
    [
        (date(2008, 11, 25), date(2026, 11, 24), 17),
        (date(2008, 11, 24), date(2026, 11, 24), 18),
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2008, 2, 29), date(2028, 2, 29), 20),
    ],
)
def test_an_age_is_the_completed_years(born, on, years):
    assert legal_time.age(born, on) == years


@pytest.mark.parametrize(
    ("written", "earliest", "latest"),
    [
        ("1990-05-17", date(1990, 5, 17), date(1990, 5, 17)),
        ("1990-02", date(1990, 2, 1), date(1990, 2, 28)),
        ("1992-02", date(1992, 2, 1), date(1992, 2, 29)),
        ("1990-12", date(1990, 12, 1), date(1990, 12, 31)),
        ("1990", date(1990, 1, 1), date(1990, 12, 31)),
    ],
)
def test_a_partial_birth_date_means_any_day_in_it(written, earliest, latest):
    assert legal_time.possible_births(written) == (earliest, latest)


@pytest.mark.parametrize("written", ["1990-05-17-1", "1990-13", "1990-02-30", "mai 1990", ""])
def test_what_is_no_birth_date_is_a_fault(written):
    with pytest.raises(ValueError):  # noqa: PT011  (its text is not ours)
        legal_time.possible_births(written)


@pytest.mark.parametrize(
    ("written", "reached"),
    [(None, None), ("2008-11-24", True), ("2008-11-25", False), ("2008-11", None)],
)
def test_an_age_is_reached_only_if_every_possible_birth_says_so(written, reached):
    assert legal_time.reached(written, 18, date(2026, 11, 24)) is reached
