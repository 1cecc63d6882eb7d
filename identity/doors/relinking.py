"""One programme's identifiers, linked to another's: never readable by the one who carries them.

For a case of fraud, on a law, approved by two others than the proposer, for a bounded list,
once. Each result is sealed anew to the other programme's key: whoever asked can neither read
it nor tell by it whether two results name one person.
"""

from uuid import UUID

import msgspec

from identity import approvals
from identity.approvals import Denied
from identity.doors import wrong_answers
from identity.registry import foreign_identifiers, pseudonyms
from identity.registry.foreign_identifiers import Carried, NoKey, Sealer
from policies.approvals import Kind, Proposal, Use, Why
from policies.catalogue import Catalogue
from policies.staff import TERMS, Duty, Role, may
from policies.vocabulary import Actor, ActorKind, Audience, Outcome, StaffId, SubjectId
from vault import access_log, log_embargoes
from vault.access_log import Line
from vault.database import Transaction
from vault.keyring import Keyring


class By(msgspec.Struct, frozen=True, kw_only=True):
    """Which member of staff does it."""

    staff: StaffId
    role: Role


class Relinked(msgspec.Struct, frozen=True, kw_only=True):
    """Identifier → the other programme's, sealed for it (JWE, compact)."""

    sealed: dict[str, str]


async def relink(
    tx: Transaction, keyring: Keyring, catalogue: Catalogue, approval: UUID, by: By, *, issuer: str
) -> Relinked | Denied | NoKey:
    """Do what was approved, whole, once. Each person has an entry, shown when the embargo ends.

    `issuer` is ours, as the recipient knows it.
    """
    listed = await approvals.one(tx, keyring, approval)
    if listed is None or not may(by.role, Duty.RELINK):
        unknown = Denied(reasons=(Why.NOT_APPROVED,))
        return await _denied(tx, keyring, approval, by.staff, unknown)
    asked = listed.held.proposal
    sealer = await foreign_identifiers.sealer(tx, _carried(asked), issuer)
    if isinstance(sealer, NoKey):
        return sealer
    wanted = Use(
        kind=Kind.RELINK,
        staff=by.staff,
        programme=asked.programme,
        purpose=asked.purpose,
        case_reference=asked.case_reference,
        tokens=asked.tokens,
    )
    used = await approvals.use(tx, keyring, approval, wanted)
    if isinstance(used, Denied):
        return await _denied(tx, keyring, approval, by.staff, used)
    people = await pseudonyms.resolve(
        tx, keyring, catalogue.audience(used.programme), list(used.tokens)
    )
    await _log(tx, keyring, approval, used, list(dict.fromkeys(people.values())))
    other = catalogue.audience(sealer.carried.recipient)
    known = {token: people.get(token) for token in used.tokens}
    return Relinked(sealed=await _sealed(tx, keyring, other, known, sealer))


async def _sealed(
    tx: Transaction,
    keyring: Keyring,
    other: Audience,
    people: dict[str, SubjectId | None],
    sealer: Sealer,
) -> dict[str, str]:
    issued = await pseudonyms.pairwise(tx, keyring, other, list(filter(None, people.values())))
    # Whoever is not on record gets a seal too, of an identifier that is nobody's.
    turn = (keyring.versions("pairwise").active, 0)

    def theirs(token: str, person: SubjectId | None) -> str:
        if person is not None:
            return issued[person]
        nobody = SubjectId(wrong_answers.nobody(keyring, token))
        return pseudonyms.mint(keyring, (other, nobody), turn)

    return {token: sealer.seal(theirs(token, person)) for token, person in people.items()}


async def _log(
    tx: Transaction, keyring: Keyring, approval: UUID, used: Proposal, people: list[SubjectId]
) -> None:
    line = Line(
        actor=Actor(kind=ActorKind.STAFF, id=used.proposer),
        action=TERMS[Duty.RELINK].action,
        outcome=Outcome.GIVEN,
        purpose=used.purpose,
        basis=used.basis,
        case_reference=used.case_reference,
        detail=f"{used.programme} {used.other} {approval}",
    )
    lines = [msgspec.structs.replace(line, subject=subject) for subject in people]
    entries = await access_log.record(tx, keyring, lines or [line])
    if used.embargo_until is not None:
        await log_embargoes.hold(tx, entries, used.embargo_until)


def _carried(proposal: Proposal) -> Carried:
    return Carried(
        carrier=proposal.programme,
        recipient=proposal.other or proposal.programme,
        purpose=proposal.purpose,
        case_reference=proposal.case_reference,
    )


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
