"""Days and ages as Moroccan law counts them. Pure: the instant is always an argument."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final

LEGAL_TIME: Final = timezone(timedelta(hours=1), "Morocco")
"""GMT+1 (decree 2-18-855). In Ramadan clocks show GMT: a day then turns here an hour early."""

MAJORITY_YEARS: Final = 18
"""Family Code (law 70-03), article 209; to be confirmed by counsel."""


def legal_day(instant: datetime) -> date:
    """The calendar day in Morocco at an aware instant."""
    return instant.astimezone(LEGAL_TIME).date()


def end_of(day: date) -> datetime:
    """The first instant that no longer belongs to a legal day, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), LEGAL_TIME).astimezone(UTC)


def birthday(born: date, years: int) -> date:
    """The day someone reaches an age; born on 29 February, on 1 March of a common year."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)


def age(born: date, on: date) -> int:
    """Completed years."""
    years = on.year - born.year
    return years - (on < birthday(born, years))


def possible_births(written: str) -> tuple[date, date]:
    """The earliest and latest day a birth date may mean: `1990-05-01`, `1990-05` or `1990`.

    Partial dates are common in the registers; what follows from both ends follows.

    Raises:
        ValueError: not a date of one of the three shapes.
    """
    parts = [int(part) for part in written.split("-")]
    match parts:
        case [year, month, day]:
            return date(year, month, day), date(year, month, day)
        case [year, month]:
            following = date(year + month // 12, month % 12 + 1, 1)
            return date(year, month, 1), following - timedelta(days=1)
        case [year]:
            return date(year, 1, 1), date(year, 12, 31)
        case _:
            raise ValueError("a birth date is year, year-month or year-month-day")


def reached(written: str | None, years: int, on: date) -> bool | None:
    """Whether an age is reached on a day; None where the birth date cannot say."""
    if written is None:
        return None
    oldest, youngest = (age(born, on) for born in possible_births(written))
    if youngest >= years:
        return True
    return False if oldest < years else None
