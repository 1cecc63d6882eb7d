"""Erases a person from the registers: all that is known of them, and all that leads to them.

With the last who lives there goes the household. What the law keeps as evidence stays and
leads to nobody: the access log, until its term, and what consents were given (ADR-0015).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import Column, Table, and_, delete, select, update

from consent.grant_rows import grants
from consent.oppositions import oppositions
from consent.receipts import receipts
from identity import tokens
from identity.doors.wrong_answers import wrong_answers
from identity.login import accounts
from identity.login.channels import channels
from identity.login.credentials import passwords
from identity.login.one_time_codes import one_time_secrets
from identity.login.passkeys import passkeys
from identity.login.recovery_codes import recovery_codes
from identity.login.sessions import end_of_citizen, sessions
from identity.login.unlock_codes import unlock_codes
from identity.registry import (
    erasure_certificates,
    erasure_holds,
    pseudonym_rows,
    pseudonyms,
    virtual_identifiers,
)
from identity.registry.households import household_members, households
from identity.registry.people import people
from policies import retention
from policies.retention import Held
from policies.vocabulary import Action, Actor, Outcome, PurposeId, SubjectId
from vault import erasing, key_epoch, tombstones
from vault.access_log import Line
from vault.database import Transaction, batches, spread
from vault.envelope_errors import TamperedError
from vault.keyring import Keyring
from vault.subject_keys import Kind
from vault.subject_keys import subject_keys as _keys

ERASURE: Final = PurposeId("data-protection/erasure")
AGAIN: Final = 256
"""Records per statement when a replay erases them again."""

_OF_PERSON: Final[Mapping[str, tuple[Table, Column[UUID]]]] = {
    "receipts": (receipts, grants.c.subject),
    "oppositions": (oppositions, oppositions.c.subject),
    "wrong-answers": (wrong_answers, wrong_answers.c.target),
    "sessions": (sessions, sessions.c.subject),
    "memberships": (household_members, household_members.c.subject),
    "holds": (erasure_holds.erasure_holds, erasure_holds.erasure_holds.c.subject),
    "person": (people, people.c.subject),
}


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """A person is erased; the certificate is theirs."""

    certificate: UUID
    jws: str
    rows: dict[str, int]


class NotThere(msgspec.Struct, frozen=True, kw_only=True):
    """There is nobody to erase; perhaps any more."""


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What would go; nothing went."""

    household: bool
    """Whether the household would go too: nobody else lives there."""
    rows: dict[str, int]


async def erase(
    tx: Transaction,
    keyring: Keyring,
    subject: SubjectId,
    *,
    subject_hash: str,
    by: Actor,
    case_reference: str | None = None,
    certificate: UUID | None = None,
) -> Done | Held | NotThere:
    """Erase a person and sign it. To do it twice is to do it once.

    Raises:
        TamperedError: what hangs beside one of their keys does not open: it would be lost too.
            Or they were erased before and are there again: that is for a replay.
    """
    if not await _lock(tx, subject):
        return NotThere()
    match retention.may_erase(await erasure_holds.standing(tx, subject), tx.now):
        case Held() as held:
            return held
        case _:
            pass
    line = Line(
        actor=by,
        action=Action.ERASE,
        outcome=Outcome.GIVEN,
        purpose=ERASURE,
        case_reference=case_reference,
    )
    return await _erase(
        tx, keyring, subject, subject_hash, line=line, certificate=certificate or uuid4()
    )


async def preview(tx: Transaction, subject: SubjectId) -> Preview | Held | NotThere:
    """What `erase` would do now."""
    there = await tx.connection.scalar(select(people.c.subject).where(people.c.subject == subject))
    if there is None:
        return NotThere()
    match retention.may_erase(await erasure_holds.standing(tx, subject), tx.now):
        case Held() as held:
            return held
        case _:
            emptied = await _emptied(tx, subject)
            return Preview(
                household=bool(emptied), rows=await erasing.held(tx, [subject, *emptied])
            )


async def erase_again(
    tx: Transaction, keyring: Keyring, progress: Callable[[int, int], None] | None = None
) -> int:
    """Take away whatever a restore brought back of the erased; of how many records.

    Holds do not matter: it was decided. In one transaction, so that no tombstone is put back
    whose record is still there; `progress` is called with (done, of how many).
    """
    back = {record async for record in erasing.revived(tx, keyring)}
    back |= await tombstones.among(tx, keyring, await _without_keys(tx))
    done = 0
    for batch in batches(sorted(back), AGAIN):
        for record in batch:
            await _registers(tx, keyring, record, [record])
        await erasing.destroy(tx, keyring, batch)
        done += len(batch)
        if progress:
            progress(done, len(back))
    if back:
        await key_epoch.advance(tx)
    return len(back)


async def forget_logs(tx: Transaction, keyring: Keyring, *, limit: int = 1_000) -> int:
    """Destroy the log keys of those who were erased longer ago than the log's term; how many."""
    due: list[SubjectId] = []
    last: SubjectId | None = None
    while len(due) < limit and (page := await erasing.log_keys_alone(tx, last)):
        last = page[-1]
        tags = tombstones.marks(keyring, page)
        due += [
            tags[tag]
            for tag, stone in (await tombstones.of_tags(tx, tags)).items()
            if stone.at + retention.LOG_TERM <= tx.now
        ]
    return await erasing.forget_logs(tx, keyring, due[:limit]) if due else 0


async def _erase(
    tx: Transaction,
    keyring: Keyring,
    subject: SubjectId,
    subject_hash: str,
    *,
    line: Line,
    certificate: UUID,
) -> Done:
    emptied = await _emptied(tx, subject)
    rows = await _registers(tx, keyring, subject, emptied)
    erased = await erasing.erase(
        tx, keyring, [subject, *emptied], certificate=certificate, line=line
    )
    if subject not in erased.entries:
        raise TamperedError
    rows |= erased.rows
    jws = await erasure_certificates.issue(
        tx,
        keyring,
        certificate,
        subject=subject_hash,
        rows=rows,
        log_entry=erased.entries[subject],
        epoch=erased.epoch,
    )
    return Done(certificate=certificate, jws=jws, rows=rows)


async def _lock(tx: Transaction, subject: SubjectId) -> bool:
    """Hold the person, so that two erasures at once are one."""
    query = select(people.c.subject).where(people.c.subject == subject).with_for_update()
    return await tx.connection.scalar(query) is not None


async def _emptied(tx: Transaction, subject: SubjectId) -> list[SubjectId]:
    """The households of this person's in which nobody else lives."""
    own = select(household_members.c.household).where(household_members.c.subject == subject)
    others = select(household_members.c.household).where(
        household_members.c.subject != subject, household_members.c.left_at.is_(None)
    )
    query = select(households.c.id).where(households.c.id.in_(own), households.c.id.not_in(others))
    return [
        SubjectId(each) for each in await tx.connection.scalars(query.order_by(households.c.id))
    ]


async def _registers(
    tx: Transaction, keyring: Keyring, subject: SubjectId, emptied: list[SubjectId]
) -> dict[str, int]:
    """Take a person out of every table but the vault's; how many rows of each kind."""
    # Whoever named them has committed, the person being held: under keys that are seen now.
    await keyring.look(tx)
    account = accounts.of_citizen(subject)
    known_as = [(audience, subject) for audience in await pseudonym_rows.audiences(tx)]
    rows = {
        "pairwise-identifiers": await pseudonyms.forget(tx, keyring, known_as),
        "virtual-identifiers": await virtual_identifiers.forget(tx, keyring, subject),
        "tokens": await _tokens(tx, subject),
        "passwords": await _gone(tx, passwords, passwords.c.account == account),
        "recovery-codes": await _gone(tx, recovery_codes, recovery_codes.c.account == account),
        "unlock-codes": await _gone(tx, unlock_codes, unlock_codes.c.account == account),
        "code-channels": await _gone(tx, channels, channels.c.account == account),
        "passkeys": await _gone(tx, passkeys, passkeys.c.account == account),
        "one-time-secrets": await _gone(
            tx, one_time_secrets, one_time_secrets.c.account == account
        ),
    }
    await end_of_citizen(tx, subject)  # programmes that they are signed on to hear of it
    await _speak_for(tx, subject, emptied)
    for kind, (table, column) in _OF_PERSON.items():
        where = column == subject
        if table is receipts:
            where = receipts.c.grant_id.in_(select(grants.c.id).where(where))
        rows[kind] = await _gone(tx, table, where)
    await _gone(tx, household_members, household_members.c.household.in_(spread(emptied)))
    rows["households"] = await _gone(tx, households, households.c.id.in_(spread(emptied)))
    return rows


async def _tokens(tx: Transaction, subject: SubjectId) -> int:
    """End what programmes hold on this person's consents."""
    consents = select(grants.c.id).where(grants.c.subject == subject)
    families = select(tokens.families.c.id).where(tokens.families.c.grant_id.in_(consents))
    held = tokens.refresh_tokens
    gone = await _gone(tx, held, held.c.family.in_(families))
    await tx.connection.execute(
        update(tokens.families)
        .where(tokens.families.c.grant_id.in_(consents))
        .values(authorized=None)  # so that nothing stands in it any more, or is issued in it
    )
    return gone


async def _speak_for(tx: Transaction, subject: SubjectId, emptied: list[SubjectId]) -> None:
    """Where they spoke for others, let the one speak who lives there longest."""
    query = (
        select(households.c.id, household_members.c.subject)
        .join(household_members, household_members.c.household == households.c.id)
        .where(
            households.c.declarant == subject,
            households.c.id.not_in(spread(emptied)),
            household_members.c.subject != subject,
            household_members.c.left_at.is_(None),
        )
        .order_by(household_members.c.joined_at.desc(), household_members.c.subject.desc())
    )
    speakers = {row.id: row.subject for row in await tx.connection.execute(query)}
    for household, speaker in speakers.items():
        await tx.connection.execute(
            update(households).where(households.c.id == household).values(declarant=speaker)
        )


async def _gone(tx: Transaction, table: Table, where: Any) -> int:
    return (await tx.connection.execute(delete(table).where(where))).rowcount


async def _without_keys(tx: Transaction) -> list[SubjectId]:
    """People and households on the registers of whom no key is left."""
    found: list[SubjectId] = []
    for record in (people.c.subject, households.c.id):
        on = and_(_keys.c.subject == record, _keys.c.kind == Kind.DATA.value)
        query = select(record).outerjoin(_keys, on).where(_keys.c.subject.is_(None))
        found += await tx.connection.scalars(query)
    return found
