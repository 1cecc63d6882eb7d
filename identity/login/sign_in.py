"""Signing in: password, then one-time code. Tells nobody whether an identifier exists.

The slow hash is computed between transactions, so that it never holds the one writer of
the embedded store. What was checked and failed is logged as well, without what was typed.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable
from typing import Final, TypeVar

import msgspec

from identity.login import (
    accounts,
    channels,
    credentials,
    identifying,
    one_time_codes,
    passkeys,
    rates,
    recovery_codes,
    sent_codes,
    sessions,
    unlock_codes,
)
from identity.login import staff as staff_accounts
from identity.login.accounts import Account
from identity.login.channels import Channel
from identity.login.credentials import Busy, Hashing, PasswordHash
from identity.login.passkeys import Site
from identity.login.sessions import Means
from identity.registry import people
from identity.registry.people import Status
from policies.vocabulary import Action, Actor, ActorKind, Outcome, StaffId, SubjectId
from vault import access_log, normalisers
from vault import database as db
from vault.access_log import Line
from vault.database import Database, Transaction
from vault.keyring import Keyring
from vault.short_lived import ShortLived

Answer = TypeVar("Answer")

TICKET_SECONDS: Final = sent_codes.SECONDS
"""Between password and code: time to find the phone, and for a message to arrive."""
BY: Final = {
    Means.APP: Action.SIGN_IN,
    Means.SENT: Action.SIGN_IN_SENT,
    Means.RECOVERY: Action.SIGN_IN_RECOVERED,
    Means.UNLOCK: Action.SIGN_IN_UNLOCKED,
    Means.PASSKEY: Action.SIGN_IN_PASSKEY,
}
"""What a sign-in is called in the person's history."""
SIGN_IN: Final = "sign-in"
"""What a code is sent for."""
TOO_MANY: Final = "too-many-attempts"
TICKET_TRIES: Final = 5
"""Wrong codes before the password is asked again."""


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """What it takes to let people in. One per app, made at start."""

    database: Database
    keyring: Keyring
    short_lived: ShortLived
    hashing: Hashing
    patience: float = 0.4
    """Seconds: no refusal leaves earlier after it came, whatever was found on the way."""

    def site(self, origin: str) -> Site:
        """What passkeys of an origin are asked for with."""
        return Site(origin=origin, keyring=self.keyring, short_lived=self.short_lived)


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """The password was right; the code is asked for next."""

    ticket: str
    """For a short-lived cookie; opens nothing alone."""


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """Both factors were right."""

    token: str
    """For the session cookie."""


class NotSignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """No, and nothing about why: the same for an unknown identifier and a wrong secret."""

    retry_after: int = 0
    """Seconds to wait, if there were too many attempts; 0 otherwise."""
    start_over: bool = False
    """Whether the first step must be done again: the ticket is spent or too old."""


class ToSend(msgspec.Struct, frozen=True, kw_only=True):
    """A code, and where it goes."""

    channel: Channel
    code: str


class NothingToSend(msgspec.Struct, frozen=True, kw_only=True):
    """The person chose no channel, or enough was sent lately."""

    too_many: bool = False


class _Ticket(msgspec.Struct, frozen=True, kw_only=True):
    subject: SubjectId
    pair: str


async def citizen_password(
    desk: Desk, *, identifier: str, password: str, address: str
) -> Pending | NotSignedIn:
    """A citizen's first step; `identifier` as typed, `address` of the network, for the rates."""
    return await _patiently(desk, _citizen_password(desk, identifier, password, address))


async def citizen_code(
    desk: Desk, *, ticket: str, code: str, device: str = ""
) -> SignedIn | NotSignedIn:
    """A citizen's second step; `device` is what they will know the session by."""
    return await _patiently(desk, _citizen_code(desk, ticket, code, device))


async def code_to_send(desk: Desk, *, ticket: str) -> ToSend | NothingToSend | NotSignedIn:
    """A code for whoever has typed the right password, to be sent where they chose."""
    held = await _held(desk, ticket)
    if held is None:
        return NotSignedIn(start_over=True)
    account = accounts.of_citizen(held.subject)
    async with db.read(desk.database) as tx:
        channel = await channels.of(tx, desk.keyring, account)
    if channel is None:
        return NothingToSend()
    code = await sent_codes.make(desk.short_lived, desk.keyring, account, SIGN_IN)
    return NothingToSend(too_many=True) if code is None else ToSend(channel=channel, code=code)


async def citizen_passkey(
    desk: Desk, *, origin: str, response: str, address: str, device: str = ""
) -> SignedIn | NotSignedIn:
    """A citizen's only step, where their device answers for them."""
    return await _patiently(desk, _citizen_passkey(desk, origin, response, address, device))


async def staff(
    desk: Desk, *, name: str, password: str, code: str, address: str
) -> SignedIn | NotSignedIn:
    """Sign staff in to the console: both factors on one page, and never which one was wrong."""
    return await _patiently(desk, _staff(desk, name.strip(), password, code, address))


async def _citizen_password(
    desk: Desk, identifier: str, password: str, address: str
) -> Pending | NotSignedIn:
    who = rates.caller(desk.keyring, f"citizen:{normalisers.number(identifier)}", address)
    wait = await rates.admit(desk.short_lived, who)
    async with db.read(desk.database) as tx:
        subject = await identifying.citizen(tx, desk.keyring, identifier)
        account = None if subject is None else accounts.of_citizen(subject)
        stored = await credentials.stored(tx, account)
    if wait:
        return await _turned_away(desk, who.pair, _citizen_line(subject, TOO_MANY), wait)
    right = await desk.hashing.matches(stored, password)
    if isinstance(right, Busy):
        return NotSignedIn(retry_after=1)
    if subject is None or account is None or stored is None or not right:
        await _log(desk, _citizen_line(subject, "wrong-password"))
        return NotSignedIn()
    await _renew(desk, account, stored, password)
    return Pending(ticket=await _hand_out(desk, _Ticket(subject=subject, pair=who.pair)))


async def _citizen_code(desk: Desk, ticket: str, code: str, device: str) -> SignedIn | NotSignedIn:
    key = _ticket_key(ticket)
    held = await _held(desk, ticket)
    if held is None:
        return NotSignedIn(start_over=True)
    account = accounts.of_citizen(held.subject)
    if not (await desk.short_lived.hit(f"{key}:tries", TICKET_TRIES, TICKET_SECONDS)).allowed:
        await desk.short_lived.take(key)
        return NotSignedIn(start_over=True)
    if wait := await rates.admit_code(desk.short_lived, account):
        return await _turned_away(desk, held.pair, _citizen_line(held.subject, TOO_MANY), wait)
    async with db.begin(desk.database) as tx:
        means = await _means(tx, desk, account, code)
        # Taken last: a mistyped code leaves the ticket, and of two right ones at once one is in.
        if means is None or await desk.short_lived.take(key) is None:
            await _record(tx, desk, _citizen_line(held.subject, "wrong-code"))
            return NotSignedIn()
        if not await people.hold(tx, [held.subject]):
            return NotSignedIn(start_over=True)  # erased since the password
        token = await _begin(tx, desk, held.subject, device, means)
    await rates.remember(desk.short_lived, held.pair)
    return SignedIn(token=token)


async def _means(tx: Transaction, desk: Desk, account: Account, code: str) -> Means | None:
    """What kind of code it is, if it is one of the account's; used then."""
    if await one_time_codes.verify(tx, desk.keyring, account, code):
        return Means.APP
    if await sent_codes.use(desk.short_lived, desk.keyring, account, SIGN_IN, code):
        return Means.SENT
    if await recovery_codes.use(tx, account, code):
        return Means.RECOVERY
    return Means.UNLOCK if await unlock_codes.use(tx, account, code) else None


async def _citizen_passkey(
    desk: Desk, origin: str, response: str, address: str, device: str
) -> SignedIn | NotSignedIn:
    who = rates.caller(desk.keyring, "passkey", address)
    if wait := await rates.admit_address(desk.short_lived, who):
        return NotSignedIn(retry_after=wait)
    async with db.begin(desk.database) as tx:
        account = await passkeys.sign_in(tx, desk.site(origin), response)
        subject = None if account is None else accounts.subject(account)
        if subject is None or not await _is_here(tx, subject):
            await _record(tx, desk, _citizen_line(None, "wrong-passkey"))
            return NotSignedIn()
        token = await _begin(tx, desk, subject, device, Means.PASSKEY)
    return SignedIn(token=token)


async def _is_here(tx: Transaction, subject: SubjectId) -> bool:
    """Whether somebody is, and stays until the end of the transaction."""
    held = await people.hold(tx, [subject])
    return bool(held) and (await people.statuses(tx, [subject]))[subject] is Status.ACTIVE


async def _begin(tx: Transaction, desk: Desk, subject: SubjectId, device: str, means: Means) -> str:
    """A session, and the line that says by what means."""
    token = await sessions.start_citizen(tx, subject, device, means)
    line = msgspec.structs.replace(_citizen_line(subject), action=BY[means])
    await _record(tx, desk, line)
    return token


async def _held(desk: Desk, ticket: str) -> _Ticket | None:
    kept = await desk.short_lived.get(_ticket_key(ticket))
    return None if kept is None else msgspec.msgpack.decode(kept, type=_Ticket)


async def _staff(
    desk: Desk, name: str, password: str, code: str, address: str
) -> SignedIn | NotSignedIn:
    who = rates.caller(desk.keyring, f"staff:{name}", address)
    wait = await rates.admit(desk.short_lived, who)
    async with db.read(desk.database) as tx:
        member = await staff_accounts.one(tx, StaffId(name))
        staff_id = member.id if member is not None and member.active else None
        account = None if staff_id is None else accounts.of_staff(staff_id)
        stored = await credentials.stored(tx, account)
    if wait:
        return await _turned_away(desk, who.pair, _staff_line(staff_id, TOO_MANY), wait)
    right = await desk.hashing.matches(stored, password)
    if isinstance(right, Busy):
        return NotSignedIn(retry_after=1)
    if staff_id is None or account is None or stored is None or not right:
        await _log(desk, _staff_line(staff_id, "wrong-password"))
        return NotSignedIn()
    if await rates.admit_code(desk.short_lived, account):
        # Without a time to wait: it would say that the password was right.
        return await _turned_away(desk, who.pair, _staff_line(staff_id, TOO_MANY))
    await _renew(desk, account, stored, password)
    async with db.begin(desk.database) as tx:
        if not await one_time_codes.verify(tx, desk.keyring, account, code):
            await _record(tx, desk, _staff_line(staff_id, "wrong-code"))
            return NotSignedIn()
        token = await sessions.start_staff(tx, staff_id)
        await _record(tx, desk, _staff_line(staff_id))
    await rates.remember(desk.short_lived, who.pair)
    return SignedIn(token=token)


async def _patiently(desk: Desk, attempt: Awaitable[Answer]) -> Answer:
    """A refusal takes as long whatever was found: the time is no answer either."""
    loop = asyncio.get_running_loop()
    earliest = loop.time() + desk.patience
    answer = await attempt
    if isinstance(answer, NotSignedIn):
        await asyncio.sleep(earliest - loop.time())
    return answer


async def _turned_away(desk: Desk, pair: str, line: Line, wait: int = 0) -> NotSignedIn:
    if await rates.worth_a_line(desk.short_lived, pair):
        await _log(desk, line)
    return NotSignedIn(retry_after=wait)


async def _renew(desk: Desk, account: Account, stored: PasswordHash, password: str) -> None:
    """Keep the password under today's profile; where all threads are busy, another time."""
    if not desk.hashing.outdated(stored):
        return
    renewed = await desk.hashing.hash(password)
    if not isinstance(renewed, Busy):
        async with db.begin(desk.database) as tx:
            await credentials.renew(tx, account, stored, renewed)


async def _hand_out(desk: Desk, ticket: _Ticket) -> str:
    text = secrets.token_urlsafe(sessions.TOKEN_BYTES)
    await desk.short_lived.put(_ticket_key(text), msgspec.msgpack.encode(ticket), TICKET_SECONDS)
    return text


def _ticket_key(ticket: str) -> str:
    return f"sign-in:ticket:{hashlib.sha256(ticket.encode()).hexdigest()}"


async def _log(desk: Desk, line: Line) -> None:
    async with db.begin(desk.database) as tx:
        await _record(tx, desk, line)


async def _record(tx: Transaction, desk: Desk, line: Line) -> None:
    await access_log.record(tx, desk.keyring, [line])


def _citizen_line(subject: SubjectId | None, why_not: str | None = None) -> Line:
    # Also where it was not them: the line is about their record, whoever tried.
    return _line(Actor(kind=ActorKind.CITIZEN, id="self"), subject, why_not)


def _staff_line(staff: StaffId | None, why_not: str | None = None) -> Line:
    return _line(Actor(kind=ActorKind.STAFF, id=staff or "unknown"), None, why_not)


def _line(actor: Actor, subject: SubjectId | None, why_not: str | None) -> Line:
    return Line(
        actor=actor,
        action=Action.SIGN_IN,
        outcome=Outcome.REFUSED if why_not else Outcome.GIVEN,
        subject=subject,
        reasons=(why_not,) if why_not else (),
    )
