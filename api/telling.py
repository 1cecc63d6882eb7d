"""Tells programmes what concerns them, beside the server: signed events, pushed until they arrive.

A message is a Security Event Token (RFC 8417) signed like our access tokens, pushed as RFC 8935
says: the programme verifies it by the published keys, and answers 2xx. It may come twice. That a
session ended is told by a logout token (OpenID Connect Back-Channel Logout 1.0).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from api import observing, rounds
from api.fetching import Fetcher, Unfetched
from api.oauth import access_tokens
from api.oauth.parameters import FORM
from identity import programme_messages
from identity.programme_messages import DELIVERED, Kind, Message
from vault import database as db
from vault import signing
from vault.database import Database
from vault.keyring import Keyring
from vault.signing import SigningKey

PAUSE_SECONDS: Final = 10.0
KIND: Final = "application/secevent+jwt"
TYP: Final = "secevent+jwt"
EVENT: Final = "urn:amana:event:"
LOGOUT_TYP: Final = "logout+jwt"
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_LIFE_SECONDS: Final = 120
"""Section 2.4: two minutes at most. Each attempt makes a new one."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 8417 §2.2: no `exp`, and a `typ` of its own, so that it is never taken for a token."""

    iss: str
    aud: str
    iat: int
    jti: str
    events: dict[str, dict[str, Any]]


class LogoutToken(Event, frozen=True, kw_only=True):
    """Section 2.4: by `sid` alone, which only this programme knows; no `nonce`, no `sub`."""

    exp: int
    sid: str


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it is sent."""

    body: bytes
    kind: str


async def tell_all(database: Database, keyring: Keyring, fetcher: Fetcher, issuer: str) -> int:
    """One round: what there is to say, and all that is due; how many attempts were made."""
    async with db.begin(database) as tx:
        await programme_messages.warn(tx)
        due = await programme_messages.due(tx)
    for each in due:
        async with db.begin(database) as tx:
            turn = await programme_messages.try_now(tx, each)
            key = await signing.active(tx, keyring, "token")
        if turn is None:
            continue
        # No transaction is open while we wait for somebody else's server.
        said = _said(key, turn.message, issuer)
        answer = await fetcher.post(turn.url, said.body, said.kind)
        outcome = answer.value if isinstance(answer, Unfetched) else DELIVERED
        observing.logger.info("told", client=turn.message.client_id, outcome=outcome)
        async with db.begin(database) as tx:
            await programme_messages.tried(tx, turn.message, outcome)
    return len(due)


@asynccontextmanager
async def telling(
    database: Database, keyring: Keyring, fetcher: Fetcher, issuer: str
) -> AsyncIterator[None]:
    """Tell beside the block."""

    async def work() -> float:
        await tell_all(database, keyring, fetcher, issuer)
        return PAUSE_SECONDS

    async with rounds.beside("telling", work):
        yield


def _said(key: SigningKey, message: Message, issuer: str) -> Said:
    if message.kind is Kind.SIGNED_OUT:
        token = access_tokens.signed(key, _logout(message, issuer), LOGOUT_TYP)
        return Said(body=urlencode({"logout_token": token}).encode(), kind=FORM)
    return Said(body=access_tokens.signed(key, _event(message, issuer), TYP).encode(), kind=KIND)


def _logout(message: Message, issuer: str) -> LogoutToken:
    now = int(db.instant().timestamp())
    return LogoutToken(
        iss=issuer,
        aud=message.client_id,
        iat=now,
        exp=now + LOGOUT_LIFE_SECONDS,
        jti=str(message.id),
        events={LOGOUT_EVENT: {}},
        sid=message.facts["sid"],
    )


def _event(message: Message, issuer: str) -> Event:
    return Event(
        iss=issuer,
        aud=message.client_id,
        iat=int(message.created_at.timestamp()),
        jti=str(message.id),
        events={EVENT + message.kind: message.facts},
    )
