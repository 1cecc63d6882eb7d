"""Attacks on refresh, introspection and revocation (docs/attacks.md, 77 to 106)."""

import base64
import json
import statistics
import time

import msgspec
import pytest
from joserfc.jwk import ECKey

from api.oauth import access_tokens
from identity.registry import erasing
from policies.vocabulary import Action, Actor, ActorKind
from tests.contract.oauth.citizens.told import PHONE, error, said_of
from tests.contract.oauth.conftest import details
from vault import access_log, signing
from vault import database as db
from vault.access_log import Criteria


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


async def test_attack_77_without_a_proof_nothing_is_refreshed(citizen, amo):
    first = (await amo.redeem(await citizen.code(amo))).json()
    form = amo.authenticated(grant_type="refresh_token", refresh_token=first["refresh_token"])

    assert error(await amo.http.post("/oauth/token", data=form)) == (400, "invalid_dpop_proof")


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


async def test_attack_82_what_an_erased_person_granted_is_gone(house, citizen, amo):
    first = (await amo.redeem(await citizen.code(amo))).json()
    async with db.begin(house.database) as tx:
        await erasing.erase(
            tx,
            house.running.keyring,
            citizen.subject,
            subject_hash="0" * 64,
            by=Actor(kind=ActorKind.SYSTEM, id="erasure"),
        )

    refreshed = await amo.token("refresh_token", refresh_token=first["refresh_token"])

    assert error(refreshed) == (400, "invalid_grant")
    assert await said_of(amo, first["access_token"]) == {"active": False}
    assert await said_of(amo, first["refresh_token"]) == {"active": False}


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


async def test_attack_86_of_ones_own_token_that_ended_there_is_one_word(house, citizen, amo):
    sound = (await amo.redeem(await citizen.code(amo))).json()["access_token"]
    payload = base64.urlsafe_b64decode(sound.split(".")[1] + "==")
    said = msgspec.json.decode(payload, type=access_tokens.Claims)
    async with db.begin(house.database) as tx:
        key = await signing.active(tx, house.running.keyring, "token")
    over = access_tokens.signed(key, msgspec.structs.replace(said, exp=said.iat), "at+jwt")
    again = access_tokens.signed(key, said, "at+jwt")
    assert (await said_of(amo, again))["active"]
    await amo.post("/oauth/revoke", amo.authenticated(token=sound))

    for token in (over, sound, again):
        assert await said_of(amo, token) == {"active": False}


async def test_attack_86_the_time_does_not_tell_whose_a_token_is(citizen, amo, asd):
    others = (await amo.redeem(await citizen.code(amo))).json()["refresh_token"]
    taken = {others: [], "x" * len(others): []}
    for _ in range(60):
        for token, times in taken.items():
            form = asd.authenticated(token=token)
            began = time.perf_counter()
            await asd.post("/oauth/introspect", form)
            times.append(time.perf_counter() - began)

    of_another, of_nobody = map(statistics.median, taken.values())
    # Lenient, for busy machines.
    assert abs(of_another - of_nobody) < 0.5 * max(of_another, of_nobody)


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

    asked = await amo.ask(
        "/v1/disclosures", first["access_token"], {"attributes": {"phone": "raw"}}
    )
    assert asked.status_code == 200
    async with db.read(house.database) as tx:
        (agreed,) = await access_log.search(tx, Criteria(action=Action.CONSENT))
        (told,) = await access_log.search(tx, Criteria(action=Action.READ))
    assert (dict(agreed.attributes), dict(told.attributes)) == (PHONE, {"phone": "raw"})


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
