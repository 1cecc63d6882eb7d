"""Signing on with OpenID Connect: an ID token for one programme, and answers without a page."""

import json
import time

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from consent import grants
from vault import database as db

ISSUER = "https://amana.example"
BACK = "https://amo.example/back"
ASKED = {"scope": "openid", "nonce": "n-0S6_WzA2Mj"}
PHONE = {"eligibility": "decision", "phone": "raw"}


@pytest.fixture
def read(http):
    """The claims of an ID token whose signature holds."""

    async def do(token):
        keys = KeySet.import_key_set((await http.get("/oauth/jwks")).json())
        return jwt.decode(token, keys, algorithms=["ES256"])

    return do


async def signed_on(citizen, programme, *items, **change):
    """The answer of the token endpoint, the whole way gone."""
    code = await citizen.code(programme, *items, **(ASKED | change))
    answer = await programme.redeem(code)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def silent(citizen, programme, query_of, attributes=None, **change):
    """What comes back without a page."""
    address = await programme.address(attributes, prompt="none", **(ASKED | change))
    answer = await citizen.browser.get(address)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(f"{BACK}?")
    said = query_of(answer.headers["location"])
    assert (said["state"], said["iss"]) == ("s&<t>", ISSUER)
    return said


async def test_an_id_token_says_who_is_here_to_this_programme_alone(citizen, amo, read):
    answer = await signed_on(citizen, amo)

    token = await read(answer["id_token"])
    claims = token.claims
    assert answer["scope"] == "openid"
    assert token.header["typ"] == "JWT"
    assert (claims["iss"], claims["aud"]) == (ISSUER, "amo-tadamon")
    assert claims["nonce"] == ASKED["nonce"]
    assert claims["sub"] == (await read(answer["access_token"])).claims["sub"]
    assert claims["acr"] == "urn:amana:acr:two-factors"
    assert claims["amr"] == ["pwd", "mfa"]
    assert 0 < claims["exp"] - claims["iat"] <= 300
    assert citizen.idcs not in str(claims)
    assert "auth_time" not in claims  # to the second it is one person's, the same everywhere


async def test_who_does_not_ask_for_openid_gets_no_id_token(citizen, amo):
    code = await citizen.code(amo)
    answer = (await amo.redeem(code)).json()

    assert "id_token" not in answer
    assert "scope" not in answer


async def test_attack_46_the_moment_of_the_sign_in_is_told_to_who_asks_how_late_it_was(
    citizen, amo, read
):
    answer = await signed_on(citizen, amo, max_age=3600)

    claims = (await read(answer["id_token"])).claims
    assert 0 <= time.time() - claims["auth_time"] < 60


async def test_attack_98_two_programmes_know_nobody_by_one_identifier_or_session(
    citizen, amo, read, register_with
):
    minhaty = await register_with(
        "minhaty", "minhaty/scholarship", ECKey.generate_key("P-256"), "ES256"
    )
    asked = {
        "type": "amana_disclosure",
        "agreement": "minhaty/scholarship",
        "purpose": "education/scholarship",
        "attributes": {"eligibility": "decision", "address": "commune"},
    }
    said = [
        (await read((await signed_on(citizen, programme, **change))["id_token"])).claims
        for programme, change in (
            (amo, {}),
            (amo, {}),
            (minhaty, {"authorization_details": json.dumps([asked])}),
        )
    ]
    first, again, elsewhere = [(each["sub"], each["sid"]) for each in said]
    assert first == again
    assert not set(first) & set(elsewhere)


@pytest.mark.parametrize(
    "prompt", ["none login", "none consent", "select_account", "Login", "login  consent", "x"]
)
async def test_attack_45_a_prompt_that_we_have_not_is_refused(amo, prompt):
    answer = await amo.push(prompt=prompt)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_attack_45_without_a_page_nobody_who_is_not_signed_in_is_known(
    house, citizen, amo, query_of
):
    citizen.browser.cookies.clear()

    said = await silent(citizen, amo, query_of)
    assert said["error"] == "login_required"
    assert (await house.refusals())[0] == ("login-required",)


async def test_attack_45_without_a_page_nothing_new_is_agreed_to(house, citizen, amo, query_of):
    assert (await silent(citizen, amo, query_of))["error"] == "consent_required"
    await citizen.code(amo)  # without the telephone
    assert (await silent(citizen, amo, query_of, PHONE))["error"] == "consent_required"
    await house.withdraw(citizen.subject)
    assert (await silent(citizen, amo, query_of))["error"] == "consent_required"


async def test_without_a_page_what_was_agreed_to_before_is_granted_again(
    house, citizen, amo, query_of, read
):
    before = await signed_on(citizen, amo, "phone")
    said = await silent(citizen, amo, query_of, PHONE)

    answer = (await amo.redeem(said["code"])).json()
    assert (await read(answer["id_token"])).claims["sub"] == (
        await read(before["id_token"])
    ).claims["sub"]
    assert answer["authorization_details"][0]["attributes"] == PHONE
    async with db.read(house.database) as tx:
        assert len(await grants.of_subject(tx, citizen.subject)) == 1


async def test_attack_40_a_request_is_answered_once_without_a_page_too(citizen, amo, query_of):
    await citizen.code(amo, "phone")
    address = await amo.address(PHONE, prompt="none")
    assert "code" in query_of((await citizen.browser.get(address)).headers["location"])

    assert (await citizen.browser.get(address)).status_code == 400


async def test_attack_46_an_old_session_is_none_where_a_page_is_not_to_be_shown(
    citizen, amo, query_of
):
    await citizen.code(amo, "phone")

    said = await silent(citizen, amo, query_of, PHONE, max_age=0)
    assert said["error"] == "login_required"


async def test_attack_46_a_prompt_to_sign_in_is_not_answered_by_the_session_that_is_there(
    citizen, amo
):
    page = await citizen.open(await amo.address(prompt="login"))

    assert page.url.path.endswith("/sign-in")


async def test_whom_the_programme_expects_is_whom_it_gets(citizen, new_citizen, amo, query_of):
    hint = (await signed_on(citizen, amo, "phone"))["id_token"]
    other = await new_citizen(1)
    await other.code(amo, "phone")

    assert "code" in await silent(citizen, amo, query_of, PHONE, id_token_hint=hint)
    said = await silent(other, amo, query_of, PHONE, id_token_hint=hint)
    assert said["error"] == "login_required"
    page = await other.open(await amo.address(id_token_hint=hint))
    assert page.url.path.endswith("/sign-in")  # asked for before anything is agreed to


async def test_attack_87_a_hint_is_an_id_token_of_this_programme_s_and_nothing_else(
    citizen, amo, asd
):
    answer = await signed_on(citizen, amo)
    head, claims, signature = answer["id_token"].split(".")
    forged = {
        "access token": answer["access_token"],
        "other signature": f"{head}.{claims}.{signature[::-1]}",
        "no signature": f"eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}.",
        "rubbish": "x",
    }
    for what, hint in forged.items():
        refused = await amo.push(id_token_hint=hint)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request"), what


async def test_attack_87_an_id_token_opens_nothing(citizen, amo):
    token = (await signed_on(citizen, amo))["id_token"]

    answer = await amo.ask("/v1/disclosures", token, {"attributes": {"eligibility": "decision"}})
    assert answer.status_code == 401
    assert (await amo.http.get("/v1/userinfo", headers=proven(amo, token))).status_code == 401


def proven(programme, token, method="GET"):
    proof = programme.proof("/v1/userinfo", token=token, htm=method)
    return {"Authorization": f"DPoP {token}", "DPoP": proof}


async def test_attack_88_userinfo_says_the_identifier_to_who_has_token_and_key(
    house, citizen, amo, read
):
    answer = await signed_on(citizen, amo)
    token = answer["access_token"]
    sub = (await read(answer["id_token"])).claims["sub"]

    for method in ("GET", "POST"):
        told = await amo.http.request(method, "/v1/userinfo", headers=proven(amo, token, method))
        assert (told.status_code, told.json()) == (200, {"sub": sub})
    assert (await amo.http.get(f"/v1/userinfo?access_token={token}")).status_code == 401
    own = await amo.own_token()
    assert (await amo.http.get("/v1/userinfo", headers=proven(amo, own))).status_code == 401
    await house.withdraw(citizen.subject)
    ended = await amo.http.get("/v1/userinfo", headers=proven(amo, token))
    assert ended.status_code == 401
    assert (await house.refusals())[0] == ("token-ended",)
