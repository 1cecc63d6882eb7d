"""A programme's own old identifiers for its new ones, after a rotation: signed, counted, logged.

The mapping is one audience's own, so it links nothing to anybody else's. What is unknown,
another's, reset or retired is told alike. Asked again, the answer is the same.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from identity.registry import pseudonyms
from policies.vocabulary import Action, Actor, ActorKind, Audience, Outcome, ProgrammeId, SubjectId
from vault import access_log, jwk, signing
from vault.access_log import Line
from vault.database import Transaction
from vault.keyring import Keyring

MOST: Final = 500
"""Identifiers per exchange: one statement's worth, and a body that is read at once."""
TYPE: Final = "pairwise-exchange+jwt"
"""The `typ` of the mapping's header: no other signature of ours passes for one (RFC 8725 §3.11)."""


class Exchanged(msgspec.Struct, frozen=True, kw_only=True):
    """Old identifier → new one, and the texts that name nobody here."""

    mapping: dict[str, str]
    unknown: tuple[str, ...]
    at: datetime


class _Statement(msgspec.Struct, frozen=True, kw_only=True):
    iss: str
    aud: str
    iat: int
    mapping: dict[str, str]
    unknown: int


async def exchange(
    tx: Transaction,
    keyring: Keyring,
    audience: Audience,
    by: ProgrammeId,
    tokens: Sequence[str],
) -> Exchanged:
    """The identifiers of the active version for these. The old ones name until they are retired."""
    found = await pseudonyms.resolve(tx, keyring, audience, tokens)
    issued = await pseudonyms.pairwise(tx, keyring, audience, list(found.values()))
    done = Exchanged(
        mapping={token: issued[found[token]] for token in tokens if token in found},
        unknown=tuple(dict.fromkeys(token for token in tokens if token not in found)),
        at=tx.now,
    )
    line = Line(
        actor=Actor(kind=ActorKind.PROGRAMME, id=by),
        action=Action.EXCHANGE,
        outcome=Outcome.GIVEN,
        detail=f"exchanged {len(done.mapping)}, unknown {len(done.unknown)}",
    )
    await access_log.record(tx, keyring, [line])
    return done


async def signed(
    tx: Transaction, keyring: Keyring, done: Exchanged, *, issuer: str, programme: ProgrammeId
) -> str:
    """The mapping as a compact JWS (RFC 7515) under the key of receipts: proof for a migration."""
    key = await signing.active(tx, keyring, "receipt")
    header = {"alg": key.alg, "kid": key.kid, "typ": TYPE}
    statement = _Statement(
        iss=issuer,
        aud=programme,
        iat=int(done.at.timestamp()),
        mapping=done.mapping,
        unknown=len(done.unknown),
    )
    said = ".".join(jwk.base64url(msgspec.json.encode(part)) for part in (header, statement))
    return f"{said}.{jwk.base64url(key.sign(said.encode()))}"


async def renumber(
    tx: Transaction, keyring: Keyring, audience: Audience, subject: SubjectId
) -> None:
    """Give a person who asks for it a new identifier at an audience, with a line in their history.

    The one before names nobody any more. The programme is not told which new one it was.
    """
    await pseudonyms.reset(tx, keyring, audience, subject)
    line = Line(
        actor=Actor(kind=ActorKind.CITIZEN, id="self"),
        action=Action.RENUMBER,
        outcome=Outcome.GIVEN,
        subject=subject,
        detail=audience,
    )
    await access_log.record(tx, keyring, [line])
