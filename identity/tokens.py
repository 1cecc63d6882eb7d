"""What programmes hold: access tokens that say themselves what they are for, and refresh tokens.

What is kept is what each person authorized, which the tokens that came of it name as their
family; refresh tokens, as hashes; and which access tokens were given back. All of it is read anew
whenever a token is used. What is revoked as a family stays revoked for tokens that are still to
be issued in it. A suspended programme's tokens open nothing, and neither do those of a consent
that ended.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
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
    and_,
    bindparam,
    exists,
    insert,
    null,
    select,
    union_all,
    update,
)

from consent import grants
from identity import programmes
from identity.programmes import Client, ClientState, clients
from policies import retention
from policies.vocabulary import AgreementId, AttributeId, FormId, ProgrammeId, PurposeId, SubjectId
from vault import bulk
from vault.database import Instant, Transaction, fetch_all, insert_new, metadata, spread
from vault.glances import Glances, Statement

ACCESS_LIFE: Final = timedelta(minutes=5)
"""Short, though each use is decided anew: a stolen token that is bound to a key is of no use."""
REFRESH_LIFE: Final = timedelta(days=90)
"""A programme that does not come back in a quarter asks the person again."""
REFRESH_BYTES: Final = 32
JTI_BYTES: Final = 20

families: Final = Table(
    "token_families",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("client_id", ForeignKey(clients.c.client_id), nullable=False),
    Column("grant_id", Uuid),
    Column("authorized", LargeBinary),
    Column("created_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Index("ix_token_families_grant_id", "grant_id"),
)
"""One for each time that a person authorized; `authorized` goes when they are erased."""
revoked_tokens: Final = Table(
    "revoked_tokens",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("client_id", ForeignKey(clients.c.client_id), nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
)
"""Access tokens that were given back, by the hash of their `jti`, until they are none anyway."""
refresh_tokens: Final = Table(
    "refresh_tokens",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("client_id", ForeignKey(clients.c.client_id), nullable=False),
    Column("family", ForeignKey(families.c.id), nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Index("ix_refresh_tokens_family", "family"),
)

# Written once: to put a statement together takes longer than to send it.
_stands: Final = and_(families.c.revoked_at.is_(None), families.c.authorized.is_not(None))
_active: Final = clients.c.state == ClientState.ACTIVE.value
_OF_ACCESS: Final = union_all(
    select(clients.c.client_id, families.c.id, families.c.authorized, null().label("revoked"))
    .select_from(clients)
    .outerjoin(
        families,
        and_(
            families.c.client_id == clients.c.client_id,
            families.c.id.in_(bindparam("families", expanding=True)),
            _stands,
        ),
    )
    .where(clients.c.client_id.in_(bindparam("clients", expanding=True)), _active),
    select(null(), null(), null(), revoked_tokens.c.id).where(
        revoked_tokens.c.id.in_(bindparam("ids", expanding=True))
    ),
)
"""In one round trip: which programmes are active, with the families asked for that stand, and which
tokens were given back."""
_WITH_CLIENT: Final = Statement(
    select(*programmes.AS_KEPT, revoked_tokens.c.id)
    .select_from(clients)
    .outerjoin(
        revoked_tokens,
        and_(
            revoked_tokens.c.client_id == clients.c.client_id,
            revoked_tokens.c.id.in_(bindparam("ids", expanding=True)),
        ),
    )
    .where(clients.c.client_id.in_(bindparam("clients", expanding=True)))
)
_VALID_REFRESH: Final = (
    select(
        refresh_tokens.c.id,
        families.c.authorized,
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
        _stands,
        _active,
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
    """What an access token of ours says; whether it opens anything, `read` tells."""

    jti: str
    authorized: Authorized
    """Whose it is and by which consent, a token does not say: of a person's, `read` adds it."""
    family: UUID | None = None
    """The person's authorization it came of; None where the programme acts under a law."""
    issued_at: datetime
    expires_at: datetime

    @property
    def id(self) -> str:
        """SHA-256 of its `jti`, hexadecimal: what it is revoked by."""
        return _hashed(self.jti)


class RefreshToken(msgspec.Struct, frozen=True, kw_only=True):
    """One refresh token that is valid at this instant."""

    id: str
    """SHA-256 of the token, hexadecimal."""
    authorized: Authorized
    family: UUID
    issued_at: datetime
    expires_at: datetime


class _KeptRefresh(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    authorized: bytes
    """JSON of an `Authorized`."""
    family: UUID
    issued_at: datetime
    expires_at: datetime


async def open_family(tx: Transaction, authorized: Authorized) -> UUID:
    """Begin a family, when a person authorizes: all tokens of that authorization are in it."""
    family = {
        "id": uuid4(),
        "client_id": authorized.client_id,
        "grant_id": authorized.grant_id,
        "authorized": msgspec.json.encode(authorized),
        "created_at": tx.now,
    }
    await tx.connection.execute(insert(families), [family])
    return UUID(str(family["id"]))


def new_access(
    authorized: Authorized,
    now: datetime,
    *,
    family: UUID | None = None,
    life: timedelta = ACCESS_LIFE,
) -> AccessToken:
    """An access token from now on. Nothing is kept of it: signed, it says itself what it is for.

    Raises:
        ValueError: it is about a person and names no family, without which it opens nothing.
    """
    if authorized.subject is not None and family is None:
        raise ValueError("a person's token is of the family that they authorized")
    return AccessToken(
        jti=secrets.token_urlsafe(JTI_BYTES),
        authorized=authorized,
        family=family,
        issued_at=now,
        expires_at=now + life,
    )


async def issue_refresh(
    tx: Transaction, client_id: str, *, family: UUID, life: timedelta = REFRESH_LIFE
) -> str:
    """Make a refresh token; kept only as its SHA-256."""
    text = secrets.token_urlsafe(REFRESH_BYTES)
    kept = {
        "id": _hashed(text),
        "client_id": client_id,
        "family": family,
        "issued_at": tx.now,
        "expires_at": tx.now + life,
    }
    await tx.connection.execute(insert(refresh_tokens), [kept])
    return text


async def read(tx: Transaction, shown: Sequence[AccessToken]) -> dict[str, AccessToken]:
    """Those of these access tokens that are valid now, by `jti`, in one query.

    Valid: not expired, neither it nor its family revoked, its programme active. Whether its
    consent still stands is decided by who discloses, under lock.
    """
    ids = {each.id: each.jti for each in shown}
    bound = {
        "ids": spread(list(ids)),
        "clients": spread(list({each.authorized.client_id for each in shown})),
        "families": spread(list({each.family for each in shown if each.family is not None})),
    }
    active, standing, revoked = set(), dict[UUID, Authorized](), set()
    for client_id, family, authorized, given_back in await tx.connection.execute(_OF_ACCESS, bound):
        if given_back is not None:
            revoked.add(ids[given_back])
        else:
            active.add(client_id)
        if family is not None:
            standing[family] = _read(authorized)
    valid = [
        each
        for each in shown
        if each.expires_at > tx.now
        and each.jti not in revoked
        and each.authorized.client_id in active
    ]
    whole = {each.jti: _whole(each, standing) for each in valid}
    return {jti: token for jti, token in whole.items() if token is not None}


async def still(tx: Transaction, shown: AccessToken) -> AccessToken | None:
    """One access token, if it is valid now."""
    return (await read(tx, [shown])).get(shown.jti)


async def given_back(
    glances: Glances, client_ids: Sequence[str], shown: Sequence[AccessToken]
) -> tuple[dict[str, Client], set[str]]:
    """These programmes as they are, and the `jti` of these tokens of theirs that were given back.

    In one query: of a token under a law, that is all there is to read.
    """
    ids = {each.id: each.jti for each in shown}
    found, revoked = dict[str, Client](), set[str]()
    for *kept, id_ in await glances.rows(_WITH_CLIENT, ids=list(ids), clients=client_ids):
        client = programmes.as_kept(*kept)
        found[client.client_id] = client
        if id_ is not None:
            revoked.add(ids[id_])
    return found, revoked


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


async def revoke_access(tx: Transaction, client_id: str, token: AccessToken) -> None:
    """Revoke one access token, if it is this programme's."""
    if token.authorized.client_id == client_id:
        row = {"id": token.id, "client_id": client_id, "expires_at": token.expires_at}
        await insert_new(tx, revoked_tokens, [row])


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
    for table in (revoked_tokens, refresh_tokens):
        gone += await bulk.remove(tx, table.c.id, table.c.expires_at < before, limit=limit)
    # As old as a refresh token may get: of a younger one, a token may be issued any moment.
    ended = families.c.created_at < before - REFRESH_LIFE
    bare = ~exists().where(refresh_tokens.c.family == families.c.id)
    return gone + await bulk.remove(tx, families.c.id, ended, bare, limit=limit)


async def _revoke(tx: Transaction, which: ColumnElement[bool]) -> int:
    done = await tx.connection.execute(
        update(families).where(which, families.c.revoked_at.is_(None)).values(revoked_at=tx.now)
    )
    return done.rowcount


def _whole(token: AccessToken, standing: Mapping[UUID, Authorized]) -> AccessToken | None:
    """The token with what it does not say itself; None if its family does not stand."""
    if token.family is None:
        return token
    of_person, part = standing.get(token.family), token.authorized
    if of_person is None or of_person.client_id != part.client_id:
        return None
    # It may be for less than was authorized.
    authorized = msgspec.structs.replace(of_person, attributes=part.attributes, scope=part.scope)
    return msgspec.structs.replace(token, authorized=authorized)


def _read(authorized: bytes) -> Authorized:
    return msgspec.json.decode(authorized, type=Authorized)


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
