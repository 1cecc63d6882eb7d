"""Attacks on DPoP, at the token endpoint and at the resource (docs/attacks.md, 65 to 77)."""

import asyncio
import time
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc.jwk import ECKey, OctKey, RSAKey

from api.oauth import dpop
from tests.contract.oauth.conftest import es256
from vault import database as db

TOKEN = "/oauth/token"
ASK = "/v1/verifications"
QUESTION = {
    "subject": {"idcs": "0000000000"},
    "claims": {"given_name": "x", "family_name": "y", "birth_date": "1990-05-01"},
    "case_reference": "C-1",
}


@pytest.fixture
async def token_with(amo):
    """Asks for a token with this proof; what the server said."""
    if not amo.nonce:
        await amo.learn_nonce()

    async def ask(*proofs):
        form = amo.authenticated(
            grant_type="client_credentials",
            authorization_details=(
                '[{"type":"amana_disclosure","agreement":"amo-tadamon/enrolment",'
                '"purpose":"social-support/health-cover","attributes":{"given_name":"match"}}]'
            ),
        )
        headers = [("DPoP", proof) for proof in proofs]
        answer = await amo.http.post(TOKEN, data=form, headers=headers)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["dpop-nonce"]
        return answer.status_code, answer.json().get("error")

    return ask


REFUSED = (400, "invalid_dpop_proof")


async def test_attack_65_without_a_proof_there_is_no_token(house, token_with):
    assert await token_with() == REFUSED
    assert await house.refusals() == [("dpop-missing",)]


async def test_attack_66_a_proof_is_good_once(house, amo, token_with):
    proof = amo.proof(TOKEN)

    assert await token_with(proof) == (200, None)
    assert await token_with(proof) == REFUSED
    assert await house.refusals() == [("dpop-replayed",)]


async def test_attack_66_of_twenty_at_once_one_is_answered(amo, token_with):
    proof = amo.proof(TOKEN)
    answers = await asyncio.gather(*(token_with(proof) for _ in range(20)))

    assert sorted(answers, key=str) == [(200, None)] + [REFUSED] * 19


async def test_attack_67_a_proof_is_for_this_request(amo, token_with):
    for change in (
        {"htm": "GET"},
        {"htm": None},
        {"htu": None},
        {"htu": "http://amana.example/oauth/token"},
        {"htu": "https://amana.example/oauth/par"},
        {"htu": "https://evil.example/oauth/token"},
    ):
        assert await token_with(amo.proof(TOKEN, **change)) == REFUSED, change
    for htu in (
        "https://amana.example/oauth/token?x=1#y",
        "https://AMANA.EXAMPLE/oauth/token",
        "HTTPS://amana.example:443/oauth/token",
    ):
        assert await token_with(amo.proof(TOKEN, htu=htu)) == (200, None), htu


async def test_attack_67_the_host_header_does_not_say_who_we_are(amo):
    await amo.learn_nonce()
    proof = amo.proof(TOKEN, htu="https://evil.example/oauth/token")
    answer = await amo.http.post(
        TOKEN,
        data=amo.authenticated(grant_type="client_credentials"),
        headers={"DPoP": proof, "Host": "evil.example", "X-Forwarded-Host": "evil.example"},
    )

    assert (answer.status_code, answer.json()["error"]) == REFUSED


async def test_attack_68_a_proof_is_of_now(amo, token_with):
    now = int(time.time())
    for iat in (now - 3600, now + 3600, None, str(now), now + 0.5, -now):
        assert await token_with(amo.proof(TOKEN, iat=iat)) == REFUSED, iat
    for iat in (now - 8, now + 8):
        assert await token_with(amo.proof(TOKEN, iat=iat)) == (200, None)


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")  # a weak key on purpose
async def test_attacks_69_to_71_a_proof_is_signed_by_the_public_key_it_brings(amo, token_with):
    private = amo.dpop.as_dict(private=True)
    small = RSAKey.import_key(rsa.generate_private_key(65537, 1024))  # noqa: S505  (weak on purpose)
    other = ECKey.generate_key("P-256").as_dict(private=False)
    off_curve = {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}
    for header in (
        {"typ": None},
        {"typ": "JWT"},
        {"alg": None},
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "RS256"},
        {"jwk": None},
        {"jwk": private},
        {"jwk": OctKey.generate_key(256).as_dict(private=True)},
        {"jwk": small.as_dict(private=False), "alg": "PS256"},
        {"jwk": off_curve},
        {"jwk": other | {"x": "A" + other["x"]}},
        {"jwk": other},
    ):
        assert await token_with(amo.proof(TOKEN, header=header)) == REFUSED, header
    for sign in (
        lambda said: amo.dpop.private_key.sign(said, ec.ECDSA(hashes.SHA256())),  # ASN.1
        lambda said: es256(amo.dpop)(said)[:-3],
    ):
        assert await token_with(amo.proof(TOKEN, sign=sign)) == REFUSED
    assert await token_with(amo.proof(TOKEN)) == (200, None)


async def test_attack_72_there_is_one_proof_of_a_sane_size(amo, token_with):
    first, second = amo.proof(TOKEN), amo.proof(TOKEN)

    assert await token_with(first, second) == REFUSED
    assert await token_with(f"{first}, {second}") == REFUSED
    assert await token_with(amo.proof(TOKEN, padding="x" * 20_000)) == REFUSED


async def test_attack_73_a_proof_with_an_rsa_key_fits(amo, token_with):
    for bits in (2048, 3072):
        key = RSAKey.generate_key(bits, private=True, auto_kid=False)
        public = {name: key.as_dict(private=False)[name] for name in ("kty", "n", "e")}
        proof = amo.proof(TOKEN, header={"alg": "PS256", "jwk": public}, sign=amo.ps256(key))

        assert await token_with(proof) == (200, None)


@pytest.fixture
async def ask_with(amo):
    """Asks the resource with these headers; the status and the challenge."""
    token = await amo.own_token()

    async def ask(scheme="DPoP", given=token, proof=None, **change):
        proof = proof or amo.proof(ASK, token=token, **change)
        headers = {"Authorization": f"{scheme} {given}", "DPoP": proof}
        answer = await amo.http.post(ASK, json=QUESTION, headers=headers)
        assert answer.headers["dpop-nonce"]
        return answer.status_code, answer.headers.get("www-authenticate", "")

    return ask


async def test_a_token_with_its_proof_is_answered(ask_with):
    assert await ask_with() == (200, "")


async def test_attack_74_a_proof_is_for_the_token_it_comes_with(ask_with):
    for ath in (None, "x" * 43):
        status, challenge = await ask_with(ath=ath)

        assert (status, 'error="invalid_dpop_proof"' in challenge) == (401, True)


async def test_attack_75_a_bound_token_is_no_bearer_token(ask_with):
    status, challenge = await ask_with(scheme="Bearer")
    assert (status, challenge.startswith('DPoP error="invalid_token"')) == (401, True)

    for scheme in ("dpop", "DPOP"):
        assert (await ask_with(scheme=scheme))[0] == 200


async def test_attack_76_a_nonce_is_ours_and_fresh(house, amo, ask_with, token_with):
    stale = db.instant() - timedelta(seconds=2 * dpop.NONCE_SECONDS)
    old = dpop.nonce(dpop.nonces(house.running.keyring), stale)
    for nonce in (None, "made-up", "A" * 24, old):
        status, challenge = await ask_with(nonce=nonce)

        assert (status, 'error="use_dpop_nonce"' in challenge) == (401, True)
        assert await token_with(amo.proof(TOKEN, nonce=nonce)) == (400, "use_dpop_nonce")


async def test_a_demand_for_a_nonce_spends_neither_assertion_nor_proof(house, amo):
    form = amo.authenticated(grant_type="client_credentials", authorization_details="[]")
    first = await amo.post(TOKEN, form)
    amo.nonce = first.headers["dpop-nonce"]
    second = await amo.post(TOKEN, form)

    assert first.json()["error"] == "use_dpop_nonce"
    assert second.json()["error"] == "invalid_authorization_details"
    assert await house.refusals() == [("details-count",)]


async def test_a_stolen_token_is_no_use_with_another_key(amo, ask_with):
    amo.dpop = ECKey.generate_key("P-256")
    status, challenge = await ask_with()

    assert (status, 'error="invalid_dpop_proof"' in challenge) == (401, True)


async def test_a_proof_is_good_once_at_the_resource_too(house, amo, ask_with):
    token = await amo.own_token()
    proof = amo.proof(ASK, token=token)
    answers = await asyncio.gather(*(ask_with(given=token, proof=proof) for _ in range(20)))

    assert sorted(status for status, _ in answers) == [200] + [401] * 19


async def test_who_brings_nothing_is_told_what_to_bring(amo):
    answer = await amo.http.post(ASK, json=QUESTION)

    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:amana:problem:unauthenticated"
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith("DPoP algs=")
    assert 'resource_metadata="https://amana.example/.well-known/oauth-protected-resource/v1"' in (
        challenge
    )
