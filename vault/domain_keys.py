"""Keys that belong to no record: random keys per domain and version, wrapped by the root.

They hang from the root directly, apart from the records' keys, so that what they
protect (indexes, pseudonyms, the log's references) lives and dies by its own rules.
"""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, insert, select, update

from vault import root_wraps
from vault.database import Instant, Transaction, fetch_all, insert_new, metadata
from vault.envelope_errors import KeyLostError, VaultError
from vault.framing import framed
from vault.key_states import USABLE, State
from vault.keys import KEY_BYTES, Keys
from vault.opaque import Deriver, Opaque

FIRST: Final = 1
DOMAINS: Final = (
    "blind-index",
    "boxes",
    "log",
    "log-reference",
    "pairwise",
    "secrets",
    "tombstones",
)

domain_keys: Final = Table(
    "domain_keys",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("wrapped", LargeBinary),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),
)
_active_only: Final = domain_keys.c.state == State.ACTIVE.value
Index(
    "uq_domain_keys_active",
    domain_keys.c.name,
    unique=True,
    sqlite_where=_active_only,
    postgresql_where=_active_only,
)


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version of one domain's key, without the key."""

    name: str
    version: int
    state: State
    created_at: datetime


class Domain(Opaque):
    """The usable versions of one domain's key: the active one and those that still open."""

    __slots__ = ("_derivers", "active", "usable")

    def __init__(self, active: int, derivers: Mapping[int, Deriver]) -> None:
        self.active = active
        self.usable: tuple[int, ...] = tuple(sorted(derivers, reverse=True))
        self._derivers = dict(derivers)

    def deriver(self, version: int | None = None) -> Deriver:
        """What derives under one version; under the active one unless said otherwise.

        Raises:
            KeyLostError: the version is retired, destroyed, or was never there.
        """
        found = self._derivers.get(self.active if version is None else version)
        if found is None:
            raise KeyLostError
        return found


async def open_all(tx: Transaction, keys: Keys) -> dict[str, Domain]:
    """Every domain's usable keys; those of a domain that has none yet are made.

    Raises:
        TamperedError: a wrapped key was altered or moved.
        KeyLostError: the root that wrapped it is not here.
    """
    held = await versions(tx)
    there = {each.name for each in held}
    if missing := [name for name in DOMAINS if name not in there]:
        rows = [await _new(tx, keys, name, FIRST) for name in missing]
        await insert_new(tx, domain_keys, rows)
    opened: dict[str, dict[int, Deriver]] = {}
    active: dict[str, int] = {}
    for row in (await tx.connection.execute(_usable)).all():
        key = await asyncio.to_thread(keys.unwrap, row.wrapped, _place(row.name, row.version))
        opened.setdefault(row.name, {})[row.version] = Deriver(key)
        if row.state == State.ACTIVE:
            active[row.name] = row.version
    if any(name not in active for name in DOMAINS):
        raise KeyLostError
    return {name: Domain(active[name], opened[name]) for name in DOMAINS}


async def versions(tx: Transaction) -> list[Version]:
    """Every version of every domain's key that there ever was, by name and version."""
    columns = (domain_keys.c[name] for name in Version.__struct_fields__)
    query = select(*columns).order_by(domain_keys.c.name, domain_keys.c.version)
    return await fetch_all(tx, query, Version)


async def rotate(tx: Transaction, keys: Keys, name: str) -> int:
    """Make the next version of a domain's key the active one; the older goes on opening.

    Raises:
        VaultError: there is no such domain.
    """
    await root_wraps.hold(tx)  # before any row: who rotates the root does so too
    known = [each.version for each in await versions(tx) if each.name == name]
    if not known:
        raise VaultError
    await _move(tx, name, {"state": State.DECRYPT_ONLY.value}, domain_keys.c.state == State.ACTIVE)
    made = await _new(tx, keys, name, max(known) + 1)
    await tx.connection.execute(insert(domain_keys), [made])
    return max(known) + 1


async def retire(tx: Transaction, name: str, version: int) -> bool:
    """Let a version open nothing any more. False if it does not stand at decrypt-only.

    Whether anything still uses it is for the caller to ask (`domain_rotation.uses`).
    """
    values = {"state": State.RETIRED.value, "ended_at": tx.now}
    return await _move(
        tx,
        name,
        values,
        domain_keys.c.version == version,
        domain_keys.c.state == State.DECRYPT_ONLY.value,
    )


async def destroy(tx: Transaction, name: str, version: int) -> bool:
    """Forget a retired version for ever. False if it does not stand at retired."""
    values = {"state": State.DESTROYED.value, "wrapped": None, "ended_at": tx.now}
    return await _move(
        tx,
        name,
        values,
        domain_keys.c.version == version,
        domain_keys.c.state == State.RETIRED.value,
    )


async def rewrap(tx: Transaction, keys: Keys) -> int:
    """Wrap every version that is not destroyed under the active root; how many."""
    query = select(domain_keys.c.name, domain_keys.c.version, domain_keys.c.wrapped).where(
        domain_keys.c.wrapped.is_not(None)
    )
    rows = (await tx.connection.execute(query.with_for_update())).all()
    for row in rows:
        place = _place(row.name, row.version)
        key = await asyncio.to_thread(keys.unwrap, row.wrapped, place)
        wrapped = await root_wraps.wrap(tx, keys, key, place)
        await _move(tx, row.name, {"wrapped": wrapped}, domain_keys.c.version == row.version)
    return len(rows)


async def wrapped(tx: Transaction) -> Sequence[bytes]:
    """Every wrapped key as it is kept: for who asks which root versions are in use."""
    query = select(domain_keys.c.wrapped).where(domain_keys.c.wrapped.is_not(None))
    return list(await tx.connection.scalars(query))


async def _move(tx: Transaction, name: str, values: Mapping[str, Any], *where: Any) -> bool:
    done = await tx.connection.execute(
        update(domain_keys).where(domain_keys.c.name == name, *where).values(values)
    )
    return done.rowcount == 1


async def _new(tx: Transaction, keys: Keys, name: str, version: int) -> dict[str, object]:
    key, place = secrets.token_bytes(KEY_BYTES), _place(name, version)
    return {
        "name": name,
        "version": version,
        "state": State.ACTIVE.value,
        "wrapped": await root_wraps.wrap(tx, keys, key, place),
        "created_at": tx.now,
    }


def _place(name: str, version: int) -> bytes:
    return framed(b"domain", name.encode(), version.to_bytes(4, "big"))


_usable: Final = select(
    domain_keys.c.name, domain_keys.c.version, domain_keys.c.state, domain_keys.c.wrapped
).where(domain_keys.c.state.in_([state.value for state in USABLE]))
