"""The accounts of those who work here: DPO and operators."""

from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import Boolean, Column, String, Table, select, update

from policies.staff import Role
from policies.vocabulary import StaffId
from vault.database import Instant, Transaction, fetch_one, insert_new, metadata

staff_accounts: Final = Table(
    "staff_accounts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
)


class StaffMember(msgspec.Struct, frozen=True, kw_only=True):
    """One account of the console."""

    id: StaffId
    """What they sign in with; no name of a person."""
    role: Role
    active: bool
    created_at: datetime


async def add(tx: Transaction, staff: StaffId, role: Role) -> StaffMember | None:
    """Open an account; None if the identifier is taken. Its password and code are set apart.

    An identifier is never used again, also after its account was closed: the log names it.
    """
    member = StaffMember(id=staff, role=role, active=True, created_at=tx.now)
    if await one(tx, staff) is not None:
        return None
    await insert_new(tx, staff_accounts, [msgspec.structs.asdict(member)])
    return member


async def close(tx: Transaction, staff: StaffId) -> bool:
    """Close an account: its sessions open nothing from now on. False if there is none open."""
    done = await tx.connection.execute(
        update(staff_accounts)
        .where(staff_accounts.c.id == staff, staff_accounts.c.active.is_(True))
        .values(active=False)
    )
    return done.rowcount == 1


async def one(tx: Transaction, staff: StaffId) -> StaffMember | None:
    """An account, open or closed."""
    query = select(
        staff_accounts.c.id,
        staff_accounts.c.role,
        staff_accounts.c.active,
        staff_accounts.c.created_at,
    ).where(staff_accounts.c.id == staff)
    return await fetch_one(tx, query, StaffMember)
