"""A new password, for a citizen or for staff. What is slow is done between two transactions.

The code comes first: without the phone nobody tries passwords at an open session.
"""

import re
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Final

import msgspec

from identity.login import accounts, confirming, credentials, sessions
from identity.login.accounts import Account
from identity.login.credentials import Busy, PasswordHash, WeakPassword
from identity.login.sessions import CitizenSession, StaffSession
from identity.login.sign_in import Desk, NotSignedIn
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


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """The form."""

    current: str = ""
    password: str = ""
    code: str = ""


class _Owner(msgspec.Struct, frozen=True, kw_only=True):
    """Whose password it is, and the session that says so."""

    session: CitizenSession | StaffSession
    account: Account
    line: Line
    """What the change leaves in the log."""


_Owning = Callable[[Transaction, str], Awaitable[_Owner | None]]


async def of_citizen(desk: Desk, token: str, typed: Typed) -> Changed | NotChanged | SignedOut:
    """Give the citizen of a session a new password, for the one before and a fresh code.

    Raises:
        KeyLostError: the citizen has no log key.
    """
    return await _change(desk, token, typed, _citizen)


async def of_staff(desk: Desk, token: str, typed: Typed) -> Changed | NotChanged | SignedOut:
    """The same for a member of staff."""
    return await _change(desk, token, typed, _staff)


async def _change(
    desk: Desk, token: str, typed: Typed, owning: _Owning
) -> Changed | NotChanged | SignedOut:
    async with db.begin(desk.database) as tx:
        owner = await owning(tx, token)
        if owner is None:
            return SignedOut()
        no = await _confirm(tx, desk, owner, typed.code)
        if no is not None:
            return NotChanged(part=Part.CODE, retry_after=no.retry_after)
        before = await credentials.stored(tx, owner.account)
        own = await _own_names(tx, desk.keyring, owner, typed.password)
    right = await desk.hashing.matches(before, typed.current)
    if right is False:
        return NotChanged(part=Part.CURRENT)
    hashed = await credentials.prepare(desk.hashing, typed.password, identifiers=own)
    if isinstance(hashed, WeakPassword):
        return NotChanged(part=Part.NEW, reason=hashed.reason)
    if isinstance(right, Busy) or isinstance(hashed, Busy):
        return NotChanged(part=Part.NEW, retry_after=BUSY_SECONDS)
    async with db.begin(desk.database) as tx:
        owner = await owning(tx, token)
        return SignedOut() if owner is None else await _keep(tx, desk, owner, before, hashed)


async def _keep(
    tx: Transaction, desk: Desk, owner: _Owner, before: PasswordHash | None, after: PasswordHash
) -> Changed | NotChanged:
    if await credentials.stored(tx, owner.account) != before:
        return NotChanged(part=Part.CURRENT)  # changed elsewhere meanwhile
    await credentials.keep(tx, owner.account, after)
    await sessions.end_others(tx, owner.session)
    await access_log.record(tx, desk.keyring, [owner.line])
    return Changed()


async def _citizen(tx: Transaction, token: str) -> _Owner | None:
    session = await sessions.citizen(tx, token)
    if session is None:
        return None
    line = _line(Actor(kind=ActorKind.CITIZEN, id="self"), session.subject)
    return _Owner(session=session, account=accounts.of_citizen(session.subject), line=line)


async def _staff(tx: Transaction, token: str) -> _Owner | None:
    session = await sessions.staff(tx, token)
    if session is None:
        return None
    line = _line(Actor(kind=ActorKind.STAFF, id=session.staff), None)
    return _Owner(session=session, account=accounts.of_staff(session.staff), line=line)


def _line(actor: Actor, subject: SubjectId | None) -> Line:
    return Line(actor=actor, action=Action.PASSWORD, outcome=Outcome.GIVEN, subject=subject)


async def _confirm(tx: Transaction, desk: Desk, owner: _Owner, code: str) -> NotSignedIn | None:
    match owner.session:
        case CitizenSession(subject=subject):
            return await confirming.citizen(tx, desk.keyring, desk.short_lived, subject, code)
        case StaffSession(staff=member):
            return await confirming.staff(tx, desk.keyring, desk.short_lived, member, code)


async def _own_names(tx: Transaction, keyring: Keyring, owner: _Owner, new: str) -> list[str]:
    """What of the owner a password must not hold: a name, or the number of the registers.

    A citizen's own number is found by its index, so that none is opened; other people's numbers
    are judged like any digits.
    """
    match owner.session:
        case StaffSession(staff=member):
            return [member]
        case CitizenSession(subject=subject):
            found = await people.by_idcs(tx, keyring, sorted(set(_NUMBER.findall(new))))
            return [number for number, whose in found.items() if whose == subject]
