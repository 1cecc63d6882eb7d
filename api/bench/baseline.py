"""The plain way: SQLAlchemy Core, one transaction per request, as anybody would write it.

Look up the token, the consent and the sealed values; check them; log the access; commit;
open. Its tables are its own, its driver and durability are those of the house.
"""

import json
import secrets
from hashlib import sha256
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import (
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
    insert,
    select,
)

from vault import database as db
from vault.database import Database, Instant, Transaction

own: Final = MetaData()
tokens: Final = Table(
    "plain_tokens",
    own,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("client", String(64), nullable=False),
    Column("subject", Uuid, nullable=False),
    Column("agreement", String(128), nullable=False),
    Column("expires_at", Instant, nullable=False),
)
consents: Final = Table(
    "plain_consents",
    own,
    Column("subject", Uuid, primary_key=True),
    Column("agreement", String(128), primary_key=True),
    Column("agreed", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("expires_at", Instant, nullable=False),
)
records: Final = Table(
    "plain_records",
    own,
    Column("subject", Uuid, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
log: Final = Table(
    "plain_log",
    own,
    Column("id", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("client", String(64), nullable=False),
    Column("subject", Uuid, nullable=False),
    Column("agreement", String(128), nullable=False),
    Column("attributes", Text, nullable=False),
)


class Plain:
    """A store of the plain way, filled, and its one question."""

    def __init__(self, database: Database) -> None:
        """Take a store; `fill` comes next."""
        self._database = database
        self._key = AESGCM(AESGCM.generate_key(256))
        self._tokens: list[bytes] = []

    async def fill(self, tx: Transaction, subjects: list[UUID], agreement: str) -> None:
        """Make the tables and one token, consent and record per person."""
        await tx.connection.run_sync(own.create_all)
        until = tx.now.replace(year=tx.now.year + 1)
        issued = [secrets.token_bytes(32) for _ in subjects]
        items = json.dumps(["phone", "address"])
        await tx.connection.execute(
            insert(tokens),
            [
                {
                    "hash": sha256(token).digest(),
                    "client": "plain",
                    "subject": subject,
                    "agreement": agreement,
                    "expires_at": until,
                }
                for token, subject in zip(issued, subjects, strict=True)
            ],
        )
        await tx.connection.execute(
            insert(consents),
            [
                {
                    "subject": subject,
                    "agreement": agreement,
                    "agreed": items,
                    "state": "given",
                    "expires_at": until,
                }
                for subject in subjects
            ],
        )
        await tx.connection.execute(
            insert(records),
            [{"subject": subject, "sealed": self._sealed(subject)} for subject in subjects],
        )
        self._tokens = issued

    async def ask(self, number: int) -> None:
        """One audited disclosure in one transaction."""
        token = self._tokens[number % len(self._tokens)]
        async with db.begin(self._database) as tx:
            sealed, subject = await self._permitted(tx, token)
        nonce, ciphertext = sealed[:12], sealed[12:]
        opened = json.loads(self._key.decrypt(nonce, ciphertext, subject.bytes))
        if not {"phone", "address"} <= opened.keys():
            raise ValueError("the plain way lost a value")

    async def _permitted(self, tx: Transaction, token: bytes) -> tuple[bytes, UUID]:
        held = (
            await tx.connection.execute(
                select(
                    tokens.c.client, tokens.c.subject, tokens.c.agreement, tokens.c.expires_at
                ).where(tokens.c.hash == sha256(token).digest())
            )
        ).one()
        consent = (
            await tx.connection.execute(
                select(consents.c.agreed, consents.c.state, consents.c.expires_at).where(
                    consents.c.subject == held.subject, consents.c.agreement == held.agreement
                )
            )
        ).one()
        if held.expires_at < tx.now or consent.expires_at < tx.now or consent.state != "given":
            raise ValueError("the plain way was refused")
        sealed = await tx.connection.scalar(
            select(records.c.sealed).where(records.c.subject == held.subject)
        )
        await tx.connection.execute(
            insert(log).values(
                at=tx.now,
                client=held.client,
                subject=held.subject,
                agreement=held.agreement,
                attributes=consent.agreed,
            )
        )
        return bytes(sealed or b""), held.subject

    def _sealed(self, subject: UUID) -> bytes:
        values = json.dumps(
            {"phone": "+212600000000", "address": {"commune": "…", "province": "…", "region": "…"}}
        )
        nonce = secrets.token_bytes(12)
        return nonce + self._key.encrypt(nonce, values.encode(), subject.bytes)
