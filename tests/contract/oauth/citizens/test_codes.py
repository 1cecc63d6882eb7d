"""Attacks on codes and on the token endpoint (docs/attacks.md, 43 to 64)."""

import asyncio
import json
from urllib.parse import urlencode

import pytest
from joserfc.jwk import ECKey

from identity import codes
from tests.contract.oauth.citizens.told import PHONE, error, said_of
from tests.contract.oauth.conftest import BACK, details


async def test_a_code_becomes_a_token_that_says_what_was_agreed_to(citizen, amo):
    answer = await amo.redeem(await citizen.code(amo, "phone"))

    assert answer.status_code == 200
    said = answer.json()
    assert said["token_type"] == "DPoP"
    assert said["expires_in"] == 300
    assert said["authorization_details"] == json.loads(details(PHONE))
    assert answer.headers["cache-control"] == "no-store"


async def test_attack_55_a_code_is_good_once_and_a_second_use_undoes_the_first(house, citizen, amo):
    code = await citizen.code(amo)
    first = (await amo.redeem(code)).json()

    assert error(await amo.redeem(code)) == (400, "invalid_grant")
    assert await house.refusals() == [("code-reused",)]
    assert await said_of(amo, first["access_token"]) == {"active": False}
    assert await said_of(amo, first["refresh_token"]) == {"active": False}


async def test_attack_55_of_twenty_at_once_one_gets_a_token(citizen, amo):
    code = await citizen.code(amo)
    answers = await asyncio.gather(*(amo.redeem(code) for _ in range(20)))

    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 19
    (first,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert await said_of(amo, first["access_token"]) == {"active": False}


async def test_attack_56_a_code_that_is_too_old_is_none(citizen, amo, monkeypatch):
    assert codes.CODE_SECONDS <= 60
    monkeypatch.setattr(codes, "CODE_SECONDS", 0.05)
    code = await citizen.code(amo)
    await asyncio.sleep(0.1)  # twice as long as it lives now

    assert error(await amo.redeem(code)) == (400, "invalid_grant")


async def test_attacks_57_to_59_a_code_is_its_programmes_and_its_requests(
    house, citizen, new_citizen, amo, asd
):
    for number, (programme, change, reason) in enumerate(
        [
            (asd, {}, "code-of-another"),
            (amo, {"redirect_uri": f"{BACK}/"}, "code-redirect-uri"),
            (amo, {"redirect_uri": None}, "code-redirect-uri"),
            (amo, {"code_verifier": None}, "code-verifier"),
            (amo, {"code_verifier": "x" * 64}, "code-verifier"),
            (amo, {"code_verifier": "x" * 42}, "code-verifier"),
            (amo, {"code_verifier": "x" * 129}, "code-verifier"),
        ]
    ):
        person = await new_citizen(number + 1)
        code = await person.code(amo)
        asd.verifier = amo.verifier

        assert error(await programme.redeem(code, **change)) == (400, "invalid_grant"), change
        assert (await house.last_refusal()).reasons == (reason,)


async def test_attack_60_a_code_bound_to_a_key_is_no_use_with_another(house, citizen, amo):
    code = await citizen.code(amo, dpop_jkt=amo.dpop.thumbprint())
    amo.dpop = ECKey.generate_key("P-256")

    assert error(await amo.redeem(code)) == (400, "invalid_grant")
    assert await house.refusals() == [("code-key",)]


async def test_attack_60_a_code_is_bound_to_the_key_of_the_proof_it_was_asked_with(
    house, citizen, amo, query_of
):
    await amo.learn_nonce()
    pushed = await amo.post("/oauth/par", amo.request(), DPoP=amo.proof("/oauth/par"))
    query = {"client_id": amo.client_id, "request_uri": pushed.json()["request_uri"]}
    page = await citizen.open(f"/authorize?{urlencode(query)}")
    code = query_of(await citizen.agree_on(page))["code"]
    amo.dpop = ECKey.generate_key("P-256")

    assert error(await amo.redeem(code)) == (400, "invalid_grant")
    assert ("code-key",) in await house.refusals()


async def test_attack_62_tokens_are_asked_for_by_a_posted_form(amo):
    await amo.learn_nonce()
    form = amo.authenticated(grant_type="client_credentials")
    proof = {"DPoP": amo.proof("/oauth/token")}

    got = await amo.http.get("/oauth/token", params=form)
    posted = await amo.http.post("/oauth/token", json=form, headers=proof)
    parts = await amo.http.post("/oauth/token", files={"grant_type": b"x"}, headers=proof)
    bare = await amo.http.post("/oauth/token", content=b"grant_type=x", headers=proof)
    in_url = await amo.http.post("/oauth/token?grant_type=x", data=form, headers=proof)

    assert got.status_code == 405
    for answer in (posted, parts, bare, in_url):
        assert error(answer) == (400, "invalid_request")


async def test_attack_63_only_the_grants_that_are_advertised_are_granted(amo):
    for kind in ("password", "implicit", "urn:ietf:params:oauth:grant-type:device_code", "x"):
        assert error(await amo.token(kind)) == (400, "unsupported_grant_type")
    assert error(await amo.token("")) == (400, "invalid_request")
    assert error(await amo.token("authorization_code")) == (400, "invalid_request")
    assert error(await amo.token("refresh_token")) == (400, "invalid_request")


async def test_attack_43_a_parameter_of_a_token_request_is_said_once(amo):
    await amo.learn_nonce()
    form = urlencode(amo.authenticated(grant_type="client_credentials"))
    for again in ("grant_type=client_credentials", "grant_type=", "x=1&x=2"):
        answer = await amo.http.post(
            "/oauth/token",
            content=f"{form}&{again}",
            headers={
                "content-type": "application/x-www-form-urlencoded",
                "DPoP": amo.proof("/oauth/token"),
            },
        )
        assert error(answer) == (400, "invalid_request"), again


@pytest.mark.parametrize("path", ["token", "par", "introspect", "revoke"])
async def test_attack_64_no_answer_is_kept_on_the_way(amo, path):
    sound = {
        "token": amo.authenticated(
            grant_type="client_credentials", authorization_details=details({"given_name": "match"})
        ),
        "par": amo.request(),
        "introspect": amo.authenticated(token="x"),
        "revoke": amo.authenticated(token="x"),
    }[path]
    await amo.learn_nonce()

    good = await amo.post(f"/oauth/{path}", sound)
    bad = await amo.post(f"/oauth/{path}", {"client_id": "amo-tadamon"})

    assert good.is_success
    assert bad.status_code == 401
    for answer in (good, bad):
        assert answer.headers["cache-control"] == "no-store"
