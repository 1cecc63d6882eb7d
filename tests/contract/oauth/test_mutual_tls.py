"""Programmes with a certificate (RFC 8705): who may say so, and what is bound to it (attack 25)."""

import base64
import ssl
from datetime import UTC, datetime, timedelta

import httpx2
import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc.jwk import ECKey

from api.oauth import bindings
from identity import programmes
from identity.programmes import AuthMethod, Registration
from tests.contract.oauth.certificates import NAME, PROXY, Authority, behind_proxy, header
from vault import database as db

AGREEMENT = "amo-tadamon/enrolment"
BY_LAW = (
    '[{"type":"amana_disclosure","agreement":"amo-tadamon/enrolment",'
    '"purpose":"social-support/health-cover","attributes":{"given_name":"match","family_name":"match","birth_date":"match"}}]'
)
FAILED = (401, {"error": "invalid_client", "error_description": "client authentication failed"})
VERIFY = "/v1/verifications"


AUTHORITY = Authority.new()
KEY = ec.generate_private_key(ec.SECP256R1())
GOOD = AUTHORITY.issue(KEY)


@pytest.fixture
def settings(settings, tmp_path):
    return behind_proxy(settings, AUTHORITY, tmp_path)


@pytest.fixture
async def certified(house):
    """A programme that says who it is by a certificate of the authority."""
    return await registered(
        house, auth_method=AuthMethod.TLS, tls_client_auth_san_dns=NAME, jwks=None
    )


async def registered(house, **change):
    sound = {
        "client_id": "amo-tadamon",
        "name": "AMO",
        "jwks": {"keys": [_jwk(KEY)]},
        "redirect_uris": ("https://amo.example/back",),
        "agreements": (AGREEMENT,),
    }
    async with db.begin(house.database) as tx:
        return await programmes.add(tx, house.running.catalogue, Registration(**(sound | change)))


def _jwk(key, *certificates):
    jwk = ECKey.import_key(key).as_dict(private=False, kid="k1", use="sig")
    encoded = [base64.b64encode(der).decode() for der in certificates]
    return jwk | ({"x5c": encoded} if encoded else {})


def asked(der=GOOD, client_id="amo-tadamon", **form):
    form = {"client_id": client_id, "grant_type": "client_credentials"} | form
    return {"data": form, "headers": header(der) if der else {}}


async def given(http, der=GOOD, **form):
    answer = await http.post("/oauth/token", **asked(der, authorization_details=BY_LAW, **form))
    return answer.status_code, answer.json()


async def test_a_certificate_of_the_authority_with_the_registered_name_gets_a_token(
    http, certified
):
    status, said = await given(http)

    assert (status, said["token_type"]) == (200, "Bearer")
    claims = msgspec.json.decode(_segment(said["access_token"], 1))
    assert claims["cnf"] == {"x5t#S256": thumbprint(GOOD)}


def thumbprint(der):
    digest = hashes.Hash(hashes.SHA256())
    digest.update(der)
    return base64.urlsafe_b64encode(digest.finalize()).rstrip(b"=").decode()


def _segment(token, number):
    part = token.split(".")[number]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


async def test_the_subject_of_a_certificate_is_a_name_too(house, http):
    await registered(
        house, auth_method=AuthMethod.TLS, tls_client_auth_subject_dn=f"CN={NAME}", jwks=None
    )

    assert (await given(http))[0] == 200
    assert await given(http, AUTHORITY.issue(KEY, "other.example")) == FAILED


OTHERS = {
    "another name": (AUTHORITY.issue(KEY, "other.example"), "certificate-name"),
    "another authority": (Authority.new("Other").issue(KEY), "certificate-untrusted"),
    # Of the same name, which anybody may write, and another key.
    "one that borrows a name": (Authority.new().issue(KEY), "certificate-untrusted"),
    "expired": (
        AUTHORITY.issue(
            KEY,
            from_=datetime.now(UTC) - timedelta(days=9),
            until=datetime.now(UTC) - timedelta(seconds=2),
        ),
        "certificate-untrusted",
    ),
    "early": (
        AUTHORITY.issue(KEY, from_=datetime.now(UTC) + timedelta(days=1)),
        "certificate-untrusted",
    ),
    "the authority's own": (
        AUTHORITY.certificate.public_bytes(Encoding.DER),
        "certificate-untrusted",
    ),
}


@pytest.mark.parametrize("case", OTHERS)
async def test_attack_25_a_certificate_that_is_not_the_programmes_opens_nothing(
    house, http, certified, case
):
    der, reason = OTHERS[case]

    assert await given(http, der) == FAILED
    entry = await house.last_refusal()
    # In nobody's name: the caller has not shown that it is the programme.
    assert (entry.actor.id, entry.reasons) == ("unregistered", (reason,))


async def test_attack_25_an_unknown_programme_is_told_what_a_wrong_one_is(http, certified):
    assert await given(http, client_id="no-such-programme") == FAILED
    assert await given(http, client_id="") == FAILED
    assert await given(http, client_id="../' OR 1=1") == FAILED


HEADERS = {
    "no byte sequence": base64.b64encode(GOOD).decode(),
    "cut short": f":{base64.b64encode(GOOD).decode()}",
    "no certificate": ":AAAA:",
    "bad base64": ":A:",
    "parameters": f":{base64.b64encode(GOOD).decode()}:;a=1",
    "PEM": ssl.DER_cert_to_PEM_cert(GOOD).replace("\n", ""),
    "empty": "",
    "long": f":{'A' * 30000}:",
}


@pytest.mark.parametrize("case", HEADERS)
async def test_attack_25_a_header_that_holds_no_certificate_is_none(http, certified, case):
    request = asked(None, authorization_details=BY_LAW)
    answer = await http.post(
        "/oauth/token", **(request | {"headers": {"Client-Cert": HEADERS[case]}})
    )

    assert (answer.status_code, answer.json()) == FAILED


async def test_attack_25_two_headers_are_none(http, certified):
    twice = [*header(AUTHORITY.issue(KEY, "other.example")).items(), *header(GOOD).items()]
    request = asked(None, authorization_details=BY_LAW)
    answer = await http.post("/oauth/token", **(request | {"headers": twice}))

    assert (answer.status_code, answer.json()) == FAILED


@pytest.mark.parametrize("name", ["X-SSL-Cert", "X-SSL-Client-Cert", "X-Client-Cert", "SSL_CLIENT"])
async def test_attack_25_other_headers_say_nothing(http, certified, name):
    request = asked(None, authorization_details=BY_LAW)
    value = header(GOOD)["Client-Cert"]
    answer = await http.post("/oauth/token", **(request | {"headers": {name: value}}))

    assert (answer.status_code, answer.json()) == FAILED


async def test_attack_25_a_header_from_outside_is_not_read(house, certified):
    outside = httpx2.ASGITransport(app=house.app, client=("203.0.113.7", 40000))
    async with httpx2.AsyncClient(transport=outside, base_url="https://amana.example") as http:
        assert await given(http) == FAILED
        # Whatever it says of the way it came.
        request = asked(authorization_details=BY_LAW)
        headers = request["headers"] | {"X-Forwarded-For": PROXY, "Forwarded": f"for={PROXY}"}
        answer = await http.post("/oauth/token", **(request | {"headers": headers}))
    assert (answer.status_code, answer.json()) == FAILED


async def test_attack_25_a_certificate_does_not_stand_in_for_an_assertion(house, http):
    await registered(house)

    assert await given(http) == FAILED
    assert await house.refusals() == [("client-auth-method",)]


async def test_attack_25_an_assertion_does_not_stand_in_for_a_certificate(house, http, stranger):
    await registered(house, auth_method=AuthMethod.TLS, tls_client_auth_san_dns=NAME)
    stranger.client_id, stranger.key = "amo-tadamon", ECKey.import_key(KEY)
    form = stranger.authenticated(token="x")
    answer = await http.post("/oauth/introspect", data=form)

    assert (answer.status_code, answer.json()) == FAILED


async def test_attack_20_a_certificate_and_a_secret_are_two_methods_too_many(http, certified):
    status, said = await given(http, client_secret="x", client_assertion="a.b.c")

    assert (status, said["error"]) == (400, "invalid_request")


async def test_attack_25_a_self_signed_certificate_is_good_where_it_is_registered(house, http):
    own, other = (Authority(KEY, AUTHORITY.certificate).issue(KEY) for _ in range(2))
    done = await registered(
        house, auth_method=AuthMethod.SELF_SIGNED_TLS, jwks={"keys": [_jwk(KEY, own)]}
    )
    assert not isinstance(done, programmes.Unacceptable), done

    assert (await given(http, own))[0] == 200
    # Of the same key, and of an authority that others are believed for.
    assert await given(http, other) == FAILED
    assert await house.refusals() == [("certificate-unregistered",)]


async def test_attack_25_a_registered_certificate_that_ended_is_refused(house, http):
    now = datetime.now(UTC)
    own = AUTHORITY.issue(KEY, from_=now - timedelta(days=9), until=now - timedelta(seconds=2))
    done = await registered(
        house, auth_method=AuthMethod.SELF_SIGNED_TLS, jwks={"keys": [_jwk(KEY, own)]}
    )
    assert not isinstance(done, programmes.Unacceptable), done

    assert await given(http, own) == FAILED
    assert await house.refusals() == [("certificate-expired",)]


async def test_attack_26_a_suspended_programme_is_refused_whatever_its_certificate(
    house, http, certified
):
    async with db.begin(house.database) as tx:
        await programmes.suspend(tx, "amo-tadamon")

    assert await given(http) == FAILED


UNACCEPTABLE = {
    "no name": {"auth_method": AuthMethod.TLS},
    "two names": {
        "auth_method": AuthMethod.TLS,
        "tls_client_auth_san_dns": NAME,
        "tls_client_auth_subject_dn": f"CN={NAME}",
    },
    "a name for a signature": {"tls_client_auth_san_dns": NAME},
    "no certificate": {"auth_method": AuthMethod.SELF_SIGNED_TLS},
    "no key": {"auth_method": AuthMethod.SELF_SIGNED_TLS, "jwks": None},
    "a certificate of another key": {
        "auth_method": AuthMethod.SELF_SIGNED_TLS,
        "jwks": {"keys": [_jwk(KEY, AUTHORITY.certificate.public_bytes(Encoding.DER))]},
    },
    "no certificate at all": {"jwks": {"keys": [_jwk(KEY) | {"x5c": ["AAAA"]}]}},
    "nothing in x5c": {"jwks": {"keys": [_jwk(KEY) | {"x5c": []}]}},
}


@pytest.mark.parametrize("case", UNACCEPTABLE)
async def test_a_registration_says_what_is_wrong_with_it(house, case):
    done = await registered(house, **UNACCEPTABLE[case])

    assert isinstance(done, programmes.Unacceptable)
    assert len(done.problems) == 1


async def question(http, token, scheme="Bearer", **headers):
    asked = {
        "subject": {"idcs": "4821093756"},
        "claims": {"given_name": "Fatima", "family_name": "Alaoui", "birth_date": "1990-05-01"},
        "case_reference": "D-1",
    }
    headers = {"Authorization": f"{scheme} {token}"} | headers
    return await http.post(VERIFY, json=asked, headers=headers)


async def test_a_token_opens_something_only_on_a_connection_of_its_certificate(
    house, http, certified
):
    token = (await given(http))[1]["access_token"]
    renewed = AUTHORITY.issue(KEY)

    assert (await question(http, token, **header(GOOD))).status_code == 200
    for wrong in ({}, header(renewed), header(OTHERS["another authority"][0])):
        answer = await question(http, token, **wrong)
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
        assert (await house.last_refusal()).reasons == ("certificate-other",)
    # Attack 75: another scheme.
    answer = await question(http, token, "DPoP", **header(GOOD))
    assert answer.status_code == 401
    assert (await house.last_refusal()).reasons == ("token-scheme",)


async def test_attack_75_a_token_of_a_key_is_not_opened_by_a_certificate(house, http, stranger):
    await registered(house)
    stranger.client_id, stranger.key = "amo-tadamon", ECKey.import_key(KEY)
    token = await stranger.own_token()
    answer = await question(http, token, **header(GOOD))

    assert answer.status_code == 401
    assert (await house.last_refusal()).reasons == ("token-scheme",)


async def test_introspection_says_what_a_token_is_bound_to(http, certified):
    token = (await given(http))[1]["access_token"]
    answer = await http.post("/oauth/introspect", **asked(token=token))

    said = answer.json()
    assert (said["active"], said["token_type"]) == (True, "Bearer")
    assert said["cnf"] == {"x5t#S256": thumbprint(GOOD)}
    await http.post("/oauth/revoke", **asked(token=token))
    assert (await http.post("/oauth/introspect", **asked(token=token))).json() == {"active": False}


async def test_who_signs_assertions_may_bind_its_tokens_to_its_certificate(house, http, stranger):
    await registered(house)
    stranger.client_id, stranger.key = "amo-tadamon", ECKey.import_key(KEY)
    form = {"grant_type": "client_credentials", "authorization_details": BY_LAW}

    async def answered(**headers):
        data = stranger.authenticated(**form)
        return await http.post("/oauth/token", data=data, headers=headers)

    unbound = await answered()
    assert (unbound.status_code, unbound.json()["error"]) == (400, "invalid_dpop_proof")
    bound = (await answered(**header(GOOD))).json()
    assert bound["token_type"] == "Bearer"

    token = bound["access_token"]
    assert (await question(http, token, **header(GOOD))).status_code == 200
    for wrong in ({}, header(OTHERS["another authority"][0])):
        assert (await question(http, token, **wrong)).status_code == 401
    asked_of = await http.post("/oauth/introspect", data=stranger.authenticated(token=token))
    assert asked_of.json()["cnf"] == {"x5t#S256": thumbprint(GOOD)}


async def test_attack_25_a_certificate_from_outside_binds_nothing(house, stranger):
    await registered(house)
    stranger.client_id, stranger.key = "amo-tadamon", ECKey.import_key(KEY)
    form = {"grant_type": "client_credentials", "authorization_details": BY_LAW}
    outside = httpx2.ASGITransport(app=house.app, client=("203.0.113.7", 40000))
    async with httpx2.AsyncClient(transport=outside, base_url="https://amana.example") as http:
        answer = await http.post(
            "/oauth/token", data=stranger.authenticated(**form), headers=header(GOOD)
        )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")


async def test_a_programme_with_a_certificate_may_bind_its_tokens_to_a_key(
    http, certified, stranger
):
    stranger.client_id = "amo-tadamon"
    proof = stranger.proof("/oauth/token")
    request = asked(authorization_details=BY_LAW)
    answer = await http.post(
        "/oauth/token", **(request | {"headers": header(GOOD) | {"DPoP": proof}})
    )
    assert answer.json()["error"] == "use_dpop_nonce"

    stranger.nonce = answer.headers["dpop-nonce"]
    # Made for the address that programmes with a certificate are told of.
    proof = stranger.proof("/oauth/token", htu="https://mtls.amana.example/oauth/token")
    answer = await http.post(
        "/oauth/token", **(request | {"headers": header(GOOD) | {"DPoP": proof}})
    )
    assert answer.json()["token_type"] == "DPoP"


async def test_the_metadata_tells_where_certificates_are_taken(http):
    document = (await http.get("/.well-known/oauth-authorization-server")).json()
    methods = ["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"]

    assert document["token_endpoint_auth_methods_supported"] == methods
    assert document["tls_client_certificate_bound_access_tokens"] is True
    aliases = document["mtls_endpoint_aliases"]
    assert aliases["token_endpoint"] == "https://mtls.amana.example/oauth/token"
    assert all(document[name] != url for name, url in aliases.items())


@pytest.mark.parametrize("binding", [{"jkt": "a"}, {"x5t": "a"}])
def test_a_binding_says_exactly_what_it_is_to(binding):
    encoded = msgspec.json.decode(msgspec.json.encode(bindings.Confirmation(**binding)))

    assert list(encoded.values()) == ["a"]
