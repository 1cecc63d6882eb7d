"""A relink: two approvers, a bounded list, once; sealed to the other programme alone."""

import asyncio
import json
from datetime import timedelta

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey
from msgspec.structs import replace
from sqlalchemy import update

from identity import approvals, programmes
from identity.approvals import Denied
from identity.doors import relinking
from identity.doors.relinking import By, Relinked
from identity.registry import pseudonyms
from identity.registry.foreign_identifiers import NoKey
from policies.approvals import Kind, Proposal, State, Why
from policies.staff import Role
from policies.vocabulary import Action, LegalBasis, ProgrammeId, PurposeId
from vault import access_log
from vault.log_leaf import month

ASD, AMO = ProgrammeId("asd"), ProgrammeId("amo-tadamon")
SIGNS = ECKey.generate_key("P-256", {"kid": "amo-1"})
KEY = ECKey.generate_key("P-256", {"kid": "amo-enc-1", "use": "enc"})
ISSUER = "https://amana.example"


@pytest.fixture
async def amo(begin, catalogue):
    registration = programmes.Registration(
        client_id=AMO,
        name="AMO",
        jwks={"keys": [each.as_dict(private=False) for each in (SIGNS, KEY)]},
        agreements=("amo-tadamon/enrolment",),
    )
    async with begin() as tx:
        client = await programmes.add(tx, catalogue, registration)
    assert isinstance(client, programmes.Client), client


@pytest.fixture
async def theirs(begin, keyring, person):
    """The person's identifiers at both programmes."""
    async with begin() as tx:
        found = await pseudonyms.pairwise_all(
            tx, keyring, [(ASD, person.subject), (AMO, person.subject)]
        )
    return found[ASD, person.subject], found[AMO, person.subject]


@pytest.fixture
def proposed(begin, keyring, catalogue):
    async def do(*tokens, approvers=("dpo", "controller"), embargo=None):
        async with begin() as tx:
            proposal = Proposal(
                kind=Kind.RELINK,
                proposer="desk-1",
                role=Role.OPERATOR,
                programme=ASD,
                other=AMO,
                purpose=PurposeId("registers/fraud-case"),
                basis=LegalBasis.PUBLIC_TASK,
                citation="Loi 72-18, art. 28",
                case_reference="F-2026-0042",
                tokens=tokens,
                expires_at=tx.now + timedelta(days=1),
                embargo_until=tx.now + embargo if embargo else None,
            )
            id_ = await approvals.propose(tx, keyring, catalogue, proposal)
            for role in approvers:
                await approvals.approve(tx, keyring, id_, f"{role}-1", Role(role))
        return id_

    return do


@pytest.fixture
def relink(begin, keyring, catalogue):
    async def do(id_, staff="desk-1", role=Role.OPERATOR):
        async with begin() as tx:
            by = By(staff=staff, role=role)
            return await relinking.relink(tx, keyring, catalogue, id_, by, issuer=ISSUER)

    return do


def opened(sealed):
    found = jwe.decrypt_compact(sealed, KEY, algorithms=["ECDH-ES+A256KW", "A256GCM"])
    return json.loads(found.plaintext)["sub"]


@pytest.mark.usefixtures("amo")
async def test_the_other_programme_alone_reads_its_identifier_and_the_person_sees_it(
    *, begin, keyring, person, theirs, proposed, relink
):
    asd, amo = theirs

    answer = await relink(await proposed(asd))

    assert opened(answer.sealed[asd]) == amo
    async with begin() as tx:
        line = (await access_log.of_subject(tx, keyring, person.subject, [month(tx.now)]))[0]
    assert (line.action, line.case_reference) == (Action.RELINK, "F-2026-0042")
    assert line.basis is LegalBasis.PUBLIC_TASK


@pytest.mark.usefixtures("amo")
async def test_two_relinks_of_one_person_cannot_be_compared(theirs, proposed, relink):
    asd, amo = theirs
    first, second = [(await relink(await proposed(asd))).sealed[asd] for _ in range(2)]

    assert opened(first) == opened(second) == amo
    assert not set(first.split(".")[1:]) & set(second.split(".")[1:])
    assert len(first) == len(second)


@pytest.mark.usefixtures("amo")
async def test_an_identifier_that_is_nobody_s_gives_a_seal_like_any_other(theirs, proposed, relink):
    asd, _ = theirs
    nobody = "pt1_" + "0" * 32

    answer = await relink(await proposed(asd, nobody))

    assert len(answer.sealed[nobody]) == len(answer.sealed[asd])
    assert opened(answer.sealed[nobody]).startswith("pt1_")


@pytest.mark.usefixtures("amo")
@pytest.mark.parametrize("approvers", [(), ("dpo",), ("controller",)])
async def test_with_fewer_than_two_approvers_nothing_is_linked(
    begin, theirs, proposed, relink, approvers
):
    answer = await relink(await proposed(theirs[0], approvers=approvers))

    assert answer == Denied(reasons=(Why.NOT_APPROVED, Why.APPROVALS_MISSING))
    async with begin() as tx:
        (line,) = await access_log.search(tx, access_log.Criteria(action=Action.RELINK), limit=5)
    assert line.outcome == "refused"


@pytest.mark.usefixtures("amo")
async def test_a_state_written_by_hand_is_not_believed_without_its_approvals(
    begin, theirs, proposed, relink
):
    id_ = await proposed(theirs[0], approvers=("dpo",))
    async with begin() as tx:
        await tx.connection.execute(update(approvals.proposals).values(state="approved"))

    assert await relink(id_) == Denied(reasons=(Why.APPROVALS_MISSING,))


@pytest.mark.usefixtures("amo")
async def test_of_five_who_run_it_at_once_one_does(theirs, proposed, relink):
    id_ = await proposed(theirs[0])

    answers = await asyncio.gather(*(relink(id_) for _ in range(5)))

    assert sum(isinstance(each, Relinked) for each in answers) == 1


@pytest.mark.usefixtures("amo")
@pytest.mark.parametrize(
    ("who", "why"),
    [
        (("desk-2", Role.OPERATOR), Why.FOR_SOMEBODY_ELSE),
        (("chief-1", Role.CONTROLLER), Why.NOT_APPROVED),
    ],
)
async def test_nobody_but_the_proposer_runs_it(theirs, proposed, relink, who, why):
    assert await relink(await proposed(theirs[0]), *who) == Denied(reasons=(why,))


@pytest.mark.usefixtures("amo")
async def test_an_embargoed_entry_is_in_the_log_at_once_and_shown_when_it_ends(
    *, begin, keyring, person, theirs, proposed, relink
):
    await relink(await proposed(theirs[0], embargo=timedelta(days=30)))

    async with begin() as tx:
        (line,) = await access_log.search(tx, access_log.Criteria(action=Action.RELINK), limit=5)
        for days, shown in ((0, False), (29, False), (31, True)):
            then = replace(tx, now=tx.now + timedelta(days=days))
            found = await access_log.of_subject(then, keyring, person.subject, [month(tx.now)])
            assert (line.id in {each.id for each in found}) is shown


@pytest.mark.usefixtures("amo")
@pytest.mark.parametrize("change", [{"state": "suspended"}, {"jwks": {"keys": [{"kty": "OKP"}]}}])
async def test_without_a_key_of_the_other_programme_nothing_is_used_up(
    *, begin, keyring, theirs, proposed, relink, change
):
    id_ = await proposed(theirs[0])
    async with begin() as tx:
        await tx.connection.execute(update(programmes.clients).values(**change))

    assert await relink(id_) == NoKey(recipient=AMO)
    async with begin() as tx:
        assert (await approvals.one(tx, keyring, id_)).state is State.APPROVED


async def test_a_programme_that_is_not_registered_has_no_key(theirs, proposed, relink):
    assert await relink(await proposed(theirs[0])) == NoKey(recipient=AMO)
