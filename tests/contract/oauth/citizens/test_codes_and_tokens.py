"""Attacks on codes, refresh, introspection and revocation (reference: oauth 5.2, 55 to 92)."""

import asyncio
import json

import pytest
from joserfc.jwk import ECKey

from identity import codes
from vault import database as db
from vault import signing

BACK = "https://amo.example/back"
PHONE = {"eligibility": "decision", "phone": "raw"}


def details(attributes, **change):
    sound = {
        "type": "amana_disclosure",
        "agreement": "amo-tadamon/enrolment",
        "purpose": "social-support/health-cover",
        "attributes": attributes,
    }
    return json.dumps([sound | change])


def error(answer):
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.json()["error"]


async def said_of(programme, token):
    answer = await programme.post("/oauth/introspect", programme.authenticated(token=token))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


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
    await asyncio.sleep(0.1)

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


async def test_a_token_under_the_law_has_no_person_and_no_refresh(amo):
    answer = await amo.token(
        "client_credentials", authorization_details=details({"given_name": "match"})
    )
    said = answer.json()

    assert "refresh_token" not in said
    found = await said_of(amo, said["access_token"])
    assert found["sub"] == "amo-tadamon"
    assert found["authorization_details"] == json.loads(details({"given_name": "match"}))
    assert found["cnf"]["jkt"] == amo.dpop.thumbprint()


async def test_what_rests_on_consent_is_not_had_without_the_person(amo):
    answer = await amo.token("client_credentials", authorization_details=details(PHONE))

    assert error(answer) == (400, "invalid_authorization_details")


async def test_attack_79_and_90_a_refresh_never_grows(citizen, amo):
    first = (await amo.redeem(await citizen.code(amo, "phone"))).json()
    refresh = first["refresh_token"]

    for wider in (PHONE | {"address": "commune"}, {"given_name": "match"}):
        answer = await amo.token(
            "refresh_token", refresh_token=refresh, authorization_details=details(wider)
        )
        assert error(answer) == (400, "invalid_authorization_details")
    scoped = await amo.token("refresh_token", refresh_token=refresh, scope="openid")
    assert error(scoped) == (400, "invalid_scope")

    less = await amo.token(
        "refresh_token", refresh_token=refresh, authorization_details=details({"phone": "masked"})
    )
    assert less.json()["authorization_details"] == json.loads(details({"phone": "masked"}))
    whole = await amo.token("refresh_token", refresh_token=refresh)
    assert whole.json()["authorization_details"] == json.loads(details(PHONE))
    assert "refresh_token" not in whole.json()


async def test_attack_90_a_part_may_be_asked_of_a_code_and_the_rest_stays(citizen, amo):
    code = await citizen.code(amo, "phone")
    first = await amo.redeem(code, authorization_details=details({"phone": "masked"}))
    whole = await amo.token("refresh_token", refresh_token=first.json()["refresh_token"])

    assert first.json()["authorization_details"] == json.loads(details({"phone": "masked"}))
    assert whole.json()["authorization_details"] == json.loads(details(PHONE))


async def test_attack_77_a_refreshed_token_is_bound_to_the_key_that_asked(citizen, amo):
    first = (await amo.redeem(await citizen.code(amo))).json()
    amo.dpop = ECKey.generate_key("P-256")
    second = await amo.token("refresh_token", refresh_token=first["refresh_token"])

    found = await said_of(amo, second.json()["access_token"])
    assert found["cnf"]["jkt"] == amo.dpop.thumbprint()


async def test_attack_80_a_refresh_token_is_its_programmes(citizen, amo, asd):
    first = (await amo.redeem(await citizen.code(amo))).json()
    answer = await asd.token("refresh_token", refresh_token=first["refresh_token"])

    assert error(answer) == (400, "invalid_grant")
    assert (await said_of(amo, first["refresh_token"]))["active"] is True


async def test_attack_82_a_withdrawn_consent_ends_everything_at_once(house, citizen, amo):
    code = await citizen.code(amo)
    first = (await amo.redeem(code)).json()
    await house.withdraw(citizen.subject)

    refreshed = await amo.token("refresh_token", refresh_token=first["refresh_token"])

    assert error(refreshed) == (400, "invalid_grant")
    assert await said_of(amo, first["access_token"]) == {"active": False}
    assert await said_of(amo, first["refresh_token"]) == {"active": False}


async def test_attack_82_a_consent_withdrawn_before_the_code_is_used_gives_no_token(
    house, citizen, amo
):
    code = await citizen.code(amo)
    await house.withdraw(citizen.subject)

    assert error(await amo.redeem(code)) == (400, "invalid_grant")
    assert await house.refusals() == [("consent-ended",)]


async def test_attack_83_a_revoked_refresh_token_takes_its_access_tokens_along(citizen, amo, asd):
    first = (await amo.redeem(await citizen.code(amo))).json()

    async def revoked(programme, token):
        answer = await programme.post("/oauth/revoke", programme.authenticated(token=token))
        return answer.status_code

    for rubbish in ("x", "a.b.c", first["access_token"][:-3] + "AAA"):
        assert await revoked(amo, rubbish) == 200
    for token in (first["access_token"], first["refresh_token"]):
        assert await revoked(asd, token) == 200
        assert (await said_of(amo, token))["active"] is True

    assert await revoked(amo, first["refresh_token"]) == 200
    assert await said_of(amo, first["access_token"]) == {"active": False}
    assert await said_of(amo, first["refresh_token"]) == {"active": False}


async def test_attack_83_a_revoked_access_token_goes_alone(citizen, amo):
    first = (await amo.redeem(await citizen.code(amo))).json()
    form = amo.authenticated(token=first["access_token"], token_type_hint="refresh_token")
    assert (await amo.post("/oauth/revoke", form)).status_code == 200

    assert await said_of(amo, first["access_token"]) == {"active": False}
    assert (await said_of(amo, first["refresh_token"]))["active"] is True


async def test_attack_84_one_kind_of_token_is_not_the_other(citizen, amo):
    first = (await amo.redeem(await citizen.code(amo))).json()

    answer = await amo.token("refresh_token", refresh_token=first["access_token"])
    asked = await amo.ask("/v1/eligibility", first["refresh_token"], {})

    assert error(answer) == (400, "invalid_grant")
    assert asked.status_code == 401


async def test_attacks_85_and_86_of_what_is_not_ones_own_there_is_one_word(citizen, amo, asd):
    first = (await amo.redeem(await citizen.code(amo))).json()

    for token in (first["access_token"], first["refresh_token"], "unknown", "a.b.c"):
        assert await said_of(asd, token) == {"active": False}


async def test_attack_87_another_jwt_of_ours_is_no_access_token(house, citizen, amo):
    """A receipt is signed by us too; so would be anything that a later release signs."""
    async with db.begin(house.database) as tx:
        key = await signing.active(tx, house.running.keyring, "token")
    now = 4102444800
    claims = {
        "iss": "https://amana.example",
        "aud": "https://amana.example/v1",
        "sub": "amo-tadamon",
        "client_id": "amo-tadamon",
        "iat": 1,
        "exp": now,
        "jti": "x",
        "cnf": {"jkt": amo.dpop.thumbprint()},
        "authorization_details": json.loads(details(PHONE)),
    }
    for typ in ("JWT", "logout+jwt", "id_token", None, "AT+JWT"):
        forged = amo.compact({"typ": typ, "kid": key.kid}, claims, key.sign)

        assert await said_of(amo, forged) == {"active": False}
        assert (await amo.ask("/v1/eligibility", forged, {})).status_code == 401


async def test_attack_88_a_token_in_the_url_is_not_read(citizen, amo):
    first = (await amo.redeem(await citizen.code(amo))).json()
    answer = await amo.http.post(f"/v1/eligibility?access_token={first['access_token']}", json={})

    assert answer.status_code == 401


async def test_attack_91_what_the_person_left_out_is_nowhere(house, citizen, amo):
    first = (await amo.redeem(await citizen.code(amo, "phone"))).json()
    found = await said_of(amo, first["access_token"])

    assert found["authorization_details"] == json.loads(details(PHONE))
    assert "address" not in json.dumps(found)
    payload = first["access_token"].split(".")[1]
    assert "address" not in amo.decoded(payload)


async def test_attack_92_a_token_is_for_this_resource(amo):
    for resource in ("https://other.example", "https://amana.example", "/v1", "x#y"):
        answer = await amo.token(
            "client_credentials",
            authorization_details=details({"given_name": "match"}),
            resource=resource,
        )
        assert error(answer) == (400, "invalid_target")
    answer = await amo.token(
        "client_credentials",
        authorization_details=details({"given_name": "match"}),
        resource="https://amana.example/v1",
    )
    assert answer.status_code == 200


async def test_attack_98_two_programmes_know_a_person_by_two_names(citizen, new_citizen, amo):
    other = await new_citizen(3)
    subs = [
        (await said_of(amo, (await amo.redeem(await person.code(amo))).json()["access_token"]))[
            "sub"
        ]
        for person in (citizen, citizen, other)
    ]

    assert subs[0] == subs[1] != subs[2]
    assert subs[0].startswith("pt1_")
    assert str(citizen.subject) not in subs[0]
    assert citizen.idcs not in subs[0]


async def test_attack_102_a_token_outlives_the_key_that_signed_it(house, amo):
    token = await amo.own_token()
    before = (await amo.http.get("/oauth/jwks")).json()["keys"]
    async with db.begin(house.database) as tx:
        await signing.rotate(tx, house.running.keyring, "token")
    after = (await amo.http.get("/oauth/jwks")).json()["keys"]

    assert {key["kid"] for key in before} < {key["kid"] for key in after}
    assert (await said_of(amo, token))["active"] is True
    assert (await said_of(amo, await amo.own_token()))["active"] is True
    assert not [key for key in after if {"d", "k", "p"} & key.keys()]


@pytest.mark.parametrize("grant_type", ["client_credentials", "authorization_code"])
async def test_attack_106_no_secret_stands_in_any_log(house, citizen, amo, caplog, grant_type):
    caplog.set_level("DEBUG")
    if grant_type == "client_credentials":
        secrets = [await amo.own_token()]
    else:
        code = await citizen.code(amo, "phone")
        said = (await amo.redeem(code)).json()
        await amo.redeem(code)
        secrets = [code, amo.verifier, said["access_token"], said["refresh_token"], citizen.idcs]
    secrets += [amo.nonce, amo.assertion().split(".")[0]]

    ours = "\n".join(
        record.getMessage() for record in caplog.records if not record.name.startswith("httpx")
    )
    assert not [secret for secret in secrets if secret in ours]
