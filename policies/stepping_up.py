"""Is how a person signed in enough for what is asked now (RFC 9470)? Only what lacks is named."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import msgspec

from policies.entries import Agreement

TWO_FACTORS: Final = "urn:amana:acr:two-factors"
"""Password and a code (NIST SP 800-63B-4 AAL2)."""
PHISHING_RESISTANT: Final = "urn:amana:acr:phishing-resistant"
"""A passkey: no other site can have its answer (NIST SP 800-63B-4 §3.2.5)."""
LEVELS: Final = (TWO_FACTORS, PHISHING_RESISTANT)
"""Each is enough where one before it is asked for."""


class Proved(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody signed in, and when."""

    acr: str | None
    auth_time: datetime | None


class StepUp(msgspec.Struct, frozen=True, kw_only=True):
    """Not enough: the person must sign in again, in one of these ways or this lately."""

    acr: tuple[str, ...] = ()
    max_age: int | None = None
    """Seconds."""


def reaches(acr: str | None, wanted: Collection[str]) -> bool:
    """Whether a sign-in is at one of these levels, or above it."""
    if acr not in LEVELS:
        return acr in wanted
    return not {acr, *LEVELS[: LEVELS.index(acr)]}.isdisjoint(wanted)


def lacking(agreement: Agreement | None, proved: Proved, now: datetime) -> StepUp | None:
    """What a sign-in lacks for an agreement; None where it is enough."""
    needed = agreement.sign_in if agreement else msgspec.UNSET
    if isinstance(needed, msgspec.UnsetType):
        return None
    acr = () if not needed.acr or reaches(proved.acr, needed.acr) else needed.acr
    within = needed.within_seconds
    max_age = within if within is not None and not _within(within, proved, now) else None
    return StepUp(acr=acr, max_age=max_age) if acr or max_age is not None else None


def _within(seconds: int, proved: Proved, now: datetime) -> bool:
    at = proved.auth_time
    return at is not None and now - at <= timedelta(seconds=seconds)
