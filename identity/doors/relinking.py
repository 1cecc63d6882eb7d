"""One programme's identifiers, linked to another's: never readable by the one who carries them.

For a case of fraud, on a law, approved by two others than the proposer, for a bounded list,
once. Each result is sealed anew to the other programme's key: whoever asked can neither read
it nor tell by it whether two results name one person.
"""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

import msgspec
from joserfc import jwe
from joserfc.jwk import ECKey

from identity import approvals, programmes
from identity.approvals import Denied
from identity.doors import wrong_answers
from identity.registry import pseudonyms
from policies.approvals import Kind, Proposal, Use, Why
from policies.staff import TERMS, Duty, Role, may
from policies.vocabulary import Actor, ActorKind, Outcome, ProgrammeId, StaffId, SubjectId
from vault import access_log, log_embargoes
from vault.access_log import Line
from vault.database import Transaction
from vault.keyring import Keyring

ALGORITHMS: Final = ("ECDH-ES+A256KW", "A256GCM")
"""RFC 7518 §4.6 and §5.3: an ephemeral key for each result."""


class NoKey(msgspec.Struct, frozen=True, kw_only=True):
    """The other programme has no key that can be sealed to. Nothing was done."""


class Relinked(msgspec.Struct, frozen=True, kw_only=True):
    """Identifier → the other programme's, sealed for it (JWE, compact)."""

    sealed: dict[str, str]


async def relink(
    tx: Transaction, keyring: Keyring, approval: UUID, staff: StaffId, role: Role
) -> Relinked | Denied | NoKey:
    """Do what was approved, whole, once. Each person has an entry, shown when the embargo ends."""
    listed = await approvals.one(tx, keyring, approval)
    if listed is None or not may(role, Duty.RELINK):
        unknown = Denied(reasons=(Why.NOT_APPROVED,))
        return await _denied(tx, keyring, approval, staff, unknown)
    key = await _key(tx, listed.held.proposal)
    if key is None:
        return NoKey()
    asked = listed.held.proposal
    wanted = Use(
        kind=Kind.RELINK,
        staff=staff,
        programme=asked.programme,
        purpose=asked.purpose,
        case_reference=asked.case_reference,
        tokens=asked.tokens,
    )
    used = await approvals.use(tx, keyring, approval, wanted)
    if isinstance(used, Denied):
        return await _denied(tx, keyring, approval, staff, used)
    return await _relinked(tx, keyring, approval, used, key)


def seal(token: str, key: ECKey) -> str:
    """An identifier as only its programme can read it; different each time (RFC 7516)."""
    alg, enc = ALGORITHMS
    header = {"alg": alg, "enc": enc, "kid": key.kid}
    return jwe.encrypt_compact(header, token, key, algorithms=list(ALGORITHMS))


async def _relinked(
    tx: Transaction, keyring: Keyring, approval: UUID, used: Proposal, key: ECKey
) -> Relinked:
    named = [(used.programme, token) for token in used.tokens]
    subjects = await pseudonyms.resolve_all(tx, keyring, named)
    other = used.other or used.programme
    people = [(other, subject) for subject in dict.fromkeys(subjects.values())]
    issued = await pseudonyms.pairwise_all(tx, keyring, people)
    line = Line(
        actor=Actor(kind=ActorKind.STAFF, id=used.proposer),
        action=TERMS[Duty.RELINK].action,
        outcome=Outcome.GIVEN,
        purpose=used.purpose,
        basis=used.basis,
        case_reference=used.case_reference,
        detail=f"{used.programme} {other} {approval}",
    )
    lines = [msgspec.structs.replace(line, subject=subject) for _, subject in people]
    entries = await access_log.record(tx, keyring, lines)
    if used.embargo_until is not None:
        await log_embargoes.hold(tx, entries, used.embargo_until)
    # Whoever is not on record gets a seal too, of an identifier that is nobody's.
    return Relinked(
        sealed={
            token: seal(_token(keyring, named_, subjects, issued, other), key)
            for token, named_ in zip(used.tokens, named, strict=True)
        }
    )


def _token(
    keyring: Keyring,
    named: pseudonyms.Named,
    subjects: Mapping[pseudonyms.Named, SubjectId],
    issued: Mapping[pseudonyms.Person, str],
    other: ProgrammeId,
) -> str:
    subject = subjects.get(named)
    if subject is None:
        nobody = SubjectId(wrong_answers.nobody(keyring, named[1]))
        return pseudonyms.mint(keyring, (other, nobody), 0)
    return issued[other, subject]


async def _key(tx: Transaction, proposal: Proposal) -> ECKey | None:
    """The other programme's registered key, if one can be agreed with."""
    client = (await programmes.read(tx, [str(proposal.other)])).get(str(proposal.other))
    if client is None or not client.active:
        return None
    keys = [each for each in client.jwks["keys"] if each.get("kty") == "EC"]
    if not keys:
        return None
    public = {name: keys[0][name] for name in ("kty", "crv", "x", "y", "kid")}
    return ECKey.import_key(public)


async def _denied(
    tx: Transaction, keyring: Keyring, approval: UUID, staff: StaffId, why: Denied
) -> Denied:
    line = Line(
        actor=Actor(kind=ActorKind.STAFF, id=staff),
        action=TERMS[Duty.RELINK].action,
        outcome=Outcome.REFUSED,
        purpose=TERMS[Duty.RELINK].purpose,
        reasons=tuple(map(str, why.reasons)),
        detail=str(approval),
    )
    await access_log.record(tx, keyring, [line])
    return why
