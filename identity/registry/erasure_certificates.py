"""The signed word that a person was erased, for a third party to check; it names nobody.

Whoever holds the salt can show that it is theirs: the subject is the SHA-256 of that salt
and of their number. Everybody else sees 32 bytes.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from sqlalchemy import Column, Table, Text, Uuid, insert, select

from policies import retention
from vault import jwk, normalisers, signing
from vault.database import Instant, Transaction, metadata
from vault.framing import framed
from vault.keyring import Keyring

SCHEMA: Final = "amana/erasure/1"
TYPE: Final = "erasure-certificate+jwt"
"""The `typ` of its header: no other signature of ours passes for a certificate (RFC 8725 §3.11)."""

erasure_certificates: Final = Table(
    "erasure_certificates",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("issued_at", Instant, nullable=False),
    Column("jws", Text, nullable=False),
)


class Root(msgspec.Struct, frozen=True, kw_only=True):
    """The version of the root that still opens what backups hold, and when it is gone."""

    version: int
    destroyed_by: datetime


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """What is certified of one erasure."""

    schema: str
    certificate: UUID
    issuer: str
    """Name of the access log that has the entry."""
    erased_at: datetime
    subject: str
    """SHA-256, hexadecimal, of a salt and the person's number."""
    rows: dict[str, int]
    """What kinds of records there were, and how many of each."""
    log_entry: UUID
    key_epoch: int
    root: Root
    evidence_until: datetime
    """When the last of what the law keeps (log, consents) names nobody any more."""


def subject_hash(salt: bytes, idcs: str) -> str:
    """What a certificate says instead of a number; nothing without the salt."""
    return hashlib.sha256(framed(salt, normalisers.number(idcs).encode())).hexdigest()


async def issue(
    tx: Transaction,
    keyring: Keyring,
    certificate: UUID,
    *,
    subject: str,
    rows: dict[str, int],
    log_entry: UUID,
    epoch: int,
) -> str:
    """Sign a certificate and keep it: a compact JWS (RFC 7515), ES256."""
    content = Certificate(
        schema=SCHEMA,
        certificate=certificate,
        issuer=keyring.log_origin,
        erased_at=tx.now,
        subject=subject,
        rows=rows,
        log_entry=log_entry,
        key_epoch=epoch,
        root=Root(version=keyring.keys.active, destroyed_by=retention.root_destroyed_by(tx.now)),
        evidence_until=tx.now + retention.LOG_TERM,
    )
    key = await signing.active(tx, keyring, "receipt")
    header = {"alg": key.alg, "kid": key.kid, "typ": TYPE}
    signed = ".".join(jwk.base64url(msgspec.json.encode(part)) for part in (header, content))
    compact = f"{signed}.{jwk.base64url(key.sign(signed.encode()))}"
    row = {"id": certificate, "issued_at": tx.now, "jws": compact}
    await tx.connection.execute(insert(erasure_certificates), [row])
    return compact


async def one(tx: Transaction, certificate: UUID) -> str | None:
    """A certificate as it was signed."""
    query = select(erasure_certificates.c.jws).where(erasure_certificates.c.id == certificate)
    found: str | None = await tx.connection.scalar(query)
    return found


def verify(compact: str, keys: Sequence[dict[str, Any]]) -> Certificate | None:
    """What a certificate says, if one of these public keys signed it; None if none did.

    Needs nothing of ours but the keys: anybody can do it.
    """
    try:
        header = jws.extract_compact(compact.encode("ascii")).headers()
        # The algorithm is the key's, never the header's (RFC 8725 §3.1).
        key = next((key for key in keys if key["kid"] == header.get("kid")), None)
        if key is None or header.get("typ") != TYPE:
            return None
        checked = jws.deserialize_compact(compact, ECKey.import_key({**key}), algorithms=["ES256"])
        return msgspec.json.decode(checked.payload, type=Certificate)
    except (JoseError, ValueError):
        return None
