"""What a programme is told at `/v1/…`, and what is left in the log."""

import asyncio

import pytest

from api import lookups
from consent import grants, oppositions
from identity.login.rates import Limit
from identity.registry import pseudonyms, virtual_identifiers
from policies.vocabulary import Action, Outcome
from vault import access_log
from vault import database as db
from vault.access_log import Criteria

PROBLEM = "urn:amana:problem:"
CLAIMS = {"given_name": "Fatima", "family_name": "El Alaoui", "birth_date": "1990-05-01"}


def problem(answer):
    assert answer.headers["content-type"].startswith("application/problem+json")
    return answer.status_code, answer.json()["type"].removeprefix(PROBLEM)


@pytest.fixture
def verified(amo, citizen):
    async def verify(**change):
        question = {"subject": {"idcs": citizen.idcs}, "claims": CLAIMS, "case_reference": "C-1"}
        question = {name: it for name, it in (question | change).items() if it is not None}
        return await amo.ask("/v1/verifications", await amo.own_token(), question)

    return verify


async def lines(house, citizen):
    async with db.read(house.database) as tx:
        month = tx.now.strftime("%Y-%m")
        return await access_log.of_subject(
            tx, house.running.keyring, citizen.subject, [month], limit=50
        )


async def test_a_person_is_verified_in_either_script(verified):
    latin = await verified()
    arabic = await verified(claims=CLAIMS | {"given_name": "فاطمة", "family_name": "العلوي"})

    for answer in (latin, arabic):
        assert answer.status_code == 200, answer.text
        assert answer.json()["result"] == "yes"
        assert set(answer.json()["attributes"].values()) == {"yes"}
        assert answer.json()["subject"].startswith("pt1_")
        assert answer.headers["cache-control"] == "no-store"


async def test_a_wrong_claim_is_told_without_the_right_one(verified):
    answer = await verified(claims=CLAIMS | {"family_name": "Bennani"})

    assert answer.json()["result"] == "partial"
    assert answer.json()["attributes"]["family_name"] == "no"
    assert answer.json()["subject"] is None
    assert "Alaoui" not in answer.text


async def test_a_verification_is_in_the_persons_history(house, citizen, verified):
    await verified()
    entry = (await lines(house, citizen))[0]

    assert (entry.action, entry.actor.id) == (Action.VERIFY, "amo-tadamon")
    assert entry.case_reference == "C-1"


async def test_without_a_case_reference_the_law_is_not_enough(verified):
    assert problem(await verified(case_reference=None)) == (403, "case-reference-missing")


async def test_a_question_that_is_not_well_formed_is_told_which_field(verified):
    for change in (
        {"claims": {}},
        {"subject": {"idcs": "1", "number": "2"}},
        {"case_reference": ""},
        {"case_reference": "x" * 65},
        {"case_reference": "a\u0000b"},
        {"unknown": 1},
        {"subject": None},
        {"subject": {}},
        {"subject": {"idcs": "1", "pairwise": "2"}},
    ):
        answer = await verified(**change)

        assert problem(answer) == (400, "invalid-request"), change


async def test_an_attribute_that_the_law_does_not_have_is_refused(house, verified):
    answer = await verified(claims=CLAIMS | {"phone": "+212661234500"})

    assert answer.status_code == 403
    assert (await house.last_refusal()).actor.id == "amo-tadamon"


@pytest.fixture
async def personal(citizen, amo):
    """A token that rests on the citizen's consent to eligibility and commune."""
    return (await amo.redeem(await citizen.code(amo, "address"))).json()["access_token"]


async def test_what_was_agreed_to_is_given_in_its_form(house, citizen, amo, personal):
    answer = await amo.ask("/v1/disclosures", personal, {"attributes": {"address": "commune"}})

    assert answer.status_code == 200, answer.text
    assert answer.json()["values"] == {"address": "Agdal"}
    assert answer.json()["hold_until"]
    entry = (await lines(house, citizen))[0]
    assert entry.attributes == (("address", "commune"),)


async def test_eligibility_is_a_decision_and_no_index(amo, personal):
    answer = await amo.ask("/v1/eligibility", personal, {})

    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"eligible", "until", "reasons"}
    assert answer.json()["eligible"] is not True  # no household: no index


async def test_what_was_not_agreed_to_is_refused_and_in_the_history(house, citizen, amo, personal):
    answer = await amo.ask("/v1/disclosures", personal, {"attributes": {"phone": "raw"}})

    assert problem(answer) == (403, "attribute-not-consented")
    entry = (await lines(house, citizen))[0]
    assert (entry.outcome, entry.reasons) == ("refused", ("attribute-not-consented",))


async def test_a_finer_form_than_agreed_is_refused(amo, personal):
    answer = await amo.ask("/v1/disclosures", personal, {"attributes": {"address": "raw"}})

    assert answer.status_code == 403


async def test_a_token_for_less_opens_less_though_the_person_agreed_to_more(house, citizen, amo):
    narrow = (
        '[{"type":"amana_disclosure","agreement":"amo-tadamon/enrolment",'
        '"purpose":"social-support/health-cover","attributes":{"eligibility":"decision"}}]'
    )
    code = await citizen.code(amo, "phone")
    token = (await amo.redeem(code, authorization_details=narrow)).json()["access_token"]

    answer = await amo.ask("/v1/disclosures", token, {"attributes": {"phone": "raw"}})

    assert problem(answer) == (403, "forbidden")
    entry = (await lines(house, citizen))[0]
    assert (entry.outcome, entry.reasons) == ("refused", ("token-too-narrow",))


async def test_a_withdrawn_consent_opens_nothing_at_once(house, citizen, amo, personal):
    question = {"attributes": {"address": "commune"}}
    assert (await amo.ask("/v1/disclosures", personal, question)).status_code == 200
    await house.withdraw(citizen.subject)

    answer = await amo.ask("/v1/disclosures", personal, question)

    assert problem(answer) == (403, "consent-withdrawn")


async def test_a_lock_opens_nothing_and_tells_nothing(house, citizen, amo, personal):
    async with db.begin(house.database) as tx:
        await oppositions.lock(tx, citizen.subject)

    answer = await amo.ask("/v1/disclosures", personal, {"attributes": {"address": "commune"}})

    assert problem(answer) == (403, "not-permitted")


async def test_a_persons_token_is_about_that_person(house, citizen, amo, personal):
    for subject in ({"pairwise": "pt1_x"}, {"pairwise": ""}):
        answer = await amo.ask(
            "/v1/disclosures", personal, {"attributes": {"address": "commune"}, "subject": subject}
        )

        assert problem(answer) == (400, "invalid-request")


@pytest.fixture
async def asd_token(asd):
    return await asd.own_token(
        {"eligibility": "decision", "household_size": "band"},
        agreement="asd/eligibility",
        purpose="social-support/direct-aid",
    )


async def known_to(house, programme, citizen):
    async with db.begin(house.database) as tx:
        found = await pseudonyms.pairwise(
            tx, house.running.keyring, programme.client_id, [citizen.subject]
        )
    return found[citizen.subject]


async def test_under_a_law_the_person_is_named_as_the_programme_knows_them(
    house, citizen, amo, asd, asd_token
):
    question = {"case_reference": "C-2"}
    own = {"subject": {"pairwise": await known_to(house, asd, citizen)}}
    others = {"subject": {"pairwise": await known_to(house, amo, citizen)}}
    nobody = {"subject": {"pairwise": "pt1_" + "a" * 32}}

    assert problem(await asd.ask("/v1/eligibility", asd_token, question)) == (
        400,
        "invalid-request",
    )
    found = await asd.ask("/v1/eligibility", asd_token, question | own)
    assert found.status_code == 200, found.text
    for subject in (others, nobody):
        answer = await asd.ask("/v1/eligibility", asd_token, question | subject)
        assert problem(answer) == (403, "not-permitted")


async def test_a_revoked_token_opens_nothing(house, amo, personal):
    form = amo.authenticated(token=personal)
    await amo.post("/oauth/revoke", form)

    answer = await amo.ask("/v1/eligibility", personal, {})

    assert problem(answer) == (401, "unauthenticated")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert await house.refusals() == [("token-ended",)]


async def test_many_who_ask_together_each_get_their_own_answer(house, amo, new_citizen):
    tokens = []
    for number in range(6):
        person = await new_citizen(number + 1)
        items = ("address",) if number % 2 else ()
        answer = await amo.redeem(await person.code(amo, *items))
        tokens.append(answer.json()["access_token"])

    answers = await asyncio.gather(
        *(
            amo.ask("/v1/disclosures", token, {"attributes": {"address": "commune"}})
            for token in tokens
        )
    )

    assert [answer.status_code for answer in answers] == [403, 200] * 3


async def test_a_narrowed_consent_narrows_the_token_that_is_out(house, citizen, amo, personal):
    catalogue, keyring = house.running.catalogue, house.running.keyring
    async with db.begin(house.database) as tx:
        (grant,) = await grants.of_subject(tx, citizen.subject)
        left = {"eligibility": "decision"}
        assert await grants.narrow(tx, keyring, catalogue, citizen.subject, grant.id, items=left)

    answer = await amo.ask("/v1/disclosures", personal, {"attributes": {"address": "commune"}})

    assert problem(answer) == (403, "attribute-not-consented")


@pytest.mark.parametrize(
    ("path", "asked", "action"),
    [
        ("/v1/identifiers/exchange", {"identifiers": ["pt1_x"]}, Action.EXCHANGE),
        (
            "/v1/detokenisations",
            {"identifiers": ["pt1_x"], "attributes": ["phone"], "case_reference": "DOSSIER-2026-1"},
            Action.DETOKENISE,
        ),
    ],
)
async def test_what_is_for_programmes_alone_is_refused_a_persons_token_and_logged(  # noqa: PLR0917  (fixtures)
    house, amo, personal, path, asked, action
):
    answer = await amo.ask(path, personal, asked)

    assert problem(answer) == (403, "forbidden")
    async with db.read(house.database) as tx:
        (line,) = await access_log.search(tx, Criteria(action=action))
    assert (line.actor.id, line.outcome) == ("amo-tadamon", Outcome.REFUSED)
    assert line.reasons == ("token-of-a-person",)


async def test_a_stand_in_number_verifies_and_a_programme_may_not_try_them_out(
    house, citizen, verified, monkeypatch
):
    async with db.begin(house.database) as tx:
        kind = house.running.catalogue.numbers["timed"]
        made = await virtual_identifiers.make(tx, house.running.keyring, kind, citizen.subject)
    monkeypatch.setattr(lookups, "OF_A_PROGRAMME", Limit(times=2, seconds=20))
    for number, result in ((made.number, "yes"), ("7301 5529 8846 1204", "no")):
        assert (await verified(subject={"virtual": number})).json()["result"] == result

    assert problem(await verified(subject={"virtual": made.number})) == (429, "too-many-requests")
