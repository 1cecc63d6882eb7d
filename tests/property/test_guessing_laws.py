"""However the questions are timed, no window holds more wrong answers than its budget."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from policies import guessing
from policies.guessing import BUDGETS, Closed, Open

START = datetime(2026, 1, 1, tzinfo=UTC)
waits = st.lists(st.integers(0, 3 * 86_400), max_size=120)


@given(waits)
def test_no_window_holds_more_wrong_answers_than_its_budget(seconds):
    now, wrong = START, []
    for wait in seconds:
        now += timedelta(seconds=wait)
        if isinstance(guessing.allowed(wrong, now), Open):
            wrong.append(now)

    for budget in BUDGETS:
        for end in wrong:
            inside = [at for at in wrong if end - budget.window < at <= end]
            assert len(inside) <= budget.limit


@given(st.lists(st.integers(0, 86_400), min_size=5, max_size=30))
def test_it_stays_closed_until_it_said_and_then_opens(seconds):
    wrong = [START + timedelta(seconds=at) for at in seconds]
    now = max(wrong)

    match guessing.allowed(wrong, now):
        case Closed(until=until):
            assert until > now
            assert isinstance(guessing.allowed(wrong, until - timedelta(seconds=1)), Closed)
            assert isinstance(guessing.allowed(wrong, until), Open)
        case Open(remaining=remaining):
            assert remaining > 0
