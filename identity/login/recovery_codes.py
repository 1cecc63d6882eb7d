"""Recovery codes: what opens an account once each where the phone is gone. On paper, not here.

Eighty random bits each, so their hash needs no key and no stretching; shown when they are
made and never again. New ones end the older.
"""

import hashlib
import secrets
from typing import Final

from sqlalchemy import Column, LargeBinary, String, Table, delete, func, insert, select, update

from identity.login.accounts import Account
from vault.database import Instant, Transaction, metadata

COUNT: Final = 10
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: nothing in it is taken for something else on paper."""
SIGNS: Final = 16
_GROUP: Final = 4
_TYPED: Final = str.maketrans("OIL", "011")

recovery_codes: Final = Table(
    "recovery_codes",
    metadata,
    Column("account", String(128), primary_key=True),
    Column("hash", LargeBinary(32), primary_key=True),
    Column("made_at", Instant, nullable=False),
    Column("used_at", Instant),
)
_codes: Final = recovery_codes.c


async def make(tx: Transaction, account: Account) -> list[str]:
    """Ten new codes in place of any there were, in groups of four: shown now or never."""
    await end(tx, account)
    made = [new() for _ in range(COUNT)]
    rows = [{"account": account, "hash": _hash(code), "made_at": tx.now} for code in made]
    await tx.connection.execute(insert(recovery_codes), rows)
    return [written(code) for code in made]


async def end(tx: Transaction, account: Account) -> None:
    """End all of an account's codes."""
    await tx.connection.execute(delete(recovery_codes).where(_codes.account == account))


async def left(tx: Transaction, account: Account) -> int:
    """How many of an account's codes were not used yet."""
    query = select(func.count()).where(_codes.account == account, _codes.used_at.is_(None))
    return await tx.connection.scalar(query) or 0


async def use(tx: Transaction, account: Account, typed: str) -> bool:
    """Whether this is a code of the account's that nobody used; it is used now."""
    done = await tx.connection.execute(
        update(recovery_codes)
        .where(
            _codes.account == account, _codes.hash == _hash(read(typed)), _codes.used_at.is_(None)
        )
        .values(used_at=tx.now)
    )
    return done.rowcount == 1


def new() -> str:
    """A code of 80 random bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(SIGNS))


def written(code: str) -> str:
    """A code as it is shown: in groups of four."""
    return "-".join(code[at : at + _GROUP] for at in range(0, SIGNS, _GROUP))


def read(typed: str) -> str:
    """A code as it was typed, without what is between the groups and what was mistaken."""
    return "".join(filter(str.isalnum, typed.upper())).translate(_TYPED)


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
