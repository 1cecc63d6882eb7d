"""A citizen's new password. What is slow by design is done between two transactions, in neither.

The code comes first: without the phone nobody tries passwords at an open session.
"""

import re
from enum import StrEnum
from typing import Final

import msgspec

from identity.login import accounts, confirming, credentials, sessions
from identity.login.credentials import Busy, PasswordHash, WeakPassword
from identity.login.sign_in import Desk
from identity.registry import people
from policies.vocabulary import Action, Actor, ActorKind, Outcome, SubjectId
from vault import access_log
from vault import database as db
from vault.access_log import Line
from vault.database import Transaction
from vault.keyring import Keyring

_NUMBER: Final = re.compile(r"[0-9]{10}")
BUSY_SECONDS: Final = 1


class Part(StrEnum):
    """Which of what was typed will not do."""

    CODE = "code"
    CURRENT = "current"
    NEW = "password"


class NotChanged(msgspec.Struct, frozen=True, kw_only=True):
    """No, and of which part."""

    part: Part
    reason: str = ""
    """Why the new one is too weak, as `WeakPassword` has it."""
    retry_after: int = 0
    """Seconds; 0 where trying again at once is no matter."""


class Changed(msgspec.Struct, frozen=True):
    """It is changed, and every other session ended."""


class SignedOut(msgspec.Struct, frozen=True):
    """There is no such session, or it ended meanwhile."""


async def password(
    desk: Desk, token: str, *, current: str, new: str, code: str
) -> Changed | NotChanged | SignedOut:
    """Give the citizen of a session a new password, for the one before and a fresh code.

    Raises:
        KeyLostError: the citizen has no log key.
    """
    async with db.begin(desk.database) as tx:
        session = await sessions.citizen(tx, token)
        if session is None:
            return SignedOut()
        no = await confirming.citizen(tx, desk.keyring, desk.short_lived, session.subject, code)
        if no is not None:
            return NotChanged(part=Part.CODE, retry_after=no.retry_after)
        before = await credentials.stored(tx, accounts.of_citizen(session.subject))
        own = await _own_numbers(tx, desk.keyring, session.subject, new)
    right = await desk.hashing.matches(before, current)
    if right is False:
        return NotChanged(part=Part.CURRENT)
    hashed = await credentials.prepare(desk.hashing, new, identifiers=own)
    if isinstance(hashed, WeakPassword):
        return NotChanged(part=Part.NEW, reason=hashed.reason)
    if isinstance(right, Busy) or isinstance(hashed, Busy):
        return NotChanged(part=Part.NEW, retry_after=BUSY_SECONDS)
    return await _keep(desk, token, before, hashed)


async def _keep(
    desk: Desk, token: str, before: PasswordHash | None, after: PasswordHash
) -> Changed | NotChanged | SignedOut:
    async with db.begin(desk.database) as tx:
        session = await sessions.citizen(tx, token)
        if session is None:
            return SignedOut()
        account = accounts.of_citizen(session.subject)
        if await credentials.stored(tx, account) != before:
            return NotChanged(part=Part.CURRENT)  # changed elsewhere meanwhile
        await credentials.keep(tx, account, after)
        await sessions.end_others(tx, session)
        line = Line(
            actor=Actor(kind=ActorKind.CITIZEN, id="self"),
            action=Action.PASSWORD,
            outcome=Outcome.GIVEN,
            subject=session.subject,
        )
        await access_log.record(tx, desk.keyring, [line])
    return Changed()


async def _own_numbers(
    tx: Transaction, keyring: Keyring, subject: SubjectId, new: str
) -> list[str]:
    """The citizen's own number, if the password has it; found by its index, so that none is opened.

    Other people's numbers are judged like any digits.
    """
    found = await people.by_idcs(tx, keyring, sorted(set(_NUMBER.findall(new))))
    return [number for number, whose in found.items() if whose == subject]
