"""Attacks on `private_key_jwt` (docs/attacks.md, 1 to 27)."""

import asyncio
import hmac
import http.server
import json
import statistics
import threading
import time
import tracemalloc

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey

from identity import programmes
from tests.contract.oauth.conftest import b64, es256
from vault import database as db

ENDPOINTS = ("/oauth/token", "/oauth/par", "/oauth/introspect", "/oauth/revoke")
FAILED = {"error": "invalid_client", "error_description": "client authentication failed"}
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


async def introspected(programme, assertion, **form):
    form = {"client_assertion": assertion, "token": "x"} | form
    return await programme.post("/oauth/introspect", programme.authenticated(**form))


def outcome(answer):
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.json()


async def test_attacks_01_and_27_without_authentication_nothing_is_answered(house, amo):
    for path in ENDPOINTS:
        answer = await amo.post(path, {"client_id": "amo-tadamon", "token": "x"})

        assert outcome(answer) == (401, FAILED)
    assert await house.refusals() == [("client-auth-missing",)] * len(ENDPOINTS)


async def test_attack_02_an_unknown_programme_is_told_what_a_bad_assertion_is(amo, stranger):
    unknown = await introspected(stranger, stranger.assertion())
    bad = await introspected(amo, stranger.assertion(iss="amo-tadamon", sub="amo-tadamon"))

    assert outcome(unknown) == outcome(bad) == (401, FAILED)
    assert set(unknown.headers) == set(bad.headers)


async def test_attack_02_the_time_does_not_tell_who_is_registered(amo, stranger):
    taken = {"amo-tadamon": [], "no-such-programme": []}
    for _ in range(60):
        for name, times in taken.items():
            forged = stranger.assertion(iss=name, sub=name)
            began = time.perf_counter()
            await introspected(stranger, forged)
            times.append(time.perf_counter() - began)

    known, unknown = map(statistics.median, taken.values())
    # Lenient, for busy machines.
    assert abs(known - unknown) < 0.5 * max(known, unknown)


async def test_attack_03_an_assertion_of_another_key_is_refused(house, amo, stranger):
    answer = await introspected(amo, stranger.assertion(iss="amo-tadamon", sub="amo-tadamon"))

    assert outcome(answer) == (401, FAILED)
    entry = await house.last_refusal()
    # Not in the programme's name: whoever sent it has not shown that it is theirs.
    assert (entry.actor.id, entry.reasons) == ("unregistered", ("jws-signature",))
    assert entry.detail == answer.headers["x-request-id"]


async def test_attack_04_an_unsigned_assertion_is_refused(house, amo):
    answer = await introspected(amo, amo.assertion({"alg": "none"}, sign=lambda _: b""))

    assert outcome(answer) == (401, FAILED)
    assert await house.refusals() == [("jws-alg",)]


async def test_attack_05_a_public_key_is_no_shared_secret(amo):
    public = json.dumps(amo.jwks["keys"][0]).encode()
    for secret in (public, amo.key.as_pem(private=False)):
        forged = amo.assertion(
            {"alg": "HS256"}, sign=lambda said, secret=secret: hmac.digest(secret, said, "sha256")
        )

        assert outcome(await introspected(amo, forged)) == (401, FAILED)


async def test_attack_06_another_algorithm_than_the_registered_one_is_refused(house, amo):
    for alg in ("PS256", "RS256", "EdDSA", "ES384", "ES256K"):
        assert outcome(await introspected(amo, amo.assertion({"alg": alg}))) == (401, FAILED)
    assert await house.refusals() == [("jws-alg",)] * 5


WRONG_CLAIMS = [
    ("07", {"aud": "https://other.example"}, "assertion-audience"),
    ("08", {"aud": "https://amana.example/oauth/token"}, "assertion-audience"),
    ("08", {"aud": "https://amana.example/oauth/par"}, "assertion-audience"),
    ("09", {"aud": ["https://amana.example"]}, "assertion-audience"),
    ("09", {"aud": ["https://amana.example", "https://other.example"]}, "assertion-audience"),
    ("10", {"aud": "https://amana.example/"}, "assertion-audience"),
    ("10", {"aud": "https://AMANA.example"}, "assertion-audience"),
    ("10", {"aud": None}, "assertion-claims"),
    ("11", {"exp": None}, "assertion-claims"),
    ("11", {"exp": "soon"}, "assertion-claims"),
    ("11", {"exp": 1}, "assertion-expired"),
    ("11", {"exp": lambda now: now - 1}, "assertion-expired"),
    ("11", {"exp": lambda now: now + 310}, "assertion-too-long"),
    ("11", {"exp": 1e300}, "assertion-too-long"),
    ("12", {"jti": None}, "assertion-claims"),
    ("12", {"jti": ""}, "assertion-jti"),
    ("12", {"jti": "x" * 300}, "assertion-jti"),
    ("13", {"iat": lambda now: now + 90}, "assertion-early"),
    ("13", {"nbf": lambda now: now + 90}, "assertion-early"),
    ("14", {"iss": "asd"}, "assertion-issuer"),
    ("14", {"iss": None}, "assertion-claims"),
    ("14", {"sub": "asd"}, "client-unknown"),
]


@pytest.mark.parametrize("number", sorted({number for number, _, _ in WRONG_CLAIMS}))
async def test_attacks_07_to_14_one_wrong_claim_is_refused(house, amo, number):
    for _, change, reason in [case for case in WRONG_CLAIMS if case[0] == number]:
        now = int(time.time())
        claims = {name: it(now) if callable(it) else it for name, it in change.items()}
        answer = await introspected(amo, amo.assertion(**claims))

        assert outcome(answer) == (401, FAILED), change
        assert (await house.last_refusal()).reasons == (reason,), change


async def test_attack_12_an_assertion_is_good_once(house, amo):
    assertion = amo.assertion()

    assert (await introspected(amo, assertion)).status_code == 200
    assert outcome(await introspected(amo, assertion)) == (401, FAILED)
    assert await house.refusals() == [("assertion-replayed",)]


async def test_attack_12_of_twenty_at_once_one_is_answered(amo):
    assertion = amo.assertion()
    answers = await asyncio.gather(*(introspected(amo, assertion) for _ in range(20)))

    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19


async def test_attack_13_a_clock_eight_seconds_ahead_is_forgiven(amo):
    for member in ("iat", "nbf"):
        answer = await introspected(amo, amo.assertion(**{member: int(time.time()) + 8}))

        assert answer.status_code == 200


async def test_attack_14_the_client_id_is_the_one_of_the_assertion(house, amo):
    answer = await introspected(amo, amo.assertion(), client_id="asd")

    assert outcome(answer) == (401, FAILED)
    assert await house.refusals() == [("client-id",)]


async def test_attack_15_a_header_that_changes_the_rules_is_refused(house, amo):
    for member in ({"crit": ["x"], "x": 1}, {"crit": ["exp"]}, {"b64": False}):
        assert outcome(await introspected(amo, amo.assertion(member))) == (401, FAILED)
    assert await house.refusals() == [("jws-header-member",)] * 3


@pytest.fixture
def probe():
    """A server of the attacker's, which must never be asked."""
    hits = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            hits.append(self.path)
            self.send_response(404)
            self.end_headers()

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", hits
    server.shutdown()
    server.server_close()


async def test_attack_16_a_key_that_the_header_brings_is_neither_fetched_nor_used(
    amo, stranger, probe
):
    address, hits = probe
    public = stranger.key.as_dict(private=False)
    for member in ({"jku": address}, {"x5u": address}, {"jwk": public}, {"x5c": ["MIIB"]}):
        forged = stranger.assertion(member, iss="amo-tadamon", sub="amo-tadamon")

        assert outcome(await introspected(amo, forged)) == (401, FAILED)
    assert hits == []


async def test_attack_17_a_psychic_signature_is_refused(house, amo):
    for r, s in ((0, 0), (ORDER, ORDER), (1, ORDER), (2**256 - 1, 1)):
        forged = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        assertion = amo.assertion(sign=lambda _, forged=forged: forged)

        assert outcome(await introspected(amo, assertion)) == (401, FAILED)
    assert await house.refusals() == [("jws-signature",)] * 4


async def test_attack_18_a_signature_in_der_or_of_another_curve_is_refused(amo):
    def der(said):
        return amo.key.private_key.sign(said, ec.ECDSA(hashes.SHA256()))

    other = ECKey.generate_key("P-384").private_key

    for sign in (der, lambda said: other.sign(said, ec.ECDSA(hashes.SHA256()))):
        assert outcome(await introspected(amo, amo.assertion(sign=sign))) == (401, FAILED)


async def test_attack_19_a_strange_name_finds_nothing(amo):
    for kid in ("../../../../etc/passwd", "' OR '1'='1", "k1\u0000", "k1 ", 1):
        assert outcome(await introspected(amo, amo.assertion({"kid": kid}))) == (401, FAILED)
    for name in ("' OR '1'='1", "x" * 5000, "a\u0000b", "\ud800", "é", ""):
        assert outcome(await introspected(amo, amo.assertion(sub=name, iss=name))) == (401, FAILED)


async def test_attack_20_two_methods_at_once_are_refused(amo):
    form = amo.authenticated(token="x")

    basic = await amo.post("/oauth/introspect", form, Authorization="Basic YTpi")
    secret = await amo.post("/oauth/introspect", form | {"client_secret": "s"})

    for answer in (basic, secret):
        assert answer.status_code == 400
        assert answer.json()["error"] == "invalid_request"


async def test_attacks_21_and_22_no_other_method_is_taken(amo):
    form = {"client_id": "amo-tadamon", "token": "x"}
    for answer in (
        await amo.post("/oauth/introspect", form, Authorization="Basic YW1vLXRhZGFtb246eA=="),
        await amo.post("/oauth/introspect", form | {"client_secret": "x"}),
        await amo.post("/oauth/introspect", form),
        await introspected(amo, amo.assertion(), client_assertion_type="urn:other"),
        await introspected(amo, amo.assertion(), client_assertion_type=None),
    ):
        assert outcome(answer) == (401, FAILED)


async def test_attack_23_an_assertion_used_for_par_is_used_for_token(house, amo):
    form = amo.request()
    assert (await amo.post("/oauth/par", form)).status_code == 201
    await amo.learn_nonce()

    answer = await amo.token("client_credentials", client_assertion=form["client_assertion"])

    assert outcome(answer) == (401, FAILED)
    assert await house.refusals() == [("assertion-replayed",)]


async def test_attack_24_a_monstrous_assertion_is_refused_at_once(amo):
    for assertion in ("x" * 1_000_000, "." * 60_000, "a." * 30_000, "h" * 100_000 + ".e.s"):
        form = amo.authenticated(client_assertion=assertion, token="x")
        began = time.perf_counter()
        answer = await amo.post("/oauth/introspect", form)

        assert answer.status_code in {400, 401, 413}
        assert time.perf_counter() - began < 0.5


@pytest.mark.parametrize("depth", [2_500, 10_000], ids=["as it fits", "as it does not"])
async def test_attack_24_claims_of_nested_arrays_are_refused(house, amo, depth):
    claims = b'{"sub":"amo-tadamon","x":' + b"[" * depth + b"]" * depth + b"}"
    said = ".".join(map(b64, (b'{"alg":"ES256","kid":"k1"}', claims)))
    signed = f"{said}.{b64(es256(amo.key)(said.encode()))}"
    tracemalloc.start()
    try:
        answer = await introspected(amo, signed)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert outcome(answer) == (401, FAILED)
    assert most < 4 * 1024 * 1024
    # Who it is from cannot be read out of it.
    assert await house.refusals() == [("client-unknown",)]


async def test_attack_26_a_suspended_programme_is_out_and_so_are_its_tokens(house, amo):
    token = await amo.own_token()
    question = {
        "subject": {"idcs": "0000000000"},
        "claims": {"given_name": "x", "family_name": "y", "birth_date": "1990-05-01"},
        "case_reference": "C-1",
    }
    assert (await amo.ask("/v1/verifications", token, question)).status_code == 200
    async with db.begin(house.database) as tx:
        await programmes.suspend(tx, "amo-tadamon")

    answer = await introspected(amo, amo.assertion(), token=token)
    asked = await amo.ask("/v1/verifications", token, question)

    assert outcome(answer) == (401, FAILED)
    assert ("client-suspended",) in await house.refusals()
    assert asked.status_code == 401
