"""Unlock codes: printed at a counter for somebody who lost their phone and their recovery codes.

One stands in for the second factor, once, and never for the password: whoever printed it
cannot sign in with it.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Column, LargeBinary, String, Table, delete, insert

from identity.login import recovery_codes
from identity.login.accounts import Account
from policies.vocabulary import StaffId
from vault.database import Instant, Transaction, metadata

LIFE: Final = timedelta(days=3)
"""The way home, a weekend between."""

unlock_codes: Final = Table(
    "unlock_codes",
    metadata,
    Column("account", String(128), primary_key=True),
    Column("hash", LargeBinary(32), nullable=False),
    Column("printed_by", String(64), nullable=False),
    Column("expires_at", Instant, nullable=False),
)
_codes: Final = unlock_codes.c


async def make(tx: Transaction, account: Account, by: StaffId) -> tuple[str, datetime]:
    """A code in place of any there was, in groups of four, and until when it is good."""
    await end(tx, account)
    code, until = recovery_codes.new(), tx.now + LIFE
    row = {"account": account, "hash": _hash(code), "printed_by": by, "expires_at": until}
    await tx.connection.execute(insert(unlock_codes), [row])
    return recovery_codes.written(code), until


async def use(tx: Transaction, account: Account, typed: str) -> bool:
    """Whether this is the account's code, still good; it is gone then."""
    done = await tx.connection.execute(
        delete(unlock_codes).where(
            _codes.account == account,
            _codes.hash == _hash(recovery_codes.read(typed)),
            _codes.expires_at > tx.now,
        )
    )
    return done.rowcount == 1


async def end(tx: Transaction, account: Account) -> None:
    """End an account's code."""
    await tx.connection.execute(delete(unlock_codes).where(_codes.account == account))


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
