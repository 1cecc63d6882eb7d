"""Keys that belong to no record: one random key per domain, wrapped by the root.

They hang from the root directly, apart from the records' keys, so that what they
protect (indexes, pseudonyms, the log's references) lives and dies by its own rules.
"""

import secrets
from typing import Final

from sqlalchemy import Column, Integer, LargeBinary, String, Table, select

from vault.database import Instant, Transaction, insert_new, metadata
from vault.framing import framed
from vault.keys import KEY_BYTES, Keys
from vault.opaque import Deriver

VERSION: Final = 1
DOMAINS: Final = ("blind-index", "boxes", "log", "log-reference", "pairwise", "secrets")

domain_keys: Final = Table(
    "domain_keys",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
)


async def open_all(tx: Transaction, keys: Keys) -> dict[str, Deriver]:
    """Every domain's key; those not there yet are made.

    Raises:
        TamperedError: a wrapped key was altered or moved.
        KeyLostError: the root that wrapped it is not here.
    """
    held = await _read(tx)
    if missing := [name for name in DOMAINS if name not in held]:
        await insert_new(tx, domain_keys, [_new(tx, keys, name) for name in missing])
        held = await _read(tx)  # another process may have been first
    return {name: Deriver(keys.unwrap(held[name], _place(name))) for name in DOMAINS}


async def _read(tx: Transaction) -> dict[str, bytes]:
    query = select(domain_keys.c.name, domain_keys.c.wrapped).where(
        domain_keys.c.version == VERSION
    )
    return {row.name: row.wrapped for row in await tx.connection.execute(query)}


def _new(tx: Transaction, keys: Keys, name: str) -> dict[str, object]:
    wrapped = keys.wrap(secrets.token_bytes(KEY_BYTES), _place(name))
    return {"name": name, "version": VERSION, "wrapped": wrapped, "created_at": tx.now}


def _place(name: str) -> bytes:
    return framed(b"domain", name.encode(), VERSION.to_bytes(4, "big"))
