"""Consents: given, narrowed, withdrawn, refused; never edited. Whoever discloses reads them here.

What a person does writes an access-log line with the event's hash in the same
transaction: the log's tree thereby covers the consents too.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import Select

from consent import grant_events, grant_rows, notices
from consent.grant_events import (
    LIVE,
    EventKind,
    Evidence,
    Grant,
    GrantEvent,
    Items,
    Narrowing,
    Terms,
)
from consent.grant_rows import grants, heads, is_newest
from policies import consent as policy
from policies import forms
from policies.catalogue import Agreement, Catalogue
from policies.consent import ConsentReason, Giving, MayNot
from policies.legal_time import legal_day
from policies.vocabulary import (
    Action,
    Actor,
    ActorKind,
    AgreementId,
    GrantState,
    Language,
    LegalBasis,
    Outcome,
    ProgrammeId,
    PurposeId,
    SubjectId,
)
from vault import access_log
from vault.access_log import Line
from vault.database import Transaction, fetch_all, fetch_one, share_lock, spread
from vault.keyring import Keyring

__all__ = [
    "Answer",
    "Evidence",
    "Grant",
    "GrantEvent",
    "Items",
    "MayNot",
    "Pair",
    "by_id",
    "events",
    "give",
    "give_back",
    "latest",
    "narrow",
    "of_subject",
    "one",
    "refuse",
    "refused_recently",
    "withdraw",
]

Pair = tuple[SubjectId, ProgrammeId, AgreementId]
"""Whose consent, to whom, under which agreement."""

SELF: Final = Actor(kind=ActorKind.CITIZEN, id="self")
"""The person, whom neither events nor log lines name."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A person's answer to the notice they were shown."""

    subject: SubjectId
    programme: ProgrammeId
    agreement: AgreementId
    notice_hash: str
    language: Language
    evidence: Evidence
    items: Items = {}
    """What they agreed to, and in which form; empty where they refuse."""
    expires_at: datetime | None = None
    """None: as long as the agreement allows."""


async def give(
    tx: Transaction,
    keyring: Keyring,
    catalogue: Catalogue,
    answer: Answer,
    *,
    birth_date: str | None,
) -> Grant | MayNot:
    """Record that a person agrees. What they agreed to before under this agreement is superseded.

    `birth_date` is as the registers hold it, perhaps partial; it decides and is not kept.
    """
    agreement = await _shown(tx, catalogue, answer)
    if isinstance(agreement, MayNot):
        return agreement
    decided = policy.may_consent(_giving(answer, agreement, birth_date), tx.now)
    if isinstance(decided, MayNot):
        return decided
    ends = min(answer.expires_at or decided.expires_at, decided.expires_at)
    grant, event = _begun(tx, EventKind.GIVEN, _terms(answer, agreement, ends))
    while not await grant_rows.begin(tx, grant, event, newest=True):
        # There is one already, or another answer of this person was a moment faster.
        await _supersede(tx, answer)
    await _log(tx, keyring, grant, Action.CONSENT, catalogue=catalogue.hash)
    return grant


async def refuse(
    tx: Transaction, keyring: Keyring, catalogue: Catalogue, answer: Answer
) -> Grant | MayNot:
    """Record that a person does not agree. What they agreed to before stays as it is."""
    agreement = await _shown(tx, catalogue, answer)
    if isinstance(agreement, MayNot):
        return agreement
    terms = _terms(answer, agreement, tx.now + policy.COOL_DOWN)
    grant, event = _begun(tx, EventKind.REFUSED, terms)
    await grant_rows.begin(tx, grant, event, newest=False)
    await _log(tx, keyring, grant, Action.CONSENT, catalogue=catalogue.hash)
    return grant


async def narrow(
    tx: Transaction,
    keyring: Keyring,
    catalogue: Catalogue,
    subject: SubjectId,
    grant_id: UUID,
    *,
    items: Items,
) -> bool:
    """Agree to less: fewer items or coarser forms. False if it is not less, or not theirs."""
    held = await _held(tx, subject, grant_id)
    if held is None or not _less(catalogue, held.items, items):
        return False
    narrowed = await _happens(tx, held, EventKind.NARROWED, SELF, Narrowing(items=items))
    await _log(tx, keyring, narrowed, Action.CONSENT, catalogue=catalogue.hash)
    return True


async def withdraw(tx: Transaction, keyring: Keyring, subject: SubjectId, grant_id: UUID) -> bool:
    """Withdraw one's own consent. False if there is no such consent to withdraw."""
    held = await _held(tx, subject, grant_id)
    if held is None:
        return False
    withdrawn = await _happens(tx, held, EventKind.WITHDRAWN, SELF)
    await _log(tx, keyring, withdrawn, Action.WITHDRAW)
    return True


async def give_back(
    tx: Transaction, keyring: Keyring, programme: ProgrammeId, grant_id: UUID
) -> bool:
    """A programme gives up what a person agreed to. False if it has no such consent that stands."""
    query = heads(
        grants.c.id == grant_id,
        grants.c.programme == programme,
        grants.c.state.in_(LIVE),
        grants.c.expires_at > tx.now,
    )
    held = await fetch_one(tx, query.with_for_update(), Grant)
    if held is None:
        return False
    by = Actor(kind=ActorKind.PROGRAMME, id=programme)
    ended = await _happens(tx, held, EventKind.WITHDRAWN, by)
    await _log(tx, keyring, ended, Action.WITHDRAW, by=by)
    return True


async def latest(tx: Transaction, pairs: Sequence[Pair]) -> dict[Pair, Grant]:
    """The newest consent of each pair, ended or not, locked against change until commit."""
    if not pairs:
        return {}
    subjects, programmes, agreements = (list(set(part)) for part in zip(*pairs, strict=True))
    # FOR SHARE: a withdrawal waits for disclosures in flight; once it commits, none follows.
    # `tx.now` alone could not promise that: it is read at begin.
    query = share_lock(
        heads(
            grants.c.subject.in_(spread(subjects)),
            grants.c.programme.in_(spread(programmes)),
            grants.c.agreement.in_(spread(agreements)),
            is_newest,
        )
    )
    found = {
        (grant.subject, grant.programme, grant.agreement): grant_events.at_instant(grant, tx.now)
        for grant in await fetch_all(tx, query, Grant)
    }
    return {pair: found[pair] for pair in pairs if pair in found}


async def by_id(tx: Transaction, ids: Sequence[UUID]) -> dict[UUID, Grant]:
    """These consents, locked against change until commit; unknown ids are left out."""
    query = share_lock(heads(grants.c.id.in_(spread(ids))))
    return {grant.id: grant for grant in await _seen(tx, query)}


async def one(tx: Transaction, subject: SubjectId, grant_id: UUID) -> Grant | None:
    """A consent or a refusal of one's own."""
    found = await _seen(tx, heads(grants.c.id == grant_id, grants.c.subject == subject))
    return found[0] if found else None


async def of_subject(tx: Transaction, subject: SubjectId) -> list[Grant]:
    """All that a person agreed to or refused, newest first."""
    query = heads(grants.c.subject == subject)
    return await _seen(tx, query.order_by(grants.c.given_at.desc(), grants.c.id))


async def events(tx: Transaction, grant_id: UUID) -> list[GrantEvent]:
    """What happened to a consent, oldest first."""
    return await grant_rows.events(tx, [grant_id])


async def refused_recently(
    tx: Transaction, subject: SubjectId, programme: ProgrammeId, purpose: PurposeId
) -> bool:
    """Whether the programme must not ask yet: its last question for this purpose was refused."""
    query = heads(
        grants.c.subject == subject,
        grants.c.programme == programme,
        grants.c.purpose == purpose,
    ).order_by(grants.c.given_at.desc())
    last = await fetch_one(tx, query.limit(1), Grant)
    if last is None or last.state is not GrantState.REFUSED:
        return False
    return not policy.may_ask_again(last.given_at, tx.now)


async def _shown(tx: Transaction, catalogue: Catalogue, answer: Answer) -> Agreement | MayNot:
    """The agreement as it stands today, if these are its words and it is this programme's."""
    agreement = catalogue.agreement(answer.agreement, legal_day(tx.now))
    if agreement is None or agreement.programme != answer.programme:
        return MayNot(reasons=(ConsentReason.AGREEMENT_NOT_IN_FORCE,))
    notice = (await notices.by_hash(tx, [answer.notice_hash])).get(answer.notice_hash)
    shown = (agreement.id, agreement.version, answer.language)
    if notice is None or (notice.agreement, notice.version, notice.language) != shown:
        return MayNot(reasons=(ConsentReason.NOTICE_NOT_CURRENT,))
    return agreement


def _giving(answer: Answer, agreement: Agreement, birth_date: str | None) -> Giving:
    return Giving(
        subject=answer.subject,
        giver=answer.subject,
        birth_date=birth_date,
        agreement=agreement,
        notice_version=agreement.version,
        items=answer.items,
    )


def _terms(answer: Answer, agreement: Agreement, expires_at: datetime) -> Terms:
    return Terms(
        subject=answer.subject,
        programme=answer.programme,
        agreement=agreement.id,
        agreement_version=agreement.version,
        agreement_hash=agreement.content_hash,
        purpose=agreement.purpose,
        items=answer.items,
        expires_at=expires_at,
        notice_hash=answer.notice_hash,
        language=answer.language,
        evidence=answer.evidence,
    )


def _begun(tx: Transaction, kind: EventKind, terms: Terms) -> tuple[Grant, GrantEvent]:
    event = grant_events.happened(kind, terms, grant_id=uuid4(), at=tx.now, actor=SELF)
    return grant_events.begun(event, terms), event


async def _held(tx: Transaction, subject: SubjectId, grant_id: UUID) -> Grant | None:
    """A consent of one's own that has not ended, locked against any other change."""
    query = heads(
        grants.c.id == grant_id,
        grants.c.subject == subject,
        grants.c.state.in_(LIVE),
        grants.c.expires_at > tx.now,
    )
    return await fetch_one(tx, query.with_for_update(), Grant)


async def _supersede(tx: Transaction, answer: Answer) -> None:
    query = heads(
        grants.c.subject == answer.subject,
        grants.c.programme == answer.programme,
        grants.c.agreement == answer.agreement,
        is_newest,
    )
    before = await fetch_one(tx, query.with_for_update(), Grant)
    if before is None:
        return
    if grant_events.at_instant(before, tx.now).active:
        await _happens(tx, before, EventKind.SUPERSEDED, SELF)
    await grant_rows.step_back(tx, before)


async def _happens(
    tx: Transaction,
    grant: Grant,
    kind: EventKind,
    actor: Actor,
    content: Narrowing | None = None,
) -> Grant:
    event = grant_events.happened(
        kind,
        content,
        grant_id=grant.id,
        at=tx.now,
        actor=actor,
        seq=grant.seq + 1,
        prev_hash=grant.hash,
    )
    moved = grant_events.after(grant, event)
    await grant_rows.move(tx, moved, event)
    return moved


def _less(catalogue: Catalogue, before: Items, left: Items) -> bool:
    return (
        bool(left)
        and left != before
        and all(
            item in before
            and item in catalogue.attributes
            and forms.covers(catalogue.attributes[item], before[item], form)
            for item, form in left.items()
        )
    )


async def _seen(tx: Transaction, query: Select[Any]) -> list[Grant]:
    return [grant_events.at_instant(grant, tx.now) for grant in await fetch_all(tx, query, Grant)]


async def _log(
    tx: Transaction,
    keyring: Keyring,
    grant: Grant,
    action: Action,
    *,
    catalogue: str | None = None,
    by: Actor = SELF,
) -> None:
    refused = grant.state is GrantState.REFUSED
    line = Line(
        actor=by,
        action=action,
        outcome=Outcome.REFUSED if refused else Outcome.GIVEN,
        subject=grant.subject,
        purpose=grant.purpose,
        basis=LegalBasis.CONSENT,
        agreement=grant.agreement,
        attributes=tuple(grant.items.items()),
        reasons=("consent-refused",) if refused else (),
        detail=f"grant-event:{grant.hash.hex()}",
        catalogue=catalogue,
    )
    await access_log.record(tx, keyring, [line])
