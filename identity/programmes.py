"""Registered programmes: the keys they sign with, where answers may go, what they may ask under."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import (
    JSON,
    Column,
    String,
    Table,
    Text,
    bindparam,
    cast,
    insert,
    select,
    update,
)

from identity import addresses, programme_keys
from identity.programme_keys import Alg
from policies.catalogue import Catalogue
from policies.vocabulary import AgreementId, ProgrammeId
from vault.database import (
    Instant,
    Transaction,
    fetch_all,
    fetch_one,
    metadata,
    spread,
)
from vault.glances import Glances, Statement

__all__ = [
    "AS_KEPT",
    "Alg",
    "AuthMethod",
    "Client",
    "ClientState",
    "Registration",
    "Unacceptable",
    "add",
    "as_kept",
    "everyone",
    "is_still",
    "locked",
    "read",
    "resume",
    "seen",
    "suspend",
]

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})

clients: Final = Table(
    "clients",
    metadata,
    Column("client_id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("jwks", JSON, nullable=False),
    Column("redirect_uris", JSON, nullable=False),
    Column("agreements", JSON, nullable=False),
    Column("alg", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("jwks_uri", Text),
    Column("jwks_at", Instant),
    Column("jwks_tried_at", Instant),
    Column("jwks_failure", String(32)),
    Column("notify_url", Text),
    Column("post_logout_redirect_uris", JSON, nullable=False, server_default="[]"),
    Column("backchannel_logout_uri", Text),
    Column("auth_method", String(32), nullable=False, server_default="private_key_jwt"),
    Column("tls_client_auth_subject_dn", Text),
    Column("tls_client_auth_san_dns", Text),
)
_CLIENTS: Final = select(
    clients.c.client_id,
    clients.c.name,
    clients.c.jwks,
    clients.c.redirect_uris,
    clients.c.agreements,
    clients.c.alg,
    clients.c.state,
    clients.c.created_at,
    clients.c.jwks_uri,
    clients.c.jwks_at,
    clients.c.jwks_tried_at,
    clients.c.jwks_failure,
    clients.c.notify_url,
    clients.c.post_logout_redirect_uris,
    clients.c.backchannel_logout_uri,
    clients.c.auth_method,
    clients.c.tls_client_auth_subject_dn,
    clients.c.tls_client_auth_san_dns,
)
AS_KEPT: Final = [
    cast(column, Text).label(column.name) if isinstance(column.type, JSON) else column
    for column in _CLIENTS.selected_columns
]
"""The columns of a client; what is JSON comes as it is kept, for `as_kept`."""
_BY_ID: Final = select(*AS_KEPT).where(clients.c.client_id.in_(bindparam("ids", expanding=True)))

_SEEN: Final = Statement(_BY_ID)


class ClientState(StrEnum):
    """Whether a programme may use the service."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class AuthMethod(StrEnum):
    """How a programme says who it is: exactly one way, the registered one."""

    PRIVATE_KEY_JWT = "private_key_jwt"
    TLS = "tls_client_auth"
    """By a certificate of an authority that we trust, with its name in it (RFC 8705 §2.1)."""
    SELF_SIGNED_TLS = "self_signed_tls_client_auth"
    """By a certificate that stands among its keys (RFC 8705 §2.2)."""


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """One registered programme. Its client id is its programme id."""

    client_id: ProgrammeId
    name: str
    jwks: dict[str, Any]
    """Public keys (RFC 7517), each with a `kid` of its own; those of `jwks_uri` as last read."""
    redirect_uris: tuple[str, ...]
    agreements: tuple[AgreementId, ...]
    alg: Alg
    """The one algorithm its assertions are signed with."""
    state: ClientState
    created_at: datetime
    jwks_uri: str | None = None
    """Where the programme publishes its keys, if it does not register them one by one."""
    jwks_at: datetime | None = None
    """When they were last read and good."""
    jwks_tried_at: datetime | None = None
    jwks_failure: str | None = None
    """Why the last look brought nothing."""
    notify_url: str | None = None
    """Where it is told of what concerns it, such as the end of a key."""
    post_logout_redirect_uris: tuple[str, ...] = ()
    """Where a browser may go once its citizen signed out (OpenID Connect RP-Initiated Logout)."""
    backchannel_logout_uri: str | None = None
    """Where it is told that a session ended (OpenID Connect Back-Channel Logout)."""
    auth_method: AuthMethod = AuthMethod.PRIVATE_KEY_JWT
    tls_client_auth_subject_dn: str | None = None
    """Subject of its certificate (RFC 4514), or"""
    tls_client_auth_san_dns: str | None = None
    """a DNS name in it: exactly one of the two, where that is how it says who it is."""

    @property
    def programme(self) -> ProgrammeId:
        """The programme of the catalogue that it is."""
        return self.client_id

    @property
    def active(self) -> bool:
        """Whether it may use the service."""
        return self.state is ClientState.ACTIVE

    def keys(self, now: datetime) -> dict[str, Any]:
        """The keys that are good at this moment."""
        return programme_keys.current(self.jwks, now)


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """A programme as somebody asks for it to be registered."""

    client_id: ProgrammeId
    name: str
    jwks: dict[str, Any] | None = None
    """None where `jwks_uri` says where the keys are."""
    redirect_uris: tuple[str, ...] = ()
    agreements: tuple[AgreementId, ...]
    alg: Alg = "ES256"
    jwks_uri: str | None = None
    notify_url: str | None = None
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str | None = None
    auth_method: AuthMethod = AuthMethod.PRIVATE_KEY_JWT
    tls_client_auth_subject_dn: str | None = None
    tls_client_auth_san_dns: str | None = None


class Unacceptable(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is wrong with a registration, each in a sentence. Nothing was written."""

    problems: tuple[str, ...]


async def add(
    tx: Transaction, catalogue: Catalogue, registration: Registration
) -> Client | Unacceptable:
    """Register a programme, or say everything that is wrong with the registration."""
    problems = list(_problems(catalogue, registration))
    if registration.client_id in await read(tx, [registration.client_id]):
        problems.append("a programme with this id is registered already")
    if problems:
        return Unacceptable(problems=tuple(problems))
    client = Client(
        client_id=registration.client_id,
        name=registration.name,
        jwks=registration.jwks or {"keys": []},
        redirect_uris=registration.redirect_uris,
        agreements=registration.agreements,
        alg=registration.alg,
        state=ClientState.ACTIVE,
        created_at=tx.now,
        jwks_uri=registration.jwks_uri,
        notify_url=registration.notify_url,
        post_logout_redirect_uris=registration.post_logout_redirect_uris,
        backchannel_logout_uri=registration.backchannel_logout_uri,
        auth_method=registration.auth_method,
        tls_client_auth_subject_dn=registration.tls_client_auth_subject_dn,
        tls_client_auth_san_dns=registration.tls_client_auth_san_dns,
    )
    await tx.connection.execute(insert(clients), [msgspec.structs.asdict(client)])
    return client


async def read(tx: Transaction, ids: Sequence[str]) -> dict[str, Client]:
    """These clients, active or not; unknown ids are left out."""
    return _by_id(await tx.connection.execute(_BY_ID, {"ids": spread(ids)}))


@lru_cache(maxsize=256)  # whoever asks is read each time, and is mostly as they were
def as_kept(*kept: Any) -> Client:
    """A client by its columns `AS_KEPT`."""
    said = {
        str(column.name): json.loads(value) if isinstance(column.type, JSON) else value
        for column, value in zip(_CLIENTS.selected_columns, kept, strict=True)
    }
    return msgspec.convert(said, Client, builtin_types=(datetime,))


async def seen(glances: Glances, ids: Sequence[str]) -> dict[str, Client]:
    """The same at a glance."""
    return _by_id(await glances.rows(_SEEN, ids=ids))


def _by_id(rows: Iterable[Sequence[Any]]) -> dict[str, Client]:
    found = [as_kept(*row) for row in rows]
    return {client.client_id: client for client in found}


async def is_still(tx: Transaction, client: Client) -> bool:
    """Whether a client is as it was read once."""
    return (await read(tx, [client.client_id])).get(client.client_id) == client


async def locked(tx: Transaction, client_id: str) -> Client | None:
    """One client, whose row nobody else changes before this transaction ends."""
    query = _CLIENTS.where(clients.c.client_id == client_id).with_for_update()
    return await fetch_one(tx, query, Client)


async def everyone(tx: Transaction) -> list[Client]:
    """All registered programmes, by id."""
    return await fetch_all(tx, _CLIENTS.order_by(clients.c.client_id), Client)


async def suspend(tx: Transaction, client_id: str) -> bool:
    """Stop a programme at once: its tokens open nothing. False if it is not active."""
    return await _turn(tx, client_id, ClientState.ACTIVE, ClientState.SUSPENDED)


async def resume(tx: Transaction, client_id: str) -> bool:
    """Let a suspended programme go on. False if it is not suspended."""
    return await _turn(tx, client_id, ClientState.SUSPENDED, ClientState.ACTIVE)


async def _turn(tx: Transaction, client_id: str, before: ClientState, after: ClientState) -> bool:
    done = await tx.connection.execute(
        update(clients)
        .where(clients.c.client_id == client_id, clients.c.state == before.value)
        .values(state=after.value)
    )
    return done.rowcount == 1


def _problems(catalogue: Catalogue, registration: Registration) -> Iterator[str]:
    if registration.client_id not in catalogue.programmes:
        yield "the id is not one of a programme in the catalogue"
    if not registration.agreements:
        yield "there is no agreement"
    for id_ in registration.agreements:
        agreement = catalogue.agreements.get(id_)
        if agreement is None or agreement.programme != registration.client_id:
            yield f"{id_} is not an agreement of this programme"
    for uri in (*registration.redirect_uris, *registration.post_logout_redirect_uris):
        yield from _problems_of_uri(uri)
    called = (registration.jwks_uri, registration.notify_url, registration.backchannel_logout_uri)
    for url in filter(None, called):
        if problem := addresses.problem_of(url):
            yield problem
    if registration.jwks_uri and registration.jwks:
        yield "keys are registered, or read from an address: not both"
    yield from _problems_of_method(registration)
    if not registration.jwks_uri and (registration.jwks or _needs_keys(registration)):
        yield from programme_keys.problems(registration.jwks or {}, registration.alg)


def _needs_keys(registration: Registration) -> bool:
    return registration.auth_method is not AuthMethod.TLS


def _problems_of_method(registration: Registration) -> Iterator[str]:
    names = (registration.tls_client_auth_subject_dn, registration.tls_client_auth_san_dns)
    given = sum(name is not None for name in names)
    match registration.auth_method:
        case AuthMethod.TLS if given != 1:
            yield "tls_client_auth needs one name: the certificate's subject, or a DNS name in it"
        case AuthMethod.PRIVATE_KEY_JWT | AuthMethod.SELF_SIGNED_TLS if given:
            yield "the name of a certificate is for tls_client_auth alone"
    by_own = registration.auth_method is AuthMethod.SELF_SIGNED_TLS
    if by_own and registration.jwks and not programme_keys.certifies(registration.jwks):
        yield "self_signed_tls_client_auth needs a certificate (x5c) with a key"


def _problems_of_uri(uri: str) -> Iterator[str]:
    """Exact, https, http on this machine alone (RFC 9700 §4.1, FAPI 2.0 §5.3.2, RFC 8252 §7.3)."""
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname or "", parts.port  # reading the port checks it
    except ValueError:
        yield f"{uri!r} is not a URI"
        return
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
        yield f"{uri!r} is neither https nor http on a loopback address"
    if not host or "*" in host or "@" in parts.netloc:
        yield f"{uri!r} has no plain host"
    if not uri.isascii() or not uri.isprintable() or " " in uri or "\\" in uri:
        yield f"{uri!r} is not a plain address"
    if ".." in parts.path:
        yield f"{uri!r} has a dot segment"
    if "#" in uri:
        yield f"{uri!r} has a fragment"
