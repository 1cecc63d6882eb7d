"""The versions of the root: which one wraps, which still unwrap, which are gone.

The root wraps little: the domains' keys and the tops of the trees. So a new version is a
matter of a moment, and an old one can be destroyed: with it, every backup that it opened.
"""

import asyncio
from collections import Counter
from typing import Final

import msgspec
from sqlalchemy import Column, Integer, String, Table, select, update

from policies.retention import SHRED_HORIZON
from vault import domain_keys, key_epoch, key_tree, root_wraps
from vault.database import Instant, Transaction, insert_new, metadata
from vault.key_states import State
from vault.keyring import Keyring
from vault.keys import wrapped_by

root_keys: Final = Table(
    "root_keys",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("state", String(16), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),
)


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version of the root, without the key."""

    version: int
    state: State
    uses: int
    """Keys in the store that it wraps."""
    here: bool
    """Whether its provider holds it."""


async def versions(tx: Transaction, keyring: Keyring) -> list[Version]:
    """Every version there ever was, oldest first."""
    await _note(tx, keyring)
    uses = await _uses(tx)
    query = select(root_keys.c.version, root_keys.c.state).order_by(root_keys.c.version)
    return [
        Version(
            version=row.version,
            state=State(row.state),
            uses=uses[row.version],
            here=row.version in keyring.keys.versions,
        )
        for row in await tx.connection.execute(query)
    ]


async def rotate(tx: Transaction, keyring: Keyring) -> int:
    """Make the next version and wrap everything under it; the version.

    The new root is with its provider before the store says so: if this transaction fails, it
    is there and wraps nothing yet.
    """
    await root_wraps.hold(tx)
    await _note(tx, keyring)
    version = await asyncio.to_thread(keyring.keys.add_root)
    await _note(tx, keyring)
    await domain_keys.rewrap(tx, keyring.keys)
    for tree in keyring.trees.values():
        await tree.rewrap(tx)
    await key_epoch.advance(tx)
    return version


async def retire(tx: Transaction, keyring: Keyring, version: int) -> bool:
    """Let a version unwrap nothing any more. False while anything uses it, or if it is active."""
    await _note(tx, keyring)
    if (await _uses(tx))[version]:
        return False
    return await _move(tx, version, State.DECRYPT_ONLY, State.RETIRED)


async def destroy(tx: Transaction, keyring: Keyring, version: int, *, early: bool = False) -> bool:
    """Destroy a retired version for ever. False before the horizon, unless `early`.

    False too if it wraps something after all: `rotate` wraps that under another.
    """
    await root_wraps.alone(tx)
    if not await may_be_destroyed(tx, version, early=early):
        return False
    # With the provider first: if this transaction fails, the version is gone all the same, and
    # the next run says so. The other way round, a key would live that the store calls destroyed.
    # Also where the provider holds it no longer: it may have been killed half way.
    await asyncio.to_thread(keyring.keys.destroy_root, version)
    return await _move(tx, version, State.RETIRED, State.DESTROYED)


async def may_be_destroyed(tx: Transaction, version: int, *, early: bool = False) -> bool:
    """Whether `destroy` would, as things stand: the version is held against change until commit."""
    query = select(root_keys.c.state, root_keys.c.ended_at).where(root_keys.c.version == version)
    row = (await tx.connection.execute(query.with_for_update())).first()
    if row is None or row.state != State.RETIRED:
        return False
    if not early and tx.now < row.ended_at + SHRED_HORIZON:
        return False
    return not (await _uses(tx))[version]


async def due(tx: Transaction) -> list[int]:
    """The retired versions whose horizon has passed."""
    query = select(root_keys.c.version).where(
        root_keys.c.state == State.RETIRED.value, root_keys.c.ended_at <= tx.now - SHRED_HORIZON
    )
    return list(await tx.connection.scalars(query.order_by(root_keys.c.version)))


async def _note(tx: Transaction, keyring: Keyring) -> None:
    """Write down the versions that the provider holds and the store does not know."""
    known = set(await tx.connection.scalars(select(root_keys.c.version)))
    active = keyring.keys.active
    new = [version for version in keyring.keys.versions if version not in known]
    if new:
        await insert_new(
            tx,
            root_keys,
            [{"version": each, "state": State.ACTIVE.value, "created_at": tx.now} for each in new],
        )
    await tx.connection.execute(
        update(root_keys)
        .where(root_keys.c.version != active, root_keys.c.state == State.ACTIVE.value)
        .values(state=State.DECRYPT_ONLY.value)
    )


async def _uses(tx: Transaction) -> Counter[int]:
    wrapped = [*await domain_keys.wrapped(tx), *await key_tree.wrapped(tx)]
    return Counter(map(wrapped_by, wrapped))


async def _move(tx: Transaction, version: int, before: State, after: State) -> bool:
    done = await tx.connection.execute(
        update(root_keys)
        .where(root_keys.c.version == version, root_keys.c.state == before.value)
        .values(state=after.value, ended_at=tx.now)
    )
    return done.rowcount == 1
