"""A programme asks who is behind its identifiers at `/v1/detokenisations`."""

from datetime import timedelta

import pytest
from joserfc.jwk import ECKey

from identity import approvals
from identity.doors import detokenising
from identity.login.rates import Limit
from identity.registry import pseudonyms
from policies.approvals import Kind, Proposal
from policies.staff import Role
from policies.vocabulary import Action, Audience, LegalBasis, ProgrammeId, PurposeId
from vault import access_log, log_leaf
from vault import database as db
from vault.access_log import Criteria

PATH = "/v1/detokenisations"
SAKANE = "daam-sakane"
HOUSING = {
    "agreement": "daam-sakane/first-home",
    "purpose": "housing/first-home",
}
FILE = "DOSSIER-2026-000123"


@pytest.fixture
async def sakane(register_with):
    key = ECKey.generate_key("P-256")
    return await register_with(SAKANE, HOUSING["agreement"], key, "ES256")


@pytest.fixture
async def known(house, citizen):
    """Somebody on record: the programme's identifier for them."""
    async with db.begin(house.database) as tx:
        issued = await pseudonyms.pairwise(
            tx, house.running.keyring, Audience(SAKANE), [citizen.subject]
        )
    return issued[citizen.subject]


@pytest.fixture
def ask(sakane):
    async def do(*identifiers, token=None, attributes=("nationality",), **change):
        token = token or await sakane.own_token({"nationality": "raw"}, **HOUSING)
        question = {
            "identifiers": identifiers,
            "attributes": attributes,
            "case_reference": FILE,
        } | change
        return await sakane.ask(PATH, token, question)

    return do


@pytest.fixture
def approval(house):
    """What two officers approved for these identifiers; its id."""

    async def make(*identifiers, **change):
        async with db.begin(house.database) as tx:
            running = house.running
            fields = {
                "kind": Kind.DETOKENISE,
                "proposer": "desk-1",
                "role": Role.OPERATOR,
                "programme": ProgrammeId(SAKANE),
                "purpose": PurposeId(HOUSING["purpose"]),
                "basis": LegalBasis.PUBLIC_TASK,
                "citation": "Loi 72-18, art. 28",
                "case_reference": FILE,
                "tokens": identifiers,
                "full": True,
                "expires_at": tx.now + timedelta(days=1),
            } | change
            id_ = await approvals.propose(
                tx, running.keyring, running.catalogue, Proposal(**fields)
            )
            await approvals.approve(tx, running.keyring, id_, "dpo-1", Role.DPO)
            await approvals.approve(tx, running.keyring, id_, "chief-1", Role.CONTROLLER)
        return str(id_)

    return make


async def lines(house):
    async with db.read(house.database) as tx:
        return await access_log.search(tx, Criteria(action=Action.DETOKENISE), limit=50)


async def test_values_are_masked_and_the_person_can_see_who_asked_for_what_file(
    house, citizen, known, ask
):
    answer = await ask(known)

    assert answer.status_code == 200, answer.text
    assert answer.json() == {"people": {known: {"nationality": "••••"}}, "full": False}
    assert answer.headers["dpop-nonce"]
    async with db.begin(house.database) as tx:
        mine = await access_log.of_subject(
            tx, house.running.keyring, citizen.subject, [log_leaf.month(tx.now)]
        )
    (seen,) = [line for line in mine if line.action is Action.DETOKENISE]
    assert (seen.actor.id, seen.case_reference) == (SAKANE, FILE)


async def test_another_programmes_and_made_up_identifiers_are_told_nothing_of_alike(
    house, known, ask, on_register
):
    async with db.begin(house.database) as tx:
        others = await pseudonyms.pairwise(
            tx, house.running.keyring, Audience("asd"), await on_register(tx, 1)
        )
    (theirs,) = others.values()
    answer = await ask(known, theirs, "pt1_" + "0" * 32, "anything")

    people = answer.json()["people"]
    assert [people[each] for each in list(people)[1:]] == [None, None, None]
    assert people[known] is not None


@pytest.mark.parametrize("case", [None, "because", "F-2026-0042", "DOSSIER-2999-000123"], ids=str)
async def test_threat_46_no_file_of_the_programmes_own_opens_nothing(house, known, ask, case):
    answer = await ask(known, case_reference=case)

    assert answer.status_code == 400, answer.text
    assert [each["field"] for each in answer.json()["errors"]] == ["case_reference"]
    (line,) = await lines(house)
    assert line.reasons == ("case-reference-unfit",)


async def test_an_attribute_that_the_token_or_the_agreement_does_not_give_whole_is_refused(
    house, known, ask
):
    for attributes in (("birth_date",), ("nationality", "phone")):
        answer = await ask(known, attributes=attributes)
        assert answer.status_code == 403, answer.text
    assert {line.outcome for line in await lines(house)} == {"refused"}


async def test_threat_45_more_than_a_few_need_four_eyes_whose_yes_is_used_once(
    house, known, ask, approval
):
    six = [known, *(f"pt1_{n}" for n in range(5))]
    refused = await ask(*six)
    assert refused.status_code == 403, refused.text
    assert "approval" in refused.json()["detail"]

    granted = await approval(*six)
    answer = await ask(*six, approval=granted)
    assert answer.status_code == 200, answer.text
    assert answer.json()["full"] is True
    assert answer.json()["people"][known] == {"nationality": "MAR"}
    assert (await ask(*six, approval=granted)).status_code == 403
    other_case = await approval(*six)
    changed = await ask(*six, approval=other_case, case_reference="DOSSIER-2026-000124")
    assert changed.status_code == 403


async def test_threat_45_whoever_asks_for_too_many_is_told_to_wait_and_it_is_logged(
    house, known, ask, monkeypatch
):
    monkeypatch.setattr(detokenising, "PER_CLIENT", Limit(times=2, seconds=3_600))
    for _ in range(2):
        assert (await ask(known)).status_code == 200
    answer = await ask(known)

    assert answer.status_code == 429, answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert (await lines(house))[0].reasons == (detokenising.QUOTA,)


async def test_a_question_is_whole_or_it_is_not_asked(house, known, ask):
    for change in (
        {"identifiers": []},
        {"identifiers": ["x"] * 501},
        {"attributes": []},
        {"approval": "no-uuid"},
        {"identifers": [known]},
    ):
        answer = await ask(known, **change)
        assert answer.status_code == 400, (change, answer.text)
        assert answer.json()["type"] == "urn:amana:problem:invalid-request"
    assert await lines(house) == []


async def test_a_token_that_ended_or_of_another_key_asks_nothing(house, known, sakane, asd, ask):
    token = await sakane.own_token({"nationality": "raw"}, **HOUSING)
    await asd.learn_nonce()
    stolen = await asd.ask(PATH, token, {"identifiers": [known], "attributes": ["nationality"]})
    assert stolen.status_code == 401
    await sakane.post("/oauth/revoke", sakane.authenticated(token=token))
    assert (await ask(known, token=token)).status_code == 401
    assert await lines(house) == []
