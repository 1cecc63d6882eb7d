"""A signed receipt that a person keeps: what they agreed to, with whom, until when, how to stop.

Fields after ISO/IEC TS 27560. It names the person by the programme's pairwise identifier,
never by a number of the registers, and stays readable after the consent has changed.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import Column, ForeignKey, Index, Select, String, Table, Text, Uuid, insert, select

from consent import notices, wording
from consent.grant_events import Grant
from consent.grant_rows import grants
from policies.catalogue import Attribute, Catalogue, Sensitivity
from policies.vocabulary import FormId, Language, LegalBasis, SubjectId
from vault import statements
from vault.database import Instant, Transaction, fetch_all, fetch_one, metadata, spread
from vault.keyring import Keyring

SCHEMA: Final = "ISO/IEC TS 27560:2023; amana/1"
TYPE: Final = "consent-receipt+jwt"
"""The `typ` of its header: no other signature of ours passes for a receipt (RFC 8725 §3.11)."""

receipts: Final = Table(
    "receipts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("grant_id", ForeignKey(grants.c.id), nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("language", String(8), nullable=False),
    Column("jws", Text, nullable=False),
    Index("ix_receipts_grant_id", "grant_id", "issued_at"),
)


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """One receipt as it was handed out."""

    id: UUID
    grant_id: UUID
    issued_at: datetime
    language: Language
    jws: str
    """Compact JWS (RFC 7515), ES256."""


async def issue(
    tx: Transaction,
    keyring: Keyring,
    catalogue: Catalogue,
    grant: Grant,
    language: Language,
    *,
    principal: str,
) -> Receipt:
    """Sign a receipt for what a consent is now, and keep it.

    `principal` is the person's pairwise identifier for the programme.
    """
    receipt_id = uuid4()
    notice = (await notices.by_hash(tx, [grant.notice_hash]))[grant.notice_hash]
    record = {
        "schema_version": SCHEMA,
        "receipt_id": str(receipt_id),
        "record_id": str(grant.id),
        "pii_principal_id": principal,
        "issued_at": tx.now.isoformat(),
        "pii_processing": _processing(catalogue, grant, notice, language),
        "parties": _parties(catalogue, grant, language),
        "events": [_event(grant, principal)],
    }
    receipt = Receipt(
        id=receipt_id,
        grant_id=grant.id,
        issued_at=tx.now,
        language=language,
        jws=await statements.sign(tx, keyring, TYPE, record),
    )
    await tx.connection.execute(insert(receipts), [msgspec.structs.asdict(receipt)])
    return receipt


async def one(tx: Transaction, subject: SubjectId, receipt_id: UUID) -> Receipt | None:
    """A receipt of one's own."""
    query = _receipts().join(grants).where(receipts.c.id == receipt_id, grants.c.subject == subject)
    return await fetch_one(tx, query, Receipt)


async def of_grants(tx: Transaction, grant_ids: Sequence[UUID]) -> dict[UUID, list[Receipt]]:
    """The receipts of these consents, newest first; every one asked is a key of the answer."""
    query = (
        _receipts()
        .where(receipts.c.grant_id.in_(spread(grant_ids)))
        .order_by(receipts.c.issued_at.desc(), receipts.c.id)
    )
    found: dict[UUID, list[Receipt]] = {id_: [] for id_ in grant_ids}
    for receipt in await fetch_all(tx, query, Receipt):
        found[receipt.grant_id].append(receipt)
    return found


async def verify(tx: Transaction, keyring: Keyring, compact: str) -> Mapping[str, Any] | None:
    """What a receipt says, if we signed it, however long ago; None if we did not."""
    return await statements.verify(tx, keyring, TYPE, compact)


def _receipts() -> Select[Any]:
    return select(
        receipts.c.id,
        receipts.c.grant_id,
        receipts.c.issued_at,
        receipts.c.language,
        receipts.c.jws,
    )


def _processing(
    catalogue: Catalogue, grant: Grant, notice: notices.Notice, language: Language
) -> dict[str, Any]:
    versions = {each.version: each for each in catalogue.versions[grant.agreement]}
    purpose = catalogue.purposes[grant.purpose]
    stop = wording.shipped().clauses[wording.Clause.STOP].text.in_(language)
    programme = catalogue.programmes[grant.programme].name.in_(language)
    return {
        "privacy_notice": {"sha256": notice.hash, "agreement": grant.agreement},
        "language": notice.language,
        "purposes": [
            {
                "purpose": purpose.title.in_(language),
                "purpose_type": purpose.dpv,
                "lawful_basis": LegalBasis.CONSENT,
                "pii_information": [
                    _item(catalogue.attributes[item], form, language)
                    for item, form in grant.items.items()
                ],
                "pii_controllers": [grant.programme],
                "recipient_third_parties": [],
                # ISO 8601 duration, from each disclosure
                "retention_period": f"P{versions[grant.agreement_version].retention_days}D",
                "jurisdiction": "MA",
                "withdrawal_method": stop.format(programme=programme),
            }
        ],
    }


def _item(attribute: Attribute, form: FormId, language: Language) -> dict[str, Any]:
    return {
        "pii_type": attribute.label.in_(language),
        "pii_attribute_id": attribute.id,
        "form": form,
        "sensitive": attribute.sensitivity is Sensitivity.HIGH,
    }


def _parties(catalogue: Catalogue, grant: Grant, language: Language) -> list[dict[str, str]]:
    programme = catalogue.programmes[grant.programme]
    return [
        {
            "party_id": programme.id,
            "party_name": programme.body.in_(language),
            "party_type": "pii-controller",
        },
        {
            "party_id": "cndp",
            "party_name": "CNDP",
            "party_type": "supervisory-authority",
            "party_contact": "www.cndp.ma",
        },
    ]


def _event(grant: Grant, principal: str) -> dict[str, Any]:
    return {
        "event_time": grant.changed_at.isoformat(),
        "valid_until": grant.expires_at.isoformat(),
        "entity_id": principal,
        "event_type": "explicit",
        "event_state": grant.state,
        # The consent's own chain of events: the receipt proves what we hold, and that we kept it.
        "event_sha256": grant.hash.hex(),
    }
