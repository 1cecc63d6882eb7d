"""A budget of wrong answers: whoever guesses a person's facts runs out of questions first."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import msgspec


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """How many wrong answers one programme may get about one person in a span of time."""

    limit: int
    window: timedelta


A_DAY: Final = Budget(limit=5, window=timedelta(days=1))
"""Enough for a misread form and a second spelling of a name."""
A_MONTH: Final = Budget(limit=20, window=timedelta(days=30))
"""20 guesses among the 36,525 birth dates of a century: one chance in 1,800 a month.
NIST SP 800-63B, 5.2.2 allows 100 in a row."""
BUDGETS: Final = (A_DAY, A_MONTH)


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """Another question may be answered; so many wrong answers are left."""

    remaining: int


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """No question is answered before this instant; to the programme it looks like a «no»."""

    until: datetime


def allowed(wrong: Collection[datetime], now: datetime) -> Open | Closed:
    """Whether a programme may ask about a person once more.

    Args:
        wrong: when it was told «no» or «partial» about this person; older ones do no harm.
        now: the transaction's instant.
    """
    recent = {budget: sorted(at for at in wrong if at > now - budget.window) for budget in BUDGETS}
    reopening = [
        times[-budget.limit] + budget.window
        for budget, times in recent.items()
        if len(times) >= budget.limit
    ]
    if reopening:
        return Closed(until=max(reopening))
    return Open(remaining=min(budget.limit - len(times) for budget, times in recent.items()))
