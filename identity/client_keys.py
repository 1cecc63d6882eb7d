"""The keys of registered programmes over time: added, ended at a date, read from their address.

A new key is good beside the older one until the older one ends, so that nothing is refused
while a programme changes over. The last good set of an address is kept while it does not answer.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import or_, select, update

from identity import programme_keys, programmes
from identity.programmes import Client, Unacceptable, clients
from vault.database import Transaction, fetch_all

RETRY_AFTER: Final = timedelta(minutes=1)
"""An address is read once in this time at most, whoever asks and however often."""
FRESH_FOR: Final = timedelta(minutes=15)
"""A set is read anew this often where nothing asks for it."""
STALE_AFTER: Final = timedelta(days=1)
"""From then on the agency is warned: a key that the programme withdrew may still be good here."""
WARN_BEFORE: Final = (timedelta(days=30), timedelta(days=7), timedelta(days=1))
"""How long before a key ends its programme is told."""


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """A key that ends soon."""

    kid: str
    at: datetime
    last: bool
    """No other key to sign with is left then."""


class ToRead(msgspec.Struct, frozen=True, kw_only=True):
    """An address whose keys may be read now."""

    client_id: str
    jwks_uri: str
    jwks_at: datetime | None


async def add(tx: Transaction, client_id: str, jwk: dict[str, Any]) -> Client | Unacceptable:
    """Let a programme use one more key, from now on."""
    client = await _changeable(tx, client_id)
    if isinstance(client, Unacceptable):
        return client
    return await _keep(tx, client, {"keys": [*client.keys(tx.now)["keys"], jwk]})


async def end(tx: Transaction, client_id: str, kid: str, at: datetime) -> Client | Unacceptable:
    """Let one of its keys be good until then and no longer."""
    client = await _changeable(tx, client_id)
    if isinstance(client, Unacceptable):
        return client
    keys = client.keys(tx.now)["keys"]
    if kid not in {key["kid"] for key in keys}:
        return Unacceptable(problems=("it has no such key",))
    if at < tx.now:
        return Unacceptable(problems=("that moment is over",))
    # Rounded up: a moment asked for is not cut short.
    until = int(at.timestamp()) + 1
    ended = {"keys": [key | {"exp": until} if key["kid"] == kid else key for key in keys]}
    if not programme_keys.signs(programme_keys.current(ended, at + timedelta(seconds=1))):
        return Unacceptable(problems=("no key to sign with would be left: add one first",))
    return await _keep(tx, client, ended)


def endings(client: Client, now: datetime) -> Iterator[Ending]:
    """The keys that end soon."""
    for kid, at in programme_keys.ends(client.keys(now)):
        if at - now <= max(WARN_BEFORE):
            yield Ending(kid=kid, at=at, last=not programme_keys.signs(client.keys(at)))


def is_stale(client: Client, now: datetime) -> bool:
    """Whether the keys at its address could not be read for long."""
    known_at = client.jwks_at or client.created_at
    return client.jwks_uri is not None and now - known_at > STALE_AFTER


async def to_read(tx: Transaction) -> list[ToRead]:
    """The addresses that may be read: none that was tried within the minute."""
    query = select(clients.c.client_id, clients.c.jwks_uri, clients.c.jwks_at).where(
        clients.c.jwks_uri.is_not(None), _may_try(tx)
    )
    return await fetch_all(tx, query, ToRead)


async def try_now(tx: Transaction, client_id: str) -> bool:
    """Take the turn to read an address; False if another process has it, or had it just now."""
    done = await tx.connection.execute(
        update(clients)
        .where(clients.c.client_id == client_id, _may_try(tx))
        .values(jwks_tried_at=tx.now)
    )
    return done.rowcount == 1


async def found(tx: Transaction, client_id: str, jwks_uri: str, jwks: dict[str, Any]) -> None:
    """Keep the set that an address gave."""
    await tx.connection.execute(
        update(clients)
        .where(clients.c.client_id == client_id, clients.c.jwks_uri == jwks_uri)
        .values(jwks=jwks, jwks_at=tx.now, jwks_failure=None)
    )


async def failed(tx: Transaction, client_id: str, why: str) -> None:
    """Note that an address gave nothing; the last good set stays."""
    await tx.connection.execute(
        update(clients).where(clients.c.client_id == client_id).values(jwks_failure=why)
    )


def _may_try(tx: Transaction) -> Any:
    tried = clients.c.jwks_tried_at
    return or_(tried.is_(None), tried <= tx.now - RETRY_AFTER)


async def _changeable(tx: Transaction, client_id: str) -> Client | Unacceptable:
    client = await programmes.locked(tx, client_id)
    if client is None:
        return Unacceptable(problems=("there is no such programme",))
    if client.jwks_uri is not None:
        return Unacceptable(problems=("its keys are read from its address: change them there",))
    return client


async def _keep(tx: Transaction, client: Client, jwks: dict[str, Any]) -> Client | Unacceptable:
    if problems := tuple(programme_keys.problems(jwks, client.alg)):
        return Unacceptable(problems=problems)
    await tx.connection.execute(
        update(clients).where(clients.c.client_id == client.client_id).values(jwks=jwks)
    )
    return msgspec.structs.replace(client, jwks=jwks)
