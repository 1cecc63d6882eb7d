"""A citizen's consent at a programme that has a certificate, from request to refresh (RFC 8705)."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from identity import programmes
from identity.programmes import AuthMethod, Registration
from tests.contract.oauth.certificates import NAME, Authority, behind_proxy, header
from vault import database as db

AUTHORITY = Authority.new()
KEY = ec.generate_private_key(ec.SECP256R1())
GOOD = AUTHORITY.issue(KEY)
BACK = "https://amo.example/back"


@pytest.fixture
def settings(settings, tmp_path):
    return behind_proxy(settings, AUTHORITY, tmp_path)


@pytest.fixture
async def certified(house, stranger):
    """A programme whose requests all come with its certificate, and with no assertion."""
    async with db.begin(house.database) as tx:
        await programmes.add(
            tx,
            house.running.catalogue,
            Registration(
                client_id="amo-tadamon",
                name="AMO",
                redirect_uris=(BACK,),
                agreements=("amo-tadamon/enrolment",),
                auth_method=AuthMethod.TLS,
                tls_client_auth_san_dns=NAME,
            ),
        )
    stranger.client_id = "amo-tadamon"
    stranger.http.headers.update(header(GOOD))
    stranger.authenticated = lambda **form: {"client_id": "amo-tadamon"} | form
    return stranger


async def redeemed(programme, code, **proof):
    form = {
        "client_id": "amo-tadamon",
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": BACK,
        "code_verifier": programme.verifier,
    }
    return await programme.http.post("/oauth/token", data=form, headers=proof)


async def test_a_code_gives_tokens_bound_to_the_certificate(citizen, certified):
    code = await citizen.code(certified)
    answer = await redeemed(certified, code)

    assert (answer.status_code, answer.json()["token_type"]) == (200, "Bearer")
    token = answer.json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    asked = await certified.http.get("/v1/userinfo", headers=bearer)
    assert (asked.status_code, list(asked.json())) == (200, ["sub"])

    again = await certified.http.post(
        "/oauth/token",
        data={
            "client_id": "amo-tadamon",
            "grant_type": "refresh_token",
            "refresh_token": answer.json()["refresh_token"],
        },
    )
    assert (again.status_code, again.json()["token_type"]) == (200, "Bearer")


async def test_a_refreshed_token_is_bound_to_the_certificate_of_the_day(citizen, certified):
    first = (await redeemed(certified, await citizen.code(certified))).json()
    renewed = header(AUTHORITY.issue(ec.generate_private_key(ec.SECP256R1())))
    form = {
        "client_id": "amo-tadamon",
        "grant_type": "refresh_token",
        "refresh_token": first["refresh_token"],
    }
    second = await certified.http.post("/oauth/token", data=form, headers=renewed)

    bearer = {"Authorization": f"Bearer {second.json()['access_token']}"}
    assert (await certified.http.get("/v1/userinfo", headers=bearer)).status_code == 401
    asked = await certified.http.get("/v1/userinfo", headers=bearer | renewed)
    assert asked.status_code == 200


async def test_attack_60_a_code_bound_to_a_key_needs_its_proof_also_with_a_certificate(
    house, citizen, certified
):
    code = await citizen.code(certified, dpop_jkt=certified.dpop.thumbprint())
    answer = await redeemed(certified, code)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert await house.refusals() == [("code-key",)]
