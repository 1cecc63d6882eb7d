"""Passwords: kept as Argon2id hashes under a named profile, checked at the same cost for anyone."""

import asyncio
import secrets
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Final, NewType, TypeVar

import msgspec
from argon2 import PasswordHasher, Type
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import Column, String, Table, Text, delete, insert, select, update

from identity.login.accounts import Account
from identity.login.guessable import is_guessable
from vault.database import Instant, Transaction, metadata

T = TypeVar("T")
PasswordHash = NewType("PasswordHash", str)
"""PHC string of Argon2id; made by `prepare` alone, so that no password is kept unchecked."""

MINIMUM_CHARACTERS: Final = 12
"""Above the 8 that NIST SP 800-63B-4 §3.1.1.2 asks where a second factor follows, as ours does."""
MAXIMUM_CHARACTERS: Final = 256
"""Long enough for any phrase (SP 800-63B-4: at least 64); a bound on what is hashed."""
LEFT_CHARACTERS: Final = 8
"""What a password must still have without the identifier it goes with."""
HASH_BYTES: Final = 32
SALT_BYTES: Final = 16
"""RFC 9106 §3.1: 128 bits of salt for password hashing."""

passwords: Final = Table(
    "passwords",
    metadata,
    Column("account", String(128), primary_key=True),
    Column("hash", Text, nullable=False),
    Column("set_at", Instant, nullable=False),
)


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Named parameters of Argon2id (RFC 9106), and who recommends them."""

    name: str
    memory_kib: int
    passes: int
    lanes: int
    source: str


OWASP: Final = Profile(
    name="owasp-19mib",
    memory_kib=19_456,
    passes=2,
    lanes=1,
    source="OWASP Password Storage Cheat Sheet, Argon2id: m=19456, t=2, p=1",
)
RFC_9106_LOW_MEMORY: Final = Profile(
    name="rfc9106-64mib",
    memory_kib=65_536,
    passes=3,
    lanes=4,
    source="RFC 9106 §4, second recommended option: m=64 MiB, t=3, p=4",
)


class WeakPassword(msgspec.Struct, frozen=True, kw_only=True):
    """Why a password is not taken. A value; carries no password."""

    reason: str
    """`too-short`, `too-long`, `like-identifier` or `guessable`."""


class Busy(msgspec.Struct, frozen=True, kw_only=True):
    """Too many passwords are being checked at once; try again in a moment."""


class Hashing:
    """Hashes and checks in a few threads of its own; one per process, passed as an argument.

    Memory in use is at most `threads` times the profile's; who comes when `waiting` others
    already wait is told so instead of waiting too.
    """

    def __init__(self, profile: Profile = OWASP, *, threads: int = 2, waiting: int = 64) -> None:
        """Make the threads, and a hash of nobody's: unknown identifiers are checked against it."""
        self.profile = profile
        self._hasher = PasswordHasher(
            time_cost=profile.passes,
            memory_cost=profile.memory_kib,
            parallelism=profile.lanes,
            hash_len=HASH_BYTES,
            salt_len=SALT_BYTES,
            type=Type.ID,
        )
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._places = BoundedSemaphore(threads + waiting)
        self._nobody = self._hasher.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> PasswordHash | Busy:
        """A new hash under this profile, whatever the password is worth: `prepare` asks that."""
        return await self._in_thread(lambda: PasswordHash(self._hasher.hash(_canonical(password))))

    async def judge(self, password: str, identifiers: Sequence[str]) -> WeakPassword | Busy | None:
        """Why a password must not be taken; None if it may be."""
        return await self._in_thread(lambda: weakness(password, identifiers))

    async def matches(self, stored: PasswordHash | None, password: str) -> bool | Busy:
        """Whether the password is the stored one; None (nobody) costs the same and is false."""

        def check() -> bool:
            try:
                self._hasher.verify(stored or self._nobody, _canonical(password))
            except VerifyMismatchError:
                return False
            return stored is not None

        return await self._in_thread(check)

    def outdated(self, stored: PasswordHash) -> bool:
        """Whether a hash was made under another profile."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()

    async def _in_thread(self, work: Callable[[], T]) -> T | Busy:
        if not self._places.acquire(blocking=False):
            return Busy()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._places.release()


async def prepare(
    hashing: Hashing, password: str, *, identifiers: Sequence[str]
) -> PasswordHash | WeakPassword | Busy:
    """The hash of a password that is good enough, to `keep`.

    Before a transaction, not in one: hashing is slow by design. `identifiers` are what the
    password's owner signs in with.
    """
    return await hashing.judge(password, identifiers) or await hashing.hash(password)


def weakness(password: str, identifiers: Sequence[str]) -> WeakPassword | None:
    """Why a password must not be taken: its length, its identifier, or that it is soon guessed."""
    canonical = _canonical(password)
    if len(canonical) < MINIMUM_CHARACTERS:
        return WeakPassword(reason="too-short")
    if len(canonical) > MAXIMUM_CHARACTERS:
        return WeakPassword(reason="too-long")
    if any(_like(canonical, identifier) for identifier in identifiers):
        return WeakPassword(reason="like-identifier")
    if is_guessable(canonical, identifiers):
        return WeakPassword(reason="guessable")
    return None


async def keep(tx: Transaction, account: Account, hashed: PasswordHash) -> None:
    """Give an account this password, in place of any it had."""
    await tx.connection.execute(delete(passwords).where(passwords.c.account == account))
    await tx.connection.execute(
        insert(passwords), [{"account": account, "hash": hashed, "set_at": tx.now}]
    )


async def renew(
    tx: Transaction, account: Account, before: PasswordHash, after: PasswordHash
) -> bool:
    """Keep the same password under today's profile. False if it was changed meanwhile."""
    done = await tx.connection.execute(
        update(passwords)
        .where(passwords.c.account == account, passwords.c.hash == before)
        .values(hash=after)
    )
    return done.rowcount == 1


async def stored(tx: Transaction, account: Account | None) -> PasswordHash | None:
    """The hash of an account, if there is one; asked of the store for nobody too."""
    query = select(passwords.c.hash).where(passwords.c.account == (account or ""))
    found = await tx.connection.scalar(query)
    return None if found is None else PasswordHash(found)


def _canonical(password: str) -> str:
    """The same password from every keyboard (SP 800-63B-4 §3.1.1.2: NFKC)."""
    return unicodedata.normalize("NFKC", password)


def _like(password: str, identifier: str) -> bool:
    rest = password.casefold().replace(_canonical(identifier).casefold(), "")
    return len(rest) < LEFT_CHARACTERS
