"""What a rate lets through, whatever the pace of the hits."""

from hypothesis import given
from hypothesis import strategies as st

from vault.short_lived_rate import count

limits = st.integers(1, 20)
periods = st.sampled_from([1.0, 60.0, 900.0, 86_400.0])
paces = st.lists(st.floats(0, 30, allow_nan=False), min_size=1, max_size=60)


@given(limits, periods, paces)
def test_no_window_lets_more_than_twice_the_limit_through(limit, seconds, pauses):
    arrival, now, let_through = 0.0, 1_000.0, []
    for pause in pauses:
        now += pause
        rate, arrival = count(arrival, now, limit, seconds)
        if rate.allowed:
            let_through.append(now)
    for start in let_through:
        # A full bucket at once, and what is refilled meanwhile.
        assert sum(start <= at < start + seconds for at in let_through) <= 2 * limit


@given(limits, periods)
def test_a_full_bucket_holds_exactly_the_limit(limit, seconds):
    arrival, remaining = 0.0, []
    for _ in range(limit):
        rate, arrival = count(arrival, 1_000.0, limit, seconds)
        assert rate.allowed
        remaining.append(rate.remaining)
    assert remaining == list(range(limit - 1, -1, -1))
    refused, _ = count(arrival, 1_000.0, limit, seconds)
    assert not refused.allowed
    assert refused.remaining == 0


@given(limits, periods, paces)
def test_who_waits_as_told_is_let_through(limit, seconds, pauses):
    arrival, now = 0.0, 1_000.0
    for pause in pauses:
        now += pause
        rate, arrival = count(arrival, now, limit, seconds)
        if not rate.allowed:
            again, _ = count(arrival, now + rate.retry_after, limit, seconds)
            assert again.allowed


@given(limits, periods)
def test_a_refused_hit_costs_nothing(limit, seconds):
    arrival = 0.0
    for _ in range(limit):
        _, arrival = count(arrival, 1_000.0, limit, seconds)
    _, after = count(arrival, 1_000.0, limit, seconds)
    assert after == arrival
