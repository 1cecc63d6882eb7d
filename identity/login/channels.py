"""Where codes are sent to somebody: one phone or e-mail address, which they chose and confirmed.

Sealed like a one-time-code secret: it is a means to sign in, no fact of the registers.
"""

import re
from enum import StrEnum
from typing import Final

import msgspec
from sqlalchemy import Column, LargeBinary, String, Table, delete, insert, select

from identity.login import offers
from identity.login.accounts import Account
from vault import normalisers
from vault.boxed_rows import BoxedRows
from vault.database import Instant, Transaction, fetch_one, metadata
from vault.keyring import Keyring

BOX: Final = "channel"
OFFER_BOX: Final = "channel-offer"
ADDRESS_CHARACTERS: Final = 254
"""Longest e-mail address (RFC 5321 §4.5.3.1.3)."""
_EMAIL: Final = re.compile(r"[^\s@<>\"(),:;\[\]\\]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+", re.ASCII)
_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")
"""E.164."""
_SHOWN: Final = 2

channels: Final = Table(
    "code_channels",
    metadata,
    Column("account", String(128), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("confirmed_at", Instant, nullable=False),
)
SEALED: Final = BoxedRows(
    table=channels,
    column="sealed",
    purpose=BOX,
    place=lambda row: str(row.account).encode(),
)
"""The addresses at rest."""


class Kind(StrEnum):
    """How a code travels."""

    SMS = "sms"
    EMAIL = "email"


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """A phone number (E.164) or an e-mail address."""

    kind: Kind
    address: str

    @property
    def masked(self) -> str:
        """Enough for its owner to know it by, and for nobody else to write to."""
        if self.kind is Kind.SMS:
            return "•" * (len(self.address) - _SHOWN) + self.address[-_SHOWN:]
        name, _, host = self.address.partition("@")
        return f"{name[:1]}{'•' * max(1, len(name) - 1)}@{host}"


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    sealed: bytes


def read(typed: str) -> Channel | None:
    """What somebody typed: an e-mail address, or a phone number of any country."""
    if len(typed) > ADDRESS_CHARACTERS:
        return None  # no number is as long, and reading one takes its time
    if "@" in typed:
        address = typed.strip().lower()
        good = _EMAIL.fullmatch(address)
        return Channel(kind=Kind.EMAIL, address=address) if good else None
    number = normalisers.phone(typed)
    return Channel(kind=Kind.SMS, address=number) if _PHONE.fullmatch(number) else None


async def choose(tx: Transaction, keyring: Keyring, account: Account, channel: Channel) -> None:
    """Send codes there from now on, in place of wherever they went."""
    await end(tx, account)
    sealed = keyring.box(BOX).seal(msgspec.json.encode(channel), account.encode())
    row = {"account": account, "sealed": sealed, "confirmed_at": tx.now}
    await tx.connection.execute(insert(channels), [row])


def offer(keyring: Keyring, account: Account, channel: Channel) -> str:
    """A channel that is not confirmed yet, sealed for a form."""
    return offers.seal(keyring, OFFER_BOX, account, channel)


def offered(keyring: Keyring, account: Account, sealed: str) -> Channel | None:
    """What was offered to this account, if it was."""
    return offers.read(keyring, OFFER_BOX, account, sealed, Channel)


async def of(tx: Transaction, keyring: Keyring, account: Account) -> Channel | None:
    """Where an account's codes are sent; None where they are not.

    Raises:
        TamperedError: the stored address was altered or moved.
    """
    query = select(channels.c.sealed).where(channels.c.account == account)
    kept = await fetch_one(tx, query, _Kept)
    if kept is None:
        return None
    opened = keyring.box(BOX).open(kept.sealed, account.encode())
    return msgspec.json.decode(opened, type=Channel)


async def end(tx: Transaction, account: Account) -> bool:
    """Send codes nowhere. False if that was so."""
    done = await tx.connection.execute(delete(channels).where(channels.c.account == account))
    return done.rowcount == 1
