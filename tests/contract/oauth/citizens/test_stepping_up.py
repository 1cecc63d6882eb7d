"""A resource that asks for a later sign-in, and how a programme gets it (RFC 9470; attack 94)."""

import asyncio
import re
from pathlib import Path

import msgspec
import pytest

from api import security
from identity.login import sessions
from policies import catalogue as catalogues
from vault import database as db

SHIPPED = Path(catalogues.__file__).parent / "catalogue"
ISSUER = "https://amana.example"
TWO_FACTORS = "urn:amana:acr:two-factors"
WITHIN_SECONDS = 3
QUESTION = {"attributes": {"phone": "raw"}}


@pytest.fixture
def settings(settings, tmp_path):
    """With an agreement that asks for a sign-in of a few seconds ago."""
    folder = tmp_path / "catalogue"
    for path in SHIPPED.rglob("*.toml"):
        copy = folder / path.relative_to(SHIPPED)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    table = f'\n[agreement."amo-tadamon/enrolment".sign_in]\nwithin_seconds = {WITHIN_SECONDS}\n'
    with (folder / "agreements" / "amo-tadamon-enrolment.toml").open("a") as file:
        file.write(table)
    return msgspec.structs.replace(settings, catalogue_dir=folder)


@pytest.fixture
def sign_in_again(house, settings):
    async def again(citizen):
        async with db.begin(house.database) as tx:
            token = await sessions.start_citizen(tx, citizen.subject)
        citizen.browser.cookies.set(security.cookie_name(settings, security.CITIZEN_COOKIE), token)

    return again


def challenge(answer):
    assert answer.status_code == 401
    return dict(re.findall(r'(\w+)="([^"]*)"', answer.headers["www-authenticate"]))


async def token_of(citizen, amo, **change):
    return (await amo.redeem(await citizen.code(amo, "phone", **change))).json()["access_token"]


async def test_attack_94_a_sign_in_that_is_too_old_is_asked_for_anew(
    house, citizen, amo, sign_in_again
):
    token = await token_of(citizen, amo)
    await asyncio.sleep(WITHIN_SECONDS)

    refused = await amo.ask("/v1/disclosures", token, QUESTION)
    told = challenge(refused)
    assert told["error"] == "insufficient_user_authentication"
    assert told["max_age"] == str(WITHIN_SECONDS)
    assert "acr_values" not in told
    assert await house.refusals() == [("sign-in-lacking",)]
    assert "+212" not in refused.text

    await sign_in_again(citizen)
    fresh = await token_of(citizen, amo, max_age=told["max_age"])
    answer = await amo.ask("/v1/disclosures", fresh, QUESTION)
    assert answer.status_code == 200, answer.text
    assert answer.json()["values"]["phone"].startswith("+212")


async def test_a_question_under_the_law_needs_no_sign_in(citizen, amo):
    question = {
        "subject": {"idcs": citizen.idcs},
        "claims": {
            "given_name": "Fatima",
            "family_name": "El Alaoui",
            "birth_date": "1990-05-01",
        },
        "case_reference": "C-1",
    }
    answer = await amo.ask("/v1/verifications", await amo.own_token(), question)

    assert answer.status_code == 200, answer.text


async def test_attack_94_an_old_session_does_not_answer_for_a_new_one(citizen, amo, sign_in_again):
    address = await amo.address(max_age=0)

    page = await citizen.open(address)
    assert page.url.path.endswith("/sign-in")
    asked = page.url.params["next"]
    assert re.fullmatch(r"/(ar|fr|en)/consent/[A-Za-z0-9_-]{43}", asked)

    token = re.search(r'name="_csrf_token" value="([^"]*)"', page.text)[1]
    for answer in ("agree", "refuse"):
        sent = await citizen.browser.post(
            asked,
            data={"_csrf_token": token, "answer": answer},
            headers={"Origin": ISSUER, "Sec-Fetch-Site": "same-origin"},
        )
        assert (sent.status_code, sent.headers["location"].partition("?")[0][3:]) == (
            303,
            "/sign-in",
        )
    onward = await citizen.browser.get(f"/authorize/continue/{asked.rpartition('/')[2]}")
    assert "code=" not in onward.headers.get("location", "")

    await sign_in_again(citizen)
    question = await citizen.open(asked)
    done = await citizen.answer(question, "agree", "phone")
    assert done.status_code == 200
    assert "/authorize/continue/" in done.text


async def test_attack_46_a_session_that_is_late_enough_is_not_asked_again(citizen, amo):
    page = await citizen.open(await amo.address(max_age=60, acr_values=f"other {TWO_FACTORS}"))

    assert "/consent/" in page.url.path


async def test_attack_47_a_way_to_sign_in_that_is_not_there_is_told_at_once(amo):
    for acr in ("other", TWO_FACTORS.upper(), f"{TWO_FACTORS},other"):
        answer = await amo.push(acr_values=acr)

        assert answer.status_code == 400
        assert answer.json()["error"] == "unmet_authentication_requirements"


async def test_a_max_age_that_is_no_number_of_seconds_is_refused(amo):
    for age in ("-1", "1.5", "x", "1e3", "٣", "9" * 10):
        answer = await amo.push(max_age=age)

        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), age
