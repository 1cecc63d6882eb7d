"""Opens accounts: a new password and a new one-time-code secret, shown once."""

import secrets
from collections.abc import Sequence
from typing import Final

import msgspec

from identity.login import credentials, means, one_time_codes
from identity.login.accounts import Account
from identity.login.credentials import Busy, Hashing, PasswordHash, WeakPassword
from vault.database import Transaction
from vault.keyring import Keyring

LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""None that is mistaken for another: 31 of them, 4.95 bits each."""
PASSWORD_GROUPS: Final = 4
GROUP_LETTERS: Final = 4


class Password(msgspec.Struct, frozen=True, kw_only=True):
    """A password that was just made, and its hash."""

    clear: str
    hashed: PasswordHash


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What its owner is handed, once."""

    password: str
    totp_secret: str
    """Base32."""
    uri: str
    """`otpauth://totp/…`, for an authenticator app."""


async def new_password(hashing: Hashing, identifiers: Sequence[str]) -> Password:
    """A password of 79 random bits that can be read out aloud. Slow: before a transaction."""
    groups = (
        "".join(secrets.choice(LETTERS) for _ in range(GROUP_LETTERS))
        for _ in range(PASSWORD_GROUPS)
    )
    clear = "-".join(groups)
    match await credentials.prepare(hashing, clear, identifiers=identifiers):
        case WeakPassword(reason=reason):
            raise ValueError(f"a password that was made here is {reason}")
        case Busy():
            raise BlockingIOError("too many passwords at once")
        case hashed:
            return Password(clear=clear, hashed=hashed)


async def equip(
    tx: Transaction, keyring: Keyring, account: Account, password: Password, *, label: str
) -> Opened:
    """Give an account this password and a new one-time-code secret, in place of any it had.

    Its other means end: they opened it beside what is replaced here.
    """
    await credentials.keep(tx, account, password.hashed)
    await means.end(tx, account)
    code = await one_time_codes.enrol(tx, keyring, account, label=label)
    return Opened(password=password.clear, totp_secret=code.secret, uri=code.uri)
