"""The generic cell rate algorithm (ITU-T I.371), as one pure function.

All that is kept per key is one instant: the *theoretical arrival time*, when the
bucket will be full again. Both stores compute the same from it.
"""

import msgspec


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one more is allowed, how many are left at once, and when to try again."""

    allowed: bool
    remaining: int
    retry_after: float
    """Seconds until one more would be allowed; 0 if this one was."""


def count(arrival: float, now: float, limit: int, seconds: float) -> tuple[Rate, float]:
    """Count one at `now`. Returns the rate and the arrival time to keep."""
    interval = seconds / limit
    full = max(arrival, now)
    wait = full + interval - now - seconds
    if wait > interval * _SLACK:
        return Rate(allowed=False, remaining=0, retry_after=wait), arrival
    remaining = int((seconds - (full + interval - now)) / interval + _SLACK)
    return Rate(allowed=True, remaining=remaining, retry_after=0), full + interval


_SLACK = 1e-6  # of an interval: floats that should meet a whole number do
