"""Which versions of the index keys hold the indexes, and by which rules each writes a value.

A version is live from its making until its rows are dropped: until then every write goes to
it, so that a rotation can be given up and a number stays unique in each of them.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Column, Integer, Select, SmallInteger, Table, and_, select

from vault import normalisers
from vault.database import Instant, Transaction, fetch_all, insert_new, metadata, share_lock
from vault.domain_keys import domain_keys
from vault.index_held import Live
from vault.key_states import USABLE, State
from vault.keyring import Keyring

DOMAIN: Final = "blind-index"

index_versions: Final = Table(
    "index_versions",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("rules", SmallInteger, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("dropped_at", Instant),
)


def live() -> Select[Any]:
    """The versions that answer, newest first: the first is the active one."""
    usable = and_(
        domain_keys.c.name == DOMAIN,
        domain_keys.c.version == index_versions.c.version,
        domain_keys.c.state.in_([state.value for state in USABLE]),
    )
    return (
        select(index_versions.c.version, index_versions.c.rules, domain_keys.c.state)
        .select_from(index_versions.join(domain_keys, usable))
        .where(index_versions.c.dropped_at.is_(None))
        .order_by(index_versions.c.version.desc())
    )


async def for_reading(tx: Transaction, keyring: Keyring) -> Sequence[Live]:
    """The versions to look in, as the store has them now; the keyring holds their keys."""
    found = await fetch_all(tx, live(), Live)
    if not _held(keyring, found):
        await keyring.reload(tx)
    return found


async def for_writing(tx: Transaction, keyring: Keyring) -> Sequence[Live]:
    """The versions that a write must go to, the active one first, held until commit.

    A rotation waits for the writes before it and is seen by those after it, whatever this
    process knew: no record is written to the old version alone.
    """
    while True:
        found = await fetch_all(tx, share_lock(live()), Live)
        # Without an active one, a rotation was committed while we waited for its lock.
        if found and found[0].state is State.ACTIVE and _held(keyring, found):
            return found
        await pin(tx)
        await keyring.reload(tx)


async def pin(tx: Transaction) -> None:
    """Let every index key that has no rules yet use the newest."""
    query = select(domain_keys.c.version).where(
        domain_keys.c.name == DOMAIN,
        domain_keys.c.version.not_in(select(index_versions.c.version)),
    )
    rows = [
        {"version": version, "rules": normalisers.NEWEST, "made_at": tx.now}
        for version in await tx.connection.scalars(query)
    ]
    if rows:
        await insert_new(tx, index_versions, rows)


def _held(keyring: Keyring, found: Sequence[Live]) -> bool:
    return {each.version for each in found} <= set(keyring.versions(DOMAIN).usable)
