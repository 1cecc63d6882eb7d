"""What programmes hold: access and refresh tokens, here only as hashes, each read anew when used.

Tokens that come of one authorization are one family; what is revoked as a family stays
revoked for tokens that are still to be issued in it. A suspended programme's tokens open
nothing, and neither do those of a consent that ended.
"""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import (
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    Uuid,
    bindparam,
    exists,
    insert,
    select,
    update,
)

from consent import grants
from identity.programmes import ClientState, clients
from policies import retention
from policies.vocabulary import AgreementId, AttributeId, FormId, ProgrammeId, PurposeId, SubjectId
from vault import bulk
from vault.database import Instant, Transaction, fetch_all, metadata, spread

ACCESS_LIFE: Final = timedelta(minutes=5)
"""Short, though each use is decided anew: a stolen token that is bound to a key is of no use."""
REFRESH_LIFE: Final = timedelta(days=90)
"""A programme that does not come back in a quarter asks the person again."""
REFRESH_BYTES: Final = 32

families: Final = Table(
    "token_families",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("client_id", ForeignKey(clients.c.client_id), nullable=False),
    Column("grant_id", Uuid),
    Column("created_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Index("ix_token_families_grant_id", "grant_id"),
)
access_tokens: Final = Table(
    "access_tokens",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("client_id", ForeignKey(clients.c.client_id), nullable=False),
    Column("family", ForeignKey(families.c.id)),
    Column("authorized", LargeBinary, nullable=False),
    Column("jkt", String(64), nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("revoked_at", Instant),
    Index("ix_access_tokens_family", "family"),
)
refresh_tokens: Final = Table(
    "refresh_tokens",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("client_id", ForeignKey(clients.c.client_id), nullable=False),
    Column("family", ForeignKey(families.c.id), nullable=False),
    Column("authorized", LargeBinary, nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Index("ix_refresh_tokens_family", "family"),
)

# Written once: to put a statement together takes longer than to send it.
_valid: Final = (
    # An access token without a family: the outer join gives null, and null is not revoked.
    families.c.revoked_at.is_(None),
    clients.c.state == ClientState.ACTIVE.value,
)
_VALID_ACCESS: Final = (
    select(
        access_tokens.c.id,
        access_tokens.c.authorized,
        access_tokens.c.family,
        access_tokens.c.jkt,
        access_tokens.c.issued_at,
        access_tokens.c.expires_at,
    )
    .select_from(access_tokens)
    .join(clients, clients.c.client_id == access_tokens.c.client_id)
    .outerjoin(families, families.c.id == access_tokens.c.family)
    .where(
        access_tokens.c.id.in_(bindparam("ids", expanding=True)),
        access_tokens.c.revoked_at.is_(None),
        access_tokens.c.expires_at > bindparam("now"),
        *_valid,
    )
)
_VALID_REFRESH: Final = (
    select(
        refresh_tokens.c.id,
        refresh_tokens.c.authorized,
        refresh_tokens.c.family,
        refresh_tokens.c.issued_at,
        refresh_tokens.c.expires_at,
    )
    .select_from(refresh_tokens)
    .join(clients, clients.c.client_id == refresh_tokens.c.client_id)
    .join(families, families.c.id == refresh_tokens.c.family)
    .where(
        refresh_tokens.c.id.in_(bindparam("ids", expanding=True)),
        refresh_tokens.c.expires_at > bindparam("now"),
        *_valid,
    )
)


class Authorized(msgspec.Struct, frozen=True, kw_only=True):
    """What was authorized: the one `amana_disclosure` of RFC 9396 behind a token."""

    client_id: ProgrammeId
    agreement: AgreementId
    purpose: PurposeId
    attributes: dict[AttributeId, FormId]
    grant_id: UUID | None = None
    """The consent it rests on; None under another legal basis."""
    subject: SubjectId | None = None
    """The person who authorized; None where the programme acts under a law."""
    acr: str | None = None
    auth_time: datetime | None = None
    scope: tuple[str, ...] = ()
    """What of the programme's own grants it may see to; such a token asks about nobody."""


class AccessToken(msgspec.Struct, frozen=True, kw_only=True):
    """One access token that is valid at this instant."""

    id: str
    """SHA-256 of its `jti`, hexadecimal."""
    authorized: Authorized
    family: UUID | None
    jkt: str
    """Thumbprint of the DPoP key (RFC 9449 §6) or of the certificate it is bound to."""
    issued_at: datetime
    expires_at: datetime


class NewAccess(msgspec.Struct, frozen=True, kw_only=True):
    """An access token that is to be."""

    authorized: Authorized
    jti: str
    jkt: str
    """As `AccessToken.jkt`."""
    family: UUID | None = None
    life: timedelta = ACCESS_LIFE


class RefreshToken(msgspec.Struct, frozen=True, kw_only=True):
    """One refresh token that is valid at this instant."""

    id: str
    """SHA-256 of the token, hexadecimal."""
    authorized: Authorized
    family: UUID
    issued_at: datetime
    expires_at: datetime


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    authorized: bytes
    """JSON of an `Authorized`."""
    issued_at: datetime
    expires_at: datetime


class _KeptAccess(_Kept, frozen=True, kw_only=True):
    family: UUID | None
    jkt: str


class _KeptRefresh(_Kept, frozen=True, kw_only=True):
    family: UUID


async def open_family(tx: Transaction, authorized: Authorized) -> UUID:
    """Begin a family, when a person authorizes: all tokens of that authorization are in it."""
    family = {
        "id": uuid4(),
        "client_id": authorized.client_id,
        "grant_id": authorized.grant_id,
        "created_at": tx.now,
    }
    await tx.connection.execute(insert(families), [family])
    return UUID(str(family["id"]))


async def issue_access(tx: Transaction, wanted: Sequence[NewAccess]) -> list[AccessToken]:
    """Remember access tokens by the hashes of their `jti`, all in one statement."""
    issued = [
        AccessToken(
            id=_hashed(each.jti),
            authorized=each.authorized,
            family=each.family,
            jkt=each.jkt,
            issued_at=tx.now,
            expires_at=tx.now + each.life,
        )
        for each in wanted
    ]
    await bulk.put(tx, access_tokens, [_row(each) for each in issued])
    return issued


async def issue_refresh(
    tx: Transaction, authorized: Authorized, *, family: UUID, life: timedelta = REFRESH_LIFE
) -> str:
    """Make a refresh token; kept only as its SHA-256."""
    text = secrets.token_urlsafe(REFRESH_BYTES)
    token = RefreshToken(
        id=_hashed(text),
        authorized=authorized,
        family=family,
        issued_at=tx.now,
        expires_at=tx.now + life,
    )
    await tx.connection.execute(insert(refresh_tokens), [_row(token)])
    return text


async def read(tx: Transaction, jtis: Sequence[str]) -> dict[str, AccessToken]:
    """Those of these access tokens that are valid now, in one query; the others are left out.

    Valid: known, not expired, neither it nor its family revoked, its programme active.
    Whether its consent still stands is decided by who discloses, under lock.
    """
    ids = {_hashed(jti): jti for jti in jtis}
    bound = {"ids": spread(list(ids)), "now": tx.now}
    return {
        ids[kept.id]: AccessToken(
            id=kept.id,
            authorized=_read(kept.authorized),
            family=kept.family,
            jkt=kept.jkt,
            issued_at=kept.issued_at,
            expires_at=kept.expires_at,
        )
        for kept in await fetch_all(tx, _VALID_ACCESS, _KeptAccess, bound)
    }


async def refresh(tx: Transaction, client_id: str, token: str) -> RefreshToken | None:
    """What this programme's refresh token stands for, its consent read anew and locked.

    None if the token, its family, its programme or its consent ended, or if it is another's.
    """
    found = (await read_refresh(tx, [token])).get(token)
    if found is None or found.authorized.client_id != client_id:
        return None
    grant_id = found.authorized.grant_id
    if grant_id is None:
        return found
    grant = (await grants.by_id(tx, [grant_id])).get(grant_id)
    return found if grant is not None and grant.discloses else None


async def read_refresh(tx: Transaction, texts: Sequence[str]) -> dict[str, RefreshToken]:
    """Those of these refresh tokens that are valid now, in one query; the others are left out."""
    ids = {_hashed(text): text for text in texts}
    bound = {"ids": spread(list(ids)), "now": tx.now}
    return {
        ids[kept.id]: RefreshToken(
            id=kept.id,
            authorized=_read(kept.authorized),
            family=kept.family,
            issued_at=kept.issued_at,
            expires_at=kept.expires_at,
        )
        for kept in await fetch_all(tx, _VALID_REFRESH, _KeptRefresh, bound)
    }


async def revoke_access(tx: Transaction, client_id: str, jti: str) -> bool:
    """Revoke one access token of this programme. False if there is none."""
    done = await tx.connection.execute(
        update(access_tokens)
        .where(
            access_tokens.c.id == _hashed(jti),
            access_tokens.c.client_id == client_id,
            access_tokens.c.revoked_at.is_(None),
        )
        .values(revoked_at=tx.now)
    )
    return done.rowcount == 1


async def revoke_refresh(tx: Transaction, client_id: str, token: str) -> bool:
    """Revoke a refresh token of this programme and with it its family (RFC 7009 §2.1).

    False if there is none.
    """
    family = select(refresh_tokens.c.family).where(
        refresh_tokens.c.id == _hashed(token), refresh_tokens.c.client_id == client_id
    )
    return await _revoke(tx, families.c.id.in_(family)) == 1


async def revoke_family(tx: Transaction, family: UUID) -> bool:
    """Revoke all tokens of an authorization, also those issued a moment later. False if done."""
    return await _revoke(tx, families.c.id == family) == 1


async def revoke_of_grant(tx: Transaction, grant_id: UUID) -> int:
    """Revoke all that rests on one consent; how many authorizations."""
    return await _revoke(tx, families.c.grant_id == grant_id)


async def forget_expired(tx: Transaction, *, limit: int) -> int:
    """Delete tokens whose term is over, and authorizations that no token is left of; how many.

    At most `limit` of each, so that nobody waits for it long.
    """
    before = tx.now - retention.TOKEN_TERM
    gone = 0
    for table in (access_tokens, refresh_tokens):
        gone += await bulk.remove(tx, table.c.id, table.c.expires_at < before, limit=limit)
    # As old as a refresh token may get: of a younger one, a token may be issued any moment.
    ended = families.c.created_at < before - REFRESH_LIFE
    bare = (
        ~exists().where(table.c.family == families.c.id)
        for table in (access_tokens, refresh_tokens)
    )
    return gone + await bulk.remove(tx, families.c.id, ended, *bare, limit=limit)


async def _revoke(tx: Transaction, which: ColumnElement[bool]) -> int:
    done = await tx.connection.execute(
        update(families).where(which, families.c.revoked_at.is_(None)).values(revoked_at=tx.now)
    )
    return done.rowcount


def _row(token: AccessToken | RefreshToken) -> dict[str, Any]:
    return {
        **msgspec.structs.asdict(token),
        "client_id": token.authorized.client_id,
        "authorized": msgspec.json.encode(token.authorized),
    }


def _read(authorized: bytes) -> Authorized:
    return msgspec.json.decode(authorized, type=Authorized)


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
