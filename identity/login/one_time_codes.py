"""The second factor: codes of an authenticator app (TOTP, RFC 6238), each taken once."""

import base64
import secrets
from datetime import datetime, timedelta
from typing import Final

import msgspec
import pyotp
from pyotp.exceptions import OTPVerificationError
from sqlalchemy import (
    BigInteger,
    Column,
    LargeBinary,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)

from identity.login import offers
from identity.login.accounts import Account
from vault import normalisers
from vault.boxed_rows import BoxedRows
from vault.database import Instant, Transaction, fetch_one, metadata
from vault.keyring import Keyring

SECRET_BYTES: Final = 20
"""160 bits (RFC 4226 §4, R6)."""
WINDOW: Final = 1
"""Steps of 30 s before and after: clocks differ, people type slowly (RFC 6238 §5.2)."""
BOX: Final = "totp"
OFFER_BOX: Final = "totp-offer"
OFFERED: Final = timedelta(minutes=10)
LABEL: Final = "Amana"
"""What an app shows beside the code of a citizen: nothing of the registers."""

one_time_secrets: Final = Table(
    "one_time_secrets",
    metadata,
    Column("account", String(128), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("last_counter", BigInteger, nullable=False),
    Column("enrolled_at", Instant, nullable=False),
)
SEALED: Final = BoxedRows(
    table=one_time_secrets,
    column="sealed",
    purpose=BOX,
    place=lambda row: str(row.account).encode(),
)
"""The secrets at rest."""


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """What the authenticator app is given, shown once."""

    secret: str
    """Base32."""
    uri: str
    """`otpauth://totp/…`, for a QR code."""


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A secret that is nobody's yet, and what its owner brings back to take it."""

    secret: str
    """Base32."""
    uri: str
    sealed: str
    """Base64url: for a form."""


class _Offered(msgspec.Struct, frozen=True, kw_only=True):
    secret: str
    until: datetime


class _Secret(msgspec.Struct, frozen=True, kw_only=True):
    sealed: bytes
    last_counter: int


def offer(keyring: Keyring, account: Account, now: datetime) -> Offer:
    """A new secret for an account, to be taken within ten minutes; nothing is written."""
    made = base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()
    said = _Offered(secret=made, until=now + OFFERED)
    return _offer(made, offers.seal(keyring, OFFER_BOX, account, said))


def offered(keyring: Keyring, account: Account, sealed: str, now: datetime) -> Offer | None:
    """What was offered to this account, if it was and the time is not over."""
    said = offers.read(keyring, OFFER_BOX, account, sealed, _Offered)
    return None if said is None or now > said.until else _offer(said.secret, sealed)


async def take(
    tx: Transaction, keyring: Keyring, account: Account, offer: Offer, code: str
) -> bool:
    """Make an offered secret the account's, if this is its code now; it is used then."""
    given = normalisers.number(code)
    if not pyotp.TOTP(offer.secret).verify(given, for_time=tx.now, valid_window=WINDOW):
        return False
    await enrol(tx, keyring, account, label=LABEL, secret=offer.secret)
    return await verify(tx, keyring, account, code)


async def enrol(
    tx: Transaction, keyring: Keyring, account: Account, *, label: str, secret: str | None = None
) -> Enrolment:
    """Give an account a new secret, in place of any it had.

    `label` is what the app shows beside the code: no number of the registers. `secret` is
    base32, where it was made elsewhere.
    """
    made = secret or base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()
    await tx.connection.execute(
        delete(one_time_secrets).where(one_time_secrets.c.account == account)
    )
    row = {
        "account": account,
        "sealed": keyring.box(BOX).seal(made.encode(), account.encode()),
        "last_counter": 0,
        "enrolled_at": tx.now,
    }
    await tx.connection.execute(insert(one_time_secrets), [row])
    uri = pyotp.TOTP(made).provisioning_uri(name=label, issuer_name="Amana")
    return Enrolment(secret=made, uri=uri)


async def verify(tx: Transaction, keyring: Keyring, account: Account, code: str) -> bool:
    """Whether this is the account's code now, and not one that was taken already.

    Raises:
        TamperedError: the stored secret was altered or moved.
    """
    query = select(one_time_secrets.c.sealed, one_time_secrets.c.last_counter).where(
        one_time_secrets.c.account == account
    )
    kept = await fetch_one(tx, query, _Secret)
    if kept is None:
        return False
    secret = keyring.box(BOX).open(kept.sealed, account.encode()).decode()
    try:
        counter = pyotp.TOTP(secret).verify_and_get_timecode(
            normalisers.number(code), for_time=tx.now, valid_window=WINDOW
        )
    except OTPVerificationError:
        return False
    return await _first_use(tx, account, counter)


def _offer(secret: str, sealed: str) -> Offer:
    uri = pyotp.TOTP(secret).provisioning_uri(name=LABEL, issuer_name="Amana")
    return Offer(secret=secret, uri=uri, sealed=sealed)


async def _first_use(tx: Transaction, account: Account, counter: int) -> bool:
    """Compare and set: of many who bring the same code at once, one is let in (RFC 6238 §5.2)."""
    done = await tx.connection.execute(
        update(one_time_secrets)
        .where(one_time_secrets.c.account == account, one_time_secrets.c.last_counter < counter)
        .values(last_counter=counter)
    )
    return done.rowcount == 1
