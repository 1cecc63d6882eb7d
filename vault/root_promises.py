"""What erasures promise of the roots: a new one within a day, the old one destroyed a week later.

A certificate names the day. Nobody keeps it but those who run the service, so they are told.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select

from policies import retention
from vault.database import EPOCH, Transaction
from vault.key_states import State
from vault.root_keys import root_keys
from vault.tombstones import tombstones


async def overdue(tx: Transaction) -> timedelta:
    """For how long a root has been due to be rotated or destroyed; zero if none is."""
    held = await _held(tx)
    days = [await _due(tx, *root) for root in held if root[0] is not State.DESTROYED]
    return max((tx.now - day for day in days if day and day < tx.now), default=timedelta(0))


async def to_rotate(tx: Transaction) -> bool:
    """Whether anything was erased since the active root was made."""
    (made_at,) = [made_at for state, made_at in await _held(tx) if state is State.ACTIVE]
    return await _first_erased(tx, made_at) is not None


async def _held(tx: Transaction) -> list[tuple[State, datetime]]:
    query = select(root_keys.c.version, root_keys.c.state, root_keys.c.created_at)
    roots = (await tx.connection.execute(query.order_by(root_keys.c.version))).all()
    # The first is written down late: when somebody asks, or rotates it.
    return [
        (State(row.state), row.created_at if number else EPOCH) for number, row in enumerate(roots)
    ] or [(State.ACTIVE, EPOCH)]


async def _first_erased(tx: Transaction, since: datetime) -> datetime | None:
    query = select(func.min(tombstones.c.at)).where(tombstones.c.at >= since)
    first: datetime | None = await tx.connection.scalar(query)
    return first


async def _due(tx: Transaction, state: State, made_at: datetime) -> datetime | None:
    """When a root must be out of use for what was erased since it was made; None: nothing was."""
    first = await _first_erased(tx, made_at)
    if first is None:
        return None
    if state is State.ACTIVE:
        return first + retention.ROOT_ROTATION
    return retention.root_destroyed_by(first)
