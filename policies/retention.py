"""What must be forgotten by when, and what must not be forgotten yet."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from policies.entries import Agreement
from policies.legal_time import end_of, legal_day

SHRED_HORIZON: Final = timedelta(days=7)
"""How long an old root is kept: as far back as a restore may go (docs/operations.md)."""
ROOT_ROTATION: Final = timedelta(days=1)
"""The root is rotated at least this often while anything was erased (docs/operations.md)."""
ANSWER_DAYS: Final = 10
"""Clear days in which a request to erase is answered (Law 09-08, article 8)."""
COOLING_OFF: Final = timedelta(hours=72)
"""From asking to be erased to the earliest erasure: whoever sat at another's open session, or
asked in anger, can be stopped. Leaves a week of the law's ten days."""
LOG_TERM: Final = timedelta(days=4 * 365 + 1)
"""How long log and consents stay evidence after an erasure: offences against Law 09-08 lapse
after four years (Code of criminal procedure, article 5); to be confirmed by counsel."""

TOKEN_TERM: Final = timedelta(days=1)
"""How long an expired token is still known: what is asked of it a little late finds it expired."""
SESSION_TERM: Final = timedelta(days=30)
"""How long a session that is over is kept: whoever asks when they signed in finds it in the log."""
MESSAGE_TERM: Final = timedelta(days=90)
"""How long it is kept what a programme was told, and whether it arrived."""
PROPOSAL_TERM: Final = timedelta(days=210)
"""How long a proposal is kept after it expired: the longest embargo, and a month to contest what
is then shown. That it was made, approved and used stays in the log; whom it named does not."""


class Hold(StrEnum):
    """Why a record must be kept for now."""

    DISPUTE = "dispute"
    """A complaint or an action at law about the person's rights is pending."""
    COURT = "court-order"
    """A court ordered that it be kept."""
    AUDIT = "audit"
    """A public auditor is looking at payments that rest on it."""
    RECOVERY = "recovery"
    """Support paid without a ground is being recovered."""


class HoldFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that the decision may know of a hold."""

    kind: Hold
    until: datetime | None = None
    """None: until it is lifted."""


class Erasable(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing stands in the way."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Every reason to keep the record, and until when if that is known."""

    reasons: tuple[Hold, ...]
    until: datetime | None


def may_erase(holds: Iterable[HoldFacts], now: datetime) -> Erasable | Held:
    """Whether a person may be erased at this instant."""
    standing = [hold for hold in holds if hold.until is None or now < hold.until]
    if not standing:
        return Erasable()
    ends = [hold.until for hold in standing if hold.until is not None]
    return Held(
        reasons=tuple(sorted({hold.kind for hold in standing})),
        until=max(ends) if len(ends) == len(standing) else None,
    )


def answer_by(asked_at: datetime) -> datetime:
    """The end of the last day on which a request to erase is answered in time."""
    return end_of(legal_day(asked_at) + timedelta(days=ANSWER_DAYS))


def root_destroyed_by(erased_at: datetime) -> datetime:
    """When no backup opens an erased record any more, whoever holds it."""
    return erased_at + ROOT_ROTATION + SHRED_HORIZON


def hold_until(given_at: datetime, agreement: Agreement) -> datetime:
    """When a programme must have erased what it was given (Law 09-08, article 3)."""
    return given_at + timedelta(days=agreement.retention_days)
