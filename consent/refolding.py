"""Does what disclosures read still follow from what happened? For a test and a nightly job."""

from itertools import groupby
from uuid import UUID

import msgspec

from consent import grant_rows
from consent.grant_events import Grant, at_instant, fold
from consent.grant_rows import grants, heads
from vault.database import Transaction, fetch_all


class Refolded(msgspec.Struct, frozen=True, kw_only=True):
    """What folding some consents anew found."""

    checked: int
    differing: tuple[UUID, ...]
    """Consents whose head is not what their events fold to."""
    last: UUID | None
    """Where to go on; None at the end."""


async def refold(tx: Transaction, after: UUID | None = None, limit: int = 1000) -> Refolded:
    """Fold the events of some consents anew and compare with their heads, in order of id."""
    beyond = () if after is None else (grants.c.id > after,)
    query = heads(*beyond).order_by(grants.c.id).limit(limit)
    stored = await fetch_all(tx, query, Grant)
    events = await grant_rows.events(tx, [grant.id for grant in stored])
    folded = {
        id_: fold(list(group), tx.now) for id_, group in groupby(events, lambda at: at.grant_id)
    }
    return Refolded(
        checked=len(stored),
        differing=tuple(
            grant.id for grant in stored if folded.get(grant.id) != at_instant(grant, tx.now)
        ),
        last=stored[-1].id if len(stored) == limit else None,
    )
