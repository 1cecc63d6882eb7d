"""Introspection answers that are signed (RFC 9701), and what they are never taken for."""

import json

from joserfc import jws
from joserfc.jwk import ECKey, KeySet

TYPE = "application/token-introspection+jwt"
ISSUER = "https://amana.example"


async def asked(programme, token, accept=TYPE):
    form = programme.authenticated(token=token)
    return await programme.post("/oauth/introspect", form, Accept=accept)


async def opened(http, answer):
    """By another implementation, with what is published alone."""
    keys = KeySet.import_key_set((await http.get("/oauth/jwks")).json())
    return jws.deserialize_compact(answer.content, keys, ["ES256"])


async def test_the_signed_answer_says_what_the_plain_one_says_to_who_asked(http, amo):
    token = await amo.own_token()
    answer = await asked(amo, token)
    plain = await asked(amo, token, "application/json")
    found = await opened(http, answer)
    said = json.loads(found.payload)

    assert answer.headers["content-type"].partition(";")[0] == TYPE
    assert answer.headers["cache-control"] == "no-store"
    assert found.headers()["typ"] == "token-introspection+jwt"
    assert said.keys() == {"iss", "aud", "iat", "token_introspection"}
    assert (said["iss"], said["aud"]) == (ISSUER, "amo-tadamon")
    assert said["token_introspection"] == plain.json()


async def test_of_a_token_of_another_it_says_one_word(http, amo, asd):
    token = await amo.own_token()

    for nothing in (token, "unknown"):
        found = await opened(http, await asked(asd, nothing))
        assert json.loads(found.payload)["token_introspection"] == {"active": False}


async def test_only_who_asks_for_it_gets_it(amo):
    token = await amo.own_token()

    for accept in ("*/*", "application/*", "application/json", "application/jwt", f"x{TYPE}"):
        answer = await asked(amo, token, accept)
        assert answer.json()["active"] is True, accept
    for accept in (TYPE.upper(), f"text/html, {TYPE};q=0.9"):
        answer = await asked(amo, token, accept)
        assert answer.headers["content-type"].startswith(TYPE), accept


async def test_who_has_not_shown_who_they_are_gets_no_signature(stranger, amo):
    answer = await asked(stranger, await amo.own_token())

    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"


async def test_attack_87_a_signed_answer_is_neither_token_nor_assertion(amo):
    answer = (await asked(amo, await amo.own_token())).text
    amo.dpop = ECKey.generate_key("P-256")

    assert (await asked(amo, answer, "application/json")).json() == {"active": False}
    assert (await amo.ask("/v1/eligibility", answer, {})).status_code == 401
    form = amo.authenticated(client_assertion=answer, token="x")
    assert (await amo.post("/oauth/introspect", form)).status_code == 401
