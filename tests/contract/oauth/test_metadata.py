"""What is advertised is what is enabled (docs/attacks.md, 101)."""

import json

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oidc.discovery import OpenIDProviderMetadata
from joserfc.jwk import OKPKey, RSAKey

from api.app import public_app
from api.settings import Settings

WELL_KNOWN = "/.well-known/oauth-authorization-server"
RESOURCE = "/.well-known/oauth-protected-resource/v1"
ISSUER = "https://amana.example"


async def test_attack_101_the_metadata_is_what_rfc_8414_knows(http):
    answer = await http.get(WELL_KNOWN)
    document = answer.json()

    AuthorizationServerMetadata(document).validate()
    assert document["issuer"] == ISSUER
    assert document["require_pushed_authorization_requests"] is True
    assert document["response_types_supported"] == ["code"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert document["authorization_details_types_supported"] == ["amana_disclosure"]


async def test_attack_101_each_endpoint_that_is_advertised_answers(http):
    document = (await http.get(WELL_KNOWN)).json()
    endpoints = {name: url for name, url in document.items() if name.endswith("_endpoint")}
    assert len(endpoints) == 8
    others = {"authorization_endpoint": 405, "userinfo_endpoint": 401, "end_session_endpoint": 303}
    grants = endpoints.pop("grant_management_endpoint").removeprefix(ISSUER)
    assert (await http.get(f"{grants}/of-nobody")).status_code == 401

    for name, url in endpoints.items():
        answer = await http.post(url.removeprefix(ISSUER))
        assert answer.status_code == others.get(name, 400), name
    assert (await http.get(document["jwks_uri"].removeprefix(ISSUER))).status_code == 200


async def test_attack_101_each_grant_that_is_advertised_is_known(http, amo):
    document = (await http.get(WELL_KNOWN)).json()
    for kind in document["grant_types_supported"]:
        answer = await amo.token(kind)

        assert answer.json()["error"] != "unsupported_grant_type", kind


async def test_attack_101_each_algorithm_that_is_advertised_works(http, amo, register_with):
    document = (await http.get(WELL_KNOWN)).json()
    rsa = RSAKey.generate_key(2048)
    okp = OKPKey.generate_key("Ed25519")
    programmes = {
        "ES256": (amo, None),
        "PS256": (await register_with("asd", "asd/eligibility", rsa, "PS256"), amo.ps256(rsa)),
        "EdDSA": (
            await register_with("minhaty", "minhaty/scholarship", okp, "EdDSA"),
            okp.private_key.sign,
        ),
    }
    for endpoint in ("token", "introspection", "revocation"):
        advertised = document[f"{endpoint}_endpoint_auth_signing_alg_values_supported"]
        assert set(advertised) == programmes.keys()

    for alg, (programme, sign) in programmes.items():
        assertion = programme.assertion({"alg": alg}, sign=sign)
        form = programme.authenticated(client_assertion=assertion, token="x")
        answer = await programme.post("/oauth/introspect", form)

        assert (answer.status_code, answer.json()) == (200, {"active": False}), alg


async def test_attack_101_clients_of_openid_connect_discover_the_same(http):
    found = (await http.get("/.well-known/openid-configuration")).json()

    assert found["id_token_signing_alg_values_supported"] == ["ES256"]  # FAPI 2.0 forbids RS256
    with_rs256 = {"id_token_signing_alg_values_supported": ["ES256", "RS256"]}
    OpenIDProviderMetadata(found | with_rs256).validate()
    assert found == (await http.get(WELL_KNOWN)).json()
    assert found["subject_types_supported"] == ["pairwise"]


async def test_the_resource_says_what_it_wants(http):
    document = (await http.get(RESOURCE)).json()

    assert document["resource"] == f"{ISSUER}/v1"
    assert document["authorization_servers"] == [ISSUER]
    assert document["dpop_bound_access_tokens_required"] is True


async def test_the_keys_are_public_and_for_tokens(http):
    answer = await http.get("/oauth/jwks")

    assert answer.headers["content-type"].startswith("application/jwk-set+json")
    (key,) = answer.json()["keys"]
    assert key.keys() == {"kty", "crv", "x", "y", "kid", "alg", "use"}


@pytest.fixture(scope="module")
def description():
    app = public_app(Settings(issuer=ISSUER))
    return json.loads(json.dumps(app.openapi_schema.to_schema()))


def test_the_interface_is_described_with_its_problems(description):
    for path in ("/v1/verifications", "/v1/eligibility", "/v1/disclosures"):
        operation = description["paths"][path]["post"]

        assert set(operation["responses"]) >= {"200", "400", "401", "403", "500"}
        assert "application/problem+json" in operation["responses"]["403"]["content"]
        assert operation["security"] == [{"dpop": []}]
        assert operation["operationId"]
        assert operation["description"]


def test_the_forms_of_the_protocol_are_described(description):
    for path in ("/oauth/par", "/oauth/token", "/oauth/introspect", "/oauth/revoke"):
        operation = description["paths"][path]["post"]
        (body,) = operation["requestBody"]["content"].values()

        # Not required: a certificate may stand in for it (RFC 8705).
        assert {"client_assertion", "client_id"} <= body["schema"]["properties"].keys()
        assert operation["security"] == [{"private_key_jwt": []}, {"mutual_tls": []}]
        assert operation["operationId"]
