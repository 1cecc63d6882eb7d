"""Another programme's identifier for a person, for one programme to carry and not to read.

A JWE (RFC 7516) to the recipient's registered key, made afresh each time: who carries two
of them cannot tell whether they are one person's. Every one is as long as any other for the
same recipient and purpose. Whether one may be made at all is decided by who calls.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import msgspec
from joserfc import jwe
from joserfc.jwk import ECKey

from identity import programme_keys, programmes
from identity.registry import pseudonyms
from policies.catalogue import Catalogue
from policies.vocabulary import (
    Action,
    Actor,
    ActorKind,
    Outcome,
    ProgrammeId,
    PurposeId,
    SubjectId,
)
from vault import access_log
from vault.access_log import Line
from vault.database import Transaction
from vault.keyring import Keyring

TYPE: Final = "foreign-identifier+jwt"
ENCRYPTION: Final = "A256GCM"
LIFE: Final = timedelta(days=7)
"""Long enough for a file that is carried over by night, too short to be kept as a name."""
BLOCK: Final = 512
"""Octets that what is said is filled up to."""


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """Who carries whose identifiers, to whom, for what."""

    carrier: ProgrammeId
    recipient: ProgrammeId
    purpose: PurposeId
    case_reference: str | None = None


class NoKey(msgspec.Struct, frozen=True, kw_only=True):
    """The recipient is not registered, is suspended, or has registered no key to seal to."""

    recipient: ProgrammeId


class _Said(msgspec.Struct, frozen=True, kw_only=True):
    iss: str
    aud: str
    via: str
    """Who carries it: the recipient takes it from nobody else."""
    sub: str
    purpose: str
    iat: int
    exp: int
    jti: str


class Sealer(msgspec.Struct, frozen=True, kw_only=True):
    """Seals identifiers to their recipient, each time anew."""

    carried: Carried
    issuer: str
    key: dict[str, Any]
    at: int
    """Seconds since the epoch."""

    def seal(self, token: str) -> str:
        """One identifier of the recipient's, as it alone can read it."""
        said = _Said(
            iss=self.issuer,
            aud=self.carried.recipient,
            via=self.carried.carrier,
            sub=token,
            purpose=self.carried.purpose,
            iat=self.at,
            exp=self.at + int(LIFE.total_seconds()),
            jti=uuid4().hex,
        )
        return _sealed(self.key, said)


async def sealer(tx: Transaction, carried: Carried, issuer: str) -> Sealer | NoKey:
    """What seals to the recipient's key; that each person's history has it is the caller's duty."""
    client = (await programmes.read(tx, [carried.recipient])).get(carried.recipient)
    key = programme_keys.to_seal_to(client.keys(tx.now)) if client and client.active else None
    if key is None:
        return NoKey(recipient=carried.recipient)
    return Sealer(carried=carried, issuer=issuer, key=key, at=int(tx.now.timestamp()))


async def foreign(
    tx: Transaction,
    keyring: Keyring,
    catalogue: Catalogue,
    carried: Carried,
    subjects: Sequence[SubjectId],
    *,
    issuer: str,
) -> dict[SubjectId, str] | NoKey:
    """Each person's identifier at the recipient, sealed to it. Each is in the person's history."""
    found = await sealer(tx, carried, issuer)
    if isinstance(found, NoKey):
        return found
    audience = catalogue.audience(carried.recipient)
    issued = await pseudonyms.pairwise(tx, keyring, audience, subjects)
    await access_log.record(tx, keyring, [_line(carried, subject) for subject in issued])
    return {subject: found.seal(token) for subject, token in issued.items()}


def _sealed(key: dict[str, Any], said: _Said) -> str:
    header = {
        "alg": programme_keys.SEALING_ALG,
        "enc": ENCRYPTION,
        "kid": key["kid"],
        "typ": TYPE,
    }
    text = msgspec.json.encode(said)
    filled = text.ljust(-(-len(text) // BLOCK) * BLOCK)  # JSON may end in spaces (RFC 8259 §2)
    return jwe.encrypt_compact(header, filled, ECKey.import_key(key))


def _line(carried: Carried, subject: SubjectId) -> Line:
    return Line(
        actor=Actor(kind=ActorKind.PROGRAMME, id=carried.carrier),
        action=Action.EXCHANGE,
        outcome=Outcome.GIVEN,
        subject=subject,
        purpose=carried.purpose,
        case_reference=carried.case_reference,
        detail=f"sealed to {carried.recipient}",
    )
