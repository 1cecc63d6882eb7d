"""Proposals and approvals as they are kept: two at once, a no, nothing in the clear."""

import asyncio
from datetime import timedelta
from uuid import UUID

import msgspec
from sqlalchemy import func, select

from identity import approvals
from identity.approvals import Denied
from policies import retention
from policies.approvals import Kind, Proposal, State, Why
from policies.staff import Role
from policies.vocabulary import Action, LegalBasis, ProgrammeId, PurposeId
from vault import access_log

ASD = ProgrammeId("asd")
_NO_ID = UUID(int=7)


async def test_two_who_approve_at_once_approve_it(begin, keyring, catalogue):
    id_ = await _proposed(begin, keyring, catalogue)

    async def say(staff, role):
        async with begin() as tx:
            return await approvals.approve(tx, keyring, id_, staff, role)

    states = await asyncio.gather(
        say("dpo-1", Role.DPO), say("chief-1", Role.CONTROLLER), say("dpo-2", Role.DPO)
    )

    assert State.APPROVED in states
    assert sum(isinstance(each, Denied) for each in states) == 1


async def test_a_refused_proposal_is_neither_approved_nor_used(begin, keyring, catalogue):
    id_ = await _proposed(begin, keyring, catalogue)
    async with begin() as tx:
        no = ("dpo-1", Role.DPO)
        assert isinstance(await approvals.refuse(tx, keyring, id_, no, "because"), Denied)
        by_operator = ("desk-2", Role.OPERATOR)
        denied = await approvals.refuse(tx, keyring, id_, by_operator, "too-wide")
        assert denied == Denied(reasons=(Why.ROLE_MAY_NOT_APPROVE,))
        assert await approvals.refuse(tx, keyring, id_, no, "too-wide") is State.REFUSED
    async with begin() as tx:
        late = await approvals.approve(tx, keyring, id_, "chief-1", Role.CONTROLLER)
        assert late == Denied(reasons=(Why.NOT_OPEN,))
        missing = await approvals.approve(tx, keyring, _NO_ID, "chief-1", Role.CONTROLLER)
        assert missing == Denied(reasons=(Why.NOT_OPEN,))
        assert [each.state for each in await approvals.newest(tx, keyring)] == [State.REFUSED]
        lines = await access_log.search(tx, access_log.Criteria(action=Action.APPROVE), limit=9)
    assert sorted(each.outcome for each in lines) == ["given", "refused", "refused"]


async def test_what_is_proposed_wrongly_is_logged_and_not_kept(begin, keyring, catalogue):
    denied = await _proposed(begin, keyring, catalogue, citation="")

    assert denied == Denied(reasons=(Why.CITATION_MISSING,))
    async with begin() as tx:
        assert await approvals.newest(tx, keyring) == []
        (line,) = await access_log.search(tx, access_log.Criteria(action=Action.PROPOSE), limit=9)
    assert line.reasons == ("citation-missing",)


async def test_the_store_holds_no_case_and_no_identifier_in_the_clear(begin, keyring, catalogue):
    await _proposed(begin, keyring, catalogue)
    async with begin() as tx:
        sealed = await tx.connection.scalar(select(approvals.proposals.c.sealed))

    assert b"F-2026-0042" not in sealed
    assert b"pt1_a" not in sealed


async def test_a_proposal_is_forgotten_with_its_answers_when_its_term_is_over(
    begin, keyring, catalogue
):
    old = await _proposed(begin, keyring, catalogue)
    async with begin() as tx:
        await approvals.approve(tx, keyring, old, "dpo-1", Role.DPO)
        (before,) = await approvals.newest(tx, keyring)
        over = before.held.proposal.expires_at + retention.PROPOSAL_TERM
        for now, gone in ((over, 0), (over + timedelta(seconds=1), 1), (over, 0)):
            then = msgspec.structs.replace(tx, now=now)
            assert await approvals.forget_old(then, limit=9) == gone
        assert await approvals.newest(tx, keyring) == []
        yes = select(func.count()).select_from(approvals.proposal_approvals)
        assert await tx.connection.scalar(yes) == 0
        lines = await access_log.search(tx, access_log.Criteria(action=Action.APPROVE), limit=9)
    assert [each.detail for each in lines] == [f"approve {old}"]


async def _proposed(begin, keyring, catalogue, **changes):
    async with begin() as tx:
        fields = {
            "kind": Kind.DETOKENISE,
            "proposer": "desk-1",
            "role": Role.OPERATOR,
            "programme": ASD,
            "purpose": PurposeId("registers/fraud-case"),
            "basis": LegalBasis.PUBLIC_TASK,
            "citation": "Loi 72-18, art. 28",
            "case_reference": "F-2026-0042",
            "tokens": ("pt1_a",),
            "expires_at": tx.now + timedelta(days=1),
        } | changes
        return await approvals.propose(tx, keyring, catalogue, Proposal(**fields))
